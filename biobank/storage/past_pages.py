"""A place as it was at a moment, and what was in it between two of them."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Request, Response, Router, get
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from biobank import csvfile
from biobank.actor import Permission
from biobank.errors import Invalid, TooLarge
from biobank.http.deps import Reading
from biobank.http.pages import page
from biobank.storage import occupancy, past, queries
from biobank.storage.past import PastTube
from biobank.study.rules import at_site
from biobank.tx import ReadTx

_SHOWN = 200


def _input(moment: datetime, timezone: str) -> str:
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M")


async def _asked(tx: ReadTx, code: str, at: str, since: str, until: str, after: int) -> dict[str, Any]:
    """What is shown for what was asked, and what is wrong in it, by field."""
    place = await occupancy.container(tx, code)
    zone = place.timezone
    view: dict[str, Any] = {"place": place, "site_tz": zone, "was": None, "tubes": None, "count": None, "errors": {}}
    view["values"] = {
        "at": at or _input(tx.now, zone),
        "since": since or _input(tx.now - timedelta(days=1), zone),
        "until": until or _input(tx.now, zone),
    }
    try:
        if since or until:
            begin, end = _between(view["values"], zone)
            view["count"] = await past.count_between(tx, code, begin, end)
            view["tubes"] = await past.tubes_between(tx, code, begin, end, after=after, limit=_SHOWN)
        elif at:
            view["was"] = await past.place_at(tx, code, at_site(at, zone, "at"))
    except Invalid as error:
        view |= {"errors": error.fields.get("errors", {}), "refused": str(error)}
    return view


def _between(values: dict[str, str], zone: str) -> tuple[datetime, datetime]:
    return at_site(values["since"], zone, "since"), at_site(values["until"], zone, "until")


@get(
    "/storage/{code:str}/past",
    operation_id="pastPage",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
)
async def past_page(
    request: Request[Any, Any, Any],
    tx: Reading,
    code: FromPath[str],
    at: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    after: FromQuery[int] = 0,
) -> Template:
    view = await _asked(tx, code, at, since, until, max(after, 0))
    tubes = view["tubes"]
    span = {name: view["values"][name] for name in ("since", "until")}
    here = f"/storage/{view['place'].code}"
    next_href = f"{here}/past?{urlencode(span | {'after': tubes.next})}" if tubes and tubes.next else None
    return page(
        request,
        "storage/past.html",
        title=f"{view['place'].name} in the past",
        status_code=422 if view.get("refused") else 200,
        next_href=next_href,
        file_href=f"{here}/past.csv?{urlencode(span)}",
        **view,
    )


@get(
    "/storage/{code:str}/past.csv",
    operation_id="pastTubesCsv",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
)
async def past_csv(
    tx: Reading, code: FromPath[str], since: FromQuery[str] = "", until: FromQuery[str] = ""
) -> Response[str]:
    """Every tube that was there, a line each."""
    zone = (await occupancy.container(tx, code)).timezone
    begin, end = _between({"since": since, "until": until}, zone)
    found = await past.tubes_between(tx, code, begin, end, limit=past.MOST_IN_A_FILE)
    if found.next is not None:
        raise TooLarge(
            f"More than {past.MOST_IN_A_FILE:,} tubes were there: ask for less time, or for a shelf or rack."
        )
    columns = [name for name in PastTube.model_fields if name != "id"]
    told = (row.model_dump(mode="json") for row in found.rows)
    text = csvfile.written(columns, ([row[name] for name in columns] for row in told), end="\r\n")
    headers = {"content-disposition": f'attachment; filename="past-{queries.container_code(code)}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


router = Router("/", route_handlers=[past_page, past_csv])
