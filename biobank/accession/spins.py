"""Starting and stopping a centrifuge by scanning it and its tubes. What is wrong is told before it runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import select, update

from biobank import ids
from biobank.accession import clocks, queries, rules, worksheet
from biobank.accession.clocks import Departure, Program, Step
from biobank.accession.commands import Command
from biobank.accession.models import Spin, SpinTube, TubeOutcome
from biobank.accession.queries import View
from biobank.actor import Permission
from biobank.equipment import queries as equipment
from biobank.equipment import rules as equipment_rules
from biobank.equipment.models import Equipment, EquipmentProgram
from biobank.errors import Invalid
from biobank.specimen import queries as specimens
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.processing import Process, process
from biobank.specimen.rules import TubeState, check_each_once, check_usable, obstacle
from biobank.specimen.work import Celsius, NamedDeviation, TubeId, hands
from biobank.study.models import Site
from biobank.study.rules import today
from biobank.tx import ReadTx, Tx

DeviceCode = Annotated[str, Field(min_length=1, max_length=20, description="The equipment's code at its site.")]


class StartSpin(Command):
    """Tubes in a centrifuge. Without a program the one that fits tubes and protocol is taken. `early` starts although
    a clot has not lasted as planned, which is recorded as a deviation when the spin is stopped. `held_celsius`: at
    which the tubes were kept until now, since the collection or the spin before.
    """

    equipment: DeviceCode
    program: DeviceCode | None = None
    tubes: Annotated[tuple[TubeId, ...], Field(min_length=1, max_length=200)]
    early: bool = False
    held_celsius: Celsius = None


class StopSpin(Command):
    """`cancel` says that it never ran: nothing is recorded of the tubes."""

    equipment: DeviceCode
    cancel: bool = False


class SpinView(View):
    """A spin under way or ended. `told` is what people should know: a calibration that is due, a deviation recorded,
    tubes that are on hold by now and must be kept apart.
    """

    equipment: str
    program: str | None
    settings: str
    started_at: datetime
    stopped_at: datetime | None
    minutes: Decimal | None
    held_celsius: Decimal | None
    tubes: tuple[str, ...]
    told: tuple[str, ...]


class TooEarly(rules.NotThisTube):
    """The clot has not lasted as long as planned."""

    code = "clot-not-over"
    title = "The clot is not over"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A tube before the centrifuge with what is planned for it."""

    tube: Specimen
    collected_at: datetime
    steps: tuple[Step, ...]
    done: tuple[clocks.Done, ...]

    @property
    def next(self) -> Step | None:
        return next((step for step in clocks.remaining(self.steps, self.done) if step.type != "clot"), None)


async def start_spin(tx: Tx, command: StartSpin) -> SpinView:
    """Start a centrifuge with tubes in it, after every check that the record of the spin will be held to.

    Raises:
        NotFound, TubeNotUsable, Invalid: tubes or equipment that are not here or not fit.
        NotThisTube: a tube whose next step is another, or that stands in a box.
        TooEarly: a clot is not over, and `early` was not said.
        WrongProgram: no program, or one for other tubes or with other settings than the protocol plans.
        EquipmentNotUsable: out of service or retired.
        CentrifugeBusy: it is running.
    """
    site_id, loaded = await _load(tx, command.tubes)
    device = await equipment.at_site(tx, site_id, command.equipment)
    site = await tx.session.get_one(Site, site_id)
    told = await _check_device(tx, device, site)
    for one in loaded:
        _check_step(one)
    program = await choose_program(tx, device, command.program, [(one.tube, one.next) for one in loaded])
    _check_clots(loaded, tx.now, early=command.early)
    (spin_id,) = await tx.insert(
        Spin,
        [
            {
                "equipment_id": device.id,
                "program_id": program.id if program else None,
                "started_at": tx.now,
                "started_by": hands(tx),
                "held_celsius": command.held_celsius,
            }
        ],
    )
    await tx.insert(SpinTube, [{"spin_id": spin_id, "specimen_id": one.tube.id} for one in loaded])
    tx.record(
        "spin.started",
        subject="spin",
        subject_id=spin_id,
        study_id=loaded[0].tube.study_id,
        site_id=site_id,
        equipment=device.code,
        tubes=len(loaded),
    )
    return SpinView(
        equipment=device.code,
        program=program.code if program else None,
        settings=settings_words(program),
        started_at=tx.now,
        stopped_at=None,
        minutes=program.minutes if program else None,
        held_celsius=command.held_celsius,
        tubes=tuple(one.tube.code for one in loaded),
        told=told,
    )


