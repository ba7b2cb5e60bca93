"""Assays, runs, plate maps, imports and reviews over JSON."""

from typing import Annotated, Any

from litestar import Controller, Request, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody, QueryParameter
from litestar.response import Response

from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.assay import commands, fitting, plating, queries, reviewing, selecting, tables, uploads
from biobank.assay.fitting import FitnessReport
from biobank.assay.mapping_views import TablePreview
from biobank.assay.views import AnalyteView, AssayView, ImportPreview, Rereading, RunRow, RunView, WellDetail
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.preanalytics.api import csv_file

Before = Annotated[
    int | None, QueryParameter(name="before", ge=1, description="The `next` of the page before.", required=False)
]

Whose = Annotated[list[str] | None, QueryParameter(description="A participant's id; may be repeated.")]
Tubes = Annotated[list[str] | None, QueryParameter(description="A tube's id; may be repeated, 500 at most.")]


class AnalyteController(Controller):
    path = "/analytes"
    tags = ("Assays",)

    @get(operation_id="listAnalytes", opt={"permission": Permission.ASSAY_READ})
    async def analytes(self, tx: Reading) -> list[AnalyteView]:
        return await queries.analytes(tx)

    @post(operation_id="createAnalytes", opt={"permission": Permission.ASSAY_MANAGE})
    async def create(self, tx: Writing, data: JSONBody[commands.CreateAnalytes], key: Key) -> commands.Analytes:
        return await tx.once(key, data, commands.Analytes, lambda: commands.create_analytes(tx, data))


class AssayController(Controller):
    path = "/assays"
    tags = ("Assays",)

    @get(operation_id="listAssays", opt={"permission": Permission.ASSAY_READ})
    async def assays(self, tx: Reading, study: FromQuery[str | None] = None) -> list[AssayView]:
        return await queries.assays(tx, study=study)

    @post(operation_id="createAssay", opt={"permission": Permission.ASSAY_MANAGE})
    async def create(self, tx: Writing, data: JSONBody[commands.CreateAssay], key: Key) -> AssayView:
        return await tx.once(key, data, AssayView, lambda: commands.create_assay(tx, data))

    @post("/{assay:str}/fitness", operation_id="reviseFitness", opt={"permission": Permission.ASSAY_MANAGE})
    async def revise(
        self, tx: Writing, assay: FromPath[str], data: JSONBody[commands.ReviseFitness], key: Key
    ) -> AssayView:
        """Adds a version with other fitness rules, all else as in the latest."""
        return await tx.once(key, data, AssayView, lambda: commands.revise_fitness(tx, assay, data), of=assay)

    @post("/{assay:str}/versions", operation_id="addAssayVersion", opt={"permission": Permission.ASSAY_MANAGE})
    async def add_version(
        self, tx: Writing, assay: FromPath[str], data: JSONBody[commands.AddVersion], key: Key
    ) -> AssayView:
        return await tx.once(key, data, AssayView, lambda: commands.add_version(tx, assay, data), of=assay)


class FitnessController(Controller):
    path = "/fitness"
    tags = ("Assays",)

    @get(operation_id="checkFitness", opt={"permission": Permission.ASSAY_READ})
    async def fitness(
        self,
        tx: Reading,
        study: FromQuery[str],
        assay: FromQuery[str],
        tube: Tubes = None,
        version: FromQuery[int | None] = None,
    ) -> FitnessReport:
        """Which of these tubes are fit for the assay, and all reasons why the others are not."""
        return await fitting.report(tx, study, assay, tube or [], version)

    @get("/table.csv", operation_id="downloadFitness", opt={"permission": Permission.ASSAY_READ}, media_type="text/csv")
    async def table(
        self,
        tx: Reading,
        study: FromQuery[str],
        assay: FromQuery[str],
        tube: Tubes = None,
        version: FromQuery[int | None] = None,
    ) -> Response[bytes]:
        found = await fitting.report(tx, study, assay, tube or [], version)
        return csv_file(fitting.as_csv(found), f"fitness-{found.assay}-{found.version}.csv")

    @get("/tubes", operation_id="findTubesForAssay", opt={"permission": Permission.ASSAY_READ})
    async def tubes(
        self,
        tx: Reading,
        study: FromQuery[str],
        assay: FromQuery[str],
        site: FromQuery[str],
        participant: Whose = None,
        visit: FromQuery[str | None] = None,
        version: FromQuery[int | None] = None,
        after: After = 0,
    ) -> selecting.FoundTubes:
        """The tubes of a site that the assay could take, and every reason why another is left out."""
        return await selecting.find(
            tx, study, assay, site, version=version, participants=participant or (), visit=visit, after=after
        )

    @post("/{assay:str}/pick-lists", operation_id="pickForAssay", opt={"permission": Permission.SPECIMEN_PICK})
    async def pick(
        self, tx: Writing, assay: FromPath[str], data: JSONBody[selecting.PickForAssay], key: Key
    ) -> selecting.PickedForAssay:
        """A pick list of the tubes that are fit for the assay; those that are not are told with their reasons."""
        return await tx.once(key, data, selecting.PickedForAssay, lambda: selecting.pick_for(tx, assay, data), of=assay)


