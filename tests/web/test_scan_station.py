"""The scan station in a real browser, with the network under the test's hand."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import web_samples as samples
from playwright.async_api import Browser, Page, Route

from biobank import ids
from biobank.http.templating import STATIC_BUILD, make_environment
from biobank.ids import Kind
from biobank.scan import rules

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAUSE = 30  # milliseconds from one label to the next: two codes without a pause are one burst
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".map": "application/json"}
ACK, CONFIRM, UNDO = "CACK-CACK-A3", "CCNFRMCNF4", "cundcundc5"
NEXT, TRAIN = "CNXTCNXTCA", "CTRNCTRNC9"

Reply = Callable[[Route, dict[str, Any]], Awaitable[None]]


def answer(**part: Any) -> dict[str, Any]:
    return {
        "verdict": "ok",
        "word": "Stored",
        "code": samples.TUBE,
        "title": None,
        "message": None,
        "path": [],
        "position": None,
        "href": None,
        "mode": "store",
        "box": None,
        "look": False,
        "free": None,
        "next": None,
        "context": None,
        "confirm": None,
        "digest": None,
        "undo": None,
        "unpack": False,
        "final": False,
        "go": False,
        "command": None,
        "reason": None,
        **part,
    }


class Station:
    """The page, the requests it made, and the reply the test chose for the next ones."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.reply: Reply = self.echo
        self.in_hand: list[dict[str, Any]] = []
        self.started: list[str] = []
        self.dropped: list[dict[str, Any]] = []
        self.user = "ana"
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if "Content Security Policy" in text or (kind == "error" and "Failed to load resource" not in text):
            self.faults.append(text)

    async def echo(self, route: Route, body: dict[str, Any]) -> None:
        await route.fulfill(json=answer(code=body.get("text"), undo=f"undo-{body.get('text')}", box=samples.box_view()))

    async def serve(self, route: Route) -> None:
        path = route.request.url.split("://", 1)[1].partition("/")[2]
        if path == "api/v1/station/in-hand":
            await route.fulfill(json=self.in_hand)
        elif path == "api/v1/station/started":
            self.started.append(json.loads(route.request.post_data or "null")["way"])
            await route.fulfill(status=201, json={"words": ""})
        elif path == "api/v1/station/dropped":
            self.dropped.append(json.loads(route.request.post_data or "null"))
            await route.fulfill(status=201, json={"words": ""})
        elif path.endswith("/live"):
            await route.fulfill(status=204)  # nobody else is at this box
        elif path == "scan/session":
            await route.fulfill(json={"username": self.user, "csrf_token": "fresh"})
        elif path == "scan/manifest.webmanifest":
            await route.fulfill(json={"name": "Scan station"})
        elif path == "scan/self-test.svg":
            await route.fulfill(body="<svg xmlns='http://www.w3.org/2000/svg'/>", content_type="image/svg+xml")
        elif path.startswith("api/"):
            body = json.loads(route.request.post_data or "null")
            headers = route.request.headers
            self.requests.append(
                {"path": path, "key": headers["idempotency-key"], "csrf": headers["x-csrftoken"], **body}
            )
            await self.reply(route, body)
        elif path.startswith("static/build/"):
            file = STATIC_BUILD / path.removeprefix("static/build/")
            await route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
        else:
            html = make_environment().get_template("scan/station.html").render(samples.station_context())
            await route.fulfill(body=html, content_type="text/html", headers={"content-security-policy": POLICY})

    async def scan(self, *codes: str) -> None:
        for code in codes:
            await self.page.wait_for_timeout(PAUSE)
            await self.page.keyboard.type(code)
            await self.page.keyboard.press("Enter")

    async def paste(self, text: str) -> None:
        await self.page.evaluate(
            """text => { const data = new DataTransfer(); data.setData("text", text);
            document.querySelector("#scan").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }""",
            text,
        )

    async def word(self, expected: str) -> None:
        await self.page.locator("#verdict .verdict-word", has_text=expected).wait_for(timeout=5000)

    async def texts(self) -> list[str]:
        return [request["text"] for request in self.requests if "text" in request]


