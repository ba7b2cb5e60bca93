"""SPREC on the tube's page, code tables, and BRISQ, as a browser without scripts sees them."""

import re
from datetime import datetime, timedelta
from uuid import uuid4

from tests.api.specimen_steps import COLLECTED, NOW, collected, tube, vials
from tests.material import make_material


async def send(browser, path, file=None, **fields):
    form = {"_csrf_token": browser.client.cookies.get("csrftoken", ""), "_key": str(uuid4()), **fields}
    parts = {name: (None, value) for name, value in form.items()}
    if file is not None:
        parts["file"] = file
    return await browser.client.post(path, files=parts)


async def test_the_tube_tells_its_code_and_takes_corrections(browser, api):
    _, (parent,) = await collected(api, tube())
    made = await api("technician_chi").ok(f"/specimens/{parent['code']}/aliquots", vials("500"))
    vial = made["made"][0]["code"]
    technician = await browser("technician_chi")
    text = (await technician.get(f"/specimens/{vial}")).text
    assert ("SER-SST-X-X-X-X-X" in text, "no centrifugation is recorded" in text) == (True, True)
    assert "not verified" in text
    seen = re.search(r'name="seen" value="(2[^"]+T[^"]+)"', text)[1]
    assert datetime.fromisoformat(seen) == COLLECTED
    local = (COLLECTED - timedelta(minutes=30)).astimezone().isoformat()
    done = await technician.post(
        f"/specimens/{vial}/collection-time", {"collected_at": local, "seen": seen, "reason": "typed wrong"}
    )
    assert (done.status_code, done.headers["location"]) == (303, f"/specimens/{vial}#sprec")
    text = (await technician.get(f"/specimens/{vial}")).text
    assert ("the collection time was corrected: typed wrong" in text, "Codes of before: 2" in text) == (True, True)
    work = re.search(r'<option value="(aliquot [^"]+)"', text)[1]
    fixed = await technician.post(
        f"/specimens/{vial}/work", {"work": work, "celsius": "21", "reason": "was written down"}
    )
    assert fixed.status_code == 303
    began = (NOW - timedelta(hours=17)).isoformat()
    moved = await technician.post(
        f"/specimens/{vial}/work", {"work": work, "started_at": began, "reason": "was an hour later"}
    )
    assert moved.status_code == 303
    wrong = await technician.post(f"/specimens/{vial}/work", {"work": "", "reason": "nothing chosen"})
    assert wrong.status_code == 422
    assert "Correct the collection time" not in (await (await browser("scientist")).get(f"/specimens/{vial}")).text


async def test_dna_names_what_it_was_made_from(browser, api):
    _, (blood,) = await collected(api, tube("BLD", "EDTA4", "4000"))
    made = await api("technician_chi").ok(
        f"/specimens/{blood['code']}/aliquots", vials("50", specimen_type="DNA", consumes="100")
    )
    text = (await (await browser("scientist")).get(f"/specimens/{made['made'][0]['code']}")).text
    assert ("has no SPREC of its own" in text, "BLD-PED-X-N-N-N-X" in text) == (True, True)


async def test_code_tables_are_shown_given_out_and_loaded(browser):
    manager = await browser("manager")
    assert "SPREC 4.0" in (await manager.get("/sprec/4.0")).text
    text = (await manager.get("/sprec/4.0/table.csv")).text
    assert text.startswith("element,code,role")
    form = {"version": "4.1", "title": "Next", "source": "doi", "carry_minutes": "0"}
    for file, said in (
        (None, "Choose the CSV"),
        (("table.csv", b"\xff\xfe\x00"), "no text in UTF-8"),
        (("table.csv", b"x" * 1_000_001), "at most 1 MB"),
        (("table.csv", text.replace("3,B,match", "3,B,maybe").encode()), "role is not match"),
    ):
        wrong = await send(manager, "/sprec", file=file, **form)
        assert (wrong.status_code, said in wrong.text) == (422, True), said
    made = await send(manager, "/sprec", file=("table.csv", text.encode()), **form)
    assert (made.status_code, made.headers["location"]) == (303, "/sprec/4.1")
    shown = (await manager.get("/sprec")).text
    assert ("to compare only" in shown, "Load a code table" in shown) == (True, True)
    assert "Load a code table" not in (await (await browser("scientist")).get("/sprec")).text
    assert (await manager.get("/sprec/9.9")).status_code == 404


async def test_brisq_of_pasted_codes_is_a_paragraph_and_a_file(browser, database, world):
    made = await make_material(database, world, tubes=2)
    scientist = await browser("scientist")
    assert "Paste" in (await scientist.get("/brisq")).text
    shown = await scientist.get(f"/brisq?codes={made.tubes[0]}%0A{made.tubes[1]}")
    assert (shown.status_code, "2 tubes of 1 participant" in shown.text, "not recorded" in shown.text) == (
        200,
        True,
        True,
    )
    file = await scientist.get(f"/brisq/table.csv?codes={made.tubes[0]}+{made.tubes[1]}")
    assert len(file.text.splitlines()) == 3
    wrong = await scientist.get("/brisq?codes=nonsense")
    assert (wrong.status_code, "no tube&#39;s id" in wrong.text) == (422, True)
