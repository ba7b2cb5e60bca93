"""Taking a pre-printed label for a tube, and saying what a label is that names no tube."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select, true, update

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import DomainError, Invalid
from biobank.identifier.models import HOUSE, Identifier
from biobank.labelling import rules
from biobank.labelling.models import LabelRange, RangeLabel
from biobank.labelling.rules import Label
from biobank.study.models import Site
from biobank.tx import ReadTx, Tx


def label_codes(texts: Sequence[str], field: str) -> list[str]:
    """Canonical codes of labels for tubes.

    Raises:
        Invalid: naming a text that is no tube's id, or a label that is named twice.
    """
    codes = []
    for text in texts:
        try:
            kind, code = ids.parse(text)
        except ids.BadIdentifier as error:
            raise Invalid(
                f"{ids.grouped(error.text)[:40]} is no label of the house: {error}. Scan it again.",
                errors={field: str(error)},
            ) from None
        if kind is not ids.Kind.TUBE:
            raise Invalid(
                f"{ids.grouped(code)} is no label for a tube: those start with T.",
                errors={field: "does not start with T"},
            )
        codes.append(code)
    rules.check_each_label_once(codes, field)
    return codes


async def take(tx: Tx, codes: Sequence[str], study_id: int, site_id: int, by: int) -> None:
    """Take canonical codes for tubes that this transaction is about to register at a site. Of two stations that take
    the same label at once the second is told that the first has it.

    Raises:
        UnknownLabel: no range of the study has such a label.
        LabelVoided, LabelNotIssued, LabelOfAnotherSite, LabelApplied: as `check_usable` says.
    """
    found = await _labels(tx, codes, study_id, site_id, lock=True)
    for code in codes:
        if code not in found:
            raise await _unknown(tx, code)
        rules.check_usable(found[code])
    await tx.session.execute(
        update(RangeLabel)
        .where(RangeLabel.code.in_(codes))
        .values(applied_site_id=site_id, applied_by=by, applied_at=tx.now)
    )


async def _unknown(tx: ReadTx, code: str) -> DomainError:
    shown = ids.grouped(code)
    named = select(Identifier.id).where(Identifier.namespace == HOUSE, Identifier.value == code)
    if (await tx.session.execute(named)).first() is not None:
        return rules.LabelApplied(
            f"{shown} is the code of a tube already: each tube has a label of its own. Take another one.", label=code
        )
    return rules.UnknownLabel(
        f"{shown} is in no range of labels of this study: it was never minted here, or for another study. "
        "Do not use it; take a label that was issued to this site.",
        label=code,
    )


async def _labels(
    tx: ReadTx, codes: Sequence[str], study_id: int, site_id: int, *, lock: bool = False
) -> Mapping[str, Label]:
    """Labels of a study's ranges by code, as seen from a site."""
    query = (
        select(RangeLabel, LabelRange.site_id)
        .join(LabelRange, LabelRange.id == RangeLabel.range_id)
        .where(RangeLabel.code.in_(codes), LabelRange.study_id == study_id)
        .order_by(RangeLabel.id)
        .execution_options(populate_existing=True)
    )
    rows = (await tx.session.execute(query.with_for_update(of=RangeLabel) if lock else query)).all()
    words = await _used(tx, [row.RangeLabel.id for row in rows if row.RangeLabel.applied_at is not None])
    return {
        row.RangeLabel.code: _label(row.RangeLabel, row.site_id, here=row.site_id == site_id, used=words)
        for row in rows
    }


def _label(label: RangeLabel, issued_to: int | None, *, here: bool, used: Mapping[int, str]) -> Label:
    return Label(
        code=label.code,
        number=label.range_id,
        issued=issued_to is not None,
        here=here,
        applied=used.get(label.id),
        voided=label.void_reason,
    )


async def _used(tx: ReadTx, label_ids: Sequence[int]) -> Mapping[int, str]:
    """By label, when and by whom it was used, by the clock of the site."""
    if not label_ids:
        return {}
    rows = await tx.session.execute(
        select(RangeLabel.id, RangeLabel.applied_at, AppUser.display_name, Site.timezone)
        .join(AppUser, AppUser.id == RangeLabel.applied_by)
        .join(Site, Site.id == RangeLabel.applied_site_id)
        .where(RangeLabel.id.in_(label_ids))
    )
    return {
        row.id: f"{row.applied_at.astimezone(ZoneInfo(row.timezone)):%Y-%m-%d %H:%M} by {row.display_name}"
        for row in rows
    }


async def blank(tx: ReadTx, text: str, permission: Permission = Permission.SPECIMEN_READ) -> DomainError | None:
    """What to say of a code that was scanned where a tube was meant: None where it is no pre-printed label of a study
    within reach, or names a tube already.
    """
    code = ids.canonical(text)
    if not ids.looks_like_house_id(code):
        return None
    scope = tx.scope(permission)
    studies = scope.studies | {study for study, _ in scope.sites}
    reached = visible(scope, LabelRange.study_id, LabelRange.site_id)
    row = (
        await tx.session.execute(
            select(RangeLabel, LabelRange.site_id, reached.label("here"))
            .join(LabelRange, LabelRange.id == RangeLabel.range_id)
            .where(RangeLabel.code == code, RangeLabel.specimen_id.is_(None))
            .where(true() if scope.everything else LabelRange.study_id.in_(studies))
        )
    ).one_or_none()
    if row is None:
        return None
    return rules.explain(_label(row.RangeLabel, row.site_id, here=bool(row.here), used={}))
