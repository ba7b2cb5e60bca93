"""Print jobs against a simulated printer over real TCP: each way of failing, and that nothing prints twice."""

import asyncio
import sys
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from biobank.printer.sending import Sender
from biobank.printer.wire import Patience
from biobank.printer.zpl_picture import draw_zpl
from tests.material import make_material
from tests.printing_steps import QUICK, add_printer, job, order, send, simulated, until_trouble

ROOT = Path(__file__).parents[2]


def codes_of(labels):
    """What a scanner reads on the pictures of printed labels."""
    return [symbol.text for label in labels for symbol in zxingcpp.read_barcodes(Image.open(BytesIO(draw_zpl(label))))]


@pytest.fixture
async def tubes(database, world):
    return (await make_material(database, world, tubes=3)).tubes


async def test_a_job_is_printed_acknowledged_and_verified_by_scan(api, database, tubes):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port))
        assert (await job(api, number))["status"] == "queued"
        await send(database)
        assert codes_of(printer.printed) == list(tubes)
        done = await job(api, number)
        assert (done["status"], done["trouble"]) == ("acknowledged", None)
        assert [step["status"] for step in done["steps"]] == ["queued", "sent", "acknowledged"]
        for left, tube in enumerate(tubes):
            assert (await job(api, number))["status"] == "acknowledged", left
            await api("technician").ok("/labels/verifications", {"code": tube})
        assert (await job(api, number))["status"] == "verified"
        seen = await api("technician").see("/printers/LAB/ZD-1")
        assert (seen["status"], seen["jobs"], seen["waiting"]) == ("ready", 0, 0)


@pytest.mark.parametrize("condition", ["out_of_labels", "out_of_ribbon", "head_open", "paused"])
async def test_a_job_waits_for_a_printer_that_is_not_ready_and_goes_on_by_itself(api, database, tubes, condition):
    async with simulated(condition) as (printer, port):
        number = await order(api, tubes, await add_printer(api, port))
        await send(database)
        await send(database)
        waiting = await job(api, number)
        assert (waiting["status"], waiting["trouble"]) == ("queued", condition)
        assert waiting["what_to_do"]
        assert [step["trouble"] for step in waiting["steps"]] == [None, condition], "what is not new is not written"
        assert printer.printed == []
        assert (await api("technician").see("/printers/LAB/ZD-1"))["status"] == condition
        printer.become("ready")
        await send(database)
        assert (await job(api, number))["status"] == "acknowledged"
        assert codes_of(printer.printed) == list(tubes)


@pytest.mark.parametrize(("condition", "trouble"), [("silent", "unreachable"), ("nonsense", "unreadable")])
async def test_a_printer_that_answers_nothing_or_nonsense_keeps_the_job(api, database, tubes, condition, trouble):
    async with simulated(condition) as (printer, port):
        number = await order(api, tubes, await add_printer(api, port))
        await send(database, Patience(answer=0.05, done=0.05, pause=0))
        waiting = await job(api, number)
        assert (waiting["status"], waiting["trouble"], printer.printed) == ("queued", trouble, [])


async def test_a_printer_that_is_off_keeps_the_job(api, database, tubes):
    async with simulated() as (printer, port):
        await printer.stop()
        number = await order(api, tubes, await add_printer(api, port))
        await send(database)
        waiting = await job(api, number)
        assert (waiting["status"], waiting["trouble"]) == ("queued", "unreachable")
        assert "Switch the printer on" in waiting["what_to_do"]


async def test_a_printer_that_hangs_up_in_the_middle_leaves_the_job_unknown_until_a_person_says(api, database, tubes):
    async with simulated("cut_off") as (printer, port):
        key = await add_printer(api, port)
        number = await order(api, tubes, key)
        await send(database)
        stuck = await job(api, number)
        assert (stuck["status"], stuck["trouble"]) == ("unknown", "cut_off")
        printer.become("ready")
        await send(database)
        assert (printer.printed, (await job(api, number))["status"]) == ([], "unknown"), "nothing is sent twice"
        again = await api("technician").ok(f"/print-jobs/{number}/again", {"reason": "not_printed"})
        assert (again["copy_of"], again["reason"], again["labels"][0]["copy_no"]) == (number, "not_printed", 2)
        assert again["labels"][0]["lines"][0].endswith(" R2")
        assert (await job(api, number))["status"] == "failed"
        await send(database)
        assert codes_of(printer.printed) == list(tubes)
        third = await api("technician").ok(f"/print-jobs/{again['number']}/again", {"reason": "damaged"})
        assert third["labels"][0]["lines"][0].endswith(" R3")
        assert " R2" not in third["labels"][0]["lines"][0]


async def test_a_person_may_say_that_it_came_out(api, database, tubes):
    async with simulated("cut_off") as (_, port):
        number = await order(api, tubes, await add_printer(api, port))
        refused = await api("technician").post(f"/print-jobs/{number}/settle", {"outcome": "came_out"})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/print-job-state")
        await send(database)
        done = await api("technician").ok(f"/print-jobs/{number}/settle", {"outcome": "came_out"})
        assert done["status"] == "acknowledged"


