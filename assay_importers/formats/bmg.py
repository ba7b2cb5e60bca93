"""MARS exports of BMG LABTECH readers (PHERAstar, CLARIOstar, …), text or workbook: grids or a row for each well."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Role, Run, Sheet, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import Walker, read_grid, started_at
from assay_importers.grids import Grid, check_rows, delimited, grid_delimiter, sheet_rows
from assay_importers.numbers import number_style
from assay_importers.peek import peek
from assay_importers.text import Row, decode
from assay_importers.wells import read_well, role_hint
from assay_importers.workbook import is_workbook, read_workbook

_FIRST = re.compile(
    r"\s*\"?User: ?[^\r\n]*?(?P<delimiter>[,;\t])(?:\"? ?Path: ?[^\r\n]*?[,;\t])?\"? ?Test (?:run no\.?|ID): ?"
)
_SECOND = re.compile(r"^\"?Test name: ?", re.MULTILINE)
_BOOK = (re.compile(r"User: ?[^<\x00]"), re.compile(r"Test name: ?"), re.compile(r"Test (?:run no\.?|ID): ?"))
_TABLE = re.compile(r"^\"? *Well(?: ?Row)?\"?(?P<delimiter>[,;\t])", re.MULTILINE)
WORDS: dict[str, Flag] = {
    "overflow": "above_range",
    "underflow": "below_range",
    "no data": "not_reported",
    "no valid data": "not_reported",
}
_CONTENT: tuple[tuple[str, Role], ...] = (
    ("blank", "blank"),
    ("standard", "standard"),
    ("negative control", "control"),
    ("positive control", "control"),
    ("control", "control"),
    ("sample", "unknown"),
    ("unused", "empty"),
)


class Bmg(Importer):
    """Two lines of names and values, identifications, the measuring method, and then results below their titles."""

    key = "bmg"
    title = "MARS export (BMG LABTECH)"
    version = "1"
    extensions = (".csv", ".txt", ".xlsx", ".xls")
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_workbook(head.data):
            if all(mark.search(peek(head)) for mark in _BOOK):
                return Finding(Verdict.YES, "a workbook with user, test and test name as MARS writes them")
            return Finding(Verdict.NO, "a workbook without user, test and test name")
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _FIRST.match(text) and _SECOND.search(text):
            return Finding(Verdict.YES, "begins with user, path, test run and test name as MARS writes them")
        return Finding(Verdict.NO, "does not begin with user, path and test run")

    def parse(self, file: SourceFile) -> ParsedRun:
        if is_workbook(file.content):
            return self._of_sheets(read_workbook(file.content))
        decoded = decode(file.content)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        table = _TABLE.search(text)
        delimiter = grid_delimiter(text) or (table["delimiter"] if table else None)
        if delimiter is None:
            raise FaultyFile(
                "the file holds no results", expected="a row with the columns 1, 2, 3, … or one that begins with Well"
            )
        found = Collector(words=WORDS)
        found.notes += decoded.notes
        reader = _Reader(found, delimited(decoded.text, delimiter))
        reader.walker.walk(reader.rows)
        found.notes += last_line_note(decoded.text)
        return found.finish(self.key, self.version, reader.run(), "a grid below a title such as 'Raw Data (450)'")

    def _of_sheets(self, sheets: Sequence[Sheet]) -> ParsedRun:
        """Sheets of results begin as the text does; the others are about the protocol."""
        found = Collector(words=WORDS)
        reader = _Reader(found, [])
        for sheet in sheets:
            rows = sheet_rows(sheet.rows)
            if any(cell.startswith("User:") for row in rows[:3] for cell in row.cells):
                reader = _Reader(found, rows)
                reader.walker.walk(rows)
            elif any(row.cells for row in rows):
                found.unread.append(f"sheet {sheet.name!r}: {len(rows)} rows")
        return found.finish(self.key, self.version, reader.run(), "a sheet that begins with 'User:', and results in it")


class _Reader:
    def __init__(self, found: Collector, rows: Sequence[Row]) -> None:
        self.found = found
        self.rows = rows
        self.walker = Walker(found, self._grid, self._row)
        self.last = max((row.line for row in rows if row.cells), default=1)

    def run(self) -> Run:
        header = self.found.header
        at = f"{header.get('Date', '')} {header.get('Time', '')}".strip()
        path = header.get("Path", "").replace("/", "\\").split("\\")
        # The reader's name is the folder above the user's: C:\\Program Files\\BMG\\PHERAstar\\User\\Data.
        reader = next(
            (path[i + 1] for i, part in enumerate(path[:-1]) if part.casefold() in {"bmg", "bmg labtech"}), None
        )
        return Run(
            instrument=reader,
            software="MARS",
            batch=header.get("Test run no.") or header.get("Test ID"),
            operator=header.get("User"),
            protocol=header.get("Test name"),
            started_at=started_at(self.found, at),
        )

    @property
    def _plate(self) -> str | None:
        return self.found.header.get("ID1") or None

    def _grid(self, grid: Grid, above: Sequence[str]) -> None:
        self.found.notes += check_rows(grid, last=grid.lines[-1].line == self.last)
        title = above[-1] if above else "Raw Data"
        if title.casefold() in {"content", "layout", "concentrations"}:
            self._layout(grid, title)
            return
        self.found.table(title, (title,), len(grid.lines))
        read_grid(self.found, grid, self._plate, title)

    def _layout(self, grid: Grid, title: str) -> None:
        self.found.table(title, (title,), len(grid.lines))
        if title.casefold() == "concentrations":
            read_grid(self.found, grid, self._plate, title)
            return
        for well, _, _, text in grid.cells():
            self._content(well, text.strip())

    def _content(self, well: str, text: str) -> None:
        if text:
            role = next((role for word, role in _CONTENT if text.casefold().startswith(word)), role_hint(text))
            self.found.well(self._plate, well, sample=None if role == "empty" else text, role=role)
            self.found.fact("Content", text, plate=self._plate, location=well)

    def _row(self, at: int) -> int | None:
        """A table with a row for each well; a row `Time [s]` below its head says when each column was read."""
        head = [cell.strip() for cell in self.rows[at].cells]
        lower = [re.sub(r"\s+", " ", name.casefold()) for name in head]
        split = lower[:2] in (["well row", "well col"], ["wellrow", "wellcol"])
        if not split and lower[:1] != ["well"]:
            return None
        first = 2 if split else 1
        end = at + 1
        while end < len(self.rows) and self.rows[end].cells:
            end += 1
        body = list(self.rows[at + 1 : end])
        times = {}
        while body and read_well(self._well(body[0], first)) is None:
            row = body.pop(0)
            label = next((cell.strip() for cell in row.cells if cell.strip()), "")
            times = {index: f"{label} {cell.strip()}" for index, cell in enumerate(row.cells) if cell.strip() != label}
        self.found.table(head[0] if not self.walker.above else self.walker.above[-1], head, len(body))
        texts = {
            index for index, name in enumerate(lower) if index < first or name in {"content", "group", "sample id"}
        }
        styles = [number_style((row.line, _cell(row, index)) for row in body) for index in range(len(head))]
        for row in body:
            well = read_well(self._well(row, first))
            if well is None:
                raise FaultyFile("this is no well", line=row.line, value=self._well(row, first), expected="A1 or A01")
            if "content" in lower:
                self._content(well, _cell(row, lower.index("content")))
            for index, name in enumerate(head):
                text = _cell(row, index)
                if index in texts:
                    if index >= first and name.casefold() != "content" and text:
                        self.found.fact(name, text, plate=self._plate, location=well)
                    continue
                quantity = f"{name} at {times[index]}" if times.get(index, "").strip() else name
                self.found.reading(quantity, text, plate=self._plate, location=well, style=styles[index])
        return end

    @staticmethod
    def _well(row: Row, first: int) -> str:
        return "".join(cell.strip() for cell in row.cells[:first])


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""
