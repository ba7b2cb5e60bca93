"""Containers and the places of tubes over the API: what is done, what is refused, and that nothing is half done."""

from uuid import uuid4

import pytest

from biobank import ids
from tests.material import make_material
from tests.shelves import box, boxed, freezer, rack

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)

# A withdrawal holds the tubes itself; the look at the consent stands behind that.
WITHDRAWN = (
    "insert into withdrawal (participant_id, level, effective_at, recorded_by) "
    "select id, 'destroy', now(), 1 from participant; "
    "set session_replication_role = replica; update specimen set hold = null"  # past the trigger that keeps the hold
)


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def test_a_tube_goes_to_the_next_free_position_in_fill_order(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=3)
    tech = api("technician")
    placed = [await tech.ok("/storage/placements", {"tube": tube, "box": code}) for tube in made.tubes]
    assert [(one["position"], one["next"]) for one in placed] == [("A1", "A2"), ("A2", "A3"), ("A3", "A4")]
    assert placed[0]["words"] == "Freezer 3 / Rack B / Box 12 / A1"
    seen = await tech.see(f"/containers/{code}/box")
    assert [cell["code"] for cell in seen["cells"][:3]] == list(made.tubes)
    assert (seen["cells"][3]["state"], seen["occupied"], seen["capacity"]) == ("next", 3, 81)
    assert [step["name"] for step in seen["path"]] == ["Freezer 3", "Rack B", "Box 12"]
    verbs = await superuser.fetchval("select count(*) from audit_entry where name = 'tube.stored'")
    assert verbs == 3


