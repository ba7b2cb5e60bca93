"""The aliquot bench: the vials that the protocol plans of a tube, made from what was obtained, bound tube by tube."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field
from sqlalchemy import func, or_, select, update

from biobank import ids
from biobank.accession import clocks, queries, rules, worksheet
from biobank.accession.commands import Command
from biobank.accession.intake import SHIFT
from biobank.accession.models import TubeOutcome
from biobank.accession.queries import View
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType, TubeType
from biobank.errors import Invalid, NotFound
from biobank.exact import Exact
from biobank.identifier.models import HOUSE, Identifier
from biobank.labelling.models import RangeLabel
from biobank.labelling.rules import LabelNotApplied
from biobank.labelling.taking import blank
from biobank.participant.models import Visit
from biobank.printing.commands import VerifyLabel, verify_label
from biobank.printing.models import LabelPrint
from biobank.protocol.models import PlannedAliquot, PlannedTube
from biobank.specimen import queries as specimens
from biobank.specimen.custody import Ended, hand_over
from biobank.specimen.dividing import Derive, Vial, derive
from biobank.specimen.models import CollectionEvent, Custody, Derivation, ProcessingEvent, QuantityLedger, Specimen
from biobank.specimen.quantity import Posting, post
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.relabelling import ReplaceLabel, replace_label
from biobank.specimen.rules import in_unit
from biobank.specimen.upkeep import AddCode, add_code
from biobank.specimen.work import Celsius, Labels, NamedDeviation, Override, Quantity, Unit, hands
from biobank.tx import ReadTx, Tx


class MakeVials(Command):
    """What was obtained of the `line`th planned material, to be divided; `extra` vials beyond the planned number.
    `held_celsius`: at which the tube was kept until now, since the spin. `labels` are pre-printed labels that are on
    the vials, full ones first.
    """

    line: Annotated[int, Field(ge=1, le=100)]
    obtained: Quantity
    unit: Unit = None
    extra: Annotated[int, Field(ge=0, le=50)] = 0
    started_at: AwareDatetime | None = None
    held_celsius: Celsius = None
    labels: Labels = ()
    deviation: NamedDeviation | None = None
    override: Override = None


class BindVial(Command):
    """What was scanned off a vial: its house label, a pre-printed one of the site, or the code that its maker printed
    on it; then `namespace` says whose code it is.
    """

    text: Annotated[str, Field(min_length=1, max_length=200)]
    namespace: Annotated[str | None, Field(min_length=1, max_length=40)] = None


class TakeBackVials(Command):
    """The vials that were made of the tube last, by this person within the shift, never were."""


class Line(View):
    """One material that the protocol makes of a tube group: `made` of `count` vials so far, by the whole group."""

    id: Annotated[int, Field(exclude=True)] = 0
    line: int
    specimen_type: str
    title: str
    tube_type: str
    tube_title: str
    nominal: Exact
    unit: str
    temperature_class: str
    count: int
    made: int
    blind_duplicates: int
    duplicates_made: int
    from_this: int

    @property
    def left(self) -> int:
        return max(0, self.count - self.made)


class BenchVial(View):
    """A vial of a parent; `bound` by a scan of its label or of its maker's code."""

    tube: SpecimenRow
    is_blind_duplicate: bool
    bound: bool
    foreign: str | None


class Parent(View):
    """A tube at the aliquot bench. `group` are the like tubes of its visit; `obstacle` says why it cannot be divided
    now.
    """

    tube: SpecimenRow
    planned: str | None
    obstacle: str | None
    clock_kind: str
    clock: str
    lines: tuple[Line, ...]
    group: tuple[SpecimenRow, ...]
    vials: tuple[BenchVial, ...]

    @property
    def open_line(self) -> Line | None:
        """The first planned material that still wants vials and that this tube has given none of."""
        return next((line for line in self.lines if line.left and not line.from_this), None)

    @property
    def unbound(self) -> tuple[BenchVial, ...]:
        return tuple(vial for vial in self.vials if not vial.bound)


class Made(View):
    """How a yield was divided; `left` stays in the parent."""

    vials: tuple[str, ...]
    full: int
    partial: Exact
    left: Exact
    unit: str
    parent: Parent


class Bound(View):
    """`verdict` is ok, or duplicate where the vial was bound before."""

    vial: str
    verdict: str
    words: str
    parent: Parent


