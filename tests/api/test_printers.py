"""Printers and the rules that choose one over JSON; jobs that cannot be drawn, or are cancelled at the last moment."""

import asyncio

from biobank.printer import sending
from biobank.printer.wire import Link
from tests.material import make_material
from tests.printing_steps import ROLL, add_printer, job, order, send, simulated
from tests.shelves import freezer


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def test_printers_and_rules_that_cannot_be_are_refused(api):
    manager = api("manager")
    new = {"site": "LAB", "name": "ZD-1", "kind": "zpl_tcp", "host": "printer.lab.test", "port": 9100, "stock": ROLL}
    for change, expected in (
        ({"stock": "none"}, (422, "invalid")),
        ({"dpi": 300}, (422, "invalid")),
        ({"port": 0}, (422, "invalid")),
        ({"host": "two words"}, (422, "invalid")),
        ({"name": "lower"}, (422, "invalid")),
        ({"kind": "fax"}, (422, "invalid")),
        ({"kind": "download"}, (422, "invalid")),
        ({"site": "NONE"}, (404, "not-found")),
    ):
        assert kind(await manager.post("/printers", new | change)) == expected, change
    made = await manager.ok("/printers", new)
    assert (await manager.see("/printers", site="LAB"), made["jobs"]) == ([made], 0)
    assert await manager.see("/printers", site="CHI") == []
    assert kind(await api("stranger").post("/printers", new))[0] == 409, "the laboratory is shared"
    one = {"printer": "ZD-1"}
    for rules, expected in (([one] * 201, 413), ([{"printer": "NONE"}], 422), ([one | {"user": "nobody"}], 422)):
        answer = await manager.post("/printer-rules", {"site": "LAB", "rules": rules, "seen": 0})
        assert answer.status_code == expected, answer.text
    body = {"site": "LAB", "rules": [one | {"user": "technician"}], "seen": 0}
    both = await asyncio.gather(*[manager.post("/printer-rules", body) for _ in range(2)])
    assert sorted(answer.status_code for answer in both) == [201, 409]
    seen = await manager.see("/printer-rules/LAB")
    assert [rule["user"] for rule in seen["rules"]] == ["technician"]
    for user, printer in (("technician", "ZD-1"), ("technician2", None)):
        assert (await api(user).see("/printer-rules/LAB/choice"))["printer"] == printer
    assert (await manager.see("/printer-rules/LAB/choice", user="technician"))["printer"] == "ZD-1"
    assert kind(await manager.get("/printer-rules/LAB/choice", label_kind="boat")) == (422, "invalid")
    assert kind(await manager.get("/print-jobs", status="boat")) == (422, "invalid")


async def test_rules_that_differ_for_the_labels_of_one_order_are_told(api, database, world):
    tubes = (await make_material(database, world, tubes=1)).tubes
    place = await freezer(api)
    for name in ("ZD-1", "ZD-2"):
        await add_printer(api, 9100, name=name)
    rules = [{"printer": "ZD-1", "label_kind": "tube"}, {"printer": "ZD-2"}]
    await api("manager").ok("/printer-rules", {"site": "LAB", "rules": rules, "seen": 0})
    technician = api("technician")
    mixed = await technician.post("/labels/orders", {"codes": [tubes[0], place]})
    assert (mixed.status_code, "tubes at LAB/ZD-1" in mixed.json()["detail"]) == (422, True)
    chosen = await technician.ok("/labels/orders", {"codes": list(tubes)})
    assert chosen["printer"] == "ZD-1"
    found = await technician.see("/print-jobs", site="LAB", printer="ZD-1", status="open")
    assert [row["number"] for row in found["rows"]] == [chosen["number"]]
    assert (await technician.see("/print-jobs", status="verified"))["rows"] == []
    refused = await technician.post(f"/print-jobs/{chosen['number']}/file")
    assert kind(refused) == (409, "print-job-state")
    again = await technician.post(f"/print-jobs/{chosen['number']}/again", {"reason": "lost"})
    assert kind(again) == (409, "print-job-state")


async def test_a_job_that_cannot_be_drawn_fails_and_the_next_one_is_printed(api, database, world, monkeypatch):
    tubes = (await make_material(database, world, tubes=2)).tubes
    async with simulated() as (printer, port):
        key = await add_printer(api, port)
        numbers = [await order(api, [tube], key) for tube in tubes]
        await add_printer(api, port, kind="pull", name="ZD-2")
        number = await order(api, tubes[:1], "LAB/ZD-2", reason="lost")
        render = sending.jobs.render

        def broken(snapshot):
            if snapshot.labels[0][0] == tubes[0]:
                raise sending.Invalid("This cannot be printed: the stock is gone.")
            return render(snapshot)

        monkeypatch.setattr(sending.jobs, "render", broken)
        await send(database)
        failed = await job(api, numbers[0])
        assert (failed["status"], failed["trouble"]) == ("failed", "unprintable")
        assert "the stock is gone" in failed["detail"]
        assert ((await job(api, numbers[1]))["status"], len(printer.printed)) == ("acknowledged", 1)
        claim = {"claim": "00000000-0000-4000-8000-000000000001", "wait": 0}
        answer = await api("agent").client.post("/api/v1/print-agent/claims", json=claim)
        assert (answer.status_code, answer.json()["job"]) == (200, None)
        assert (await job(api, number))["status"] == "failed"


async def test_a_job_that_is_cancelled_while_the_printer_is_asked_is_not_sent(api, database, world, monkeypatch):
    tubes = (await make_material(database, world, tubes=1)).tubes
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port))
        asked = Link.ready

        async def ready(self):
            await asked(self)
            await api("technician").post(f"/print-jobs/{number}/cancel", {"reason": "wrong tube"})

        monkeypatch.setattr(Link, "ready", ready)
        await send(database)
        assert ((await job(api, number))["status"], printer.printed) == ("cancelled", [])


async def test_what_another_program_left_in_the_printer_comes_out_first(api, database, world):
    tubes = (await make_material(database, world, tubes=1)).tubes
    async with simulated("slow") as (printer, port):
        printer.stuck = True
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"^XA^FO1,1^FDforeign^FS^PQ2^XZ")
        await writer.drain()
        writer.close()
        number = await order(api, tubes, await add_printer(api, port))
        for _ in range(100):
            if printer.status.waiting:
                break
            await asyncio.sleep(0.002)
        await send(database)
        waiting = await job(api, number)
        assert (waiting["status"], waiting["trouble"]) == ("queued", "busy")
        printer.stuck = False
        printer.become("ready")
        await send(database)
        assert ((await job(api, number))["status"], len(printer.printed)) == ("acknowledged", 3)
