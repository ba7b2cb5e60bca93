"""Reading what SPREC depends on, for many tubes at once: their ways back to a collection, work, and storage."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select

from biobank.catalogue.models import SpecimenType, TemperatureClass, TubeType
from biobank.equipment.models import Equipment
from biobank.preanalytics.facts import Facts, Stay, Step, Way
from biobank.preanalytics.models import BoxClimate
from biobank.preanalytics.rules import FREEZE_TYPES
from biobank.preanalytics.versions import Version
from biobank.protocol.models import PlannedAliquot, PlannedStep
from biobank.specimen.models import (
    CollectionEvent,
    CustodyHistory,
    Derivation,
    ProcessingEvent,
    ProcessingInput,
    Specimen,
)
from biobank.study.models import Site
from biobank.tx import ReadTx

_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Source:
    """Of a tube that SPREC has no code for (DNA, RNA): what it was made from, and how."""

    specimen_id: int
    code: str
    method: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of one tube: `facts`, or the `source` of one that is outside the code, or neither.

    `container` is SPREC's code of the primary container; `preservation` how the tube is kept; `stored_until` None: it
    is still in long-term storage, or never was.
    """

    specimen_id: int
    code: str
    facts: Facts | None
    source: Source | None
    stays: tuple[Stay, ...] = ()
    stored_until: datetime | None = None
    container: str | None = None
    container_title: str | None = None
    preservation: str | None = None

    @property
    def collected_on(self) -> date | None:
        """The day of the (first) collection, at its site."""
        days = [
            way.collected_at.astimezone(ZoneInfo(way.timezone)).date()
            for way in (self.facts.ways if self.facts else ())
            if way.collected_at
        ]
        return min(days, default=None)


def digest(facts: Facts, version: str) -> str:
    """Of everything that a code was computed from."""
    return hashlib.sha256(f"{version} {facts!r}".encode()).hexdigest()


@dataclass(slots=True)
class Nodes:
    """All tubes that are asked for or that those came from, with what was done to them and where they stood."""

    tubes: dict[int, Any] = field(default_factory=dict)
    parents: dict[int, list[Any]] = field(default_factory=dict)
    steps: dict[int, list[Any]] = field(default_factory=dict)
    stays: dict[int, list[Any]] = field(default_factory=dict)
    planned: dict[tuple[int, str, str], Any] = field(default_factory=dict)


async def gather(tx: ReadTx, specimen_ids: Iterable[int], version: Version) -> list[Gathered]:
    """What SPREC depends on, in the order of the ids. Which storage is long-term, the table of `version` says.

    The caller has found the tubes within reach; what they were made from is read wherever it is.
    """
    wanted = list(dict.fromkeys(specimen_ids))
    return judge(await read(tx, wanted), wanted, version)


def judge(nodes: Nodes, wanted: Iterable[int], version: Version) -> list[Gathered]:
    """What was read of these tubes, by the table of one version: another version asks for no second reading."""
    families = {(line.family, storage) for line in version.table.matching[7] for storage in line.storage or ()}
    return [_gathered(one, nodes, families) for one in wanted]


async def read(tx: ReadTx, wanted: Sequence[int]) -> Nodes:
    """All that is recorded of these tubes and of those that they came from."""
    found = Nodes()
    up = select(Specimen.id).where(Specimen.id.in_(wanted)).cte("up", recursive=True)
    up = up.union(select(Derivation.parent_id).join(up, Derivation.child_id == up.c.id))
    edges = await tx.session.execute(
        select(Derivation.child_id, Derivation.parent_id, ProcessingEvent.started_at)
        .join(up, up.c.id == Derivation.child_id)
        .join(ProcessingEvent, ProcessingEvent.id == Derivation.processing_event_id)
        .order_by(Derivation.child_id, Derivation.parent_id)
    )
    ids = set(wanted)
    for edge in edges:
        found.parents.setdefault(edge.child_id, []).append(edge)
        ids.add(edge.parent_id)
    every = sorted(ids)
    tubes = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.code,
            Specimen.specimen_type,
            SpecimenType.title.label("type_title"),
            SpecimenType.sprec_type,
            SpecimenType.temperature_class.label("needs"),
            TubeType.title.label("tube_title"),
            TubeType.sprec_container,
            TubeType.sprec_family,
            CollectionEvent.collected_at,
            func.coalesce(CollectionEvent.timezone, Site.timezone).label("timezone"),
            PlannedAliquot.planned_tube_id,
        )
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .join(TubeType, TubeType.code == Specimen.tube_type)
        .join(Site, Site.id == Specimen.site_id)
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(PlannedAliquot, PlannedAliquot.id == Specimen.planned_aliquot_id)
        .where(Specimen.id.in_(every))
    )
    found.tubes = {row.id: row for row in tubes}
    steps = await tx.session.execute(
        select(
            ProcessingInput.specimen_id,
            ProcessingEvent.type,
            ProcessingEvent.started_at,
            ProcessingEvent.ended_at,
            ProcessingEvent.g_force,
            ProcessingEvent.minutes,
            ProcessingEvent.celsius,
            ProcessingEvent.held_celsius,
            ProcessingEvent.brake,
            ProcessingEvent.sop_version,
            Equipment.title.label("equipment"),
        )
        .join(ProcessingEvent, ProcessingEvent.id == ProcessingInput.processing_event_id)
        .outerjoin(Equipment, Equipment.id == ProcessingEvent.equipment_id)
        .where(ProcessingInput.specimen_id.in_(every))
        .order_by(ProcessingEvent.started_at, ProcessingEvent.id)
    )
    for step in steps:
        found.steps.setdefault(step.specimen_id, []).append(step)
    await _read_stays(tx, every, found)
    await _read_plans(tx, found)
    return found


