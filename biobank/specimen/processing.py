"""Work on tubes that makes no new tube: a clot, a spin, a thaw."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from biobank.specimen import queries, rules
from biobank.specimen.models import ProcessingInput
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.work import TubeId, Work, at_hand, begin_event
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
    g_force: Annotated[Decimal | None, Field(gt=0, le=1_000_000, decimal_places=2)] = None
    minutes: Annotated[Decimal | None, Field(gt=0, le=100_000, decimal_places=2)] = None
    celsius: Annotated[Decimal | None, Field(ge=-273, le=200, decimal_places=2)] = None
    brake: bool | None = None


class ProcessedView(queries.View):
    type: str
    started_at: AwareDatetime
    specimens: tuple[SpecimenRow, ...]


async def process(tx: Tx, command: Process) -> ProcessedView:
    """Record work on tubes: a spin, a clot, a thaw.

    A thaw raises the freeze-thaw count; freezing again ends that same cycle.

    Raises:
        NotFound, TubeNotUsable, Invalid: as `at_hand` says, and times out of order.
    """
    work = await at_hand(tx, command.specimens, "specimens")
    born = await queries.born(tx, work.tubes)
    rules.check_worked(command.started_at, command.ended_at, born, tx.now)
    event_id = await begin_event(tx, work, command.type, command)
    await tx.insert(ProcessingInput, [{"processing_event_id": event_id, "specimen_id": tube.id} for tube in work.tubes])
    if command.type == "thaw":
        for tube in work.tubes:
            tube.freeze_thaw_count += 1
            tube.row_version += 1
        await tx.session.flush()
    tx.record(
        "specimen.processed",
        subject="processing_event",
        subject_id=event_id,
        study_id=work.study_id,
        site_id=work.site_id,
        type=command.type,
        tubes=len(work.tubes),
    )
    return ProcessedView(
        type=command.type,
        started_at=command.started_at,
        specimens=await queries.rows_of(tx, [tube.id for tube in work.tubes]),
    )
