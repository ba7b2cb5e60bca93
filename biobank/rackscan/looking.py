"""One look at a box and at every tube that a scan of it names.

A message to the database costs as much as what a small statement does, so there are three, however many tubes are in a
rack: `_SAID` reads what people said of a scan, `_HOLD` locks the participants, the tubes and the box in this order, and
`_LOOK` then reads what the rules ask. Nothing is decided here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from biobank import ids
from biobank.actor import Permission
from biobank.errors import DomainError
from biobank.rackscan.rules import At, Known, Standing
from biobank.storage import grids
from biobank.storage import rules as places
from biobank.storage.grids import Grid
from biobank.storage.looking import BOX_WITHIN, TUBE_WITHIN
from biobank.storage.queries import find_box
from biobank.storage.rules import Held, Step
from biobank.tx import ReadTx, Tx


@dataclass(frozen=True, slots=True)
class Box:
    """The box of a scan, as it is at the look."""

    id: int
    code: str
    name: str
    site_id: int


@dataclass(frozen=True, slots=True)
class Need:
    """What a tube asks of the box that it comes into, and whether the box takes its format."""

    id: int
    tube: str
    specimen_type: str
    tube_type: str
    participant_id: int | None
    required: str
    required_rank: int
    format: str | None
    fits: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """A box with the way down to it, what should stand in it and what is kept free; and by text, the tubes that are
    known. `withdrawn` are, by participant, the code and the levels of withdrawals that stand.
    """

    box: Box
    grid: Grid
    steps: tuple[Step, ...]
    standing: Mapping[At, Standing]
    held: Mapping[At, Held]
    known: Mapping[str, Known]
    needs: Mapping[int, Need]
    withdrawn: Mapping[int, tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Said:
    """What people said of a scan: by position the code that was scanned by hand, by tube what became of it; and who
    read it.
    """

    answers: Mapping[At, str | None]
    decided: Mapping[int, str]
    read_by: str


_SAID = """
select (select json_agg(json_build_array(a.row, a.col, a.code))::text
          from rack_scan_answer a where a.rack_scan_id = r.id) as answers,
       (select json_agg(json_build_array(d.specimen_id, d.decision))::text
          from rack_scan_decision d where d.rack_scan_id = r.id) as decided,
       p.display_name as read_by
  from rack_scan r join app_user p on p.id = r.read_by
 where r.id = $1
