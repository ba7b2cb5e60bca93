"""Reserving tubes and walking pick lists over the API, as the people who do it."""

import pytest

from tests.material import make_material
from tests.picklists import PURPOSE, listed, picked, seen, statuses, step, stored, verified
from tests.shelves import box, freezer, rack
from tests.shipping import draft
from tests.withdrawing import withdraw

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


def problem(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert body["type"] == f"/problems/{code}", body
    return body


def reasons(response):
    return {one["tube"]: one["reason"] for one in problem(response, 409, "tubes-blocked")["blocked"]}


async def where(superuser, tube):
    row = await superuser.fetchrow(
        "select c.container_id, c.row, c.col, c.holder_id, c.terminal from custody c "
        "join specimen s on s.id = c.specimen_id where s.code = $1",
        tube,
    )
    return "box" if row["container_id"] else row["terminal"] or row["holder_id"]


async def test_a_list_from_made_to_handed_over(api, database, world, superuser):
    made = await stored(api, database, world)
    tech = api("technician")
    await tech.ok("/reservations", {"tubes": list(made.tubes), "purpose": PURPOSE})
    view = await tech.ok("/pick-lists", {"purpose": PURPOSE, "destination": "bench", "reserved_for": "cytokine PANEL"})
    code = view["code"]
    assert code.startswith("Q")
    assert [line["at"]["position"] for line in view["lines"]] == ["A1", "A2", "A3"]
    assert [line["tube"] for line in view["lines"]] == list(made.tubes)
    assert view["next"] == ["start", "pick", "skip", "cancel"]
    assert (await step(tech, code, "start"))["status"] == "in_progress"
    for tube in made.tubes[:2]:
        view = await tech.ok(f"/pick-lists/{code}/picks", {"tube": tube.lower()})
        assert await where(superuser, tube) == world.user_ids["technician"]
    assert (view["status"], view["counts"]["picked"], view["counts"]["to_pick"]) == ("in_progress", 2, 1)
    assert view["lines"][0]["came_from"]["position"] == "A1"
    assert view["lines"][0]["settled_by"] == "Technician"
    view = await tech.ok(f"/pick-lists/{code}/picks", {"tube": made.tubes[2]})
    assert (view["status"], view["next"]) == ("picked", ["pick", "skip", "verify", "cancel"])
    problem(await tech.post(f"/pick-lists/{code}/picks", {"tube": made.tubes[2]}), 409, "pick-line-state")
    version = await seen(tech, code)
    differ = await tech.post(
        f"/pick-lists/{code}/verify", {"tubes": [made.tubes[0], "TKQ7M3X9V8"], "row_version": version}
    )
    assert differ.status_code == 422  # the second was misread
    short = await tech.post(f"/pick-lists/{code}/verify", {"tubes": list(made.tubes[:2]), "row_version": version})
    assert problem(short, 409, "picked-tubes-differ")["missing"] == [made.tubes[2]]
    assert (await step(tech, code, "verify", tubes=list(made.tubes)))["status"] == "verified"
    nobody = await tech.post(
        f"/pick-lists/{code}/hand-over",
        {"receiver": "stranger", "handed_for": "Run 14", "row_version": await seen(tech, code)},
    )
    problem(nobody, 404, "not-found")
    done = await step(tech, code, "hand-over", receiver="technician2", handed_for="Run 14")
    assert (done["status"], done["handed_to"], done["next"]) == ("handed_over", "Technician2", [])
    assert [one["step"] for one in done["steps"]] == ["made", "started", "verified", "handed over"]
    assert {await where(superuser, tube) for tube in made.tubes} == {world.user_ids["technician2"]}
    over = (await tech.see("/reservations", ended=True))["rows"]
    assert {row["ending"] for row in over} == {"fulfilled"}
    assert (await tech.see("/reservations"))["rows"] == []
    problem(await tech.post(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]}), 409, "pick-list-state")
    rows = (await tech.see("/pick-lists", status="handed_over", study="LLS", site="LAB"))["rows"]
    assert [(row["code"], row["counts"]["total"]) for row in rows] == [(code, 3)]
    assert (await tech.see("/pick-lists", status="unfinished"))["rows"] == []


