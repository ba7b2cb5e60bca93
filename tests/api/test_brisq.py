"""BRISQ of a set of tubes over JSON: codes, a shipment, a run, a participant."""

from tests.bench import plan, plated
from tests.material import make_material
from tests.shelves import boxed
from tests.shipping import packed


async def test_a_participants_tubes_are_told_with_what_is_not_recorded(api, database, world):
    made = await make_material(database, world, tubes=3, at="LAB")
    place = await boxed(api)
    await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    seen = await api("scientist").see("/brisq", participant=made.participant)
    texts = {one["name"]: one["text"] for one in seen["items"]}
    assert (seen["tubes"], seen["left_out"], len(seen["items"])) == (3, 0, 15)
    assert texts["Biospecimen type"] == "Serum (3)"
    assert texts["Storage temperature"] == "\N{MINUS SIGN}85 to \N{MINUS SIGN}60 °C (1), not recorded (2)"
    assert texts["Storage duration"] == "0 days, not recorded (2)"
    assert texts["Shipping temperature"] == "not shipped (3)"
    assert texts["Vital state of patients"] == "not recorded"
    assert "Type of long-term preservation: freezing (1), not recorded (2)." in seen["paragraph"]
    text = (await api("scientist").get("/brisq/table.csv", participant=made.participant)).text.splitlines()
    assert len(text) == 4
    assert text[1].startswith(f"{made.tubes[0]},Serum,not recorded")


async def test_a_shipment_and_a_run_are_sets_of_tubes(api, database, world):
    sent = await make_material(database, world, tubes=2)
    shipment = await packed(api("clerk"), sent.tubes, to_site="CHI")
    seen = await api("scientist").see("/brisq", shipment=shipment)
    assert (seen["tubes"], "shipment" in seen["of"]) == (2, True)
    bench = await plan(api, database, world, analytes=["a"], tubes=2)
    await plated(api, bench, {"A1": bench.material.tubes[0], "A2": "control"})
    seen = await api("scientist").see("/brisq", run=bench.run)
    assert (seen["tubes"], seen["of"]) == (1, "run run-1")


async def test_a_set_that_is_none_is_told(api, database, world):
    made = await make_material(database, world, tubes=1)
    person = made.participant
    for wanted, status in (
        ({}, 422),
        ({"code": made.tubes, "participant": person}, 422),
        ({"code": ["x"]}, 422),
        ({"code": ["TAAAAAAAAA"]}, 422),
        ({"code": made.tubes * 501}, 422),
        ({"shipment": "XAAAAAAAAA"}, 422),
        ({"run": "none"}, 404),
    ):
        response = await api("scientist").get("/brisq", **wanted)
        assert response.status_code == status, (list(wanted), response.text[:300])
    empty = await api("manager").ok("/participants", {"study": "LLS", "site": "CHI", "enrolled_on": "2026-01-05"})
    response = await api("manager").get("/brisq", participant=empty["code"])
    assert (response.status_code, "has no tubes within your reach" in response.json()["detail"]) == (422, True)
    for other in ("coordinator_tor", "stranger"):
        assert (await api(other).get("/brisq", code=made.tubes)).status_code == 404
        assert (await api(other).get("/brisq", participant=person)).status_code == 404
    assert (await api("clerk").get("/brisq", participant=person)).status_code == 404
    mine = await api("clerk").see("/brisq", code=made.tubes)
    assert mine["items"][3]["text"] == "not recorded"
