"""The scan station in a real browser over the service itself: a box filled by keyboard while the network goes and comes
and the service is killed. Nothing that was scanned is lost, nothing is applied twice.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from labels.symbols import Symbology, encode
from tests.browser.conftest import answers, free_port, started
from tests.browser.desk import SIZES
from tests.chromium import launched
from tests.material import make_material
from tests.shelves import box, boxed, freezer, rack

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("BIOBANK_TEST_PICTURES")
ACK, CONFIRM, UNDO = "CACKCACKAP", "CCNFRMCNFP", "CUNDUCUNDK"
PAUSE = 30  # milliseconds from one label to the next, as a hand needs; without a pause two codes are one burst
KEPT = """async () => {
    const found = {};
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            const path = new URL(request.url).pathname;
            const body = path.endsWith(".js") || path.endsWith(".css") ? "" : await (await cache.match(request)).text();
            found[path] = body;
        }
    }
    return found;
}"""


class Service:
    """The service on one port, which can be killed and started again."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.port, self.log = free_port(), folder / "server.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "BIOBANK_DATABASE_URL": dsn,
            "BIOBANK_DATA": str(folder / "data"),
            "BIOBANK_PORT": str(self.port),
            "BIOBANK_POOL_SIZE": "4",
            "BIOBANK_LOG_FORMAT": "text",
        }

    @contextmanager
    def running(self) -> Iterator[Any]:
        with started(self.environment, self.log) as process:
            try:
                yield process
            finally:
                process.kill()


