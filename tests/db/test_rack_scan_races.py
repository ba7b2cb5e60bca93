"""A rack committed while somebody else stores, two commits at once, two files at once: each on its own connection."""

import asyncio

import asyncpg
import pytest

from assay_importers.racks import read_rack
from biobank.actor import SERVICE, Permission
from biobank.errors import DomainError, Forbidden
from biobank.rackscan import commands
from biobank.rackscan.commands import CommitRackScan, DiscardRackScan, SettleRackScan, TubeDecision
from biobank.rackscan.looking import look
from biobank.rackscan.remapping import RemapBox, remap_box
from biobank.storage.commands import StoreTube, TakeOut, store, take_out
from biobank.storage.queries import find_box
from biobank.tx import open_read, open_tx
from tests.db.test_storage_races import a_box
from tests.material import actor, make_material
from tests.racks import filled, layout, scan_file


async def keep(database, who, box, content):
    command = commands.file_command("scan.csv", content)
    async with open_tx(database, who) as tx:
        return await commands.keep(tx, box, command, content, read_rack("scan.csv", content))


async def do(database, who, verb, *given):
    async with open_tx(database, who) as tx:
        return await verb(tx, *given)


async def both(*deeds):
    done = await asyncio.gather(*deeds, return_exceptions=True)
    assert all(isinstance(one, DomainError) or not isinstance(one, BaseException) for one in done), done
    return [getattr(one, "code", None) if isinstance(one, DomainError) else one for one in done]


async def places(database, who, code, tubes):
    async with open_read(database, who) as tx:
        box, _ = await find_box(tx, code, Permission.STORAGE_READ)
        found = (await look(tx, box.id, tubes)).known
    return {tube: found[tube].where for tube in tubes}


@pytest.fixture
async def who(database, world):
    return [await actor(database, world, name) for name in ("technician", "technician2")]


async def test_two_commits_of_one_scan_store_once(database, world, who):
    code, made = await a_box(database, "BOX25"), await make_material(database, world, tubes=5)
    view = await keep(database, who[0], code, scan_file(layout(made.tubes, cols=5), rows=5, cols=5))
    commit = CommitRackScan(digest=view.digest)
    one, two = await both(*(do(database, person, commands.commit_scan, code, view.number, commit) for person in who))
    assert {getattr(one, "status", one), getattr(two, "status", two)} == {"committed", "rack-scan-settled"}


async def test_two_people_hand_in_one_file(database, world, who):
    code, made = await a_box(database, "BOX25"), await make_material(database, world, tubes=5)
    content = scan_file(layout(made.tubes, cols=5), rows=5, cols=5)
    one, two = await both(*(keep(database, person, code, content) for person in who))
    assert one.number == two.number


async def test_a_tube_that_is_stored_meanwhile_is_not_overwritten(database, world, who):
    for _ in range(3):
        code, made = await a_box(database, "BOX25"), await make_material(database, world, tubes=4)
        view = await keep(database, who[0], code, scan_file(layout(made.tubes[:3], cols=5), rows=5, cols=5))
        _, stored = await both(
            do(database, who[0], commands.commit_scan, code, view.number, CommitRackScan(digest=view.digest)),
            do(database, who[1], store, StoreTube(tube=made.tubes[3], box=code, position="A1")),
        )
        where = await places(database, who[0], code, made.tubes)
        assert len({place for place in where.values() if "hand" not in place}) == (1 if hasattr(stored, "tube") else 3)
        assert where[made.tubes[3]].endswith("A1") == hasattr(stored, "tube")


async def broken(superuser, statement):
    """The name of the rule that refuses this from SQL."""
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(statement)
    return refused.value.constraint_name


async def test_an_answer_after_the_commit_is_refused(database, world, who, superuser):
    code = await a_box(database, "BOX25")
    made = await filled(database, world, code, 2, cols=5)
    view = await keep(database, who[0], code, scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5))
    for change in ("cells = '[]'", "read_at = now()", "content = 'x', sha256 = encode(sha256('x'), 'hex')"):
        assert await broken(superuser, f"update rack_scan set {change}") == "ck_rack_scan_stays_as_read"
    missing = SettleRackScan(decisions=(TubeDecision(tube=made.tubes[1], decision="missing"),))
    one, two = await both(
        do(database, who[0], commands.settle, code, view.number, missing),
        do(database, who[1], commands.discard, code, view.number, DiscardRackScan()),
    )
    assert getattr(two, "status", two) == "discarded"
    again = await keep(database, who[0], code, scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5))
    with pytest.raises(Forbidden, match="log in"):
        await do(database, SERVICE, commands.discard, code, again.number, DiscardRackScan())
    assert getattr(one, "ready", one) in {True, "rack-scan-settled"}
    for statement in (
        "update rack_scan set status = 'open', settled_by = null, settled_at = null",
        """insert into rack_scan_answer (rack_scan_id, "row", col, answered_by, answered_at)
           select id, 4, 4, read_by, now() from rack_scan""",
        """insert into rack_scan_decision (rack_scan_id, specimen_id, decision, decided_by, decided_at)
           select r.id, s.id, 'unread', r.read_by, now() from rack_scan r, specimen s
           where r.status <> 'open' limit 1""",
    ):
        assert await broken(superuser, statement) == "ck_rack_scan_settled_is_final"


async def test_a_box_is_remapped_while_a_tube_is_taken_out(database, world, who):
    for _ in range(3):
        code = await a_box(database, "BOX25")
        made = await filled(database, world, code, 5, cols=5)
        again = RemapBox(scans=tuple(reversed(made.tubes)))
        mapped, out = await both(
            do(database, who[0], remap_box, code, again), do(database, who[1], take_out, TakeOut(tube=made.tubes[2]))
        )
        where = await places(database, who[0], code, made.tubes)
        assert mapped.missing == ()
        assert len(set(where.values())) == 5
        assert ("hand" in where[made.tubes[2]]) == (out.box is None)