async def test_lines_stand_in_freezer_order(api, database, world):
    """Freezer 2 before Freezer 10, box 2 before box 12, A2 before A10, and tubes in hand at the end."""
    made = await make_material(database, world, tubes=6)
    near, far = await freezer(api, name="Freezer 2"), await freezer(api, name="Freezer 10")
    shelf = await rack(api, near, name="Rack A")
    places = [
        (await box(api, await rack(api, far)), "A1"),
        (await box(api, shelf, name="Box 12"), "A1"),
        (await box(api, shelf, name="Box 2"), "B1"),
    ]
    places += [(places[2][0], "A2"), (places[2][0], "A9")]
    for tube, (into, position) in zip(made.tubes, places, strict=False):
        await api("manager").ok("/storage/placements", {"tube": tube, "box": into, "position": position})
    code = await listed(api("technician"), made.tubes)
    view = await api("technician").see(f"/pick-lists/{code}")
    order = [made.tubes.index(line["tube"]) for line in view["lines"]]
    assert order == [3, 4, 2, 1, 0, 5]
    assert view["lines"][0]["at"]["words"] == "Freezer 2 / Rack A / Box 2 / A2"


async def test_what_may_not_be_reserved_or_listed_is_named(api, database, world, superuser):
    good, held, poor, gone, packed, reserved, on_list = (await make_material(database, world, tubes=7)).tubes
    unwilling = (await make_material(database, world, tubes=1, consented=False)).tubes[0]
    left = await make_material(database, world, tubes=1)
    await withdraw(api("coordinator"), left.participant)
    foreign = (await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")).tubes[0]
    await superuser.execute(CONTEXT)
    await superuser.execute("update specimen set hold = 'identity_doubt' where code = $1", held)
    await superuser.execute("update specimen set quality = 'quarantined' where code = $1", poor)
    await api("technician").ok(f"/specimens/{gone}/use-up", {"reason": "Empty"})
    shipment = await draft(api("clerk"))
    await api("clerk").ok(f"/shipments/{shipment}/items", {"tubes": [packed]})
    await api("scientist").ok("/reservations", {"tubes": [reserved], "purpose": "RNA of flares"})
    await listed(api("technician2"), [on_list])
    everything = [good, held, poor, gone, packed, reserved, on_list, unwilling, left.tubes[0], foreign]
    wanted = {
        held: "on_hold",
        poor: "quarantined",
        gone: "ended",
        packed: "in_shipment",
        reserved: "reserved",
        on_list: "on_pick_list",
        unwilling: "not_consented",
        left.tubes[0]: "consent_withdrawn",
        foreign: "unknown",
    }
    tech = api("technician")
    refused = await tech.post("/reservations", {"tubes": everything, "purpose": PURPOSE})
    assert reasons(refused) == wanted
    assert "is reserved by Scientist for RNA of flares until" in refused.json()["detail"]
    assert (
        reasons(await tech.post("/pick-lists", {"purpose": PURPOSE, "destination": "bench", "tubes": everything}))
        == wanted
    )
    assert await superuser.fetchval("select count(*) from reservation") == 1
    # For the same purpose the tube may be listed by somebody else, but not reserved twice.
    same = {"tubes": [reserved], "purpose": "rna of FLARES"}
    assert reasons(await tech.post("/reservations", same)) == {reserved: "reserved"}
    await tech.ok("/pick-lists", {**same, "destination": "bench"})


async def test_a_reservation_is_renewed_released_and_expires(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    first, second = made.tubes
    scientist, tech = api("scientist"), api("technician")
    await scientist.ok("/reservations", {"tubes": [first, first, second], "purpose": "RNA of flares", "days": 3})
    renewed = await scientist.ok("/reservations", {"tubes": [first], "purpose": "RNA of visits", "days": 30})
    assert [one["purpose"] for one in renewed["reservations"]] == ["RNA of visits"]
    rows = (await scientist.see("/reservations", mine=True, study="LLS", purpose="rna OF visits"))["rows"]
    assert [(row["tube"], row["mine"]) for row in rows] == [(first, True)]
    assert (await tech.see("/reservations", tube=first, mine=True))["rows"] == []
    body = {"tubes": [first], "reason": "Not needed any more"}
    problem(await tech.post("/reservations/release", body), 403, "forbidden")
    problem(await tech.post("/reservations/release", {**body, "tubes": ["not a code"]}), 422, "invalid")
    released = await scientist.ok("/reservations/release", body)
    assert released["reservations"][0]["ending"] == "released"
    problem(await scientist.post("/reservations/release", body), 404, "not-found")
    await superuser.execute(CONTEXT)
    await superuser.execute(
        "update reservation set reserved_at = now() - interval '2 days', expires_at = now() - interval '1 day' "
        "where ended_at is null"
    )
    assert (await scientist.see("/reservations"))["rows"] == []
    await tech.ok("/reservations", {"tubes": [second], "purpose": PURPOSE})
    endings = await superuser.fetch("select ending from reservation where ended_at is not null order by id")
    assert [row["ending"] for row in endings] == ["released", "expired", "released"]
    await api("manager").ok("/reservations/release", {"tubes": [second], "reason": "The study ended"})
    assert (await tech.see("/reservations"))["rows"] == []


@pytest.mark.parametrize("days", [0, 366])
async def test_a_reservation_lasts_a_sensible_time(api, database, world, days):
    made = await make_material(database, world, tubes=1)
    body = {"tubes": list(made.tubes), "purpose": PURPOSE, "days": days}
    assert (await api("scientist").post("/reservations", body)).status_code == 422


async def test_a_list_is_of_one_study_at_one_site(api, database, world):
    here = await make_material(database, world, tubes=1)
    there = await make_material(database, world, tubes=1, holder="coordinator", at="CHI")
    both = [*here.tubes, *there.tubes]
    problem(
        await api("manager").post("/pick-lists", {"purpose": PURPOSE, "destination": "bench", "tubes": both}),
        422,
        "invalid",
    )
    empty = await api("manager").post("/pick-lists", {"purpose": PURPOSE, "destination": "bench"})
    assert "tubes" in problem(empty, 422, "invalid")["errors"]


async def test_a_list_is_found_at_its_site_only(api, database, world):
    made = await make_material(database, world, tubes=1)
    code = await listed(api("technician"), made.tubes)
    for user in ("technician_chi", "stranger"):
        for response in (
            await api(user).get(f"/pick-lists/{code}"),
            await api(user).post(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]}),
            await api(user).post(f"/pick-lists/{code}/scan", {"text": made.tubes[0]}),
            await api(user).post(f"/pick-lists/{code}/cancel", {"reason": "No more", "row_version": 1}),
        ):
            problem(response, 404, "not-found")
        assert (await api(user).see("/pick-lists"))["rows"] == []
    problem(await api("technician").get("/pick-lists/TKQ7M3X9V7"), 422, "invalid")
    problem(await api("technician").get(f"/pick-lists/{made.tubes[0]}"), 422, "invalid")
    problem(await api("scientist").post(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]}), 403, "forbidden")


