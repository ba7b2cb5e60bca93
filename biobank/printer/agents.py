"""What a print agent asks the service: a job for a printer of its site, and what became of it.

An agent takes a job under a claim, a UUID of its own. A claim that is asked for again gives the same job again, so
that an answer that was lost on the way loses no job and prints none twice.
"""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Actor, Permission
from biobank.clock import Clock
from biobank.db import Database
from biobank.errors import Invalid
from biobank.printer import job_queries, jobs, rules, sending
from biobank.printer.models import Printer, PrintJob
from biobank.printer.wire import Outcome
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import Tx, open_tx

_LEASE = timedelta(minutes=2)
"""How long a job is an agent's without word from it before the printer was asked."""
_PRINTING = timedelta(minutes=15)
"""How long a sent job is an agent's without word from it."""
CONDITIONS = frozenset(
    ("ready", "out_of_labels", "out_of_ribbon", "head_open", "paused", "busy", "unreachable", "unreadable")
)
MOST_WAIT = 25
_BETWEEN = 1.0


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimJob(Command):
    """Ask for the oldest job that waits; `wait` seconds if there is none."""

    claim: UUID
    wait: Annotated[int, Field(ge=0, le=MOST_WAIT)] = 0


class ReportJob(Command):
    """What became of a claimed job: `waiting` (the printer is not ready; the job is given back), `sending` (the first
    byte is about to leave), `holding` (sent, and the printer says what it waits for), `acknowledged` or `unknown`.
    """

    claim: UUID
    outcome: Literal["waiting", "sending", "holding", "acknowledged", "unknown"]
    trouble: (
        Literal[
            "unreachable",
            "out_of_labels",
            "out_of_ribbon",
            "head_open",
            "paused",
            "busy",
            "unreadable",
            "interrupted",
            "cut_off",
            "no_answer",
        ]
        | None
    ) = None
    detail: Annotated[str | None, Field(max_length=200)] = None


class ClaimedView(BaseModel):
    """A job and where to print it. `job` is None where none waits."""

    model_config = ConfigDict(frozen=True)
    job: UUID | None
    printer: str | None = None
    host: str | None = None
    port: int | None = None
    zpl: str | None = None


class ReportedView(BaseModel):
    """Where the job stands now. `go` says whether an agent that is about to send may."""

    model_config = ConfigDict(frozen=True)
    job: UUID
    status: str
    go: bool


NOTHING = ClaimedView(job=None)


async def claim_waiting(database: Database, actor: Actor, command: ClaimJob, clock: Clock) -> ClaimedView:
    """A job, waiting for one as long as the command says. Each look is a transaction of its own: none is kept open
    between.
    """
    until = asyncio.get_running_loop().time() + command.wait
    while True:
        async with open_tx(database, actor, clock=clock) as tx:
            found = await claim(tx, command)
        left = until - asyncio.get_running_loop().time()
        if found.job is not None or left <= 0:
            return found
        await asyncio.sleep(min(_BETWEEN, left))


async def claim(tx: Tx, command: ClaimJob) -> ClaimedView:
    """Take the oldest job of a printer that has none in hand, or again the one of this claim."""
    scope = tx.scope(Permission.PRINT_SERVE)
    within = (
        select(PrintJob, Printer.name, Printer.host, Printer.port)
        .join(Printer, Printer.id == PrintJob.printer_id)
        .join(Site, Site.id == PrintJob.site_id)
        .where(job_queries.label_reach(scope), site_reach(scope), PrintJob.transport == "pull")
    )
    mine = within.where(PrintJob.claim == command.claim, PrintJob.status.in_(("queued", "sent")))
    row = (await tx.session.execute(mine.with_for_update(of=PrintJob))).one_or_none()
    if row is not None:
        return _claimed(row, await _rendered(tx, row.PrintJob))
    while (row := await _oldest(tx, within)) is not None:
        job: PrintJob = row.PrintJob
        try:
            content = await _rendered(tx, job)
        except Invalid as error:
            sending.unprintable(tx, job, error.detail)
            await tx.session.flush()
            continue
        job.claim, job.claimed_until = command.claim, tx.now + _LEASE
        jobs.note(tx, job, "print_job.claimed")
        await tx.session.flush()
        return _claimed(row, content)
    return NOTHING


async def _rendered(tx: Tx, job: PrintJob) -> bytes:
    content, _ = await asyncio.to_thread(jobs.render, await jobs.snapshot(tx, job))
    return content


def _claimed(row: Any, content: bytes) -> ClaimedView:
    return ClaimedView(
        job=row.PrintJob.number, printer=row.name, host=row.host, port=row.port, zpl=content.decode("utf-8")
    )


async def _oldest(tx: Tx, within: Any) -> Any:
    """The oldest job of a printer of which no agent has one in hand. The printer is held too, so that two agents do not
    take two jobs of one printer; should they all the same, the database lets only one of them send.
    """
    in_hand = select(PrintJob.printer_id).where(
        PrintJob.transport == "pull",
        (PrintJob.status == "sent") | ((PrintJob.status == "queued") & (PrintJob.claimed_until >= tx.now)),
    )
    free = within.where(
        PrintJob.status == "queued",
        PrintJob.claimed_until.is_(None) | (PrintJob.claimed_until < tx.now),
        Printer.is_active,
        ~Printer.is_paused,
        Printer.id.not_in(in_hand),
    )
    first = free.order_by(PrintJob.id).limit(1)
    held = first.with_for_update(of=(PrintJob, Printer), skip_locked=True, key_share=True)
    return (await tx.session.execute(held)).one_or_none()


async def report(tx: Tx, number: UUID, command: ReportJob) -> ReportedView:
    """Note what became of a job. The same report again changes nothing.

    Raises:
        NotFound: no such job within reach.
        PrintClaimLost: the job is no longer under this claim: nothing of it may be sent.
    """
    job = await job_queries.find_job(tx, number, Permission.PRINT_SERVE)
    late = job.status in ("unknown", "acknowledged", "verified", "failed") and command.outcome in (
        "acknowledged",
        "unknown",
    )
    if job.claim != command.claim and not late:
        raise rules.PrintClaimLost(
            "This job is no longer this agent's: it was cancelled, or given to another because nothing was heard.",
            status=job.status,
        )
    match command.outcome:
        case "sending" if job.status == "queued":
            sending.sent(tx, job)
            job.claimed_until = tx.now + _PRINTING
            await jobs.saw(tx, job.printer_id, "ready", tx.now)
        case "waiting" if job.status == "queued":
            condition = command.trouble or "busy"
            job.claim = job.claimed_until = None
            sending.waits(tx, job, condition, command.detail or "")
            jobs.note(tx, job, "print_job.given_back", trouble=condition)
            await jobs.saw(tx, job.printer_id, _condition(condition), tx.now)
        case "holding" if job.status == "sent":
            sending.waits(tx, job, command.trouble, command.detail or "")
            job.claimed_until = tx.now + _PRINTING
            jobs.note(tx, job, "print_job.held", trouble=command.trouble)
            await jobs.saw(tx, job.printer_id, _condition(command.trouble or "ready"), tx.now)
        case "acknowledged" | "unknown":
            outcome = Outcome(command.outcome, command.trouble or "interrupted", command.detail)
            sending.ended(tx, job, outcome)
            await jobs.saw(tx, job.printer_id, "ready" if command.outcome == "acknowledged" else "unreachable", tx.now)
    await tx.session.flush()
    return ReportedView(job=job.number, status=job.status, go=job.status == "sent")


def _condition(trouble: str) -> str:
    return trouble if trouble in CONDITIONS else "unreachable"
