"""Goods-in: a maker's codes are registered once for ever, and a study can insist on it."""

from uuid import uuid4

from tests.material import make_material

CODES = b"Tube ID,Lot\n0012345678,L1\n0012345679,L1\nNO TUBE,\n"


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def hand_in(person, content, *, name="codes.csv", **form):
    return await person.client.post(
        "/api/v1/deliveries",
        files={"file": (name, content)},
        data={"study": "LLS", "site": "LAB", "namespace": "azenta", **form},
        headers={"Idempotency-Key": str(uuid4())},
    )


async def test_codes_are_registered_before_they_are_used(api, database, world, superuser):
    tech, manager = api("technician"), api("manager")
    made = await make_material(database, world, tubes=2)
    one, two = made.tubes
    rule = await manager.ok("/deliveries/rules", {"study": "LLS", "namespace": "azenta", "required": True})
    assert rule == {"study": "LLS", "namespace": "azenta", "required": True}
    path = f"/specimens/{one}/codes"
    refused = await tech.post(path, {"namespace": "azenta", "value": "0012345678"})
    assert kind(refused) == (409, "vendor-code-unknown")
    assert (await tech.post(path, {"namespace": "legacy", "value": "OLD-1"})).is_success, "other makers are not asked"
    done = (await hand_in(tech, CODES, lot="L1")).json()
    assert (done["count"], done["used"], done["lot"], done["maker"]) == (2, 0, "L1", "Azenta / FluidX tube code")
    await tech.ok(path, {"namespace": "azenta", "value": "0012345678"})
    short = await tech.post(f"/specimens/{two}/codes", {"namespace": "azenta", "value": "12345679"})
    assert kind(short) == (409, "vendor-code-unknown"), "leading zeros are part of a code"
    assert (await tech.see(f"/deliveries/{done['number']}"))["used"] == 1
    listed = await tech.see("/deliveries")
    assert [row["number"] for row in listed] == [done["number"]]
    twice = await tech.post(f"/specimens/{two}/codes", {"namespace": "azenta", "value": "0012345678"})
    assert kind(twice) == (409, "code-taken")
    await manager.ok("/deliveries/rules", {"study": "LLS", "namespace": "azenta", "required": False})
    await tech.ok(f"/specimens/{two}/codes", {"namespace": "azenta", "value": "FREE-1"})
    taken = await superuser.fetchrow("select specimen_id from vendor_code where value = '0012345678'")
    assert taken["specimen_id"] == made.tube_ids[0]


async def test_every_bad_line_is_named_and_nothing_is_registered(api, database, world):
    tech = api("technician")
    assert (await hand_in(tech, CODES)).is_success
    made = await make_material(database, world, tubes=1)
    await tech.ok(f"/specimens/{made.tubes[0]}/codes", {"namespace": "azenta", "value": "USED-1"})
    lines = ["N1", "0012345678", "two words", "N1", "1.2E+9", "NO READ", "x" * 65, "USED-1", "N2"]
    refused = await hand_in(tech, "\n".join(lines).encode())
    assert kind(refused) == (422, "vendor-codes-refused")
    body = refused.json()
    assert [one["line"] for one in body["bad"]] == [2, 3, 4, 5, 6, 7, 8]
    assert (body["count"], "and 2 more" in body["detail"]) == (7, True)
    assert (await hand_in(tech, b"N1\nN2")).is_success, "nothing of the bad file was registered"
    assert kind(await hand_in(tech, b"N1\nN2")) == (422, "vendor-codes-refused")
    assert (await hand_in(tech, b"N1\nN2", namespace="micronic")).is_success, "another maker counts for itself"


async def test_what_is_no_file_of_codes_is_refused(api):
    tech = api("technician")
    for content in (b"", b"a,b\nc,d", b"\0", b"NO TUBE"):
        assert kind(await hand_in(tech, content)) == (422, "vendor-codes-refused"), content
    assert (await hand_in(tech, b"x" * 1_100_000)).status_code == 413
    assert (await hand_in(tech, b"A1", namespace="house")).status_code == 422
    assert (await hand_in(tech, b"A1", namespace="nobody")).status_code == 422
    assert (await hand_in(tech, b"A1", study="OTH")).status_code == 404
    assert (await hand_in(tech, b"A1", site="TOR")).status_code == 404
    assert (await hand_in(tech, b"A1", name="")).status_code in {400, 422}
    assert (await tech.get("/deliveries/999")).status_code == 404
    rule = {"study": "LLS", "namespace": "house", "required": True}
    assert (await api("manager").post("/deliveries/rules", rule)).status_code == 422
    assert (await tech.post("/deliveries/rules", rule)).status_code == 403


async def test_a_map_of_racks_is_a_list_of_codes(api, browser):
    tech = api("technician")
    mapped = b"Rack ID,R1\nRack ID,Well,2D Barcode\nR1,A1,FD1\nR1,A2,NO TUBE\nR1,A3,FD2"
    assert (await hand_in(tech, mapped)).json()["count"] == 2
    assert (await hand_in(tech, b"A1,FD3\nA2,FD4\nA3,FD5")).json()["count"] == 3
    page = await browser("manager")
    assert "No study asks for it." in (await page.get("/deliveries")).text
    form = {"place": "LLS/LAB", "namespace": "azenta"}
    sent = await page.post("/deliveries", form, files={"file": ("codes.txt", b"FD6\nFD7")})
    assert sent.status_code == 303
    again = await page.post("/deliveries", form, files={"file": ("codes.txt", b"FD6\nFD7")})
    assert "line 1: FD6 is registered already" in again.text
    assert "Choose the maker" in (await page.post("/deliveries", form)).text
    await page.post("/deliveries/rules", {"study": "LLS", "namespace": "azenta", "required": "yes"})
    shown = (await page.get("/deliveries")).text
    assert "LLS, azenta" in shown
    assert "codes.txt" in shown