async def parent(tx: ReadTx, text: str) -> Parent:
    """A tube with what the protocol makes of it and what was made so far.

    Raises:
        NotFound: no such tube within reach.
    """
    code = specimens.tube_code(await queries.tube_of_code(tx, text))
    tube, _ = await specimens.find_specimen(tx, code, Permission.SPECIMEN_PROCESS)
    return await _parent(tx, tube)


async def _parent(tx: ReadTx, tube: Specimen) -> Parent:
    outcome = (
        await tx.session.execute(
            select(TubeOutcome.visit_id, TubeOutcome.planned_tube_id, PlannedTube.code, CollectionEvent.collected_at)
            .join(PlannedTube, PlannedTube.id == TubeOutcome.planned_tube_id)
            .join(Specimen, Specimen.id == TubeOutcome.specimen_id)
            .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
            .where(TubeOutcome.specimen_id == tube.id, TubeOutcome.superseded_at.is_(None))
        )
    ).one_or_none()
    group = [tube.id]
    lines: tuple[Line, ...] = ()
    kind, words = "muted", "not planned"
    obstacle: str | None = "the protocol plans nothing of this tube: divide it on its page."
    if outcome is not None:
        standing = (
            TubeOutcome.visit_id == outcome.visit_id,
            TubeOutcome.planned_tube_id == outcome.planned_tube_id,
            TubeOutcome.superseded_at.is_(None),
            TubeOutcome.specimen_id.is_not(None),
        )
        alike = await tx.session.execute(select(TubeOutcome.specimen_id).where(*standing))
        group = [one for one in alike.scalars() if one is not None]
        lines = await _lines(tx, outcome.planned_tube_id, group, tube.id)
        steps = (await worksheet.steps_of(tx, [outcome.planned_tube_id])).get(outcome.planned_tube_id, ())
        done = (await worksheet.done_to(tx, [tube.id])).get(tube.id, ())
        clock = clocks.clock(outcome.collected_at, steps, done, tx.now)
        kind, words, obstacle = clock.kind, clock.words, rules.not_yet(clock, bool(lines))
    rows = {row.id: row for row in await specimens.rows_of(tx, group)}
    return Parent(
        tube=rows[tube.id],
        planned=outcome.code if outcome else None,
        obstacle=obstacle,
        clock_kind=kind,
        clock=words,
        lines=lines,
        group=tuple(rows[one] for one in sorted(rows)),
        vials=await _vials(tx, tube.id),
    )


async def _lines(tx: ReadTx, planned_id: int, group: Sequence[int], tube_id: int) -> tuple[Line, ...]:
    made = (
        select(
            Specimen.planned_aliquot_id,
            func.count().label("made"),
            func.count().filter(Specimen.is_blind_duplicate).label("duplicates"),
            func.count().filter(Derivation.parent_id == tube_id).label("here"),
        )
        .join(Derivation, Derivation.child_id == Specimen.id)
        .where(Derivation.parent_id.in_(group), Specimen.existence != "entered_in_error")
        .group_by(Specimen.planned_aliquot_id)
        .subquery()
    )
    rows = await tx.session.execute(
        select(
            PlannedAliquot,
            SpecimenType.title,
            TubeType.title.label("tube_title"),
            func.coalesce(made.c.made, 0).label("made"),
            func.coalesce(made.c.duplicates, 0).label("duplicates"),
            func.coalesce(made.c.here, 0).label("here"),
        )
        .join(SpecimenType, SpecimenType.code == PlannedAliquot.specimen_type)
        .join(TubeType, TubeType.code == PlannedAliquot.tube_type)
        .outerjoin(made, made.c.planned_aliquot_id == PlannedAliquot.id)
        .where(PlannedAliquot.planned_tube_id == planned_id)
        .order_by(PlannedAliquot.position)
    )
    return tuple(
        Line(
            id=row.PlannedAliquot.id,
            line=number,
            specimen_type=row.PlannedAliquot.specimen_type,
            title=row.title,
            tube_type=row.PlannedAliquot.tube_type,
            tube_title=row.tube_title,
            nominal=row.PlannedAliquot.quantity,
            unit=row.PlannedAliquot.unit,
            temperature_class=row.PlannedAliquot.temperature_class,
            count=row.PlannedAliquot.count,
            made=row.made,
            blind_duplicates=row.PlannedAliquot.blind_duplicates,
            duplicates_made=row.duplicates,
            from_this=row.here,
        )
        for number, row in enumerate(rows, start=1)
    )


