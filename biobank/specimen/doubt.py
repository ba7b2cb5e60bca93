"""One label on two tubes: the duplicate becomes a tube of its own, in doubt whose it is until that is settled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.signature.commands import Sign, sign
from biobank.signature.models import Signature
from biobank.specimen import correcting, queries, rules
from biobank.specimen.custody import WithHolder, begin_custody
from biobank.specimen.models import Derivation, IdentityDoubt, Specimen
from biobank.specimen.quantity import Posting, post
from biobank.specimen.queries import SpecimenView
from biobank.specimen.record import View
from biobank.specimen.work import Command, Label, Quantity, Reason, codes_for, hands
from biobank.tx import ReadTx, Tx


class RegisterDuplicate(Command):
    """A second tube carries the label of a first one. `first_in_doubt` says that nobody knows which of them is the
    right one: then the first and all that was made of it are in doubt too. `quantity` is what the second holds, in the
    unit of the first; absent: as much as the first.
    """

    reason: Reason
    first_in_doubt: bool = False
    quantity: Quantity | None = None
    label: Label = None


class SettleDoubt(Command):
    """`as_labelled`: the tube is what its record says, and is usable again. `unknown`: nobody can tell, and it is
    rejected for ever. Either is final, and is signed.
    """

    outcome: Literal["as_labelled", "unknown"]
    reason: Reason
    signature: Sign


class DoubtView(View):
    """A doubt about a tube. `first` is the tube whose label was found on another one; `outcome` is None while it is
    open.
    """

    first: str
    reason: str
    found_at: datetime
    found_by: str
    outcome: str | None
    words: str | None
    settled_at: datetime | None
    settled_by: str | None
    signature: UUID | None


async def doubts(tx: ReadTx, text: str) -> tuple[DoubtView, ...]:
    """Every doubt that there was about a tube, the newest first.

    Raises:
        NotFound: no such tube within reach.
    """
    tube, _ = await queries.find_specimen(tx, queries.tube_code(text), Permission.SPECIMEN_READ)
    first, finder, settler = aliased(Specimen), aliased(AppUser), aliased(AppUser)
    rows = await tx.session.execute(
        select(
            first.code.label("first"),
            IdentityDoubt.reason,
            IdentityDoubt.found_at,
            finder.display_name.label("found_by"),
            IdentityDoubt.outcome,
            IdentityDoubt.words,
            IdentityDoubt.settled_at,
            settler.display_name.label("settled_by"),
            Signature.number.label("signature"),
        )
        .join(first, first.id == IdentityDoubt.first_id)
        .join(finder, finder.id == IdentityDoubt.found_by)
        .outerjoin(settler, settler.id == IdentityDoubt.settled_by)
        .outerjoin(Signature, Signature.id == IdentityDoubt.signature_id)
        .where(IdentityDoubt.specimen_id == tube.id)
        .order_by(IdentityDoubt.id.desc())
    )
    return tuple(DoubtView(**row._asdict()) for row in rows)


async def register_duplicate(tx: Tx, text: str, command: RegisterDuplicate) -> SpecimenView:
    """Give the physical duplicate of a label an id of its own. It is in the hands of who found it, on hold because it
    is in doubt whose it is; wherever it goes, that goes with it.

    Raises:
        NotFound: no such tube within reach.
        TubeNotUsable: the record of the first tube has ended.
        Invalid: what it holds is not known.
        UnknownLabel, LabelNotIssued, LabelOfAnotherSite, LabelVoided, LabelApplied: a label that is not to be used.
    """
    first, custody = await queries.find_specimen(tx, queries.tube_code(text), Permission.SPECIMEN_PROCESS, lock=True)
    rules.check_there([(first.code, first.existence)])
    site_id = custody.site_id or first.site_id
    quantity = command.quantity if command.quantity is not None else first.quantity
    if not quantity:
        raise Invalid(
            f"{ids.grouped(first.code)} is empty by its record: say what the second tube holds.",
            errors={"quantity": "is missing"},
        )
    rules.check_fits(
        quantity,
        await queries.kind(tx, first.specimen_type),
        await queries.tube_kind(tx, first.tube_type),
        "quantity",
    )
    (code,) = await codes_for(tx, [command.label], first.study_id, site_id, "label")
    (made,) = await tx.insert(Specimen, [{**await _alike(tx, first), "code": code, "hold": "identity_doubt"}])
    await begin_custody(tx, [(made, WithHolder(hands(tx), site_id))])
    edges = await tx.session.execute(
        select(Derivation.parent_id, Derivation.processing_event_id).where(Derivation.child_id == first.id)
    )
    await tx.insert(
        Derivation,
        [
            {"child_id": made, "parent_id": edge.parent_id, "processing_event_id": edge.processing_event_id}
            for edge in edges
        ],
    )
    await post(tx, [Posting(made, quantity, first.unit, "initial", "nominal")])
    doubtful = [made]
    if command.first_in_doubt:
        others = await correcting.descendants(tx, [first.id])
        await _hold(tx, others)
        doubtful += others
    await _doubt(tx, doubtful, first.id, command.reason)
    tx.record(
        "specimen.duplicate_found",
        subject="specimen",
        subject_id=made,
        study_id=first.study_id,
        site_id=site_id,
        reason=command.reason,
        specimen=code,
        first=first.code,
        in_doubt=len(doubtful),
    )
    tube = (await tx.session.execute(select(Specimen).where(Specimen.id == made))).scalar_one()
    return await queries.view_of(tx, tube)


async def _alike(tx: Tx, first: Specimen) -> dict[str, Any]:
    """What the record of the second tube has in common with the first; its number follows on."""
    same = (
        Specimen.participant_id.is_not_distinct_from(first.participant_id),
        Specimen.collection_event_id.is_not_distinct_from(first.collection_event_id),
        Specimen.specimen_type == first.specimen_type,
        Specimen.level == first.level,
    )
    highest = (await tx.session.execute(select(func.max(Specimen.ordinal)).where(*same))).scalar_one()
    kept = (
        "study_id",
        "site_id",
        "participant_id",
        "collection_event_id",
        "level",
        "specimen_type",
        "tube_type",
        "unit",
        "is_partial",
        "is_blind_duplicate",
        "freeze_thaw_count",
    )
    return {**{name: getattr(first, name) for name in kept}, "ordinal": highest + 1}


async def _hold(tx: Tx, specimen_ids: Sequence[int]) -> None:
    """Tubes that exist and are on no other hold."""
    await tx.session.execute(
        update(Specimen)
        .where(Specimen.id.in_(specimen_ids), Specimen.hold.is_(None))
        .values(hold="identity_doubt", row_version=Specimen.row_version + 1)
    )


async def _doubt(tx: Tx, specimen_ids: Sequence[int], first_id: int, reason: str) -> None:
    """Note the doubt of each tube that is not in doubt yet."""
    open_ = select(IdentityDoubt.specimen_id).where(
        IdentityDoubt.specimen_id.in_(specimen_ids), IdentityDoubt.settled_at.is_(None)
    )
    known = set((await tx.session.execute(open_)).scalars())
    await tx.insert(
        IdentityDoubt,
        [
            {
                "specimen_id": one,
                "first_id": first_id,
                "reason": reason,
                "found_by": hands(tx),
                "found_at": tx.now,
            }
            for one in specimen_ids
            if one not in known
        ],
    )


async def settle_doubt(tx: Tx, text: str, command: SettleDoubt) -> SpecimenView:
    """Settle whose a tube is. A tube that is what its record says comes off hold, unless consent was withdrawn
    meanwhile; one that nobody can tell is rejected and stays on hold.

    Raises:
        NotFound: no such tube within reach.
        NotInDoubt: nothing is open about it.
        SignatureRefused: the password is wrong, or the account is locked.
    """
    tube, custody = await queries.find_specimen(tx, queries.tube_code(text), Permission.DISPOSAL_PLAN, lock=True)
    open_ = select(IdentityDoubt).where(IdentityDoubt.specimen_id == tube.id, IdentityDoubt.settled_at.is_(None))
    doubt = (await tx.session.execute(open_)).scalar_one_or_none()
    if doubt is None:
        raise rules.NotInDoubt(
            f"Nothing is open about whose {ids.grouped(tube.code)} is: look at its page.", specimen=tube.code
        )
    site_id = custody.site_id or tube.site_id
    first = (await tx.session.execute(select(Specimen.code).where(Specimen.id == doubt.first_id))).scalar_one()
    signature = await sign(
        tx,
        command.signature,
        deed=f"specimen.identity_{command.outcome}",
        content={"specimen": tube.code, "first": first, "found": doubt.reason, "outcome": command.outcome}
        | {"reason": command.reason},
        study_id=tube.study_id,
        site_id=site_id,
    )
    doubt.settled_by, doubt.settled_at, doubt.signature_id = tx.actor.user_id, tx.now, signature.id
    doubt.outcome, doubt.words = command.outcome, command.reason
    await tx.session.flush()
    if command.outcome == "unknown":
        tube.quality, tube.quality_label_id = "rejected", None
    elif tube.hold == "identity_doubt":
        withdrawn = await tx.session.execute(select(func.biobank_is_withdrawn(tube.participant_id)))
        tube.hold = "consent_withdrawn" if withdrawn.scalar_one() else None
    tube.row_version += 1
    await tx.session.flush()
    tx.record(
        f"specimen.identity_{command.outcome}",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=site_id,
        reason=command.reason,
        specimen=tube.code,
    )
    return await queries.view_of(tx, tube)
