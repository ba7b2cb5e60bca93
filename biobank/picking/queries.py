"""Pick lists, reservations and searches as people may see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.exact import Exact
from biobank.identifier.models import Identifier
from biobank.paging import Page, cut
from biobank.picking import rules
from biobank.picking.models import PickList, PickListLine
from biobank.picking.rules import Spot
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage.grids import label
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import Place, grid_of, paths, place
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SpotView(View):
    """A position: its box, the way down to it, and what it is called. Rows and columns count from 0."""

    box: str
    path: tuple[Place, ...]
    position: str
    words: str
    row: Annotated[int, Field(exclude=True)] = 0
    col: Annotated[int, Field(exclude=True)] = 0


class LineView(View):
    """A tube of a list. `at` is where it stands now (absent: in no box), `came_from` where it was picked from."""

    tube: str
    status: str
    type: str
    type_title: str
    quantity: Exact
    unit: str
    at: SpotView | None
    came_from: SpotView | None
    place: str
    substitute_of: str | None
    note: str | None
    settled_by: str | None
    settled_at: datetime | None


class PickCounts(View):
    """How many lines are in each state; `total` is all of them."""

    total: int = 0
    to_pick: int = 0
    picked: int = 0
    not_found: int = 0
    short: int = 0
    substituted: int = 0
    skipped: int = 0
    withdrawn: int = 0


class PickListRow(View):
    """A pick list in a list. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)] = 0
    code: str
    study: str
    site: str
    timezone: str
    purpose: str
    destination: str
    status: str
    created_by: str
    created_at: datetime
    counts: PickCounts


class PickStep(View):
    """A step that was taken: who and when."""

    step: str
    by: str | None
    at: datetime


class PickListView(PickListRow):
    """A pick list with its lines in freezer order: one line for each tube, the next one to fetch first among those that
    wait. `next` names what the viewer may do now; `row_version` goes with the finishing steps.
    """

    row_version: int
    handed_to: str | None
    handed_for: str | None
    cancel_reason: str | None
    lines: tuple[LineView, ...]
    steps: tuple[PickStep, ...]
    next: tuple[str, ...]

    @property
    def waiting(self) -> LineView | None:
        """The line that is fetched next."""
        return next((line for line in self.lines if line.status == "to_pick"), None)

    @property
    def put_back(self) -> tuple[LineView, ...]:
        """Tubes that were picked, are in somebody's hands and go nowhere: their lines were withdrawn or their list was
        cancelled.
        """
        gone = {"picked", "withdrawn"} if self.status == "cancelled" else {"withdrawn"}
        picked = (line for line in self.lines if line.status in gone and line.place == "holder")
        return tuple(line for line in picked if line.status == "picked" or line.came_from)


def pick_list_code(text: str) -> str:
    """The canonical code of a pick list that was typed or scanned.

    Raises:
        Invalid: no pick list's id.
    """
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no pick list's id: {error}.", errors={"pick_list": str(error)}
        ) from None
    if kind is not ids.Kind.PICK_LIST:
        raise Invalid(
            f"{ids.grouped(code)} is not a pick list's id: those start with Q.",
            errors={"pick_list": "does not start with Q"},
        )
    return code


