"""Work on tubes that makes no new tube: a clot, a spin, a thaw."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from biobank.specimen import queries, rules
from biobank.specimen.bench import begin_event
from biobank.specimen.claiming import USES_MATERIAL
from biobank.specimen.deviations import note
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.record import View, WarningView, warnings_of
from biobank.specimen.thawing import count_thaw
from biobank.specimen.work import TubeId, Work, at_hand
from biobank.tx import Tx


class Process(Work):
    """Work on tubes that makes no new tube. Dividing and pooling are deeds of their own."""

    type: Literal[
        "receive",
        "clot",
        "centrifuge",
        "ficoll",
        "cryo_freeze",
        "extract",
        "quantify",
        "dilute",
        "wash",
        "lyse",
        "section",
        "thaw",
        "refreeze",
        "incubate",
        "transfer",
    ]
    specimens: Annotated[tuple[TubeId, ...], Field(min_length=1, max_length=400)]


class ProcessedView(View):
    """`warnings` says what was wrong with the work and is on record with it."""

    type: str
    started_at: AwareDatetime
    specimens: tuple[SpecimenRow, ...]
    warnings: tuple[WarningView, ...] = ()


async def process(tx: Tx, command: Process) -> ProcessedView:
    """Record work on tubes: a spin, a clot, a thaw.

    A thaw raises the freeze-thaw count; freezing again ends that same cycle. A deviation that the work names is noted
    of all its tubes.

    Raises:
        NotFound, TubeNotUsable, TubeReserved, Invalid: as `at_hand` says, and times that cannot be.
        EquipmentNotUsable, WrongProgram, ReagentExpired, WrongStep, OutOfOrder: as `bench.set_up` says.
    """
    uses = command.type in USES_MATERIAL
    work = await at_hand(tx, command.specimens, "specimens", uses=uses, override=command.override)
    rules.check_worked(command.started_at, command.ended_at, await queries.made(tx, work.tubes), tx.now)
    event_id = await begin_event(tx, work, command.type, command)
    await note(tx, work.tubes, command.deviation, event_id)
    if command.type == "thaw":
        await count_thaw(tx, work.tubes)
    tx.record(
        "specimen.processed",
        subject="processing_event",
        subject_id=event_id,
        study_id=work.study_id,
        site_id=work.site_id,
        type=command.type,
        tubes=len(work.tubes),
        **work.told(command.override),
    )
    return ProcessedView(
        type=command.type,
        started_at=command.started_at,
        specimens=await queries.rows_of(tx, [tube.id for tube in work.tubes]),
        warnings=await warnings_of(tx, event_id),
    )