async def check_loadable(tx: Tx, code: str, device_code: str, program: str | None, others: Sequence[str]) -> None:
    """Whether a tube may go into the rotor beside the others; nothing is recorded.

    Raises:
        As `start_spin`, but for a clot that is not over.
    """
    site_id, loaded = await _load(tx, [*others, code])
    device = await equipment.at_site(tx, site_id, device_code)
    site = await tx.session.get_one(Site, site_id)
    await _check_device(tx, device, site)
    _check_step(next(one for one in loaded if one.tube.code == code))
    if program is None and len(loaded) > 1:
        # What is in the rotor already has decided: another tube is held against that program, and named if it is other.
        before = await choose_program(
            tx, device, None, [(one.tube, one.next) for one in loaded if one.tube.code != code]
        )
        program = before.code if before else None
    await choose_program(tx, device, program, [(one.tube, one.next) for one in loaded])


async def _load(tx: Tx, texts: Sequence[str]) -> tuple[int, list[_Loaded]]:
    """Tubes that may be worked on now, locked, with their plans, and the one site they are at."""
    codes = [specimens.tube_code(await queries.tube_of_code(tx, text), "tubes") for text in texts]
    check_each_once(codes, "tubes")
    found = await specimens.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS, lock=True)
    check_usable(_state(tube, custody) for tube, custody in found)
    stored = [tube.code for tube, custody in found if custody.container_id is not None]
    if stored:
        raise rules.NotThisTube(
            f"{', '.join(map(ids.grouped, stored))}: in a box. Take it out there first.", tube=stored[0]
        )
    sites = {custody.site_id for _, custody in found}
    if len(sites) > 1:
        raise Invalid("These tubes are not at one site.", errors={"tubes": "are not at one site"})
    await _check_not_spinning(tx, [tube for tube, _ in found])
    return sites.pop() or found[0][0].site_id, await _loaded(tx, [tube for tube, _ in found])


async def _loaded(tx: ReadTx, tubes: Sequence[Specimen]) -> list[_Loaded]:
    rows = await tx.session.execute(
        select(Specimen.id, CollectionEvent.collected_at, TubeOutcome.planned_tube_id)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(TubeOutcome, (TubeOutcome.specimen_id == Specimen.id) & TubeOutcome.superseded_at.is_(None))
        .where(Specimen.id.in_([tube.id for tube in tubes]))
    )
    at = {row.id: row for row in rows}
    unknown = [tube.code for tube in tubes if tube.id not in at]
    if unknown:
        raise rules.NotThisTube(
            f"{ids.grouped(unknown[0])} is a pool: what is spun at this bench was collected at a visit.",
            tube=unknown[0],
        )
    steps = await worksheet.steps_of(tx, [row.planned_tube_id for row in at.values() if row.planned_tube_id])
    done = await worksheet.done_to(tx, list(at))
    return [
        _Loaded(tube, at[tube.id].collected_at, steps.get(at[tube.id].planned_tube_id or 0, ()), done.get(tube.id, ()))
        for tube in tubes
    ]


def _state(tube: Specimen, custody: Custody) -> TubeState:
    place = "package" if custody.package_id else "party" if custody.external_party_id else "here"
    return TubeState(tube.code, tube.existence, tube.quality, tube.hold, place)


async def _check_not_spinning(tx: ReadTx, tubes: Sequence[Specimen]) -> None:
    row = (
        await tx.session.execute(
            select(Specimen.code, Equipment.code.label("equipment"))
            .join(SpinTube, SpinTube.specimen_id == Specimen.id)
            .join(Spin, Spin.id == SpinTube.spin_id)
            .join(Equipment, Equipment.id == Spin.equipment_id)
            .where(Specimen.id.in_([tube.id for tube in tubes]), SpinTube.is_running)
            .limit(1)
        )
    ).one_or_none()
    if row is not None:
        raise rules.NotThisTube(f"{ids.grouped(row.code)} is in {row.equipment}, which is running.", tube=row.code)


async def _check_device(tx: Tx, device: Equipment, site: Site) -> tuple[str, ...]:
    """What is told of the centrifuge.

    Raises:
        Invalid: it is no centrifuge.
        EquipmentNotUsable: out of service or retired.
        CentrifugeBusy: it is running.
    """
    if device.kind != "centrifuge":
        raise Invalid(
            f"{device.code} is no centrifuge but: {device.kind.replace('_', ' ')}.",
            errors={"equipment": "is no centrifuge"},
        )
    known = equipment_rules.Device(site.code, device.code, device.status, device.calibration_due)
    equipment_rules.check_usable(known)
    begun = (
        await tx.session.execute(
            select(Spin.started_at).where(Spin.equipment_id == device.id, Spin.stopped_at.is_(None))
        )
    ).scalar_one_or_none()
    if begun is not None:
        raise rules.CentrifugeBusy(
            f"{device.code} has been running since {queries.local(begun, site.timezone)}: stop it first.",
            equipment=device.code,
        )
    overdue = equipment_rules.overdue(known, today(tx.now, site.timezone))
    return (overdue,) if overdue else ()


