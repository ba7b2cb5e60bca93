"""Kaleido exports (EnSight and other readers of Revvity): grids of results, then everything about the measurement."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import Walker, read_grid, started_at, unformula
from assay_importers.grids import Grid, check_rows, delimited, grid_delimiter
from assay_importers.text import Row, decode
from assay_importers.wells import role_hint

_RESULT = re.compile(r"^\"?(?:Results? for|EnSight Results from)\b", re.MULTILINE)
_MARKS = re.compile(
    r"^\"?(?:Measurement Basic Information|Measurement Information|Barcode: ?[^,;\t\r\n]*[,;\t] ?PlateRepeat: |"
    r"Exported with Kaleido|Barcode[,;\t]Repeat[,;\t]Loop no|EnSight Results from)",
    re.MULTILINE,
)
_TITLE = re.compile(r"Results? for\s+(.*)", re.IGNORECASE)
_BARCODE = re.compile(r"Barcode:\s*(.*)")
_EXPORTED = re.compile(r"Exported with (Kaleido \S+).*", re.IGNORECASE)
_NAMES = {"PlateRepeat": "repeat", "WellRepeat": "well repeat"}
_COLUMNS = ("Barcode", "Repeat")


class Kaleido(Importer):
    """Version 2 puts barcode and repeat on one line above a grid, version 3.5 into a table of two lines."""

    key = "kaleido"
    title = "Kaleido export (Revvity EnSight)"
    version = "1"
    extensions = (".csv",)
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _RESULT.search(text) and _MARKS.search(text):
            return Finding(Verdict.YES, "has results and measurement information as Kaleido writes them")
        return Finding(Verdict.NO, "no results with a barcode as Kaleido writes them")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        delimiter = grid_delimiter(decoded.text)
        if delimiter is None:
            raise FaultyFile("the file holds no grid of a plate", expected="a row with the columns 1, 2, 3, …")
        found = Collector()
        found.notes += decoded.notes
        reader = _Reader(found, delimited(decoded.text, delimiter))
        reader.read()
        found.notes += last_line_note(decoded.text)
        return found.finish(self.key, self.version, reader.run(), "a grid below 'Results for'")


class _Reader:
    def __init__(self, found: Collector, rows: Sequence[Row]) -> None:
        self.found = found
        self.rows = rows
        self.walker = Walker(found, self._grid, self._row)
        self.title = "Results"
        self.plate: str | None = None
        self.repeat = ""
        self.exported: str | None = None
        self.last = rows[-1].line

    def read(self) -> None:
        self.walker.walk(self.rows)
        if self.exported is None:
            self.found.notes.append("the file does not end with 'Exported with Kaleido', so it may have been cut off")

    def run(self) -> Run:
        header = {name.casefold(): text for name, text in self.found.header.items()}
        at = header.get("measurement started") or header.get("measurement date")
        # The zone behind a time of Kaleido says what the clock of the instrument was set to.
        local = re.sub(r"(T\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$", r"\1", at or "")
        return Run(
            instrument="EnSight",
            software=self.exported or header.get("software version"),
            serial_number=header.get("instrument serial number"),
            batch=header.get("barcode"),
            operator=header.get("protocol owner"),
            protocol=header.get("protocol name"),
            started_at=started_at(self.found, local),
        )

    def _row(self, at: int) -> int | None:
        cells = [unformula(cell) for cell in self.rows[at].cells]
        first = cells[0] if cells else ""
        exported, title, barcode = _EXPORTED.match(first), _TITLE.match(first), _BARCODE.match(first)
        if exported:
            self.exported = exported[1]
        elif title and not any(cells[1:]):
            self.title = title[1].strip()
        elif barcode and len(cells) > 1 and "PlateRepeat" in cells[1]:
            self.plate = barcode[1].strip() or None
            pairs = [cell.partition(":") for cell in cells[1:]]
            self.repeat = ", ".join(
                f"{_NAMES.get(name.strip(), name.strip())} {text.strip()}"
                for name, _, text in pairs
                if text.strip() not in {"", "1"}
            )
        elif tuple(cells[:2]) == _COLUMNS and at + 1 < len(self.rows):
            below = [unformula(cell) for cell in self.rows[at + 1].cells]
            self.plate = next(iter(below), "") or None
            said = [f"{name} {text}" for name, text in zip(cells[1:], below[1:], strict=False) if text and text != "1"]
            self.repeat = ", ".join(said)
            return at + 2
        else:
            return None
        return at + 1

    def _grid(self, grid: Grid, above: Sequence[str]) -> None:
        self.found.notes += check_rows(grid, last=grid.lines[-1].line == self.last)
        if any("platemap" in line.casefold() for line in above[-3:]):
            self._map(grid)
            return
        quantity = f"{self.title} ({self.repeat})" if self.repeat else self.title
        self.found.table(quantity, (quantity,), len(grid.lines))
        read_grid(self.found, grid, self.plate, quantity)

    def _map(self, grid: Grid) -> None:
        self.found.table("Platemap", ("Platemap",), len(grid.lines))
        for well, _, _, text in grid.cells():
            mark = text.strip()
            if mark:
                self.found.fact("Platemap", mark, plate=self.plate, location=well)
            if mark and mark != "-":
                self.found.well(self.plate, well, sample=mark, role=role_hint(mark))
