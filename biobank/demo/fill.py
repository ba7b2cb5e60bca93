"""Filling an empty database with a made-up study."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.demo import errands, leaving, plan, printers, ranges
from biobank.demo.bench import Bench
from biobank.demo.boxes import Freezers
from biobank.demo.bulk import Bulk
from biobank.demo.chance import Minter
from biobank.demo.consign import STORED, Consignment, consign
from biobank.demo.deliver import Delivery, Load
from biobank.demo.elisa import plan_elisa, write_elisa
from biobank.demo.enrol import write_people
from biobank.demo.house import House, lock_up, set_up
from biobank.demo.lanes import each, side_by_side
from biobank.demo.material import Material
from biobank.demo.partners import send_out
from biobank.demo.people import Person, make_people
from biobank.demo.runs import RunPlan, Subject, plan_runs, write_run
from biobank.errors import Conflict
from biobank.progress import Progress
from biobank.study.models import Study
from biobank.tx import open_read, open_tx

PEOPLE_A_TRANSACTION = 500
VISITS_A_TRANSACTION = 32


class DatabaseNotEmpty(Conflict):
    """The demo never mixes with what is there."""

    code = "database-not-empty"
    title = "The database holds a study already"


@dataclass(frozen=True, slots=True)
class Login:
    """A person of the demo: user name, role, the role's title and what its home page opens with."""

    username: str
    role: str
    title: str
    home: str


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What was made: how many of each thing, the logins, and how long it took in seconds."""

    counts: dict[str, int]
    logins: tuple[Login, ...]
    seconds: float


async def fill(
    database: Database,
    *,
    participants: int = 60,
    seed: int = 1,
    password: str,
    progress: Progress,
    as_of: date | None = None,
) -> DemoSummary:
    """Fill an empty database with a study of made-up participants whose last work was done just before `as_of` (today).

    The same seed and day make the same study, whatever the size of the transactions it is written in; only the
    moments of recording
    differ. Everything is written under demo users and audited like any other change.

    Raises:
        DatabaseNotEmpty: there is a study already.
        Invalid: the password is too short or holds a user name.
    """
    began = time.perf_counter()
    await _refuse_if_filled(database)
    day = as_of or datetime.now(UTC).date()
    minter = Minter(seed)
    async with open_tx(database, SERVICE) as tx:
        house = await set_up(tx, day, password)
    people = make_people(participants, seed, day, house.planned.terms, minter)
    counts = {"participants": participants, "sites": len(plan.SITES)}
    for done, chunk in _chunks(people, PEOPLE_A_TRANSACTION):
        await write_people(database, house, chunk)
        progress("participants", done, participants)
    work = _Work(database, house, seed, minter, counts)
    await work.consignments(consign(people), progress)
    left = [person for person in people if person.withdrawn is not None]
    counts["withdrawals"] = await leaving.take_back(database, house, password, seed, progress, left)
    await work.runs(progress)
    work.counts["shipments"] += await send_out(database, house, work.plasma, seed)
    work.counts["pick_lists"] = lists = await errands.go(database, house, work.serum, seed)
    progress("pick lists", lists, lists)
    work.counts["print_jobs"] = printed = await printers.go(database, house, work.serum, seed)
    progress("print jobs", printed, printed)
    work.counts["label_ranges"] = minted = await ranges.go(database, house, work.serum, seed)
    progress("label ranges", minted, minted)
    if participants >= leaving.LEAST:
        work.counts["withdrawals"] += (gone := await leaving.withdraw(database, house, password, seed, participants))
        progress("withdrawals", gone, gone)
    async with open_tx(database, SERVICE) as tx:
        await lock_up(tx, password)
    logins = tuple(Login(username, role, title, home) for username, role, title, _, home in plan.ROLES)
    return DemoSummary(work.counts, logins, time.perf_counter() - began)


async def _refuse_if_filled(database: Database) -> None:
    async with open_read(database, SERVICE) as tx:
        code = (await tx.session.execute(select(Study.code).limit(1))).scalar_one_or_none()
    if code is not None:
        raise DatabaseNotEmpty(
            f"The database holds study {code} already, and the demo never mixes with it: "
            "name another data folder in BIOBANK_DATA.",
            study=code,
        )


def _chunks(items: Sequence[Person], size: int) -> Iterator[tuple[int, Sequence[Person]]]:
    for start in range(0, len(items), size):
        chunk = items[start : start + size]
        yield start + len(chunk), chunk


class _Work:
    """What goes on after enrolment, and what later steps need to remember of earlier ones: one vial of serum and
    plasma a visit.
    """

    def __init__(self, database: Database, house: House, seed: int, minter: Minter, counts: dict[str, int]) -> None:
        self.database = database
        self.house = house
        self.seed = seed
        self.minter = minter
        self.counts = counts
        self.serum: list[Subject] = []
        self.plasma: list[Subject] = []
        self._delivery = Delivery(house, Freezers(house, minter), minter)

    async def consignments(self, consignments: list[Consignment], progress: Progress) -> None:
        """All tubes, in the order in which the repository got them: then boxes fill as they do in life."""
        total = sum(len(one.visits) for one in consignments)
        self.counts |= {"visits": total, "tubes": 0, "aliquots": 0, "shipments": 0}
        done = 0

        async def deliver(load: Load) -> None:
            nonlocal done
            async with open_tx(self.database, self.house.actors["technician"]) as tx:
                await self._delivery.write(tx, await Bulk.of(tx), load)
            self.counts["tubes"] += len(load.made.tubes)
            self.counts["aliquots"] += sum(tube.kept for tube in load.made.tubes)
            self.counts["shipments"] += sum(one.sent for one in load.consignments)
            for one in load.consignments:
                one.tubes = []
            done += load.visits
            progress("visits", done, total)

        await side_by_side(self._loads(consignments), deliver)
        self.counts["containers"] = self._delivery.freezers.count

    async def _loads(self, consignments: list[Consignment]) -> AsyncIterator[Load]:
        """Consignments ready to be written; the boxes that their tubes go into stand already."""
        now: list[Consignment] = []
        for one in consignments:
            now.append(one)
            if sum(len(each.visits) for each in now) >= VISITS_A_TRANSACTION or one is consignments[-1]:
                load = self._delivery.prepare(now, self._collect(now))
                await self._delivery.freezers.flush(self.database)
                yield load
                now = []

    def _collect(self, consignments: list[Consignment]) -> Material:
        """What the visits of these consignments yield."""
        bench = Bench(self.house, self.seed, self.minter)
        for one in consignments:
            for person, visit in one.visits:
                kept = bench.collect(person, visit)
                one.tubes += kept
                if one.fate == STORED:
                    stored = one.times.stored.date()
                    for kind, vials in (("SER", self.serum), ("PL1", self.plasma)):
                        vial = next((tube for tube in kept if tube.type == kind and not tube.is_partial), None)
                        if vial is not None:
                            vials.append(Subject(vial, person, visit, stored))
        return bench.made

    async def runs(self, progress: Progress) -> None:
        runs = plan_runs(self.serum, self.house.as_of, self.minter)
        self.counts |= {"runs": len(runs), "results": 0}
        done = 0

        async def measure(run: RunPlan) -> None:
            nonlocal done
            async with open_tx(self.database, self.house.actors["technician"]) as tx:
                made = await write_run(tx, await Bulk.of(tx), self.house, run, self.seed)
            self.counts["results"] += made
            done += 1
            progress("assay runs", done, len(runs))

        await side_by_side(each(runs), measure)
        elisa = plan_elisa(runs, self.minter)
        if elisa is not None:
            async with open_tx(self.database, self.house.actors["technician"]) as tx:
                self.counts["results"] += await write_elisa(tx, await Bulk.of(tx), self.house, elisa, self.seed)
            self.counts["runs"] += 1
