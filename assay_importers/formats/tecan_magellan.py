"""Tecan Magellan, i-control and SparkControl: a row for each well, or grids of the plate below each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Role, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.grids import Grid, check_rows, delimited, find_grid, grid_delimiter, sheet_rows
from assay_importers.numbers import Style, number_style
from assay_importers.peek import peek
from assay_importers.text import Row, decode
from assay_importers.values import read_dilution
from assay_importers.wells import read_well, role_hint
from assay_importers.workbook import is_workbook, read_workbook

_SHEET = re.compile(r"Magellan Sheet \d")
_WELLS = re.compile(r">(?:Well positions?|Wells?)<", re.IGNORECASE)
_MEASURED = re.compile(r"^\"?Date of measurement: ?[^\r\n]*Time of measurement: ?", re.MULTILINE)
_CONTROL = re.compile(r"Tecan i-control|Application: SparkControl")
_LABEL = re.compile(r">Label\s?\d<|>Layout<|>Date of measurement:", re.IGNORECASE)
WORDS: dict[str, Flag] = {
    "over": "above_range",
    "overflow": "above_range",
    "overflw": "above_range",
    "under": "below_range",
    "invalid": "not_a_number",
    "no calc": "not_reported",
    "nocalc": "not_reported",
    "n.a.": "not_reported",
    "#n/a": "not_reported",
}
CORNER = "<>"
MEASURED = "Measured value"
_LAYOUT = {"layout", "well identifier", "id"}
# Magellan's own names of wells in a layout: SM1_1 is sample 1, ST standard, BL blank, NC and PC controls.
_CODES: dict[str, Role] = {
    "SM": "unknown",
    "ST": "standard",
    "BL": "blank",
    "NC": "control",
    "PC": "control",
    "CT": "control",
    "LC": "control",
    "HC": "control",
}
_CODE = re.compile(r"([A-Z]{2})\d+(?:_\d+)*", re.ASCII)
# i-control writes values far to the right of their names, and `Label: Label1` above what was measured.
_FAR = 3
_NAMED_LABEL = re.compile(r"Label: (.*\S)")
_FOOT = re.compile(r"([A-Z][^:]{2,50}):\s*(.*)", re.DOTALL)


class TecanMagellan(Importer):
    """What a table without a title holds is told by its cells: numbers were measured, names are the layout."""

    key = "tecan_magellan"
    title = "Tecan Magellan and i-control"
    version = "1"
    extensions = (".xlsx", ".xls", ".asc", ".txt", ".csv")
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if not is_workbook(head.data):
            if head.text is not None and _MEASURED.search(head.text):
                return Finding(Verdict.YES, "text with date and time of measurement as Magellan writes them")
            return Finding(Verdict.NO, "neither a workbook nor text with date and time of measurement")
        seen = peek(head)
        if _CONTROL.search(seen):
            return Finding(Verdict.YES, "names i-control or SparkControl as its application")
        if _SHEET.search(seen):
            return Finding(Verdict.YES, "has a sheet named as Magellan names it")
        if _WELLS.search(seen) and _LABEL.search(seen):
            return Finding(Verdict.YES, "has a list of well positions with labels as Magellan writes it")
        return Finding(Verdict.NO, "neither Magellan's sheet nor its list of wells")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector(words=WORDS)
        if is_workbook(file.content):
            for sheet in read_workbook(file.content):
                rows = sheet_rows(sheet.rows)
                if any(row.cells for row in rows):
                    found.add_header("Sheet", sheet.name)
                    _Sheet(found, rows, None if len(found.header) == 1 else sheet.name).read()
        else:
            decoded = decode(file.content)
            found.notes += decoded.notes
            delimiter = grid_delimiter(decoded.text) or max("\t;,", key=decoded.text.count)
            _Sheet(found, delimited(decoded.text, delimiter), None).read()
            found.notes += last_line_note(decoded.text)
        header = {name.casefold(): text for name, text in found.header.items()}
        when = [
            header.get(name) or header.get(name.split()[0]) for name in ("date of measurement", "time of measurement")
        ]
        at = " ".join(text.removesuffix(" 00:00:00") for text in when if text)
        run = Run(
            instrument=header.get("instrument") or header.get("measured with") or header.get("device"),
            software=header.get("magellan version")
            or header.get("software")
            or header.get("application")
            or "Magellan",
            serial_number=header.get("instrument serial number") or header.get("serial number"),
            batch=header.get("workspace") or header.get("plate-id"),
            operator=header.get("user") or header.get("measured by"),
            protocol=header.get("method"),
            started_at=started_at(found, at.split("/")[0].strip() if "/ Time" in at else at),
        )
        return found.finish(self.key, self.version, run, "a list of well positions, or a grid of a plate")


class _Sheet:
    def __init__(self, found: Collector, rows: Sequence[Row], plate: str | None) -> None:
        self.found = found
        self.rows = rows
        self.plate = plate
        self.ids: dict[str, list[str]] = {}

    def read(self) -> None:
        at, title = 0, ""
        while at < len(self.rows):
            row = self.rows[at]
            grid = find_grid(self.rows, at)
            if grid is not None:
                self._grid(grid, title)
                at, title = grid.end, ""
                continue
            if self._is_list(at):
                at, title = self._list(at), ""
                continue
            cells = [cell.strip() for cell in row.cells]
            filled = [cell for cell in cells if cell]
            far = next((index for index, cell in enumerate(cells[1:], start=1) if cell), 0) >= _FAR
            if len(filled) > 2 and cells[0] and far:
                self.found.add_header(cells[0].rstrip(":"), " ".join(filled[1:]))
                at += 1
                continue
            if len(filled) > 2:
                at = self._table(at)
                continue
            label = _NAMED_LABEL.fullmatch(filled[0]) if filled else None
            if label is not None:
                title = label[1]
            if len(filled) == 1 and not _FOOT.fullmatch(filled[0]):
                title = filled[0]
                self.found.add_header("Text", title)
            elif filled:
                self._foot(filled)
            at += 1

    def _foot(self, filled: Sequence[str]) -> None:
        """`Date of measurement: 2024-01-15/Time of measurement: 10:00` holds two fields in one cell."""
        paired = [cell for cell in filled if (pair := _FOOT.fullmatch(cell)) and pair[2].strip()]
        if filled[0] in paired:
            # `Device: infinite 200Pro` and, far to the right, `Serial number: 1234`.
            cells = [" ".join([filled[0], *(cell for cell in filled[1:] if cell not in paired)]), *paired[1:]]
        else:
            cells = [filled[0] if len(filled) == 1 else f"{filled[0].rstrip(':')}: {' '.join(filled[1:])}"]
        for cell in cells:
            for part in re.split(r"\s*/\s*(?=[A-Z][a-z]+ of )", cell):
                named = _FOOT.fullmatch(part.strip())
                self.found.add_header(named[1].strip() if named else "Text", (named[2] if named else part).strip())

    def _grid(self, grid: Grid, title: str) -> None:
        """A grid of numbers was measured; one of names says what is in the wells."""
        check_rows(grid)
        title = title or (grid.corner if grid.corner != CORNER else "")
        texts = [(row.line, cell.strip()) for row in grid.lines for cell in row.cells if cell.strip()]
        style = number_style(texts)
        measured = [self.found.read(text, style).known for _, text in texts]
        if title.casefold() in _LAYOUT or (not title and texts and sum(measured) * 2 < len(texts)):
            self.found.table(title or "Layout", ("Layout",), len(grid.lines))
            for well, _, _, text in grid.cells():
                self._name(well, text.strip(), title or "Layout")
            return
        quantity = title or self._unused()
        self.found.table(quantity, (quantity,), len(grid.lines))
        for well, _, _, text in grid.cells():
            self.found.reading(quantity, text, plate=self.plate, location=well, style=style)

    def _unused(self) -> str:
        taken = {table.name for table in self.found.tables}
        names = (MEASURED if number == 1 else f"{MEASURED} ({number})" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    def _name(self, well: str, text: str, column: str) -> None:
        if not text:
            self.found.well(self.plate, well)
        else:
            code = _CODE.fullmatch(text)
            role = _CODES.get(code[1]) if code else None
            self.found.well(self.plate, well, sample=text, role=role or role_hint(text))
            self.found.fact(column, text, plate=self.plate, location=well)

    def _is_list(self, at: int) -> bool:
        """Whether names of columns stand here: below them, at most four lines further, a well begins a row."""
        if len(self.rows[at].cells) < 2 or read_well(self.rows[at].cells[0]) is not None:
            return False
        below = self.rows[at + 1 : at + 5]
        return any(row.cells and read_well(row.cells[0]) is not None for row in below)

    def _list(self, at: int) -> int:
        """Columns by their names; the lines between these and the first well hold times and temperatures."""
        names = [cell.strip() or f"column {index + 1}" for index, cell in enumerate(self.rows[at].cells)]
        start = at + 1
        while read_well((self.rows[start].cells or ("",))[0]) is None:
            for index, cell in enumerate(self.rows[start].cells):
                if cell.strip() and index < len(names):
                    self.found.fact(f"{names[index]}: line {start - at + 1} of the head", cell.strip())
            start += 1
        end = start
        while end < len(self.rows) and self.rows[end].cells and read_well(self.rows[end].cells[0]) is not None:
            end += 1
        body = self.rows[start:end]
        self.found.table(names[0], names, len(body))
        columns = [self._column(body, index, name) for index, name in enumerate(names)]
        seen: set[str] = set()
        for row in body:
            well = str(read_well(row.cells[0]))
            if well in seen:
                raise FaultyFile(
                    "this well stands in the list a second time",
                    line=row.line,
                    value=well,
                    expected="a row for each well",
                )
            seen.add(well)
            self.found.well(self.plate, well)
            for index, name in enumerate(names[1:], start=1):
                self._cell(well, name, _cell(row, index), columns[index])
        return end

    def _cell(self, well: str, name: str, text: str, style: Style | None) -> None:
        if name.casefold() in _LAYOUT:
            self._name(well, text, name)
        elif style is not None:
            if name.casefold() in {"dilution", "dilution factor"} and text:
                self.found.well(self.plate, well, dilution=read_dilution(text))
            self.found.reading(name, text, plate=self.plate, location=well, style=style)
        elif text:
            self.found.fact(name, text, plate=self.plate, location=well)

    def _column(self, body: Sequence[Row], index: int, name: str) -> Style | None:
        """How the column writes numbers; None for one that holds texts."""
        cells = [(row.line, _cell(row, index)) for row in body if _cell(row, index)]
        style = number_style(cells)
        if name.casefold() in _LAYOUT or (cells and not any(self.found.read(text, style).known for _, text in cells)):
            return None
        return style

    def _table(self, at: int) -> int:
        """A table of samples beside the plate: facts of the sample that its first column names."""
        names = [cell.strip() for cell in self.rows[at].cells]
        first = next(index for index, name in enumerate(names) if name)
        end = at + 1
        while end < len(self.rows) and self.rows[end].cells:
            end += 1
        self.found.table(names[first], [name for name in names if name], end - at - 1)
        for row in self.rows[at + 1 : end]:
            sample = _cell(row, first)
            for index, name in enumerate(names):
                text = _cell(row, index)
                if name and text and index != first:
                    self.found.fact(name, text, sample=sample or None)
        return end


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""
