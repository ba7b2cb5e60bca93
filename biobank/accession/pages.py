"""The visit day on a page: from the due list to the end of the visit, without scripts."""

from datetime import datetime
from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.accession import commands, queries
from biobank.accession.commands import DrawView
from biobank.accession.queries import VisitDay
from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.labelling.queries import left_at
from biobank.participant import visiting
from biobank.participant.pages import local_input
from biobank.participant.queries import ParticipantView
from biobank.printer.pages import workstation_of
from biobank.printing.pages import printer_choice
from biobank.specimen import queries as specimens
from biobank.stock import queries as stocks
from biobank.study.queries import scope_titles
from biobank.study.rules import at_site, today
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
TEMPLATE = "accession/day.html"
UNPLANNED = 3
"""Rows for tubes that the protocol does not plan."""


def href(day: VisitDay) -> str:
    return f"/participants/{day.participant}/visits/{day.visit}/{day.number}"


def _title(day: VisitDay) -> str:
    return f"{day.title} {day.number}" if day.number > 1 else day.title


def window_words(day: VisitDay, today_there: Any) -> tuple[str, str]:
    """How the visit's day, or today for one that is planned, stands to its window: a kind and words."""
    if day.window_from is None or day.window_to is None:
        return "info", "unscheduled: it may take place on any day"
    on = day.occurred_on or today_there
    window = f"{day.window_from.isoformat()} to {day.window_to.isoformat()}"
    if on < day.window_from:
        return "warning", f"{(day.window_from - on).days} days before the window, {window}"
    if on > day.window_to:
        return "warning", f"{(on - day.window_to).days} days after the window, {window}"
    return "ok", f"within the window, {window}"


async def _view(
    tx: ReadTx, participant: str, visit: str, number: int, workstation: str | None = None
) -> dict[str, Any]:
    day = await queries.visit_day(tx, participant, visit, number)
    there = today(tx.now, day.timezone)
    return {
        "day": day,
        "here": href(day),
        "site_tz": day.timezone,
        "today": there,
        "now": local_input(tx.now, day.timezone),
        "window": window_words(day, there),
        "reasons": [(one.code, one.title) for one in await queries.reasons(tx)],
        "labelling": await left_at(tx, day.study, day.site),
        "unprinted": await queries.unprinted(tx, day.tubes),
        "stocks": await stocks.choices(tx),
        **await printer_choice(tx, workstation, "T"),
        "type_options": [(one.code, f"{one.title} ({one.unit})") for one in await specimens.specimen_types(tx)],
        "tube_options": [(one.code, one.title) for one in await specimens.tube_types(tx)],
        "unplanned_rows": UNPLANNED,
        "scopes": await scope_titles(tx),
    }


@get(
    "/participants/{participant:str}/visits/{visit:str}/{number:int}",
    operation_id="visitDayPage",
    opt={"permission": Permission.PARTICIPANT_READ},
    include_in_schema=False,
)
async def day_page(
    request: Here, tx: Reading, participant: FromPath[str], visit: FromPath[str], number: FromPath[int]
) -> Template:
    view = await _view(tx, participant, visit, number, workstation_of(request))
    return page(request, TEMPLATE, title=_title(view["day"]), **view)


def ticked(data: dict[str, str]) -> list[dict[str, str]]:
    """The planned tubes that were ticked, in the order of the form, each with the quantity that was typed and the
    label that was scanned for it.
    """
    found = []
    for name in data:
        kind, _, rest = name.partition(".")
        planned, _, ordinal = rest.rpartition(".")
        if kind == "slot" and planned:
            given = {of: data.get(f"{of}.{rest}", "").strip() for of in ("quantity", "label")}
            found.append({"planned": planned, "ordinal": ordinal} | {of: text for of, text in given.items() if text})
    return found


def unplanned(data: dict[str, str]) -> list[dict[str, str]]:
    """The filled rows of tubes that are not planned."""
    rows = [
        {
            name: data.get(f"unplanned.{index}.{name}", "").strip()
            for name in ("specimen_type", "tube_type", "quantity", "label")
        }
        for index in range(UNPLANNED)
    ]
    return [{name: value for name, value in row.items() if value} for row in rows if row["specimen_type"]]