async def test_a_withdrawal_takes_lines_out_and_names_what_is_to_be_put_back(api, database, world, superuser):
    made = await stored(api, database, world)
    tech = api("technician")
    await tech.ok("/reservations", {"tubes": [made.tubes[2]], "purpose": PURPOSE})
    code = await listed(tech, made.tubes[:2])
    await tech.ok(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]})
    await withdraw(api("coordinator"), made.participant)
    view = await tech.see(f"/pick-lists/{code}")
    assert statuses(view) == dict.fromkeys(made.tubes[:2], "withdrawn")
    assert (view["status"], view["next"]) == ("picked", ["pick", "skip", "cancel"])
    picked_one = next(line for line in view["lines"] if line["tube"] == made.tubes[0])
    assert (picked_one["place"], picked_one["came_from"]["position"]) == ("holder", "A1")
    for tube in made.tubes[:2]:
        problem(await tech.post(f"/pick-lists/{code}/picks", {"tube": tube}), 409, "pick-line-state")
        problem(await tech.post(f"/pick-lists/{code}/undo", {"tube": tube}), 409, "pick-line-state")
    assert await where(superuser, made.tubes[1]) == "box"
    over = (await tech.see("/reservations", ended=True))["rows"]
    assert [row["ending"] for row in over] == ["withdrawn"]


