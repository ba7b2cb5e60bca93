"""What a scanned code is, within reach of the person who asks. A tube is answered by one prepared statement."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from biobank import ids
from biobank.actor import Permission, Scope
from biobank.errors import NotFound
from biobank.labelling.rules import LabelVoided
from biobank.labelling.taking import blank
from biobank.scan.rules import KIND_WORDS, AmbiguousCode, place_words
from biobank.storage.grids import Grid, label
from biobank.tx import ReadTx

RESOLVE = """
select i.status, s.code, st.code as study, si.code as site, s.specimen_type, t.title,
       case when not s.is_blind_duplicate then p.code end as participant,
       s.level, s.quantity, s.unit, s.is_partial, s.existence, s.quality, s.hold, s.freeze_thaw_count,
       (select l.label from state_label l where l.id = s.quality_label_id) as quality_label,
       case when i.status in ('superseded', 'damaged') then
           (select a.value from identifier a
             where a.specimen_id = s.id and a.namespace = 'house' and a.status = 'active')
       end as replaced_by,
       coalesce((select o.reservation from tube_claim o where o.specimen_id = s.id), 'free') as reservation,
       u.row, u.col, bt.rows, bt.cols, bt.label_scheme, bt.rows_per_group, bt.position_names,
       way.codes as path_codes, way.names as path_names,
       h.display_name as holder, g.code as package, e.name as party, u.terminal as ended
  from identifier i
  join specimen s on s.id = i.specimen_id
  join custody u on u.specimen_id = s.id
  join specimen_type t on t.code = s.specimen_type
  join study st on st.id = s.study_id
  join site si on si.id = s.site_id
  left join participant p on p.id = s.participant_id
  left join container b on b.id = u.container_id
  left join container_type bt on bt.id = b.type_id
  left join lateral (
      with recursive up as (
          select c.parent_id, c.code, c.name, 0 as depth from container c where c.id = u.container_id
          union all
          select c.parent_id, c.code, c.name, up.depth + 1 from up join container c on c.id = up.parent_id
      ) select array_agg(up.code order by depth desc) as codes, array_agg(up.name order by depth desc) as names from up
  ) way on true
  left join app_user h on h.id = u.holder_id
  left join package g on g.id = u.package_id
  left join external_party e on e.id = u.external_party_id
 where i.namespace = 'house' and i.value = $1
   and ($2::boolean or s.study_id = any($3::bigint[])
        or exists (select from unnest($4::bigint[], $5::bigint[]) as held(study, site)
                    where held.study = s.study_id and held.site in (s.site_id, u.site_id)))
"""
"""A tube by its house id, $1; $2 to $5 are the reach as `Scope.arrays` gives it."""

RESOLVE_OTHER = """
select i.namespace, i.status, n.id as label_range, s.code as tube,
       coalesce(k.code, p.code, g.code, x.code, w.code, q.code, t.code) as code,
       st.code as study, si.code as site, k.name, x.code as shipment, r.name as run,
       way.codes as path_codes, way.names as path_names
  from identifier i
  left join specimen s on s.id = i.specimen_id
  left join container k on k.id = i.container_id
  left join participant p on p.id = i.participant_id
  left join package g on g.id = i.package_id
  left join shipment x on x.id = coalesce(i.shipment_id, g.shipment_id)
  left join plate w on w.id = i.plate_id
  left join assay_run r on r.id = w.run_id
  left join pick_list q on q.id = i.pick_list_id
  left join kit t on t.id = i.kit_id
  left join label_range n on n.id = t.range_id
  left join study st on st.id = coalesce(p.study_id, x.study_id, r.study_id, q.study_id, n.study_id)
  left join site si on si.id = coalesce(k.site_id, p.site_id, x.from_site_id, r.site_id, q.site_id, n.site_id)
  left join lateral (
      with recursive up as (
          select c.parent_id, c.code, c.name, 0 as depth from container c where c.id = k.id
          union all
          select c.parent_id, c.code, c.name, up.depth + 1 from up join container c on c.id = up.parent_id
      ) select array_agg(up.code order by depth desc) as codes, array_agg(up.name order by depth desc) as names from up
  ) way on true
 where i.namespace = any($1::text[]) and i.value = any($2::text[])
   and (s.id is not null or $3::boolean or st.id = any($4::bigint[])
        or exists (select from unnest($5::bigint[], $6::bigint[]) as held(study, site)
                    where held.study = st.id and held.site in (si.id, x.to_site_id))
        or exists (select from study_site o where o.site_id = k.site_id
                      and (o.study_id = any($4::bigint[])
                           or (o.study_id, o.site_id) in (select * from unnest($5::bigint[], $6::bigint[])))))
"""
"""Any other code: namespaces, values, the reach. A tube's row only leads to its house id, which `RESOLVE` answers."""

_FOREIGN = "select array_agg(code) from namespace where code <> 'house'"
_HOUSE = "house"
_HREFS: Mapping[ids.Kind, str] = {
    ids.Kind.BOX: "/storage/",
    ids.Kind.RACK: "/storage/",
    ids.Kind.LOCATION: "/storage/",
    ids.Kind.PARTICIPANT: "/participants/",
    ids.Kind.PICK_LIST: "/pick-lists/",
}