async def test_a_slow_printer_is_waited_for_and_one_that_stops_is_unknown(api, database, tubes):
    async with simulated("slow") as (printer, port):
        key = await add_printer(api, port)
        number = await order(api, tubes, key)
        await send(database)
        assert (await job(api, number))["status"] == "acknowledged"
        assert codes_of(printer.printed) == list(tubes)
        number = await order(api, tubes, key, reason="lost")
        printer.stuck = True
        await send(database)
        stuck = await job(api, number)
        assert (stuck["status"], stuck["trouble"]) == ("unknown", "no_answer")


async def test_labels_run_out_in_the_middle_and_the_same_job_goes_on(api, database, tubes):
    async with simulated("ready") as (printer, port):
        key = await add_printer(api, port)
        number = await order(api, tubes, key)
        printer.ends_after = 1
        sender = Sender(database, seconds=1, patience=QUICK)
        await sender.look()
        await until_trouble(api, number, "out_of_labels")
        assert (len(printer.printed), (await job(api, number))["status"]) == (1, "sent")
        printer.ends_after = None
        printer.become("ready")
        await sender.quiet()
        done = await job(api, number)
        assert (done["status"], codes_of(printer.printed)) == ("acknowledged", list(tubes))
        assert [(step["status"], step["trouble"]) for step in done["steps"]] == [
            ("queued", None),
            ("sent", None),
            ("sent", "out_of_labels"),
            ("sent", None),
            ("acknowledged", None),
        ][: len(done["steps"])]


async def test_two_senders_print_a_job_once_and_in_order(api, database, tubes):
    async with simulated() as (printer, port):
        key = await add_printer(api, port)
        numbers = [await order(api, [tube], key) for tube in tubes]
        senders = [Sender(database, seconds=1, patience=QUICK) for _ in range(2)]
        await asyncio.gather(*[sender.look() for sender in senders])
        await asyncio.gather(*[sender.quiet() for sender in senders])
        await send(database)
        assert codes_of(printer.printed) == list(tubes)
        assert {(await job(api, number))["status"] for number in numbers} == {"acknowledged"}


