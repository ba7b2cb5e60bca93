"""ELISpot and FluoroSpot: spots per well as readers export them, as a row for each well or as the plate drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    SAMPLE_NAMES,
    Cell,
    Collector,
    Grid,
    Table,
    decimal_mark,
    dilution_at,
    head_grids,
    is_numeric,
    locate,
    open_grids,
    plain_name,
    table_at,
    text_at,
    well_at,
)
from assay_importers.errors import FaultyFile, shorten
from assay_importers.formats.immunospot import MARK, read_count
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.wells import fits, read_well

_SPOTS = re.compile(
    r"\bspots\b|\bspot[ -]?(count|number|forming|total)s?\b|\bsf[uc]s?\b|number of spots|\bno\.? of spots\b|\bspot #",
    re.IGNORECASE,
)
_WELL = ("well", "well id", "well name", "well position", "position")
_PLATE = ("plate", "plate id", "plate name", "plate number", "barcode")
_STIMULUS = (
    "stimulus",
    "stimulation",
    "antigen",
    "peptide",
    "peptide pool",
    "analyte",
    "cytokine",
    "condition",
    "led filter",
)
_WORDS = dict.fromkeys(("tntc", "tmtc", "too numerous to count", "confluent", "confluence", "overflow"), "above_range")
_ABOVE = 12


class Elispot(Importer):
    """Spots of each well; too numerous to count is above the range, never a number."""

    key = "elispot"
    title = "ELISpot and FluoroSpot readers"
    version = "1"
    extensions = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
    technique = "ELISpot"
    maturity = "experimental"

    def sniff(self, head: Head) -> Finding:
        if not _speaks_of_spots(head):
            return Finding(Verdict.NO, "no spots per well")
        grids = head_grids(head)
        if any(_of_immunospot(grid) for grid in grids):
            return Finding(Verdict.YES, "names the software ImmunoSpot and has a plate that is drawn")
        if locate(grids, _is_header, 40) is not None:
            return Finding(Verdict.YES, "a row for each well with its spots")
        if any(_titled(drawn.title) for grid in grids for drawn in _drawn(grid)):
            return Finding(Verdict.YES, "a plate that is drawn below a title of spots")
        return Finding(Verdict.NO, "no spots per well")

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        found = Collector(words=dict(_WORDS))  # type: ignore[arg-type]
        place = locate(grids, _is_header, 1000)
        header: dict[str, str] = {}
        tables = []
        started, plate = None, None
        counted = next((grid for grid in grids if _of_immunospot(grid)), None)
        if counted is not None:
            count = read_count(counted.rows, found)
            header, started, plate = count.header, count.started_at, count.plate
            tables += count.tables
        elif place is not None:
            table = table_at(place)
            found.in_book = not table.delimiter
            tables.append(_read_table(table, found))
            _read_above(place.grid.rows[: place.at], header, found)
            for grid in grids:
                if grid is not place.grid and not grid.delimiter:
                    _read_above(grid.rows, header, found)  # `Plate Information`, of Mabtech
        else:
            for grid in grids:
                plates = [drawn for drawn in _drawn(grid) if _titled(drawn.title)]
                tables += [
                    _read_plate(drawn, grid, found, str(number) if len(plates) > 1 else None)
                    for number, drawn in enumerate(plates, start=1)
                ]
                if plates and grid.delimiter:
                    _read_above(grid.rows[: plates[0].at], header, found)
                if plates:
                    _tell_others(grid, plates, found)
                if plates and grid.delimiter:
                    break
        if not found.readings:
            raise FaultyFile(
                "there are no spots", line=1, expected="columns Well and Spots, or a plate below 'Spot Count'"
            )
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(
                header=header,
                batch=plate or header.get("Plate") or header.get("Plate ID"),
                instrument=header.get("Machine ID"),
                serial_number=header.get("Analyzer Serial number"),
                software=header.get("Software version") or header.get("Software Version"),
                operator=header.get("Authenticated user") or header.get("Saved By"),
                started_at=started,
            ),
            wells=found.wells,
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=tuple(tables),
            unread=tuple(found.unread),
            notes=(*notes, *found.all_notes(), how_many(len(found.wells), "wells")),
        )


def _of_immunospot(grid: Grid) -> bool:
    """Whether the first lines name ImmunoSpot, in a text with tabs or a sheet."""
    above = (cell for row in grid.rows[:10] for cell in row.cells[:3])
    return grid.delimiter in {"\t", ""} and any(MARK.search(cell) for cell in above)


def _speaks_of_spots(head: Head) -> bool:
    """A cheap look first: most files have none of these words."""
    cells = (cell for sheet in head.sheets for row in ((sheet.name,), *sheet.rows) for cell in row)
    text = (head.text or "\n".join(cells)).casefold()
    return any(word in text for word in ("spot", "sfu", "sfc"))


def _titled(title: str) -> bool:
    return _SPOTS.search(title) is not None


def _is_header(cells: Sequence[str]) -> bool:
    plain = [plain_name(cell) for cell in cells]
    return any(name in _WELL for name in plain) and any(_SPOTS.search(name) for name in plain)


def _read_above(rows: Sequence[Row], header: dict[str, str], found: Collector) -> None:
    for row in rows:
        cells = [cell.strip() for cell in row.cells if cell.strip()]
        name, colon, rest = cells[0].partition(":") if cells else ("", "", "")
        if len(cells) == 2:
            header.setdefault(cells[0].rstrip(" :"), cells[1])
        elif len(cells) == 1 and colon:
            header.setdefault(name.strip(), rest.strip())
        elif cells:
            found.unread.append(f"line {row.line}: {' | '.join(cells)}")


def _tell_others(grid: Grid, plates: Sequence[_Drawn], found: Collector) -> None:
    """Rows between and below the plates that are neither of them nor their titles."""
    drawn = {row.line for plate in plates for row in plate.rows} | {grid.rows[plate.at].line for plate in plates}
    for row in grid.rows[plates[0].at :]:
        cells = [cell.strip() for cell in row.cells if cell.strip()]
        if cells and row.line not in drawn and not _titled(" ".join(cells)):
            found.unread.append(f"line {row.line}: {shorten(' | '.join(cells))}")


def _read_table(table: Table, found: Collector) -> Listed:
    where_at, plate_at, sample_at = table.index(*_WELL) or 0, table.index(*_PLATE), table.index(*SAMPLE_NAMES)
    stimulus_at, dilution = table.index(*_STIMULUS), table.index("dilution")
    if sample_at == plate_at:
        sample_at = None
    used = {where_at, plate_at, sample_at, stimulus_at, dilution}
    others = [number for number, name in enumerate(table.names) if name and number not in used]
    found.mark = decimal_mark(table.cells(others), table.delimiter)
    numbers = {
        number for number in others if _SPOTS.search(table.names[number]) or is_numeric(table.cells([number]), found)
    }
    for row in table.rows:
        if table.delimiter and row.width < len(table.names):
            raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
        location = well_at(row, where_at, table.names[where_at])
        plate, sample = text_at(row, plate_at).strip() or None, text_at(row, sample_at).strip() or None
        stimulus = text_at(row, stimulus_at).strip() or None
        factor, unnamed = dilution_at(row, dilution, "dilution"), sample_at is None
        found.well(plate, location, sample, role="unknown" if unnamed else None, dilution=factor, line=row.line)
        for number in others:
            text, name = text_at(row, number), table.names[number]
            if number in numbers:
                found.cell(text, name, plate=plate, location=location, sample=sample, analyte=stimulus, line=row.line)
            else:
                found.fact(name, text, plate=plate, location=location, sample=sample, analyte=stimulus)
    return Listed(name=table.title or "wells", columns=table.names, rows=len(table.rows))


class _Drawn(NamedTuple):
    """A plate that is drawn: its title, where its numbers 1, 2, ... stand, and its rows by letter."""

    title: str
    at: int
    columns: tuple[tuple[int, int], ...]
    rows: tuple[Row, ...]


def _drawn(grid: Grid) -> Iterator[_Drawn]:
    title = grid.name
    since = _ABOVE
    for at, row in enumerate(grid.rows):
        filled = [(index, cell.strip()) for index, cell in enumerate(row.cells) if cell.strip()]
        numbers = [text for _, text in filled]
        if len(numbers) > 1 and numbers == [str(number) for number in range(1, len(numbers) + 1)]:
            lines: list[Row] = []
            for line in grid.rows[at + 1 :]:
                letter = next((cell.strip() for cell in line.cells[: filled[0][0]] if cell.strip()), "")
                if letter != chr(ord("A") + len(lines)):
                    break
                lines.append(line)
            if lines:
                columns = tuple((index, int(text)) for index, text in filled)
                yield _Drawn(title if since < _ABOVE or title == grid.name else "", at, columns, tuple(lines))
        elif filled and len(filled) < 3 and _titled(" ".join(numbers)):
            title, since = " ".join(numbers), 0
        since += 1


def _read_plate(drawn: _Drawn, grid: Grid, found: Collector, plate: str | None) -> Listed:
    found.in_book = not grid.delimiter
    cells = [(row, index, number) for row in drawn.rows for index, number in drawn.columns]
    found.mark = decimal_mark(
        (Cell(row.line, str(number), text_at(row, at)) for row, at, number in cells), grid.delimiter
    )
    plate = plate if grid.delimiter or plate else None
    name = f"{grid.name} {plate or ''}".strip() or None if grid.name else plate
    for row, index, number in cells:
        letter = next(cell.strip() for cell in row.cells if cell.strip())
        location = read_well(f"{letter}{number}")
        if location is None or not fits(location, 384):
            raise FaultyFile(
                "the plate has no such well", line=row.line, value=f"{letter}{number}", expected="A1 to P24"
            )
        found.well(name, location, None, role="unknown", line=row.line)
        found.cell(text_at(row, index), drawn.title, plate=name, location=location, line=row.line)
    return Listed(
        name=name or drawn.title, columns=tuple(str(number) for _, number in drawn.columns), rows=len(drawn.rows)
    )
