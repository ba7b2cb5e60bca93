"""Collection, tubes and what is done to them over JSON."""

from typing import Annotated

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.specimen import collecting, deviations, dividing, measuring, pooling, processing, queries, thawing, upkeep
from biobank.specimen.collecting import CollectionView
from biobank.specimen.deviations import DeviatedView, DeviationTypeView
from biobank.specimen.measuring import MeasuredView, QuantityView
from biobank.specimen.processing import ProcessedView
from biobank.specimen.queries import SpecimenRow, SpecimenTypeView, SpecimenView, TubeTypeView
from biobank.specimen.thawing import ThawedView
from biobank.specimen.work import MadeView

Type = Annotated[str | None, QueryParameter(name="type", description="A specimen type, such as SER.", required=False)]


class CollectionController(Controller):
    path = "/participants/{participant:str}/collections"
    tags = ("Specimens",)

    @post(operation_id="collectSpecimens", opt={"permission": Permission.SPECIMEN_COLLECT})
    async def collect(
        self, tx: Writing, participant: FromPath[str], data: JSONBody[collecting.Collect], key: Key
    ) -> CollectionView:
        return await tx.once(
            key, data, CollectionView, lambda: collecting.collect(tx, participant, data), of=participant
        )


class SpecimenController(Controller):
    path = "/specimens"
    tags = ("Specimens",)

    @get(operation_id="listSpecimens", opt={"permission": Permission.SPECIMEN_READ})
    async def specimens(
        self,
        tx: Reading,
        *,
        study: FromQuery[str | None] = None,
        participant: FromQuery[str | None] = None,
        type_: Type = None,
        site: FromQuery[str | None] = None,
        existence: FromQuery[str | None] = None,
        level: FromQuery[str | None] = None,
        quality: FromQuery[str | None] = None,
        hold: FromQuery[str | None] = None,
        place: FromQuery[str | None] = None,
        reservation: FromQuery[str | None] = None,
        visit: FromQuery[str | None] = None,
        container: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[SpecimenRow]:
        return await queries.specimens(
            tx,
            study=study,
            participant=participant,
            type_=type_,
            site=site,
            existence=existence,
            level=level,
            quality=quality,
            hold=hold,
            place=place,
            reservation=reservation,
            visit=visit,
            container=container,
            after=after,
            limit=limit,
        )

    @get("/{code:str}", operation_id="getSpecimen", opt={"permission": Permission.SPECIMEN_READ})
    async def specimen(self, tx: Reading, code: FromPath[str]) -> SpecimenView:
        return await queries.specimen(tx, code)

    @post("/{code:str}/aliquots", operation_id="aliquotSpecimen", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def aliquot(self, tx: Writing, code: FromPath[str], data: JSONBody[dividing.Aliquot], key: Key) -> MadeView:
        return await tx.once(key, data, MadeView, lambda: dividing.aliquot(tx, code, data), of=code)

    @post("/{code:str}/derivatives", operation_id="deriveSpecimen", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def derive(self, tx: Writing, code: FromPath[str], data: JSONBody[dividing.Derive], key: Key) -> MadeView:
        return await tx.once(key, data, MadeView, lambda: dividing.derive(tx, code, data), of=code)

    @post("/{code:str}/measurements", operation_id="measureSpecimen", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def measure(
        self, tx: Writing, code: FromPath[str], data: JSONBody[measuring.RecordMeasurements], key: Key
    ) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: measuring.record_measurements(tx, code, data), of=code)

    @post("/{code:str}/use-up", operation_id="useUpSpecimen", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def use_up(self, tx: Writing, code: FromPath[str], data: JSONBody[upkeep.UseUp], key: Key) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: upkeep.use_up(tx, code, data), of=code)

    @post("/{code:str}/quality", operation_id="setSpecimenQuality", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def quality(
        self, tx: Writing, code: FromPath[str], data: JSONBody[upkeep.SetQuality], key: Key
    ) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: upkeep.set_quality(tx, code, data), of=code)

    @post(
        "/{code:str}/quantity", operation_id="correctSpecimenQuantity", opt={"permission": Permission.SPECIMEN_PROCESS}
    )
    async def quantity(
        self, tx: Writing, code: FromPath[str], data: JSONBody[upkeep.CorrectQuantity], key: Key
    ) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: upkeep.correct_quantity(tx, code, data), of=code)

    @post("/{code:str}/codes", operation_id="addSpecimenCode", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def add_code(
        self, tx: Writing, code: FromPath[str], data: JSONBody[upkeep.AddCode], key: Key
    ) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: upkeep.add_code(tx, code, data), of=code)

    @post(
        "/{code:str}/deviations/resolve",
        operation_id="resolveDeviation",
        opt={"permission": Permission.SPECIMEN_PROCESS},
    )
    async def resolve_deviation(
        self, tx: Writing, code: FromPath[str], data: JSONBody[deviations.ResolveDeviation], key: Key
    ) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: deviations.resolve_deviation(tx, code, data), of=code)


@post(
    "/processing", operation_id="processSpecimens", opt={"permission": Permission.SPECIMEN_PROCESS}, tags=["Specimens"]
)
async def process(tx: Writing, data: JSONBody[processing.Process], key: Key) -> ProcessedView:
    return await tx.once(key, data, ProcessedView, lambda: processing.process(tx, data))


@post("/pools", operation_id="poolSpecimens", opt={"permission": Permission.SPECIMEN_PROCESS}, tags=["Specimens"])
async def pool(tx: Writing, data: JSONBody[pooling.Pool], key: Key) -> MadeView:
    return await tx.once(key, data, MadeView, lambda: pooling.pool(tx, data))


@post(
    "/deviations", operation_id="recordDeviation", opt={"permission": Permission.SPECIMEN_PROCESS}, tags=["Specimens"]
)
async def record_deviation(tx: Writing, data: JSONBody[deviations.RecordDeviation], key: Key) -> DeviatedView:
    return await tx.once(key, data, DeviatedView, lambda: deviations.record_deviation(tx, data))


@post(
    "/measurements",
    operation_id="recordMeasurements",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    tags=["Specimens"],
)
async def record_many(tx: Writing, data: JSONBody[measuring.RecordMany], key: Key) -> MeasuredView:
    return await tx.once(key, data, MeasuredView, lambda: measuring.record_many(tx, data))


@post(
    "/measurements/csv",
    operation_id="readMeasurements",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    tags=["Specimens"],
)
async def read_table(tx: Writing, data: JSONBody[measuring.ReadTable], key: Key) -> MeasuredView:
    return await tx.once(key, data, MeasuredView, lambda: measuring.read_table(tx, data))


@get(
    "/qc-quantities",
    operation_id="listQcQuantities",
    opt={"permission": Permission.SPECIMEN_READ},
    tags=["Specimens"],
)
async def qc_quantities(tx: Reading) -> list[QuantityView]:
    return list(await measuring.quantities(tx))


@post("/thaws", operation_id="thawTubes", opt={"permission": Permission.SPECIMEN_PROCESS}, tags=["Specimens"])
async def thaw_tubes(tx: Writing, data: JSONBody[thawing.ThawTubes], key: Key) -> ThawedView:
    return await tx.once(key, data, ThawedView, lambda: thawing.thaw_tubes(tx, data))


@get(
    "/deviation-types",
    operation_id="listDeviationTypes",
    opt={"permission": Permission.SPECIMEN_READ},
    tags=["Specimens"],
)
async def deviation_types(tx: Reading) -> list[DeviationTypeView]:
    return list(await deviations.deviation_types(tx))


@get(
    "/specimen-types",
    operation_id="listSpecimenTypes",
    opt={"permission": Permission.SPECIMEN_READ},
    tags=["Specimens"],
)
async def specimen_types(tx: Reading) -> list[SpecimenTypeView]:
    return list(await queries.specimen_types(tx))


@get("/tube-types", operation_id="listTubeTypes", opt={"permission": Permission.SPECIMEN_READ}, tags=["Specimens"])
async def tube_types(tx: Reading) -> list[TubeTypeView]:
    return list(await queries.tube_types(tx))


router = Router(
    "/api/v1",
    route_handlers=[
        CollectionController,
        SpecimenController,
        process,
        pool,
        record_deviation,
        thaw_tubes,
        record_many,
        read_table,
        qc_quantities,
        deviation_types,
        specimen_types,
        tube_types,
    ],
)
