"""Keeping the SPREC of tubes with its history, corrections that change it, and loading code tables."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, insert, select, text, update

from biobank.catalogue.models import SpecimenType, TemperatureClass
from biobank.errors import Invalid
from biobank.preanalytics import queries, rules
from biobank.preanalytics.models import Sprec, SprecCode, SprecDue, SprecVersion
from biobank.preanalytics.queries import View
from biobank.preanalytics.table import FAMILIES, Line, problems
from biobank.preanalytics.tablefile import read_csv
from biobank.specimen import correcting
from biobank.specimen.correcting import CorrectCollectionTime, Corrected, CorrectWork
from biobank.specimen.models import Specimen
from biobank.study.rules import today
from biobank.tx import ReadTx, Tx

_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtext('biobank.sprec'))")
_IF_NOBODY_DOES = text("select pg_try_advisory_xact_lock(hashtext('biobank.sprec'))")


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoadTable(Command):
    """A whole code table as CSV. Without `used_from` it is there to compare with and codes nothing."""

    version: Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}(\.[A-Z0-9]{1,16})*$", max_length=40)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(min_length=1, max_length=500)]
    used_from: date | None = None
    carry_minutes: Annotated[int, Field(ge=0, le=60)] = 0
    table: Annotated[str, Field(min_length=1, max_length=1_000_000, description="CSV, the first line names columns.")]


class Kept(View):
    """How many tubes were looked at, and how many codes were computed, are a tube's first, and replaced another."""

    due: int
    computed: int
    first: int
    superseded: int


class CorrectedView(Corrected):
    """`sprecs`: how many codes took the place of others because of the correction."""

    sprecs: int


async def keep(tx: Tx, specimen_ids: Iterable[int], reason: str) -> Kept:
    """Compute the SPREC of tubes and keep what is new or different. One deed keeps codes at a time.

    What was due of these tubes is done with it. Material outside SPREC keeps none.
    """
    await tx.session.execute(_ONE_AT_A_TIME)
    return await _keep(tx, list(dict.fromkeys(specimen_ids)), {}, reason)


async def _keep(tx: Tx, ids: Sequence[int], reasons: dict[int, str], reason: str) -> Kept:
    await tx.session.flush()
    found = await queries.coded(tx, ids)
    rows = await tx.session.execute(
        select(Sprec.id, Sprec.specimen_id, Sprec.digest).where(
            Sprec.specimen_id.in_(ids), Sprec.superseded_at.is_(None)
        )
    )
    current = {row.specimen_id: row for row in rows}
    fresh = {one: value for one, value in found.items() if one not in current or current[one].digest != value[2]}
    replaced = [(current[one].id, reasons.get(one, reason)) for one in fresh if one in current]
    for why in dict.fromkeys(words for _, words in replaced):
        await tx.session.execute(
            update(Sprec)
            .where(Sprec.id.in_([row for row, words in replaced if words == why]))
            .values(superseded_at=tx.now, superseded_because=why)
        )
    if fresh:
        await tx.session.execute(
            insert(Sprec),
            [
                {
                    "specimen_id": one,
                    "version": computed.version,
                    "code": computed.code,
                    "digest": of,
                    "computed_at": tx.now,
                    "reason": reasons.get(one, reason),
                }
                for one, (_, computed, of) in sorted(fresh.items())
            ],
        )
        tx.record("sprec.kept", subject="sprec", subject_id=None, tubes=len(fresh), superseded=len(replaced))
    await tx.session.execute(delete(SprecDue).where(SprecDue.specimen_id.in_(ids)))
    return Kept(due=len(ids), computed=len(found), first=len(fresh) - len(replaced), superseded=len(replaced))


async def keep_due(tx: Tx, most: int) -> Kept | None:
    """Compute what is due, the longest waiting first; None where another process is at it."""
    if not (await tx.session.execute(_IF_NOBODY_DOES)).scalar_one():
        return None
    rows = await tx.session.execute(
        select(SprecDue.specimen_id, SprecDue.reason).order_by(SprecDue.since, SprecDue.specimen_id).limit(most)
    )
    due = {row.specimen_id: row.reason for row in rows}
    return await _keep(tx, list(due), due, "computed anew")


