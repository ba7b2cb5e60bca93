"""Labels scanned after they were stuck on, and those that were not: over JSON and as pages without scripts."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromQuery, JSONBody, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.printing import applying
from biobank.printing.applying import AppliedView, UnverifiedRow, VerifyApplied
from biobank.study.queries import sites_within

_PRINT = {"permission": Permission.LABEL_PRINT}
TEMPLATE = "printing/verify.html"


@post("/api/v1/labels/applied", operation_id="verifyAppliedLabel", opt=_PRINT, tags=["Labels"])
async def verify(tx: Writing, data: JSONBody[VerifyApplied], key: Key) -> AppliedView:
    """The parent was scanned, and then the label on a tube that was made of it."""
    return await tx.once(key, data, AppliedView, lambda: applying.verify_applied(tx, data))


@get("/api/v1/labels/unverified", operation_id="listUnverifiedLabels", opt=_PRINT, tags=["Labels"])
async def unverified(
    tx: Reading,
    site: FromQuery[str | None] = None,
    user: FromQuery[str | None] = None,
    after: After = 0,
    limit: Limit = 50,
) -> Page[UnverifiedRow]:
    """Labels that were printed and not scanned since, the oldest first."""
    return await applying.unverified(tx, site=site, user=user, after=after, limit=limit)


@get("/labels/unverified", operation_id="unverifiedLabelsPage", opt=_PRINT, include_in_schema=False)
async def unverified_page(
    request: Request[Any, Any, Any],
    tx: Reading,
    site: FromQuery[str | None] = None,
    user: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    found = await applying.unverified(tx, site=site or None, user=user or None, after=after)
    given = "".join(f"&{name}={value}" for name, value in (("site", site), ("user", user)) if value)
    return page(
        request,
        "printing/unverified.html",
        title="Labels to scan",
        found=found,
        site=site,
        user=user,
        username=tx.actor.username,
        sites=[(one.code, one.title) for one in await sites_within(tx, Permission.LABEL_PRINT)],
        next_href=f"/labels/unverified?after={found.next}{given}" if found.next else None,
    )


@get("/labels/verify", operation_id="verifyLabelsPage", opt=_PRINT, include_in_schema=False)
async def verify_page(
    request: Request[Any, Any, Any], tx: Reading, parent: FromQuery[str] = "", last: FromQuery[str] = ""
) -> Template:
    """`parent` stays at hand with the tubes that were made of it; `last` is the label that was scanned last."""
    labels = await applying.labels_of(tx, parent) if parent else ()
    seen = next((one for one in labels if one.code == last and one.verified), None)
    values = {"parent": parent[:40]}
    return page(request, TEMPLATE, title="Scan labels after sticking", values=values, labels=labels, last=seen)


@post("/labels/verify", operation_id="verifyLabelsForm", opt=_PRINT, include_in_schema=False, status_code=303)
async def verify_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    with shown_again(TEMPLATE, title="Scan labels after sticking", values=data, labels=(), last=None):
        command = parse_form(VerifyApplied, data)
        seen = await tx.once(form_key(data), command, AppliedView, lambda: applying.verify_applied(tx, command))
    return Redirect(f"/labels/verify?parent={seen.parent}&last={seen.code}", status_code=303)


router = Router("/", route_handlers=[verify, unverified, unverified_page, verify_page, verify_form])
