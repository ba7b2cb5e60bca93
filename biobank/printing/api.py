"""Labels over JSON: printed as PDF, verified by scan."""

import asyncio
from uuid import UUID

from litestar import Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.http.deps import Key, Writing
from biobank.printer.job_queries import JobView
from biobank.printing import commands, moving, ordering
from biobank.printing.commands import SheetView, VerifiedView


def pdf(content: bytes, name: str) -> Response[bytes]:
    """A PDF that the browser shows."""
    headers = {"content-disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@post(
    "/",
    operation_id="printLabels",
    opt={"permission": Permission.LABEL_PRINT, "rate": PRINT},
    tags=["Labels"],
    responses={
        201: ResponseSpec(
            bytes, generate_examples=False, media_type="application/pdf", description="The sheets of labels."
        )
    },
)
async def print_labels(tx: Writing, data: JSONBody[commands.PrintLabels], key: Key) -> Response[bytes]:
    """Print labels. The same key again gives the same sheet and counts no further copy."""
    sheet = await tx.once(key, data, SheetView, lambda: commands.print_labels(tx, data))
    return pdf(await asyncio.to_thread(commands.render_labels, sheet), "labels")


@post("/verifications", operation_id="verifyLabel", opt={"permission": Permission.LABEL_PRINT}, tags=["Labels"])
async def verify_label(tx: Writing, data: JSONBody[commands.VerifyLabel], key: Key) -> VerifiedView:
    """The applied label was scanned."""
    return await tx.once(key, data, VerifiedView, lambda: commands.verify_label(tx, data))


_PRINT = {"permission": Permission.LABEL_PRINT, "rate": PRINT}


@post("/orders", operation_id="orderLabels", opt=_PRINT, tags=["Printing"])
async def order(tx: Writing, data: JSONBody[ordering.OrderLabels], key: Key) -> JobView:
    """Queue labels at a printer; without one the rules choose. The same key again gives the same job."""
    return await tx.once(key, data, JobView, lambda: ordering.order_labels(tx, data))


@post("/print-jobs/{job:uuid}/again", operation_id="printAgain", opt=_PRINT, tags=["Printing"])
async def again(tx: Writing, job: FromPath[UUID], data: JSONBody[ordering.PrintAgain], key: Key) -> JobView:
    """Every label of a job once more from its snapshot, each as a further copy with its reason."""
    return await tx.once(key, data, JobView, lambda: ordering.print_again(tx, job, data), of=str(job))


@post("/print-jobs/moves", operation_id="movePrintJobs", opt=_PRINT, tags=["Printing"], status_code=200)
async def move(tx: Writing, data: JSONBody[moving.MoveJobs], key: Key) -> moving.JobsView:
    """Send jobs that wait to another printer of their site, all or none."""
    return await tx.once(key, data, moving.JobsView, lambda: moving.move_jobs(tx, data))


@post("/print-jobs/cancellations", operation_id="cancelPrintJobs", opt=_PRINT, tags=["Printing"], status_code=200)
async def cancel(tx: Writing, data: JSONBody[moving.CancelJobs], key: Key) -> moving.JobsView:
    """Take back jobs of which nothing was sent, all or none."""
    return await tx.once(key, data, moving.JobsView, lambda: moving.cancel_jobs(tx, data))


@post(
    "/printers/{site:str}/{printer:str}/test",
    operation_id="testPrinter",
    opt={"permission": Permission.PRINTER_MANAGE, "rate": PRINT},
    tags=["Printing"],
)
async def test(
    tx: Writing, site: FromPath[str], printer: FromPath[str], data: JSONBody[ordering.PrintTest], key: Key
) -> JobView:
    """One label that says that it is a test."""
    return await tx.once(
        key, data, JobView, lambda: ordering.print_test(tx, site, printer, data), of=f"{site} {printer}"
    )


labels = Router("/labels", route_handlers=[print_labels, verify_label, order])
router = Router("/api/v1", route_handlers=[labels, again, move, cancel, test])
