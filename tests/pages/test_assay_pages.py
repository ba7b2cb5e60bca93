"""The pages of assays, runs and results, used as a browser without scripts uses them."""

import re
from uuid import uuid4

from tests.bench import imported, plan, plate_map, plated, released, xponent
from tests.material import make_material

MINUS = "\N{MINUS SIGN}"
FIELD = re.compile(r'name="(name|format|packed)" value="([^"]*)"')


async def send(browser, path, file=None, **fields):
    """A multipart form as a browser sends it; a file field without a file is empty."""
    form = {"_csrf_token": browser.client.cookies.get("csrftoken", ""), "_key": str(uuid4()), **fields}
    parts = {name: (None, value) for name, value in form.items()}
    if file is not None:
        parts["file"] = file
    return await browser.client.post(path, files=parts)


async def test_a_manager_sets_up_an_assay_and_a_technician_plans_a_run(browser):
    manager = await browser("manager")
    assert "No assays yet" in (await manager.get("/assays")).text
    form = {"study": "LLS", "code": "BEADS", "title": "Bead panel", "platform": "Luminex", "method": "As the kit says"}
    wrong = await manager.post("/assays", {**form, "importer": "luminex_xponent", "analytes": "AG-A\n"})
    assert (wrong.status_code, "line 1 cannot be read" in wrong.text, "As the kit says" in wrong.text) == (
        422,
        True,
        True,
    )
    long = await manager.post("/assays", {**form, "importer": "luminex_xponent", "analytes": "\na,b,c,d,1,2,3"})
    assert "Line 2 has more than six parts" in long.text
    made = await manager.post(
        "/assays", {**form, "importer": "luminex_xponent", "analytes": "AG-A, MFI, alpha, Alpha, 1.50, 9\nAG-B, MFI"}
    )
    assert made.status_code == 303
    text = (await manager.get("/assays")).text
    assert "1.50" in text
    assert "Set up an assay" not in (await (await browser("scientist")).get("/assays")).text

    technician = await browser("technician")
    assert "No runs here" in (await technician.get("/runs")).text
    refused = await technician.post("/runs", {"place": "LLS/LAB", "assay": "BEADS", "name": "no spaces please"})
    assert (refused.status_code, "no spaces please" in refused.text) == (422, True)
    plan = {"place": "LLS/LAB", "assay": "BEADS", "name": "run-1", "plate_size": "96", "plates": "1"}
    planned = await technician.post("/runs", plan)
    assert planned.status_code == 303
    assert "Planned" in (await technician.get(planned.headers["location"])).text
    assert "run-1" in (await technician.get("/runs?status=planned")).text
    assert "run-1" not in (await technician.get("/runs?status=released")).text


