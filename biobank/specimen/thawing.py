"""Thaws that nobody meant: tubes that warmed up in a package or in a freezer that failed, many at once and wherever
they are.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.specimen import queries, rules
from biobank.specimen.deviations import note
from biobank.specimen.models import Custody, ProcessingEvent, ProcessingInput, Specimen
from biobank.specimen.record import View
from biobank.specimen.work import Command, NamedDeviation, Reason, TubeId, hands
from biobank.tx import Tx

MOST_TUBES = 5000


class Thawed(Command):
    """Tubes warmed up. `deviation`, such as `high_temperature`, is noted of each."""

    thawed_at: AwareDatetime
    reason: Reason
    deviation: NamedDeviation | None = None


class ThawTubes(Thawed):
    """One thaw of each of these tubes, wherever they are."""

    specimens: Annotated[tuple[TubeId, ...], Field(min_length=1, max_length=MOST_TUBES)]


class ThawedView(View):
    """How many tubes have one thaw more now, and which of them are beyond what their material may have."""

    tubes: int
    over_cap: tuple[str, ...]


async def thaw_tubes(tx: Tx, command: ThawTubes) -> ThawedView:
    """Record a thaw of tubes that was not meant: all of them or none. Holds, quarantine and packages do not matter.

    Raises:
        NotFound: a tube is unknown or out of reach.
        TubeNotUsable: the record of a tube has ended.
        Invalid: a tube named twice, or a moment that cannot be.
    """
    codes = [queries.tube_code(text, "specimens") for text in command.specimens]
    rules.check_each_once(codes, "specimens")
    found = await queries.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS, lock=True)
    return await thaw(tx, found, command)


async def thaw(tx: Tx, found: Sequence[tuple[Specimen, Custody]], command: Thawed) -> ThawedView:
    """One thaw of each of these tubes, which the caller has found and locked: one event for each study and site.

    Raises:
        TubeNotUsable: the record of a tube has ended.
        Invalid: the thaw lies in the future, or before a tube came to be.
    """
    tubes = [tube for tube, _ in found]
    rules.check_there((tube.code, tube.existence) for tube in tubes)
    rules.check_worked(command.thawed_at, None, await queries.born(tx, tubes), tx.now, "thawed_at")
    by_place: dict[tuple[int, int], list[Specimen]] = {}
    for tube, custody in found:
        by_place.setdefault((tube.study_id, custody.site_id or tube.site_id), []).append(tube)
    for (study_id, site_id), those in sorted(by_place.items()):
        await _event(tx, study_id, site_id, those, command)
    caps = await queries.freeze_thaw_caps(tx)
    over = [
        tube.code for tube in tubes if (cap := caps[tube.specimen_type]) is not None and tube.freeze_thaw_count > cap
    ]
    return ThawedView(tubes=len(tubes), over_cap=tuple(over))


async def _event(tx: Tx, study_id: int, site_id: int, tubes: Sequence[Specimen], command: Thawed) -> None:
    (event_id,) = await tx.insert(
        ProcessingEvent,
        [
            {
                "study_id": study_id,
                "site_id": site_id,
                "type": "thaw",
                "started_at": command.thawed_at,
                "operator_id": hands(tx),
            }
        ],
    )
    await tx.insert(ProcessingInput, [{"processing_event_id": event_id, "specimen_id": tube.id} for tube in tubes])
    await count_thaw(tx, tubes)
    await note(tx, tubes, command.deviation, event_id)
    tx.record(
        "specimen.thawed",
        subject="processing_event",
        subject_id=event_id,
        study_id=study_id,
        site_id=site_id,
        reason=command.reason,
        tubes=len(tubes),
    )


async def count_thaw(tx: Tx, tubes: Sequence[Specimen]) -> None:
    """One thaw more of each of these locked tubes."""
    for tube in tubes:
        tube.freeze_thaw_count += 1
        tube.row_version += 1
    await tx.session.flush()


async def thawed_since(tx: Tx, specimen_id: int, moment: datetime) -> bool:
    """Whether a thaw of the tube is on record that began at or after a moment."""
    found = await tx.session.execute(
        select(ProcessingEvent.id)
        .join(ProcessingInput, ProcessingInput.processing_event_id == ProcessingEvent.id)
        .where(
            ProcessingInput.specimen_id == specimen_id,
            ProcessingEvent.type == "thaw",
            ProcessingEvent.started_at >= moment,
        )
        .limit(1)
    )
    return found.first() is not None