class RunController(Controller):
    """A run is named by the code of one of its plates, or by its own name."""

    path = "/runs"
    tags = ("Runs",)

    @get(operation_id="listRuns", opt={"permission": Permission.ASSAY_READ})
    async def runs(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        before: Before = None,
        limit: Limit = 50,
    ) -> Page[RunRow]:
        return await queries.runs(tx, study=study, status=status, before=before, limit=limit)

    @post(operation_id="planRun", opt={"permission": Permission.ASSAY_RUN})
    async def plan(self, tx: Writing, data: JSONBody[commands.PlanRun], key: Key) -> RunView:
        return await tx.once(key, data, RunView, lambda: commands.plan_run(tx, data))

    @get("/{run:str}", operation_id="getRun", opt={"permission": Permission.ASSAY_READ})
    async def run(self, tx: Reading, run: FromPath[str]) -> RunView:
        return await queries.run(tx, run)

    @get("/{run:str}/wells/{plate:int}/{well:str}", operation_id="getWell", opt={"permission": Permission.ASSAY_READ})
    async def well(self, tx: Reading, run: FromPath[str], plate: FromPath[int], well: FromPath[str]) -> WellDetail:
        return await queries.well(tx, run, plate, well)

    @post("/{run:str}/wells", operation_id="plateWells", opt={"permission": Permission.ASSAY_RUN})
    async def wells(self, tx: Writing, run: FromPath[str], data: JSONBody[plating.PlateWells], key: Key) -> RunView:
        return await tx.once(key, data, RunView, lambda: plating.plate_wells(tx, run, data), of=run)

    @post(
        "/{run:str}/plate-map",
        operation_id="uploadPlateMap",
        opt={"permission": Permission.ASSAY_RUN, "rate": UPLOAD},
    )
    async def plate_map(
        self, tx: Writing, run: FromPath[str], data: MultipartBody[uploads.MapForm], key: Key
    ) -> RunView:
        _, content = await uploads.content_of(data.file)
        command = plating.read_map(content, data.plate)
        return await tx.once(key, command, RunView, lambda: plating.plate_wells(tx, run, command), of=run)

    @post(
        "/{run:str}/preview",
        operation_id="previewImport",
        opt={"permission": Permission.ASSAY_RUN, "rate": UPLOAD},
        status_code=200,
    )
    async def preview(
        self, request: Request[Any, Any, Any], run: FromPath[str], data: MultipartBody[uploads.FileForm]
    ) -> ImportPreview:
        """Says what importing the file would do. Nothing is stored."""
        name, content = await uploads.content_of(data.file)
        mapping = tables.read_mapping(data.mapping) if data.mapping else None
        return await uploads.preview(request, run, name, content, data.format or None, mapping)

    @post(
        "/{run:str}/table",
        operation_id="previewTable",
        opt={"permission": Permission.ASSAY_RUN, "rate": UPLOAD},
        status_code=200,
    )
    async def table(
        self, request: Request[Any, Any, Any], run: FromPath[str], data: MultipartBody[uploads.TableForm]
    ) -> TablePreview:
        """Shows a table of no known format: its first rows, what its columns mean as is remembered or can be guessed,
        and what would be read so. Nothing is stored.
        """
        name, content = await uploads.content_of(data.file)
        mapping = tables.read_mapping(data.mapping) if data.mapping else None
        spot = tables.read_spot(data.header_line, data.sheet, data.delimiter)
        return await tables.preview(request, run, name, content, at=spot, mapping=mapping)

    @get(
        "/{run:str}/reading-again",
        operation_id="readAgain",
        opt={"permission": Permission.ASSAY_REVIEW, "rate": UPLOAD},
    )
    async def reading_again(self, request: Request[Any, Any, Any], run: FromPath[str]) -> Rereading:
        """Reads the stored file with the importer of today and says what would change. Nothing is stored."""
        return await uploads.read_again(request, run)

    @post("/{run:str}/import", operation_id="importFile", opt={"permission": Permission.ASSAY_RUN, "rate": UPLOAD})
    async def import_file(
        self, request: Request[Any, Any, Any], run: FromPath[str], data: MultipartBody[uploads.FileForm], key: Key
    ) -> RunView:
        """Imports the whole file or nothing of it. The same bytes again give the first outcome. A table is read by
        `mapping`, which is remembered for its header, or by what is remembered.
        """
        name, content = await uploads.content_of(data.file)
        mapping = tables.read_mapping(data.mapping) if data.mapping else None
        return await uploads.import_file(
            request, run, name, content, data.format or None, key, mapping=mapping, known=data.known
        )

    @post("/{run:str}/verify", operation_id="verifyRun", opt={"permission": Permission.ASSAY_REVIEW})
    async def verify(self, tx: Writing, run: FromPath[str], data: JSONBody[reviewing.Verify], key: Key) -> RunView:
        return await tx.once(key, data, RunView, lambda: reviewing.verify(tx, run, data), of=run)

    @post("/{run:str}/fail", operation_id="failRun", opt={"permission": Permission.ASSAY_REVIEW})
    async def fail(self, tx: Writing, run: FromPath[str], data: JSONBody[reviewing.Fail], key: Key) -> RunView:
        return await tx.once(key, data, RunView, lambda: reviewing.fail(tx, run, data), of=run)

    @post("/{run:str}/release", operation_id="releaseRun", opt={"permission": Permission.ASSAY_REVIEW})
    async def release(self, tx: Writing, run: FromPath[str], data: JSONBody[reviewing.Release], key: Key) -> RunView:
        return await tx.once(key, data, RunView, lambda: reviewing.release(tx, run, data), of=run)

    @post("/{run:str}/corrections", operation_id="correctResult", opt={"permission": Permission.ASSAY_REVIEW})
    async def correct(
        self, tx: Writing, run: FromPath[str], data: JSONBody[reviewing.CorrectResult], key: Key
    ) -> WellDetail:
        return await tx.once(key, data, WellDetail, lambda: reviewing.correct_result(tx, run, data), of=run)


router = Router("/api/v1", route_handlers=[AnalyteController, AssayController, FitnessController, RunController])
