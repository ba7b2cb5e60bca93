"""One look at a box with all that stands in it, and at a tube that is about to be stored there.

Every scan of a station comes by here. A message to the database costs as much as what a small statement does, so there
are two: `_HOLD` locks the participant, the tube and the box in this order, and `_SIGHT` then reads what the rules ask.
Nothing is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.ids import grouped
from biobank.specimen.custody import AtPosition
from biobank.specimen.queries import find_specimen
from biobank.storage.grids import Grid, position
from biobank.storage.queries import container_code, find_box
from biobank.storage.rules import Held, Step
from biobank.tx import ReadTx, Tx

At = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A tube at a position: its code, None where it is out of reach, what it is, and whether something is wrong."""

    code: str | None
    specimen_type: str
    held: bool


@dataclass(frozen=True, slots=True)
class SeenBox:
    """A box, the way down to it, what stands in it and what is kept free, by row and column."""

    id: int
    code: str
    name: str
    type_id: int
    site_id: int
    temperature_class: str
    grid: Grid
    steps: tuple[Step, ...]
    standing: Mapping[At, Standing]
    held: Mapping[At, Held]


@dataclass(frozen=True, slots=True)
class SeenTube:
    """A tube, where it is, and what a place for it must be. `withdrawn` are the levels of its participant's withdrawals
    that stand, `fits` whether the box that was looked at takes its format.
    """

    id: int
    code: str
    study_id: int
    site_id: int
    specimen_type: str
    existence: str
    hold: str | None
    wrong: bool
    participant: str | None
    withdrawn: tuple[str, ...]
    at: AtPosition | None
    package_id: int | None
    external_party_id: int | None
    terminal: str | None
    at_site_id: int | None
    since: datetime
    required: str
    required_rank: int
    format: str | None
    fits: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """A tube and the box that it is to go into."""

    tube: SeenTube
    box: SeenBox

    @property
    def here(self) -> At | None:
        """Its position, where it stands in this very box."""
        at = self.tube.at
        return (at.row, at.col) if at is not None and at.container_id == self.box.id else None

    def with_tube(self, label: str, *, named: bool) -> SeenBox:
        """The box with the tube at the position of this label, and nowhere else in it; `named`: within reach there."""
        tube = self.tube
        standing = {at: one for at, one in self.box.standing.items() if at != self.here}
        at = position(self.box.grid, label)
        standing[at] = Standing(tube.code if named else None, tube.specimen_type, tube.wrong)
        held = {spot: one for spot, one in self.box.held.items() if spot != at}
        return replace(self.box, standing=standing, held=held)


# What $1 to $4 reach, as `Scope.arrays` gives it: a tube by its study and its sites; a container by its site, where
# some study of the reach takes part. Below, made of words of ours only; values are parameters.
TUBE_WITHIN = """($1::boolean or s.study_id = any($2::bigint[])
        or exists (select from unnest($3::bigint[], $4::bigint[]) as held(study, site)
                    where held.study = s.study_id and held.site in (s.site_id, u.site_id)))"""
BOX_WITHIN = """($1::boolean or exists (select from study_site o where o.site_id = c.site_id
        and (o.study_id = any($2::bigint[])
             or (o.study_id, o.site_id) in (select * from unnest($3::bigint[], $4::bigint[])))))"""

_INSIDE = f"""
       c.id as box_id, c.code as box, c.name as box_name, c.type_id, c.site_id as box_site_id, c.temperature_class,
       t.level, t.rows, t.cols, t.label_scheme, t.fill_order, t.rows_per_group, t.position_names,
       (select json_agg(json_build_array(w.id, w.code, w.name, y.level, w.status, w.temperature_class, k.rank)
                        order by a.n)::text
          from container_path p cross join lateral unnest(p.ancestors) with ordinality a(id, n)
          join container w on w.id = a.id join container_type y on y.id = w.type_id
          join temperature_class k on k.code = w.temperature_class
         where p.container_id = c.id) as steps,
       (select json_agg(json_build_array(u.row, u.col, case when {TUBE_WITHIN} then s.code end, s.specimen_type,
                                         s.hold is not null or s.quality <> 'acceptable'))::text
          from custody u join specimen s on s.id = u.specimen_id where u.container_id = c.id) as standing,
       (select json_agg(json_build_array(h.row, h.col, r.number, r.name))::text
          from reserved_position h join storage_reservation r on r.id = h.reservation_id
         where h.container_id = c.id and h.ended_at is null and r.expires_at > $5) as held
  from container c join container_type t on t.id = c.type_id"""  # noqa: S608

_BOX = f"select {_INSIDE} where c.code = $6 and {BOX_WITHIN}"
"""A box by its code, $6, at the moment $5; tubes are named within the reach."""

