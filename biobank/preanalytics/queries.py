"""SPREC of tubes with its arithmetic and history, and the code tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.preanalytics import rules
from biobank.preanalytics.facts import Computed, Facts
from biobank.preanalytics.gather import Gathered, Nodes, digest, judge, read
from biobank.preanalytics.models import Sprec
from biobank.preanalytics.table import Line
from biobank.preanalytics.tablefile import write_csv
from biobank.preanalytics.versions import Version, version_of, versions
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import find_specimen, tube_code
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ElementView(View):
    """An element with its arithmetic in words. `verified`: its line was seen in a published table."""

    number: int
    name: str
    code: str
    meaning: str
    verified: bool
    source: str
    words: str


class KeptView(View):
    """A code as it was computed at a moment; `superseded_at` None: it is current."""

    code: str
    version: str
    computed_at: AwareDatetime
    reason: str
    superseded_at: AwareDatetime | None
    superseded_because: str | None


class OutsideView(View):
    """Of material that SPREC has no code for: the SPREC of what it was made from, and how it was made.

    `made_from` is kept from those who may not know whose a blind duplicate is.
    """

    made_from: str | None
    sprec: str | None
    method: str


class SprecView(View):
    """`sprec` is computed now from what is recorded; `kept` are the codes that were computed before, newest first.

    `version_title`, `version_source`: of the code table. `doubts` say where record and table disagree.
    """

    tube: str
    sprec: str | None
    version: str
    version_title: str
    version_source: str
    elements: tuple[ElementView, ...]
    doubts: tuple[str, ...]
    outside: OutsideView | None
    kept: tuple[KeptView, ...]

    @property
    def unverified(self) -> int:
        return sum(not one.verified for one in self.elements)


class VersionView(View):
    """`lines` and `unverified` count; `carry_minutes`: for how long a recorded temperature is carried on."""

    code: str
    title: str
    source: str
    used_from: date | None
    carry_minutes: int
    lines: int
    unverified: int


class LineView(View):
    element: int
    code: str
    role: str
    meaning: str
    verified: bool
    source: str
    asks: str


class TableView(VersionView):
    codes: tuple[LineView, ...]


async def sprec(tx: ReadTx, code: str, version: str | None = None) -> SprecView:
    """SPREC of a tube, computed now, by the version of its day of collection or by the one that is named.

    Raises:
        Invalid: the text is no tube's id.
        NotFound: none of this id within reach, or no such version.
    """
    return await sprec_of(tx, *await find_specimen(tx, tube_code(code), Permission.SPECIMEN_READ), version)


async def sprec_of(tx: ReadTx, tube: Specimen, custody: Custody, version: str | None = None) -> SprecView:
    """SPREC of a tube that the caller has found.

    Raises:
        NotFound: no such version.
    """
    told = not tube.is_blind_duplicate or tx.scope(Permission.SPECIMEN_UNBLIND).covers(
        tube.study_id, tube.site_id, custody.site_id
    )
    known = await versions(tx)
    chosen = None if version is None else _named(known, version)
    nodes = await read(tx, [tube.id])
    one, used = _one(nodes, tube.id, known, chosen)
    outside, done = None, None
    if one.facts is not None:
        done = rules.compute(one.facts, used.table)
    elif one.source is not None:
        above, by = _one(nodes, one.source.specimen_id, known, chosen)
        used = by
        outside = OutsideView(
            made_from=one.source.code if told else None,
            sprec=rules.compute(above.facts, by.table).code if above.facts else None,
            method=one.source.method,
        )
    return SprecView(
        tube=tube.code,
        sprec=done.code if done else None,
        version=used.code,
        version_title=used.title,
        version_source=used.source,
        elements=_elements(done, told=told),
        doubts=done.doubts if done else (),
        outside=outside,
        kept=await _kept(tx, tube.id),
    )


def _one(nodes: Nodes, specimen_id: int, known: Sequence[Version], chosen: Version | None) -> tuple[Gathered, Version]:
    """What was read of a tube, by the version that its day asks for."""
    used = chosen or version_of(None, known)
    (one,) = judge(nodes, [specimen_id], used)
    right = chosen or version_of(one.collected_on, known)
    if right.code != used.code:
        (one,) = judge(nodes, [specimen_id], right)
    return one, right


_BLIND = "not told: it is a blind duplicate, and times would say of which tube"


def _elements(done: Computed | None, *, told: bool) -> tuple[ElementView, ...]:
    return tuple(
        ElementView(
            number=one.number,
            name=one.name,
            code=one.code,
            meaning=one.meaning,
            verified=one.verified,
            source=one.source,
            words=one.words if told else _BLIND,
        )
        for one in (done.elements if done else ())
    )


def _named(known: Sequence[Version], version: str) -> Version:
    for one in known:
        if one.code == version:
            return one
    raise NotFound(
        f"There is no SPREC version {version}: there are {', '.join(one.code for one in known)}.", version=version
    )


async def _kept(tx: ReadTx, specimen_id: int) -> tuple[KeptView, ...]:
    columns = [getattr(Sprec, name) for name in KeptView.model_fields]
    rows = await tx.session.execute(
        select(*columns).where(Sprec.specimen_id == specimen_id).order_by(Sprec.computed_at.desc(), Sprec.id.desc())
    )
    return tuple(KeptView(**row._asdict()) for row in rows)


async def coded(tx: ReadTx, specimen_ids: Iterable[int]) -> Mapping[int, tuple[Facts, Computed, str]]:
    """By tube, what is known, its SPREC and the digest of what it was computed from; those outside SPREC are left out.

    Each by the version of its own day of collection. The caller has found the tubes within reach.
    """
    wanted = list(dict.fromkeys(specimen_ids))
    known = await versions(tx)
    usual = version_of(None, known)
    nodes = await read(tx, wanted)
    by_version: dict[str, list[int]] = {}
    found: dict[int, tuple[Facts, Version]] = {}
    for one in judge(nodes, wanted, usual):
        if one.facts is None:
            continue
        right = version_of(one.collected_on, known)
        found[one.specimen_id] = (one.facts, right)
        if right.code != usual.code:
            by_version.setdefault(right.code, []).append(one.specimen_id)
    for version, ids in by_version.items():
        right = _named(known, version)
        if {(line.family, *(line.storage or ())) for line in right.table.matching[7]} == {
            (line.family, *(line.storage or ())) for line in usual.table.matching[7]
        }:
            continue  # what counts as long-term storage is the same by both: nothing is judged anew
        again = judge(nodes, ids, right)
        found |= {one.specimen_id: (one.facts, right) for one in again if one.facts is not None}
    return {
        one: (facts, rules.compute(facts, version.table), digest(facts, version.code))
        for one, (facts, version) in found.items()
    }


async def tables(tx: ReadTx) -> list[VersionView]:
    return [_version_view(one) for one in await versions(tx)]


def _version_view(one: Version) -> VersionView:
    lines = one.table.lines
    return VersionView(
        code=one.code,
        title=one.title,
        source=one.source,
        used_from=one.used_from,
        carry_minutes=one.table.carry_minutes,
        lines=len(lines),
        unverified=sum(not line.verified for line in lines),
    )


async def table(tx: ReadTx, version: str) -> TableView:
    """A code table whole.

    Raises:
        NotFound: no such version.
    """
    one = _named(await versions(tx), version)
    return TableView(**_version_view(one).model_dump(), codes=tuple(_line_view(line) for line in one.table.lines))


async def table_csv(tx: ReadTx, version: str) -> str:
    """A code table as the CSV that can be loaded again as a new version.

    Raises:
        NotFound: no such version.
    """
    return write_csv(_named(await versions(tx), version).table.lines)


def _line_view(line: Line) -> LineView:
    return LineView(
        element=line.element,
        code=line.code,
        role=line.role,
        meaning=line.meaning,
        verified=line.verified,
        source=line.source,
        asks=_asks(line),
    )


def _asks(line: Line) -> str:
    """What a line asks for, in words."""
    brake = {None: "", True: "with brake", False: "no brake"}[line.brake]
    ranges = ((line.minutes, "min"), (line.celsius, "°C"), (line.g, "g"))
    parts = [f"{one.words} {unit}" for one, unit in ranges if one.low is not None or one.high is not None]
    parts += [brake, (line.family or "").replace("_", " "), " or ".join(line.storage or ())]
    if line.before is not None:
        parts.append(f"after {' or '.join(line.before)}" if line.before else "nothing before")
    if line.freezing:
        parts.append(f"{line.freezing} freezing")
    parts.append(_spun(line.min_spins, line.max_spins))
    return ", ".join(part for part in parts if part)


def _spun(least: int | None, most: int | None) -> str:
    """How often such a material is spun, in words."""
    if least is None and most is None:
        return ""
    if most == 0:
        return "never spun"
    if most is None:
        return f"spun {least} times or more"
    return f"spun {most} times" if least == most else f"spun {least or 0} to {most} times"
