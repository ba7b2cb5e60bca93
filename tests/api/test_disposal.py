"""Disposal by two people: the list in freezer order, two words on each tube, and what never comes back."""

from tests.material import make_material
from tests.picklists import listed
from tests.shelves import box, freezer, rack
from tests.shipping import packed
from tests.withdrawing import withdraw


def problem(response, status, code):
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{code}"), response.text
    return response.json()


async def planned(api, tubes, **given):
    body = {"study": "LLS", "site": "LAB", "reason": "surplus", "words": "More than the protocol keeps", **given}
    return await api("manager").ok("/disposals", {**body, "tubes": list(tubes)})


async def test_a_list_is_in_the_order_in_which_one_walks(api, database, world):
    made = await make_material(database, world, tubes=5)
    racks = [await rack(api, await freezer(api, name=f"Freezer {number}")) for number in (10, 2)]
    boxes = {
        (freezer_no, number): await box(api, parent, name=f"Box {number}")
        for freezer_no, parent in zip((10, 2), racks, strict=True)
        for number in (12, 3)
    }
    at = [((10, 3), "A2"), ((2, 12), "A1"), ((2, 3), "B1"), ((2, 3), "A9")]
    for tube, (place, position) in zip(made.tubes, at, strict=False):
        body = {"tube": tube, "box": boxes[place], "position": position}
        await api("technician").ok("/storage/placements", body)
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    (disposal,) = case["disposals"]
    seen = await api("technician").see(f"/disposals/{disposal['number']}")
    walk = [line["place"] for line in seen["lines"]]
    assert walk == [
        "Freezer 2 / Rack B / Box 3 / A9",
        "Freezer 2 / Rack B / Box 3 / B1",
        "Freezer 2 / Rack B / Box 12 / A1",
        "Freezer 10 / Rack B / Box 3 / A2",
        "in the hands of Technician, Central laboratory",
    ]
    assert any("1 tube: Freezer 10, Central laboratory" in line for line in case["statement"]["will"])


