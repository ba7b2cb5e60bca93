"""Files of scanners from requests: read whole, in a process of their own, then kept in one transaction."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from litestar import Request
from litestar.datastructures import UploadFile

from assay_importers import ImporterError, sandbox
from assay_importers.errors import FileTooLarge
from assay_importers.racks import RackScan as ScannedRack
from assay_importers.racks.table import MAX_BYTES
from biobank.actor import Permission
from biobank.errors import Invalid, TooLarge
from biobank.http.deps import provide_tx
from biobank.rackscan import commands, rules
from biobank.rackscan.queries import RackScanView
from biobank.storage.queries import find_box
from biobank.tx import Tx, open_read

transaction = asynccontextmanager(provide_tx)
_LIMITS = sandbox.Limits(wall_seconds=10, cpu_seconds=10, memory_bytes=512 * sandbox.MIB, file_bytes=MAX_BYTES)


@dataclass
class RackForm:
    """The file of a rack scanner in a multipart form."""

    file: UploadFile


async def read(name: str, content: bytes) -> ScannedRack:
    """Read a file. To be called outside of any transaction.

    Raises:
        TooLarge, RackFileRefused: nothing was stored.
    """
    try:
        return await sandbox.read_rack_async(content, name, limits=_LIMITS)
    except FileTooLarge as error:
        raise TooLarge(f"Nothing was stored: {error}.") from None
    except ImporterError as error:
        raise rules.RackFileRefused(
            f"Nothing was stored: {error}.", errors={"file": str(error)}, **error.details
        ) from None


async def keep(request: Request[Any, Any, Any], code: str, file: object, key: UUID) -> RackScanView:
    """Read the scan of a box and keep it. That the box is within reach is known before any work is spent on the file.

    Raises:
        Invalid: there is no file.
        NotFound, TooLarge, RackFileRefused, RackDoesNotFit: as the box and the file deserve.
    """
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as look:
        await find_box(look, code, Permission.STORAGE_STORE)
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose the file that the scanner wrote.", errors={"file": "is missing"})
    content = await file.read(MAX_BYTES + 1)
    scanned = await read(file.filename, content)
    command = commands.file_command(file.filename, content)
    async with transaction(request) as opened:
        tx = cast("Tx", opened)  # a POST's writes
        return await tx.once(
            key, command, RackScanView, lambda: commands.keep(tx, code, command, content, scanned), of=code
        )