def _moment(data: dict[str, str], timezone: str) -> datetime:
    return at_site(data.get("collected_at", ""), timezone, "collected_at")


_OF = "/participants/{participant:str}/visits/{visit:str}/{number:int}"


@post(
    f"{_OF}/record",
    operation_id="recordVisitDayForm",
    opt={"permission": Permission.VISIT_RECORD},
    include_in_schema=False,
    status_code=303,
)
async def record(
    tx: Writing, participant: FromPath[str], visit: FromPath[str], number: FromPath[int], data: Form
) -> Redirect:
    """The visit took place: from planned to done, with its day and, outside the window, the reason."""
    view = await _view(tx, participant, visit, number)
    day: VisitDay = view["day"]
    with shown_again(TEMPLATE, title=_title(day), values=data, **view):
        command = parse_form(visiting.RecordVisit, data, type=day.visit)
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: visiting.record_visit(tx, day.participant, command),
            of=day.participant,
        )
    return Redirect(f"{view['here']}#tubes", status_code=303)


@post(
    f"{_OF}/draw",
    operation_id="drawForm",
    opt={"permission": Permission.SPECIMEN_COLLECT},
    include_in_schema=False,
    status_code=303,
)
async def draw(
    tx: Writing, participant: FromPath[str], visit: FromPath[str], number: FromPath[int], data: Form
) -> Redirect:
    view = await _view(tx, participant, visit, number)
    day: VisitDay = view["day"]
    with shown_again(TEMPLATE, title=_title(day), values=data, **view):
        command = commands.RecordDraw.model_validate(
            {
                "collected_at": _moment(data, day.timezone),
                "tubes": ticked(data),
                "unplanned": unplanned(data),
                "fasting": {"yes": True, "no": False}.get(data.get("fasting", "")),
            }
        )
        await tx.once(
            form_key(data),
            command,
            DrawView,
            lambda: commands.record_draw(tx, day.participant, day.visit, day.number, command),
            of=view["here"],
        )
    return Redirect(f"{view['here']}#labels", status_code=303)


@post(
    f"{_OF}/not-collected",
    operation_id="notCollectedForm",
    opt={"permission": Permission.VISIT_RECORD},
    include_in_schema=False,
    status_code=303,
)
async def not_collected(
    tx: Writing, participant: FromPath[str], visit: FromPath[str], number: FromPath[int], data: Form
) -> Redirect:
    view = await _view(tx, participant, visit, number)
    day: VisitDay = view["day"]
    with shown_again(TEMPLATE, title=_title(day), values=data, **view):
        tubes = [{"planned": one["planned"], "ordinal": one["ordinal"]} for one in ticked(data)]
        command = parse_form(commands.RecordNotCollected, data, tubes=tubes)
        after = await tx.once(
            form_key(data),
            command,
            VisitDay,
            lambda: commands.record_not_collected(tx, day.participant, day.visit, day.number, command),
            of=view["here"],
        )
    return Redirect(f"{view['here']}#{'tubes' if after.open else 'finish'}", status_code=303)


@post(
    f"{_OF}/finish",
    operation_id="finishVisitForm",
    opt={"permission": Permission.VISIT_RECORD},
    include_in_schema=False,
    status_code=303,
)
async def finish(
    tx: Writing, participant: FromPath[str], visit: FromPath[str], number: FromPath[int], data: Form
) -> Redirect:
    view = await _view(tx, participant, visit, number)
    day: VisitDay = view["day"]
    with shown_again(TEMPLATE, title=_title(day), values=data, **view):
        command = parse_form(commands.FinishVisit, data)
        await tx.once(
            form_key(data),
            command,
            VisitDay,
            lambda: commands.finish_visit(tx, day.participant, day.visit, day.number, command),
            of=view["here"],
        )
    return Redirect(f"{view['here']}#finished", status_code=303)


router = Router("/", route_handlers=[day_page, record, draw, not_collected, finish])