async def test_a_tube_that_is_not_there(api, database, world, superuser):
    """It is lost until it turns up; what stands there instead is recorded where it really is."""
    made = await stored(api, database, world)
    first, other, third = made.tubes
    tech = api("technician")
    code = await listed(tech, [first, third])
    view = await tech.ok(f"/pick-lists/{code}/not-found", {"tube": first, "there": other, "note": "Swapped, it seems"})
    assert statuses(view) == {first: "not_found", third: "to_pick"}
    assert await where(superuser, first) == "missing"
    stays = await tech.see(f"/scan/{other}")
    assert stays["tube"]["position"] == "A1"
    (search,) = (await tech.see("/tube-searches"))["rows"]
    assert (search["tube"], search["there_instead"], search["pick_list"]) == (first, other, code)
    assert search["expected"].endswith("/ A1")
    # A place that is taken by now cannot be gone back to.
    problem(await tech.post(f"/pick-lists/{code}/undo", {"tube": first}), 409, "position-occupied")
    view = await tech.ok(f"/pick-lists/{code}/not-found", {"tube": third})
    assert view["status"] == "picked"
    assert view["next"] == ["pick", "skip", "cancel"]
    view = await tech.ok(f"/pick-lists/{code}/undo", {"tube": third})
    assert (view["status"], statuses(view)[third]) == ("in_progress", "to_pick")
    assert await where(superuser, third) == "box"
    assert [one["tube"] for one in (await tech.see("/tube-searches"))["rows"]] == [first]
    # Storing it anywhere ends the search.
    place = (await tech.see(f"/scan/{third}"))["path"][-1]["code"]
    await api("manager").ok("/storage/placements", {"tube": first, "box": place, "move": True})
    assert (await tech.see("/tube-searches"))["rows"] == []
    view = await tech.ok(f"/pick-lists/{code}/undo", {"tube": first})
    assert statuses(view) == {first: "to_pick", third: "to_pick"}
    outcome = await superuser.fetch("select outcome from tube_search order by id")
    assert [row["outcome"] for row in outcome] == ["found", "found"]


async def test_a_search_is_given_up(api, database, world, superuser):
    made = await stored(api, database, world, tubes=1)
    tech = api("technician")
    code = await listed(tech, made.tubes)
    problem(await tech.post(f"/tube-searches/{made.tubes[0]}/give-up", {"reason": "Gone"}), 404, "not-found")
    await tech.ok(f"/pick-lists/{code}/not-found", {"tube": made.tubes[0]})
    done = await tech.ok(f"/tube-searches/{made.tubes[0]}/give-up", {"reason": "Looked everywhere"})
    assert done == {"tube": made.tubes[0], "outcome": "given_up"}
    assert (await tech.see("/tube-searches"))["rows"] == []
    assert await where(superuser, made.tubes[0]) == "lost"


