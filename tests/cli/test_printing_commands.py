"""The simulated printer as a program, its page, and what the print agent says when it cannot work."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx

from biobank.printer.simulator import SimulatedPrinter
from biobank.printer.status import parse
from labels import STOCKS, TEMPLATES, Item, render_zpl
from tests.printing_steps import ROLL

BIOBANK = Path(sys.executable).with_name("biobank")
LABEL = render_zpl([Item.lined("TKQ7M3X9V7", ["SER 500 uL"])], TEMPLATES["tube"], STOCKS[ROLL], copies=2)


async def said(*arguments: str, **environment: str) -> tuple[int, str]:
    made = await asyncio.create_subprocess_exec(
        BIOBANK,
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    _, text = await made.communicate()
    return made.returncode or 0, text.decode()


async def test_the_simulated_printer_is_a_program_that_answers_and_keeps_pictures(tmp_path):
    program = (BIOBANK, "printer-simulator", "--port", "0", "--pictures", str(tmp_path))
    running = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        port = int((await running.stdout.readline()).decode().rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LABEL + b"~HS")
        answer = await reader.readuntil(b"1234,0\x03\r\n")
        writer.close()
        assert parse(answer).condition == "ready"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["label-000001.png", "label-000002.png"]
    finally:
        running.send_signal(signal.SIGTERM)
        await running.communicate()
    assert running.returncode == 0


async def test_its_page_shows_labels_and_changes_what_it_is():
    printer = SimulatedPrinter()
    port, page = await printer.start(), await printer.start_page()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(LABEL)
    writer.close()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{page}") as client:
        for _ in range(100):
            if "2 were printed" in (text := (await client.get("/")).text):
                break
        assert 'src="/labels/1.png"' in text
        picture = await client.get("/labels/1.png")
        assert (picture.headers["content-type"], picture.content[:4]) == ("image/png", b"\x89PNG")
        assert (await client.get("/labels/9.png")).status_code == 404
        for wanted, became in (("paused", "paused"), ("boat", "paused"), ("ready", "ready")):
            assert (await client.post(f"/condition?is={wanted}")).status_code == 303
            assert printer.condition == became
    await printer.stop()


async def test_what_cannot_work_says_why(tmp_path):
    code, text = await said("printer-simulator", "--condition", "boat")
    assert (code, "cannot be boat: choose ready" in text) == (1, True)
    journal = str(tmp_path / "journal")
    code, text = await said("print-agent", "--url", "ftp://x", "--token", "t", "--journal", journal)
    assert (code, "begins with https://" in text) == (1, True)
    away = ("print-agent", "--url", "http://127.0.0.1:9", "--journal", journal, "--once")
    code, text = await said(*away, BIOBANK_PRINT_TOKEN="t")
    assert (code, "did not answer as it should" in text) == (1, True)
