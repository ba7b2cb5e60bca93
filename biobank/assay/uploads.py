"""Files from requests: read whole, parsed outside of any transaction, then imported in one."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from litestar import Request
from litestar.datastructures import UploadFile

from biobank.actor import Permission
from biobank.assay import importing, queries, rereading
from biobank.assay.importing import ImportFile
from biobank.assay.views import ImportPreview, Rereading, RunView
from biobank.errors import Invalid
from biobank.http.deps import provide_tx
from biobank.tx import Tx, open_read

transaction = asynccontextmanager(provide_tx)
"""The request's transaction, for handlers that do long work before it: none is held open while a file is parsed."""


@dataclass
class FileForm:
    """A file in a multipart form. `format` names an importer where the file alone does not tell."""

    file: UploadFile
    format: str | None = None


@dataclass
class MapForm:
    """A plate map in a multipart form, for the plate of this number in the run."""

    file: UploadFile
    plate: int = 1


async def content_of(file: object) -> tuple[str, bytes]:
    """Name and bytes of an uploaded file.

    Raises:
        Invalid: there is none.
    """
    if not isinstance(file, UploadFile):
        raise Invalid("Choose a file.", errors={"file": "is missing"})
    return file.filename, await file.read()


async def preview(
    request: Request[Any, Any, Any], run: str, name: str, content: bytes, key: str | None
) -> ImportPreview:
    """Parse a file and say what importing it into the run would do."""
    parsed = await _parse(request, run, name, content, key)
    async with open_read(request.app.state.database, request.scope["user"], clock=request.app.state.clock) as tx:
        return await importing.preview(tx, run, importing.file_command(name, content, key), parsed)


async def read_again(request: Request[Any, Any, Any], run: str) -> Rereading:
    """Read the file that the run was imported from once more, and say what that would change."""
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        file = await rereading.stored_file(tx, run)
    parsed = await importing.read(file.name, file.content, format_key=file.importer, limit=state.settings.upload_bytes)
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        return await rereading.compare(tx, run, parsed)


async def import_file(
    request: Request[Any, Any, Any], run: str, name: str, content: bytes, key: str | None, once: Any
) -> RunView:
    """Parse a file, then import it in one transaction; `once` is the request's idempotency key."""
    parsed = await _parse(request, run, name, content, key)
    command: ImportFile = importing.file_command(name, content, key)
    async with transaction(request) as opened:
        tx = cast("Tx", opened)  # a POST's writes
        return await tx.once(
            once, command, RunView, lambda: importing.import_file(tx, run, command, content, parsed), of=run
        )


async def _parse(request: Request[Any, Any, Any], run: str, name: str, content: bytes, key: str | None) -> Any:
    """The parsed file. That the run is within reach is known before any work is spent on it."""
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        await queries.find_run(tx, run, Permission.ASSAY_RUN)
    return await importing.read(name, content, format_key=key, limit=state.settings.upload_bytes)
