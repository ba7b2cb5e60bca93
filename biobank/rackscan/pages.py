"""The pages of rack scans: hand in a file, look at the difference, settle and commit it; re-map a box by scanning."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from pydantic import BaseModel, ConfigDict

from biobank import ids
from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.errors import DomainError, Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.identifier.command_codes import BY_CODE
from biobank.rackscan import commands, queries, remapping, rules, uploads
from biobank.rackscan.queries import RackScanView
from biobank.rackscan.remapping import EMPTY, RemapBox, RemapView
from biobank.storage import boxes, occupancy
from biobank.tx import ReadTx, Tx, open_read

Web = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
READ = {"permission": Permission.STORAGE_READ}
STORE = {"permission": Permission.STORAGE_STORE}

KINDS: Mapping[str, tuple[str, str, str]] = {
    "unchanged": ("ok", "same", "stands where it should"),
    "new": ("right", "new", "comes into the box from a hand, or was missing or lost"),
    "moved": ("duplicate", "moved", "from another position of this box"),
    "brought": ("down", "brought", "from another box"),
    "gone": ("warning", "gone", "should stand here and was not seen"),
    "unread": ("pending", "unread", "a tube whose code could not be read"),
    "foreign": ("stop", "foreign", "not known here"),
    "refused": ("hold", "refused", "may not be stored here"),
    "duplicate": ("stop", "twice", "its code was read at two positions"),
    "two_labels": ("warning", "2 labels", "its label was printed more than once"),
}
"""By kind of a position: the icon, a short word, and what it means."""

STATES: Mapping[str, tuple[str, str]] = {
    "open": ("pending", "Open"),
    "committed": ("ok", "Committed"),
    "discarded": ("muted", "Discarded"),
}
_DECISIONS = [(name, words[0].upper() + words[1:]) for name, words in rules.DECISIONS.items()]


async def _list(tx: ReadTx, code: str) -> dict[str, Any]:
    box = await occupancy.container(tx, code)
    return {"box": box, "scans": await queries.rack_scans(tx, code), "states": STATES, "site_tz": box.timezone}


async def _one(tx: ReadTx, code: str, number: int) -> dict[str, Any]:
    box = await occupancy.container(tx, code)
    view = await queries.rack_scan(tx, code, number)
    return {
        "box": box,
        "view": view,
        "kinds": KINDS,
        "states": STATES,
        "decisions": _DECISIONS,
        "turned": rules.TURNED_WORDS.get(view.turned or ""),
        "site_tz": box.timezone,
    }


@get("/storage/{code:str}/rack-scans", operation_id="rackScansPage", opt=READ, include_in_schema=False)
async def scans_page(request: Web, tx: Reading, code: FromPath[str]) -> Template:
    view = await _list(tx, code)
    return page(request, "rackscan/list.html", title=f"Scans of {view['box'].name}", **view)


@post(
    "/storage/{code:str}/rack-scans",
    operation_id="keepRackScanForm",
    opt={**STORE, "rate": UPLOAD},
    include_in_schema=False,
    status_code=303,
)
async def keep_form(request: Web, code: FromPath[str]) -> Redirect:
    """Hands in a file; the page of the scan shows what it says."""
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    async with open_read(request.app.state.database, request.scope["user"], clock=request.app.state.clock) as tx:
        view = await _list(tx, code)
    with shown_again("rackscan/list.html", title=f"Scans of {view['box'].name}", values=data, **view):
        kept = await uploads.keep(request, code, file if isinstance(file, UploadFile) else None, form_key(data))
    return Redirect(f"/storage/{kept.box}/rack-scans/{kept.number}", status_code=303)


@get("/storage/{code:str}/rack-scans/{number:int}", operation_id="rackScanPage", opt=READ, include_in_schema=False)
async def scan_page(request: Web, tx: Reading, code: FromPath[str], number: FromPath[int]) -> Template:
    view = await _one(tx, code, number)
    return page(request, "rackscan/scan.html", title=f"Scan of {view['box'].name}", **view)


def _settled(data: Mapping[str, str]) -> dict[str, Any]:
    """The answers and decisions of the form: `at.A1` is what was scanned by hand, `out.A1` says it was taken out."""
    answers = [
        {"position": name.removeprefix("at."), "code": text}
        for name, text in data.items()
        if name.startswith("at.") and text.strip() and f"out.{name.removeprefix('at.')}" not in data
    ]
    answers += [{"position": name.removeprefix("out.")} for name in data if name.startswith("out.")]
    decisions = [
        {"tube": name.removeprefix("tube."), "decision": text}
        for name, text in data.items()
        if name.startswith("tube.") and text
    ]
    return {"answers": answers, "decisions": decisions}


@post(
    "/storage/{code:str}/rack-scans/{number:int}/{deed:str}",
    operation_id="rackScanForm",
    opt=STORE,
    include_in_schema=False,
    status_code=303,
)
async def deed_form(
    tx: Writing, code: FromPath[str], number: FromPath[int], deed: FromPath[str], data: Form
) -> Redirect:
    """Settle, commit or discard, each with its own button."""
    view = await _one(tx, code, number)
    of = f"{view['box'].code}/{number}"
    with shown_again("rackscan/scan.html", title=f"Scan of {view['box'].name}", values=data, **view):
        key = form_key(data)
        match deed:
            case "settle":
                said = parse_form(commands.SettleRackScan, {}, **_settled(data))
                await tx.once(key, said, RackScanView, lambda: commands.settle(tx, code, number, said), of=of)
            case "commit":
                yes = parse_form(commands.CommitRackScan, data)
                await tx.once(key, yes, RackScanView, lambda: commands.commit_scan(tx, code, number, yes), of=of)
            case "discard":
                no = parse_form(commands.DiscardRackScan, data)
                await tx.once(key, no, RackScanView, lambda: commands.discard(tx, code, number, no), of=of)
            case _:
                raise Invalid("There is no such step: load the page again.")
    return Redirect(f"/storage/{view['box'].code}/rack-scans/{number}", status_code=303)


class Answer(BaseModel):
    """The outcome of one scan at the bench, in large type."""

    model_config = ConfigDict(frozen=True)
    verdict: str
    word: str
    title: str
    code: str | None = None
    message: str | None = None
    path: tuple[str, ...] = ()
    position: str | None = None


def _ready(title: str, **extra: Any) -> Answer:
    return Answer(verdict="ok", word="OK", title=title, **extra)


async def _bench(tx: ReadTx, code: str, scans: tuple[str, ...], answer: Answer | None = None) -> dict[str, Any]:
    """The bench of a re-map: the box as it is, and what the scans so far would make of it."""
    box = await occupancy.container(tx, code)
    drawn = await boxes.box(tx, code)
    looked = await remapping.look(tx, code, scans) if any(text != EMPTY for text in scans) else None
    return {"box": box, "drawn": drawn, "scans": scans, "looked": looked, "answer": answer, "site_tz": box.timezone}


@get("/storage/{code:str}/remap", operation_id="remapPage", opt=STORE, include_in_schema=False)
async def remap_page(request: Web, tx: Reading, code: FromPath[str]) -> Template:
    view = await _bench(tx, code, ())
    return page(request, "rackscan/remap.html", title=f"Re-map {view['box'].name}", **view)


def _scans(data: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(text[:200] for text in data.get("scans", "").split())


@post("/storage/{code:str}/remap", operation_id="remapScanForm", opt=STORE, include_in_schema=False, status_code=200)
async def remap_form(request: Web, tx: Writing, code: FromPath[str], data: Form) -> Template:
    """One scan: a tube for the next position, or a command: next leaves the position empty, undo takes the last scan
    back, confirm stores the new order.
    """
    before, text = _scans(data), " ".join(data.get("scan", "").split())[:200]
    command = BY_CODE.get(ids.canonical(text))
    verb = command.verb if command else None
    if verb == "confirm":
        return await _confirmed(request, tx, code, data, before)
    scans, answer = _after(before, text, verb)
    try:
        view = await _bench(tx, code, scans, answer)
    except Invalid as error:
        stop = Answer(verdict="stop", word="STOP", title=error.detail, code=text[:40])
        view = await _bench(tx, code, before, stop)
    unknown = _unknown(view["looked"], scans, text)
    if unknown and data.get("unknown") != text:
        # A gun that fires while the page is drawn anew loses characters: a code that nobody knows is asked for twice.
        again = "Not known here: scan it again. The same code a second time is noted as foreign."
        view = await _bench(tx, code, before, Answer(verdict="stop", word="STOP", title=again, code=text[:40]))
        view["unknown"] = text
    return page(request, "rackscan/remap.html", title=f"Re-map {view['box'].name}", **view)


def _unknown(looked: RemapView | None, scans: tuple[str, ...], text: str) -> bool:
    """Whether the last scan is a code that is not known here."""
    last = text.replace(" ", "")
    told = looked.foreign if looked is not None and scans and scans[-1] == last else ()
    return any(one.code == last and one.tube is None for one in told)


def _after(before: tuple[str, ...], text: str, verb: str | None) -> tuple[tuple[str, ...], Answer]:
    """The scans after one more, and what is said of it."""
    match verb:
        case None if text and (not before or before[-1] != text):
            return (*before, text.replace(" ", "")), _ready("Scanned", code=text)
        case None if text:
            return before, Answer(verdict="duplicate", word="Duplicate", title="Scanned just before", code=text)
        case "undo" if before:
            return before[:-1], _ready("The last scan was taken back", code=before[-1])
        case "next":
            return (*before, EMPTY), _ready("This position is left empty")
    return before, Answer(verdict="warning", word="Look", title="Scan a tube, or next, undo or confirm.")


async def _confirmed(request: Web, tx: Tx, code: str, data: Mapping[str, str], scans: tuple[str, ...]) -> Template:
    """The first confirm shows what would be stored, the second one stores it."""
    view = await _bench(tx, code, scans)
    title = f"Re-map {view['box'].name}"
    if not data.get("digest"):
        asked = Answer(verdict="warning", word="Look", title="Look at what changes. Scan confirm again to store it.")
        if view["looked"] is None:
            asked = Answer(verdict="warning", word="Look", title="Nothing was scanned yet.")
        view = await _bench(tx, code, scans, asked)
        return page(request, "rackscan/remap.html", title=title, asked=view["looked"] is not None, **view)
    command = parse_form(RemapBox, {"digest": data["digest"]}, scans=scans)
    try:
        done = await tx.once(
            form_key(data), command, RemapView, lambda: remapping.remap_box(tx, code, command), of=view["box"].code
        )
    except DomainError as error:
        stop = Answer(verdict="stop", word="STOP", title=error.detail)
        return page(request, "rackscan/remap.html", title=title, **await _bench(tx, code, scans, stop))
    stored = _ready(f"{len(done.moved)} tubes moved, {done.unchanged} as before, {len(done.missing)} missing.")
    view = await _bench(tx, code, (), stored)
    return page(request, "rackscan/remap.html", title=title, done=done, **view)


router = Router("/", route_handlers=[scans_page, keep_form, scan_page, deed_form, remap_page, remap_form])
