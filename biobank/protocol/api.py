"""Protocols over JSON, and as YAML files."""

from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, JSONBody, MultipartBody, QueryParameter

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Key, Reading, Writing
from biobank.protocol import commands, comparison, queries
from biobank.protocol.comparison import ComparisonView
from biobank.protocol.queries import ProtocolView, VersionView
from biobank.protocol.text import MOST_BYTES

READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
YAML = "application/yaml"


@dataclass
class ProtocolFile:
    """A YAML file in a multipart form. With `row_version` the draft must be as the sender saw it."""

    file: UploadFile
    row_version: int | None = None


def yaml_file(text: str, study: str, number: int) -> Response[bytes]:
    headers = {"content-disposition": f'attachment; filename="{study}-protocol-{number}.yaml"'}
    return Response(text.encode(), media_type=YAML, headers=headers)


class ProtocolController(Controller):
    path = "/studies/{study:str}/protocol"
    tags = ("Protocol",)

    @get(operation_id="getProtocol", opt=READ)
    async def protocol(self, tx: Reading, study: FromPath[str]) -> ProtocolView:
        """The versions of a study's protocol, the latest first."""
        return await queries.protocol(tx, study)

    @get("/versions/{number:int}", operation_id="getProtocolVersion", opt=READ)
    async def version(self, tx: Reading, study: FromPath[str], number: FromPath[int]) -> VersionView:
        """One version with what it plans."""
        return await queries.version(tx, study, number)

    @get("/versions/{number:int}/file", operation_id="getProtocolFile", opt=READ, media_type=YAML)
    async def file(self, tx: Reading, study: FromPath[str], number: FromPath[int]) -> Response[bytes]:
        """One version as a YAML file, which reads back as the same document."""
        return yaml_file(await commands.exported(tx, study, number), study, number)

    @get("/comparison", operation_id="compareProtocolVersions", opt=READ)
    async def compare(
        self,
        tx: Reading,
        study: FromPath[str],
        earlier: Annotated[int | None, QueryParameter(name="from", ge=1, required=False)] = None,
        later: Annotated[int | None, QueryParameter(name="to", ge=1, required=False)] = None,
    ) -> ComparisonView:
        """What one version has otherwise than another; unless they are named, the latest and the one before it."""
        return await comparison.compare_versions(tx, study, earlier, later)

    @post("/draft", operation_id="startProtocolDraft", opt=MANAGE)
    async def start(
        self, tx: Writing, study: FromPath[str], data: JSONBody[commands.StartDraft], key: Key
    ) -> VersionView:
        """Begins the next version, as a copy of the latest published one or empty."""
        return await tx.once(key, data, VersionView, lambda: commands.start_draft(tx, study, data), of=study)

    @post("/draft/content", operation_id="replaceProtocolDraft", opt=MANAGE)
    async def replace(
        self, tx: Writing, study: FromPath[str], data: JSONBody[commands.ReplaceDraft], key: Key
    ) -> VersionView:
        """Gives the draft another content. Every problem of the document is named."""
        return await tx.once(key, data, VersionView, lambda: commands.replace_draft(tx, study, data), of=study)

    @post("/draft/file", operation_id="importProtocolFile", opt=MANAGE)
    async def upload(
        self,
        tx: Writing,
        study: FromPath[str],
        data: MultipartBody[ProtocolFile],
        key: Key,
    ) -> VersionView:
        """Puts a YAML file into the draft, which is started where there is none. Problems carry line and column."""
        content = await content_of(data.file)
        command = commands.file_command(content, data.row_version)
        return await tx.once(
            key, command, VersionView, lambda: commands.import_file(tx, study, command, content), of=study
        )

    @post("/draft/discarded", operation_id="discardProtocolDraft", opt=MANAGE)
    async def discard(
        self, tx: Writing, study: FromPath[str], data: JSONBody[commands.DiscardDraft], key: Key
    ) -> VersionView:
        """Gives the draft up. It stays on record."""
        return await tx.once(key, data, VersionView, lambda: commands.discard_draft(tx, study, data), of=study)


async def content_of(file: object) -> bytes:
    """The bytes of an uploaded file.

    Raises:
        Invalid: there is none.
        ProtocolFileTooLarge: more than 256 KiB; the rest is not read.
    """
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose a file.", errors={"file": "is missing"})
    return await file.read(MOST_BYTES + 1)


router = Router("/api/v1", route_handlers=[ProtocolController])
