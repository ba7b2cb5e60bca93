"""Gen5 exports (Agilent BioTek), text or workbook: a header, a layout and grids or tables of results for each plate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.dates import date_order, read_moment
from assay_importers.errors import FaultyFile
from assay_importers.grids import Grid, check_rows, delimited, find_grid, sheet_rows
from assay_importers.numbers import Style, number_style
from assay_importers.peek import peek
from assay_importers.text import Row, decode
from assay_importers.values import Value, read_number
from assay_importers.wells import read_well
from assay_importers.workbook import is_workbook, read_workbook

_FIRST = re.compile(r"^\"?Software Version\"?(?P<delimiter>[\t,;])\"?\d+\.\d+", re.MULTILINE)
_MARKS = re.compile(
    r"^\"?(?:Experiment File Path|Protocol File Path|Reader Serial Number|Procedure Details|Plate Number)\b",
    re.MULTILINE,
)
_BOOK_MARKS = (
    "Experiment File Path",
    "Protocol File Path",
    "Reader Serial Number",
    "Procedure Details",
    "Plate Number",
)
WORDS: dict[str, Flag] = {
    "ovrflw": "above_range",
    "overflow": "above_range",
    "missed": "not_reported",
    "?????": "not_reported",
    "????": "not_reported",
    "err": "not_a_number",
    "edit": "not_a_number",
}
_PROCEDURE = "Procedure Details"
_LAYOUT = "Layout"
_RESULTS = "Results"
_SAMPLE = {"well id", "name"}
_CONCENTRATION = "conc/dil"
_MASKED = re.compile(r"\*(.+)\*")
_CLOCK = re.compile(r"\d{1,3}:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_AXES = {"time", "wavelength"}
_PLATE = "Plate Number"
_WELL = "Well"


class Gen5(Importer):
    """The first line of a plate is that of the software's version: a file with several plates repeats the header."""

    key = "gen5"
    title = "Gen5 export (BioTek)"
    version = "1"
    extensions = (".txt", ".csv", ".xlsx", ".xls")
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_workbook(head.data):
            seen = peek(head)
            if "Software Version" in seen and sum(mark in seen for mark in _BOOK_MARKS) > 1:
                return Finding(Verdict.YES, "a workbook with the header of a Gen5 export")
            return Finding(Verdict.NO, "a workbook without the header of a Gen5 export")
        try:
            text = decode(head.data, cut=not head.complete).text
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if _FIRST.search(text[:2000]) is None:
            return Finding(Verdict.NO, "no line 'Software Version' at its beginning")
        if len(set(_MARKS.findall(text))) > 1:
            return Finding(Verdict.YES, "has the header of a Gen5 export")
        return Finding(Verdict.MAYBE, "names a software version as Gen5 does, and little else of its header")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector(words=WORDS)
        if is_workbook(file.content):
            names: set[str | None] = set()
            number = 1
            for sheet in read_workbook(file.content):
                rows = sheet_rows(sheet.rows)
                starts = _starts(rows)
                if not starts and any(row.cells for row in rows):
                    found.unread.append(f"sheet {sheet.name!r}: {len(rows)} rows")
                for start, end in pairwise([*starts, len(rows)]):
                    _Plate(found, rows[start:end], number, names).read()
                    number += 1
            return found.finish(self.key, self.version, _run(found), "a sheet with a line 'Software Version'")
        decoded = decode(file.content)
        first = _FIRST.search(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
        if first is None:
            raise FaultyFile("this is not a Gen5 export", line=1, expected="a line 'Software Version' near the top")
        rows = delimited(decoded.text, first["delimiter"])
        found.notes += decoded.notes
        names = set()
        for number, (start, end) in enumerate(pairwise([*_starts(rows), len(rows)]), start=1):
            _Plate(found, rows[start:end], number, names).read()
        found.notes += last_line_note(decoded.text)
        return found.finish(self.key, self.version, _run(found), "a grid or table of results below the header")


def _starts(rows: Sequence[Row]) -> list[int]:
    return [index for index, row in enumerate(rows) if row.cells and row.cells[0].strip() == "Software Version"]


def _run(found: Collector) -> Run:
    header = {name.rstrip(":"): text for name, text in found.header.items()}
    # A workbook stores a date with the time of midnight.
    header["Date"] = header.get("Date", "").removesuffix(" 00:00:00")
    at = f"{header.get('Date', '')} {header.get('Time', '')}".strip()
    moment = read_moment(at, date_order(found.header.values()))
    if at and moment.iso is None:
        why = "the day or the month may come first" if moment.ambiguous else "it is not a known form of date"
        found.notes.append(f"Date {at!r} is left as text: {why}")

    def stated(name: str) -> str | None:
        text = header.get(name, "")
        return None if text.casefold() in {"", "n/a", "unknown"} else text

    return Run(
        instrument=stated("Reader Type"),
        software=f"Gen5 {header.get('Software Version', '')}".strip(),
        serial_number=stated("Reader Serial Number"),
        batch=stated("Experiment File Path"),
        protocol=stated("Protocol File Path"),
        started_at=moment.iso,
    )


class _Plate:
    """One plate of the file: the rows from its header to the next one."""

    def __init__(self, found: Collector, rows: Sequence[Row], number: int, names: set[str | None]) -> None:
        self.found = found
        self.rows = rows
        self.names = names
        self.expected: list[tuple[str, str, str]] = []
        self.titles: dict[str, int] = {}
        """Lines that are nothing but the title of what follows, as long as nothing has."""
        self.name: str | None = None
        self.prefix = "" if number == 1 else f"{number}: "
        self.last = rows[-1].line
        self.measured = False
        self.style = Style()

    def read(self) -> None:
        at, title, procedure = 0, "", False
        while at < len(self.rows):
            row = self.rows[at]
            grid = find_grid(self.rows, at)
            if grid is not None or _is_table(row) or _is_other(row):
                self.titles.pop(title, None)
            if grid is not None:
                self._grid(grid, title)
                at, title, procedure = grid.end, "", False
            elif _is_table(row):
                at, title, procedure = self._table(at, title), "", False
            elif _is_other(row):
                at = self._other(at, title)
            else:
                if row.cells:
                    procedure, title = self._line(row, title, procedure=procedure)
                    if title and title == row.cells[0].strip() and title != _RESULTS:
                        self.titles[title] = row.line
                at += 1
        self.found.unread += [f"line {line}: {title}" for title, line in self.titles.items()]
        # Behind the results: what was measured comes first.
        for label, well, raw in self.expected:
            self.found.reading(label, raw, plate=self.name, location=well, style=self.style)
        if not self.measured:
            raise FaultyFile(
                f"{self.name or 'the plate'} has no results",
                line=self.last,
                expected="a grid or a table of results below the layout",
            )

    def _line(self, row: Row, title: str, *, procedure: bool) -> tuple[bool, str]:
        """A line of the header, of the procedure, or a title."""
        cells = [cell.strip() for cell in row.cells]
        if cells == [_PROCEDURE]:
            return True, ""
        if len(cells) == 1 and not cells[0].endswith(":") and not procedure:
            return False, cells[0]
        if cells == [_LAYOUT] or (
            len(cells) == 1 and procedure and row.cells[0][:1].strip() and self._ends_procedure(row)
        ):
            return False, cells[0]
        if procedure:
            text = " ".join(cell for cell in cells if cell)
            name = self.prefix + _PROCEDURE
            self.found.header[name] = f"{self.found.header[name]}\n{text}" if name in self.found.header else text
            return True, title
        name, text = cells[0].rstrip(":").strip(), " ".join(cells[1:]).strip()
        if name == _PLATE:
            self.name = _unused(text or "Plate", self.names)
        self.found.add_header(self.prefix + name, text)
        return False, title

    def _ends_procedure(self, row: Row) -> bool:
        """Whether a line is the title of a result: below it, blank lines aside, stands a grid or a table."""
        index = next(index for index, other in enumerate(self.rows) if other.line == row.line)
        below = next((index + 1 + n for n, other in enumerate(self.rows[index + 1 : index + 4]) if other.cells), None)
        return below is not None and (find_grid(self.rows, below) is not None or _is_table(self.rows[below]))

    def _grid(self, grid: Grid, title: str) -> None:
        self.found.notes += check_rows(grid, last=grid.lines[-1].line >= self.last - 1)
        title = title or grid.corner or "Results"
        self.found.table(title, grid.labels, len(grid.lines))
        layout = title == _LAYOUT or any(label.casefold() in _SAMPLE for label in grid.labels)
        if layout:
            self._layout(grid)
            return
        self.measured = True
        style = {
            label: number_style(
                (row.line, cell.strip()) for row in grid.lines if row.label == label for cell in row.cells
            )
            for label in grid.labels
        }
        times = {row.label for row in grid.lines if any(_CLOCK.fullmatch(cell.strip()) for cell in row.cells)}
        for well, _, label, text in grid.cells():
            masked = _MASKED.fullmatch(text.strip())
            if label in times:
                # A time such as `0:00:24`, or the word that there is none.
                if text.strip():
                    self.found.fact(label or title, text, plate=self.name, location=well)
                continue
            value = Value(None, None, "masked") if masked else None
            self.found.reading(label or title, text, plate=self.name, location=well, value=value, style=style[label])

    def _layout(self, grid: Grid) -> None:
        """Names of samples; concentrations of standards and, of the others, what share of the sample is in the well."""
        self.style = style = number_style(
            (row.line, cell.strip()) for row in grid.lines if row.label.casefold() not in _SAMPLE for cell in row.cells
        )
        named: dict[str, str] = {}
        for well, _, label, raw in grid.cells():
            text = raw.strip()
            kind = label.casefold()
            if kind in _SAMPLE or not label:
                if text and well not in named:
                    named[well] = text
                    self.found.well(self.name, well, sample=text)
                if text:
                    self.found.fact(label or _LAYOUT, text, plate=self.name, location=well)
            elif text and kind == _CONCENTRATION:
                self.expected.append((label, well, raw))
                if re.match(r"SPL", named.get(well, ""), re.IGNORECASE):
                    number = read_number(style.plain(text), style.mark)
                    self.found.well(self.name, well, dilution=_dilution(number))
            elif text:
                self.found.fact(label, text, plate=self.name, location=well)

    def _table(self, at: int, title: str) -> int:
        """A table with a row for each time or wavelength, or for each quantity, and a column for each well; gives the
        index behind it.
        """
        head = [cell.strip() for cell in self.rows[at].cells]
        first = next(index for index, name in enumerate(head) if read_well(name))
        end = at + 1
        while end < len(self.rows) and self.rows[end].cells:
            end += 1
        body = self.rows[at + 1 : end]
        numbers = [row for row in body if row.cells[0].strip().casefold() not in _SAMPLE]
        style = number_style((row.line, cell.strip()) for row in numbers for cell in row.cells[first:])
        self.found.table(title or head[0], (head[0], *head[1:first]), len(body))
        for row in body:
            mark = row.cells[0].strip()
            if head[0] == _WELL and mark.casefold() in _SAMPLE:
                for name, cell in zip(head[first:], row.cells[first:], strict=False):
                    self._named(read_well(name), mark, cell.strip())
                continue
            quantity = mark if head[0] == _WELL else f"{title} at {mark}".strip()
            for index, name in enumerate(head[1:first], start=1):
                text = row.cells[index].strip() if index < len(row.cells) else ""
                if text:
                    self.found.fact(f"{name} at {mark}", text, plate=self.name)
            for index, name in enumerate(head[first:], start=first):
                well = read_well(name)
                if well is None:
                    raise FaultyFile("the column is no well", line=self.rows[at].line, value=name, expected="A1, A2, …")
                text = row.cells[index] if index < len(row.cells) else ""
                self.found.reading(quantity, text, plate=self.name, location=well, style=style)
                self.measured = True
        return end

    def _named(self, well: str | None, name: str, text: str) -> None:
        if well is not None and text:
            self.found.well(self.name, well, sample=text)
            self.found.fact(name, text, plate=self.name, location=well)

    def _other(self, at: int, title: str) -> int:
        """Curves and lists of statistics: column by column, below the name in the first one."""
        head = [cell.strip() for cell in self.rows[at].cells]
        end = at + 1
        while end < len(self.rows) and self.rows[end].cells:
            end += 1
        body = self.rows[at + 1 : end]
        wells = head.index("Well") if "Well" in head else None
        styles = [number_style((row.line, _cell(row, index)) for row in body) for index in range(len(head))]
        if wells is not None:
            self.found.table(title or "Statistics", head, len(body))
        name = ""
        for row in body:
            # A blank name is that of the row above: another of its wells.
            name = _cell(row, 0) or name
            well = None if wells is None else read_well(_cell(row, wells))
            if well is not None and wells != 0:
                self.found.well(self.name, well, sample=name)
            for index, column in enumerate(head):
                text = _cell(row, index)
                if not text or index in {0, wells}:
                    continue
                if well is None:
                    self.found.fact(f"{title or head[0]}: {name}: {column}", text, plate=self.name)
                elif self.found.read(text, styles[index]).known:
                    self.measured = True
                    self.found.reading(column, text, plate=self.name, location=well, style=styles[index])
                else:
                    self.found.fact(column, text, plate=self.name, location=well)
        return end


def _unused(name: str, names: set[str | None]) -> str:
    """The name, with a number behind it when an earlier plate has it: two reads of one plate are two plates here."""
    found, count = name, 1
    while found in names:
        count += 1
        found = f"{name} ({count})"
    names.add(found)
    return found


def _is_table(row: Row) -> bool:
    cells = [cell.strip() for cell in row.cells]
    if not cells or not any(read_well(cell) for cell in cells[1:3]):
        return False
    return cells[0].casefold() in _AXES or (cells[0] == _WELL and all(read_well(cell) for cell in cells[1:]))


def _is_other(row: Row) -> bool:
    return bool(row.cells) and row.cells[0].strip() in {"Curve Name", "Well ID", "Well"}


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _dilution(share: Decimal | None) -> Decimal | None:
    """0.25 of the sample is a dilution of 4; None for a share that is no exact part, such as 0.33333."""
    if share is None or share <= 0:
        return None
    if share >= 1:
        return share
    factor = 1 / share
    return factor if factor * share == 1 and factor == factor.to_integral_value() else None