async def named_tubes(tx: ReadTx, texts: Sequence[str], field: str = "tube") -> tuple[str, ...]:
    """The house ids of tubes by any of their codes, in the order given; one that is not within reach is taken as a
    house id.

    Raises:
        Invalid: naming the text that is no code of a tube, was misread, or is the code of several.
    """
    wanted = [(text, {text.strip(), ids.canonical(text)}) for text in texts]
    values = set().union(*(names for _, names in wanted)) if wanted else set()
    rows = await tx.session.execute(
        select(Identifier.value, Specimen.code)
        .join(Specimen, Specimen.id == Identifier.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(
            Identifier.value.in_(values),
            Identifier.status.in_(("active", "superseded", "damaged")),
            within(tx.scope(Permission.SPECIMEN_READ)),
        )
    )
    by_value: dict[str, set[str]] = {}
    for row in rows:
        by_value.setdefault(row.value, set()).add(row.code)
    return tuple(
        _one(text, {tube for name in names for tube in by_value.get(name, ())}, field) for text, names in wanted
    )


def _one(text: str, found: set[str], field: str) -> str:
    if len(found) == 1:
        return found.pop()
    shown = ids.grouped(ids.canonical(text))[:40]
    if found:
        raise Invalid(f"Several tubes have the code {shown}: scan the house label.", errors={field: "is ambiguous"})
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(f"{shown} is no tube's code: {error}.", errors={field: str(error)}) from None
    if kind is not ids.Kind.TUBE:
        raise Invalid(f"{shown} is not a tube's id: those start with T.", errors={field: "does not start with T"})
    return code


async def find_pick_list(tx: ReadTx, code: str, permission: Permission, *, lock: bool = False) -> PickList:
    """A pick list within reach; with `lock` nobody else changes it until the end.

    Raises:
        Invalid: the text is no pick list's id.
        NotFound: none of this id within reach.
    """
    canonical = pick_list_code(code)
    query = select(PickList).where(
        PickList.code == canonical, visible(tx.scope(permission), PickList.study_id, PickList.site_id)
    )
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no pick list {ids.grouped(canonical)}.", pick_list=canonical)
    return found


_STATUSES = tuple(name for name in PickCounts.model_fields if name != "total")


def _rows() -> Any:
    numbers = (
        select(
            PickListLine.pick_list_id,
            func.count().label("total"),
            *(func.count().filter(PickListLine.status == status).label(status) for status in _STATUSES),
        )
        .group_by(PickListLine.pick_list_id)
        .subquery()
    )
    return (
        select(
            PickList.id,
            PickList.code,
            Study.code.label("study"),
            Site.code.label("site"),
            Site.timezone,
            PickList.purpose,
            PickList.destination,
            PickList.status,
            AppUser.display_name.label("created_by"),
            PickList.created_at,
            *(func.coalesce(numbers.c[name], 0).label(name) for name in PickCounts.model_fields),
        )
        .join(Study, Study.id == PickList.study_id)
        .join(Site, Site.id == PickList.site_id)
        .join(AppUser, AppUser.id == PickList.created_by)
        .outerjoin(numbers, numbers.c.pick_list_id == PickList.id)
    )


def _row(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    counts = PickCounts(**{name: values.pop(name) for name in PickCounts.model_fields})
    return {**values, "counts": counts}


async def pick_lists(
    tx: ReadTx,
    *,
    status: str | None = None,
    study: str | None = None,
    site: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[PickListRow]:
    """Pick lists within reach, the newest first; the status `unfinished` is all that are neither handed over nor
    cancelled.
    """
    query = (
        _rows()
        .where(visible(tx.scope(Permission.SPECIMEN_READ), PickList.study_id, PickList.site_id))
        .order_by(PickList.id.desc())
        .limit(limit + 1)
    )
    if after:
        query = query.where(PickList.id < after)
    if status == "unfinished":
        query = query.where(PickList.status.not_in(("handed_over", "cancelled")))
    elif status:
        query = query.where(PickList.status == status)
    if study:
        query = query.where(Study.code == study)
    if site:
        query = query.where(Site.code == site)
    rows = [PickListRow(**_row(row)) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


async def pick_list(tx: ReadTx, code: str) -> PickListView:
    """One pick list with its lines in freezer order.

    Raises:
        NotFound: none of this id within reach.
    """
    return await pick_list_view(tx, await find_pick_list(tx, code, Permission.SPECIMEN_READ))


async def pick_list_view(tx: ReadTx, found: PickList) -> PickListView:
    row = (await tx.session.execute(_rows().where(PickList.id == found.id))).one()
    values = _row(row)
    handed_to = await _name(tx, found.handed_to)
    return PickListView(
        **values,
        row_version=found.row_version,
        handed_to=handed_to,
        handed_for=found.handed_for,
        cancel_reason=found.cancel_reason,
        lines=await _lines(tx, found),
        steps=await _steps(tx, found),
        next=tuple(
            deed.value
            for deed in rules.next_deeds(
                found.status,
                picks=tx.scope(Permission.SPECIMEN_PICK).covers(found.study_id, found.site_id),
                picked=values["counts"].picked,
            )
        ),
    )


async def _name(tx: ReadTx, user_id: int | None) -> str | None:
    if user_id is None:
        return None
    return (await tx.session.execute(select(AppUser.display_name).where(AppUser.id == user_id))).scalar_one()


async def _lines(tx: ReadTx, found: PickList) -> tuple[LineView, ...]:
    first, original = aliased(PickListLine), aliased(Specimen)
    rows = (
        await tx.session.execute(
            select(
                Specimen.code.label("tube"),
                PickListLine.status,
                Specimen.specimen_type.label("type"),
                SpecimenType.title.label("type_title"),
                Specimen.quantity,
                Specimen.unit,
                Custody.container_id,
                Custody.row,
                Custody.col,
                Custody.holder_id,
                Custody.package_id,
                Custody.external_party_id,
                PickListLine.from_container_id,
                PickListLine.from_row,
                PickListLine.from_col,
                original.code.label("substitute_of"),
                PickListLine.note,
                AppUser.display_name.label("settled_by"),
                PickListLine.settled_at,
            )
            .join(Specimen, Specimen.id == PickListLine.specimen_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
            .outerjoin(AppUser, AppUser.id == PickListLine.settled_by)
            .outerjoin(first, first.id == PickListLine.substitute_of)
            .outerjoin(original, original.id == first.specimen_id)
            .where(PickListLine.pick_list_id == found.id)
        )
    ).all()
    spots = [(row.container_id, row.row, row.col) for row in rows]
    spots += [(row.from_container_id, row.from_row, row.from_col) for row in rows]
    known = await places(tx, [spot for spot in spots if spot[0] is not None])
    names = ("tube", "status", "type", "type_title", "quantity", "unit", "substitute_of", "note")
    views = {
        row.tube: LineView(
            **{name: row._mapping[name] for name in (*names, "settled_by", "settled_at")},
            at=known.get((row.container_id, row.row, row.col)),
            came_from=known.get((row.from_container_id, row.from_row, row.from_col)),
            place=_place(row),
        )
        for row in rows
    }
    # A picked tube keeps its turn: it is ordered by where it came from.
    order = rules.freezer_order((code, _spot(line.came_from or line.at)) for code, line in views.items())
    return tuple(views[code] for code in order)


def _place(row: Any) -> str:
    kinds = {"container_id": "position", "holder_id": "holder", "package_id": "package", "external_party_id": "party"}
    return next((kind for column, kind in kinds.items() if getattr(row, column) is not None), "ended")


def _spot(at: SpotView | None) -> Spot | None:
    return None if at is None else Spot(tuple(step.name for step in at.path), at.row, at.col)


async def places(tx: ReadTx, spots: Sequence[tuple[int, int, int]]) -> Mapping[tuple[int, int, int], SpotView]:
    """Positions by container, row and column, with their names."""
    boxes = {container for container, _, _ in spots}
    kinds = await tx.session.execute(
        select(Container.id, ContainerType)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .where(Container.id.in_(boxes))
    )
    grids = {row.id: grid_of(row.ContainerType) for row in kinds}
    ways = await paths(tx, boxes) if boxes else {}
    found = {}
    for box, row, col in spots:
        grid = grids[box]
        name = "" if grid is None else label(grid, row, col)
        steps = ways[box]
        found[box, row, col] = SpotView(
            box=steps[-1].code,
            path=tuple(place(step) for step in steps),
            position=name,
            words=" / ".join([*(step.name for step in steps), name]),
            row=row,
            col=col,
        )
    return found


async def _steps(tx: ReadTx, found: PickList) -> tuple[PickStep, ...]:
    taken = [
        ("made", found.created_by, found.created_at),
        ("started", found.started_by, found.started_at),
        ("verified", found.verified_by, found.verified_at),
        ("handed over", found.handed_over_by, found.handed_over_at),
        ("cancelled", found.cancelled_by, found.cancelled_at),
    ]
    people = await tx.session.execute(
        select(AppUser.id, AppUser.display_name).where(AppUser.id.in_({by for _, by, _ in taken if by is not None}))
    )
    names = {row.id: row.display_name for row in people}
    return tuple(PickStep(step=step, by=names.get(by or 0), at=at) for step, by, at in taken if at is not None)