# The reach is asked before anything is locked, so that nobody holds what is none of theirs. Each part waits for the one
# before it, by the count of its rows.
_HOLD = f"""
with donor as materialized (
    select p.id from participant p where p.id = (select s.participant_id from specimen s where s.code = $5) for share
), tube as materialized (
    select s.id from specimen s join custody u on u.specimen_id = s.id
     where s.code = $5 and (select count(*) from donor) >= 0 and {TUBE_WITHIN} for update of s, u
), box as materialized (
    select c.id from container c where c.code = $6 and (select count(*) from tube) > 0 and {BOX_WITHIN}
       for no key update
)
select (select id from tube) as tube, (select id from box) as box
"""  # noqa: S608

_SIGHT = f"""
select s.id, s.code, s.study_id, s.site_id, s.specimen_type, s.existence, s.hold,
       s.hold is not null or s.quality <> 'acceptable' as wrong, p.code as participant,
       u.container_id, u.row, u.col, u.package_id, u.external_party_id, u.terminal, u.site_id as at_site_id, u.since,
       array(select w.level from withdrawal w where w.participant_id = s.participant_id
                and not exists (select from withdrawal_rescission e where e.withdrawal_id = w.id)) as withdrawn,
       m.code as required, m.rank as required_rank, f.title as format,
       f.code is null or not exists (select from container_type_format a where a.container_type_id = box.type_id)
           or exists (select from container_type_format a
                       where a.container_type_id = box.type_id and a.tube_format = f.code) as fits,
       box.*
  from specimen s
  join custody u on u.specimen_id = s.id
  join specimen_type q on q.code = s.specimen_type
  join temperature_class m on m.code = q.temperature_class
  join tube_type v on v.code = s.tube_type
  left join tube_format f on f.code = v.format
  left join participant p on p.id = s.participant_id
  cross join lateral (select {_INSIDE} where c.id = $7) box
 where s.id = $6
"""  # noqa: S608
"""The tube $6 and the box $7, which are held, at the moment $5; tubes are named within the reach."""


async def look_into(tx: ReadTx, code: str) -> SeenBox:
    """A box with what stands in it.

    Raises:
        Invalid, NotFound, NotABox: as `find_box` says.
    """
    row = await tx.fetchrow(_BOX, *tx.scope(Permission.STORAGE_READ).arrays(), tx.now, container_code(code))
    if row is None or row["level"] != "box":
        await _no_box(tx, code, Permission.STORAGE_READ)
    return _box(row)


async def look(tx: Tx, tube: str, box: str) -> Sight:
    """A tube, by its label, and the box that it is to go into; both are held until the end, and the participant too:
    consent is not withdrawn, and nobody else fills the box, between this look and what comes of it.

    Raises:
        Invalid, NotFound, NotABox: as `find_specimen` and `find_box` say.
    """
    reach, named = tx.scope(Permission.STORAGE_STORE).arrays(), tx.scope(Permission.STORAGE_READ).arrays()
    code = container_code(box)
    held = await tx.fetchrow(_HOLD, *reach, tube, code)
    if held["tube"] is None:
        known, _ = await find_specimen(tx, tube, Permission.STORAGE_STORE)  # a label that replaced another leads to it
        held = await tx.fetchrow(_HOLD, *reach, known.code, code)
    if held["box"] is None:
        await _no_box(tx, box, Permission.STORAGE_STORE)
    row = await tx.fetchrow(_SIGHT, *named, tx.now, held["tube"], held["box"])
    if row["level"] != "box":
        await _no_box(tx, box, Permission.STORAGE_STORE)
    return Sight(_tube(row), _box(row))


async def look_at_nothing(tx: Tx) -> None:
    """The statements of `look`, so that this connection has a plan for them."""
    reach = tx.scope(Permission.STORAGE_STORE).arrays()
    await tx.fetchrow(_HOLD, *reach, "", "")
    await tx.fetchrow(_SIGHT, *reach, tx.now, 0, 0)


async def _no_box(tx: ReadTx, code: str, permission: Permission) -> NoReturn:
    """Says why a code names no box that tubes could be seen in or put into."""
    await find_box(tx, code, permission)
    raise NotFound(f"There is no box {grouped(code)[:40]} yet: scan it again.", container=code[:40])


def _tube(row: Any) -> SeenTube:
    at = None
    if row["container_id"] is not None:
        at = AtPosition(row["container_id"], row["row"], row["col"], row["at_site_id"])
    names = SeenTube.__dataclass_fields__.keys() - {"withdrawn", "at"}
    return SeenTube(withdrawn=tuple(row["withdrawn"]), at=at, **{name: row[name] for name in names})


def _box(row: Any) -> SeenBox:
    names = tuple(row["position_names"] or ())
    grid = Grid(row["rows"], row["cols"], row["label_scheme"], row["fill_order"], row["rows_per_group"] or 1, names)
    steps, standing, held = (msgspec.json.decode(row[name] or "[]") for name in ("steps", "standing", "held"))
    return SeenBox(
        id=row["box_id"],
        code=row["box"],
        name=row["box_name"],
        type_id=row["type_id"],
        site_id=row["box_site_id"],
        temperature_class=row["temperature_class"],
        grid=grid,
        steps=tuple(Step(*step) for step in steps),
        standing={(at, col): Standing(*tube) for at, col, *tube in standing},
        held={(at, col): Held(UUID(number), name) for at, col, number, name in held},
    )