@pytest.fixture
async def station(chromium: Browser) -> AsyncIterator[Station]:
    page = await chromium.new_page()
    station = Station(page)
    await page.route("**/*", station.serve)
    await page.goto("http://station.example/scan")
    await page.locator("#scan:focus").wait_for()
    await page.keyboard.press("Enter")
    await station.word("Typed by hand")
    yield station
    await page.unroute_all(behavior="ignoreErrors")
    await page.close()
    assert station.faults == []


async def test_keyboard_alone_stores_in_order_with_one_key_each(station: Station) -> None:
    codes = [f"T{number:09d}" for number in range(12)]
    await station.scan(*codes)
    await station.page.locator("#log li.is-ok").nth(11).wait_for()
    assert await station.texts() == codes
    assert len({request["key"] for request in station.requests}) == 12
    assert {request["csrf"] for request in station.requests} == {"c5rf-token"}
    assert station.requests[0]["mode"] == "store"
    assert station.requests[0]["box"] == samples.BOX
    assert station.requests[0]["move"] is False


async def test_scanner_prefixes_and_separators_of_control_are_stripped(station: Station) -> None:
    await station.page.evaluate("document.querySelector('#scan').value = ' ]d2tkq7m3x9v7\\u001d\\u0003 '")
    await station.page.keyboard.press("Enter")
    await station.word("Stored")
    assert await station.texts() == ["tkq7m3x9v7"]


async def test_next_scan_does_not_wait_for_the_answer(station: Station) -> None:
    gate = asyncio.Event()

    async def slow(route: Route, body: dict[str, Any]) -> None:
        await gate.wait()
        await station.echo(route, body)

    station.reply = slow
    await station.scan("T1", "T2", "T3")
    assert await station.page.locator("#log li.is-pending").count() == 3
    assert await station.texts() == ["T1"], "one request at a time"
    gate.set()
    await station.page.locator("#log li.is-ok").nth(2).wait_for()
    assert await station.texts() == ["T1", "T2", "T3"]


async def test_local_echo_comes_within_50_milliseconds(station: Station) -> None:
    milliseconds = await station.page.evaluate(
        """() => {
            document.querySelector("#scan").value = "T1";
            const start = performance.now();
            document.querySelector("#scan-form").requestSubmit();
            return document.querySelector("#log li .code").textContent === "T1" ? performance.now() - start : Infinity;
        }"""
    )
    assert milliseconds < 50


async def test_cut_network_keeps_the_scans_and_repeats_the_same_key(station: Station) -> None:
    async def cut(route: Route, body: dict[str, Any]) -> None:
        del body
        await route.abort("connectionreset")

    station.reply = cut
    await station.scan("T1", "T2")
    await station.page.get_by_text("OFFLINE, 2 scans queued").wait_for()
    station.reply = station.echo
    await station.page.locator("#log li.is-ok").nth(1).wait_for(timeout=8000)
    assert await station.page.locator("#offline").is_hidden()
    keys = {text: {request["key"] for request in station.requests if request["text"] == text} for text in ("T1", "T2")}
    assert len(keys["T1"]) == 1
    assert len(keys["T2"]) == 1
    assert keys["T1"] != keys["T2"]
    assert [request["text"] for request in station.requests][-1] == "T2"


async def test_stop_stays_and_holds_what_follows_until_the_command_code(station: Station) -> None:
    async def refuse_first(route: Route, body: dict[str, Any]) -> None:
        if body["text"] == "BAD":
            problem = {"type": "/problems/position-occupied", "title": "Taken", "detail": "C4 holds T9.", "status": 409}
            await route.fulfill(status=409, json=problem, content_type="application/problem+json")
        else:
            await station.echo(route, body)

    station.reply = refuse_first
    await station.scan("BAD")
    await station.word("Stop")
    await station.scan("T2")
    panel = station.page.locator("#verdict")
    assert "Taken" in await panel.inner_text()
    assert "C4 holds T9." in await panel.inner_text()
    await panel.get_by_text("1 scan waits").wait_for()
    assert await station.texts() == ["BAD"]
    await station.scan(ACK)
    await station.word("Stored")
    assert await station.texts() == ["BAD", "T2"], "the command itself is not sent"


