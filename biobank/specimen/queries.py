"""Finding tubes within reach, and all that is known of them but their place in storage."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, column, false, func, or_, select, table
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.actor import Permission, Scope
from biobank.catalogue.models import SpecimenType, TubeType
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.exact import Exact
from biobank.identifier.models import HOUSE, Identifier, Namespace
from biobank.paging import Page, cut
from biobank.participant.models import Participant, Visit
from biobank.participant.queries import participant_code
from biobank.specimen import lineage, record
from biobank.specimen.claims import RESERVATION, TUBE_CLAIM
from biobank.specimen.lineage import LineageNode
from biobank.specimen.models import (
    CollectionEvent,
    Custody,
    Derivation,
    ProcessingEvent,
    Specimen,
    StateLabel,
)
from biobank.specimen.record import CodeView, DeviationView, LedgerView, MeasurementView, ProcessingView, View
from biobank.specimen.rules import Kind, TubeKind
from biobank.study.models import Site, Study, VisitType
from biobank.tx import ReadTx


class SpecimenTypeView(View):
    code: str
    title: str
    unit: str
    temperature_class: str
    freeze_thaw_cap: int | None


class TubeTypeView(View):
    code: str
    title: str
    sprec_container: str | None
    capacity_ul: Exact


class SpecimenRow(View):
    """A tube in a list. Existence, custody, quality and reservation are axes of their own: `place` is position, holder,
    package, party or ended, `reservation` free, reserved, listed or picked; `quality_label` is a site's word for the
    quality. `at_site` is the site that has it now.

    Of a blind duplicate, whose it is stands here for those only who may know; `blind` says that it is kept from them.
    """

    id: Annotated[int, Field(exclude=True)] = 0
    code: str
    study: str
    site: str
    at_site: str | None
    participant: str | None
    visit: str | None
    visit_number: int | None
    level: str
    specimen_type: str
    specimen_title: str
    tube_type: str
    ordinal: int | None
    quantity: Exact
    unit: str
    is_partial: bool
    is_blind_duplicate: bool = False
    blind: bool = False
    existence: str
    quality: str
    quality_label: str | None = None
    quality_colour: str | None = None
    hold: str | None
    reservation: str
    freeze_thaw_count: int
    place: str
    collected_at: datetime | None
    timezone: str


class SpecimenView(SpecimenRow):
    """All of a tube but its path in storage. `timezone` is the site's where it was collected."""

    tube_title: str
    visit_on: date | None
    freeze_thaw_cap: int | None
    parents: tuple[str, ...]
    children: tuple[str, ...]
    lineage: tuple[LineageNode, ...]
    ledger: tuple[LedgerView, ...]
    processing: tuple[ProcessingView, ...]
    deviations: tuple[DeviationView, ...]
    measurements: tuple[MeasurementView, ...]
    codes: tuple[CodeView, ...]


def within(scope: Scope) -> ColumnElement[bool]:
    """The condition that a tube is within reach: it belongs to a site of the scope, or a site of the scope has it now.

    To be used in a select that joins `Custody` to `Specimen`.
    """
    return visible(scope, Specimen.study_id, Specimen.site_id, Custody.site_id)


def shown(tx: ReadTx) -> ColumnElement[bool]:
    """The condition that it may be told whose a tube is: it is no blind duplicate, or this person may know the twins.

    To be used in a select that joins `Custody` to `Specimen`.
    """
    known = visible(tx.scope(Permission.SPECIMEN_UNBLIND), Specimen.study_id, Specimen.site_id, Custody.site_id)
    return or_(~Specimen.is_blind_duplicate, known)


def is_blind(tx: ReadTx, tube: Specimen, custody: Custody) -> bool:
    """Whether it must be kept from this person whose a tube is."""
    known = tx.scope(Permission.SPECIMEN_UNBLIND)
    return tube.is_blind_duplicate and not known.covers(tube.study_id, tube.site_id, custody.site_id)


def tube_code(text: str, field: str = "specimen") -> str:
    """The canonical code of what was typed or scanned.

    Raises:
        Invalid: no tube's id; a wrong check character is said to be one.
    """
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(f"{ids.grouped(error.text)[:40]} is no tube's id: {error}.", errors={field: str(error)}) from None
    if kind is not ids.Kind.TUBE:
        raise Invalid(
            f"{ids.grouped(code)} is not a tube's id: those start with T.", errors={field: "does not start with T"}
        )
    return code


