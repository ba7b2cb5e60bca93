"""A rack scan from a file's name and bytes: the layout that knows it reads it, and what it says is held together."""

from __future__ import annotations

from collections import defaultdict

from assay_importers.contract import Finding, Verdict
from assay_importers.errors import FaultyFile, FileTooLarge
from assay_importers.racks.columns import Draft, odd_lengths
from assay_importers.racks.layouts import LAYOUTS, Layout
from assay_importers.racks.positions import rack_for
from assay_importers.racks.scan import Duplicate, RackCell, RackScan
from assay_importers.racks.table import MAX_BYTES, Table, read_table

FORMAT = "rack_scan"


def recognise_rack(name: str, data: bytes) -> Finding:
    """Whether the file is the scan of a rack, from its content; MAYBE where the texts may be no codes. Never raises."""
    if len(data) > MAX_BYTES:
        return Finding(Verdict.NO, "larger than any rack scan")
    try:
        table = read_table(data)
        layout, reason = _layout(table)
        certain = layout.sure(table)
    except FaultyFile as error:
        return Finding(Verdict.NO, str(error))
    except Exception as error:  # noqa: BLE001 - recognition answers for every file there is
        return Finding(Verdict.NO, f"{name} could not be looked at: {type(error).__name__}")
    return Finding(Verdict.YES if certain else Verdict.MAYBE, f"{layout.title}: {reason}")


def read_rack(name: str, data: bytes) -> RackScan:
    """Read the scan of one rack. Raises `FaultyFile` with line, column, value and what was expected, or
    `FileTooLarge`; the name is for messages only.
    """
    if not data:
        raise FaultyFile(f"{name} is empty", expected="the file as the scanner wrote it")
    if len(data) > MAX_BYTES:
        raise FileTooLarge(len(data), MAX_BYTES)
    table = read_table(data)
    layout, _ = _layout(table)
    return _scan(layout, layout.read(table))


def _layout(table: Table) -> tuple[Layout, str]:
    for layout in LAYOUTS:
        reason = layout.knows(table)
        if reason is not None:
            return layout, reason
    raise FaultyFile(
        "no layout of a rack scan fits this file",
        line=table.lines[0].number,
        value=", ".join(table.lines[0].cells),
        expected="columns of positions (A1, or row and column) and of codes, or a grid with rows A, B, … "
        "and columns 1, 2, …",
    )


def _scan(layout: Layout, draft: Draft) -> RackScan:
    if not draft.cells:
        raise FaultyFile("the file has no positions", expected="a row for each position of the rack")
    cells = tuple(sorted(draft.cells, key=lambda cell: (cell.row, cell.col)))
    rows, cols = rack_for([(cell.row, cell.col) for cell in cells])
    return RackScan(
        layout=layout.key,
        version=layout.version,
        rack_code=draft.rack_code,
        scanner=draft.scanner,
        scanned_at=draft.scanned_at,
        rows=rows,
        cols=cols,
        cells=cells,
        duplicates=_duplicates(cells),
        header=draft.header,
        unread=tuple(draft.unread),
        notes=tuple(_notes(draft, cells, rows * cols)),
    )


def _duplicates(cells: tuple[RackCell, ...]) -> tuple[Duplicate, ...]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.code is not None:
            places[cell.code].append(cell.position)
    return tuple(Duplicate(code=code, positions=tuple(at)) for code, at in places.items() if len(at) > 1)


def _notes(draft: Draft, cells: tuple[RackCell, ...], size: int) -> list[str]:
    notes = list(draft.notes)
    notes += [f"{found.code} was read at {' and '.join(found.positions)}" for found in _duplicates(cells)]
    codes = sum(cell.state == "code" for cell in cells)
    blank = [cell.position for cell in cells if not cell.raw]
    if len(cells) < size:
        notes.append(f"the file lists {len(cells)} of the {size} positions of the smallest rack that holds them")
    if blank:
        notes.append(f"{len(blank)} positions are blank and were taken for positions without a tube: {blank[0]} first")
    if draft.declared is not None and draft.declared != str(codes):
        notes.append(f"the file says {draft.declared} tubes and has the codes of {codes}")
    if draft.numbers:
        notes.append(
            f"{draft.numbers} codes are numbers in the workbook: zeros in front of them, if there were any, are lost"
        )
    odd = odd_lengths(cells)
    return notes if odd is None else [*notes, odd]
