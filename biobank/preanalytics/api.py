"""SPREC of tubes, corrections that change it, and code tables over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Response

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.preanalytics import commands, queries
from biobank.preanalytics.commands import CorrectedView
from biobank.preanalytics.queries import SprecView, TableView, VersionView
from biobank.specimen.correcting import CorrectCollectionTime, CorrectWork

READ = {"permission": Permission.SPECIMEN_READ}


class SpecimenSprecController(Controller):
    path = "/specimens/{code:str}"
    tags = ("Preanalytics",)

    @get("/sprec", operation_id="getSprec", opt=READ)
    async def sprec(self, tx: Reading, code: FromPath[str], version: FromQuery[str | None] = None) -> SprecView:
        """SPREC of a tube with the arithmetic of each element and the codes of before, by the version of its day."""
        return await queries.sprec(tx, code, version)

    @post("/collection-time", operation_id="correctCollectionTime", opt={"permission": Permission.SPECIMEN_COLLECT})
    async def collection_time(
        self, tx: Writing, code: FromPath[str], data: JSONBody[CorrectCollectionTime], key: Key
    ) -> CorrectedView:
        """Corrects the time for all tubes of the collection; their SPREC is computed anew at once."""
        return await tx.once(
            key, data, CorrectedView, lambda: commands.correct_collection_time(tx, code, data), of=code
        )

    @post("/work-corrections", operation_id="correctWork", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def work(self, tx: Writing, code: FromPath[str], data: JSONBody[CorrectWork], key: Key) -> CorrectedView:
        """Corrects times or settings of work for all tubes it was done to; their SPREC is computed anew at once."""
        return await tx.once(key, data, CorrectedView, lambda: commands.correct_work(tx, code, data), of=code)


class CodeTableController(Controller):
    path = "/sprec/versions"
    tags = ("Preanalytics",)

    @get(operation_id="listSprecVersions", opt=READ)
    async def versions(self, tx: Reading) -> list[VersionView]:
        return await queries.tables(tx)

    @post(operation_id="loadSprecVersion", opt={"permission": Permission.STUDY_MANAGE})
    async def load(self, tx: Writing, data: JSONBody[commands.LoadTable], key: Key) -> VersionView:
        return await tx.once(key, data, VersionView, lambda: commands.load_table(tx, data))

    @get("/{version:str}", operation_id="getSprecVersion", opt=READ)
    async def version(self, tx: Reading, version: FromPath[str]) -> TableView:
        return await queries.table(tx, version)

    @get("/{version:str}/table.csv", operation_id="downloadSprecVersion", opt=READ, media_type="text/csv")
    async def csv(self, tx: Reading, version: FromPath[str]) -> Response[bytes]:
        """The table in the form in which a new version is loaded."""
        return csv_file(await queries.table_csv(tx, version), f"sprec-{version}.csv")


def csv_file(text: str, name: str) -> Response[bytes]:
    """A CSV to be saved under a name: UTF-8."""
    return Response(
        text.encode(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


router = Router("/api/v1", route_handlers=[SpecimenSprecController, CodeTableController])
