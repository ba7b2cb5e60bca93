"""The print queue, jobs, printers and rules as a browser without scripts sees them."""

import re

from tests.material import make_material
from tests.printing_steps import ROLL, add_printer, order, send, simulated


async def test_a_clerk_prints_at_the_printer_of_the_rules_and_settles_what_nobody_knows(api, browser, database, world):
    tubes = (await make_material(database, world, tubes=2)).tubes
    async with simulated("cut_off") as (printer, port):
        key = await add_printer(api, port)
        await api("manager").ok("/printer-rules", {"site": "LAB", "rules": [{"printer": "ZD-1"}], "seen": 0})
        here = await browser("technician")
        form = (await here.get(f"/labels?codes={tubes[0]},{tubes[1]}")).text
        assert f'<option value="{key}" selected>' in form
        queued = await here.post("/labels", {"codes": "\n".join(tubes), "printer": key, "stock": "l4731", "start": "0"})
        assert queued.status_code == 303
        address = queued.headers["location"]
        number = address.rpartition("/")[2]
        assert "waiting" in (await here.get(address)).text
        assert "Print it elsewhere" not in (await here.get(address)).text
        other = await add_printer(api, 9, name="ZD-2")
        assert f'name="job.{number}"' in (await here.get("/print-jobs")).text
        none = await here.post("/print-jobs/moves", {"reason": "out of order", "printer": other})
        assert (none.status_code, "Tick the jobs that you mean" in none.text) == (422, True)
        ticked = {f"job.{number}": "yes", "reason": "out of order"}
        assert (await here.post("/print-jobs/moves", {**ticked, "printer": other})).status_code == 303
        assert "Moved from ZD-1: out of order" in (await here.get(address)).text
        assert (await here.post("/print-jobs/moves", {**ticked, "printer": key})).status_code == 303
        await send(database)
        page = (await here.get(address)).text
        assert "unknown" in page
        assert "closed the connection in the middle" in page
        assert "Did they come out?" in page
        queue = (await here.get("/print-jobs?status=open")).text
        assert "Look at the printer: say whether all labels came out" in queue
        empty = await here.post(f"{address}/again", {})
        assert (empty.status_code, "Not done." in empty.text) == (422, True)
        printer.become("ready")
        again = await here.post(f"{address}/again", {"reason": "not_printed", "printer": key})
        assert again.status_code == 303
        await send(database)
        page = (await here.get(again.headers["location"])).text
        assert "because its labels never came out" in page
        assert "printed" in page
        assert len(printer.printed) == 2
        refused = await here.post(f"{address}/settle", {"outcome": "came_out"})
        assert refused.status_code == 409
        assert (await here.get("/print-jobs?site=LAB&printer=ZD-1&status=failed")).status_code == 200
        assert "No such print job" in (await here.get("/print-jobs?status=cancelled")).text


async def test_a_manager_registers_changes_pauses_and_tries_a_printer(api, browser, database):
    here = await browser("manager")
    assert "No printers yet" in (await here.get("/printers")).text
    async with simulated() as (printer, port):
        new = {"site": "LAB", "name": "ZD-1", "kind": "zpl_tcp", "dpi": "203", "stock": ROLL}
        wrong = await here.post("/printers", new)
        assert (wrong.status_code, "Say at which address" in wrong.text) == (422, True)
        sheet = await here.post("/printers", {**new, "host": "127.0.0.1", "port": str(port), "stock": "l4731"})
        assert "takes labels on a roll" in sheet.text
        made = await here.post("/printers", {**new, "host": "127.0.0.1", "port": str(port)})
        assert made.headers["location"] == "/printers/LAB/ZD-1"
        twice = await here.post("/printers", {**new, "host": "127.0.0.1", "port": str(port)})
        assert (twice.status_code, "already" in twice.text) == (409, True)
        tried = await here.post("/printers/LAB/ZD-1/test")
        assert tried.status_code == 303, tried.text
        await send(database)
        assert (len(printer.printed), b"TEST" in printer.printed[0]) == (1, True)
        assert "ready" in (await here.get("/printers/LAB/ZD-1")).text
        paused = await here.post("/printers/LAB/ZD-1/pause", {"paused": "true", "reason": "Roll", "row_version": "1"})
        assert paused.status_code == 303
        assert "paused here" in (await here.get("/printers")).text
        change = {"host": "127.0.0.1", "port": "9100", "dpi": "203", "stock": ROLL, "row_version": "2"}
        assert (await here.post("/printers/LAB/ZD-1/changes", change)).status_code == 303
        assert "out of use" in (await here.get("/printers/LAB/ZD-1")).text
        assert (await here.post("/printers/LAB/ZD-1/test")).status_code == 409
        assert (await here.post("/printers/LAB/ZD-1/changes", change)).status_code == 412
        assert (await (await browser("technician")).post("/printers/LAB/ZD-1/test")).status_code == 403