def _check_step(one: _Loaded) -> None:
    """Raises:
    NotThisTube: the protocol plans another step for the tube now, or none any more.
    """
    if one.steps and (one.next is None or one.next.type != "centrifuge"):
        spun = any(work.type == "centrifuge" for work in one.done)
        title = worksheet.TITLES.get(one.next.type, one.next.type.replace("_", " ")).lower() if one.next else None
        raise rules.NotThisTube(
            f"{ids.grouped(one.tube.code)} is not to be spun {'again' if spun else 'now'}: "
            f"{f'next is to {title}' if title else 'nothing more is planned for it'}.",
            tube=one.tube.code,
        )


def _check_clots(loaded: Sequence[_Loaded], now: datetime, *, early: bool) -> None:
    waiting = []
    for one in loaded:
        clock = clocks.clock(one.collected_at, one.steps, one.done, now)
        if clock.not_before is not None and now < clock.not_before:
            waiting.append(f"{ids.grouped(one.tube.code)} clots for {clocks.minutes(clock.not_before - now)} more")
    if waiting and not early:
        raise TooEarly(f"{'; '.join(waiting)}. Wait, or confirm to spin it now and record the deviation.")


async def choose_program(
    tx: ReadTx, device: Equipment, code: str | None, tubes: Sequence[tuple[Specimen, Step | None]]
) -> EquipmentProgram | None:
    """The program that was named, or the first that is meant for these tubes with the settings that are planned.

    None where the device has no programs at all.

    Raises:
        WrongProgram: how it differs, or which tubes it is not meant for.
    """
    if code is not None:
        programs = [await equipment.program_of(tx, device, code)]
    else:
        query = select(EquipmentProgram).where(EquipmentProgram.equipment_id == device.id, EquipmentProgram.is_active)
        programs = list((await tx.session.execute(query.order_by(EquipmentProgram.code))).scalars())
    if not programs:
        return None
    meant = await equipment.tube_types_of(tx, [program.id for program in programs])
    wrong: list[tuple[str, ...]] = []
    for program in programs:
        faults = _program_faults(program, meant.get(program.id, ()), tubes)
        if not faults:
            return program
        wrong.append(faults)
    least = min(range(len(programs)), key=lambda index: len(wrong[index]))
    raise equipment_rules.WrongProgram(
        f"{device.code}, {programs[least].title}: {'; '.join(wrong[least])}. "
        "Take the tube out, or choose another program.",
        program=programs[least].code,
        faults=list(wrong[least]),
    )


def _program_faults(
    program: EquipmentProgram, meant: Sequence[str], tubes: Sequence[tuple[Specimen, Step | None]]
) -> tuple[str, ...]:
    settings = Program(program.title, program.g_force, program.minutes, program.celsius, program.brake)
    found: dict[str, None] = {}
    for tube, step in tubes:
        shown = ids.grouped(tube.code)
        if meant and tube.tube_type not in meant:
            found[f"{shown} ({tube.tube_type}) is not a tube for this program ({', '.join(meant)})"] = None
        elif step is not None:
            found |= {f"{shown}: {fault}": None for fault in clocks.faults(settings, step)}
    return tuple(found)


def settings_words(program: EquipmentProgram | None) -> str:
    """A program in words, as it is read at the bench."""
    if program is None:
        return "no program"
    parts = [
        f"{value.normalize():f} {unit}"
        for value, unit in ((program.g_force, "g"), (program.minutes, "min"), (program.celsius, "°C"))
        if value is not None
    ]
    brake = {None: [], True: ["brake on"], False: ["brake off"]}[program.brake]
    return f"{program.title}: {', '.join([*parts, *brake])}"


