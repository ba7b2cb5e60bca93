"""Equipment, deviations, measurements and derivatives on pages, without JavaScript."""

from datetime import timedelta

from tests.api.specimen_steps import COLLECTED, centrifuge, collected, day, tube
from tests.pages.test_specimen_pages import local


async def test_equipment_is_registered_calibrated_and_retired_on_its_page(browser):
    page = await browser("manager")
    form = {"site": "CHI", "code": "CF-1", "title": "Centrifuge 1", "kind": "centrifuge", "calibration_due": day(-9)}
    made = await page.post("/equipment", form)
    assert (made.status_code, made.headers["location"]) == (303, "/equipment/CHI/CF-1")
    again = await page.post("/equipment", form)
    assert again.status_code == 409
    assert "choose another code" in again.text
    assert "overdue" in (await page.get("/equipment?site=CHI")).text
    item = made.headers["location"]
    program = {"program": "SERUM", "program_title": "Serum", "g_force": "1300", "brake": "true", "tube.SST": "true"}
    assert (await page.post(f"{item}/programs", program)).status_code == 303
    shown = (await page.get(item)).text
    assert "1300 g" in shown.replace("\u202f", " ").replace("\u00a0", " ").replace(",", "")
    assert "SST" in shown
    calibrated = {"calibrated_on": day(-2), "calibration_due": day(300), "certificate": "DKD 1", "row_version": "2"}
    assert (await page.post(f"{item}/calibrations", calibrated)).status_code == 303
    stale = await page.post(f"{item}/calibrations", calibrated)
    assert "changed by somebody else" in stale.text
    assert (await page.post(f"{item}/programs/SERUM/withdraw", {"reason": "New SOP"})).status_code == 303
    assert "withdrawn" in (await page.get(item)).text
    gone = {"status": "retired", "reason": "Sold", "row_version": "4"}
    assert (await page.post(f"{item}/status", gone)).status_code == 303
    assert "Record a calibration" not in (await page.get(item)).text
    assert (await (await browser("stranger")).get(item)).status_code == 404
    assert "Register equipment" not in (await (await browser("technician_chi")).get("/equipment")).text


async def test_a_lot_is_registered_by_the_technician(browser):
    page = await browser("technician_chi")
    lot = {"site": "CHI", "reagent": "Lymphoprep", "lot": "L-1", "expires_on": day(-9)}
    assert (await page.post("/equipment/lots", lot)).status_code == 303
    assert "expired" in (await page.get("/equipment")).text
    assert (await page.post("/equipment/lots", lot)).status_code == 409


async def test_a_deviation_is_recorded_and_resolved_on_the_tube(browser, api):
    _, (one, two) = await collected(api, tube(), tube())
    page = await browser("technician_chi")
    url = f"/specimens/{one['code']}"
    assert (await page.post(f"{url}/deviations", {"type": "broken", "comment": "Dropped"})).status_code == 303
    shown = (await page.get(url)).text
    assert "not to be shipped or measured" in shown
    assert "Dropped" in shown
    assert (await page.post(f"{url}/deviations", {"type": "broken"})).status_code == 409
    done = await page.post(f"{url}/deviations/resolve", {"type": "broken", "resolution": "It was another tube"})
    assert done.status_code == 303
    assert "It was another tube" in (await page.get(url)).text
    codes = f"{one['code']} {two['code']}"
    assert one["code"] in (await page.get(f"/specimens/deviations?codes={one['code']}")).text
    many = await page.post("/specimens/deviations", {"specimens": codes, "type": "haemolysis"})
    assert many.status_code == 303
    again = await page.post("/specimens/deviations", {"specimens": codes, "type": "haemolysis"})
    assert (again.status_code, "open already" in again.text, one["code"] in again.text) == (409, True, True)


async def test_measurements_by_form_by_file_and_by_paste(browser, api):
    await centrifuge(api)
    _, (one,) = await collected(api)
    page = await browser("technician_chi")
    url = f"/specimens/{one['code']}"
    form = {"quantity": "haemolysis_index", "text": "2", "equipment": "CF-1", "measured_at": local(COLLECTED)}
    assert (await page.post(f"{url}/measurements", form)).status_code == 303
    assert "Haemolysis index" in (await page.get(url)).text
    refused = await page.post(f"{url}/measurements", form | {"text": "9"})
    assert (refused.status_code, "at most 4" in refused.text) == (422, True)
    assert "specimen, quantity, value" in (await page.get("/specimens/measurements")).text
    table = f"specimen,quantity,value\n{one['code']},rin,8.7\n"
    sent = await page.post("/specimens/measurements", {}, files={"file": ("qc.csv", table.encode())})
    assert sent.status_code == 303, sent.text
    bad = await page.post("/specimens/measurements", {"text": table + f"{one['code']},rin,high\n"}, files={"x": b""})
    assert bad.status_code == 422
    assert "high is not a number" in bad.text
    for files, words in (({"file": ("qc.csv", b"\xff\xfe\x00")}, "no text"), ({"x": b""}, "Choose a file")):
        assert words in (await page.post("/specimens/measurements", {}, files=files)).text


async def test_derivatives_are_made_with_what_was_measured(browser, api):
    _, (cpt,) = await collected(api, tube("BLD", "CPT", "8000"))
    page = await browser("technician_chi")
    url = f"/specimens/{cpt['code']}/derive"
    assert "Vial 8 holds" in (await page.get(url)).text
    form = {
        "work": "ficoll",
        "specimen_type": "CEL",
        "tube_type": "CRYO20",
        "consumes": "8000",
        "nominal": "10",
        "started_at": local(COLLECTED + timedelta(hours=1)),
        "vials.0.quantity": "10",
        "vials.0.cell_count": "10",
        "vials.0.viability": "97",
        "vials.2.quantity": "3",
        "vials.2.blind": "true",
    }
    refused = await page.post(url, form | {"vials.0.cell_count": "20"})
    assert (refused.status_code, "20 million cells" in refused.text) == (422, True)
    assert 'value="97"' in refused.text
    made = await page.post(url, form)
    assert made.status_code == 303, made.text
    codes = made.headers["location"].partition("=")[2].split(",")
    blind = (await page.get(f"/specimens/{codes[1]}")).text
    assert "blind duplicate" in blind
    assert cpt["code"] not in blind
    assert cpt["code"] in (await (await browser("manager")).get(f"/specimens/{codes[1]}")).text


async def test_processing_with_a_program_and_a_named_deviation(browser, api):
    await centrifuge(api, calibration_due=day(-30))
    _, (one,) = await collected(api, tube("BLD", "EDTA10"))
    page = await browser("technician_chi")
    form = {
        "specimens": one["code"],
        "type": "centrifuge",
        "started_at": local(COLLECTED + timedelta(hours=1)),
        "equipment": "CF-1",
        "program": "SERUM",
    }
    refused = await page.post("/specimens/process", form)
    assert (refused.status_code, "meant for SST" in refused.text) == (409, True)
    done = await page.post("/specimens/process", form | {"deviation_type": "other", "deviation_comment": "Told so"})
    assert done.status_code == 303, done.text
    shown = (await page.get(f"/specimens/{one['code']}")).text
    assert "calibration overdue" in shown
    assert "wrong program" in shown
    assert "Told so" in shown