async def test_two_people_destroy_a_tube_and_it_never_comes_back(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    first, second = made.tubes
    view = await planned(api, made.tubes)
    url = f"/disposals/{view['number']}/confirmations"
    assert (view["tubes"], view["open"], view["counts"]["listed"]) == (2, 2, 2)
    assert (await api("technician").post(url, {"tube": first})).json()["errors"] == {"method": "is missing"}
    once = await api("technician").ok(url, {"tube": first, "method": "autoclaved"})
    assert once["counts"]["confirmed"] == 1
    problem(await api("technician").post(url, {"tube": first, "method": "autoclaved"}), 409, "second-person")
    twice = await api("technician2").ok(url, {"tube": first})
    assert twice["counts"]["disposed"] == 1
    line = next(line for line in twice["lines"] if line["tube"] == first)
    assert (line["first_by"], line["second_by"], line["method"]) == ("Technician", "Technician2", "autoclaved")
    problem(await api("manager").post(url, {"tube": first, "method": "chemical"}), 409, "disposal-closed")
    assert (await api("technician").see(f"/specimens/{first}"))["existence"] == "disposed"
    place = await box(api, await rack(api, await freezer(api)))
    problem(await api("technician").post("/storage/placements", {"tube": first, "box": place}), 409, "tube-ended")
    # One that two people do not find is lost, and a second person who finds it after all begins anew.
    await api("technician").ok(url, {"tube": second, "found": False})
    found = await api("technician2").ok(url, {"tube": second, "method": "chemical"})
    assert found["counts"]["confirmed"] == 1
    await api("manager").ok(url, {"tube": second, "found": False})
    gone = await api("technician").ok(url, {"tube": second, "found": False})
    assert (gone["counts"]["not_found"], gone["open"]) == (1, 0)
    assert (await api("manager").see(f"/specimens/{second}"))["existence"] == "lost"
    assert [row["number"] for row in (await api("technician").see("/disposals", is_open=False))["rows"]] == [
        view["number"]
    ]
    assert (await api("technician").see("/disposals", is_open=True, site="LAB"))["rows"] == []
    assert (await api("technician").get("/disposals/nonsense")).status_code == 404


async def test_what_may_not_be_on_a_list(api, database, world):
    made = await make_material(database, world, tubes=5)
    free, parcel, wanted, gone, listed_already = made.tubes
    away = (await make_material(database, world, tubes=1, at="CHI")).tubes[0]
    await packed(api("clerk"), [parcel])
    await listed(api("technician"), [wanted])
    await api("technician").ok(f"/specimens/{gone}/use-up", {"reason": "Empty"})
    view = await planned(api, [listed_already])
    body = {"study": "LLS", "site": "LAB", "reason": "unfit", "words": "Broken vials"}
    for tubes, status, code in (
        ([parcel], 409, "not-to-dispose"),
        ([wanted], 409, "not-to-dispose"),
        ([gone], 409, "not-to-dispose"),
        ([listed_already], 409, "on-disposal-list"),
        ([free, away], 422, "invalid"),
        ([free, free], 422, "invalid"),
        (["TAAAAAAAAA"], 422, "invalid"),
    ):
        problem(await api("manager").post("/disposals", {**body, "tubes": tubes}), status, code)
    problem(
        await api("manager").post("/disposals", {**body, "reason": "consent_withdrawn", "tubes": [free]}),
        422,
        "invalid",
    )
    other = {"tube": free, "method": "autoclaved"}
    problem(await api("technician").post(f"/disposals/{view['number']}/confirmations", other), 404, "not-found")
    assert (await api("technician").post("/disposals", {**body, "tubes": [free]})).status_code == 403


async def test_a_tube_is_taken_off_a_list_but_not_off_a_withdrawals(api, database, world):
    made = await make_material(database, world, tubes=1)
    view = await planned(api, made.tubes)
    url = f"/disposals/{view['number']}"
    word = {"tube": made.tubes[0], "method": "autoclaved"}
    await api("technician").ok(f"{url}/confirmations", word)
    struck = await api("manager").ok(f"{url}/strikes", {"tube": made.tubes[0], "reason": "Needed after all"})
    assert (struck["counts"]["struck"], struck["open"]) == (1, 0)
    problem(
        await api("manager").post(f"{url}/strikes", {"tube": made.tubes[0], "reason": "again"}), 409, "disposal-closed"
    )
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    (disposal,) = case["disposals"]
    url = f"/disposals/{disposal['number']}"
    problem(await api("manager").post(f"{url}/strikes", {"tube": made.tubes[0], "reason": "no"}), 422, "invalid")
    kept = {"tube": made.tubes[0], "reason": "Needed after all"}
    problem(await api("manager").post(f"{url}/strikes", kept), 409, "not-to-dispose")


async def test_a_list_of_another_site_is_not_there(api, database, world):
    made = await make_material(database, world, tubes=1)
    view = await planned(api, made.tubes)
    url = f"/disposals/{view['number']}"
    assert (await api("technician_chi").get(url)).status_code == 404
    word = {"tube": made.tubes[0], "method": "autoclaved"}
    assert (await api("technician_chi").post(f"{url}/confirmations", word)).status_code == 404
    assert (await api("stranger").get(url)).status_code == 404


async def test_a_tube_that_somebody_reserved_is_not_thrown_away_unawares(api, database, world):
    made = await make_material(database, world, tubes=2)
    first, second = made.tubes
    await api("scientist").ok("/reservations", {"tubes": [first], "purpose": "RNA of flares"})
    body = {"study": "LLS", "site": "LAB", "reason": "surplus", "words": "More than the protocol keeps"}
    told = problem(await api("manager").post("/disposals", body | {"tubes": list(made.tubes)}), 409, "tube-reserved")
    assert "is reserved by Scientist for RNA of flares" in told["detail"]
    view = await planned(api, made.tubes, override="The study board decided it")
    (ended,) = (await api("scientist").see("/reservations", ended=True))["rows"]
    assert ended["ending"] == "released"
    await api("scientist").ok("/reservations", {"tubes": [second], "purpose": "RNA of flares"})
    url = f"/disposals/{view['number']}/confirmations"
    told = problem(await api("technician").post(url, {"tube": second, "method": "autoclaved"}), 409, "tube-reserved")
    assert told["detail"].startswith("Leave it where it is")
    await api("technician").ok(url, {"tube": first, "method": "autoclaved"})
    await api("technician").ok(url, {"tube": second, "found": False})