async def hold_donors(tx: ReadTx, tubes: ColumnElement[bool]) -> None:
    """Hold the participants of some tubes FOR SHARE until the end. To be done before the tubes themselves are locked.

    A withdrawal locks its participant and then puts the tubes on hold; locks that all take in one order cannot end in
    a deadlock.
    """
    whose = select(Specimen.participant_id).where(tubes)
    people = select(Participant.id).where(Participant.id.in_(whose)).order_by(Participant.id)
    await tx.session.execute(people.with_for_update(read=True))


async def find_specimens(
    tx: ReadTx, codes: Sequence[str], permission: Permission, *, lock: bool = False
) -> list[tuple[Specimen, Custody]]:
    """Tubes by canonical house id with their custody, in the order asked; with `lock` both rows are held until the end.

    With `lock` the tubes' participants are held first, see `hold_donors`.

    Raises:
        NotFound: naming every code that is unknown or out of reach, which look the same.
    """
    found = await _found(tx, set(codes), permission, lock=lock)
    missing = [code for code in dict.fromkeys(codes) if code not in found]
    # Nearly every tube has the label that it was born with: those that got another one are looked up only then.
    replaced = await replacements(tx, missing)
    if replaced:
        by_code = await _found(tx, set(replaced.values()), permission, lock=lock)
        found |= {label: by_code[code] for label, code in replaced.items() if code in by_code}
        missing = [code for code in missing if code not in found]
    if missing:
        raise NotFound(f"There is no tube {', '.join(ids.grouped(code) for code in missing[:10])}.", codes=missing)
    _check_each_tube_once({code: found[code][0].code for code in codes})
    return [found[code] for code in codes]


def _check_each_tube_once(by_label: Mapping[str, str]) -> None:
    """Raises Invalid: a tube is named by two of its labels."""
    labels: dict[str, str] = {}
    for label, tube in by_label.items():
        if labels.setdefault(tube, label) != label:
            raise Invalid(
                f"{ids.grouped(labels[tube])} and {ids.grouped(label)} are labels of one tube: name it once.",
                errors={"specimens": "names a tube twice"},
            )


async def _found(
    tx: ReadTx, codes: Collection[str], permission: Permission, *, lock: bool
) -> dict[str, tuple[Specimen, Custody]]:
    if lock:
        await hold_donors(tx, Specimen.code.in_(codes))
    query = (
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.code.in_(codes), within(tx.scope(permission)))
        .order_by(Specimen.id)
    )
    rows = await tx.session.execute(query.with_for_update() if lock else query)
    return {specimen.code: (specimen, custody) for specimen, custody in rows}


async def labelled(tx: ReadTx, codes: Sequence[str]) -> list[str]:
    """The house ids of the tubes that have these labels, each once: a label that replaced another leads to its tube."""
    replaced = await replacements(tx, codes)
    return list(dict.fromkeys(replaced.get(code, code) for code in codes))


async def replacements(tx: ReadTx, labels: Sequence[str]) -> dict[str, str]:
    """By the code of a label that replaced another one, the house id of its tube; others are left out."""
    if not labels:
        return {}
    rows = await tx.session.execute(
        select(Identifier.value, Specimen.code)
        .join(Specimen, Specimen.id == Identifier.specimen_id)
        .where(Identifier.namespace == HOUSE, Identifier.value.in_(labels), Identifier.value != Specimen.code)
    )
    return {row.value: row.code for row in rows}


async def find_specimen(
    tx: ReadTx, code: str, permission: Permission, *, lock: bool = False
) -> tuple[Specimen, Custody]:
    """One tube by canonical house id with its custody.

    Raises:
        NotFound: unknown or out of reach.
    """
    (found,) = await find_specimens(tx, [code], permission, lock=lock)
    return found


async def specimen_types(tx: ReadTx) -> tuple[SpecimenTypeView, ...]:
    columns = [getattr(SpecimenType, name) for name in SpecimenTypeView.model_fields]
    rows = await tx.session.execute(select(*columns).order_by(SpecimenType.code))
    return tuple(SpecimenTypeView(**row._asdict()) for row in rows)


async def tube_types(tx: ReadTx) -> tuple[TubeTypeView, ...]:
    columns = [getattr(TubeType, name) for name in TubeTypeView.model_fields]
    rows = await tx.session.execute(select(*columns).order_by(TubeType.code))
    return tuple(TubeTypeView(**row._asdict()) for row in rows)


async def kind(tx: ReadTx, code: str, field: str = "specimen_type") -> Kind:
    """A specimen type of the code table.

    Raises:
        Invalid: there is no such type.
    """
    found = await tx.session.get(SpecimenType, code)
    if found is None:
        raise Invalid(f"There is no specimen type {code}.", errors={field: "is not a specimen type"})
    return Kind(found.code, found.title, found.unit)