async def _read_stays(tx: ReadTx, every: Sequence[int], found: Nodes) -> None:
    """Stays in boxes that stand in no bench, one for each temperature that such a box had meanwhile."""
    history, climate = CustodyHistory, BoxClimate
    begins = func.greatest(history.since, func.coalesce(climate.since, history.since))
    stays = await tx.session.execute(
        select(
            history.specimen_id,
            begins.label("since"),
            func.least(history.until, climate.until).label("until"),
            TemperatureClass.code,
            TemperatureClass.title,
            TemperatureClass.min_celsius,
            TemperatureClass.max_celsius,
        )
        .join(
            climate,
            and_(
                climate.container_id == history.container_id,
                climate.on_bench.is_(False),
                or_(climate.until.is_(None), climate.until > history.since),
                or_(climate.since.is_(None), history.until.is_(None), climate.since < history.until),
            ),
        )
        .join(TemperatureClass, TemperatureClass.code == climate.temperature_class)
        .where(history.specimen_id.in_(every))
        .order_by(history.specimen_id, begins)
    )
    for stay in stays:
        found.stays.setdefault(stay.specimen_id, []).append(stay)


async def _read_plans(tx: ReadTx, found: Nodes) -> None:
    """Temperatures that the protocol plans for a step of a tube group, by the SOP that it names."""
    groups = {row.planned_tube_id for row in found.tubes.values() if row.planned_tube_id is not None}
    if not groups:
        return
    plans = await tx.session.execute(
        select(
            PlannedStep.planned_tube_id,
            PlannedStep.type,
            PlannedStep.sop_version,
            PlannedStep.min_celsius,
            PlannedStep.max_celsius,
        ).where(
            PlannedStep.planned_tube_id.in_(groups),
            PlannedStep.sop_version.is_not(None),
            PlannedStep.min_celsius.is_not(None),
            PlannedStep.max_celsius.is_not(None),
        )
    )
    found.planned = {(row.planned_tube_id, row.type, row.sop_version): row for row in plans}


def _gathered(specimen_id: int, nodes: Nodes, families: set[tuple[str | None, str]]) -> Gathered:
    tube = nodes.tubes[specimen_id]
    paths = tuple(_paths(specimen_id, nodes))
    roots = {path[-1][0] for path in paths}
    root = nodes.tubes[roots.pop()] if len(roots) == 1 else None
    stays = tuple(_storage(specimen_id, nodes, families))
    last = _last_storage(specimen_id, nodes, families)
    facts = None
    if tube.sprec_type is not None:
        facts = Facts(
            sprec_type=tube.sprec_type,
            type_title=tube.type_title,
            family=tube.sprec_family,
            tube_title=tube.tube_title,
            ways=tuple(_way(path, nodes, families) for path in paths),
            stays=stays,
        )
    return Gathered(
        specimen_id=specimen_id,
        code=tube.code,
        facts=facts,
        source=_source(specimen_id, nodes) if facts is None else None,
        stays=stays,
        stored_until=last.until if last is not None else None,
        container=root.sprec_container if root is not None else None,
        container_title=root.tube_title if root is not None else None,
        preservation=None if last is None else _preservation(last, paths, nodes),
    )


def _last_storage(specimen_id: int, nodes: Nodes, families: set[tuple[str | None, str]]) -> Any:
    kept = [stay for stay in nodes.stays.get(specimen_id, ()) if _long_term(nodes.tubes[specimen_id], stay, families)]
    return kept[-1] if kept else None