async def test_rules_are_ordered_changed_and_explained(api, browser):
    for name in ("ZD-1", "ZD-2"):
        await add_printer(api, 9100, name=name)
    here = await browser("manager")
    form = (await here.get("/printer-rules/LAB")).text
    seen = re.search(r'name="seen" value="(\d+)"', form)[1]
    rows = {
        "position.0": "2",
        "printer.0": "ZD-1",
        "position.1": "1",
        "printer.1": "ZD-2",
        "label_kind.1": "tube",
        "workstation.1": "Bench 4",
    }
    wrong = await here.post("/printer-rules/LAB", {**rows, "user.0": "nobody.here", "seen": seen})
    assert (wrong.status_code, "there is no user nobody.here" in wrong.text) == (422, True)
    assert (await here.post("/printer-rules/LAB", {**rows, "seen": seen})).status_code == 303
    stale = await here.post("/printer-rules/LAB", {**rows, "seen": seen})
    assert "look at them again" in stale.text
    plain = (await here.get("/printer-rules/LAB")).text
    assert "printed at ZD-1" in plain
    assert "is for workstation Bench 4" in plain
    there = (await here.get("/printer-rules/LAB?workstation=bench+4&label_kind=tube")).text
    assert "printed at ZD-2" in there
    assert "fits, but rule 1 of LAB comes first" in there
    assert (await here.post("/workstation", {"workstation": "Bench 4"})).status_code == 303
    assert 'value="Bench 4"' in (await here.get("/print-jobs")).text
    assert '<option value="LAB/ZD-2" selected>' in (await here.get("/labels?codes=T")).text
    assert (await here.post("/workstation", {"workstation": "x" * 61})).status_code == 422
    assert (await here.get("/printer-rules/NONE")).status_code == 404


async def test_a_file_is_downloaded_and_the_queue_goes_on_to_a_second_page(api, browser, database, world):
    tubes = (await make_material(database, world, tubes=1)).tubes
    key = await add_printer(api, 0, kind="download", name="FILE")
    number = await order(api, tubes, key)
    here = await browser("technician")
    assert "Download the file and print it." in (await here.get(f"/print-jobs/{number}")).text
    got = await here.post(f"/print-jobs/{number}/file")
    assert got.headers["content-disposition"].endswith('.zpl"')
    assert "Did they come out?" in (await here.get(f"/print-jobs/{number}")).text
    assert (await here.post(f"/print-jobs/{number}/settle", {"outcome": "not_printed"})).status_code == 303
    assert (await here.post(f"/print-jobs/{number}/file")).status_code == 409
    assert (await here.post(f"/print-jobs/{number}/cancel", {"reason": "too late"})).status_code == 409
    again = await order(api, tubes, key, reason="lost")
    ticked = {f"job.{again}": "yes", "reason": "wrong tubes"}
    assert (await here.post("/print-jobs/cancellations", ticked)).status_code == 303
    twice = await here.post("/print-jobs/cancellations", ticked)
    assert (twice.status_code, "is cancelled: it cannot be cancelled" in twice.text) == (409, True)
    assert (await here.get("/print-jobs?after=100")).status_code == 200