async def test_plate_preview_import_review_and_release(browser, api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    technician = await browser("technician")
    run = f"/runs/{bench.plate}"
    none = await send(technician, f"{run}/plate-map", file=("", b""))
    assert (none.status_code, "Choose a file" in none.text) == (422, True)
    bad = await send(technician, f"{run}/plate-map", file=("map.csv", plate_map({"A1": "nothing"})))
    assert (bad.status_code, "line 2, well A1: there is no tube" in bad.text) == (422, True)
    good = plate_map({"A1": bench.material.tubes[0], "B1": "control high"})
    assert (await send(technician, f"{run}/plate-map", file=("map.csv", good))).status_code == 303
    scan = await technician.post(f"{run}/wells", {"well": "c1", "code": bench.material.tubes[1], "role": "unknown"})
    assert scan.status_code == 303
    wrong = await technician.post(f"{run}/wells", {"well": "Z9", "code": bench.material.tubes[1]})
    assert (wrong.status_code, "the plate has no well Z9" in wrong.text) == (422, True)

    junk = await send(technician, f"{run}/preview", file=("notes.txt", b"nothing of use"))
    assert (junk.status_code, "no importer recognises this file" in junk.text) == (422, True)
    stray = await send(technician, f"{run}/preview", file=("x.csv", xponent({"H12": "s"}, ["alpha"])))
    assert "This file cannot be imported into the run" in stray.text
    assert "Import</button>" not in stray.text
    content = xponent({"A1": "s1", "B1": "c", "C1": "s2"}, ["alpha"], value="-2.50")
    seen = await send(technician, f"{run}/preview", file=("export.csv", content))
    assert seen.status_code == 200
    assert "nothing is stored yet" in seen.text
    assert "Waits for review" not in (await technician.get(run)).text
    fields = dict(FIELD.findall(seen.text))
    lost = await send(technician, f"{run}/import", **{**fields, "packed": "####"})
    assert (lost.status_code, "The form lost its file" in lost.text) == (422, True)
    assert (await send(technician, f"{run}/import", **fields)).status_code == 303
    text = (await technician.get(run)).text
    assert "Waits for review" in text
    assert "An assay reviewer looks at this run next" in text
    well = (await technician.get(f"{run}/wells/1/C1")).text
    assert f"{MINUS}2.50" in well
    assert "s2" in well

    reviewer = await browser("reviewer")
    assert "You are the second pair of eyes" in (await reviewer.get(run)).text
    assert (await reviewer.post(f"{run}/verify", {})).status_code == 303
    assert (await reviewer.post(f"{run}/nonsense", {})).status_code == 422
    assert "Releasing gives the results to scientists" in (await reviewer.get(run)).text
    assert (await reviewer.post(f"{run}/release", {})).status_code == 303
    late = await reviewer.post(f"{run}/fail", {"reason": "too late for that"})
    assert (late.status_code, "is released" in late.text) == (409, True)


async def test_a_scientist_looks_and_downloads(browser, api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control", "C1": bench.material.tubes[1]})
    await imported(api, bench, xponent({"A1": "s1", "B1": "c", "C1": "s2"}, ["alpha"], value="-2.50"))
    await released(api, bench)
    scientist = await browser("scientist")
    assert "Whose results" in (await scientist.get("/results")).text
    empty = await scientist.post("/results", {"study": "", "participants": ""})
    assert (empty.status_code, "Choose a study" in empty.text) == (422, True)
    asked = {"study": "LLS", "participants": f"{bench.material.participant}\nPAAAAAAAAA", "analytes": ["AG-alpha"]}
    found = await scientist.post("/results", {**asked, "quantities": "Median"})
    assert found.status_code == 200
    assert "1 participants" in found.text
    assert "check character" in found.text
    assert f'<td class="n">{MINUS}2.50</td>' in found.text
    pulled = await scientist.post(
        "/results/pulls", {"study": "LLS", "participants": "", "analytes": "AG-alpha", "quantities": "Median"}
    )
    assert pulled.status_code == 303
    table = await scientist.get(pulled.headers["location"])
    assert table.text.count("\n") == 3
    assert ",-2.50," in table.text
    linked = await scientist.get(f"/results?study=LLS&participant={bench.material.participant}")
    assert bench.material.tubes[0] in linked.text.replace("-", "")
    reader = await browser("reviewer")
    assert "Download CSV" not in (await reader.post("/results", {"study": "LLS"})).text


async def test_who_ran_it_is_told_why_they_cannot_review(browser, api, database, world, superuser):
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "insert into role_grant (user_id, role, study_id, valid_from) "
        "select u.id, 'assay_reviewer', s.id, now() from app_user u, study s "
        "where u.username = 'technician' and s.code = 'LLS'"
    )
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control"})
    await imported(api, bench, xponent({"A1": "s", "B1": "c"}, ["alpha"]))
    both = await browser("technician")
    assert "four eyes. Ask another reviewer" in (await both.get(f"/runs/{bench.plate}")).text
    refused = await both.post(f"/runs/{bench.plate}/verify", {})
    assert (refused.status_code, "ask another reviewer" in refused.text) == (403, True)


async def test_a_failed_run_says_so(browser, api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    reviewer = await browser("reviewer")
    assert (await reviewer.post(f"/runs/{bench.plate}/fail", {"reason": ""})).status_code == 422
    assert (await reviewer.post(f"/runs/{bench.plate}/fail", {"reason": "Spilled"})).status_code == 303
    assert "Failed" in (await reviewer.get(f"/runs/{bench.plate}")).text


async def test_pages_are_for_those_who_may(browser, api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    await make_material(database, world, tubes=1)
    assert (await (await browser("stranger")).get(f"/runs/{bench.plate}")).status_code == 404
    assert (await (await browser("clerk")).get("/runs")).status_code == 403
    assert (await (await browser("technician")).get("/results")).status_code == 403
    missing = await (await browser("technician")).get(f"/runs/{bench.plate}/wells/1/A1")
    assert missing.status_code == 404