async def test_what_cannot_stand_in_place_of_a_tube(api, database, world):
    made = await stored(api, database, world, tubes=2)
    first, second = made.tubes
    tech = api("technician")
    hand = await make_material(database, world, tubes=2)
    foreign = (await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")).tubes[0]
    code = await listed(tech, [first, hand.tubes[0]])
    path = f"/pick-lists/{code}/not-found"
    problem(await tech.post(path, {"tube": first, "there": first}), 422, "invalid")
    problem(await tech.post(path, {"tube": first, "there": foreign}), 409, "conflict")
    problem(await tech.post(path, {"tube": hand.tubes[0], "there": second}), 422, "invalid")
    shipment = await draft(api("clerk"))
    await api("clerk").ok(f"/shipments/{shipment}/items", {"tubes": [hand.tubes[1]]})
    problem(await tech.post(path, {"tube": first, "there": hand.tubes[1]}), 409, "conflict")
    problem(await tech.post(path, {"tube": second}), 409, "not-on-pick-list")
    # One that stood in no box, and was in hand after all.
    await tech.ok(path, {"tube": hand.tubes[0]})
    view = await tech.ok(f"/pick-lists/{code}/undo", {"tube": hand.tubes[0]})
    assert statuses(view)[hand.tubes[0]] == "to_pick"


async def test_short_skipped_substituted_and_undone(api, database, world, superuser):
    made = await stored(api, database, world, tubes=4)
    first, second, third, spare = made.tubes
    tech = api("technician")
    stranger = (await make_material(database, world, tubes=1)).tubes[0]
    code = await listed(tech, [first, second, third])
    path = f"/pick-lists/{code}"
    view = await tech.ok(f"{path}/short", {"tube": first, "note": "Half of it is gone"})
    assert statuses(view)[first] == "short"
    problem(await tech.post(f"{path}/short", {"tube": first, "note": "Again"}), 409, "pick-line-state")
    view = await tech.ok(f"{path}/skip", {"tube": second, "note": "The cap is loose"})
    problem(await tech.post(f"{path}/undo", {"tube": third}), 409, "pick-line-state")
    refused = await tech.post(f"{path}/substitute", {"tube": third, "by": stranger, "note": "Another one"})
    problem(refused, 409, "no-substitute")
    view = await tech.ok(f"{path}/substitute", {"tube": third, "by": spare, "note": "The label is torn"})
    assert statuses(view) == {first: "short", second: "skipped", third: "substituted", spare: "picked"}
    assert view["status"] == "picked"
    line = next(line for line in view["lines"] if line["tube"] == spare)
    assert (line["substitute_of"], line["note"]) == (third, "The label is torn")
    assert await where(superuser, spare) == world.user_ids["technician"]
    assert await where(superuser, third) == "box"
    # Somebody else claims what was skipped; then it cannot wait again.
    await api("scientist").ok("/reservations", {"tubes": [second], "purpose": "RNA of flares"})
    assert reasons(await tech.post(f"{path}/undo", {"tube": second})) == {second: "reserved"}
    view = await tech.ok(f"{path}/undo", {"tube": first})
    assert (view["status"], statuses(view)[first]) == ("in_progress", "to_pick")
    view = await tech.ok(f"{path}/undo", {"tube": spare})
    assert (statuses(view)[spare], await where(superuser, spare)) == ("to_pick", "box")
    problem(await tech.post(f"{path}/undo", {"tube": third}), 409, "pick-line-state")


async def test_a_pick_is_not_undone_onto_another_tube(api, database, world):
    made = await stored(api, database, world, tubes=1)
    tech = api("technician")
    code = await picked(tech, made.tubes)
    view = await tech.see(f"/pick-lists/{code}")
    place = view["lines"][0]["came_from"]["box"]
    other = (await make_material(database, world, tubes=1)).tubes[0]
    await api("manager").ok("/storage/placements", {"tube": other, "box": place, "position": "A1"})
    problem(await tech.post(f"/pick-lists/{code}/undo", {"tube": made.tubes[0]}), 409, "position-occupied")
    await api("manager").ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    view = await tech.ok(f"/pick-lists/{code}/undo", {"tube": made.tubes[0]})
    assert view["lines"][0]["at"]["position"] == "A2"


async def test_a_verified_list_lets_go_of_a_tube_and_is_not_handed_over_with_it(api, database, world, superuser):
    made = await stored(api, database, world, tubes=3)
    first, second, third = made.tubes
    tech = api("technician")
    code = await verified(tech, made.tubes)
    await superuser.execute(CONTEXT)
    await superuser.execute("update specimen set quality = 'quarantined' where code = $1", first)
    body = {"handed_for": "Run 14", "row_version": await seen(tech, code)}
    assert reasons(await tech.post(f"/pick-lists/{code}/hand-over", body)) == {first: "quarantined"}
    view = await tech.ok(f"/pick-lists/{code}/skip", {"tube": first, "note": "It is set apart"})
    assert (view["status"], statuses(view)[first]) == ("verified", "skipped")
    assert await where(superuser, first) == "box"
    box_code = (await tech.see(f"/scan/{first}"))["path"][-1]["code"]
    await api("manager").ok("/storage/placements", {"tube": second, "box": box_code})
    body = {"handed_for": "Run 14", "row_version": await seen(tech, code)}
    away = problem(await tech.post(f"/pick-lists/{code}/hand-over", body), 409, "picked-tubes-differ")
    assert away["missing"] == [second]
    await tech.ok(f"/pick-lists/{code}/skip", {"tube": second, "note": "Put away already"})
    stale = await tech.post(f"/pick-lists/{code}/hand-over", body)
    problem(stale, 412, "stale")
    done = await step(tech, code, "hand-over", handed_for="Run 14")
    assert (done["handed_to"], done["counts"]["picked"]) == ("Technician", 1)
    assert await where(superuser, third) == world.user_ids["technician"]


async def test_a_cancelled_list_names_what_is_to_be_put_back(api, database, world, superuser):
    made = await stored(api, database, world)
    tech = api("technician")
    await tech.ok("/reservations", {"tubes": list(made.tubes), "purpose": PURPOSE})
    code = await listed(tech, made.tubes)
    await tech.ok(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]})
    view = await step(tech, code, "cancel", reason="The run is put off")
    assert (view["status"], view["cancel_reason"]) == ("cancelled", "The run is put off")
    line = view["lines"][0]
    assert (line["status"], line["place"], line["came_from"]["position"]) == ("picked", "holder", "A1")
    # What was reserved stays reserved, and may be listed again.
    assert len((await tech.see("/reservations"))["rows"]) == 3
    await listed(tech, made.tubes)