async def stop_spin(tx: Tx, command: StopSpin) -> SpinView:
    """Stop a centrifuge. Each study's tubes get the processing event, with the deviation where it went other than
    planned; a clot that was planned and not recorded ended when the spin began.

    A tube that was put on hold meanwhile is left out and named: it is kept apart.

    Raises:
        NothingRunning: no such centrifuge is running within reach.
    """
    spin, device, program, site = await _running(tx, command.equipment)
    tubes = await _spun(tx, spin)
    ended, lasted = clocks.ran(spin.started_at, tx.now, program.minutes if program else None)
    spin.stopped_at = tx.now
    await tx.session.execute(update(SpinTube).where(SpinTube.spin_id == spin.id).values(is_running=False))
    await tx.session.flush()
    told: list[str] = []
    if not command.cancel:
        fit = [tube for tube, custody in tubes if obstacle(_state(tube, custody)) is None]
        told = [
            f"{ids.grouped(tube.code)} {why}: keep it apart."
            for tube, custody in tubes
            if (why := obstacle(_state(tube, custody))) is not None
        ]
        told += await _record(tx, spin, device, program, await _loaded(tx, fit), (ended, lasted))
    tx.record(
        "spin.cancelled" if command.cancel else "spin.stopped",
        subject="spin",
        subject_id=spin.id,
        study_id=tubes[0][0].study_id,
        site_id=site.id,
        equipment=device.code,
        tubes=len(tubes),
    )
    return SpinView(
        equipment=device.code,
        program=program.code if program else None,
        settings=settings_words(program),
        started_at=spin.started_at,
        stopped_at=tx.now,
        minutes=None if command.cancel else lasted,
        held_celsius=spin.held_celsius,
        tubes=tuple(tube.code for tube, _ in tubes),
        told=tuple(told),
    )


async def _running(tx: Tx, code: str) -> tuple[Spin, Equipment, EquipmentProgram | None, Site]:
    mine = (
        select(SpinTube.spin_id)
        .join(Specimen, Specimen.id == SpinTube.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(SpinTube.is_running, specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)))
    )
    rows = (
        await tx.session.execute(
            select(Spin, Equipment, EquipmentProgram, Site)
            .join(Equipment, Equipment.id == Spin.equipment_id)
            .join(Site, Site.id == Equipment.site_id)
            .outerjoin(EquipmentProgram, EquipmentProgram.id == Spin.program_id)
            .where(Equipment.code == code.strip().upper(), Spin.stopped_at.is_(None), Spin.id.in_(mine))
            .order_by(Spin.started_at)
            .limit(1)
            .with_for_update(of=Spin)
        )
    ).one_or_none()
    if rows is None:
        raise rules.NothingRunning(
            f"{code[:20]} is not running: scan it and its tubes to start it.", equipment=code[:20]
        )
    return rows.Spin, rows.Equipment, rows.EquipmentProgram, rows.Site


async def _spun(tx: Tx, spin: Spin) -> list[tuple[Specimen, Custody]]:
    of = select(SpinTube.specimen_id).where(SpinTube.spin_id == spin.id)
    await specimens.hold_donors(tx, Specimen.id.in_(of))
    rows = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.id.in_(of))
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [(row.Specimen, row.Custody) for row in rows]


async def _record(
    tx: Tx,
    spin: Spin,
    device: Equipment,
    program: EquipmentProgram | None,
    loaded: Sequence[_Loaded],
    ran: tuple[datetime, Decimal],
) -> list[str]:
    """The clots and the spin as processing events, one for each study and way of departing. Returns what is told."""
    ended, lasted = ran
    clots: dict[tuple[int, datetime, Departure | None], list[str]] = defaultdict(list)
    spins: dict[tuple[int, Departure | None], list[str]] = defaultdict(list)
    for one in loaded:
        clot = next((step for step in clocks.remaining(one.steps, one.done) if step.type == "clot"), None)
        if clot is not None:
            wrong = clocks.clot_departure(clot, one.collected_at, spin.started_at)
            clots[one.tube.study_id, one.collected_at, wrong].append(one.tube.code)
        departure = clocks.spin_departure(one.next, one.collected_at, spin.started_at, lasted)
        spins[one.tube.study_id, departure].append(one.tube.code)
    for (_, began, wrong), codes in clots.items():
        times = {"started_at": began, "ended_at": spin.started_at}
        await process(tx, Process(type="clot", specimens=tuple(codes), deviation=_named(wrong), **times))
    for (_, departure), codes in spins.items():
        await process(
            tx,
            Process(
                type="centrifuge",
                specimens=tuple(codes),
                started_at=spin.started_at,
                ended_at=ended,
                equipment=device.code,
                program=program.code if program else None,
                minutes=lasted,
                held_celsius=spin.held_celsius,
                sop_version=next((one.next.sop_version for one in loaded if one.next and one.tube.code in codes), None),
                deviation=_named(departure),
            ),
        )
    departures = [wrong for _, _, wrong in clots] + [departure for _, departure in spins]
    return [f"Recorded as a deviation: {one.words}." for one in dict.fromkeys(departures) if one is not None]


def _named(departure: Departure | None) -> NamedDeviation | None:
    return None if departure is None else NamedDeviation(type=departure.type, comment=departure.words)
