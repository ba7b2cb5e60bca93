"""Goods-in over JSON: deliveries of coded tubes, and the rule of a study."""

from dataclasses import dataclass

from litestar import Controller, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, JSONBody, MultipartBody

from assay_importers import ImporterError
from assay_importers.errors import FileTooLarge
from assay_importers.racks.codes import CodeList, read_codes
from assay_importers.racks.table import MAX_BYTES
from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.delivery import commands, queries, rules
from biobank.delivery.commands import RegisterCodes
from biobank.delivery.queries import DeliveryView, RuleView
from biobank.errors import Invalid, TooLarge
from biobank.http.deps import Key, Reading, Writing

PRINT = {"permission": Permission.LABEL_PRINT}


@dataclass
class CodesForm:
    """A maker's file of codes in a multipart form."""

    file: UploadFile
    study: str
    site: str
    namespace: str
    lot: str | None = None


async def content_of(file: object) -> tuple[str, bytes]:
    """Name and bytes of the file.

    Raises:
        Invalid: there is none.
    """
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose the maker's file of codes.", errors={"file": "is missing"})
    return file.filename[:200], await file.read(MAX_BYTES + 1)


def listed(name: str, content: bytes) -> CodeList:
    """The codes of a file.

    Raises:
        TooLarge, VendorCodesRefused: the file as a whole cannot be read.
    """
    try:
        return read_codes(name, content)
    except FileTooLarge as error:
        raise TooLarge(f"Nothing was registered: {error}.") from None
    except ImporterError as error:
        raise rules.VendorCodesRefused(
            f"Nothing was registered: {error}.", errors={"file": str(error)}, **error.details
        ) from None


class DeliveryController(Controller):
    path = "/deliveries"
    tags = ("Labels",)

    @get(operation_id="listDeliveries", opt=PRINT)
    async def deliveries(self, tx: Reading) -> list[DeliveryView]:
        """Deliveries of tubes with codes of their makers, newest first."""
        return await queries.deliveries(tx)

    @post(operation_id="registerCodes", opt={**PRINT, "rate": UPLOAD})
    async def register(self, tx: Writing, data: MultipartBody[CodesForm], key: Key) -> DeliveryView:
        """Registers all codes of a maker's file, or none of them."""
        name, content = await content_of(data.file)
        command = RegisterCodes(
            study=data.study,
            site=data.site,
            namespace=data.namespace,
            lot=data.lot or None,
            file_name=name,
            sha256=commands.digest(content),
        )
        codes = listed(name, content)
        return await tx.once(key, command, DeliveryView, lambda: commands.register(tx, command, codes))

    @get("/{delivery:int}", operation_id="getDelivery", opt=PRINT)
    async def delivery(self, tx: Reading, delivery: FromPath[int]) -> DeliveryView:
        return await queries.delivery(tx, delivery)

    @post("/rules", operation_id="setCodeRule", opt={"permission": Permission.STUDY_MANAGE})
    async def set_rule(self, tx: Writing, data: JSONBody[commands.SetCodeRule], key: Key) -> RuleView:
        """Says whether tubes of a study take only registered codes of a maker."""
        return await tx.once(key, data, RuleView, lambda: commands.set_rule(tx, data))


router = Router("/api/v1", route_handlers=[DeliveryController])