async def test_a_question_shows_both_places_and_moves_only_when_confirmed(station: Station) -> None:
    async def ask(route: Route, body: dict[str, Any]) -> None:
        if body["move"]:
            await station.echo(route, body)
            return
        path = [{"name": "Freezer 3", "href": "/c/3"}, {"name": "Box 12", "href": "/c/12"}]
        await route.fulfill(
            json=answer(verdict="warning", word="Move it here?", path=path, position="C4", confirm="move", next="C4")
        )

    station.reply = ask
    await station.scan("T1")
    await station.word("Move it here?")
    places = await station.page.locator("#verdict .places").inner_text()
    assert "Freezer 3" in places
    assert "BB7Q-2XK9-T4 / C4" in places
    await station.scan(ACK)
    await station.word("Ready")
    assert len(station.requests) == 1, "leaving it changes nothing"
    await station.scan("T1")
    await station.word("Move it here?")
    await station.scan(CONFIRM)
    await station.word("Stored")
    assert [request["move"] for request in station.requests] == [False, False, True]
    assert len({request["key"] for request in station.requests}) == 3


async def test_undo_by_button_and_by_command_code(station: Station) -> None:
    async def undo(route: Route, body: dict[str, Any]) -> None:
        if "undo" in body:
            await route.fulfill(json=answer(word="Undone", code=None, mode="store"))
        else:
            await station.echo(route, body)

    station.reply = undo
    await station.scan("T1", "T2")
    await station.page.get_by_role("button", name="Undo T1").click()
    await station.word("Undone")
    await station.scan(UNDO)
    await station.page.locator("#log li.is-muted").nth(1).wait_for()
    assert [request["undo"] for request in station.requests if "undo" in request] == ["undo-T1", "undo-T2"]
    await station.page.wait_for_timeout(500)  # a command that fires twice is one
    await station.scan(UNDO)
    await station.word("Nothing to undo")


async def test_two_codes_in_one_paste_are_refused(station: Station) -> None:
    await station.paste("T1\nT2\n")
    await station.word("Two codes at once")
    assert station.requests == []


async def test_ended_session_keeps_the_scan(station: Station) -> None:
    async def signed_out(route: Route, body: dict[str, Any]) -> None:
        del body
        await route.fulfill(status=401, json={"title": "Not signed in", "detail": "", "status": 401})

    station.reply = signed_out
    await station.scan("T1")
    await station.word("Signed out")
    station.reply = station.echo
    await station.scan(ACK)
    await station.word("Stored")
    assert len({request["key"] for request in station.requests}) == 1


async def test_drawn_box_is_the_box_of_the_template(station: Station) -> None:
    strip = "document.querySelector('#box table').outerHTML.replace(/>\\s+</g, '><')"
    from_template = await station.page.evaluate(strip)
    await station.scan("T1")
    await station.word("Stored")
    assert await station.page.evaluate(strip) == from_template
    assert await station.page.locator("#box .map-words").count() == 1


async def test_hostile_words_stay_words(station: Station) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    box = copy.deepcopy(samples.box_view())
    box["name"] = box["cells"][0]["text"] = hostile
    reply = answer(code=hostile, title=hostile, message=hostile, path=[{"name": hostile, "href": None}], box=box)

    async def attack(route: Route, body: dict[str, Any]) -> None:
        del body
        await route.fulfill(json=reply)

    station.reply = attack
    await station.scan(hostile)
    await station.word("Stored")
    assert await station.page.locator('#station img:not([src^="/scan/"])').count() == 0


async def test_focus_comes_back_and_help_opens_by_key(station: Station) -> None:
    page = station.page
    await page.locator("#verdict").click()
    await page.wait_for_function("document.activeElement.id === 'scan'")  # it comes back a moment after the click
    await page.keyboard.press("?")
    await page.locator("#help[open]").wait_for()
    await page.keyboard.press("Escape")
    await page.wait_for_function("document.activeElement.id === 'scan'")
    await page.get_by_role("button", name="Look up").click()
    await station.scan("T1")
    await station.word("Stored")
    assert station.requests[0]["mode"] == "find"


async def test_two_codes_without_a_pause_are_refused_both_and_joined_ones_as_well(station: Station) -> None:
    await station.page.evaluate(
        """() => { const input = document.querySelector("#scan");
        const press = (key) => input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        for (const code of ["T1", "T2"]) {
            for (const key of code) press(key);
            press("Enter");
            input.value = code;
            input.form.requestSubmit();
        } }"""
    )
    await station.word("Two codes at once")
    assert await station.page.locator("#log li.is-stop").count() == 2
    await station.scan(ACK)
    await station.word("Ready")
    await station.scan("TKQ7M3X9V7BB7Q2XK9T4")  # no house ids: one code of somebody else's
    await station.word("Stored")
    await station.scan(ids.mint(Kind.TUBE) + ids.mint(Kind.TUBE))
    await station.word("Two codes at once")
    assert len(station.requests) == 1


