"""QuantStudio and ViiA 7 exports, as text or workbook, and those of Design & Analysis and Diomni: sections or sheets,
each a table below lines of names and values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.dates import date_order, read_moment
from assay_importers.errors import FaultyFile
from assay_importers.formats.qpcr_words import WORDS, is_cycle, role
from assay_importers.grids import delimited, sheet_rows
from assay_importers.numbers import Style
from assay_importers.peek import peek
from assay_importers.row_table import Line, RowTable, Shape
from assay_importers.text import Row, decode
from assay_importers.workbook import is_workbook, read_workbook

_STARRED = re.compile(r"\s*\"?[*#] ?(?P<name>[^=:\r\n]+?)\s*(?:=|: )\s*(?P<text>.*?)\"?\s*", re.DOTALL)
_FIRST = re.compile(
    r"\"?[*#] ?(?:Block Type|Experiment (?:File )?Name|Calibration [^\r\n]*|Barcode|Chemistry|File Name|"
    r"Instrument Type)\s*(?:=|: )"
)
# StepOne and csv exports made by a spreadsheet have the same lines in two cells, without the mark.
_UNSTARRED = re.compile(r"\"?(?:Block Type|Experiment (?:File )?Name|Instrument Type)\"?[\t,;]")
_SECTION = re.compile(r"^\"?\[(?P<name>[^\]\r\n]+)\]", re.MULTILINE)
_TABLE = re.compile(r"^\"?Well\"?(?P<delimiter>[\t,;])", re.MULTILINE)
_BOOK = re.compile(r">(?:Block Type|Instrument Type|Experiment Type)<|Block Type\b.{0,80}Chemistry", re.DOTALL)
_SHEETS = (
    'name="Amplification Data"',
    'name="Sample Setup"',
    'name="Multicomponent"',
    'name="Multicomponent Data"',
    'name="Results"',
)
_MADE_BY = re.compile(r"QuantStudio|ViiA ?7|Design (?:&|&amp;) Analysis|Diomni|StepOne|7500 ", re.IGNORECASE)
_EQUALS = re.compile(r"(?P<name>[A-Z][^=\t]{1,60}?)\s+=\s+(?P<text>.*)", re.DOTALL)
_ZONE = re.compile(r"\s+[A-Z]{2,5}$")
_DASHED = re.compile(r"\b(\d{1,2})-(\d{1,2})-(\d{4})\b", re.ASCII)
# Curves: a row for each well and cycle or temperature. They are listed, not read.
_CURVES = {"cycle", "cycle number", "reading", "temperature", "fluorescence", "stage number"}
_SHAPE = Shape(
    sample=("sample name", "sample"),
    well=("well position", "position"),
    analyte=("target name", "target", "detector name", "assay"),
    role=("task",),
    read_role=role,
    texts=frozenset(
        {"omit", "sample color", "biogroup name", "biogroup color", "biogroup", "biological group", "target color",
         "reporter", "quencher", "dye", "comments", "automatic ct threshold", "auto threshold", "automatic baseline",
         "auto baseline", "amp status", "result quality issues", "curve quality", "replicate group"}
    ),
    skipped=frozenset({"well"}),
)  # fmt: skip


@dataclass
class _Section:
    """A sheet or a `[Section]`: its name, what stands above and below its table, and the table."""

    name: str
    rows: list[Row] = field(default_factory=list)


class Quantstudio(Importer):
    """Cells that a further section repeats are read once; where it says something else, both are kept."""

    key = "quantstudio"
    title = "QuantStudio, Design & Analysis and Diomni export"
    version = "1"
    extensions = (".txt", ".csv", ".xls", ".xlsx")
    technique = "qPCR"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_workbook(head.data):
            return _sniff_workbook(peek(head))
        try:
            text = decode(head.data, cut=not head.complete).text.lstrip()
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _UNSTARRED.match(text) and _TABLE.search(text.replace("\r\n", "\n").replace("\r", "\n")):
            return Finding(Verdict.YES, "begins with the block of a QuantStudio and has a table of wells")
        if not _FIRST.match(text):
            return Finding(Verdict.NO, "does not begin with the starred lines of a QuantStudio")
        if _MADE_BY.search(text) or _SECTION.search(text) or _TABLE.search(text):
            return Finding(Verdict.YES, "begins with the starred lines of a QuantStudio")
        return Finding(Verdict.MAYBE, "begins with starred lines, but names no instrument of this kind")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector(words=WORDS)
        if is_workbook(file.content):
            sections = [_Section(sheet.name, sheet_rows(sheet.rows)) for sheet in read_workbook(file.content)]
        else:
            decoded = decode(file.content)
            found.notes += decoded.notes
            sections = list(_sections(decoded.text, found))
            found.notes += last_line_note(decoded.text)
        reader = _Reader(found)
        for section in sections:
            reader.look(section)
        reader.read()
        if not reader.measured:
            raise FaultyFile(
                "the file holds no results",
                expected="a section or sheet with a row for each well and a column CT or Cq",
            )
        return found.finish(self.key, self.version, _run(found), "a table of results")


def _sniff_workbook(seen: str) -> Finding:
    if _BOOK.search(seen) and _MADE_BY.search(seen):
        return Finding(Verdict.YES, "a workbook with the block and instrument of a QuantStudio")
    # One that a spreadsheet saved again keeps its texts at the end, and the names of its sheets in front.
    if _SHEETS[0] in seen and any(name in seen for name in _SHEETS[1:]):
        return Finding(Verdict.YES, "a workbook with the sheets of a QuantStudio")
    return Finding(Verdict.NO, "a workbook without the block and instrument of a QuantStudio")


def _sections(text: str, found: Collector) -> Iterator[_Section]:
    head = _TABLE.search(text.replace("\r\n", "\n").replace("\r", "\n"))
    if head is None:
        raise FaultyFile("the file ends before its first table", expected="a row of column names that begins with Well")
    section = _Section("Results")
    for row in delimited(text, head["delimiter"]):
        joined = " ".join(cell.strip() for cell in row.cells).strip()
        named, starred = _SECTION.fullmatch(joined), _STARRED.fullmatch(joined)
        if named is not None:
            if section.rows:
                yield section
            section = _Section(named["name"].strip())
        elif starred is not None:
            found.add_header(starred["name"].strip(), starred["text"].strip())
        elif row.cells or section.rows:
            section.rows.append(row)
    yield section


class _Reader:
    def __init__(self, found: Collector) -> None:
        self.found = found
        self.measured = False
        self.tables: list[tuple[str, list[str], Sequence[Row]]] = []

    def look(self, section: _Section) -> None:
        """Find the table of a section, and take what stands around it."""
        at = next((n for n, row in enumerate(section.rows) if _is_head(row)), None)
        if at is None:
            self._around(section.rows)
            self.found.table(section.name, (), 0)
            return
        head = section.rows[at]
        names = [cell.strip() for cell in head.cells]
        self._around(section.rows[:at])
        end = at + 1
        while end < len(section.rows) and _is_body(section.rows[end]):
            end += 1
        body = section.rows[at + 1 : end]
        self._around(section.rows[end:])
        self.found.table(section.name, names, len(body))
        self.found.add_header(f"{section.name}: line of column names", str(head.line))
        lower = {name.casefold() for name in names}
        if lower & _CURVES:
            if body:
                self.found.unread.append(f"line {head.line}: {section.name}: {len(body)} rows of a curve")
            return
        self.tables.append((section.name, names, body))

    def read(self) -> None:
        """Read the tables: those with a cycle of quantification first, for they are the results."""
        seen: dict[tuple[str | None, str | None, str | None, str], str] = {}
        for title, names, body in sorted(self.tables, key=lambda table: not any(map(is_cycle, table[1]))):
            self.measured = self.measured or (bool(body) and any(map(is_cycle, names)))
            _Results(self.found, title, names, body, seen).read()

    def _around(self, rows: Sequence[Row]) -> None:
        """Names and values above and below a table."""
        for row in rows:
            cells = [cell.strip() for cell in row.cells]
            equal = _EQUALS.fullmatch(cells[0]) if len(cells) == 1 else None
            if equal is not None:
                self.found.add_header(equal["name"], equal["text"])
            elif cells and cells[0]:
                self.found.add_header(cells[0].rstrip(":"), " ".join(cell for cell in cells[1:] if cell))


def _is_head(row: Row) -> bool:
    cells = {cell.strip().casefold() for cell in row.cells}
    return len(row.cells) > 2 and bool(cells & {"well", "well position", "sample", "sample name"})


def _is_body(row: Row) -> bool:
    """A row of the table; below it, behind a blank line or not, stand names and values such as `Analysis Type`."""
    filled = [cell for cell in row.cells if cell.strip()]
    return bool(filled) and not (len(filled) < 3 and not re.fullmatch(r"[\d.]+", row.cells[0].strip() or "0"))


class _Results(RowTable):
    """A table of one section. A cell that an earlier section has with the same text is not read again."""

    def __init__(
        self, found: Collector, title: str, names: Sequence[str], rows: Sequence[Row],
        seen: dict[tuple[str | None, str | None, str | None, str], str],
    ) -> None:  # fmt: skip
        super().__init__(found, names, rows, _SHAPE)
        self.title = title
        self.seen = seen
        if self.well_at is None and "well" in self.lower:
            self.well_at = self._well_column()

    def _well_column(self) -> int | None:
        """Older software writes A1 into the column `Well`; newer one a number there, and A1 into `Well Position`."""
        at = self.lower.index("well")
        return at if any(Line(row, None, None, None).cell(at)[:1].isalpha() for row in self.rows) else None

    def cell(self, line: Line, index: int, style: Style | None) -> None:
        key = (line.location, line.sample, line.analyte, self.names[index])
        text = line.cell(index)
        # Without a well a row is of the sample as a whole: it may stand there more than once.
        before = "" if line.location is None else self.seen.get(key, "")
        if before and text in {"", before}:
            return
        name = self.names[index]
        if before:
            self.names[index] = f"{self.title}: {name}"
        else:
            self.seen[key] = text
        super().cell(line, index, style)
        self.names[index] = name


def _run(found: Collector) -> Run:
    header = {name.casefold(): text for name, text in found.header.items()}

    def stated(*names: str) -> str | None:
        texts = (header.get(name, "").strip() for name in names)
        return next((text for text in texts if text.casefold() not in {"", "na", "n/a", "none"}), None)

    at = stated("experiment run start time", "run start date/time", "experiment run end time", "run end data/time")
    started = None
    if at is not None:
        order = date_order(_DASHED.sub(r"\1/\2/\3", text) for text in found.header.values())
        started = read_moment(_ZONE.sub("", re.sub(r"(?<=[AP]M)\s+[A-Z]{2,5}$", "", at)), order).iso
        if started is None:
            found.notes.append(f"the time of the run, {at!r}, is left as text: it can be read in two ways or in none")
    return Run(
        instrument=stated("instrument type", "instrument name"),
        software=stated("software name and version"),
        serial_number=stated("instrument serial number", "instrument name"),
        batch=stated("experiment barcode", "barcode", "experiment name", "file name"),
        operator=stated("experiment user name", "user name", "operator"),
        protocol=stated("experiment type", "quantification cycle method"),
        started_at=started,
    )
