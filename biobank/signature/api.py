"""Signatures over JSON. They are made where the deed is done that they sign."""

from litestar import Controller, Router, get
from litestar.params import FromPath

from biobank.actor import Permission
from biobank.http.deps import Reading
from biobank.signature import queries
from biobank.signature.queries import SignedText


class SignatureController(Controller):
    path = "/signatures"
    tags = ("Signatures",)

    @get("/{signature:str}", operation_id="getSignature", opt={"permission": Permission.AUDIT_READ})
    async def signature(self, tx: Reading, signature: FromPath[str]) -> SignedText:
        """The signature, what was signed, and whether both still belong together."""
        return await queries.signature(tx, signature)


router = Router("/api/v1", route_handlers=[SignatureController])
