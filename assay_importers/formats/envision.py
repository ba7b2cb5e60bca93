"""EnVision exports (PerkinElmer, Revvity): for each plate what was read and a grid, then the whole protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import Walker, read_grid, started_at, unformula
from assay_importers.grids import Grid, GridLine, check_rows, delimited, grid_delimiter, row_letters
from assay_importers.numbers import number_style
from assay_importers.text import Row, decode
from assay_importers.wells import role_hint

_FIRST = re.compile(
    r"^\"?Plate information *\"?[,;\t ]*[\r\n]+\"?Plate\"?(?P<delimiter>[,;\t])\"?Repeat\"?[,;\t]", re.MULTILINE
)
_RESULTS = re.compile(r"(?:Results for|Calculated results:?)\s*(.*)", re.IGNORECASE)
_UNIT = re.compile(r"\(([^()]*)\)\s*$")
_EXPORTED = re.compile(r"Exported with (EnVision.*)", re.IGNORECASE)
_UNDEFINED = "-"
_WIDTHS = {6, 8, 12, 24, 48}


class Envision(Importer):
    """The plate to which a grid belongs stands above it; the map of the plate, with its own number, far below."""

    key = "envision"
    title = "EnVision export (PerkinElmer)"
    version = "1"
    extensions = (".csv", ".txt")
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _FIRST.search(text):
            return Finding(Verdict.YES, "has 'Plate information' with plate and repeat, as EnVision writes it")
        return Finding(Verdict.NO, "no 'Plate information' with plate and repeat")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        first = _FIRST.search(decoded.text)
        delimiter = first["delimiter"] if first else grid_delimiter(decoded.text)
        if delimiter is None:
            raise FaultyFile("the file holds no grid of a plate", expected="a row with the columns 01, 02, 03, …")
        rows = delimited(decoded.text, delimiter)
        found = Collector()
        found.notes += decoded.notes
        reader = _Reader(found, rows)
        reader.read()
        found.notes += last_line_note(decoded.text)
        return found.finish(self.key, self.version, reader.run(), "a grid below 'Results for'")


class _Reader:
    def __init__(self, found: Collector, rows: Sequence[Row]) -> None:
        self.found = found
        self.rows = rows
        self.walker = Walker(found, self._grid, self._row)
        self.plate: str | None = None
        self.repeat = "1"
        self.label = ""
        self.dates: list[str] = []
        self.exported: str | None = None
        self.last = rows[-1].line

    def read(self) -> None:
        self.walker.walk(self.rows)
        if self.exported is None:
            self.found.notes.append("the file does not end with 'Exported with EnVision', so it may have been cut off")

    def run(self) -> Run:
        header = self.found.header
        return Run(
            instrument=header.get("Nickname") or "EnVision",
            software=self.exported,
            serial_number=header.get("Serial#") or header.get("Serial number"),
            batch=header.get("Assay ID"),
            protocol=header.get("Protocol Name") or header.get("Protocol name"),
            started_at=started_at(self.found, next(iter(self.dates), None) or header.get("Assay Started")),
        )

    def _row(self, at: int) -> int | None:
        cells = [unformula(cell) for cell in self.rows[at].cells]
        first = cells[0] if cells else ""
        exported = _EXPORTED.match(first)
        if exported:
            self.exported = exported[1].strip()
            return at + 1
        if first.casefold() == "plate information" and len(cells) == 1:
            return self._information(at + 1)
        if cells[:2] == ["Plate", "Repeat"]:
            return self._information(at)
        if first.casefold() == "background information" and len(cells) == 1:
            return self._background(at + 1)
        return self._bare(at) if self.label else None

    def _body(self, at: int) -> tuple[list[str], list[Row], int]:
        """Column names, rows below and the index of the row behind them."""
        end = at
        while end < len(self.rows) and self.rows[end].cells:
            end += 1
        if end - at < 1:
            raise FaultyFile(
                "the table below this title is missing", line=self.rows[at - 1].line, expected="column names"
            )
        return [cell.strip() for cell in self.rows[at].cells], list(self.rows[at + 1 : end]), end

    def _information(self, at: int) -> int:
        names, rows, end = self._body(at)
        self.walker.above.clear()
        for row in rows:
            cells = [unformula(cell) for cell in row.cells]
            self.plate = cells[0] or None
            self.repeat = cells[1] if len(cells) > 1 else "1"
            stated = dict(zip(names, cells, strict=False))
            self.label = stated.get("Label") or stated.get("Formula") or "Results"
            for index, text in enumerate(cells):
                name = names[index] if index < len(names) else f"column {index + 1}"
                if text and index > 0:
                    self.found.fact(f"Plate information: {name}", text, plate=self.plate)
            self.dates += [text for text in cells[2:] if re.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} ", text)][:1]
        return end

    def _background(self, at: int) -> int:
        names, rows, end = self._body(at)
        for row in rows:
            for name, text in zip(names[1:], row.cells[1:], strict=False):
                if text.strip():
                    self.found.fact(f"Background: {name}", text, plate=self.plate)
        return end

    def _bare(self, at: int) -> int | None:
        """A grid without its frame, as the export format `Plate` writes it: as many numbers in each row as columns."""
        end = at
        while end < len(self.rows) and self.rows[end].cells and self.rows[end].width == self.rows[at].width:
            end += 1
        rows = self.rows[at:end]
        # A delimiter stands at the end of each row.
        width = self.rows[at].width - 1
        texts = [(row.line, cell.strip()) for row in rows for cell in row.cells if cell.strip()]
        style = number_style(texts)
        if width not in _WIDTHS or not texts or not all(self.found.read(text, style).known for _, text in texts):
            return None
        lines = tuple(
            GridLine(row_letters(number), row.line, (*row.cells, *[""] * width)[:width], "")
            for number, row in enumerate(rows[:32], start=1)
        )
        self._results(Grid(at, end, rows[0].line, "", tuple(range(1, width + 1)), lines), self.label)
        self.label = ""
        return end

    def _grid(self, grid: Grid, above: Sequence[str]) -> None:
        self.found.notes += check_rows(grid, last=grid.lines[-1].line == self.last)
        title = above[-1] if above else ""
        results = _RESULTS.match(title)
        if results is None:
            self._map(grid, above)
            return
        self.label = ""
        self._results(grid, title)

    def _results(self, grid: Grid, title: str) -> None:
        quantity = title if self.repeat in {"", "1"} else f"{title} (repeat {self.repeat})"
        unit = _UNIT.search(title)
        # `(A)` is absorbance, `(Counts)` and `(RFU)` are units; `(1)` is the number of the label.
        text = unit[1].strip() if unit and not unit[1].strip().isdigit() else ""
        self.found.table(title, (quantity,), len(grid.lines))
        read_grid(self.found, grid, self.plate, quantity, {"A": "OD"}.get(text, text) or None)

    def _map(self, grid: Grid, above: Sequence[str]) -> None:
        """The map of the plate: `-` is a well without a role, `S1` the first standard."""
        stated = dict(line.split(maxsplit=1) for line in above[-4:] if len(line.split()) == 2)
        plate = stated.get("Plate", self.plate)
        name = f"Group {stated['Group']}" if "Group" in stated else "Platemap"
        self.found.table("Platemap", (name,), len(grid.lines))
        for well, _, _, text in grid.cells():
            mark = text.strip()
            if mark:
                self.found.fact(name, mark, plate=plate, location=well)
            if mark and mark != _UNDEFINED:
                self.found.well(plate, well, sample=mark, role=role_hint(mark))