async def correct_collection_time(tx: Tx, code: str, command: CorrectCollectionTime) -> CorrectedView:
    """Correct when material was collected. The SPREC of all tubes that came of it is computed anew in the same
    transaction; the codes of before stay, with the reason.

    Raises:
        NotFound, Invalid, RecordChanged: as `correcting.correct_collection_time` says.
    """
    _, event = await correcting.hold_collection(tx, code)
    tubes = await correcting.descendants(tx, await correcting.tubes_of_collection(tx, event))
    reason = f"the collection time was corrected: {command.reason}"
    return await _corrected(tx, tubes, reason, lambda: correcting.correct_collection_time(tx, code, command))


async def correct_work(tx: Tx, code: str, command: CorrectWork) -> CorrectedView:
    """Correct times or settings of work on tubes, with the SPREC of all tubes that it concerns.

    Raises:
        NotFound, Invalid: as `correcting.correct_work` says.
    """
    _, event = await correcting.hold_work(tx, code, command)
    tubes = await correcting.descendants(tx, await correcting.tubes_of_work(tx, event))
    reason = f"work was corrected ({event.type.replace('_', ' ')}): {command.reason}"
    return await _corrected(tx, tubes, reason, lambda: correcting.correct_work(tx, code, command))


async def _corrected(
    tx: Tx, tubes: Sequence[int], reason: str, correct: Callable[[], Awaitable[Corrected]]
) -> CorrectedView:
    await keep(tx, tubes, "as it was before a correction")
    done = await correct()
    kept = await keep(tx, tubes, reason)
    return CorrectedView(**done.model_dump(), sprecs=kept.superseded)


async def load_table(tx: Tx, command: LoadTable) -> queries.VersionView:
    """Load a code table as a new version. Tubes that were collected before `used_from` keep the version they have.

    Raises:
        CodeTableRefused: naming everything that is wrong with it.
        Invalid: it would be used from a day that is past, which would code tubes anew.
        SprecVersionExists: the version is loaded already, or another one is used from that day on.
    """
    if command.used_from is not None and command.used_from <= today(tx.now, "UTC"):
        raise Invalid(
            "A code table is used from a day to come: tubes are never coded anew because a table came.",
            errors={"used_from": "is not a day to come"},
        )
    lines, wrong = read_csv(command.table)
    if not wrong:
        classes = (await tx.session.execute(select(TemperatureClass.code))).scalars().all()
        wrong = problems(lines, classes, FAMILIES)
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise rules.CodeTableRefused(
            f"Nothing was stored. {'; '.join(wrong[:10])}{more}.", errors={"table": wrong[0]}, problems=wrong
        )
    (version_id,) = await tx.insert(
        SprecVersion,
        [
            {
                "code": command.version,
                "title": command.title,
                "source": command.source,
                "used_from": command.used_from,
                "carry_minutes": command.carry_minutes,
                "loaded_at": tx.now,
                "loaded_by": tx.actor.user_id,
            }
        ],
    )
    await tx.session.execute(insert(SprecCode), [_columns(command.version, line) for line in lines])
    tx.record(
        "sprec.table_loaded",
        subject="sprec_version",
        subject_id=version_id,
        version=command.version,
        lines=len(lines),
    )
    return next(one for one in await queries.tables(tx) if one.code == command.version)


def _columns(version: str, line: Line) -> dict[str, Any]:
    return {
        "version": version,
        "element": line.element,
        "code": line.code,
        "role": line.role,
        "meaning": line.meaning,
        "min_minutes": line.minutes.low,
        "max_minutes": line.minutes.high,
        "minutes_ends": line.minutes.ends,
        "min_celsius": line.celsius.low,
        "max_celsius": line.celsius.high,
        "celsius_ends": line.celsius.ends,
        "min_g": line.g.low,
        "max_g": line.g.high,
        "g_ends": line.g.ends,
        "brake": line.brake,
        "container_family": line.family,
        "storage": None if line.storage is None else list(line.storage),
        "storage_before": None if line.before is None else list(line.before),
        "freezing": line.freezing,
        "min_spins": line.min_spins,
        "max_spins": line.max_spins,
        "verified": line.verified,
        "source": line.source,
    }


async def tubes_to_keep(tx: ReadTx, after: int, most: int, *, everything: bool) -> list[int]:
    """Ids of the next tubes whose code is to be kept: those that are due, or all that SPREC may have a code for."""
    query = (
        select(Specimen.id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .where(SpecimenType.sprec_type.is_not(None), Specimen.id > after)
        if everything
        else select(SprecDue.specimen_id.label("id")).where(SprecDue.specimen_id > after)
    )
    rows = await tx.session.execute(query.order_by("id").limit(most))
    return list(rows.scalars())