class PlaceView(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    code: str
    href: str


class TubeView(BaseModel):
    """A tube. `place` is position, holder, package, party or ended; `where` says it in words."""

    model_config = ConfigDict(frozen=True)
    type: str
    title: str
    participant: str | None
    level: str
    quantity: str
    unit: str
    is_partial: bool
    existence: str
    quality: str
    quality_label: str | None
    hold: str | None
    reservation: str
    freeze_thaw_count: int
    place: str
    where: str
    position: str | None


class CodeView(BaseModel):
    """What a code names. `status` is the label's, and `replaced_by` the label that took its place; `tube` is there for
    tubes only; `path` leads down to the place.
    """

    model_config = ConfigDict(frozen=True)
    kind: str
    code: str
    namespace: str
    status: str
    study: str | None
    site: str | None
    name: str | None
    path: tuple[PlaceView, ...]
    href: str | None
    tube: TubeView | None
    replaced_by: str | None = None


async def resolve_hot(pool: Any, text: str, scope: Scope) -> dict[str, Any]:
    """What a code names, as the plain values of a `CodeView`: the look-up of every scan, without a session around it.

    Raises:
        NotFound: unknown or out of reach.
        AmbiguousCode: two makers gave the same code to two things.
    """
    return await _resolve(pool, text, scope)


async def resolve(tx: ReadTx, text: str, permission: Permission = Permission.SPECIMEN_READ) -> CodeView:
    """The same within an open transaction.

    Raises:
        NotFound: unknown or out of reach.
        AmbiguousCode: two makers gave the same code to two things.
        LabelVoided: the label was withdrawn.
        LabelNotApplied, LabelNotIssued, LabelOfAnotherSite: a pre-printed label that is on no tube.
    """
    try:
        found = CodeView.model_validate(await _resolve(await tx.bare(), text, tx.scope(permission)))
    except NotFound:
        said = await blank(tx, text, permission)
        if said is not None:
            raise said from None
        raise
    if found.status == "void":
        raise LabelVoided(
            f"The label {ids.grouped(found.code)} was voided: put the {found.kind} aside and tell the manager.",
            scanned=found.code,
        )
    return found


async def _resolve(connection: Any, text: str, scope: Scope) -> dict[str, Any]:
    canonical = ids.canonical(text)
    if canonical.startswith(ids.Kind.TUBE) and ids.looks_like_house_id(canonical):
        row = await connection.fetchrow(RESOLVE, canonical, *scope.arrays())
        if row is not None:
            return _tube(row, _HOUSE)
    return await _resolve_other(connection, text, canonical, scope)


async def _resolve_other(connection: Any, text: str, canonical: str, scope: Scope) -> dict[str, Any]:
    """Places, participants, shipments and plates, and whatever carries a vendor's code or one of an older system."""
    namespaces = [_HOUSE]
    if not ids.looks_like_house_id(canonical) or canonical.startswith(ids.Kind.TUBE):
        namespaces = await connection.fetchval(_FOREIGN)
    values = list({canonical, text.strip()})
    rows: Sequence[Any] = await connection.fetch(RESOLVE_OTHER, namespaces, values, *scope.arrays())
    if not rows and namespaces == [_HOUSE]:
        rows = await connection.fetch(RESOLVE_OTHER, await connection.fetchval(_FOREIGN), values, *scope.arrays())
    if len(rows) > 1:
        makers = " and ".join(sorted(row["namespace"] for row in rows))
        raise AmbiguousCode(
            f"{canonical[:40]} was given out by {makers}: scan the house label instead.", scanned=canonical[:40]
        )
    if rows and rows[0]["tube"] is None:
        return _other(rows[0])
    tube = await connection.fetchrow(RESOLVE, rows[0]["tube"], *scope.arrays()) if rows else None
    if tube is None:
        raise NotFound(
            f"There is nothing with the code {ids.grouped(canonical)[:40]} within your reach.", scanned=canonical[:40]
        )
    return _tube(tube, rows[0]["namespace"]) | {"status": rows[0]["status"]}


def _path(row: Any) -> list[dict[str, str]]:
    steps = zip(row["path_names"] or (), row["path_codes"] or (), strict=True)
    return [{"name": name, "code": code, "href": f"/storage/{code}"} for name, code in steps]


def _other(row: Any) -> dict[str, Any]:
    kind = ids.Kind(row["code"][0])
    ways = (
        (f"/shipments/{row['shipment']}", row["shipment"]),
        (f"/label-ranges/{row['label_range']}", row["label_range"]),
        (f"{_HREFS.get(kind)}{row['code']}", kind in _HREFS),
    )
    return {
        "kind": KIND_WORDS[kind],
        "code": row["code"],
        "namespace": row["namespace"],
        "status": row["status"],
        "study": row["study"],
        "site": row["site"],
        "name": row["name"] or row["run"],
        "path": _path(row),
        "href": next((href for href, leads in ways if leads), None),
        "tube": None,
    }


def _tube(row: Any, namespace: str) -> dict[str, Any]:
    place = next((name for name in ("holder", "package", "party", "ended") if row[name] is not None), "position")
    position = None
    if place == "position":
        grid = Grid(
            row["rows"],
            row["cols"],
            row["label_scheme"],
            group=row["rows_per_group"] or 1,
            names=tuple(row["position_names"] or ()),
        )
        position = label(grid, row["row"], row["col"])
        where = " / ".join([*row["path_names"], position])
    else:
        where = place_words(place, row[place])
    return {
        "kind": "tube",
        "code": row["code"],
        "namespace": namespace,
        "status": row["status"],
        "study": row["study"],
        "site": row["site"],
        "name": None,
        "path": _path(row),
        "href": f"/specimens/{row['code']}",
        "replaced_by": row["replaced_by"],
        "tube": {
            "type": row["specimen_type"],
            "title": row["title"],
            "participant": row["participant"],
            "level": row["level"],
            "quantity": f"{row['quantity']:f}",
            "unit": row["unit"],
            "is_partial": row["is_partial"],
            "existence": row["existence"],
            "quality": row["quality"],
            "quality_label": row["quality_label"],
            "reservation": row["reservation"],
            "hold": row["hold"],
            "freeze_thaw_count": row["freeze_thaw_count"],
            "place": place,
            "where": where,
            "position": position,
        },
    }