async def _vials(tx: ReadTx, parent_id: int) -> tuple[BenchVial, ...]:
    """The vials of a parent that are there, each with whether a scan has bound it."""
    verified = (
        select(Identifier.specimen_id)
        .join(LabelPrint, LabelPrint.identifier_id == Identifier.id)
        .where(LabelPrint.verified_at.is_not(None), Identifier.specimen_id == Specimen.id)
        .exists()
    )
    printed_before = select(RangeLabel.id).where(RangeLabel.specimen_id == Specimen.id).exists()
    foreign = (
        select(func.min(Identifier.value))
        .where(Identifier.specimen_id == Specimen.id, Identifier.namespace != HOUSE, Identifier.status == "active")
        .correlate(Specimen)
        .scalar_subquery()
    )
    found = (
        await tx.session.execute(
            select(
                Specimen.id,
                Specimen.is_blind_duplicate,
                or_(verified, printed_before).label("verified"),
                foreign.label("foreign"),
            )
            .join(Derivation, Derivation.child_id == Specimen.id)
            .where(Derivation.parent_id == parent_id, Specimen.existence != "entered_in_error")
            .order_by(Specimen.id)
        )
    ).all()
    rows = {row.id: row for row in await specimens.rows_of(tx, [one.id for one in found])}
    return tuple(
        BenchVial(
            tube=rows[one.id],
            is_blind_duplicate=one.is_blind_duplicate,
            bound=one.verified or one.foreign is not None,
            foreign=one.foreign,
        )
        for one in found
        if one.id in rows
    )


async def make_vials(tx: Tx, code: str, command: MakeVials) -> Made:
    """Divide what was obtained of a tube into the vials that the protocol plans: as many full ones as possible, the
    rest in one partial vial "P"; what no vial is left for stays in the parent.

    Like tubes of a visit share the planned number, and each has vials of its own: nothing is pooled. Blind duplicates
    are the last full vials, each beside a twin of the same content.

    Raises:
        NotFound, TubeNotUsable, Invalid, NotEnoughMaterial, WrongStep, OutOfOrder: as dividing says.
        NotThisTube: the protocol makes nothing of it, or another step comes first.
    """
    tube, _ = await specimens.find_specimen(tx, specimens.tube_code(code), Permission.SPECIMEN_PROCESS)
    await _hold_group(tx, tube)
    before = await _parent(tx, tube)
    if before.obstacle is not None:
        raise rules.NotThisTube(f"{ids.grouped(tube.code)}: {before.obstacle}", tube=tube.code)
    line = next((line for line in before.lines if line.line == command.line), None)
    if line is None:
        raise Invalid(
            f"The protocol makes {len(before.lines)} materials of this tube.", errors={"line": "is not one of them"}
        )
    kind = await specimens.kind(tx, line.specimen_type)
    obtained = in_unit(command.obtained, command.unit or line.unit, kind, "unit")
    nominal = in_unit(line.nominal, line.unit, kind, "unit")
    divided = rules.split(obtained, nominal, line.left + command.extra)
    same = kind.unit == tube.unit
    deed = _deed(line, command, divided, nominal, same=same, now=tx.now)
    made = await derive(tx, tube.code, deed, planned=(line.id,) * divided.vials)
    vials = sorted(made.made, key=lambda row: row.id)
    return Made(
        vials=tuple(row.code for row in vials),
        full=divided.full,
        partial=divided.partial,
        left=divided.left,
        unit=kind.unit,
        parent=await _parent(tx, tube),
    )


async def _hold_group(tx: Tx, tube: Specimen) -> None:
    """Two people who divide like tubes of a visit at once share out the planned vials in turn."""
    of = select(CollectionEvent.visit_id).where(CollectionEvent.id == tube.collection_event_id)
    await tx.session.execute(select(Visit.id).where(Visit.id.in_(of)).with_for_update())