async def test_double_fire_is_ignored_by_value_and_a_second_tube_never_is(station: Station) -> None:
    await station.scan("T1", "T1", "T2")
    await station.page.locator("#log li.is-ok").nth(1).wait_for()
    assert await station.texts() == ["T1", "T2"]


async def test_pasted_lines_are_sent_in_order_when_that_is_confirmed(station: Station) -> None:
    await station.paste("T1\r\nT2\r\nT3\r\n")
    await station.word("3 codes pasted")
    assert station.requests == []
    await station.page.get_by_role("button", name="Send 3").click()
    await station.page.locator("#log li.is-ok").nth(2).wait_for()
    assert await station.texts() == ["T1", "T2", "T3"]


async def test_training_sends_what_changes_nothing_and_says_so(station: Station) -> None:
    await station.scan(TRAIN)
    await station.word("Training")
    assert "nothing that is scanned is kept" in await station.page.locator("#training").inner_text()
    await station.scan("T1")
    await station.word("Stored")
    await station.page.get_by_role("button", name="End training").click()
    await station.word("In earnest")
    await station.scan("T2")
    await station.page.locator("#log li.is-ok").nth(1).wait_for()
    assert [request.get("dry_run", False) for request in station.requests] == [True, False]


async def test_a_box_is_forgotten_after_a_pause(station: Station) -> None:
    await station.page.clock.install()
    await station.page.reload()
    await station.page.locator("#scan:focus").wait_for()
    await station.page.clock.fast_forward("16:00")
    await station.word("Forgotten")
    assert await station.page.locator("#box").is_hidden()
    await station.page.clock.resume()
    await station.scan("T1")
    await station.word("Stored")
    assert station.requests[0]["box"] is None


async def test_a_box_is_remapped_by_its_tubes_in_order(station: Station) -> None:
    async def look_then_do(route: Route, body: dict[str, Any]) -> None:
        if body.get("digest"):
            await route.fulfill(json=answer(word="Re-mapped", mode="remap"))
        else:
            await route.fulfill(
                json=answer(verdict="warning", word="Re-map it?", mode="remap", confirm="remap", digest="d")
            )

    station.reply = look_then_do
    await station.page.get_by_role("button", name="Re-map box").click()
    await station.scan("T1", "T2", NEXT, "T3")
    await station.word("Number 4")
    await station.scan(UNDO)
    await station.word("Taken back")
    await station.scan("T4", CONFIRM)
    await station.word("Re-map it?")
    await station.page.wait_for_timeout(500)
    await station.scan(CONFIRM)
    await station.word("Re-mapped")
    assert [request["codes"] for request in station.requests] == [["T1", "T2", "-", "T4"]] * 2
    assert station.requests[1]["digest"] == "d"


async def test_the_number_pad_and_the_reason_belong_to_their_modes(station: Station) -> None:
    pad, reason = station.page.locator("#key-pad"), station.page.get_by_label("Why they leave their box")
    assert await pad.is_hidden()
    await station.page.get_by_role("button", name="Quantity").click()
    for key in ("4", "5", "0", "Back", "Enter"):
        await pad.get_by_role("button", name=key, exact=True).click()
    await station.word("Stored")
    assert station.requests[0]["text"] == "45"
    await station.page.get_by_role("button", name="Check out").click()
    await reason.fill("To be divided")
    await station.page.locator("#scan").focus()
    await station.scan("T9")
    await station.page.locator("#log li.is-ok").nth(1).wait_for()
    assert station.requests[1]["reason"] == "To be divided"


PLUGGED = """
class Scanner extends EventTarget {
  opened = false;
  collections = [{ usagePage: 0x8c }];
  async open() { this.opened = true; }
  read(code) {
    const bytes = [code.length, 0x5d, 0x64, 0x32, ...new TextEncoder().encode(code)];
    const report = new Event("inputreport");
    report.data = new DataView(new Uint8Array(bytes).buffer);
    this.dispatchEvent(report);
  }
}
window.usb = new Scanner();
const hid = new EventTarget();
Object.assign(hid, { getDevices: async () => [window.usb], requestDevice: async () => [window.usb] });
const port = {
  async open(options) { window.baud = options.baudRate; },
  readable: new ReadableStream({ start(controller) { window.line = controller; } }),
};
Object.defineProperty(navigator, "hid", { value: hid });
Object.defineProperty(navigator, "serial", { value: { getPorts: async () => [], requestPort: async () => port } });
"""
"""A USB scanner that was allowed before and a serial one that was not, as the browser would show them."""


