"""Finding space on a page, and keeping it free."""

import re
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.storage import boxes, container_types, occupancy, queries, reservations, reserving, space
from biobank.storage.reservations import ReservationView
from biobank.storage.reserving import ReleaseSpace, ReservePlaces, ReserveSpace
from biobank.study.queries import site_by_code, sites_within
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
_READ = {"permission": Permission.STORAGE_READ}
_STORE = {"permission": Permission.STORAGE_STORE}
_FIELDS = ("site", "temperature_class", "count", "tube_format", "box")
OFFERS = {
    "one_run": "in one, without a gap",
    "one_holder": "in one",
    "one_parent": "side by side",
    "one_unit": "in one freezer",
    "several": "in several places",
}


async def _asked(tx: ReadTx) -> dict[str, Any]:
    return {
        "site_options": [(one.code, one.title) for one in await sites_within(tx, Permission.STORAGE_READ)],
        "classes": await queries.temperature_classes(tx),
        "formats": await container_types.tube_formats(tx),
        "kinds_of_box": await queries.types_of_level(tx, "box"),
        "words": OFFERS,
    }


@get("/space", operation_id="findSpacePage", opt=_READ, include_in_schema=False)
async def find_page(
    request: Here,
    tx: Reading,
    site: FromQuery[str | None] = None,
    temperature_class: FromQuery[str | None] = None,
    count: FromQuery[str | None] = None,
    tube_format: FromQuery[str | None] = None,
    box: FromQuery[str | None] = None,
) -> Template:
    values = dict(zip(_FIELDS, (site, temperature_class, count, tube_format, box), strict=True))
    found: space.SpaceView | None = None
    errors: dict[str, str] = {}
    refused: str | None = None
    if site and temperature_class:
        try:
            found = await space.find_space(
                tx,
                site=site,
                temperature_class=temperature_class,
                count=int(count) if count and count.isdecimal() else 0,
                tube_format=tube_format or None,
                box=box or None,
            )
        except Invalid as error:
            errors, refused = dict(error.errors), error.detail
    return page(
        request,
        "storage/space.html",
        title="Find space",
        status_code=422 if refused else 200,
        found=found,
        until=(tx.now + timedelta(days=7)).date().isoformat(),
        values={name: value or "" for name, value in values.items()},
        errors=errors,
        refused=refused,
        **await _asked(tx),
    )


@get("/space/reservations", operation_id="spaceReservationsPage", opt=_READ, include_in_schema=False)
async def reservations_page(request: Here, tx: Reading, site: FromQuery[str | None] = None) -> Template:
    found = await reservations.reservations(tx, site=site or None)
    return page(
        request, "storage/reservations.html", title="Reserved space", found=found, site=site or "", **await _asked(tx)
    )


async def _new(tx: ReadTx, container: str) -> dict[str, Any]:
    place = await occupancy.container(tx, container)
    box = await boxes.box(tx, container) if place.level == "box" else None
    return {
        "place": place,
        "box": box,
        "until": (tx.now + timedelta(days=7)).date().isoformat(),
        "site_tz": place.timezone,
    }


@get("/space/reservations/new", operation_id="newSpaceReservationPage", opt=_STORE, include_in_schema=False)
async def new_page(request: Here, tx: Reading, container: FromQuery[str]) -> Template:
    return page(request, "storage/reserve.html", title="Reserve space", **await _new(tx, container))


def _here(data: dict[str, str]) -> tuple[ReservePlaces, ...]:
    """The places that the form of one container names: by name, or how many."""
    names = tuple(name.strip() for name in re.split("[,;]", data.get("positions", "")) if name.strip())
    count = data.get("count") or None
    return (ReservePlaces.model_validate({"container": data["container"], "positions": names, "count": count}),)


def _places(text: str) -> tuple[ReservePlaces, ...]:
    """Places as an offer writes them: a line each, the code of the container, a colon, and positions with commas."""
    found = []
    for line in text.splitlines():
        code, _, rest = line.partition(":")
        names = [name.strip() for name in rest.split(",") if name.strip()]
        if code.strip():
            found.append(ReservePlaces(container=code.strip(), positions=tuple(names)))
    return tuple(found)


def _part(found: ReservationView, data: dict[str, str]) -> tuple[ReservePlaces, ...]:
    """What the form of one container gives back: the places that it names, or all that are held there."""
    if not data.get("container"):
        return ()
    (named,) = _here({**data, "count": ""})
    held = next((place.held for place in found.places if place.code == named.container), ())
    return (named if named.positions else named.model_copy(update={"positions": held}),)


@post("/space/reservations", operation_id="reserveSpaceForm", opt=_STORE, include_in_schema=False, status_code=303)
async def reserve_form(tx: Writing, data: Form) -> Redirect:
    """From the page of a box or rack, or from an offer of the search; `container` is where the form stands."""
    if data.get("container"):
        view = await _new(tx, data["container"])
        template, title = "storage/reserve.html", "Reserve space"
    else:
        view = {"found": None, "until": data.get("until", ""), **await _asked(tx)}
        template, title = "storage/space.html", "Find space"
    with shown_again(template, title=title, values=data, **view):
        site = await site_by_code(tx, data.get("site", ""), Permission.STORAGE_STORE)
        command = ReserveSpace.model_validate(
            {
                "name": data.get("name", ""),
                "site": site.code,
                "shipment": data.get("shipment") or None,
                "expires_at": _end_of(data.get("until", ""), site.timezone),
                "places": _here(data) if data.get("container") else _places(data.get("places", "")),
            }
        )
        made = await tx.once(form_key(data), command, ReservationView, lambda: reserving.reserve(tx, command))
    return Redirect(f"/space/reservations/{made.number}", status_code=303)


def _end_of(day: str, timezone: str) -> datetime:
    """The end of a day at the site."""
    try:
        last = datetime.combine(datetime.fromisoformat(day).date(), time.max, ZoneInfo(timezone))
    except ValueError:
        raise Invalid("Say until which day.", errors={"until": "is not a day"}) from None
    return last.replace(microsecond=0)


@get(
    "/space/reservations/{reservation:uuid}",
    operation_id="spaceReservationPage",
    opt=_READ,
    include_in_schema=False,
)
async def reservation_page(request: Here, tx: Reading, reservation: FromPath[UUID]) -> Template:
    found = await reservations.reservation(tx, reservation)
    return page(request, "storage/reservation.html", title=found.name, **_shown(found))


def _shown(found: ReservationView) -> dict[str, Any]:
    held_in = [(place.code, place.words) for place in found.places if place.held]
    return {"found": found, "held_in": held_in, "site_tz": found.timezone}


@post(
    "/space/reservations/{reservation:uuid}/release",
    operation_id="releaseSpaceForm",
    opt=_STORE,
    include_in_schema=False,
    status_code=303,
)
async def release_form(tx: Writing, reservation: FromPath[UUID], data: Form) -> Redirect:
    found = await reservations.reservation(tx, reservation)
    with shown_again("storage/reservation.html", title=found.name, values=data, **_shown(found)):
        command = parse_form(ReleaseSpace, {}, places=_part(found, data) or _places(data.get("places", "")))
        await tx.once(
            form_key(data),
            command,
            ReservationView,
            lambda: reserving.release(tx, reservation, command),
            of=str(reservation),
        )
    return Redirect(f"/space/reservations/{reservation}", status_code=303)


router = Router(
    "/",
    route_handlers=[find_page, reservations_page, new_page, reserve_form, reservation_page, release_form],
)