async def tube_kind(tx: ReadTx, code: str, field: str = "tube_type") -> TubeKind:
    """A tube type of the code table.

    Raises:
        Invalid: there is no such type.
    """
    found = await tx.session.get(TubeType, code)
    if found is None:
        raise Invalid(f"There is no tube type {code}.", errors={field: "is not a tube type"})
    return TubeKind(found.code, found.title, found.capacity_ul)


async def freeze_thaw_caps(tx: ReadTx) -> Mapping[str, int | None]:
    """By specimen type, how many thaws its material may have; None: no limit is known."""
    rows = await tx.session.execute(select(SpecimenType.code, SpecimenType.freeze_thaw_cap))
    return {row.code: row.freeze_thaw_cap for row in rows}


async def namespaces(tx: ReadTx) -> tuple[tuple[str, str], ...]:
    """Code and title of who else gives out codes."""
    rows = await tx.session.execute(
        select(Namespace.code, Namespace.title).where(Namespace.code != HOUSE).order_by(Namespace.code)
    )
    return tuple((row.code, row.title) for row in rows)


async def made(tx: ReadTx, tubes: Iterable[Specimen]) -> Mapping[str, datetime | None]:
    """When the work that made each tube began, by code; None for one that was collected."""
    rows = await tx.session.execute(
        select(Specimen.code, func.max(ProcessingEvent.started_at).label("made"))
        .outerjoin(Derivation, Derivation.child_id == Specimen.id)
        .outerjoin(ProcessingEvent, ProcessingEvent.id == Derivation.processing_event_id)
        .where(Specimen.id.in_([tube.id for tube in tubes]))
        .group_by(Specimen.code)
    )
    return {row.code: row.made for row in rows}


async def born(tx: ReadTx, tubes: Iterable[Specimen]) -> Mapping[str, datetime | None]:
    """When each tube came to be, by code: when the work that made it began, or when it was collected."""
    made = (
        select(func.max(ProcessingEvent.started_at))
        .join(Derivation, Derivation.processing_event_id == ProcessingEvent.id)
        .where(Derivation.child_id == Specimen.id)
        .correlate(Specimen)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(Specimen.code, func.coalesce(made, CollectionEvent.collected_at).label("born"))
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(Specimen.id.in_([tube.id for tube in tubes]))
    )
    return {row.code: row.born for row in rows}


_AT = aliased(Site)
_PLACE = case(
    (Custody.container_id.is_not(None), "position"),
    (Custody.holder_id.is_not(None), "holder"),
    (Custody.package_id.is_not(None), "package"),
    (Custody.external_party_id.is_not(None), "party"),
    else_="ended",
).label("place")