def _preservation(last: Any, paths: Sequence["_Path"], nodes: Nodes) -> str:
    if last.max_celsius >= 0:
        return f"kept at {last.title[0].lower()}{last.title[1:]}"
    steps = (step for path in paths for one, _ in path for step in nodes.steps.get(one, ()))
    return "controlled-rate freezing" if any(step.type in FREEZE_TYPES for step in steps) else "freezing"


_Path = tuple[tuple[int, datetime | None], ...]


def _paths(specimen_id: int, nodes: Nodes, until: datetime | None = None) -> Iterator[_Path]:
    """All ways up to tubes that came of no other, each tube with when the next one was made of it."""
    here = ((specimen_id, until),)
    edges = nodes.parents.get(specimen_id)
    if not edges:
        yield here
    for edge in edges or ():
        for above in _paths(edge.parent_id, nodes, edge.started_at):
            yield here + above


def _way(path: _Path, nodes: Nodes, families: set[tuple[str | None, str]]) -> Way:
    root = nodes.tubes[path[-1][0]]
    groups = {row.planned_tube_id for one, _ in path if (row := nodes.tubes[one]).planned_tube_id is not None}
    steps: dict[Step, None] = {}
    stored: list[datetime] = []
    for one, until in path:
        for step in nodes.steps.get(one, ()):
            if until is None or step.started_at <= until:
                steps[_step(step, groups, nodes)] = None
        long_term = [stay.since for stay in _storage(one, nodes, families)]
        stored += [since for since in long_term[:1] if until is None or since < until]
        steps |= {
            Step("stay", stay.since, stay.until or _EVER, celsius=(stay.min_celsius, stay.max_celsius)): None
            for stay in nodes.stays.get(one, ())
            if not _long_term(nodes.tubes[one], stay, families)
        }
    return Way(
        container=root.sprec_container,
        container_title=root.tube_title,
        collected_at=root.collected_at,
        timezone=root.timezone,
        steps=tuple(sorted(steps, key=lambda step: (step.started_at, step.type))),
        stored_at=min(stored, default=None),
    )


def _step(row: Any, groups: set[int], nodes: Nodes) -> Step:
    """A step as recorded. Where it says that it followed an SOP, and not the temperature, the protocol's is taken."""
    celsius, by = None if row.celsius is None else (row.celsius, row.celsius), None
    if celsius is None and row.sop_version is not None:
        for group in sorted(groups):
            plan = nodes.planned.get((group, row.type, row.sop_version))
            if plan is not None:
                celsius = (Decimal(plan.min_celsius), Decimal(plan.max_celsius))
                by = f"as {row.sop_version} says"
    return Step(
        type=row.type,
        started_at=row.started_at,
        ended_at=row.ended_at,
        g=row.g_force,
        minutes=row.minutes,
        celsius=celsius,
        brake=row.brake,
        held=row.held_celsius,
        by=by,
    )


def _long_term(tube: Any, stay: Any, families: set[tuple[str | None, str]]) -> bool:
    """Whether a stay is storage for long: below zero, where the material belongs, or what the table has a code for."""
    return stay.max_celsius < 0 or stay.code == tube.needs or (tube.sprec_family, stay.code) in families


def _storage(specimen_id: int, nodes: Nodes, families: set[tuple[str | None, str]]) -> Iterator[Stay]:
    """Long-term storage of one tube: each change of temperature, once."""
    last = None
    for stay in nodes.stays.get(specimen_id, ()):
        if _long_term(nodes.tubes[specimen_id], stay, families) and stay.code != last:
            last = stay.code
            yield Stay(stay.since, stay.code, stay.title)


def _source(specimen_id: int, nodes: Nodes) -> Source | None:
    """The nearest tube above that SPREC has a code for, and the work by which the material came of it."""
    seen: list[int] = []
    level = [specimen_id]
    while level:
        above = sorted({edge.parent_id for one in level for edge in nodes.parents.get(one, ())})
        for one in above:
            if nodes.tubes[one].sprec_type is not None:
                return Source(one, nodes.tubes[one].code, _method([*seen, *level, one], nodes))
        seen += level
        level = above
    return None


def _method(path: Sequence[int], nodes: Nodes) -> str:
    """The extraction as recorded: what, by which SOP, with what."""
    done = [step for one in path for step in nodes.steps.get(one, ()) if step.type in ("extract", "lyse")]
    words = dict.fromkeys(
        ", ".join(part for part in (step.type, step.sop_version, step.equipment) if part) for step in done
    )
    return "; ".join(words) or "not recorded"