async def test_usb_and_serial_scanners_feed_the_same_box(chromium: Browser) -> None:
    page = await chromium.new_page()
    station = Station(page)
    await page.add_init_script(PLUGGED)
    await page.route("**/*", station.serve)
    await page.goto("http://station.example/scan")
    await page.locator("#scan:focus").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_text("Set up this computer").click()
    await page.get_by_role("button", name="Scanner connected").wait_for()  # the one that was allowed before
    await page.evaluate("usb.read('T000000001')")
    await station.word("Stored")
    await page.get_by_role("button", name="Serial scanner").click()
    await page.wait_for_function("window.baud === 9600")
    await page.evaluate("line.enqueue(new TextEncoder().encode('T0000'))")
    await page.evaluate(r"line.enqueue(new TextEncoder().encode('00002\r\n'))")
    await page.locator("#log li.is-ok").nth(1).wait_for()
    assert await station.texts() == ["T000000001", "T000000002"]
    await page.evaluate(r"line.enqueue(new TextEncoder().encode('T000000003\rT000000004\r'))")
    await station.word("Two codes at once")
    await page.get_by_role("button", name="Acknowledge").click()
    await page.evaluate("navigator.hid.dispatchEvent(new Event('disconnect')); line.close()")
    await page.get_by_role("button", name="USB scanner").wait_for()
    await page.get_by_role("button", name="Serial scanner").wait_for()
    assert await station.texts() == ["T000000001", "T000000002"]
    assert station.faults == []
    await page.unroute_all(behavior="ignoreErrors")
    await page.close()


SYMBOL = rules.SELF_TEST
FRENCH = str.maketrans("AQZWM", "QAWZ,")
GERMAN = str.maketrans("YZ", "ZY")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (SYMBOL.translate(FRENCH), "AZERTY"),
        (SYMBOL.translate(GERMAN), "QWERTZ"),
        (SYMBOL.lower(), "Capitals arrive as small letters"),
        (SYMBOL.replace("*", "("), 'should be "*" and is "("'),
        ("T1", "Nothing is taken before"),
    ],
)
async def test_a_station_does_not_start_with_a_scanner_that_types_wrongly(
    station: Station, typed: str, said: str
) -> None:
    await station.page.get_by_text("Set up this computer").click()
    await station.page.get_by_role("button", name="Test the scanner").click()
    await station.word("Self-test")
    await station.scan(typed)
    await station.word("Self-test f")
    assert said in await station.page.locator("#verdict").inner_text()
    assert station.requests == []
    async with station.page.expect_response("**/api/v1/station/started"):  # it is told beside the work
        await station.scan(SYMBOL)
    await station.word("Scanner tested")
    assert station.started == ["hand", "scanner"]
    assert "tested today" in await station.page.locator("[data-slot=scanner]").inner_text()


async def test_a_prefix_of_the_scanner_is_found_and_taken_off(station: Station) -> None:
    await station.page.get_by_text("Set up this computer").click()
    await station.page.get_by_role("button", name="Test the scanner").click()
    await station.scan(f"#1{SYMBOL}~")
    await station.word("Self-test failed")
    await station.page.get_by_role("button", name="Take them off").click()
    await station.word("Scanner tested")
    await station.scan("#1T1~")
    await station.word("Stored")
    assert await station.texts() == ["T1"]


async def test_tubes_in_hand_are_shown_with_their_minutes(station: Station) -> None:
    tube = {"code": samples.TUBE, "title": "Serum", "since": "", "cold": True}
    station.in_hand = [{**tube, "minutes": 31, "tone": "stop"}, {**tube, "minutes": 3, "tone": "ok"}]
    await station.scan("T1")
    shown = station.page.locator("#in-hand")
    await shown.get_by_text("31 min, too long").wait_for()
    assert "2, 1 out too long" in await shown.inner_text()
