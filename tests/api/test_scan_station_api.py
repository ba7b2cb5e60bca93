"""The look-up and the station's verb: every verdict, scenarios of the bench, and double fire."""

import asyncio
from uuid import uuid4

import pytest
from asyncpg import Connection
from asyncpg.prepared_stmt import PreparedStatement

from biobank import ids
from biobank.scan.rules import COMMANDS
from tests.material import make_material
from tests.shelves import box, boxed, freezer, rack

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)

WITHDRAWN = (
    "insert into withdrawal (participant_id, level, effective_at, recorded_by) "
    "select id, 'no_further_use', now(), 1 from participant; "
    "set session_replication_role = replica; update specimen set hold = null"  # past the trigger that keeps the hold
)


def store(text, code, **extra):
    return {"text": text, "mode": "store", "box": code, **extra}


async def test_a_tube_is_told_with_its_state_and_place(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tube, tech = made.tubes[0], api("technician")
    held = await tech.see(f"/scan/{tube}")
    assert (held["kind"], held["tube"]["place"], held["tube"]["where"]) == ("tube", "holder", "with Technician")
    await tech.ok("/storage/placements", {"tube": tube, "box": code, "position": "C4"})
    seen = await tech.see(f"/scan/{ids.grouped(tube).lower()}")
    assert (seen["code"], seen["study"], seen["site"], seen["status"]) == (tube, "LLS", "CHI", "active")
    assert [step["name"] for step in seen["path"]] == ["Freezer 3", "Rack B", "Box 12"]
    assert seen["path"][2]["code"] == code
    told = seen["tube"]
    assert (told["type"], told["participant"], told["quantity"], told["unit"]) == ("SER", made.participant, "500", "uL")
    assert (told["existence"], told["quality"], told["hold"], told["freeze_thaw_count"]) == (
        "exists",
        "acceptable",
        None,
        0,
    )
    assert (told["position"], told["where"]) == ("C4", "Freezer 3 / Rack B / Box 12 / C4")


async def test_every_kind_of_code_resolves_within_reach_only(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech = api("technician")
    place = await tech.see(f"/scan/{code}")
    assert (place["kind"], place["name"], place["tube"], place["href"]) == ("box", "Box 12", None, f"/storage/{code}")
    person = await api("manager").see(f"/scan/{made.participant}")
    assert (person["kind"], person["href"]) == ("participant", f"/participants/{made.participant}")
    for username, text in [
        ("technician", made.participant),
        ("technician_chi", code),
        ("stranger", made.tubes[0]),
        ("manager", ids.mint(ids.Kind.TUBE)),
        ("manager", ids.mint(ids.Kind.BOX)),
        ("manager", "nothing"),
    ]:
        refused = await api(username).get(f"/scan/{text}")
        assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-found")
    assert (await api(None).get(f"/scan/{code}")).status_code == 401
    assert (await api("administrator").get(f"/scan/{code}")).status_code == 403


async def test_a_vendors_code_is_the_tube(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    await superuser.execute(CONTEXT)
    await superuser.execute(
        "insert into identifier (namespace, value, specimen_id) values ('azenta', '0012345678', $1)", made.tube_ids[0]
    )
    seen = await api("technician").see("/scan/0012345678")
    assert (seen["code"], seen["namespace"]) == (made.tubes[0], "azenta")
    assert (await api("stranger").get("/scan/0012345678")).status_code == 404
    await superuser.execute(
        "insert into identifier (namespace, value, specimen_id) values ('micronic', '0012345678', $1)", made.tube_ids[1]
    )
    both = await api("technician").get("/scan/0012345678")
    assert (both.status_code, both.json()["type"]) == (409, "/problems/ambiguous-code")


async def test_scenario_1_double_fire(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (one, two), key = api("technician"), made.tubes, str(uuid4())
    first, replay = await asyncio.gather(
        tech.ok("/scan", store(one, code), key=key), tech.ok("/scan", store(one, code), key=key)
    )
    assert first == replay
    assert (first["verdict"], first["word"], first["position"], first["next"]) == ("ok", "Stored", "A1", "A2")
    again = await tech.ok("/scan", store(one, code))
    assert (again["verdict"], again["position"], again["undo"]) == ("duplicate", "A1", None)
    assert await superuser.fetchval("select count(*) from audit_entry where name = 'tube.stored'") == 1
    assert await superuser.fetchval("select count(*) from audit_entry where name = 'custody' and kind = 'update'") == 1
    following = await tech.ok("/scan", store(two, code))
    assert (following["position"], following["next"]) == ("A2", "A3")


async def test_scenario_1_double_fire_with_two_keys_at_one_moment(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech = api("technician")
    answers = await asyncio.gather(*(tech.ok("/scan", store(made.tubes[0], code)) for _ in range(4)))
    assert sorted(answer["verdict"] for answer in answers) == ["duplicate"] * 3 + ["ok"]
    assert {answer["position"] for answer in answers} == {"A1"}
    assert (
        await superuser.fetchval("select count(*) from custody_history where specimen_id = $1", made.tube_ids[0]) == 2
    )


async def test_scenario_2_already_elsewhere_is_asked_and_moved_on_confirmation(api, database, world, superuser):
    there, made = await boxed(api), await make_material(database, world, tubes=1)
    here = await box(api, await rack(api, await freezer(api, name="Freezer 1")), name="Box 40")
    tube, tech = made.tubes[0], api("technician")
    await tech.ok("/storage/placements", {"tube": tube, "box": there, "position": "C4"})
    asked = await tech.ok("/scan", store(tube, here))
    assert (asked["verdict"], asked["confirm"], asked["position"]) == ("warning", "move", "C4")
    assert [step["name"] for step in asked["path"]] == ["Freezer 3", "Rack B", "Box 12"]
    assert (await tech.see(f"/containers/{here}/box"))["occupied"] == 0  # as it stays when nothing is confirmed
    moved = await tech.ok("/scan", store(tube, here, move=True))
    assert (moved["verdict"], moved["word"], moved["position"]) == ("ok", "Moved", "A1")
    assert [step["name"] for step in moved["path"]] == ["Freezer 1", "Rack B", "Box 40"]
    assert (await tech.see(f"/containers/{there}/box"))["occupied"] == 0
    undone = await tech.ok("/scan/undo", {"undo": moved["undo"]})
    assert (undone["word"], undone["box"]["code"], undone["box"]["occupied"]) == ("Undone", here, 0)
    assert (await tech.see(f"/scan/{tube}"))["tube"]["position"] == "C4"


async def test_scenario_6_a_typo_is_answered_from_the_box_alone(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (inside, outside) = api("technician"), made.tubes
    await tech.ok("/storage/placements", {"tube": inside, "box": code})
    typed = inside[:-1] + ("2" if inside[-1] != "2" else "3")
    answer = await tech.ok("/scan", store(typed, code))
    assert (answer["verdict"], answer["title"]) == ("stop", "Check character wrong")
    assert f"Did you mean {ids.grouped(inside)}" in answer["message"]
    far = outside[:-1] + ("2" if outside[-1] != "2" else "3")
    silent = await tech.ok("/scan", store(far, code))
    assert outside not in str(silent)
    assert "Did you mean" not in silent["message"]
    assert "Did you mean" not in (await tech.ok("/scan", {"text": typed}))["message"]


async def test_undo_within_the_shift_puts_it_back_in_hand(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech = api("technician")
    done = await tech.ok("/scan", store(made.tubes[0], code))
    key = str(uuid4())
    undone = await tech.ok("/scan/undo", {"undo": done["undo"]}, key=key)
    assert (undone["verdict"], undone["title"], undone["box"]["occupied"]) == ("ok", "It is in hand again.", 0)
    assert await tech.ok("/scan/undo", {"undo": done["undo"]}, key=key) == undone
    refused = await tech.ok("/scan/undo", {"undo": done["undo"]})
    assert (refused["verdict"], refused["title"]) == ("stop", "This cannot be undone any more")


async def test_command_codes_are_no_codes_of_things(api):
    tech = api("technician")
    answers = {command.verb: await tech.ok("/scan", {"text": ids.grouped(command.code)}) for command in COMMANDS}
    assert {verb for verb, answer in answers.items() if answer["command"] == verb} == {
        *("ack", "undo", "undo_box", "confirm", "next", "train")
    }


async def test_finding_tells_what_it_is_and_changes_nothing(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech, tube = api("manager"), made.tubes[0]
    found = await tech.ok("/scan", {"text": tube})
    assert (found["verdict"], found["word"], found["message"]) == ("ok", "Found", "with Technician")
    assert "Serum, 500 uL" in found["title"]
    await tech.ok("/storage/placements", {"tube": tube, "box": code})
    assert (await tech.ok("/scan", {"text": tube}))["position"] == "A1"
    assert (await tech.ok("/scan", {"text": made.participant}))["word"] == "Participant"
    await superuser.execute(CONTEXT)
    await superuser.execute(
        "update specimen set hold = 'identity_doubt', quality = 'rejected', freeze_thaw_count = 2, "
        "participant_id = null, level = 'pool', is_partial = true, existence = 'entered_in_error'"
    )
    uneasy = await tech.ok("/scan", {"text": tube})
    assert uneasy["verdict"] == "warning"
    assert uneasy["message"] == "on hold: identity doubt, rejected, entered in error, thawed 2 times"
    assert uneasy["title"] == "Serum, 500 uL (partial) · pool"


async def test_a_scanned_box_is_the_box_and_says_when_it_is_full(api, database, world):
    code, made = await boxed(api, kind="BOX25"), await make_material(database, world, tubes=25)
    tech = api("technician")
    opened = await tech.ok("/scan", {"text": code, "mode": "store"})
    assert (opened["verdict"], opened["box"]["code"], opened["next"]) == ("ok", code, "A1")
    for tube in made.tubes:
        last = await tech.ok("/scan", store(tube, code))
    assert (last["position"], last["next"]) == ("E5", None)
    assert last["box"]["cells"][24]["state"] == "just"
    assert (await tech.ok("/scan", {"text": code, "mode": "store"}))["verdict"] == "warning"
    assert (await tech.ok("/scan", {"text": code, "mode": "find"}))["verdict"] == "ok"


@pytest.mark.parametrize(
    ("sql", "title"),
    [
        ("update specimen set hold = 'consent_withdrawn'", "The tube is on hold"),
        ("update identifier set status = 'void' where specimen_id is not null", "This label is void"),
        (WITHDRAWN, "The participant has withdrawn"),
    ],
)  # fmt: skip
async def test_a_stop_says_why_and_nothing_is_stored(api, database, world, superuser, sql, title):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    await superuser.execute(sql)
    answer = await api("technician").ok("/scan", store(made.tubes[0], code))
    assert (answer["verdict"], answer["title"]) == ("stop", title)
    assert await superuser.fetchval("select count(*) from custody where container_id is not null") == 0


async def test_what_is_no_tube_is_named_for_what_it_is(api, database, world):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    code = await box(api, shelf)
    made = await make_material(database, world, tubes=1)
    manager = api("manager")
    for text, title in [
        (made.participant, "This is a participant"),
        (shelf, "This is a rack"),
        (cold, "This is a place"),
    ]:
        answer = await manager.ok("/scan", store(text, code))
        assert (answer["verdict"], answer["title"]) == ("stop", title)
    for text, title in [
        ("", "Nothing was read"),
        ("???", "Unknown code"),
        (ids.mint(ids.Kind.TUBE), "Unknown code"),
        (made.tubes[0], "No box"),
    ]:
        answer = await manager.ok("/scan", {"text": text, "mode": "store"})
        assert (answer["verdict"], answer["title"]) == ("stop", title)
    hidden = await api("stranger").ok("/scan", store(made.tubes[0], code))
    assert (hidden["title"], made.tubes[0] in str(hidden["path"])) == ("Unknown code", False)
    refused = await api("scientist").ok("/scan", store(made.tubes[0], code))
    assert refused["title"] == "Not allowed"


async def test_a_read_is_cleaned_of_what_the_scanner_adds(api, database, world):
    made = await make_material(database, world, tubes=1)
    found = await api("technician").ok("/scan", {"text": f"]d2{made.tubes[0].lower()}\x1d\r\n"})
    assert found["code"] == made.tubes[0]


async def test_a_store_by_scan_asks_the_database_no_more_often(api, database, world, monkeypatch):
    """A message to the database costs as much as a small statement; whoever needs one more takes it from every scan."""
    sent = []

    def counted(owner, name):
        original = getattr(owner, name)

        async def told(self, *args, **kwargs):
            sent.append(args[0] if owner is Connection else self.get_query())
            return await original(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, told)

    code, made = await boxed(api), await make_material(database, world, tubes=3)
    for tube in made.tubes[:2]:  # what a connection asks once
        await api("technician").ok("/scan", store(tube, code))
    counted(Connection, "execute")
    counted(Connection, "_execute")
    counted(PreparedStatement, "_PreparedStatement__do_execute")
    stored = await api("technician").ok("/scan", store(made.tubes[2], code))
    monkeypatch.undo()
    assert stored["word"] == "Stored"
    # Who scans, begin, the receipt, what the code is, the locks, what stands there, the new place, commit.
    assert len(sent) <= 8, "\n---\n".join(sent)
