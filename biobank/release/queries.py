"""Results by participant: who is meant, and the one long table of their results, as rows or as CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, Text, any_, literal, select

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.assay.models import Analyte, Assay, AssayVersion, AssayVersionAnalyte
from biobank.db import visible
from biobank.errors import NotFound
from biobank.paging import Page, cut
from biobank.participant.belief import standing
from biobank.participant.models import Participant, Withdrawal
from biobank.participant.rules import STOPPING_LEVELS
from biobank.release import rules, table
from biobank.release.models import DataPull
from biobank.release.table import Filter
from biobank.study.models import Study
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Unmatched(View):
    """A text that names no participant within reach, and why."""

    text: str
    problem: str


class ResultRow(View):
    """One version of a result with all that is needed to judge it. `id` is the key of paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    participant: str
    visit: str | None
    study_day: int | None
    aliquot: str
    specimen_type: str
    freeze_thaw: int | None
    identity_doubt: bool
    assay: str
    assay_version: int
    analyte: str
    quantity: str
    value: Decimal | None
    comparator: str | None
    limit_kind: str | None
    unit: str | None
    flag: str | None
    raw_text: str
    dilution: Decimal
    run: str
    plate: str
    well: str
    instrument_sample: str | None
    instrument: str | None
    software: str | None
    serial_number: str | None
    batch: str | None
    kit_lot: str | None
    result_version: int
    status: str
    released_at: datetime | None


class PullRow(View):
    """A pull in a list."""

    number: UUID
    study: str
    rows: int
    sha256: str
    pulled_by: str
    pulled_at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose results are meant: surrogate ids with their codes, and those who were named and are left out."""

    ids: tuple[int, ...]
    codes: tuple[str, ...]
    unmatched: tuple[Unmatched, ...]
    withdrawn: tuple[str, ...]


async def choose(
    tx: ReadTx, study_id: int, permission: Permission, texts: Sequence[str] | None, *, lock: bool = False
) -> Choice:
    """The participants of a study whose results may be given out now; `texts` None means all within reach.

    With `lock` they are held until the commit, so that no withdrawal slips between this look and the pull.
    """
    good, bad = rules.read_codes(texts) if texts is not None else ({}, {})
    query = (
        select(Participant.id, Participant.code)
        .where(
            Participant.study_id == study_id,
            visible(tx.scope(permission), Participant.study_id, Participant.site_id),
        )
        .order_by(Participant.id)
    )
    if texts is not None:
        query = query.where(Participant.code == any_(literal(list(good), ARRAY(Text))))
    found = (await tx.session.execute(query.with_for_update(read=True) if lock else query)).all()
    stopped = await withdrawn(tx, study_id)
    known = {person.code for person in found}
    unknown = {good[code]: "there is no such participant" for code in good if code not in known}
    return Choice(
        ids=tuple(person.id for person in found if person.code not in stopped),
        codes=tuple(sorted(person.code for person in found if person.code not in stopped)),
        unmatched=tuple(Unmatched(text=text, problem=problem) for text, problem in {**bad, **unknown}.items()),
        withdrawn=tuple(sorted(person.code for person in found if person.code in stopped)),
    )


async def withdrawn(tx: ReadTx, study_id: int) -> set[str]:
    """Codes of the participants of a study whose withdrawal stops all use.

    Whatever is recorded counts: none lies ahead, but one may be later than the moment at which this pull began.
    """
    rows = await tx.session.execute(
        select(Participant.code)
        .join(Withdrawal, Withdrawal.participant_id == Participant.id)
        .where(Participant.study_id == study_id, Withdrawal.level.in_(STOPPING_LEVELS), standing())
    )
    return set(rows.scalars())


async def results(
    tx: ReadTx,
    *,
    study: str,
    participants: Sequence[str] | None,
    analytes: Sequence[str] | None,
    quantities: Sequence[str] | None,
    statuses: Sequence[str],
    after: int,
    limit: int,
) -> Page[ResultRow]:
    """Results within reach, page by page, in the order in which they were stored.

    Raises:
        NotFound: no such study within reach.
    """
    found = await study_by_code(tx, study, Permission.RESULT_READ)
    choice = await choose(tx, found.id, Permission.RESULT_READ, participants)
    wanted = Filter(found.id, choice.ids, analytes, quantities, statuses, tx.now)
    rows = [ResultRow(**dict(row)) for row in await table.page(tx, wanted, after=after, limit=limit + 1)]
    return cut(rows, limit, lambda row: row.id)


async def measured_analytes(tx: ReadTx, study: str) -> list[str]:
    """The analytes that any assay of the study measures."""
    rows = await tx.session.execute(
        select(Analyte.code)
        .join(AssayVersionAnalyte, AssayVersionAnalyte.analyte_id == Analyte.id)
        .join(AssayVersion, AssayVersion.id == AssayVersionAnalyte.assay_version_id)
        .join(Assay, Assay.id == AssayVersion.assay_id)
        .join(Study, Study.id == Assay.study_id)
        .where(Study.code == study)
        .distinct()
        .order_by(Analyte.code)
    )
    return list(rows.scalars())


async def pulls(tx: ReadTx, *, limit: int = 50) -> list[PullRow]:
    """The latest pulls of the studies that are wholly within reach, and one's own."""
    rows = await tx.session.execute(
        select(
            DataPull.number,
            Study.code.label("study"),
            DataPull.row_count.label("rows"),
            DataPull.sha256,
            AppUser.username.label("pulled_by"),
            DataPull.pulled_at,
        )
        .join(Study, Study.id == DataPull.study_id)
        .join(AppUser, AppUser.id == DataPull.pulled_by)
        .where(
            visible(tx.scope(Permission.RESULT_EXPORT), DataPull.study_id) | (DataPull.pulled_by == tx.actor.user_id)
        )
        .order_by(DataPull.id.desc())
        .limit(limit)
    )
    return [PullRow(**row._mapping) for row in rows]


async def find_pull(tx: ReadTx, number: UUID) -> tuple[DataPull, Filter]:
    """A pull and what it asked for. It is within reach when each of its participants is.

    Raises:
        NotFound: no such pull, or one with participants out of reach.
    """
    pull = (await tx.session.execute(select(DataPull).where(DataPull.number == number))).scalar_one_or_none()
    if pull is not None:
        query = json.loads(pull.query)
        codes = query["participants"]
        reached = await tx.session.execute(
            select(Participant.id)
            .where(
                Participant.study_id == pull.study_id,
                Participant.code == any_(literal(codes, ARRAY(Text))),
                visible(tx.scope(Permission.RESULT_EXPORT), Participant.study_id, Participant.site_id),
            )
            .order_by(Participant.id)
        )
        found = list(reached.scalars())
        if len(found) == len(codes):
            return pull, Filter(
                pull.study_id,
                found,
                query["analytes"],
                query["quantities"],
                query["statuses"],
                datetime.fromisoformat(query["as_of"]),
            )
    raise NotFound("There is no such pull.", pull=str(number))
