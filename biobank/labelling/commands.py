"""Ranges of labels are minted, issued to a site, received there, and what is left of them is voided."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Forbidden, Invalid
from biobank.labelling import queries, rules
from biobank.labelling.models import Kit, LabelRange, RangeLabel
from biobank.labelling.queries import RangeView
from biobank.labelling.taking import label_codes
from biobank.study.models import Study
from biobank.study.queries import study_and_site, study_by_code
from biobank.tx import Tx

Words = Annotated[str, Field(min_length=3, max_length=400)]
WarnBelow = Annotated[int, Field(ge=0, le=rules.MOST, description="Fewer unused labels at the site are a warning.")]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class MintRange(Command):
    """Codes for labels that are printed before there are tubes. With a site they are issued to it at once. `per_kit`
    divides them into kits of so many, each of which has a code and a label of its own.
    """

    study: Annotated[str, Field(min_length=1, max_length=16)]
    count: Annotated[int, Field(ge=1, le=rules.MOST)]
    purpose: Annotated[str, Field(min_length=1, max_length=80)]
    site: Annotated[str | None, Field(min_length=1, max_length=16)] = None
    warn_below: WarnBelow = 20
    per_kit: Annotated[int | None, Field(ge=1, le=200)] = None


class IssueRange(Command):
    site: Annotated[str, Field(min_length=1, max_length=16)]
    warn_below: WarnBelow = 20


class ReceiveRange(Command):
    """`label` is any label of the roll or sheet that arrived: it proves that this range is what was sent."""

    label: Annotated[str, Field(min_length=1, max_length=200)]


class VoidLabels(Command):
    """Without `labels` every one that is left of the range."""

    labels: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] | None, Field(max_length=500)] = (
        None
    )
    reason: Words


async def mint(tx: Tx, command: MintRange) -> RangeView:
    """Mint a range of codes.

    Raises:
        NotFound: no such study or site within reach.
        Forbidden: without a site, by somebody who issues labels at some sites of the study only.
        Invalid: the labels are no whole number of kits.
    """
    kits = rules.kits_of(command.count, command.per_kit)
    site_id = None
    if command.site is not None:
        study, site = await study_and_site(tx, command.study, command.site, Permission.LABEL_ISSUE)
        site_id = site.id
    else:
        study = await study_by_code(tx, command.study, Permission.LABEL_ISSUE)
        if not tx.scope(Permission.LABEL_ISSUE).covers(study.id):
            raise Forbidden("You issue labels at some sites of the study only: name the site.", study=study.code)
    issued = {"site_id": site_id, "issued_by": tx.actor.user_id, "issued_at": tx.now} if site_id else {}
    (range_id,) = await tx.insert(
        LabelRange,
        [
            {
                "study_id": study.id,
                "purpose": command.purpose,
                "count": command.count,
                "warn_below": command.warn_below,
                "minted_by": tx.actor.user_id,
                "minted_at": tx.now,
                **issued,
            }
        ],
    )
    await tx.insert(
        RangeLabel,
        [
            {"range_id": range_id, "position": position, "code": code}
            for position, code in enumerate(_codes(tx, command.count), start=1)
        ],
    )
    await tx.insert(
        Kit,
        [
            {
                "code": ids.mint(ids.Kind.KIT, tx.randomness),
                "range_id": range_id,
                "number": number,
                "first": first,
                "last": last,
            }
            for number, (first, last) in enumerate(kits, start=1)
        ],
    )
    _record(tx, "label_range.minted", range_id, study, site_id, labels=command.count, kits=len(kits))
    if site_id is not None:
        _record(tx, "label_range.issued", range_id, study, site_id, labels=command.count)
    return await queries.label_range(tx, range_id)


def _codes(tx: Tx, count: int) -> list[str]:
    """Fresh codes in the order of chance, no two of which are one or two misread characters from each other."""
    codes: dict[str, None] = {}
    while len(codes) < count:
        codes |= dict.fromkeys(ids.mint(ids.Kind.TUBE, tx.randomness) for _ in range(count - len(codes)))
        for code in rules.near(codes):
            del codes[code]
    return list(codes)


def _record(
    tx: Tx, verb: str, range_id: int, study: Study, site_id: int | None, reason: str | None = None, **said: Any
) -> None:
    tx.record(
        verb,
        subject="label_range",
        subject_id=range_id,
        study_id=study.id,
        site_id=site_id,
        reason=reason,
        range=range_id,
        **said,
    )


async def issue(tx: Tx, number: int, command: IssueRange) -> RangeView:
    """Issue a range to a site, once and for ever: its labels can be used there from now on, and nowhere else.

    Raises:
        NotFound: no such range, or site, within reach.
        RangeState: it was issued before.
    """
    found, study, issued_to = await queries.find_range(tx, number, Permission.LABEL_ISSUE, lock=True)
    rules.check_may_issue(number, issued_to.code if issued_to else None)
    _, site = await study_and_site(tx, study.code, command.site, Permission.LABEL_ISSUE)
    found.site_id, found.issued_by, found.issued_at = site.id, tx.actor.user_id, tx.now
    found.warn_below = command.warn_below
    await tx.session.flush()
    _record(tx, "label_range.issued", number, study, site.id, labels=found.count)
    return await queries.label_range(tx, number)


async def receive(tx: Tx, number: int, command: ReceiveRange) -> RangeView:
    """The labels arrived at the site: one of them is scanned.

    Raises:
        NotFound: no such range within reach.
        RangeState: it was never issued, or is there already.
        Invalid: the label that was scanned is of another range.
    """
    found, study, site = await queries.find_range(tx, number, Permission.LABEL_PRINT, lock=True)
    rules.check_may_receive(number, issued=site is not None, received=found.received_at is not None)
    (code,) = label_codes([command.label], "label")
    one = select(RangeLabel.id).where(RangeLabel.range_id == found.id, RangeLabel.code == code)
    if (await tx.session.execute(one)).first() is None:
        raise Invalid(
            f"{ids.grouped(code)} is not of range {number}: another roll or sheet was sent. Look at its number.",
            errors={"label": "is of another range"},
        )
    found.received_by, found.received_at = tx.actor.user_id, tx.now
    await tx.session.flush()
    _record(tx, "label_range.received", number, study, found.site_id, label=code)
    return await queries.label_range(tx, number)


async def void(tx: Tx, number: int, command: VoidLabels) -> RangeView:
    """Void labels of a range that were not used, for ever: a scan of one says so.

    Raises:
        NotFound: no such range within reach.
        RangeState: nothing is left of it.
        LabelApplied, LabelVoided, Invalid: one that is named was used, was voided before, or is of another range.
    """
    found, study, _ = await queries.find_range(tx, number, Permission.LABEL_ISSUE, lock=True)
    query = select(RangeLabel).where(RangeLabel.range_id == found.id)
    named = None if command.labels is None else label_codes(command.labels, "labels")
    if named is None:
        query = query.where(RangeLabel.applied_at.is_(None), RangeLabel.voided_at.is_(None))
    else:
        query = query.where(RangeLabel.code.in_(named))
    labels = (
        (
            await tx.session.execute(
                query.order_by(RangeLabel.id).with_for_update().execution_options(populate_existing=True)
            )
        )
        .scalars()
        .all()
    )
    if named is None:
        rules.check_something_left(number, len(labels))
    else:
        _check_named(number, named, labels)
    for label in labels:
        label.voided_by, label.voided_at, label.void_reason = tx.actor.user_id, tx.now, command.reason
    await tx.session.flush()
    _record(tx, "label_range.voided", number, study, found.site_id, command.reason, labels=len(labels))
    return await queries.label_range(tx, number)


def _check_named(number: int, named: list[str], labels: Any) -> None:
    by_code = {label.code: label for label in labels}
    for code in named:
        label = by_code.get(code)
        if label is None:
            raise Invalid(f"{ids.grouped(code)} is not of range {number}.", errors={"labels": "is of another range"})
        if label.voided_at is not None:
            raise rules.LabelVoided(f"{ids.grouped(code)} was voided before: {label.void_reason}.", label=code)
        if label.applied_at is not None:
            raise rules.LabelApplied(
                f"{ids.grouped(code)} is on a tube: replace the tube's label on its page instead.", label=code
            )
