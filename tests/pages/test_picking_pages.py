"""The pages of picking as a browser without scripts sees them."""

from tests.bench import plan
from tests.material import make_material
from tests.picklists import PURPOSE, listed, picked, seen, step, stored, verified
from tests.shipping import DRY_ICE, draft


async def test_a_list_is_made_walked_verified_and_handed_over(api, browser, database, world):
    made = await stored(api, database, world, tubes=2)
    first, second = made.tubes
    tech = await browser("technician")
    empty = (await tech.get("/pick-lists")).text
    assert "No pick lists yet" in empty
    form = {"purpose": PURPOSE, "destination": "bench", "tubes": f"{first}\r\n{second} {first}"}
    answer = await tech.post("/pick-lists/new", form)
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    page = (await tech.get(path)).text
    assert page.index(f"{first[:4]}-{first[4:8]}") > 0
    assert "Take this one" in page or "take this one" in page
    assert 'class="s-take"' in page
    sheet = await tech.get(f"{path}/list.pdf")
    assert (sheet.headers["content-type"], sheet.content[:5]) == ("application/pdf", b"%PDF-")
    answer = await tech.post(f"{path}/scan", {"scan": second})
    assert answer.status_code == 200
    assert "Picked" in answer.text
    assert "verdict is-ok" in answer.text
    stop = await tech.post(f"{path}/scan", {"scan": "nonsense"})
    assert "verdict is-stop" in stop.text
    settle = {"deed": "short", "tube": first}
    assert (await tech.post(f"{path}/settle", settle)).status_code == 422
    assert (await tech.post(f"{path}/settle", {**settle, "note": "Half of it is gone"})).status_code == 303
    page = (await tech.get(path)).text
    assert "Scan every tube in hand again" in page
    assert (await tech.post(f"{path}/undo", {"tube": first})).status_code == 303
    assert (await tech.post(f"{path}/settle", {"deed": "not_found", "tube": first})).status_code == 303
    version = await seen(api("technician"), path.rpartition("/")[2])
    wrong = await tech.post(f"{path}/verify", {"tubes": first, "row_version": version})
    assert wrong.status_code == 409
    assert "not scanned" in wrong.text
    assert (await tech.post(f"{path}/verify", {"tubes": second, "row_version": version})).status_code == 303
    page = (await tech.get(path)).text
    assert "For which shipment, run or bench" in page
    version = await seen(api("technician"), path.rpartition("/")[2])
    form = {"handed_for": "Run 14", "receiver": "technician2", "row_version": version}
    assert (await tech.post(f"{path}/hand-over", form)).status_code == 303
    page = (await tech.get(path)).text
    assert "Technician2, for Run 14" in page
    lists = (await tech.get("/pick-lists")).text
    assert "Handed over" in lists
    assert "Tubes that are searched for" in lists
    page = (await tech.get("/tube-searches")).text
    assert all(words in page for words in (first, "Freezer 3 / Rack B", "Declare it lost"))
    assert (await tech.post(f"/tube-searches/{first}/give-up", {"reason": "Looked everywhere"})).status_code == 303
    assert "No tube is missing" in (await tech.get("/tube-searches")).text
    assert (
        "Tubes that are searched for" not in (await tech.get("/pick-lists?status=handed_over&site=LAB&study=LLS")).text
    )
    assert "No such pick list" in (await tech.get("/pick-lists?status=unfinished")).text


async def test_a_list_that_cannot_be_made_says_why_and_keeps_what_was_typed(api, browser, database, world):
    made = await make_material(database, world, tubes=1)
    await api("scientist").ok("/reservations", {"tubes": list(made.tubes), "purpose": "RNA of flares"})
    tech = await browser("technician")
    form = {"purpose": PURPOSE, "destination": "bench", "tubes": made.tubes[0]}
    refused = await tech.post("/pick-lists/new", form)
    assert refused.status_code == 409
    assert "is reserved by Scientist for RNA of flares" in refused.text
    assert made.tubes[0] in refused.text
    assert (await tech.post("/pick-lists/new", {**form, "tubes": "T " * 600})).status_code in {409, 422}
    many = " ".join(f"T{number}" for number in range(600))
    assert "At most 500 tubes" in (await tech.post("/pick-lists/new", {**form, "tubes": many})).text


