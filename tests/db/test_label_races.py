"""Two people at one label, range, reprinted tube or template at the same moment; what SQL alone cannot do to labels."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import select

from biobank import ids
from biobank.errors import DomainError
from biobank.labelling import commands, rules
from biobank.printing.range_commands import PrintRange, print_range
from biobank.specimen.collecting import Collect, CollectedTube, collect
from biobank.specimen.relabelling import ReplaceLabel, replace_label
from biobank.stock import commands as stocks
from biobank.stock.rules import LabelStockChanged
from biobank.storage.commands import StoreTube, store
from biobank.storage.rules import LabelOnTwoTubes
from biobank.template import commands as templates
from biobank.template.rules import LabelTemplateChanged, LabelTemplateDraftExists, LabelTemplateIsFinal
from biobank.tx import open_tx
from labels import TEMPLATES
from tests.material import actor, make_material
from tests.printing_steps import settling
from tests.shelves import box, freezer, rack

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


ENTER = (
    "insert into identifier (namespace, value, status, specimen_id) "
    "select 'house', code, 'superseded', (select min(id) from specimen) from range_label limit 1"
)
PRINT_TWICE = (
    "insert into range_label (range_id, position, code) select r.id, 9, s.code from label_range r, specimen s limit 1"
)


KIT = (
    f"insert into kit (code, range_id, number, first, last) select '{ids.mint(ids.Kind.KIT)}', id, 1, 1, 1 "
    "from label_range"
)


async def minted(database, world, count=2, site="CHI"):
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        return await commands.mint(tx, commands.MintRange(study="LLS", count=count, purpose="Kits", site=site))


async def meeting(database, people, deed):
    """The same deed by several people in transactions that begin together; outcomes and refusals."""
    meet = asyncio.Barrier(len(people))

    async def one(who):
        try:
            async with open_tx(database, who) as tx:
                await tx.session.execute(select(1))
                await meet.wait()
                return await deed(tx)
        except DomainError as refusal:
            return refusal

    return await asyncio.gather(*(one(who) for who in people))


def refusals(outcomes):
    return [type(one) for one in outcomes if isinstance(one, DomainError)]


async def test_of_two_stations_that_take_one_label_exactly_one_wins(database, world):
    label = (await minted(database, world)).labels[0].code
    made = [await make_material(database, world, tubes=1) for _ in range(2)]
    people = [await actor(database, world, name) for name in ("coordinator", "technician_chi")]
    turn = iter(made)

    async def take(tx):
        tube = CollectedTube(specimen_type="BLD", tube_type="SST", quantity=8500, label=label)
        when = tx.now - timedelta(days=40) + timedelta(hours=1)
        return await collect(tx, next(turn).participant, Collect(visit="BASE", collected_at=when, tubes=(tube,)))

    outcomes = await meeting(database, people, take)
    assert refusals(outcomes) == [rules.LabelApplied]


async def test_of_two_stations_that_print_one_range_exactly_one_prints(database, world):
    number = (await minted(database, world)).number
    people = [await actor(database, world, name) for name in ("clerk", "manager")]
    outcomes = await meeting(database, people, lambda tx: print_range(tx, number, PrintRange(stock="cryo-letter-85")))
    assert len(refusals(outcomes)) == 1


async def drafted(database, world, content=TEMPLATES["tube"]):
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        spec = templates.CreateLabelTemplate(name="own", kind="tube", study="LLS", content=content.to_data())
        return (await templates.create_template(tx, spec)).head.row_version


async def test_of_two_who_save_one_draft_the_second_is_told(database, world, superuser):
    seen = await drafted(database, world)
    people = [await actor(database, world, name) for name in ("manager", "administrator")]
    others = iter(("cap", "box"))

    async def save(tx):
        content = TEMPLATES[next(others)].to_data()
        return await templates.save_draft(tx, "own", templates.SaveTemplateDraft(row_version=seen, content=content))

    outcomes = await meeting(database, people, save)
    assert refusals(outcomes) == [LabelTemplateChanged]
    (saved,) = [one.content["title"] for one in outcomes if not isinstance(one, DomainError)]
    assert await superuser.fetchval(
        "select content ->> 'title' from label_template_version where template = 'own'"
    ) == (saved)


async def test_a_draft_is_published_once_and_as_it_was_seen(database, world, superuser):
    people = [await actor(database, world, name) for name in ("manager", "administrator")]
    seen = await drafted(database, world)
    publication = templates.PublishTemplateDraft(row_version=seen)
    outcomes = await meeting(database, people, lambda tx: templates.publish_draft(tx, "own", publication))
    assert refusals(outcomes) == [LabelTemplateIsFinal]

    begun = await meeting(database, people, lambda tx: templates.start_draft(tx, "own", templates.StartTemplateDraft()))
    assert refusals(begun) == [LabelTemplateDraftExists]
    (draft,) = [one.head.row_version for one in begun if not isinstance(one, DomainError)]
    turn = iter(("save", "publish"))

    async def save_or_publish(tx):
        if next(turn) == "save":
            content = TEMPLATES["cap"].to_data()
            return await templates.save_draft(
                tx, "own", templates.SaveTemplateDraft(row_version=draft, content=content)
            )
        return await templates.publish_draft(tx, "own", templates.PublishTemplateDraft(row_version=draft))

    outcomes = await meeting(database, people, save_or_publish)
    assert len(refusals(outcomes)) == 1
    row = await superuser.fetchrow(
        "select status, content ->> 'title' as title from label_template_version where template = 'own' and number = 2"
    )
    assert tuple(row) in {("draft", TEMPLATES["cap"].title), ("published", TEMPLATES["tube"].title)}


async def test_of_two_who_define_or_measure_one_stock_the_second_is_told(api, database, world, superuser):
    manager = await actor(database, world, "manager")
    roll = {"type": "roll", "title": "Blue roll", "label_width": 34.0, "label_height": 14.0, "dpi": 203}
    body = {"name": "blue", "study": "LLS", "content": roll}
    defined = await asyncio.gather(*(api("manager").post("/label-stocks", body) for _ in range(2)))
    assert sorted(answer.status_code for answer in defined) == [201, 409]
    anew = stocks.MeasureLabelStock(seen=1, content=roll | {"label_width": 35.0}, note="by hand")
    outcomes = await meeting(database, [manager] * 2, lambda tx: stocks.measure_stock(tx, "blue", anew))
    assert refusals(outcomes) == [LabelStockChanged]
    assert await superuser.fetchval("select count(*) from label_stock_version where stock = 'blue'") == 2


async def test_of_two_who_replace_one_label_each_leaves_one_valid_label(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    outcomes = await meeting(database, people, lambda tx: replace_label(tx, made.tubes[0], ReplaceLabel(reason="lost")))
    assert refusals(outcomes) == []
    rows = await superuser.fetch("select status from identifier where specimen_id = $1 order by id", made.tube_ids[0])
    assert [row["status"] for row in rows] == ["superseded", "superseded", "active"]


async def test_18_two_stations_that_store_a_label_printed_twice(api, database, world, superuser):
    """Both tubes of scenario 18 are scanned at two stations at once: one is stored, the other is a STOP."""
    shelf = await rack(api, await freezer(api))
    boxes = iter([await box(api, shelf), await box(api, shelf, name="Box 13")])
    made = await make_material(database, world, tubes=1)
    for more in ({}, {"reason": "lost"}):
        await api("technician").post("/labels", {"codes": list(made.tubes), "stock": "cryo-letter-85", **more})
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    outcomes = await meeting(
        database, people, lambda tx: store(tx, StoreTube(tube=made.tubes[0], box=next(boxes), move=True))
    )
    assert refusals(outcomes) == [LabelOnTwoTubes]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update range_label set applied_site_id = 1, applied_by = 1, applied_at = now()", "fk_range_label_issued_to"),
        ("update range_label set code = 'TAAAAAAAA2'", "ck_range_label_stays"),
        ("update label_range set count = 9", "ck_label_range_issued_is_final"),
        ("update range_label set voided_by = 1, voided_at = now()", "ck_range_label_voided_whole"),
        ("update range_label set specimen_id = 1", "ck_range_label_tube_where_applied"),
        (ENTER, "ck_identifier_label_is_taken_first"),
        (PRINT_TWICE, "ck_range_label_code_is_new"),
        (f"{KIT}; update kit set last = 2", "ck_kit_append_only"),
    ],
)
async def test_a_label_is_used_by_its_rules_alone(database, world, superuser, statement, constraint):
    await make_material(database, world, tubes=1)
    await minted(database, world, site=None)
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await superuser.execute(statement)
    assert refused.value.constraint_name == constraint


async def test_void_and_use_are_for_ever(database, world, superuser):
    used, spoiled = [label.code for label in (await minted(database, world)).labels]
    made = await make_material(database, world, tubes=1)
    async with open_tx(database, await actor(database, world, "technician")) as tx:
        await replace_label(tx, made.tubes[0], ReplaceLabel(reason="lost"))
    await superuser.execute(CONTEXT)
    void = "update range_label set voided_by = 1, voided_at = now(), void_reason = 'torn' where code = $1"
    await superuser.execute(void, spoiled)
    undo = "update range_label set voided_by = null, voided_at = null, void_reason = null where code = $1"
    with pytest.raises(asyncpg.CheckViolationError, match="void for ever") as refused:
        await superuser.execute(undo, spoiled)
    assert refused.value.constraint_name == "ck_range_label_voided_is_final"
    take = (
        "update range_label l set applied_site_id = r.site_id, applied_by = 1, applied_at = now() from label_range r "
        "where r.id = l.range_id and l.code = $1"
    )
    with pytest.raises(asyncpg.CheckViolationError, match="for no tube") as refused:
        await superuser.execute(take, used)
    assert refused.value.constraint_name == "ck_range_label_is_on_a_tube"
    entered = "insert into identifier (namespace, value, specimen_id, status) values ('house', $1, $2, 'superseded')"
    async with superuser.transaction():
        await superuser.execute(take, used)
        await superuser.execute(entered, used, made.tube_ids[0])
    for statement in (void, take):
        with pytest.raises(asyncpg.CheckViolationError, match="was used") as refused:
            await superuser.execute(statement, used)
        assert refused.value.constraint_name == "ck_range_label_applied_once"


async def test_no_update_lifts_a_doubt_that_is_not_settled(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    twin = await api("technician").ok(f"/specimens/{made.tubes[0]}/duplicates", {"reason": "found twice"})
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError, match="in doubt whose") as refused:
        await superuser.execute("update specimen set hold = null where code = $1", twin["code"])
    assert refused.value.constraint_name == "ck_specimen_doubt_is_settled_first"
    await api("manager").ok(
        f"/specimens/{twin['code']}/identity",
        settling(),
    )
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError, match="settled stays") as refused:
        await superuser.execute("update identity_doubt set words = 'other'")
    assert refused.value.constraint_name == "ck_identity_doubt_settled_is_final"
