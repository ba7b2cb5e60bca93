"""The participant's page with its tubes, and the bench's pages: collecting, spinning, dividing."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Response, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.labelling.queries import left_at
from biobank.paging import cut
from biobank.participant import queries as participant_queries
from biobank.participant.due import next_visit
from biobank.participant.pages import chips, local_input, next_page
from biobank.participant.queries import ParticipantView
from biobank.specimen import collecting, dividing, processing, queries, upkeep
from biobank.specimen.collecting import CollectionView
from biobank.specimen.deviations import deviation_types
from biobank.specimen.processing import ProcessedView
from biobank.specimen.queries import SpecimenRow, SpecimenView
from biobank.specimen.work import MadeView
from biobank.study.queries import scope_titles
from biobank.study.rules import at_site, today
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
Type = Annotated[str | None, QueryParameter(name="type", required=False)]

ROWS, MORE_ROWS, MOST_ROWS = 6, 6, 60
MOST_ON_A_PAGE, MOST_OF_A_PERSON = 500, 200
TUBE_FIELDS = ("specimen_type", "tube_type", "quantity", "unit", "label")
PROCESS_OPTIONS = [
    (code, code.replace("_", " ").capitalize())
    for code in (
        "clot",
        "centrifuge",
        "ficoll",
        "wash",
        "extract",
        "cryo_freeze",
        "thaw",
        "refreeze",
        "incubate",
        "transfer",
    )
]


@dataclass(frozen=True, slots=True)
class Event:
    """A mark on the participant's timeline."""

    date: date
    kind: str
    label: str
    href: str | None = None


def events(person: ParticipantView, tubes: tuple[SpecimenRow, ...]) -> list[Event]:
    """What happened to a participant, on the days of the site: enrolment, consents, visits, tubes, withdrawals."""
    found = [Event(person.enrolled_on, "study", "Enrolled")]
    found += [
        Event(today(one.signed_at, person.timezone), "consent", f"Consent {one.version}") for one in person.consents
    ]
    found += [Event(one.occurred_on, "visit", one.title) for one in person.visits if one.occurred_on is not None]
    drawn: dict[date, int] = {}
    for tube in tubes:
        if tube.level == "primary" and tube.collected_at is not None:
            day = today(tube.collected_at, person.timezone)
            drawn[day] = drawn.get(day, 0) + 1
    found += [Event(day, "tubes", f"{count} tubes", "#specimens") for day, count in drawn.items()]
    found += [
        Event(today(one.effective_at, person.timezone), "withdrawal", one.level.replace("_", " "))
        for one in person.withdrawals
    ]
    return found