async def test_two_stations_that_print_the_same_labels_at_once_print_them_once(api, database, tubes):
    async with simulated() as (printer, port):
        body = {"codes": list(tubes), "printer": await add_printer(api, port)}
        answers = await asyncio.gather(
            *[api(who).post("/labels/orders", body) for who in ("technician", "technician2")]
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        await send(database)
        assert codes_of(printer.printed) == list(tubes)


async def test_a_paused_printer_keeps_its_jobs_and_a_job_may_be_cancelled(api, database, tubes):
    async with simulated() as (printer, port):
        key = await add_printer(api, port)
        held = await api("manager").ok(
            f"/printers/{key}/pause", {"paused": True, "reason": "roll change", "row_version": 1}
        )
        assert held["is_paused"]
        number = await order(api, tubes, key)
        await send(database)
        waiting = await job(api, number)
        assert (waiting["status"], waiting["trouble"], printer.printed) == ("queued", "held", [])
        gone = await api("technician").ok(f"/print-jobs/{number}/cancel", {"reason": "wrong tubes"})
        assert gone["status"] == "cancelled"
        stale = await api("manager").post(
            f"/printers/{key}/pause", {"paused": False, "reason": "done", "row_version": 1}
        )
        assert stale.json()["type"] == "/problems/printer-changed"
        await api("manager").ok(f"/printers/{key}/pause", {"paused": False, "reason": "done", "row_version": 2})
        await send(database)
        assert printer.printed == []


async def test_jobs_of_a_broken_printer_are_moved_all_or_none(api, database, tubes, world, superuser):
    async with simulated() as (printer, port):
        broken = await add_printer(api, 9, name="ZD-1")
        works = await add_printer(api, port, name="ZD-2")
        wide = await api("manager").ok(
            "/printers", {"site": "LAB", "name": "SHEETS", "kind": "download", "dpi": 600, "stock": "cryo-letter-85"}
        )
        await add_printer(api, port, name="ZD-3", site="CHI")
        numbers = [await order(api, [tube], broken) for tube in tubes]
        await send(database)
        assert (await job(api, numbers[0]))["trouble"] == "unreachable"
        await api("technician").ok(f"/print-jobs/{numbers[2]}/cancel", {"reason": "not needed"})

        async def move(jobs, printer, who="technician", reason="broken for the day"):
            return await api(who).post("/print-jobs/moves", {"jobs": jobs, "printer": printer, "reason": reason})

        gone = await move(numbers, works)
        assert (gone.status_code, gone.json()["type"]) == (409, "/problems/print-job-state")
        assert (await job(api, numbers[0]))["printer"] == "ZD-1", "all or none"
        for jobs, where, who, status in (
            (numbers[:2], broken, "technician", 422),  # it is there already
            (numbers[:2], "CHI/ZD-3", "manager", 422),  # at another site
            (numbers[:2], "CHI/ZD-3", "technician", 404),
            (numbers[:2], works, "technician_chi", 404),
            ([], works, "technician", 422),
        ):
            assert (await move(jobs, where, who)).status_code == status, (where, who)
        assert (await move(numbers[:2], works, reason="")).status_code == 422
        assert (await move(numbers[:2], works)).status_code == 200
        await send(database)
        assert codes_of(printer.printed) == list(tubes[:2])
        done = await job(api, numbers[0])
        assert (done["status"], done["printer"]) == ("acknowledged", "ZD-2")
        assert [(step["printer"], step["detail"]) for step in done["steps"]][2] == (
            "ZD-2",
            "Moved from ZD-1: broken for the day",
        )
        assert (await move(numbers[:1], broken)).status_code == 409, "what was sent stays"

        number = await order(api, tubes[:1], broken, reason="damaged")
        assert (await move([number], f"LAB/{wide['name']}")).status_code == 200
        file = await api("technician").post(f"/print-jobs/{number}/file")
        assert file.content.startswith(b"%PDF")
        assert await superuser.fetchval("select stock from label_print order by id desc limit 1") == "cryo-letter-85"
        test = await api("manager").ok(f"/printers/{broken}/test", {})
        assert (await move([test["number"]], f"LAB/{wide['name']}")).status_code == 422, "a test tries its own stock"
        assert (await move([test["number"]], works)).status_code == 200
        body = {"jobs": [test["number"]], "reason": "not needed"}
        assert (await api("technician").post("/print-jobs/cancellations", body)).status_code == 200
        assert (await job(api, test["number"]))["status"] == "cancelled"


async def test_a_service_that_stops_leaves_what_was_in_hand_unknown(api, database, tubes):
    async with simulated("ready") as (printer, port):
        number = await order(api, tubes, await add_printer(api, port))
        printer.ends_after = 1
        stop = asyncio.Event()
        running = asyncio.create_task(Sender(database, seconds=60, patience=QUICK).run(stop))
        await until_trouble(api, number, "out_of_labels")
        stop.set()
        await running
        left = await job(api, number)
        assert (left["status"], left["trouble"]) == ("unknown", "interrupted")


async def test_a_download_counts_as_sent_once(api, tubes):
    key = await add_printer(api, 0, kind="download", name="FILE")
    number = await order(api, tubes, key)
    first = await api("technician").post(f"/print-jobs/{number}/file")
    again = await api("technician").post(f"/print-jobs/{number}/file")
    assert first.status_code == 201
    assert first.content == again.content
    assert codes_of(first.content.split(b"\n")[:-1]) == list(tubes)
    seen = await job(api, number)
    assert ([step["status"] for step in seen["steps"]], seen["status"]) == (["queued", "sent"], "sent")
    done = await api("technician").ok(f"/print-jobs/{number}/settle", {"outcome": "came_out"})
    assert done["status"] == "acknowledged"


async def test_what_does_not_fit_is_told_to_the_person_who_asks(api, database, tubes, superuser):
    key = await add_printer(api, 9)
    for body, status in (
        ({"codes": list(tubes), "printer": "nowhere"}, 422),
        ({"codes": list(tubes), "printer": "LAB/NONE"}, 404),
        ({"codes": list(tubes), "printer": key, "template": "none"}, 422),
        ({"codes": [], "printer": key}, 422),
        ({"codes": [tubes[0], tubes[0]], "printer": key}, 422),
        ({"codes": ["X" * 41], "printer": key}, 422),
        ({"codes": [tubes[0]] * 100_000, "printer": key}, 413),
        ({"codes": list(tubes)}, 409),
    ):
        answer = await api("technician").post("/labels/orders", body)
        assert answer.status_code == status, (status, answer.text[:300])
    assert await superuser.fetchval("select count(*) from print_job") == 0
    assert await superuser.fetchval("select count(*) from label_print") == 0


OTHER_PROCESS = """
import asyncio, sys
from biobank.db import Database
from tests.printing_steps import send

async def work():
    async with Database.open(sys.argv[1], role="biobank_app", size=2) as database:
        await send(database)

asyncio.run(work())
"""


async def test_a_process_that_is_killed_between_send_and_answer_leaves_the_job_unknown(api, database, dsn, tubes):
    async with simulated() as (printer, port):
        key = await add_printer(api, port)
        numbers = [await order(api, tubes[:2], key), await order(api, tubes[2:], key)]
        printer.ends_after = 1
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER_PROCESS, dsn, cwd=ROOT)
        try:
            await until_trouble(api, numbers[0], "out_of_labels")
            await send(database)
            states = [(await job(api, number))["status"] for number in numbers]
            assert states == ["sent", "queued"], "one process at a printer"
        finally:
            other.kill()
            await other.wait()
        printer.ends_after = None
        printer.become("ready")
        for _ in range(500):
            await send(database)
            left = await job(api, numbers[0])
            if left["status"] != "sent":
                break
        assert (left["status"], left["trouble"]) == ("unknown", "interrupted")
        assert (await job(api, numbers[1]))["status"] == "acknowledged", "the next one goes on"
        assert codes_of(printer.printed) == list(tubes), "what the printer had taken came out once"
