"""What has a label, within reach: tubes, places, kits, shipments with their packages, and command cards."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Numeric, Select, Text, and_, column, func, select, table
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.identifier.command_codes import BY_CODE, COMMANDS
from biobank.identifier.models import HOUSE, Identifier
from biobank.labelling.models import Kit, LabelRange
from biobank.participant.models import Participant, Visit
from biobank.printing import rules
from biobank.printing.rules import TEMPLATE_OF_LEVEL, LabelReplaced
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import paths, reach
from biobank.storage.rules import Step
from biobank.study.models import Site, Study, VisitType
from biobank.tx import ReadTx

LABELLED_PLACES = frozenset({*TEMPLATE_OF_LEVEL.values(), "shelf"})
PLACES = frozenset({ids.Kind.BOX, ids.Kind.RACK, ids.Kind.LOCATION})
PARCEL = table(
    "parcel",
    column("code", Text),
    column("shipment", Text),
    column("number", Integer),
    column("packages", Integer),
    column("study_id", BigInteger),
    column("from_site_id", BigInteger),
    column("to_site_id", BigInteger),
    column("sender", Text),
    column("consignee", Text),
    column("classification", Text),
    column("dry_ice_net_kg", Numeric),
    column("shipment_id", BigInteger),
    column("status", Text),
)
"""A view: a row for each shipment, as number 0, and for each of its packages."""


@dataclass(frozen=True, slots=True)
class Printable:
    """A thing with a label: the kind of its template, whose it is, and what each token gives on a copy of its label.
    What is of no study and no site, as a command card, is anybody's.
    """

    kind: str
    study_id: int | None
    site_id: int | None
    values: Callable[[int], Mapping[str, str]]


def label_codes(texts: Sequence[str]) -> list[str]:
    """Canonical codes of things that have labels.

    Raises:
        Invalid: naming each text that is none.
    """
    codes, wrong = [], []
    for text in texts:
        try:
            kind, code = ids.parse(text)
        except ids.BadIdentifier as error:
            wrong.append(f"{error.text[:20]}: {error}")
            continue
        if kind in _READERS:
            codes.append(code)
        else:
            wrong.append(
                f"{ids.grouped(code)}: labels are printed here for tubes, places, kits, shipments and command cards"
            )
    if wrong:
        raise Invalid("; ".join(wrong[:10]), errors={"codes": "; ".join(wrong[:10])})
    return codes


async def printables(tx: ReadTx, codes: Sequence[str]) -> Mapping[str, Printable]:
    """By code, what each names.

    Raises:
        NotFound: naming every code that is unknown or out of reach.
        LabelReplaced: a label of a tube that another one took the place of.
    """
    found: dict[str, Printable] = {}
    for read in dict.fromkeys(_READERS.values()):
        mine = [code for code in codes if _READERS[ids.Kind(code[0])] is read]
        found |= await read(tx, mine) if mine else {}
    missing = [code for code in codes if code not in found]
    if missing:
        shown = ", ".join(ids.grouped(code) for code in missing[:10])
        raise NotFound(f"There is nothing to label with the code {shown}.", codes=missing[:100])
    return found


async def _tubes(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
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
    found = {row.code: row for row in rows}
    replaced = [code for code, row in found.items() if row.status in {"superseded", "damaged"}]
    if replaced:
        shown = ", ".join(ids.grouped(code) for code in replaced[:10])
        raise LabelReplaced(
            f"{shown} was replaced by another label of the same tube: print that one, its page names it.",
            codes=replaced[:100],
        )
    return {code: Printable("tube", row.study_id, row.site_id, partial(_tube, row)) for code, row in found.items()}


def _tube(row: Any, copy_no: int) -> Mapping[str, str]:
    return rules.tube_values(
        row.specimen_type,
        row.quantity,
        row.unit,
        partial=row.is_partial,
        blind=row.is_blind_duplicate,
        participant=row.participant,
        visit=row.visit,
        number=row.ordinal,
        of=row.of,
        copy_no=copy_no,
    )


async def _places(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    rows = (
        await tx.session.execute(
            select(Container.id, Container.code, Container.site_id, ContainerType.level)
            .join(ContainerType, ContainerType.id == Container.type_id)
            .where(Container.code.in_(codes), reach(tx.scope(Permission.LABEL_PRINT)))
        )
    ).all()
    ways = await paths(tx, [row.id for row in rows])
    return {
        row.code: Printable(TEMPLATE_OF_LEVEL.get(row.level, "shelf"), None, row.site_id, partial(_place, ways[row.id]))
        for row in rows
    }


def _place(steps: Sequence[Step], copy_no: int) -> Mapping[str, str]:
    return rules.place_values([step.name for step in steps], copy_no)


async def _kits(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    other = aliased(Kit)
    of = select(func.count()).where(other.range_id == Kit.range_id).correlate(Kit).scalar_subquery()
    rows = await tx.session.execute(
        _reached_kits(tx, Kit.code, Kit.number, Kit.first, Kit.last, of.label("of")).where(Kit.code.in_(codes))
    )
    return {row.code: Printable("kit", row.study_id, row.site_id, partial(_kit, row)) for row in rows}


def _reached_kits(tx: ReadTx, *columns: Any) -> Select[Any]:
    reached = visible(tx.scope(Permission.LABEL_PRINT), LabelRange.study_id, LabelRange.site_id)
    of_range = (LabelRange.id.label("range"), LabelRange.study_id, LabelRange.site_id, LabelRange.purpose)
    return (
        select(*columns, *of_range, Study.code.label("study"), Site.code.label("site"))
        .join(LabelRange, LabelRange.id == Kit.range_id)
        .join(Study, Study.id == LabelRange.study_id)
        .outerjoin(Site, Site.id == LabelRange.site_id)
        .where(reached)
    )


def _kit(row: Any, copy_no: int) -> Mapping[str, str]:
    whose = f"{row.study} {row.site}" if row.site else row.study
    return rules.kit_values(
        whose, row.range, row.number, row.of, first=row.first, last=row.last, purpose=row.purpose, copy_no=copy_no
    )


def _reached_parcels(tx: ReadTx) -> Select[Any]:
    one = PARCEL.c
    return select(PARCEL).where(
        visible(tx.scope(Permission.LABEL_PRINT), one.study_id, one.from_site_id, one.to_site_id)
    )


async def _parcels(tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    rows = await tx.session.execute(_reached_parcels(tx).where(PARCEL.c.code.in_(codes)))
    return {row.code: Printable("shipment", row.study_id, row.from_site_id, partial(_parcel, row)) for row in rows}


def _parcel(row: Any, copy_no: int) -> Mapping[str, str]:
    return rules.parcel_values(
        row.shipment,
        row.number,
        row.packages,
        sender=row.sender,
        consignee=row.consignee,
        classification=row.classification,
        dry_ice=row.dry_ice_net_kg,
        copy_no=copy_no,
    )


async def _commands(_tx: ReadTx, codes: Sequence[str]) -> dict[str, Printable]:
    return {
        code: Printable("badge", None, None, partial(_command, BY_CODE[code].title))
        for code in codes
        if code in BY_CODE
    }


def _command(title: str, _copy_no: int) -> Mapping[str, str]:
    return rules.command_values(title)


_READERS: Mapping[ids.Kind, Callable[[ReadTx, Sequence[str]], Awaitable[dict[str, Printable]]]] = {
    ids.Kind.TUBE: _tubes,
    **dict.fromkeys(PLACES, _places),
    ids.Kind.KIT: _kits,
    ids.Kind.SHIPMENT: _parcels,
    ids.Kind.COMMAND: _commands,
}


async def newest(tx: ReadTx, kind: str, study: str | None) -> str | None:
    """The code of the newest thing within reach that has a label of this kind, in this study where it is a tube; None
    where there is none.
    """
    scope = tx.scope(Permission.LABEL_PRINT)
    if kind == "tube":
        query: Select[Any] = (
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
    elif kind == "shipment":
        query = _reached_parcels(tx).with_only_columns(PARCEL.c.code).order_by(PARCEL.c.shipment_id.desc())
    elif kind == "kit":
        query = _reached_kits(tx, Kit.code).order_by(Kit.id.desc())
    else:
        return COMMANDS[0].code
    found: str | None = (await tx.session.execute(query.limit(1))).scalar_one_or_none()
    return found


async def stands_in(tx: ReadTx, code: str) -> str | None:
    """The code of what a place stands in, or of the shipment that a package is of; None where there is none."""
    outer = aliased(Container)
    inside: Select[Any] = (
        select(outer.code).join(Container, Container.parent_id == outer.id).where(Container.code == code)
    )
    if code[0] == ids.Kind.SHIPMENT:
        inside = select(PARCEL.c.shipment).where(PARCEL.c.code == code, PARCEL.c.shipment != code)
    elif code[0] not in PLACES:
        return None
    found: str | None = (await tx.session.execute(inside)).scalar_one_or_none()
    return found


def inside(code: str) -> ColumnElement[bool]:
    """The condition that an identifier names what stands in a place, or is of a shipment, of this code."""
    outer = aliased(Container)
    if code[0] == ids.Kind.SHIPMENT:
        mine = select(PARCEL.c.code).where(PARCEL.c.shipment == code, PARCEL.c.number > 0)
    else:
        mine = select(Container.code).join(outer, outer.id == Container.parent_id).where(outer.code == code)
    return Identifier.value.in_(mine)
