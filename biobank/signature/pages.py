"""A signature on a page, with what was signed."""

import json
from typing import Any

from litestar import Request, Router, get
from litestar.params import FromPath
from litestar.response import Template

from biobank.actor import Permission
from biobank.http.deps import Reading
from biobank.http.pages import page
from biobank.signature import queries


@get(
    "/signatures/{signature:str}",
    operation_id="signaturePage",
    opt={"permission": Permission.AUDIT_READ},
    include_in_schema=False,
)
async def signature_page(request: Request[Any, Any, Any], tx: Reading, signature: FromPath[str]) -> Template:
    found = await queries.signature(tx, signature)
    text = json.dumps(json.loads(found.content), ensure_ascii=False, indent=2)
    return page(request, "signature/signature.html", title="Signature", signature=found, text=text)


router = Router("/", route_handlers=[signature_page])