"""

# Everybody locks people, tubes and boxes in this order, and each kind by id. A part waits for the one before it, by the
# count of its rows.
_HOLD = f"""
with concerned as materialized (
    select u.specimen_id as id from custody u where u.container_id = $5
    union select i.specimen_id from identifier i where i.value = any($6::text[]) and i.specimen_id is not null
), donor as materialized (
    select p.id from participant p
     where p.id = any(array(select s.participant_id from concerned c join specimen s on s.id = c.id))
     order by p.id for share
), tube as materialized (
    select s.id from specimen s join custody u on u.specimen_id = s.id
     where s.id = any(array(select id from concerned)) and (select count(*) from donor) >= 0
     order by s.id for update of s, u
), box as materialized (
    select c.id from container c where c.id = $5 and (select count(*) from tube) >= 0 and {BOX_WITHIN}
       for no key update
)
select id from box
"""  # noqa: S608

# What is unknown, void, no tube, or out of reach and not in the box is left out: all look the same.
_LOOK = f"""
with standing as materialized (
    select u.row, u.col, s.id, case when {TUBE_WITHIN} then s.code end as code
      from custody u join specimen s on s.id = u.specimen_id where u.container_id = $5
), named as materialized (
    select i.value, s.id, s.code, {TUBE_WITHIN} as seen, s.existence, s.hold, s.specimen_type, s.tube_type,
           s.participant_id, u.container_id, u.row, u.col, u.package_id, u.external_party_id, u.terminal,
           h.display_name as holder,
           coalesce((select max(l.copy_no) from label_print l join identifier o on o.id = l.identifier_id
                      where o.specimen_id = s.id and o.namespace = 'house' and o.status = 'active'), 0) as copies
      from unnest($6::text[], $7::boolean[]) as asked(value, house)
      join identifier i on i.value = asked.value and (i.namespace = 'house') = asked.house
      join specimen s on s.id = i.specimen_id
      join custody u on u.specimen_id = s.id
      left join app_user h on h.id = u.holder_id
     where i.status <> 'void' and ({TUBE_WITHIN} or s.id in (select id from standing))
), around as materialized (
    select c.id, c.type_id, array(select w.name from container_path p
                                    cross join lateral unnest(p.ancestors) with ordinality a(id, n)
                                    join container w on w.id = a.id where p.container_id = c.id order by a.n) as names
      from container c where c.id = any(array(select container_id from named union select $5))
), taken as materialized (
    select f.tube_format from container_type_format f join container c on c.type_id = f.container_type_id
     where c.id = $5
)
select c.id, c.code, c.name, c.site_id, c.type_id,
       (select json_agg(json_build_array(w.id, w.code, w.name, y.level, w.status, w.temperature_class, k.rank)
                        order by a.n)::text
          from container_path p cross join lateral unnest(p.ancestors) with ordinality a(id, n)
          join container w on w.id = a.id join container_type y on y.id = w.type_id
          join temperature_class k on k.code = w.temperature_class
         where p.container_id = c.id) as steps,
       (select json_agg(json_build_array(t.row, t.col, t.id, t.code))::text from standing t) as standing,
       (select json_agg(json_build_array(h.row, h.col, r.number, r.name))::text
          from reserved_position h join storage_reservation r on r.id = h.reservation_id
         where h.container_id = c.id and h.ended_at is null and r.expires_at > $8) as held,
       (select json_agg(row_to_json(n))::text from named n) as named,
       (select json_agg(json_build_array(a.id, a.type_id, a.names))::text from around a) as around,
       (select json_agg(json_build_array(t.id, t.rows, t.cols, t.label_scheme, t.fill_order, t.rows_per_group,
                                         t.position_names))::text
          from container_type t where t.id in (select type_id from around)) as kinds,
       (select json_agg(json_build_array(q.code, m.code, m.rank))::text
          from specimen_type q join temperature_class m on m.code = q.temperature_class
         where q.code in (select specimen_type from named)) as materials,
       (select json_agg(json_build_array(
                   v.code, f.title,
                   f.code is null or not exists (select from taken) or f.code in (select tube_format from taken)))::text
          from tube_type v left join tube_format f on f.code = v.format
         where v.code in (select tube_type from named)) as makes,
       (select json_agg(json_build_array(p.id, p.code, array(
                   select w.level from withdrawal w where w.participant_id = p.id
                      and not exists (select from withdrawal_rescission e where e.withdrawal_id = w.id)))
                        order by p.id)::text
          from participant p where p.id in (select participant_id from named)
           and exists (select from withdrawal w where w.participant_id = p.id)) as withdrawn
  from container c
 where c.id = $5