def _deed(
    line: Line, command: MakeVials, divided: rules.Split, nominal: Decimal, *, same: bool, now: datetime
) -> Derive:
    twins = rules.duplicates(line.blind_duplicates - line.duplicates_made, divided.full)
    blind = range(divided.full - twins, divided.full)
    return Derive(
        specimen_type=line.specimen_type,
        tube_type=line.tube_type,
        vials=tuple(
            Vial(quantity=quantity, is_blind_duplicate=number in blind)
            for number, quantity in enumerate(divided.quantities(nominal))
        ),
        nominal=nominal,
        # Cells and masses are not measured in what the tube holds: nothing of its volume is said to be gone.
        consumes=None if same else Decimal(0),
        started_at=command.started_at or now,
        held_celsius=command.held_celsius,
        basis="measured",
        labels=command.labels,
        deviation=command.deviation,
        override=command.override,
    )


async def bind_vial(tx: Tx, code: str, command: BindVial) -> Bound:
    """Check a vial against its parent by scanning it: a house label is verified; a maker's code that nobody has yet, or
    a pre-printed label of the site, is given to the parent's next vial that is not bound.

    Raises:
        NotFound: no such parent within reach.
        NotThisTube: the vial was made of another tube, or all of this one are bound.
        NotPrinted: the house label was never printed here.
        Invalid, CodeTaken: a namespace or a code that cannot be.
    """
    tube, _ = await specimens.find_specimen(tx, specimens.tube_code(code), Permission.SPECIMEN_PROCESS, lock=True)
    vials = await _vials(tx, tube.id)
    if isinstance(await blank(tx, command.text, Permission.SPECIMEN_PROCESS), LabelNotApplied):
        taker, label = _next_of(tube, vials, command.text), ids.canonical(command.text)
        await replace_label(tx, taker.tube.code, ReplaceLabel(reason="not_printed", label=label))
        words = f"This label is on vial {ids.grouped(taker.tube.code)} now, in place of one to print."
        return Bound(vial=taker.tube.code, verdict="ok", words=words, parent=await _parent(tx, tube))
    scanned = await _scanned(tx, command.text)
    if scanned is None:
        unbound = _next_of(tube, vials, command.text)
        if command.namespace is None:
            raise Invalid(
                f"{command.text.strip()[:40]} is no label of the house: say first whose codes the vials carry.",
                errors={"namespace": "is missing"},
            )
        await add_code(tx, unbound.tube.code, AddCode(namespace=command.namespace, value=command.text))
        return Bound(
            vial=unbound.tube.code,
            verdict="ok",
            words=f"{command.text.strip()[:40]} is vial {ids.grouped(unbound.tube.code)} now.",
            parent=await _parent(tx, tube),
        )
    vial = next((vial for vial in vials if vial.tube.code == scanned), None)
    if vial is None:
        raise rules.NotThisTube(await _not_of(tx, scanned, tube.code), tube=scanned)
    if vial.bound:
        said = "It was checked before."
        return Bound(vial=scanned, verdict="duplicate", words=said, parent=await _parent(tx, tube))
    await verify_label(tx, VerifyLabel(code=scanned))
    return Bound(vial=scanned, verdict="ok", words="Its label fits its parent.", parent=await _parent(tx, tube))


def _next_of(tube: Specimen, vials: Sequence[BenchVial], text: str) -> BenchVial:
    vial = next((vial for vial in vials if not vial.bound), None)
    if vial is None:
        raise rules.NotThisTube(
            f"All vials of {ids.grouped(tube.code)} are bound: {text[:40]} is one too many.", tube=tube.code
        )
    return vial


async def _scanned(tx: ReadTx, text: str) -> str | None:
    """The tube that a code on a vial names; None for a code of a maker that nobody has yet."""
    try:
        return specimens.tube_code(await queries.tube_of_code(tx, text))
    except NotFound:
        return None


async def _not_of(tx: ReadTx, code: str, parent_code: str) -> str:
    rows = await tx.session.execute(
        select(Specimen.code)
        .join(Derivation, Derivation.parent_id == Specimen.id)
        .where(
            Derivation.child_id.in_(select(Specimen.id).where(Specimen.code == code)),
            Custody.specimen_id == Specimen.id,
            specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)),
        )
    )
    parents = [ids.grouped(one) for one in rows.scalars()]
    whose = f"It was made of {' and '.join(parents)}." if parents else "It is no vial of a tube within your reach."
    return f"{ids.grouped(code)} is not of {ids.grouped(parent_code)}. {whose} Keep it apart."


