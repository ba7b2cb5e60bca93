"""Labels over JSON: printed as PDF, verified by scan."""

import asyncio

from litestar import Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.http.deps import Key, Writing
from biobank.printing import commands
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


router = Router("/api/v1/labels", route_handlers=[print_labels, verify_label])
