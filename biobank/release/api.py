"""Results by participant over JSON and as CSV."""

import re
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Annotated
from uuid import UUID

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from biobank.access.limits import EXPORT
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.release import commands, queries
from biobank.release.queries import PullRow, ResultRow

_FILE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.csv")
_IN_MEMORY = 8 * 1024 * 1024
_PIECE = 256 * 1024
Several = Annotated[list[str] | None, QueryParameter(description="May be repeated; all, where it is left out.")]


class ResultController(Controller):
    path = "/results"
    tags = ("Results",)

    @get(operation_id="listResults", opt={"permission": Permission.RESULT_READ})
    async def results(
        self,
        tx: Reading,
        study: FromQuery[str],
        participant: Several = None,
        analyte: Several = None,
        quantity: Several = None,
        status: Several = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[ResultRow]:
        """Results of participants who did not withdraw, in the order of their storing; released ones by default."""
        return await queries.results(
            tx,
            study=study,
            participants=participant,
            analytes=analyte,
            quantities=quantity,
            statuses=status or ["released"],
            after=after,
            limit=limit,
        )

    @get("/pulls", operation_id="listPulls", opt={"permission": Permission.RESULT_EXPORT})
    async def pulls(self, tx: Reading, limit: Limit = 50) -> list[PullRow]:
        return await queries.pulls(tx, limit=limit)

    @post("/pulls", operation_id="pullResults", opt={"permission": Permission.RESULT_EXPORT, "rate": EXPORT})
    async def pull(self, tx: Writing, data: JSONBody[commands.Pull], key: Key) -> commands.PullView:
        return await tx.once(key, data, commands.PullView, lambda: commands.pull(tx, data))

    @get(
        "/pulls/{file:str}",
        operation_id="downloadPull",
        opt={"permission": Permission.RESULT_EXPORT, "rate": EXPORT},
        media_type="text/csv",
    )
    async def download(self, tx: Reading, file: FromPath[str]) -> Stream:
        """The CSV of a pull (`{number}.csv`), byte by byte as it was: its digest is checked before it is sent."""
        named = _FILE.fullmatch(file)
        if named is None:
            raise NotFound("There is nothing at this address.")
        held: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed when sent
        try:
            digest = await commands.write_csv(tx, UUID(named[1]), held)
            size = held.tell()
        except BaseException:
            held.close()
            raise
        return Stream(
            _pieces(held),
            media_type="text/csv; charset=utf-8",
            headers={
                "content-length": str(size),
                "content-disposition": f'attachment; filename="results-{named[1][:8]}.csv"',
                "etag": f'"{digest}"',
            },
        )


async def _pieces(file: "SpooledTemporaryFile[bytes]") -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


router = Router("/api/v1", route_handlers=[ResultController])