def _rows(tx: ReadTx) -> Select[*tuple[Any, ...]]:
    told = shown(tx)
    return (
        select(
            Specimen.id,
            Specimen.code,
            Study.code.label("study"),
            Site.code.label("site"),
            _AT.code.label("at_site"),
            case((told, Participant.code)).label("participant"),
            case((told, VisitType.code)).label("visit"),
            case((told, Visit.number)).label("visit_number"),
            Specimen.level,
            Specimen.specimen_type,
            SpecimenType.title.label("specimen_title"),
            Specimen.tube_type,
            case((told, Specimen.ordinal)).label("ordinal"),
            Specimen.quantity,
            Specimen.unit,
            Specimen.is_partial,
            Specimen.existence,
            Specimen.quality,
            StateLabel.label.label("quality_label"),
            StateLabel.colour.label("quality_colour"),
            Specimen.hold,
            RESERVATION,
            Specimen.freeze_thaw_count,
            _PLACE,
            case((told, CollectionEvent.collected_at)).label("collected_at"),
            Specimen.is_blind_duplicate,
            (~told).label("blind"),
            func.coalesce(CollectionEvent.timezone, Site.timezone).label("timezone"),
        )
        .select_from(Specimen)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(Study, Study.id == Specimen.study_id)
        .join(Site, Site.id == Specimen.site_id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .outerjoin(_AT, _AT.id == Custody.site_id)
        .outerjoin(TUBE_CLAIM, TUBE_CLAIM.c.specimen_id == Specimen.id)
        .outerjoin(StateLabel, StateLabel.id == Specimen.quality_label_id)
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(Visit, Visit.id == CollectionEvent.visit_id)
        .outerjoin(VisitType, VisitType.id == Visit.visit_type_id)
    )


async def rows_of(tx: ReadTx, specimen_ids: Sequence[int]) -> tuple[SpecimenRow, ...]:
    """These tubes, in the order asked. The caller has found or made them, so nothing is filtered."""
    found = await tx.session.execute(_rows(tx).where(Specimen.id.in_(specimen_ids)))
    by_id = {row.id: SpecimenRow(**row._asdict()) for row in found}
    return tuple(by_id[one] for one in specimen_ids)


_CONTAINER = table("container", column("id"), column("parent_id"), column("code"))  # a slice above keeps them


def _inside(container: str) -> Select[*tuple[Any, ...]]:
    down = select(_CONTAINER.c.id).where(_CONTAINER.c.code == ids.canonical(container)).cte("inside", recursive=True)
    down = down.union(select(_CONTAINER.c.id).join(down, _CONTAINER.c.parent_id == down.c.id))
    return select(down.c.id)


async def specimens(
    tx: ReadTx,
    *,
    study: str | None = None,
    participant: str | None = None,
    type_: str | None = None,
    site: str | None = None,
    existence: str | None = None,
    level: str | None = None,
    quality: str | None = None,
    hold: str | None = None,
    place: str | None = None,
    reservation: str | None = None,
    visit: str | None = None,
    container: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[SpecimenRow]:
    """Tubes within reach as they were registered. `site` is the owner's or the one that has it; `hold` may be `any`;
    `visit` is a type of visit, and `container` a box or anything that boxes stand in.
    """
    # Both keys: of a range of one PostgreSQL infers nothing for the other, and would read custody from its beginning.
    begins = (Specimen.id > after, Custody.specimen_id > after)
    query = _rows(tx).where(*begins, within(tx.scope(Permission.SPECIMEN_READ)))
    wanted: list[tuple[str | None, SQLColumnExpression[Any]]] = [
        (study, Study.code),
        (type_, Specimen.specimen_type),
        (existence, Specimen.existence),
        (level, Specimen.level),
        (quality, Specimen.quality),
        (place, _PLACE.element),
        (None if reservation == "free" else reservation, TUBE_CLAIM.c.reservation),
        (None if hold == "any" else hold, Specimen.hold),
    ]
    for value, expression in wanted:
        if value:
            query = query.where(expression == value)
    if reservation == "free":
        query = query.where(TUBE_CLAIM.c.specimen_id.is_(None))
    if hold == "any":
        query = query.where(Specimen.hold.is_not(None))
    if site:
        query = query.where(or_(Site.code == site, _AT.code == site))
    if visit:
        query = query.where(VisitType.code == visit, shown(tx))
    if container:
        query = query.where(Custody.container_id.in_(_inside(container)))
    if participant:
        # By the key, which the tubes have an index of: the planner looks for no order of so many joined tables.
        person = select(Participant.id).where(Participant.code == participant_code(participant)).scalar_subquery()
        query = query.where(Specimen.participant_id == person, shown(tx))
    rows = await tx.session.execute(query.order_by(Specimen.id).limit(limit + 1))
    return cut([SpecimenRow(**row._asdict()) for row in rows], limit, lambda row: row.id)


async def specimen(tx: ReadTx, code: str) -> SpecimenView:
    """A tube with lineage, ledger, processing and other codes. Relatives out of reach are left out.

    Raises:
        Invalid: the text is no tube's id.
        NotFound: none of this id within reach.
    """
    tube, _ = await find_specimen(tx, tube_code(code), Permission.SPECIMEN_READ)
    return await view_of(tx, tube)


async def view_of(tx: ReadTx, tube: Specimen) -> SpecimenView:
    """All of a tube that the caller has found or worked on: a tube whose record just ended is at no site any more."""
    row = (
        await tx.session.execute(
            _rows(tx)
            .join(TubeType, TubeType.code == Specimen.tube_type)
            .add_columns(
                TubeType.title.label("tube_title"),
                case((shown(tx), Visit.occurred_on)).label("visit_on"),
                SpecimenType.freeze_thaw_cap,
            )
            .where(Specimen.id == tube.id)
        )
    ).one()
    blind = row.blind
    relatives = within(tx.scope(Permission.SPECIMEN_READ)) & shown(tx)
    family = await lineage.family(tx, tube.id, relatives & false() if blind else relatives)
    return SpecimenView(
        **row._asdict(),
        parents=family.parents,
        children=family.children,
        lineage=family.tree,
        ledger=await record.ledger(tx, tube.id),
        processing=await record.processing(tx, tube.id, made=not blind),
        deviations=await record.deviations(tx, tube.id),
        measurements=await record.measurements(tx, tube.id),
        codes=await record.codes(tx, tube.id),
    )
