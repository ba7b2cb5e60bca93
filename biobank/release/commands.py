"""Pulling results: who may be in it, what was asked, how many rows came out and their digest, all on record."""

import hashlib
import json
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from biobank.actor import Permission
from biobank.ids import new_uuid
from biobank.release import queries, rules, table
from biobank.release.models import DataPull
from biobank.release.queries import Unmatched
from biobank.release.table import Filter
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx, Tx

Status = Literal["preliminary", "verified", "released", "superseded", "corrected"]


class Pull(BaseModel):
    """Which results. Without `participants` everybody's within reach; no `analytes` or `quantities` means all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    study: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$")]
    participants: Annotated[tuple[Annotated[str, Field(max_length=200)], ...] | None, Field(max_length=100_000)] = None
    analytes: Annotated[tuple[str, ...], Field(max_length=5000)] = ()
    quantities: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    statuses: Annotated[tuple[Status, ...], Field(min_length=1, max_length=5)] = ("released",)


class PullView(BaseModel):
    """What a pull gives: how many were matched, who was not and why, who withdrew, and where the CSV is."""

    model_config = ConfigDict(frozen=True)
    number: UUID
    study: str
    rows: int
    sha256: str
    matched: int
    unmatched: tuple[Unmatched, ...]
    withdrawn: tuple[str, ...]
    href: str


class Sink(Protocol):
    """Where bytes go: a file."""

    def write(self, data: bytes, /) -> Any: ...


async def pull(tx: Tx, command: Pull) -> PullView:
    """Pull results: the consent of everybody in it holds until this is on record, with the digest of its bytes.

    Raises:
        NotFound: no such study within reach.
        TooManyParticipants: more ids than at once.
    """
    study = await study_by_code(tx, command.study, Permission.RESULT_EXPORT)
    choice = await queries.choose(tx, study.id, Permission.RESULT_EXPORT, command.participants, lock=True)
    wanted = filter_of(study.id, choice, command, tx)
    digest = hashlib.sha256()

    async def sink(data: bytes) -> None:
        digest.update(data)

    rows = await table.copy(tx, wanted, sink)
    number = new_uuid()
    query = {
        "participants": choice.codes,
        "analytes": wanted.analytes,
        "quantities": wanted.quantities,
        "statuses": wanted.statuses,
        "as_of": wanted.as_of.isoformat(),
        "columns": rules.COLUMNS,
    }
    (pull_id,) = await tx.insert(
        DataPull,
        [
            {
                "number": number,
                "study_id": study.id,
                "query": json.dumps(query, sort_keys=True),
                "row_count": rows,
                "sha256": digest.hexdigest(),
                "pulled_by": tx.actor.user_id,
                "pulled_at": tx.now,
            }
        ],
    )
    tx.record(
        "results.pulled",
        subject="data_pull",
        subject_id=pull_id,
        study_id=study.id,
        rows=rows,
        participants=len(choice.codes),
        withdrawn=len(choice.withdrawn),
        sha256=digest.hexdigest(),
    )
    return PullView(
        number=number,
        study=study.code,
        rows=rows,
        sha256=digest.hexdigest(),
        matched=len(choice.codes),
        unmatched=choice.unmatched,
        withdrawn=choice.withdrawn,
        href=f"/api/v1/results/pulls/{number}.csv",
    )


def filter_of(study_id: int, choice: queries.Choice, command: Pull, tx: ReadTx) -> Filter:
    """The filter that a pull means now."""
    return Filter(
        study_id,
        choice.ids,
        sorted(set(command.analytes)) or None,
        sorted(set(command.quantities)) or None,
        sorted(set(command.statuses)),
        tx.now,
    )


async def write_csv(tx: ReadTx, number: UUID, file: Sink) -> str:
    """Write the CSV of an earlier pull into a file, as of then, and give its digest. Nothing is given out that differs.

    Raises:
        NotFound: no such pull within reach.
        PullChanged: the bytes would not be those of then.
    """
    found, wanted = await queries.find_pull(tx, number)
    digest = hashlib.sha256()

    async def sink(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    await table.copy(tx, wanted, sink)
    if digest.hexdigest() != found.sha256:
        raise rules.PullChanged(
            "Visits, thaws or results that were not released yet have changed since: make a new pull.",
            pull=str(number),
            sha256=found.sha256,
        )
    return found.sha256