@get(
    "/participants/{code:str}",
    operation_id="participantPage",
    opt={"permission": Permission.PARTICIPANT_READ},
    include_in_schema=False,
)
async def participant(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    person = await participant_queries.participant(tx, code)
    tubes = await queries.specimens(tx, participant=person.code, limit=MOST_ON_A_PAGE)
    return page(
        request,
        "participant/participant.html",
        title="Participant",
        person=person,
        tubes=cut(tubes.rows, MOST_OF_A_PERSON, lambda row: row.id),
        events=events(person, tubes.rows),
        next_visit=next_visit(person, tx.now),
        scopes=await scope_titles(tx),
        site_tz=person.timezone,
        results=[],
    )


async def materials(tx: ReadTx) -> dict[str, Any]:
    """The code tables as options of a form; a type says the unit that it is measured in."""
    return {
        "type_options": [
            (one.code, f"{one.code}, {one.title} ({one.unit})") for one in await queries.specimen_types(tx)
        ],
        "tube_options": [(one.code, one.title) for one in await queries.tube_types(tx)],
    }


async def _collection(tx: ReadTx, code: str) -> dict[str, Any]:
    person = await participant_queries.participant(tx, code)
    return {
        "person": person,
        "labelling": await left_at(tx, person.study, person.site),
        **await materials(tx),
        "site_tz": person.timezone,
        "now": local_input(tx.now, person.timezone),
    }


def tube_rows(data: dict[str, str]) -> list[dict[str, str]]:
    """The filled rows of the form, in order; a row without a quantity and without a type is empty."""
    rows = []
    for index in range(MOST_ROWS):
        row = {name: data.get(f"tubes.{index}.{name}", "").strip() for name in TUBE_FIELDS}
        if row["specimen_type"] or row["quantity"]:
            rows.append({name: value for name, value in row.items() if value})
    return rows


def _rows(count: str | None, filled: int) -> int:
    asked = int(count) if count and count.isdecimal() and len(count) < 4 else ROWS
    return min(max(asked, filled, 1), MOST_ROWS)


@get(
    "/participants/{code:str}/collect",
    operation_id="collectPage",
    opt={"permission": Permission.SPECIMEN_COLLECT},
    include_in_schema=False,
)
async def collect_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    return page(
        request, "specimen/collect.html", title="Collect tubes", rows=ROWS, filled=[], **await _collection(tx, code)
    )


@post(
    "/participants/{code:str}/collect",
    operation_id="collectForm",
    opt={"permission": Permission.SPECIMEN_COLLECT},
    include_in_schema=False,
    status_code=303,
)
async def collect(request: Here, tx: Writing, code: FromPath[str], data: Form) -> Response[Any]:
    view = await _collection(tx, code)
    person: ParticipantView = view["person"]
    filled = tube_rows(data)
    rows = _rows(data.get("rows"), len(filled))
    if "more" in data:
        more = min(rows + MORE_ROWS, MOST_ROWS)
        return page(
            request,
            "specimen/collect.html",
            title="Collect tubes",
            status_code=200,
            rows=more,
            filled=filled,
            values=data,
            **view,
        )
    with shown_again("specimen/collect.html", title="Collect tubes", values=data, rows=rows, filled=filled, **view):
        visit, _, number = data.get("visit", "").partition("/")
        command = collecting.Collect.model_validate(
            {
                "visit": visit,
                "number": number or 1,
                "collected_at": at_site(data.get("collected_at", ""), person.timezone, "collected_at"),
                "tubes": filled,
            }
        )
        made = await tx.once(
            form_key(data),
            command,
            CollectionView,
            lambda: collecting.collect(tx, person.code, command),
            of=person.code,
        )
    return Redirect(made_href(made.specimens), status_code=303)


def made_href(rows: tuple[SpecimenRow, ...]) -> str:
    """The page that shows these tubes, to go on with them."""
    return f"/specimens/made?codes={','.join(row.code for row in rows)}"


def codes_in(text: str) -> list[str]:
    """Codes from a query, a list or a scanner: separated by commas, spaces or lines, each once."""
    codes = [queries.tube_code(one, "specimens") for one in text.replace(",", " ").split()[:MOST_ON_A_PAGE]]
    return list(dict.fromkeys(codes))


@get("/specimens/made", operation_id="madePage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def made_page(request: Here, tx: Reading, codes: FromQuery[str] = "") -> Template:
    """The tubes that were just made, to print their labels and to go on."""
    found = await queries.find_specimens(tx, codes_in(codes), Permission.SPECIMEN_READ)
    rows = await queries.rows_of(tx, [tube.id for tube, _ in found])
    return page(request, "specimen/made.html", title="New tubes", tubes=rows, site_tz=_zone(rows))


def _zone(rows: tuple[SpecimenRow, ...]) -> str:
    return rows[0].timezone if rows else "UTC"


@get("/specimens", operation_id="specimensPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def specimens(
    request: Here,
    tx: Reading,
    *,
    participant: FromQuery[str | None] = None,
    type_: Type = None,
    site: FromQuery[str | None] = None,
    existence: FromQuery[str | None] = None,
    quality: FromQuery[str | None] = None,
    hold: FromQuery[str | None] = None,
    place: FromQuery[str | None] = None,
    reservation: FromQuery[str | None] = None,
    visit: FromQuery[str | None] = None,
    container: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {
        "participant": participant,
        "type": type_,
        "site": site,
        "existence": existence,
        "quality": quality,
        "hold": hold,
        "place": place,
        "reservation": reservation,
        "visit": visit,
        "container": container,
    }
    found = await queries.specimens(
        tx,
        participant=participant or None,
        type_=type_ or None,
        site=site or None,
        existence=existence or None,
        quality=quality or None,
        hold=hold or None,
        place=place or None,
        reservation=reservation or None,
        visit=visit or None,
        container=container or None,
        after=after,
    )
    return page(
        request,
        "specimen/list.html",
        title="Tubes",
        found=found,
        filters=filters,
        chips=chips("/specimens", filters),
        next_href=next_page("/specimens", filters, found.next),
        site_tz=_zone(found.rows),
        **await materials(tx),
    )


async def _bench(tx: ReadTx, code: str) -> dict[str, Any]:
    parent = await queries.specimen(tx, code)
    return {
        "parent": parent,
        **await materials(tx),
        "site_tz": parent.timezone,
        "now": local_input(tx.now, parent.timezone),
    }


def vials(data: dict[str, str]) -> list[str]:
    """The contents of the new vials: `count` full ones of `nominal`, and `rest` in a last, short one.

    Raises:
        Invalid: `count` is no number of vials.
    """
    count = data.get("count", "").strip() or "0"
    if not count.isdecimal() or int(count[:4]) > 100 or len(count) > 3:
        raise Invalid("At most 100 vials are made at once.", errors={"count": "is not a number from 0 to 100"})
    rest = data.get("rest", "").strip()
    full = data.get("nominal", "").strip()
    if int(count) and not full:
        raise Invalid("Say what a full vial holds.", errors={"nominal": "is missing"})
    made = [full] * int(count) + ([rest] if rest else [])
    if not made:
        raise Invalid("No vial is made: say how many.", errors={"count": "is missing"})
    for field, text in (("nominal", full), ("rest", rest)):
        if text and not _positive(text):
            raise Invalid("A vial holds more than nothing.", errors={field: "is not a number above zero"})
    return made


def _positive(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number > 0


@get(
    "/specimens/{code:str}/aliquot",
    operation_id="aliquotPage",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
)
async def aliquot_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    return page(request, "specimen/aliquot.html", title="Make aliquots", **await _bench(tx, code))


@post(
    "/specimens/{code:str}/aliquot",
    operation_id="aliquotForm",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
    status_code=303,
)
async def aliquot(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _bench(tx, code)
    parent: SpecimenView = view["parent"]
    with shown_again("specimen/aliquot.html", title="Make aliquots", values=data, **view):
        contents = vials(data)
        started_at = at_site(data.get("started_at", ""), parent.timezone, "started_at")
        command = parse_form(dividing.Aliquot, data, quantities=contents, started_at=started_at)
        made = await tx.once(
            form_key(data), command, MadeView, lambda: dividing.aliquot(tx, parent.code, command), of=parent.code
        )
    return Redirect(made_href(made.made), status_code=303)


async def _deviations(tx: ReadTx) -> list[tuple[str, str]]:
    return [(one.code, f"{one.title} ({one.severity})") for one in await deviation_types(tx)]


def _named(data: dict[str, str]) -> dict[str, str | None] | None:
    """The deviation that a form names, if it does."""
    kind = data.get("deviation_type", "").strip()
    return {"type": kind, "comment": data.get("deviation_comment", "").strip() or None} if kind else None


@get(
    "/specimens/process",
    operation_id="processPage",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
)
async def process_page(request: Here, tx: Reading, codes: FromQuery[str] = "") -> Template:
    found = await queries.find_specimens(tx, codes_in(codes), Permission.SPECIMEN_PROCESS)
    rows = await queries.rows_of(tx, [tube.id for tube, _ in found])
    return page(
        request,
        "specimen/process.html",
        title="Record processing",
        specimens=" ".join(row.code for row in rows),
        type_options=PROCESS_OPTIONS,
        deviation_options=await _deviations(tx),
        site_tz=_zone(rows),
        now=local_input(tx.now, _zone(rows)),
    )


@post(
    "/specimens/process",
    operation_id="processForm",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
    status_code=303,
)
async def process(tx: Writing, data: Form) -> Redirect:
    view = {
        "specimens": data.get("specimens", ""),
        "type_options": PROCESS_OPTIONS,
        "deviation_options": await _deviations(tx),
        "site_tz": "UTC",
        "now": "",
    }
    with shown_again("specimen/process.html", title="Record processing", values=data, **view):
        codes = codes_in(data.get("specimens", ""))
        found = await queries.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS)
        rows = await queries.rows_of(tx, [tube.id for tube, _ in found])
        zone = _zone(rows)
        ended = data.get("ended_at", "").strip()
        command = parse_form(
            processing.Process,
            data,
            specimens=codes,
            started_at=at_site(data.get("started_at", ""), zone, "started_at"),
            ended_at=at_site(ended, zone, "ended_at") if ended else None,
            deviation=_named(data),
        )
        done = await tx.once(form_key(data), command, ProcessedView, lambda: processing.process(tx, command))
    return Redirect(made_href(done.specimens), status_code=303)


async def _deed(tx: Writing, code: str, data: dict[str, str], model: type[Any], verb: Any) -> Redirect:
    """One of the small forms on the tube's page; what it refuses is shown as a page of its own, with the way back."""
    tube = queries.tube_code(code)
    command = parse_form(model, data)
    await tx.once(form_key(data), command, SpecimenView, lambda: verb(tx, tube, command), of=tube)
    return Redirect(f"/specimens/{tube}", status_code=303)


_PROCESS = {"permission": Permission.SPECIMEN_PROCESS}


@post("/specimens/{code:str}/use-up", operation_id="useUpForm", opt=_PROCESS, include_in_schema=False, status_code=303)
async def use_up(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _deed(tx, code, data, upkeep.UseUp, upkeep.use_up)


@post(
    "/specimens/{code:str}/quality", operation_id="qualityForm", opt=_PROCESS, include_in_schema=False, status_code=303
)
async def quality(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    """What is chosen is a state, `state/quarantined`, or a word of the site, `label/Haemolysed`."""
    kind, _, chosen = data.get("quality", "").partition("/")
    given = {**data, "quality": "", "label": ""} | {"label" if kind == "label" else "quality": chosen or kind}
    return await _deed(tx, code, given, upkeep.SetQuality, upkeep.set_quality)


@post(
    "/specimens/{code:str}/quantity",
    operation_id="quantityForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def quantity(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _deed(tx, code, data, upkeep.CorrectQuantity, upkeep.correct_quantity)


@post("/specimens/{code:str}/codes", operation_id="codeForm", opt=_PROCESS, include_in_schema=False, status_code=303)
async def add_code(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _deed(tx, code, data, upkeep.AddCode, upkeep.add_code)


router = Router(
    "/",
    route_handlers=[
        participant,
        collect_page,
        collect,
        made_page,
        specimens,
        aliquot_page,
        aliquot,
        process_page,
        process,
        use_up,
        quality,
        quantity,
        add_code,
    ],
)