async def test_a_started_a_set_aside_and_a_cancelled_list(api, browser, database, world):
    made = await stored(api, database, world, tubes=2)
    tech = await browser("technician")
    code = await listed(api("technician"), made.tubes)
    path = f"/pick-lists/{code}"
    version = await seen(api("technician"), code)
    assert (await tech.post(f"{path}/start", {"row_version": version})).status_code == 303
    assert (await tech.post(f"{path}/start", {"row_version": version})).status_code == 409
    assert (await tech.post(f"{path}/settle", {"deed": "unheard of"})).status_code == 422
    await tech.post(f"{path}/scan", {"scan": made.tubes[0]})
    version = await seen(api("technician"), code)
    assert (await tech.post(f"{path}/cancel", {"row_version": version, "reason": "Put off"})).status_code == 303
    page = (await tech.get(path)).text
    assert "To be put back" in page
    assert "Put off" in page
    looker = await browser("auditor")
    assert (await looker.get(path)).status_code == 200
    assert 'id="scan"' not in (await looker.get(path)).text


async def test_a_tube_is_reserved_and_released_on_its_page(api, browser, database, world):
    made = await make_material(database, world, tubes=1)
    tube = made.tubes[0]
    scientist = await browser("scientist")
    page = (await scientist.get(f"/specimens/{tube}")).text
    for axis in ("Existence", "Custody", "Quality", "Reservation"):
        assert f"<dt>{axis}</dt>" in page
    form = {"tubes": tube, "from": "tube", "purpose": "RNA of flares", "days": "7"}
    answer = await scientist.post("/reservations", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/specimens/{tube}")
    page = (await scientist.get(f"/specimens/{tube}")).text
    assert "Scientist for RNA of flares" in page
    assert "Release it" in page
    tech = await browser("technician")
    other = (await tech.get(f"/specimens/{tube}")).text
    assert "Release it" not in other
    assert (await tech.post("/reservations", form)).status_code == 409
    rows = (await tech.get("/specimens?reservation=reserved")).text
    assert f"{tube[:4]}-{tube[4:8]}" in rows
    assert f"{tube[:4]}-{tube[4:8]}" not in (await tech.get("/specimens?reservation=free")).text
    mine = (await scientist.get("/reservations?mine=true&purpose=RNA of flares")).text
    assert f"{tube[:4]}-{tube[4:8]}" in mine
    answer = await scientist.post("/reservations/release", {"tubes": tube, "from": "tube", "reason": "No need"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/specimens/{tube}")
    assert "No tube is reserved" in (await scientist.get("/reservations")).text
    assert (await scientist.post("/reservations", {**form, "from": ""})).headers["location"] == "/reservations"


async def test_a_set_of_reserved_tubes_becomes_a_list(api, browser, database, world):
    made = await make_material(database, world, tubes=2)
    await api("technician").ok("/reservations", {"tubes": list(made.tubes), "purpose": PURPOSE})
    tech = await browser("technician")
    assert f"{PURPOSE} (2)" in (await tech.get("/reservations")).text
    page = (await tech.get(f"/pick-lists/new?reserved_for={PURPOSE}")).text
    assert "selected>" + f"{PURPOSE} (2)" in page
    form = {"purpose": PURPOSE, "destination": "packing", "tubes": "", "reserved_for": PURPOSE}
    answer = await tech.post("/pick-lists/new", form)
    assert answer.status_code == 303
    assert "It stands in no box" in (await tech.get(answer.headers["location"])).text


async def test_a_shipment_takes_a_pick_list_on_its_page(api, browser, database, world):
    made = await stored(api, database, world, tubes=1)
    code = await picked(api("clerk_lab"), made.tubes, destination="packing")
    shipment = await draft(api("clerk"))
    clerk = await browser("clerk_lab")
    early = await clerk.post(f"/shipments/{shipment}/pick-lists", {"pick_list": code, "package": "1"})
    assert early.status_code == 422
    assert "is verified" in early.text
    await step(api("clerk_lab"), code, "verify", tubes=list(made.tubes))
    assert "Pack them into a shipment" in (await clerk.get(f"/pick-lists/{code}")).text
    answer = await clerk.post(f"/shipments/{shipment}/pick-lists", {"pick_list": code, "package": "1"})
    assert answer.status_code == 303
    assert f"{made.tubes[0][:4]}-{made.tubes[0][4:8]}" in (await clerk.get(f"/shipments/{shipment}")).text


async def test_a_manager_gives_a_site_words_and_they_are_chosen_on_the_tube(api, browser, database, world):
    made = await make_material(database, world, tubes=1)
    manager, tech = await browser("manager"), await browser("technician")
    form = {"place": "LLS/LAB", "of": "quality/quarantined", "label": "Haemolysed", "colour": "stop"}
    assert "No words of your own yet" in (await tech.get("/state-labels")).text
    assert (await manager.post("/state-labels", form)).status_code == 303
    assert (await manager.post("/state-labels", form)).status_code in {409, 422}
    assert (await manager.post("/state-labels", {**form, "of": "existence/lost", "label": "Astray"})).status_code == 303
    page = (await tech.get("/state-labels")).text
    assert "Haemolysed" in page
    assert "Retire" not in page
    path = f"/specimens/{made.tubes[0]}"
    assert 'value="label/Haemolysed"' in (await tech.get(path)).text
    chosen = await tech.post(f"{path}/quality", {"quality": "label/Haemolysed", "reason": "Red after the spin"})
    assert chosen.status_code == 303
    page = (await tech.get(path)).text
    assert "quarantined: Haemolysed" in page
    assert (await tech.post(f"{path}/quality", {"quality": "state/acceptable", "reason": "Fine"})).status_code == 303
    assert "quarantined: Haemolysed" not in (await tech.get(path)).text
    retire = {"study": "LLS", "site": "LAB", "axis": "quality", "label": "Haemolysed"}
    assert (await manager.post("/state-labels/retire", retire)).status_code == 303
    assert (await manager.post("/state-labels/retire", retire)).status_code == 404
    assert 'value="label/Haemolysed"' not in (await tech.get(path)).text


async def test_the_tubes_of_a_list_go_on_into_a_run(api, browser, database, world):
    bench = await plan(api, database, world, analytes=["a"], tubes=3)
    first, second, third = bench.material.tubes
    code = await verified(api("technician"), (first, second))
    tech = await browser("technician")
    assert f'href="/runs?pick_list={code}"' in (await tech.get(f"/pick-lists/{code}")).text
    runs = (await tech.get(f"/runs?pick_list={code}")).text
    run = (await api("technician").see(f"/runs/{bench.run}"))["code"]
    assert f'href="/runs/{run}?pick_list={code}#pick-list"' in runs
    assert f'value="{code}"' in (await tech.get(f"/runs/{run}?pick_list={code}")).text
    assert (await tech.post(f"/runs/{run}/wells", {"well": "A1", "code": third})).status_code == 303
    for wrong in ({"pick_list": code, "plate": "7"}, {"pick_list": await listed(api("technician"), (third,))}):
        assert (await tech.post(f"/runs/{run}/pick-list", wrong)).status_code == 422
    done = await tech.post(f"/runs/{run}/pick-list", {"pick_list": code})
    assert done.status_code == 303, done.text
    plate = (await api("technician").see(f"/runs/{bench.run}"))["plates"][0]
    filled = {well["label"]: well["code"] for well in plate["wells"] if well["code"]}
    order = [line["tube"] for line in (await api("technician").see(f"/pick-lists/{code}"))["lines"]]
    assert filled == {"A1": third, "B1": order[0], "C1": order[1]}
    form = {"place": "LLS/LAB", "assay": "BEADS", "name": "run-2", "plate_size": "96", "plates": "1", "pick_list": code}
    assert (await tech.post("/runs", form)).headers["location"].endswith(f"?pick_list={code}#pick-list")


async def test_the_tubes_of_a_list_go_on_into_a_shipment(api, browser, database, world):
    made = await stored(api, database, world, tubes=1)
    code = await verified(api("clerk_lab"), made.tubes, destination="packing")
    draft_of_site = await draft(api("clerk_lab"))
    clerk = await browser("clerk_lab")
    assert f'href="/shipments/new?pick_list={code}"' in (await clerk.get(f"/pick-lists/{code}")).text
    new = (await clerk.get(f"/shipments/new?pick_list={code}")).text
    assert (f'href="/shipments/{draft_of_site}?pick_list={code}"' in new, 'value="LLS/LAB" selected' in new) == (
        True,
        True,
    )
    form = {"from": "LLS/LAB", "to": "site/CHI", "purpose": "Back", "classification": "exempt_human_specimen"}
    begun = (await clerk.post("/shipments/new", {**form, "pick_list": code})).headers["location"]
    assert begun.endswith(f"?pick_list={code}")
    here = begun.partition("?")[0]
    assert "waits to be packed into it" in (await clerk.get(begun)).text
    package = {**DRY_ICE, "pick_list": code}
    added = await clerk.post(f"{here}/packages", package)
    assert added.headers["location"] == begun, added.text
    packed = await clerk.post(f"{here}/pick-lists", {"package": "1", "pick_list": code})
    assert packed.headers["location"] == here, packed.text
    assert (await api("clerk_lab").see(f"/pick-lists/{code}"))["status"] == "handed_over"
