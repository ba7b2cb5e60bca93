"""The sender: print jobs go to printers on the network, one job at a printer at a time, whatever the number of
processes.

Before the first byte of a job leaves, the job is `sent` in the database for good. Whoever finds a sent job that
nobody is sending any more therefore knows that paper may have come out, and makes it `unknown`; nothing sends it again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import func, select

from biobank.actor import SERVICE
from biobank.clock import Clock, system_clock
from biobank.db import Database
from biobank.errors import Invalid
from biobank.printer import job_queries, jobs
from biobank.printer.models import Printer, PrintJob
from biobank.printer.wire import Link, Outcome, Patience, PrinterTrouble, link
from biobank.tx import Tx, open_tx

_log = structlog.get_logger("biobank.printing")
_LOCK = 0x5052  # "PR": the first key of the advisory locks, the second is the printer
_AT_ONCE = 16
"""Printers that one process serves at once."""
_LONGEST_REST = 15.0
_IN_TURN = 20
"""Jobs of one printer before others get the place."""
_DUE = """
select distinct printer_id from print_job
 where status in ('queued', 'sent') and transport <> 'download' and transport = 'zpl_tcp'
   and (status = 'sent' or exists (select from printer p where p.id = printer_id and p.is_active and not p.is_paused))
"""
_LEFT_BY_AGENTS = """
select exists (select from print_job where status in ('queued', 'sent') and transport <> 'download'
                  and transport = 'pull' and status = 'sent' and claimed_until < now())
"""


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A job that is this sender's to send."""

    job_id: int
    number: UUID
    host: str
    port: int
    content: bytes


@dataclass(frozen=True, slots=True)
class _Rest:
    """A printer that was not ready is not asked again before `until`: ever later, up to a quarter of a minute."""

    until: float
    seconds: float


