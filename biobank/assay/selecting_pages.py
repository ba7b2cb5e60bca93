"""The page that finds the tubes for an assay, says why others are left out, and makes the pick list."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Router, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.assay import queries, selecting
from biobank.assay.selecting import PickedForAssay, PickForAssay
from biobank.errors import DomainError
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.study.queries import studies
from biobank.tx import ReadTx

PAGE, TITLE = "assay/tubes.html", "Tubes for an assay"
TAKE = "take."


@get(
    "/fitness/tubes",
    operation_id="tubesForAssayPage",
    opt={"permission": Permission.ASSAY_READ},
    include_in_schema=False,
)
async def tubes_page(
    request: Request[Any, Any, Any],
    tx: Reading,
    assay: FromQuery[str] = "",
    site: FromQuery[str] = "",
    participants: FromQuery[str] = "",
    visit: FromQuery[str] = "",
    after: After = 0,
) -> Template:
    """`assay` is STUDY/CODE; without it the page asks."""
    asked = {"assay": assay, "site": site, "participants": participants, "visit": visit}
    view = await _view(tx, asked, after)
    return page(request, PAGE, title=TITLE, status_code=422 if view["problem"] else 200, **view)


async def _view(tx: ReadTx, asked: Mapping[str, str], after: int = 0) -> dict[str, Any]:
    known, assays = await studies(tx), await queries.assays(tx)
    view: dict[str, Any] = {
        "asked": asked,
        "options": [(f"{one.study}/{one.code}", f"{one.code}: {one.title} ({one.study})") for one in assays],
        "sites": sorted({(site.code, f"{site.code}: {site.name}") for one in known for site in one.sites}),
        "visits": sorted({(kind.code, kind.title) for one in known for kind in one.visit_types}),
        "found": None,
        "next_href": None,
        "problem": None,
    }
    if not (asked["assay"] and asked["site"]):
        return view
    study, _, code = asked["assay"].partition("/")
    people = asked["participants"].replace(",", " ").split()
    try:
        found = await selecting.find(
            tx, study, code, asked["site"], participants=people, visit=asked["visit"] or None, after=after
        )
    except DomainError as error:
        return view | {"problem": str(error)}
    next_href = f"/fitness/tubes?{urlencode({**asked, 'after': found.next})}" if found.next else None
    return view | {"found": found, "next_href": next_href}


@post(
    "/fitness/pick-lists",
    operation_id="pickForAssayForm",
    opt={"permission": Permission.SPECIMEN_PICK},
    include_in_schema=False,
    status_code=303,
)
async def pick_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The tubes that are ticked; the search stands in the form, so that a refusal shows it again."""
    asked = {name: data.get(name, "") for name in ("assay", "site", "participants", "visit")}
    with shown_again(PAGE, title=TITLE, values=data, **await _view(tx, asked)):
        study, _, code = asked["assay"].partition("/")
        taken = [name.removeprefix(TAKE) for name in data if name.startswith(TAKE)]
        command = parse_form(PickForAssay, data, study=study, tubes=taken, version=None)
        made = await tx.once(
            form_key(data), command, PickedForAssay, lambda: selecting.pick_for(tx, code, command), of=code
        )
    return Redirect(f"/pick-lists/{made.pick_list.code}", status_code=303)


router = Router("/", route_handlers=[tubes_page, pick_form])