"""  # noqa: S608
"""The box $5, the values $6 of the house or not ($7), at the moment $8; tubes are named within the reach."""


async def said(tx: ReadTx, scan_id: int) -> Said:
    row = await tx.fetchrow(_SAID, scan_id)
    answers, decided = (msgspec.json.decode(row[name] or "[]") for name in ("answers", "decided"))
    return Said({(at, col): code for at, col, code in answers}, dict(decided), row["read_by"])


def labels_of(texts: Iterable[str]) -> Mapping[str, tuple[str, bool]]:
    """By text, the value that the register has for it, and whether it looks like an id of the house."""
    found = {}
    for text in texts:
        canonical = ids.canonical(text)
        house = ids.looks_like_house_id(canonical)
        found[text] = (canonical if house else text.strip(), house)
    return found


async def hold(tx: Tx, code: str, box_id: int, texts: Iterable[str]) -> None:
    """Hold the tubes that should stand in a box and those that these codes name, their people and the box until the
    end, in the order in which everybody takes them: to be done before a look counts.

    Raises:
        NotFound: the box is out of reach by now.
    """
    values = sorted({value for value, _ in labels_of(texts).values()})
    held = await tx.fetchrow(_HOLD, *tx.scope(Permission.STORAGE_STORE).arrays(), box_id, values)
    if held is None:
        await find_box(tx, code, Permission.STORAGE_STORE)


async def look(tx: ReadTx, box_id: int, texts: Collection[str]) -> Sight:
    """A box, and by text the tube that it names: one within reach, or one that should stand in the box. What two makers
    name differently is left out.
    """
    labels = labels_of(texts)
    asked = sorted(set(labels.values()))
    row = await tx.fetchrow(
        _LOOK,
        *tx.scope(Permission.STORAGE_STORE).arrays(),
        box_id,
        [value for value, _ in asked],
        [house for _, house in asked],
        tx.now,
    )
    read: dict[str, list[Any]] = {name: msgspec.json.decode(row[name] or "[]") for name in _LISTS}
    kinds = {number: _grid(*kind) for number, *kind in read["kinds"]}
    spots = {number: (places.words(names), kinds[kind]) for number, kind, names in read["around"]}
    by_value: dict[str, list[Mapping[str, Any]]] = {}
    for tube in read["named"]:
        by_value.setdefault(tube["value"], []).append(tube)
    materials = {material: cold for material, *cold in read["materials"]}
    makes = {make: shape for make, *shape in read["makes"]}
    return Sight(
        box=Box(row["id"], row["code"], row["name"], row["site_id"]),
        grid=kinds[row["type_id"]],
        steps=tuple(Step(*step) for step in read["steps"]),
        standing={(at, col): Standing(*tube) for at, col, *tube in read["standing"]},
        held={(at, col): Held(UUID(number), name) for at, col, number, name in read["held"]},
        known={
            text: _known(by_value[value][0], spots)
            for text, (value, _) in labels.items()
            if len({tube["id"] for tube in by_value.get(value, [])}) == 1
        },
        needs={
            tube["id"]: Need(
                *(tube[name] for name in ("id", "code", "specimen_type", "tube_type", "participant_id")),
                *materials[tube["specimen_type"]],
                *makes[tube["tube_type"]],
            )
            for tube in read["named"]
        },
        withdrawn={number: (code, tuple(levels)) for number, code, levels in read["withdrawn"]},
    )


_LISTS = ("steps", "standing", "held", "named", "around", "kinds", "materials", "makes", "withdrawn")


def _grid(rows: int, cols: int, scheme: str, order: str, group: int | None, names: Sequence[str] | None) -> Grid:
    return Grid(rows, cols, scheme, order, group or 1, tuple(names or ()))


def _known(tube: Mapping[str, Any], spots: Mapping[int, tuple[str, Grid]]) -> Known:
    place, where = "in_hand", f"in hand: {tube['holder']}"
    if tube["container_id"] is not None:
        words, grid = spots[tube["container_id"]]
        place, where = "stored", f"{words} / {grids.label(grid, tube['row'], tube['col'])}"
    elif tube["terminal"] is not None:
        place, where = "lost", f"was {tube['terminal']}"
    code = tube["code"] if tube["seen"] else None
    return Known(tube["id"], code, place, where, _refused(tube), tube["copies"])


def _refused(tube: Mapping[str, Any]) -> str | None:
    """Why the tube may not be stored here, in the words of a single store."""
    if tube["package_id"] is not None:
        return "is in a shipment: unpack or receive it first"
    if tube["external_party_id"] is not None:
        return "is with a laboratory outside the house: receive it first"
    try:
        places.check_in_existence(tube["code"], tube["existence"])
        places.check_not_held(tube["code"], tube["hold"])
    except DomainError as error:
        return error.detail
    return None
