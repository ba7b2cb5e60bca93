"""Missing tubes on a page: where each should be, who noticed, and the end of the search."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank import ids
from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form
from biobank.http.paging import After
from biobank.storage import searching


@get(
    "/tube-searches",
    operation_id="tubeSearchesPage",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def searches_page(request: Request[Any, Any, Any], tx: Reading, after: After = 0) -> Template:
    found = await searching.searches(tx, after=after)
    return page(
        request,
        "storage/searches.html",
        title="Missing tubes",
        missing=found.rows,
        next_href=f"/tube-searches?after={found.next}" if found.next else None,
        new_key=ids.new_uuid,
    )


@post(
    "/tube-searches/{code:str}/give-up",
    operation_id="giveUpForm",
    opt={"permission": Permission.SPECIMEN_PICK},
    include_in_schema=False,
    status_code=303,
)
async def give_up_form(tx: Writing, code: FromPath[str], data: URLEncodedBody[dict[str, str]]) -> Redirect:
    command = parse_form(searching.GiveUp, data)
    key = form_key(data)
    await tx.once(key, command, searching.GivenUpView, lambda: searching.give_up(tx, code, command), of=code)
    return Redirect("/tube-searches", status_code=303)


router = Router("/", route_handlers=[searches_page, give_up_form])
