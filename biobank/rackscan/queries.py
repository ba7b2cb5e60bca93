"""What a scan of a rack says now: its codes resolved, and each position beside what should stand there."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import defer

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import DomainError, NotFound
from biobank.identifier.models import HOUSE, Identifier
from biobank.rackscan import rules
from biobank.rackscan.models import RackScan, RackScanAnswer, RackScanDecision
from biobank.rackscan.rules import At, Diff, Known, Seen, Standing
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage import grids
from biobank.storage import queries as storage
from biobank.storage import rules as places
from biobank.storage.grids import Grid
from biobank.storage.models import Container, ContainerType
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CellView(View):
    """A position of the box. `kind` is empty, unchanged, new (it is in hand, or was lost), moved (within the box),
    brought (from another box), gone, foreign, refused, unread, duplicate or two_labels; `code` as the scanner read it,
    `was` where the tube comes from or why it stays out.
    """

    row: int
    col: int
    label: str
    kind: str
    code: str | None
    tube: str | None
    was: str | None
    by_hand: bool
    needs_an_answer: bool


class GoneView(View):
    """A tube that should stand in the box and was not seen; `decision` is unread, taken_out or missing. `tube` is None
    where it is out of reach.
    """

    tube: str | None
    position: str
    may_be_unread: bool
    decision: str | None


class RackScanRow(View):
    """A scan in the list of a box."""

    number: int
    file_name: str
    layout: str
    status: str
    read_by: str
    read_at: datetime


class RackScanView(RackScanRow):
    """A scan with what it says. `digest` stands for all that is shown: a commit names it, so that nothing is stored
    that nobody looked at. `turned` says how the rack was probably held. A finished scan has no cells any more.
    """

    box: str
    name: str
    where: str
    sha256: str
    rack_code: str | None
    scanner: str | None
    scanned_at: str | None
    notes: tuple[str, ...]
    rows: int
    cols: int
    row_labels: tuple[str, ...]
    col_labels: tuple[str, ...]
    cells: tuple[CellView, ...]
    gone: tuple[GoneView, ...]
    counts: Mapping[str, int]
    turned: str | None
    agree: int
    of: int
    ready: bool
    digest: str | None
    undo: str | None = None


_COPIES: ColumnElement[int] = literal_column(
    "(select max(p.copy_no) from label_print p join identifier i on i.id = p.identifier_id"
    " where i.specimen_id = specimen.id and i.namespace = 'house' and i.status = 'active')"
)


async def find_scan(
    tx: ReadTx, code: str, number: int, permission: Permission, *, lock: bool = False
) -> tuple[RackScan, Container, Grid]:
    """A scan of a box within reach; with `lock` the scan is held until the end.

    Raises:
        NotFound: no such box, or no such scan of it.
        NotABox: no box.
    """
    box, grid = await storage.find_box(tx, code, permission)
    query = select(RackScan).options(defer(RackScan.content)).where(RackScan.id == number)
    query = query.where(RackScan.container_id == box.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"{box.name} has no scan {number}.", container=box.code)
    return found, box, grid


async def standing(tx: ReadTx, box_id: int) -> Mapping[At, Standing]:
    """What should stand in a box; without the code of what is out of reach."""
    seen = within(tx.scope(Permission.STORAGE_STORE)).label("seen")
    rows = await tx.session.execute(
        select(Custody.row, Custody.col, Specimen.id, Specimen.code, seen)
        .join(Specimen, Specimen.id == Custody.specimen_id)
        .where(Custody.container_id == box_id)
    )
    return {(row.row, row.col): Standing(row.id, row.code if row.seen else None) for row in rows}


def labels_of(texts: Iterable[str]) -> Mapping[str, tuple[str, bool]]:
    """By text, the value that the register has for it, and whether it looks like an id of the house."""
    found = {}
    for text in texts:
        canonical = ids.canonical(text)
        house = ids.looks_like_house_id(canonical)
        found[text] = (canonical if house else text.strip(), house)
    return found


async def known(tx: ReadTx, texts: Collection[str], box_id: int, inside: Collection[int] = ()) -> Mapping[str, Known]:
    """By text, the tube that it names: one within reach, or one that should stand in the box (`inside`, by id).

    What is unknown, void, no tube, named by two makers or out of reach is left out: all look the same.
    """
    labels = labels_of(texts)
    house = [value for value, is_house in labels.values() if is_house]
    others = [value for value, is_house in labels.values() if not is_house]
    if not labels:
        return {}
    reached = within(tx.scope(Permission.STORAGE_STORE))
    rows = (
        await tx.session.execute(
            select(
                Identifier.value,
                Specimen.id,
                Specimen.code,
                Specimen.existence,
                Specimen.hold,
                Custody.container_id,
                Custody.row,
                Custody.col,
                Custody.package_id,
                Custody.external_party_id,
                Custody.terminal,
                AppUser.display_name,
                reached.label("seen"),
                func.coalesce(_COPIES, 0).label("copies"),
            )
            .join(Specimen, Specimen.id == Identifier.specimen_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .outerjoin(AppUser, AppUser.id == Custody.holder_id)
            .where(
                or_(
                    and_(Identifier.namespace == HOUSE, Identifier.value.in_(house)),
                    and_(Identifier.namespace != HOUSE, Identifier.value.in_(others)),
                ),
                Identifier.status != "void",
                or_(reached, Specimen.id.in_(inside)),
            )
        )
    ).all()
    by_value: dict[str, list[Any]] = {}
    for row in rows:
        by_value.setdefault(row.value, []).append(row)
    spots = await _spots(tx, {row.container_id for row in rows if row.container_id is not None} | {box_id})
    return {
        text: _known(by_value[value][0], spots)
        for text, (value, _) in labels.items()
        if len({row.id for row in by_value.get(value, [])}) == 1
    }


async def concerned(tx: ReadTx, box_id: int, texts: Iterable[str]) -> set[int]:
    """The tubes that should stand in a box, and those that these codes name, by id: to be held before a look counts."""
    values = [value for value, _ in labels_of(texts).values()]
    here = select(Custody.specimen_id).where(Custody.container_id == box_id)
    named = select(Identifier.specimen_id).where(Identifier.value.in_(values), Identifier.specimen_id.is_not(None))
    rows = await tx.session.execute(here.union(named))
    return set(rows.scalars())


Spots = Mapping[int, tuple[str, Grid]]


async def _spots(tx: ReadTx, box_ids: Collection[int]) -> Spots:
    """By box, its whole path in words and its grid."""
    steps = await storage.paths(tx, box_ids)
    kinds = await tx.session.execute(
        select(Container.id, ContainerType)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .where(Container.id.in_(box_ids))
    )
    grids = {row.id: storage.grid_of(row.ContainerType) for row in kinds}
    return {at: (places.path_words(way), grid) for at, way in steps.items() if (grid := grids[at]) is not None}


def _known(row: Any, spots: Spots) -> Known:
    place, where = "in_hand", f"in hand: {row.display_name}"
    if row.container_id is not None:
        words, grid = spots[row.container_id]
        place, where = "stored", f"{words} / {grids.label(grid, row.row, row.col)}"
    elif row.terminal is not None:
        place, where = "lost", f"was {row.terminal}"
    return Known(row.id, row.code if row.seen else None, place, where, _refused(row), row.copies)


def _refused(row: Any) -> str | None:
    """Why the tube may not be stored here, in the words of a single store."""
    if row.package_id is not None:
        return "is in a shipment: unpack or receive it first"
    if row.external_party_id is not None:
        return "is with a laboratory outside the house: receive it first"
    try:
        places.check_in_existence(row.code, row.existence)
        places.check_not_held(row.code, row.hold)
    except DomainError as error:
        return error.detail
    return None


def seen_in(cells: Sequence[Mapping[str, Any]], answers: Iterable[RackScanAnswer] = ()) -> dict[At, Seen]:
    """By position what was seen: by the scanner, and over it by hand."""
    found = {(cell["row"], cell["col"]): Seen(cell["state"], cell["code"]) for cell in cells}
    for answer in answers:
        state = "no_tube" if answer.code is None else "code"
        found[(answer.row, answer.col)] = Seen(state, answer.code, by_hand=True)
    return found


async def answers(tx: ReadTx, scan_id: int) -> Sequence[RackScanAnswer]:
    rows = await tx.session.execute(select(RackScanAnswer).where(RackScanAnswer.rack_scan_id == scan_id))
    return rows.scalars().all()


async def decided(tx: ReadTx, scan_id: int) -> Mapping[int, str]:
    rows = await tx.session.execute(
        select(RackScanDecision.specimen_id, RackScanDecision.decision).where(RackScanDecision.rack_scan_id == scan_id)
    )
    return {row.specimen_id: row.decision for row in rows}


async def diff(tx: ReadTx, found: RackScan, box: Container, grid: Grid) -> Diff:
    """Each position as it is and as it was seen, at this moment."""
    seen = seen_in(found.cells, await answers(tx, found.id))
    return await compare(tx, box, grid, seen, await decided(tx, found.id))


async def compare(tx: ReadTx, box: Container, grid: Grid, seen: Mapping[At, Seen], said: Mapping[int, str]) -> Diff:
    """Each position of a box as it is and as it was seen."""
    here = await standing(tx, box.id)
    codes = {sight.code for sight in seen.values() if sight.code is not None}
    named = await known(tx, codes, box.id, [tube.id for tube in here.values()])
    return rules.compare(grid, here, seen, named, said)


def digest(found: Diff) -> str:
    """One text that stands for everything that a diff says."""
    told = [*map(repr, found.cells), *map(repr, found.gone)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


async def rack_scans(tx: ReadTx, code: str) -> list[RackScanRow]:
    """The scans of a box, newest first.

    Raises:
        NotFound, NotABox: as for the box.
    """
    box, _ = await storage.find_box(tx, code, Permission.STORAGE_READ)
    rows = await tx.session.execute(
        select(
            RackScan.id.label("number"),
            RackScan.file_name,
            RackScan.layout,
            RackScan.status,
            AppUser.display_name.label("read_by"),
            RackScan.read_at,
        )
        .join(AppUser, AppUser.id == RackScan.read_by)
        .where(RackScan.container_id == box.id)
        .order_by(RackScan.id.desc())
        .limit(50)
    )
    return [RackScanRow(**row._mapping) for row in rows]  # the documented way to a row's mapping


async def rack_scan(tx: ReadTx, code: str, number: int) -> RackScanView:
    """A scan with what it says at this moment.

    Raises:
        NotFound: no such box or scan within reach.
    """
    found, box, grid = await find_scan(tx, code, number, Permission.STORAGE_READ)
    compared = await diff(tx, found, box, grid) if found.status == "open" else None
    return await view(tx, found, box, grid, compared)


async def view(tx: ReadTx, found: RackScan, box: Container, grid: Grid, compared: Diff | None) -> RackScanView:
    by = (await tx.session.execute(select(AppUser.display_name).where(AppUser.id == found.read_by))).scalar_one()
    none = Diff((), ())
    said = compared or none
    return RackScanView(
        number=found.id,
        file_name=found.file_name,
        layout=found.layout,
        status=found.status,
        read_by=by,
        read_at=found.read_at,
        box=box.code,
        name=box.name,
        where=places.path_words(await storage.path(tx, box.id)),
        sha256=found.sha256,
        rack_code=found.rack_code,
        scanner=found.scanner,
        scanned_at=found.scanned_at,
        notes=tuple(found.notes),
        rows=grid.rows,
        cols=grid.cols,
        row_labels=grids.row_labels(grid),
        col_labels=grids.col_labels(grid),
        cells=tuple(_cell_view(grid, cell, {open_.at for open_ in said.open()}) for cell in said.cells),
        gone=tuple(gone_view(grid, gone) for gone in said.gone),
        counts=said.counts,
        turned=said.turned,
        agree=said.agree,
        of=said.of,
        ready=compared is not None and not (said.open() or said.undecided() or said.turned),
        digest=None if compared is None else digest(compared),
        undo=None if found.deed is None else str(found.deed),
    )


def _cell_view(grid: Grid, cell: rules.Cell, unsettled: Collection[At]) -> CellView:
    return CellView(
        row=cell.at[0],
        col=cell.at[1],
        label=grids.label(grid, *cell.at),
        kind=cell.kind,
        code=cell.code,
        tube=cell.tube,
        was=cell.was,
        by_hand=cell.by_hand,
        needs_an_answer=cell.at in unsettled,
    )


def gone_view(grid: Grid, gone: rules.Gone) -> GoneView:
    return GoneView(
        tube=gone.tube,
        position=grids.label(grid, *gone.at),
        may_be_unread=gone.may_be_unread,
        decision=gone.decision,
    )