class Sender:
    """Serves the printers that have something to print, until it is stopped."""

    def __init__(self, database: Database, *, seconds: float, patience: Patience, clock: Clock = system_clock) -> None:
        self._database = database
        self._seconds = seconds
        self._patience = patience
        self._clock = clock
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._rests: dict[int, _Rest] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look for work every few seconds; at the end let go of printers in order."""
        try:
            while not stop.is_set():
                try:
                    await self.look()
                except Exception as error:  # noqa: BLE001  # the sender outlives a database that is away
                    _log.warning("print_look_failed", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._seconds)
        finally:
            await self.let_go()

    async def look(self) -> None:
        """Start on every printer that has work and that nobody serves."""
        for printer_id, task in list(self._at_work.items()):
            if task.done():
                del self._at_work[printer_id]
        await self._settle_agents()
        for row in await self._database.hot.fetch(_DUE):
            printer_id = row["printer_id"]
            rest = self._rests.get(printer_id)
            if rest is not None and rest.until > asyncio.get_running_loop().time():
                continue
            if printer_id not in self._at_work and len(self._at_work) < _AT_ONCE:
                self._at_work[printer_id] = asyncio.create_task(self._safely(printer_id))

    async def quiet(self) -> None:
        """Wait until every printer that was begun with is done with."""
        await asyncio.gather(*self._at_work.values())

    async def let_go(self) -> None:
        """Stop serving. A job that a printer has in hand becomes unknown now, not when the service starts again."""
        for task in self._at_work.values():
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def _safely(self, printer_id: int) -> None:
        try:
            await self.serve(printer_id)
        except Exception as error:  # noqa: BLE001  # one printer's fault is not the others'
            _log.warning("print_failed", printer=printer_id, error=type(error).__name__)

    async def serve(self, printer_id: int) -> None:
        """Send what waits for one printer, if no other process does. Returns when nothing waits or it is not ready."""
        async with self._alone_with(printer_id) as alone:
            if alone is None:
                return
            await self._settle_left(printer_id)
            for _ in range(_IN_TURN):
                if alone.is_closed() or not await self._next(printer_id):
                    return

    @asynccontextmanager
    async def _alone_with(self, printer_id: int) -> AsyncIterator[asyncpg.Connection | None]:
        """The lock on a printer, held by a connection of its own: it is gone as soon as this process is."""
        connection = await self._database.connect()
        try:
            got = await connection.fetchval("select pg_try_advisory_lock($1, $2)", _LOCK, printer_id)
            yield connection if got else None
        finally:
            if not connection.is_closed():
                connection.terminate()

    async def _settle_left(self, printer_id: int) -> None:
        """A job that is sent although nobody sends it was left by a process that was killed."""
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            left = await tx.session.execute(
                select(PrintJob)
                .where(PrintJob.printer_id == printer_id, PrintJob.status == "sent", PrintJob.transport == "zpl_tcp")
                .with_for_update()
            )
            for job in left.scalars():
                unknown(tx, job, "interrupted")

    async def _settle_agents(self) -> None:
        if not await self._database.hot.fetchval(_LEFT_BY_AGENTS):
            return
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            left = await tx.session.execute(
                select(PrintJob)
                .where(PrintJob.transport == "pull", PrintJob.status == "sent", PrintJob.claimed_until < func.now())
                .with_for_update(skip_locked=True)
            )
            for job in left.scalars():
                unknown(tx, job, "interrupted")

    async def _next(self, printer_id: int) -> bool:
        """Send the oldest job. Whether to go on with the next one."""
        claimed = await self._oldest(printer_id)
        if claimed is None:
            return False
        try:
            async with link(claimed.host, claimed.port, self._patience) as connected:
                await connected.ready()
                self._rests.pop(printer_id, None)
                return await self._send(printer_id, claimed, connected)
        except PrinterTrouble as trouble:
            before = self._rests.get(printer_id)
            seconds = min(_LONGEST_REST, self._seconds + (before.seconds if before else 0))
            self._rests[printer_id] = _Rest(asyncio.get_running_loop().time() + seconds, seconds)
            await self._waits(printer_id, claimed.job_id, trouble)
            return False

    async def _oldest(self, printer_id: int) -> _Claimed | None:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            row = (
                await tx.session.execute(
                    select(PrintJob, Printer.host, Printer.port)
                    .join(Printer, Printer.id == PrintJob.printer_id)
                    .where(job_queries.due_at(printer_id), Printer.is_active, ~Printer.is_paused)
                    .order_by(PrintJob.id)
                    .limit(1)
                )
            ).one_or_none()
            if row is None:
                return None
            snapshot = await jobs.snapshot(tx, row.PrintJob)
        job: PrintJob = row.PrintJob
        try:
            content, _ = await asyncio.to_thread(jobs.render, snapshot)
        except Invalid as error:
            await self._unprintable(printer_id, job.id, error)
            return await self._oldest(printer_id)
        return _Claimed(job.id, job.number, row.host, row.port, content)

    async def _send(self, printer_id: int, claimed: _Claimed, connected: Link) -> bool:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            await jobs.saw(tx, printer_id, "ready", tx.now)
            job = await _held(tx, claimed.job_id)
            held = await tx.session.get(Printer, printer_id)
            if not _waits_at(job, printer_id) or held is None or held.is_paused:
                return True  # cancelled, moved or paused while the printer was asked
            sent(tx, job)

        async def told(trouble: str | None) -> None:
            await self._told(printer_id, claimed.job_id, trouble)

        try:
            outcome = await connected.print(claimed.content, told)
        except asyncio.CancelledError:
            await self._ended(printer_id, claimed.job_id, Outcome("unknown", "interrupted"))
            raise
        await self._ended(printer_id, claimed.job_id, outcome)
        return outcome.status == "acknowledged"

    async def _ended(self, printer_id: int, job_id: int, outcome: Outcome) -> None:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            job = await _held(tx, job_id)
            await jobs.saw(tx, printer_id, "ready" if outcome.status == "acknowledged" else "unreachable", tx.now)
            ended(tx, job, outcome)

    async def _told(self, printer_id: int, job_id: int, trouble: str | None) -> None:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            await jobs.saw(tx, printer_id, trouble or "ready", tx.now)
            waits(tx, await _held(tx, job_id), trouble)

    async def _waits(self, printer_id: int, job_id: int, trouble: PrinterTrouble) -> None:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            await jobs.saw(tx, printer_id, trouble.condition, tx.now)
            job = await _held(tx, job_id)
            if _waits_at(job, printer_id):
                waits(tx, job, trouble.condition, trouble.detail)

    async def _unprintable(self, printer_id: int, job_id: int, error: Invalid) -> None:
        async with open_tx(self._database, SERVICE, clock=self._clock) as tx:
            job = await _held(tx, job_id)
            if _waits_at(job, printer_id):
                unprintable(tx, job, error.detail)


async def _held(tx: Tx, job_id: int) -> PrintJob:
    return (await tx.session.execute(select(PrintJob).where(PrintJob.id == job_id).with_for_update())).scalar_one()


def _waits_at(job: PrintJob, printer_id: int) -> bool:
    """Whether the job still waits for this printer: nobody cancelled it or moved it to another."""
    return job.status == "queued" and job.printer_id == printer_id


def unprintable(tx: Tx, job: PrintJob, detail: str) -> None:
    """A job that cannot be drawn fails before anything is sent."""
    if job.status == "queued":
        job.status, job.trouble, job.detail, job.ended_at = "failed", "unprintable", detail, tx.now
        jobs.note(tx, job, "print_job.failed", trouble="unprintable")


def sent(tx: Tx, job: PrintJob) -> None:
    """From here on paper may come out."""
    job.status, job.sent_at, job.trouble, job.detail = "sent", tx.now, None, None
    jobs.note(tx, job, "print_job.sent")


def waits(tx: Tx, job: PrintJob, trouble: str | None, detail: str = "") -> None:
    """The printer says what it is waiting for. Only what is new is written."""
    if job.status in ("queued", "sent") and job.trouble != trouble:
        job.trouble, job.detail = trouble, detail or None
        jobs.note(tx, job, "print_job.waits" if trouble else "print_job.goes_on", trouble=trouble)


def ended(tx: Tx, job: PrintJob, outcome: Outcome) -> None:
    """What came of a job that was sent. What a person or a scan said meanwhile stands."""
    if outcome.status == "acknowledged" and job.status in ("sent", "unknown"):
        job.status, job.trouble, job.detail, job.ended_at = "acknowledged", None, None, tx.now
        jobs.note(tx, job, "print_job.acknowledged")
    elif outcome.status == "unknown" and job.status == "sent":
        unknown(tx, job, outcome.trouble or "interrupted", outcome.detail)


def unknown(tx: Tx, job: PrintJob, trouble: str, detail: str | None = None) -> None:
    """Nobody knows whether paper came out: a person looks."""
    job.status, job.trouble, job.detail = "unknown", trouble, detail
    job.claim = job.claimed_until = None
    jobs.note(tx, job, "print_job.unknown", trouble=trouble)