class Bench:
    """A person at the station."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self._console(said.type, said.text))

    def _console(self, kind: str, text: str) -> None:
        if "Content Security Policy" in text or (kind == "error" and "Failed to load resource" not in text):
            self.faults.append(text)

    async def sign_in(self, username: str, password: str) -> None:
        await self.page.goto(f"{self.base}/login")
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        async with self.page.expect_event("load"):
            await self.page.keyboard.press("Enter")

    async def open(self) -> None:
        await self.page.goto(f"{self.base}/scan")
        await self.page.locator("#scan:focus").wait_for()

    async def start_by_hand(self) -> None:
        await self.open()
        await self.page.keyboard.press("Enter")
        await self.word("Typed by hand")

    async def scan(self, *codes: str) -> None:
        for code in codes:
            await self.page.wait_for_timeout(PAUSE)
            await self.page.keyboard.type(code)
            await self.page.keyboard.press("Enter")

    async def word(self, expected: str) -> None:
        await expect(self.page.locator("#verdict .verdict-word")).to_contain_text(expected, timeout=10_000)

    async def scan_again(self, text: str) -> None:
        """Scan what was scanned last: the same code within three seconds is a double fire."""
        await self.page.wait_for_timeout(3200)
        await self.scan(text)

    async def queued(self, count: int) -> None:
        await expect(self.page.locator("#log li.is-pending")).to_have_count(count, timeout=60_000)
        await expect(self.page.locator("[data-slot=connection]")).to_contain_text(f"· {count} queued")

    async def picture(self, name: str) -> None:
        if PICTURES:
            await self.page.screenshot(path=str(Path(PICTURES) / f"station-{name}.png"), full_page=True)


@pytest.fixture
async def service(dsn: str, tmp_path: Path) -> Service:
    return Service(dsn, tmp_path)


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    width, height = SIZES["desktop"]
    made = await chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    made.set_default_timeout(10_000)
    yield made
    await made.close()


async def places(superuser: Any, tubes: tuple[str, ...]) -> list[tuple[int, int]]:
    """Row and column of each tube, in the order given."""
    rows = await superuser.fetch(
        "select s.code, u.row, u.col from custody u join specimen s on s.id = u.specimen_id where u.row is not null"
    )
    found = {row["code"]: (row["row"], row["col"]) for row in rows}
    return [found[tube] for tube in tubes]


async def in_another_tab(bench: Bench, context: BrowserContext, tubes: tuple[str, ...]) -> Bench:
    """Ten tubes without a network, through a reload and the end of the tab; another one of this browser goes on."""
    # The page is opened anew without a network: the browser has kept it, and nobody's name is in what it kept.
    await bench.page.wait_for_function("async () => (await caches.keys()).length === 1")
    await context.set_offline(True)
    await bench.scan(*tubes[60:65])
    await bench.queued(5)
    await bench.page.reload()
    await expect(bench.page.locator("[data-slot=context-next]")).to_have_text("H3")
    await bench.queued(5)
    kept = await bench.page.evaluate(KEPT)
    assert {path.rpartition("/")[0] for path in kept} == {"/scan", "/static/build"}
    assert not any("Technician" in text or "csrf" in text for text in kept.values())
    # The tab dies with scans that wait, and another one of this browser goes on.
    await bench.scan(*tubes[65:70])
    await bench.queued(10)
    await bench.picture("kept-page")
    await bench.page.close()
    await context.set_offline(False)
    again = Bench(await context.new_page(), bench.base)
    await again.open()
    await again.queued(0)
    return again


async def test_81_tubes_by_keyboard_through_a_cut_network_and_a_killed_service(
    service: Service, context: BrowserContext, api, database, world, superuser
):
    code, made = await boxed(api), await make_material(database, world, tubes=81)
    bench = Bench(await context.new_page(), service.url)
    with service.running() as process:
        await answers(service.url, process, service.log)
        await bench.sign_in("technician", world.password)
        await bench.start_by_hand()
        await bench.picture("started")
        await bench.scan(code)
        await bench.word("Box")
        await bench.scan(*made.tubes[:20])
        await bench.queued(0)
        await bench.picture("stored")
        # The network goes: the hands go on, each tube with its position, and a reload in the middle loses nothing.
        await context.set_offline(True)
        await bench.scan(*made.tubes[20:40])
        await expect(bench.page.locator("#offline")).to_contain_text("20 scans queued")
        await bench.word("Into E4")
        await bench.picture("offline")
        await context.set_offline(False)
        await bench.queued(0)
        # The service dies in the middle of a run, and comes back.
        await bench.scan(*made.tubes[40:45])
        process.kill()
        await bench.scan(*made.tubes[45:60])
        await expect(bench.page.locator("#offline")).to_contain_text("queued")
    with service.running() as process:
        await answers(service.url, process, service.log)
        await bench.queued(0)
        again = await in_another_tab(bench, context, made.tubes)
        await again.scan(*made.tubes[70:])
        await again.queued(0)
        await expect(again.page.locator("[data-slot=context-next]")).to_have_text("full")
        await again.picture("full")
        await again.page.get_by_role("button", name="Sign out").click()
        await again.page.wait_for_url("**/login")
        assert await again.page.evaluate("async () => (await caches.keys()).length") == 0
    assert await places(superuser, made.tubes) == [divmod(number, 9) for number in range(81)]
    stored = "select count(*) from audit_entry where kind = 'event' and name = 'tube.stored'"
    assert await superuser.fetchval(stored) == 81
    assert await superuser.fetchval("select count(*) from custody_history") == 162  # in hand, then in its place: once
    assert bench.faults + again.faults == []


def filmed(file: Path, codes: tuple[str, ...]) -> None:
    """A film of codes held before a camera one after the other, as the labels draw them, with empty frames between."""
    width, height, module = 320, 240, 8
    white, grey = b"\xeb", b"\x80" * (width * height // 2)
    empty = white * (width * height)
    frames = []
    for code in codes:
        symbol = encode(code, Symbology.DATA_MATRIX)
        picture = bytearray(empty)
        left, top = (width - symbol.columns * module) // 2, (height - symbol.rows * module) // 2
        for column, row, long in symbol.runs():
            for line in range(top + row * module, top + (row + 1) * module):
                start = line * width + left + column * module
                picture[start : start + long * module] = b"\x10" * (long * module)
        frames += [bytes(picture)] * 8 + [empty] * 4
    head = f"YUV4MPEG2 W{width} H{height} F8:1 Ip A1:1 C420jpeg\n".encode()
    file.write_bytes(head + b"".join(b"FRAME\n" + frame + grey for frame in frames))


async def test_the_camera_stores_what_it_sees(service: Service, tmp_path: Path, api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=3)
    film = tmp_path / "film.y4m"
    filmed(film, (code, *made.tubes))
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    async with launched(*flags, f"--use-file-for-fake-video-capture={film}") as chromium:
        width, height = SIZES["phone"]
        page = await chromium.new_page(viewport={"width": width, "height": height})
        bench = Bench(page, service.url)
        with service.running() as process:
            await answers(service.url, process, service.log)
            await bench.sign_in("technician", world.password)
            await bench.start_by_hand()
            await page.get_by_role("button", name="Camera").click()
            for tube in made.tubes:
                stored = page.locator("#log li.is-ok", has_text=f"{tube[:4]}-{tube[4:8]}")
                await expect(stored).to_contain_text("Stored", timeout=60_000)
            await bench.picture("camera")
            await page.get_by_role("button", name="Stop the camera").click()
            await expect(page.locator("#camera")).to_be_hidden()
    assert len(await places(superuser, made.tubes)) == 3
    assert bench.faults == []


async def test_what_is_refused_afterwards_is_listed_and_another_person_sends_nothing(
    service: Service, context: BrowserContext, api, database, world, superuser
):
    code, made = await boxed(api), await make_material(database, world, tubes=6)
    tubes = made.tubes
    other = await box(api, await rack(api, await freezer(api, name="F1")), name="Box 40")
    await api("technician").ok("/storage/placements", {"tube": tubes[4], "box": other})
    bench = Bench(await context.new_page(), service.url)
    with service.running() as process:
        await answers(service.url, process, service.log)
        await bench.sign_in("technician", world.password)
        await bench.start_by_hand()
        await bench.scan(code)
        await bench.word("Box")
        await context.set_offline(True)
        await bench.scan(*tubes[:5])
        await bench.queued(5)
        await bench.scan(UNDO)  # not sent yet: it is taken out of the queue
        await bench.word("Taken back")
        await bench.scan(tubes[4])
        await bench.queued(5)
        # Meanwhile somebody else puts a tube into the position that the hand used, and one tube away.
        await api("technician2").ok("/storage/placements", {"tube": tubes[5], "box": code, "position": "A2"})
        await superuser.execute("update login_session set ended_at = now()")
        await context.set_offline(False)
        await bench.word("Signed out")
        await bench.picture("signed-out")
        # Another person at the same computer: what waits is not sent as theirs.
        second = Bench(await context.new_page(), service.url)
        await second.sign_in("technician2", world.password)
        await bench.scan(ACK)
        await bench.word("Another person")
        await expect(bench.page.locator("#verdict")).to_contain_text("technician2 is signed in")
        await second.open()
        await expect(second.page.locator("[data-slot=others]")).to_contain_text("5 of technician")
        await second.sign_in("technician", world.password)
        await bench.scan_again(ACK)
        await bench.queued(0)
        waiting = bench.page.locator("#conflict-list li")
        await expect(waiting).to_have_count(2)
        await bench.picture("conflicts")
        await expect(waiting.nth(0)).to_contain_text("This position is taken")
        await expect(waiting.nth(1)).to_contain_text("already in")
        await waiting.nth(1).get_by_role("button", name="Move it here").click()
        await expect(waiting).to_have_count(1)
        await bench.queued(0)
        await waiting.get_by_placeholder("Why it is dropped").fill("It is back in hand")
        async with bench.page.expect_response("**/station/dropped"):
            await waiting.get_by_role("button", name="Drop").click()
        await expect(waiting).to_have_count(0)
        await expect(bench.page.locator("#conflicts")).to_be_hidden()
    assert await places(superuser, (tubes[0], tubes[2], tubes[3], tubes[4])) == [(0, 0), (0, 2), (0, 3), (0, 4)]
    dropped = "select body::jsonb ->> 'reason' from audit_entry where name = 'scan.dropped'"
    assert await superuser.fetchval(dropped) == "It is back in hand"
    assert bench.faults + second.faults == []
