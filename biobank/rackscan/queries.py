"""What a scan of a rack says now: its codes resolved, and each position beside what should stand there."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import defer

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.rackscan import rules
from biobank.rackscan.looking import Box, Said, Sight, look, said
from biobank.rackscan.models import RackScan
from biobank.rackscan.rules import At, Diff, Seen
from biobank.storage import grids
from biobank.storage import queries as storage
from biobank.storage import rules as places
from biobank.storage.grids import Grid
from biobank.storage.models import Container
from biobank.storage.rules import Step
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


def seen_in(cells: Sequence[Mapping[str, Any]], answers: Mapping[At, str | None]) -> dict[At, Seen]:
    """By position what was seen: by the scanner, and over it by hand."""
    found = {(cell["row"], cell["col"]): Seen(cell["state"], cell["code"]) for cell in cells}
    for at, code in answers.items():
        found[at] = Seen("no_tube" if code is None else "code", code, by_hand=True)
    return found


def codes_of(seen: Mapping[At, Seen]) -> set[str]:
    """The codes that were read."""
    return {sight.code for sight in seen.values() if sight.code is not None}


async def diff(tx: ReadTx, found: RackScan, said: Said) -> tuple[Diff, Sight]:
    """Each position as it is and as it was seen, at this moment, and the look that this comes from."""
    return await compare(tx, found.container_id, seen_in(found.cells, said.answers), said.decided)


async def compare(tx: ReadTx, box_id: int, seen: Mapping[At, Seen], decided: Mapping[int, str]) -> tuple[Diff, Sight]:
    """Each position of a box as it is and as it was seen, and the look that this comes from."""
    sight = await look(tx, box_id, codes_of(seen))
    return rules.compare(sight.grid, sight.standing, seen, sight.known, decided), sight


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
    told = await said(tx, found.id)
    if found.status != "open":
        return view(found, box, grid, await storage.path(tx, box.id), told.read_by)
    compared, sight = await diff(tx, found, told)
    return view(found, sight.box, sight.grid, sight.steps, told.read_by, compared)


def view(
    found: RackScan, box: Container | Box, grid: Grid, steps: Sequence[Step], read_by: str, compared: Diff | None = None
) -> RackScanView:
    """A scan in a box at the end of these steps; without a diff it is finished."""
    shown = compared or Diff((), ())
    unsettled = {open_.at for open_ in shown.open()}
    return RackScanView(
        number=found.id,
        file_name=found.file_name,
        layout=found.layout,
        status=found.status,
        read_by=read_by,
        read_at=found.read_at,
        box=box.code,
        name=box.name,
        where=places.path_words(steps),
        sha256=found.sha256,
        rack_code=found.rack_code,
        scanner=found.scanner,
        scanned_at=found.scanned_at,
        notes=tuple(found.notes),
        rows=grid.rows,
        cols=grid.cols,
        row_labels=grids.row_labels(grid),
        col_labels=grids.col_labels(grid),
        cells=tuple(_cell_view(grid, cell, unsettled) for cell in shown.cells),
        gone=tuple(gone_view(grid, gone) for gone in shown.gone),
        counts=shown.counts,
        turned=shown.turned,
        agree=shown.agree,
        of=shown.of,
        ready=compared is not None and not (unsettled or shown.undecided() or shown.turned),
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