async def take_back(tx: Tx, code: str, command: TakeBackVials) -> Parent:
    """Undo the vials that this person made last of a tube, within the shift: what they hold goes back into the parent,
    their records say that they never were, and their labels are void.

    Raises:
        NotFound: no such tube within reach.
        VialsInUse: nothing was made within the shift, or a vial was bound, stored, divided or handed on since.
    """
    del command
    tube, custody = await specimens.find_specimen(tx, specimens.tube_code(code), Permission.SPECIMEN_PROCESS, lock=True)
    event_id = await _last_event(tx, tube.id)
    if event_id is None:
        raise rules.VialsInUse(
            f"You made no vials of {ids.grouped(tube.code)} within this shift: there is nothing to take back.",
            parent=tube.code,
        )
    made = await _made_by(tx, event_id)
    bound = {vial.tube.id for vial in await _vials(tx, tube.id) if vial.bound}
    await _check_untouched(tx, made, bound)
    taken = (
        await tx.session.execute(
            select(func.coalesce(func.sum(-QuantityLedger.delta), 0)).where(
                QuantityLedger.specimen_id == tube.id, QuantityLedger.processing_event_id == event_id
            )
        )
    ).scalar_one()
    postings = [Posting(vial.id, -vial.quantity, vial.unit, "correction", "measured") for vial, _ in made]
    postings += [Posting(tube.id, taken, tube.unit, "correction", "measured")] if taken else []
    await post(tx, postings)
    vial_ids = [vial.id for vial, _ in made]
    await tx.session.execute(update(Specimen).where(Specimen.id.in_(vial_ids)).values(existence="entered_in_error"))
    await hand_over(tx, [(vial_id, Ended("consumed")) for vial_id in vial_ids])
    await tx.session.execute(update(Identifier).where(Identifier.specimen_id.in_(vial_ids)).values(status="void"))
    tx.record(
        "specimen.vials_taken_back",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=custody.site_id or tube.site_id,
        parent=tube.code,
        vials=[vial.code for vial, _ in made],
    )
    await tx.session.refresh(tube)
    return await _parent(tx, tube)


async def _last_event(tx: Tx, parent_id: int) -> int | None:
    """The last dividing of a tube by this person within the shift, of which vials are there."""
    return (
        await tx.session.execute(
            select(ProcessingEvent.id)
            .join(Derivation, Derivation.processing_event_id == ProcessingEvent.id)
            .join(Specimen, Specimen.id == Derivation.child_id)
            .where(
                Derivation.parent_id == parent_id,
                ProcessingEvent.type == "aliquot",
                ProcessingEvent.operator_id == hands(tx),
                ProcessingEvent.recorded_at >= tx.now - SHIFT,
                Specimen.existence != "entered_in_error",
            )
            .order_by(ProcessingEvent.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()


async def _made_by(tx: Tx, event_id: int) -> list[tuple[Specimen, Custody]]:
    rows = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(Derivation, Derivation.child_id == Specimen.id)
        .where(Derivation.processing_event_id == event_id)
        .order_by(Specimen.id)
        .with_for_update(of=[Specimen, Custody])
        .execution_options(populate_existing=True)
    )
    return [(row.Specimen, row.Custody) for row in rows]


async def _check_untouched(tx: ReadTx, made: Sequence[tuple[Specimen, Custody]], bound: set[int]) -> None:
    """Raises:
    VialsInUse: naming the vials that are not as they were made.
    """
    vial_ids = [vial.id for vial, _ in made]
    postings = await tx.session.execute(
        select(QuantityLedger.specimen_id)
        .where(QuantityLedger.specimen_id.in_(vial_ids))
        .group_by(QuantityLedger.specimen_id)
        .having(func.count() > 1)
    )
    children = await tx.session.execute(select(Derivation.parent_id).where(Derivation.parent_id.in_(vial_ids)))
    moved = {vial.id for vial, custody in made if custody.holder_id != tx.actor.user_id or vial.existence != "exists"}
    used = bound | set(postings.scalars()) | set(children.scalars()) | moved
    codes = [vial.code for vial, _ in made if vial.id in used]
    if codes:
        raise rules.VialsInUse(
            f"{', '.join(map(ids.grouped, codes[:10]))} cannot be taken back: bound, used or handed on since.",
            codes=codes,
        )
