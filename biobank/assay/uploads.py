"""Files from requests: read whole, parsed outside of any transaction, then imported in one."""

import base64
import binascii
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from litestar import Request
from litestar.datastructures import UploadFile

from assay_importers import ParsedRun
from assay_importers.mapping import Mapping
from biobank.assay import importing, reading, rereading, rules, tables
from biobank.assay.importing import ImportFile
from biobank.assay.views import ImportPreview, Rereading, RunView
from biobank.errors import Invalid, TooLarge
from biobank.http.deps import provide_tx
from biobank.tx import Tx, open_read

transaction = asynccontextmanager(provide_tx)
"""The request's transaction, for handlers that do long work before it: none is held open while a file is parsed."""


@dataclass
class FileForm:
    """A file in a multipart form. `format` names an importer where the file alone does not tell. `mapping` is JSON:
    what the columns of a table mean, by a person who saw version `known` of what is remembered of them (0: nothing).
    """

    file: UploadFile
    format: str | None = None
    mapping: str | None = None
    known: int = 0


@dataclass
class TableForm:
    """A table in a multipart form: to be read by `mapping` (JSON), or with its column names in a line that is named."""

    file: UploadFile
    mapping: str | None = None
    header_line: int | None = None
    sheet: str | None = None
    delimiter: str | None = None


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


async def multipart(request: Request[Any, Any, Any]) -> tuple[dict[str, str], UploadFile | None]:
    """The text fields of a form and its file, None where none was chosen."""
    form = await request.form()
    file = form.get("file")
    return {name: value for name, value in form.items() if isinstance(value, str)}, (
        file if isinstance(file, UploadFile) else None
    )


def pack(content: bytes) -> str:
    """A file as the text of a hidden field."""
    return base64.b64encode(zlib.compress(content, 6)).decode()


def unpack(text: str, limit: int) -> bytes:
    """The file that `pack` made a text of.

    Raises:
        Invalid: the field is missing or damaged.
        TooLarge: it holds more than `limit` bytes.
    """
    worker = zlib.decompressobj()
    try:
        content = worker.decompress(base64.b64decode(text, validate=True), limit)
    except (binascii.Error, zlib.error):
        content = b""
    if worker.unconsumed_tail:
        raise TooLarge("The upload is larger than this service accepts.")
    if not worker.eof:
        raise Invalid("The form lost its file: choose it again.", errors={"file": "is missing"})
    return content


async def preview(
    request: Request[Any, Any, Any],
    run: str,
    name: str,
    content: bytes,
    key: str | None,
    mapping: Mapping | None = None,
) -> ImportPreview:
    """Parse a file and say what importing it into the run would do."""
    parsed, _ = await _parse(request, run, name, content, key, mapping)
    async with open_read(request.app.state.database, request.scope["user"], clock=request.app.state.clock) as tx:
        return await importing.preview(tx, run, importing.file_command(name, content, key), parsed)


async def read_again(request: Request[Any, Any, Any], run: str) -> Rereading:
    """Read the file that the run was imported from once more, and say what that would change."""
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        file = await rereading.stored_file(tx, run)
    limit = state.settings.upload_bytes
    if file.mapping is None:
        parsed = await reading.read(file.name, file.content, format_key=file.importer, limit=limit)
    else:
        parsed = await reading.read_table(file.name, file.content, file.mapping, limit=limit)
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        return await rereading.compare(tx, run, parsed)


async def import_file(
    request: Request[Any, Any, Any],
    run: str,
    name: str,
    content: bytes,
    key: str | None,
    once: Any,
    mapping: Mapping | None = None,
    known: int = 0,
) -> RunView:
    """Parse a file, then import it in one transaction; `once` is the request's idempotency key."""
    parsed, used = await _parse(request, run, name, content, key, mapping)
    command: ImportFile = importing.file_command(name, content, key, mapping, known)
    async with transaction(request) as opened:
        tx = cast("Tx", opened)  # a POST's writes
        return await tx.once(
            once, command, RunView, lambda: importing.import_file(tx, run, command, content, parsed, used), of=run
        )


async def is_table(request: Request[Any, Any, Any], run: str, key: str | None) -> bool:
    """Whether a file for this run is read by what a person says of its columns."""
    return (key or (await tables.run_of(request, run)).importer) == rules.TABLE


async def _parse(
    request: Request[Any, Any, Any], run: str, name: str, content: bytes, key: str | None, mapping: Mapping | None
) -> tuple[ParsedRun, Mapping | None]:
    """The parsed file, and of a table the mapping that it was read by. That the run is within reach is known before any
    work is spent on it.
    """
    found = await tables.run_of(request, run)
    limit = request.app.state.settings.upload_bytes
    if (key or found.importer) == rules.TABLE:
        used = mapping or await tables.mapping_for(request, found, name, content)
        return await reading.read_table(name, content, used, limit=limit), used
    if mapping is not None:
        raise Invalid(
            f"A mapping is for tables of no known format, and this file is read as {key or found.importer}.",
            errors={"mapping": "is for tables only"},
        )
    return await reading.read(name, content, format_key=key, limit=limit), None
