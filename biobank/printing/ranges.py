"""Ranges of pre-printed labels on paper, and over JSON and from their page."""

import asyncio

from litestar import Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, URLEncodedBody
from litestar.response import Redirect

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.http.deps import Key, Writing
from biobank.http.pages import form_key, parse_form, shown_again
from biobank.labelling import pages as labelling
from biobank.printer.job_queries import JobView
from biobank.printing.api import pdf
from biobank.printing.commands import SheetView, render_labels
from biobank.printing.range_commands import OrderRange, PrintRange, order_range, print_range

_PRINT = {"permission": Permission.LABEL_PRINT, "rate": PRINT}


@post(
    "/api/v1/label-ranges/{label_range:int}/prints",
    operation_id="printLabelRange",
    opt=_PRINT,
    tags=["Labels"],
    responses={
        201: ResponseSpec(
            bytes, generate_examples=False, media_type="application/pdf", description="The sheets of the range."
        )
    },
)
async def print_(tx: Writing, label_range: FromPath[int], data: JSONBody[PrintRange], key: Key) -> Response[bytes]:
    """Print the unused labels of a range. The same key again gives the same sheets and counts no further printing."""
    sheet = await tx.once(key, data, SheetView, lambda: print_range(tx, label_range, data), of=str(label_range))
    return pdf(await asyncio.to_thread(render_labels, sheet), f"label-range-{label_range}")


@post("/api/v1/label-ranges/{label_range:int}/orders", operation_id="orderLabelRange", opt=_PRINT, tags=["Labels"])
async def order(tx: Writing, label_range: FromPath[int], data: JSONBody[OrderRange], key: Key) -> JobView:
    """Queue the unused labels of a range at a printer."""
    return await tx.once(key, data, JobView, lambda: order_range(tx, label_range, data), of=str(label_range))


@post(
    "/label-ranges/{label_range:int}/prints",
    operation_id="printLabelRangeForm",
    opt=_PRINT,
    include_in_schema=False,
    status_code=200,
)
async def print_form(tx: Writing, label_range: FromPath[int], data: URLEncodedBody[dict[str, str]]) -> Response[bytes]:
    view = await labelling.shown(tx, label_range)
    with shown_again(labelling.TEMPLATE, title=labelling.title_of(label_range), values=data, **view):
        of = str(label_range)
        if data.get("printer"):
            ordered = parse_form(OrderRange, data)
            job = await tx.once(form_key(data), ordered, JobView, lambda: order_range(tx, label_range, ordered), of=of)
            return Redirect(f"/print-jobs/{job.number}", status_code=303)
        command = parse_form(PrintRange, data)
        sheet = await tx.once(form_key(data), command, SheetView, lambda: print_range(tx, label_range, command), of=of)
        return pdf(await asyncio.to_thread(render_labels, sheet), f"label-range-{label_range}")


router = Router("/", route_handlers=[print_, order, print_form])
