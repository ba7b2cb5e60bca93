"""The visit day and the benches over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.accession import commands, intake, queries, scanning, spins, vials, worksheet
from biobank.accession.bench import BenchAnswer, BenchScan
from biobank.accession.commands import DrawView
from biobank.accession.intake import Intake, TakenIn, WaitingVisit
from biobank.accession.queries import CodeTitle, VisitDay
from biobank.accession.spins import SpinView
from biobank.accession.vials import Bound, Made, Parent
from biobank.accession.worksheet import Worksheet
from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing


class VisitDayController(Controller):
    path = "/participants/{participant:str}/visits/{visit:str}/{number:int}"
    tags = ("Visit day",)

    @get(operation_id="getVisitDay", opt={"permission": Permission.PARTICIPANT_READ})
    async def day(
        self, tx: Reading, participant: FromPath[str], visit: FromPath[str], number: FromPath[int]
    ) -> VisitDay:
        """A visit with its planned tubes, what became of each, and what consent allows."""
        return await queries.visit_day(tx, participant, visit, number)

    @post("/draws", operation_id="recordDraw", opt={"permission": Permission.SPECIMEN_COLLECT})
    async def draw(
        self,
        tx: Writing,
        participant: FromPath[str],
        visit: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.RecordDraw],
        key: Key,
    ) -> DrawView:
        """Tubes that were collected at one moment. A straggler is recorded the same way."""
        return await tx.once(
            key,
            data,
            DrawView,
            lambda: commands.record_draw(tx, participant, visit, number, data),
            of=f"{participant} {visit} {number}",
        )

    @post("/not-collected", operation_id="recordNotCollected", opt={"permission": Permission.VISIT_RECORD})
    async def not_collected(
        self,
        tx: Writing,
        participant: FromPath[str],
        visit: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.RecordNotCollected],
        key: Key,
    ) -> VisitDay:
        """Why planned tubes were not collected."""
        return await tx.once(
            key,
            data,
            VisitDay,
            lambda: commands.record_not_collected(tx, participant, visit, number, data),
            of=f"{participant} {visit} {number}",
        )

    @post("/finish", operation_id="finishVisit", opt={"permission": Permission.VISIT_RECORD})
    async def finish(
        self,
        tx: Writing,
        participant: FromPath[str],
        visit: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.FinishVisit],
        key: Key,
    ) -> VisitDay:
        """End a visit: every planned tube is collected or has a reason."""
        return await tx.once(
            key,
            data,
            VisitDay,
            lambda: commands.finish_visit(tx, participant, visit, number, data),
            of=f"{participant} {visit} {number}",
        )


class IntakeController(Controller):
    path = "/intake"
    tags = ("Benches",)

    @get(operation_id="listWaitingVisits", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def waiting(self, tx: Reading) -> list[WaitingVisit]:
        """Visits with tubes that are here and not taken in; stragglers bring their visit back."""
        return list(await intake.waiting(tx))

    @get("/{code:str}", operation_id="getIntake", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def one(self, tx: Reading, code: FromPath[str]) -> Intake:
        """The visit of a tube as the bench sees it."""
        return await intake.intake_of(tx, code)

    @post(operation_id="takeInTube", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def take_in(self, tx: Writing, data: JSONBody[intake.TakeIn], key: Key) -> TakenIn:
        return await tx.once(key, data, TakenIn, lambda: intake.take_in(tx, data))

    @post("/undo", operation_id="undoIntake", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def undo(self, tx: Writing, data: JSONBody[intake.TakeBack], key: Key) -> Intake:
        return await tx.once(key, data, Intake, lambda: intake.take_back(tx, data))


@get(
    "/not-collected-reasons",
    operation_id="listNotCollectedReasons",
    opt={"permission": Permission.PARTICIPANT_READ},
    tags=["Visit day"],
)
async def reasons(tx: Reading) -> list[CodeTitle]:
    return list(await queries.reasons(tx))


@get("/worksheet", operation_id="getWorksheet", opt={"permission": Permission.SPECIMEN_PROCESS}, tags=["Benches"])
async def get_worksheet(tx: Reading, whose: FromQuery[str] = "mine") -> Worksheet:
    """What is to be done by when to the tubes in your hands (`mine`), or in everybody's at your sites (`all`)."""
    return await worksheet.worksheet(tx, "all" if whose == "all" else "mine")


class SpinController(Controller):
    path = "/spins"
    tags = ("Benches",)

    @post(operation_id="startSpin", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def start(self, tx: Writing, data: JSONBody[spins.StartSpin], key: Key) -> SpinView:
        """Start a centrifuge with tubes in it; what is wrong is told before it runs."""
        return await tx.once(key, data, SpinView, lambda: spins.start_spin(tx, data))

    @post("/stop", operation_id="stopSpin", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def stop(self, tx: Writing, data: JSONBody[spins.StopSpin], key: Key) -> SpinView:
        """Stop a centrifuge; the spin becomes a processing event of its tubes."""
        return await tx.once(key, data, SpinView, lambda: spins.stop_spin(tx, data))


class VialController(Controller):
    path = "/specimens/{code:str}/vials"
    tags = ("Benches",)

    @get(operation_id="getPlannedVials", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def planned(self, tx: Reading, code: FromPath[str]) -> Parent:
        """What the protocol makes of a tube, and what was made so far."""
        return await vials.parent(tx, code)

    @post(operation_id="makeVials", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def make(self, tx: Writing, code: FromPath[str], data: JSONBody[vials.MakeVials], key: Key) -> Made:
        """Divide a yield: as many full vials as possible, the rest in one partial vial."""
        return await tx.once(key, data, Made, lambda: vials.make_vials(tx, code, data), of=code)

    @post("/bind", operation_id="bindVial", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def bind(self, tx: Writing, code: FromPath[str], data: JSONBody[vials.BindVial], key: Key) -> Bound:
        """Check a vial against its parent by what was scanned off it."""
        return await tx.once(key, data, Bound, lambda: vials.bind_vial(tx, code, data), of=code)

    @post("/undo", operation_id="takeBackVials", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def undo(self, tx: Writing, code: FromPath[str], data: JSONBody[vials.TakeBackVials], key: Key) -> Parent:
        """The vials that were made last never were."""
        return await tx.once(key, data, Parent, lambda: vials.take_back(tx, code, data), of=code)


@post(
    "/bench/scan",
    operation_id="scanAtBench",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    tags=["Benches"],
    status_code=200,
)
async def scan_at_bench(tx: Writing, data: JSONBody[BenchScan], key: Key) -> BenchAnswer:
    """One scan at a bench. The same key again is the same scan: it returns the first outcome."""
    return await tx.once(key, data, BenchAnswer, lambda: scanning.scan(tx, data))


router = Router(
    "/api/v1",
    route_handlers=[
        VisitDayController,
        IntakeController,
        SpinController,
        VialController,
        reasons,
        get_worksheet,
        scan_at_bench,
    ],
)