async def test_a_named_position_is_taken_once(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (one, two) = api("technician"), made.tubes
    assert (await tech.ok("/storage/placements", {"tube": one, "box": code, "position": "c4"}))["position"] == "C4"
    refused = await tech.post("/storage/placements", {"tube": two, "box": code, "position": "C4"})
    assert kind(refused) == (409, "position-occupied")
    body = refused.json()
    assert (body["container"], body["position"], body["occupant"]) == (code, "C4", one)
    assert kind(await tech.post("/storage/placements", {"tube": two, "box": code, "position": "J1"})) == (
        422,
        "unknown-position",
    )
    again = await tech.ok("/storage/placements", {"tube": one, "box": code, "position": "C4"})
    assert again["undo"] is None


async def test_the_same_key_stores_once(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    key, body = str(uuid4()), {"tube": made.tubes[0], "box": code}
    first = await api("technician").ok("/storage/placements", body, key=key)
    assert await api("technician").ok("/storage/placements", body, key=key) == first
    assert (
        await superuser.fetchval("select count(*) from custody_history where specimen_id = $1", made.tube_ids[0]) == 2
    )


async def test_a_full_box_says_so(api, database, world):
    code, made = await boxed(api, kind="BOX25"), await make_material(database, world, tubes=26)
    tech = api("technician")
    for tube in made.tubes[:25]:
        last = await tech.ok("/storage/placements", {"tube": tube, "box": code})
    assert last["next"] is None
    assert kind(await tech.post("/storage/placements", {"tube": made.tubes[25], "box": code})) == (409, "box-full")


async def test_scenario_2_already_elsewhere(api, database, world):
    there, here = await boxed(api), await boxed(api, name="Box 40")
    made = await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    await tech.ok("/storage/placements", {"tube": tube, "box": there, "position": "C4"})
    asked = await tech.post("/storage/placements", {"tube": tube, "box": here})
    assert kind(asked) == (409, "already-elsewhere")
    assert "Freezer 3 / Rack B / Box 12 / C4" in asked.json()["detail"]
    assert (await tech.see(f"/containers/{here}/box"))["occupied"] == 0
    moved = await tech.ok("/storage/placements", {"tube": tube, "box": here, "move": True})
    assert (moved["position"], moved["left"]) == ("A1", there)
    assert (await tech.see(f"/containers/{there}/box"))["occupied"] == 0


async def test_moving_within_a_box_frees_the_old_position(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    await tech.ok("/storage/placements", {"tube": tube, "box": code})
    moved = await tech.ok("/storage/placements", {"tube": tube, "box": code, "position": "B1", "move": True})
    assert (moved["position"], moved["next"]) == ("B1", "A1")


async def test_scenario_3_swap(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (x, y) = api("technician"), made.tubes
    for tube in (x, y):
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
    swapped = await tech.ok("/storage/swaps", {"first": x, "second": y})
    assert [(one["tube"], one["position"]) for one in swapped["placements"]] == [(x, "A2"), (y, "A1")]
    cells = (await tech.see(f"/containers/{code}/box"))["cells"]
    assert [cells[0]["code"], cells[1]["code"]] == [y, x]
    assert (
        await superuser.fetchval(
            "select count(*) from custody_history where specimen_id = any($1)", list(made.tube_ids)
        )
        == 6
    )
    await tech.ok("/storage/undo", {"undo": swapped["placements"][0]["undo"]})
    cells = (await tech.see(f"/containers/{code}/box"))["cells"]
    assert [cells[0]["code"], cells[1]["code"]] == [x, y]
    assert (await tech.post("/storage/swaps", {"first": x, "second": x})).status_code == 422
    # The hand swapped them, and the two positions are scanned again.
    again = await tech.ok(f"/containers/{code}/remap", {"scans": [y, x]})
    assert [(one["tube"], one["was"], one["now"]) for one in again["moved"]] == [(y, "A2", "A1"), (x, "A1", "A2")]


async def test_a_tube_taken_out_is_in_hand_and_can_be_put_back(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (one, two) = api("technician"), made.tubes
    await tech.ok("/storage/placements", {"tube": one, "box": code})
    out = await tech.ok("/storage/removals", {"tube": one, "reason": "for the plate"})
    assert (out["box"], out["left"]) == (None, code)
    assert kind(await tech.post("/storage/removals", {"tube": one})) == (409, "not-stored")
    assert kind(await tech.post("/storage/swaps", {"first": one, "second": two})) == (409, "not-stored")
    assert kind(await api("technician2").post("/storage/undo", {"undo": out["undo"]})) == (409, "nothing-to-undo")
    back = await tech.ok("/storage/undo", {"undo": out["undo"]})
    assert (back["placements"][0]["box"], back["placements"][0]["position"]) == (code, "A1")
    assert kind(await tech.post("/storage/undo", {"undo": out["undo"]})) == (409, "nothing-to-undo")


async def test_undo_finds_its_place_taken(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (one, two) = api("technician"), made.tubes
    await tech.ok("/storage/placements", {"tube": one, "box": code})
    out = await tech.ok("/storage/removals", {"tube": one})
    await tech.ok("/storage/placements", {"tube": two, "box": code})
    refused = await tech.post("/storage/undo", {"undo": out["undo"]})
    assert kind(refused) == (409, "position-occupied")
    assert refused.json()["occupant"] == two


async def test_a_box_moves_with_what_it_holds_as_one_change(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=3)
    tech = api("technician")
    for tube in made.tubes:
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
    other = await rack(api, await freezer(api, name="Freezer 7"), name="Rack A")
    before = await superuser.fetchval("select count(*) from custody_history")
    seen = await tech.see(f"/containers/{code}")
    moved = await tech.ok(f"/containers/{code}/move", {"parent": other, "row_version": seen["row_version"]})
    assert [step["name"] for step in moved["path"]] == ["Freezer 7", "Rack A", "Box 12"]
    assert (moved["occupied"], moved["row_version"]) == (3, 2)
    assert await superuser.fetchval("select count(*) from custody_history") == before
    stale = await tech.post(f"/containers/{code}/move", {"parent": other, "row_version": 1})
    assert kind(stale) == (412, "stale")


async def test_a_container_goes_only_where_its_type_goes(api):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    code = await box(api, shelf)
    manager = api("administrator")
    assert kind(await manager.post("/containers", {"type": "BOX81", "name": "x", "site": "LAB", "parent": cold})) == (
        409,
        "does-not-fit",
    )
    assert kind(
        await manager.post("/containers", {"type": "BOX81", "name": "Box 12", "site": "LAB", "parent": shelf})
    ) == (409, "container-exists")
    assert kind(await manager.post("/containers", {"type": "RACK", "name": "y", "site": "CHI", "parent": cold})) == (
        409,
        "does-not-fit",
    )
    assert kind(await manager.post(f"/containers/{shelf}/move", {"parent": code, "row_version": 1})) == (
        403,
        "forbidden",
    )
    assert kind(await api("manager").post(f"/containers/{shelf}/move", {"parent": code, "row_version": 1})) == (
        409,
        "does-not-fit",
    )
    assert kind(await api("manager").post(f"/containers/{code}/move", {"parent": cold, "row_version": 1})) == (
        409,
        "does-not-fit",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "NO", "name": "x", "site": "LAB", "temperature_class": "-80"}, "type"),
        ({"type": "FACILITY", "name": "x", "site": "LAB"}, "temperature_class"),
        ({"type": "ULT", "name": "x", "site": "LAB", "temperature_class": "-79"}, "temperature_class"),
    ],
)
async def test_a_container_that_makes_no_sense_is_refused_by_field(api, body, field):
    response = await api("administrator").post("/containers", body)
    assert (response.status_code, list(response.json()["errors"])) == (422, [field])


async def test_ids_say_what_they_name(api):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    code = await box(api, shelf)
    assert (cold[0], shelf[0], code[0]) == ("L", "R", "B")


async def test_a_place_that_is_too_warm_needs_a_reason(api, database, world, superuser):
    warm = await freezer(api, kind="F20", temperature="-20", name="Freezer 9")
    code = await box(api, await rack(api, warm))
    made = await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    refused = await tech.post("/storage/placements", {"tube": tube, "box": code})
    assert kind(refused) == (409, "too-warm")
    assert (refused.json()["required"], refused.json()["found"]) == ("-80", "-20")
    await tech.ok("/storage/placements", {"tube": tube, "box": code, "override_reason": "only freezer left"})
    body = await superuser.fetchval("select body from audit_entry where name = 'tube.stored'")
    assert "only freezer left" in body


async def test_a_box_of_cold_tubes_moves_to_the_warm_only_with_a_reason(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    warm = await rack(api, await freezer(api, kind="F20", temperature="-20", name="Freezer 9"))
    tech = api("technician")
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": code})
    assert kind(await tech.post(f"/containers/{code}/move", {"parent": warm, "row_version": 1})) == (409, "too-warm")
    await tech.ok(
        f"/containers/{code}/move", {"parent": warm, "row_version": 1, "override_reason": "compressor failed"}
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update specimen set hold = 'consent_withdrawn'", "tube-on-hold"),
        ("update custody set holder_id = null, site_id = null, terminal = 'transferred'", "tube-ended"),
        # Past the triggers: a tube that is somewhere exists.
        ("set session_replication_role = replica; update specimen set existence = 'planned'", "tube-not-collected"),
        (WITHDRAWN, "participant-withdrawn"),
    ],
)  # fmt: skip
async def test_what_may_not_be_stored_is_not(api, database, world, superuser, change, code):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    await superuser.execute(change)
    refused = await api("manager").post("/storage/placements", {"tube": made.tubes[0], "box": place})
    assert kind(refused) == (409, code)


async def test_nothing_is_stored_in_a_freezer_in_alarm(api, database, world, superuser):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    await superuser.execute("update container set status = 'alarm' where name = 'Freezer 3'")
    refused = await api("technician").post("/storage/placements", {"tube": made.tubes[0], "box": place})
    assert kind(refused) == (409, "container-closed")


async def test_a_lost_tube_is_found_on_confirmation_and_lost_again_on_undo(api, database, world, superuser):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    await superuser.execute("update custody set holder_id = null, site_id = null, terminal = 'lost'")
    tech, tube = api("manager"), made.tubes[0]
    asked = await tech.post("/storage/placements", {"tube": tube, "box": place})
    assert kind(asked) == (409, "already-elsewhere")
    placed = await tech.ok("/storage/placements", {"tube": tube, "box": place, "move": True})
    undone = await tech.ok("/storage/undo", {"undo": placed["undo"]})
    assert undone["placements"][0]["words"] == "recorded as lost"


async def test_a_tube_of_another_site_is_asked_about(api, database, world):
    place, made = await boxed(api), await make_material(database, world, tubes=1, at="CHI")
    asked = await api("manager").post("/storage/placements", {"tube": made.tubes[0], "box": place})
    assert kind(asked) == (409, "already-elsewhere")
    assert "Chicago clinic" in asked.json()["detail"]


async def test_tubes_stand_in_boxes_only(api, database, world):
    cold = await freezer(api)
    made = await make_material(database, world, tubes=1)
    tech = api("technician")
    assert kind(await tech.post("/storage/placements", {"tube": made.tubes[0], "box": cold})) == (409, "not-a-box")
    assert kind(await tech.get(f"/containers/{cold}/box")) == (409, "not-a-box")
    assert (await tech.post("/storage/placements", {"tube": cold, "box": cold})).status_code == 422
    assert (await tech.post("/storage/placements", {"tube": made.tubes[0], "box": made.tubes[0]})).status_code == 422
    assert (await tech.post("/storage/placements", {"tube": "T12", "box": cold})).status_code == 422
    assert (await tech.get("/containers/B12")).status_code == 422


async def test_the_tree_counts_what_stands_in_it(api, database, world):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    codes = [await box(api, shelf, name=f"Box {number}") for number in (12, 2)]
    made = await make_material(database, world, tubes=2)
    tech = api("technician")
    for tube, code in zip(made.tubes, codes, strict=True):
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
    seen = await tech.see(f"/containers/{cold}")
    assert (seen["boxes"], seen["occupied"], seen["capacity"]) == (2, 2, 162)
    assert [(row["name"], row["occupied"]) for row in seen["children"]] == [("Rack B", 2)]
    inside = await tech.see(f"/containers/{shelf}")
    assert [row["name"] for row in inside["children"]] == ["Box 2", "Box 12"]
    listed = await tech.see("/containers", limit=1)
    assert ([row["code"] for row in listed["rows"]], listed["next"]) == ([cold], None)
    paged = await tech.see("/containers", parent=shelf, limit=1)
    rest = await tech.see("/containers", parent=shelf, limit=1, after=paged["next"])
    assert [page["rows"][0]["name"] for page in (paged, rest)] == ["Box 12", "Box 2"]
    assert (await tech.see("/containers", site="CHI"))["rows"] == []


async def test_what_is_out_of_reach_looks_unknown(api, database, world):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    for path in (f"/containers/{place}", f"/containers/{place}/box"):
        assert kind(await api("technician_chi").get(path)) == (404, "not-found")
    assert kind(await api("technician_chi").post("/storage/placements", {"tube": made.tubes[0], "box": place})) == (
        404,
        "not-found",
    )
    # A study that shares the laboratory sees that a position is taken, and not by whom.
    await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    cell = (await api("stranger").see(f"/containers/{place}/box"))["cells"][0]
    assert (cell["state"], cell["code"], cell["href"]) == ("full", None, None)
    other = await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")
    refused = await api("stranger").post(
        "/storage/placements", {"tube": other.tubes[0], "box": place, "position": "A1"}
    )
    assert (kind(refused), refused.json()["occupant"]) == ((409, "position-occupied"), None)
    assert kind(await api("scientist").post("/storage/placements", {"tube": made.tubes[0], "box": place})) == (
        403,
        "forbidden",
    )
    assert kind(
        await api("manager").post(
            "/containers", {"type": "ULT", "name": "x", "site": "NOWHERE", "temperature_class": "-80"}
        )
    ) == (404, "not-found")


ELSEWHERE = {
    "tube-with-party": """
        with p as (insert into external_party (code, name, country, address, contact, phone)
                   values ('EXT', 'Lab', 'US', 'a', 'c', 'p') returning id)
        update custody set holder_id = null, site_id = null, external_party_id = p.id from p""",
    "tube-in-package": """
        with s as (insert into shipment (code, study_id, from_site_id, to_site_id, purpose, classification, created_by)
                   select $1, y.id, f.id, t.id, 'x', 'exempt_human_specimen', 1 from study y, site f, site t
                    where y.code = 'LLS' and f.code = 'LAB' and t.code = 'CHI' returning id),
             p as (insert into package (code, shipment_id, number, refrigerant, temperature_class)
                   select $2, s.id, 1, 'none', '-80' from s returning id)
        update custody set holder_id = null, package_id = p.id from p""",
}


@pytest.mark.parametrize("code", ELSEWHERE)
async def test_a_tube_that_is_under_way_is_received_first(api, database, world, superuser, code):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    parcels = [ids.mint(ids.Kind.SHIPMENT) for _ in range(ELSEWHERE[code].count("$"))]
    await superuser.execute(ELSEWHERE[code], *parcels)
    refused = await api("manager").post("/storage/placements", {"tube": made.tubes[0], "box": place})
    assert kind(refused) == (409, code)
    found = await api("manager").see(f"/scan/{made.tubes[0]}")
    assert found["tube"]["place"] == code.removeprefix("tube-with-").removeprefix("tube-in-")


async def test_a_pool_has_nobody_to_ask(api, database, world, superuser):
    place, made = await boxed(api), await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    await superuser.execute("update specimen set level = 'pool', participant_id = null, collection_event_id = null")
    placed = await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    assert placed["position"] == "A1"


async def test_where_a_tube_began_cannot_be_undone(api, database, world, superuser):
    await make_material(database, world, tubes=1)
    token = await superuser.fetchval("select tx from custody_history")
    refused = await api("technician").post("/storage/undo", {"undo": str(token)})
    assert kind(refused) == (409, "nothing-to-undo")
