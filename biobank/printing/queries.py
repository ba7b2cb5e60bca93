"""What can be printed, within reach: tubes and places, and the copies that were printed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.identifier.models import HOUSE, Identifier
from biobank.participant.models import Participant, Visit
from biobank.printing.models import LabelPrint
from biobank.printing.rules import TEMPLATE_OF_LEVEL, LabelReplaced
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import paths, reach
from biobank.storage.rules import Step
from biobank.study.models import Study, VisitType
from biobank.tx import ReadTx

LABELLED_PLACES = frozenset({*TEMPLATE_OF_LEVEL.values(), "shelf"})
PLACES = frozenset({ids.Kind.BOX, ids.Kind.RACK, ids.Kind.LOCATION})


@dataclass(frozen=True, slots=True)
class Printable:
    """A thing with a label: a tube's row of columns, or the way down to a place and its level."""

    study_id: int | None
    site_id: int
    tube: Any = None
    steps: tuple[Step, ...] = ()
    level: str = ""


def label_codes(texts: Sequence[str]) -> list[str]:
    """Canonical codes of tubes and places.

    Raises:
        Invalid: naming each text that is neither.
    """
    codes, wrong = [], []
    for text in texts:
        try:
            kind, code = ids.parse(text)
        except ids.BadIdentifier as error:
            wrong.append(f"{error.text[:20]}: {error}")
            continue
        if kind is ids.Kind.TUBE or kind in PLACES:
            codes.append(code)
        else:
            wrong.append(f"{ids.grouped(code)}: labels are printed here for tubes and places")
    if wrong:
        raise Invalid("; ".join(wrong[:10]), errors={"codes": "; ".join(wrong[:10])})
    return codes


async def printables(tx: ReadTx, codes: Sequence[str]) -> Mapping[str, Printable]:
    """By code, what each names.

    Raises:
        NotFound: naming every code that is unknown or out of reach.
    """
    found = {**await _tubes(tx, [code for code in codes if code[0] == ids.Kind.TUBE])}
    found |= await _places(tx, [code for code in codes if code[0] in PLACES])
    missing = [code for code in codes if code not in found]
    if missing:
        shown = ", ".join(ids.grouped(code) for code in missing[:10])
        raise NotFound(f"There is nothing to label with the code {shown}.", codes=missing[:100])
    return found


async def _tubes(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    if not codes:
        return {}
    sibling = aliased(Specimen)
    siblings = (
        select(func.count())
        .where(
            sibling.participant_id == Specimen.participant_id,
            sibling.collection_event_id.is_not_distinct_from(Specimen.collection_event_id),
            sibling.specimen_type == Specimen.specimen_type,
            sibling.level == Specimen.level,
        )
        .correlate(Specimen)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(
            Identifier.value.label("code"),
            Identifier.status,
            Specimen.study_id,
            Specimen.site_id,
            Specimen.specimen_type,
            Specimen.quantity,
            Specimen.unit,
            Specimen.is_partial,
            Specimen.ordinal,
            Specimen.is_blind_duplicate,
            Participant.code.label("participant"),
            VisitType.code.label("visit"),
            func.greatest(siblings, Specimen.ordinal).label("of"),
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(Identifier, and_(Identifier.specimen_id == Specimen.id, Identifier.namespace == HOUSE))
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(Visit, Visit.id == CollectionEvent.visit_id)
        .outerjoin(VisitType, VisitType.id == Visit.visit_type_id)
        .where(Identifier.value.in_(codes), within(tx.scope(Permission.LABEL_PRINT)))
    )
    found = {row.code: Printable(row.study_id, row.site_id, tube=row) for row in rows}
    replaced = [code for code, thing in found.items() if thing.tube.status in {"superseded", "damaged"}]
    if replaced:
        shown = ", ".join(ids.grouped(code) for code in replaced[:10])
        raise LabelReplaced(
            f"{shown} was replaced by another label of the same tube: print that one, its page names it.",
            codes=replaced[:100],
        )
    return found


async def _places(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    if not codes:
        return {}
    rows = (
        await tx.session.execute(
            select(Container.id, Container.code, Container.site_id, ContainerType.level)
            .join(ContainerType, ContainerType.id == Container.type_id)
            .where(Container.code.in_(codes), reach(tx.scope(Permission.LABEL_PRINT)))
        )
    ).all()
    ways = await paths(tx, [row.id for row in rows])
    return {row.code: Printable(None, row.site_id, steps=ways[row.id], level=row.level) for row in rows}


async def identifiers(tx: ReadTx, codes: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """By code, its row in the register and how many labels were printed. Locked, so that copies count in turn."""
    rows = await tx.session.execute(
        select(Identifier.id, Identifier.value)
        .where(Identifier.namespace == HOUSE, Identifier.value.in_(codes))
        .order_by(Identifier.id)
        .with_for_update(key_share=True)
    )
    known = {row.id: row.value for row in rows}
    counts = await tx.session.execute(
        select(LabelPrint.identifier_id, func.max(LabelPrint.copy_no).label("copies"))
        .where(LabelPrint.identifier_id.in_(known))
        .group_by(LabelPrint.identifier_id)
    )
    copies = {row.identifier_id: row.copies for row in counts}
    return {code: (identifier_id, copies.get(identifier_id, 0)) for identifier_id, code in known.items()}


async def latest_print(tx: ReadTx, code: str) -> LabelPrint | None:
    """The last printed label of a code, its row held."""
    return (
        await tx.session.execute(
            select(LabelPrint)
            .join(Identifier, and_(Identifier.id == LabelPrint.identifier_id, Identifier.namespace == HOUSE))
            .where(Identifier.value == code)
            .order_by(LabelPrint.copy_no.desc())
            .limit(1)
            .with_for_update(of=LabelPrint)
        )
    ).scalar_one_or_none()


def is_verified(label_print_id: Any) -> ColumnElement[bool]:
    """The condition that the label print of this id was scanned after applying."""
    return exists(select(LabelPrint.id).where(LabelPrint.id == label_print_id, LabelPrint.verified_at.is_not(None)))


async def newest(tx: ReadTx, kind: str, study: str | None) -> str | None:
    """The code of the newest thing within reach that has a label of this kind, in this study where it is a tube; None
    where there is none.
    """
    scope = tx.scope(Permission.LABEL_PRINT)
    if kind == "tube":
        query = (
            select(Specimen.code)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(within(scope))
            .order_by(Specimen.id.desc())
        )
        if study is not None:
            query = query.where(Specimen.study_id.in_(select(Study.id).where(Study.code == study)))
    elif kind in LABELLED_PLACES:
        level = ContainerType.level
        wanted = level == kind if kind in TEMPLATE_OF_LEVEL else level.not_in(TEMPLATE_OF_LEVEL)
        query = (
            select(Container.code)
            .join(ContainerType, ContainerType.id == Container.type_id)
            .where(reach(scope), wanted)
            .order_by(Container.id.desc())
        )
    else:
        return None
    return (await tx.session.execute(query.limit(1))).scalar_one_or_none()
