"""Keeping the record of a tube true: its end, its quality, its content and its codes."""

from typing import Annotated, Literal

from pydantic import Field

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.identifier.models import HOUSE, Identifier, Namespace
from biobank.identifier.rules import foreign_code
from biobank.specimen import queries, rules, state_label
from biobank.specimen.custody import Ended, hand_over
from biobank.specimen.quantity import Posting, post
from biobank.specimen.queries import SpecimenView
from biobank.specimen.work import Amount, Basis, Command, Override, Reason, at_hand, record
from biobank.tx import Tx


class UseUp(Command):
    """The tube is empty or thrown away empty: its record ends as consumed. `override`: why, where somebody else
    claimed it.
    """

    reason: Reason
    override: Override = None


class SetQuality(Command):
    """A quality, or a word of the site for one (`label`): the word sets the quality that it stands for."""

    quality: Literal["acceptable", "quarantined", "rejected"] | None = None
    label: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    reason: Reason


class CorrectQuantity(Command):
    """The content found by looking. `seen` is the balance that was shown: another by now is told, not overwritten."""

    quantity: Amount
    seen: Amount | None = None
    cause: Literal["correction", "spill", "evaporation"] = "correction"
    basis: Basis = "measured"
    reason: Reason


class AddCode(Command):
    namespace: Annotated[str, Field(min_length=1, max_length=40)]
    value: Annotated[str, Field(min_length=1, max_length=200)]


async def use_up(tx: Tx, code: str, command: UseUp) -> SpecimenView:
    """End a tube as consumed: what is left is posted as exhausted, and its place becomes free.

    Raises:
        NotFound, TubeNotUsable, TubeReserved: as `at_hand` says; a tube that is set apart may be used up, one on hold
            may not.
    """
    work = await at_hand(tx, [code], "specimen", quality=False, uses=True, override=command.override)
    (tube,) = work.tubes
    if tube.quantity:
        await post(tx, [Posting(tube.id, -tube.quantity, tube.unit, "exhausted", "nominal")])
    await hand_over(tx, [(tube.id, Ended("consumed", work.site_id))])
    record(tx, "specimen.used_up", tube, work, command.reason, command.override)
    return await queries.view_of(tx, tube)


async def set_quality(tx: Tx, code: str, command: SetQuality) -> SpecimenView:
    """Set a tube apart, release it again or reject it, each with a reason.

    Raises:
        NotFound, TubeNotUsable: as `at_hand` says; its present quality is no obstacle. There is no such word.
        Invalid: neither a quality nor a word is given, or the word stands for another quality.
    """
    work = await at_hand(tx, [code], "specimen", quality=False)
    (tube,) = work.tubes
    word = None
    if command.label is not None:
        word = await state_label.find(tx, tube.study_id, work.site_id, command.label)
    quality = state_label.chosen_quality(command.quality, word.state if word else None)
    label_id = word.id if word else None
    if (tube.quality, tube.quality_label_id) != (quality, label_id):
        tube.quality, tube.quality_label_id = quality, label_id
        tube.row_version += 1
        await tx.session.flush()
    record(tx, f"specimen.{quality}", tube, work, command.reason)
    return await queries.view_of(tx, tube)


async def correct_quantity(tx: Tx, code: str, command: CorrectQuantity) -> SpecimenView:
    """Post the difference between what a tube holds and what its record says, as a correction, spill or evaporation.

    Raises:
        NotFound, TubeNotUsable: as `at_hand` says; its quality is no obstacle.
        BalanceChanged: somebody posted since the balance was seen.
        Invalid: nothing differs, a loss that is a gain, or more than the tube can hold.
    """
    work = await at_hand(tx, [code], "specimen", quality=False)
    (tube,) = work.tubes
    if command.seen is not None and command.seen != tube.quantity:
        raise rules.BalanceChanged(
            f"{ids.grouped(tube.code)} holds {tube.quantity:f} {tube.unit} by now: look at its ledger first.",
            specimen=tube.code,
            balance=str(tube.quantity),
        )
    delta = command.quantity - tube.quantity
    rules.check_correction(delta, command.cause)
    kind = await queries.kind(tx, tube.specimen_type)
    rules.check_fits(command.quantity, kind, await queries.tube_kind(tx, tube.tube_type), "quantity")
    await post(tx, [Posting(tube.id, delta, tube.unit, command.cause, command.basis)])
    record(tx, "specimen.quantity_corrected", tube, work, command.reason)
    return await queries.view_of(tx, tube)


async def add_code(tx: Tx, code: str, command: AddCode) -> SpecimenView:
    """Register a vendor's or older system's code of a tube. A code names one thing for ever.

    Raises:
        NotFound: no such tube within reach.
        Invalid: the house gives out its ids itself; no such namespace; not a code.
        CodeTaken: the code names something already (from the constraint, when it is written).
    """
    tube, custody = await queries.find_specimen(tx, queries.tube_code(code), Permission.SPECIMEN_PROCESS)
    known = await tx.session.get(Namespace, command.namespace)
    if known is None or command.namespace == HOUSE:
        raise Invalid(
            f"There is no namespace {command.namespace} to add codes in.", errors={"namespace": "is not a namespace"}
        )
    await tx.insert(
        Identifier,
        [{"namespace": command.namespace, "value": foreign_code(command.value), "specimen_id": tube.id}],
    )
    tx.record(
        "specimen.code_added",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=custody.site_id or tube.site_id,
        namespace=command.namespace,
    )
    return await queries.view_of(tx, tube)