async def test_the_walk_tells_what_happened_and_what_comes_next(api, database, world):
    made = await stored(api, database, world)
    first, second, third = made.tubes
    tech = api("technician")
    code = await listed(tech, [first, second])

    async def scan(text):
        return await tech.ok(f"/pick-lists/{code}/scan", {"text": text})

    answer = await scan("")
    assert (answer["verdict"], answer["title"]) == ("stop", "Nothing was read")
    assert answer["following"]["tube"] == first
    place = answer["following"]["box"]["code"]
    states = {cell["label"]: cell["state"] for cell in answer["following"]["box"]["cells"]}
    assert (states["A1"], states["A2"], states["A3"], states["A4"]) == ("take", "pick", "full", "free")
    answer = await scan(place)
    assert (answer["verdict"], answer["word"], answer["title"]) == ("ok", "Box", "2 of this list: A1, A2")
    answer = await scan(third)
    assert (answer["verdict"], answer["title"]) == ("stop", "This tube is not on the list")
    assert f"Next is {first[:4]}-" in answer["message"]
    answer = await scan(first)
    assert (answer["verdict"], answer["word"], answer["position"], answer["undo"]) == ("ok", "Picked", "A1", first)
    assert (answer["status"], answer["to_pick"], answer["picked"], answer["total"]) == ("in_progress", 1, 1, 2)
    assert answer["following"]["tube"] == second
    answer = await scan(first)
    assert (answer["verdict"], answer["word"]) == ("duplicate", "Already picked")
    answer = await scan(second)
    assert (answer["status"], answer["following"]) == ("picked", None)
    assert "scan the tubes in hand again" in answer["message"]
    answer = await scan(place)
    assert (answer["verdict"], answer["word"]) == ("warning", "Nothing here")
    answer = await scan(third)
    assert answer["verdict"] == "stop"
    answer = await scan("nonsense")
    assert (answer["verdict"], answer["code"]) == ("stop", "NONSENSE")


async def test_a_replayed_scan_is_one_pick(api, database, world):
    made = await stored(api, database, world, tubes=1)
    tech = api("technician")
    code = await listed(tech, made.tubes)
    key = "0b0f8f1e-7d0e-4a53-9a0a-6f9f0e6b1c11"
    first = await tech.ok(f"/pick-lists/{code}/scan", {"text": made.tubes[0]}, key=key)
    again = await tech.ok(f"/pick-lists/{code}/scan", {"text": made.tubes[0]}, key=key)
    assert first == again


async def test_a_tube_that_left_the_site_is_not_picked(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    tech = api("technician")
    code = await listed(tech, made.tubes)
    await superuser.execute(CONTEXT)
    chicago = await superuser.fetchval("select id from site where code = 'CHI'")
    await superuser.execute("update custody set site_id = $1 where specimen_id = $2", chicago, made.tube_ids[0])
    gone = await tech.post(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]})
    assert reasons(gone) == {made.tubes[0]: "not_here"}
    assert reasons(await api("manager").post(f"/pick-lists/{code}/picks", {"tube": made.tubes[0]})) == {
        made.tubes[0]: "not_here"
    }
    view = await tech.ok(f"/pick-lists/{code}/skip", {"tube": made.tubes[0], "note": "It is in Chicago"})
    assert statuses(view)[made.tubes[0]] == "skipped"
    await tech.ok(f"/specimens/{made.tubes[1]}/use-up", {"reason": "Empty"})
    ended = await tech.post(f"/pick-lists/{code}/picks", {"tube": made.tubes[1]})
    assert reasons(ended) == {made.tubes[1]: "ended"}
