"""NanoString nCounter: RCC files of lanes, the RLF that describes their codes, and RCC Collector workbooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePosixPath

from assay_importers.collect import last_line_note
from assay_importers.contract import (
    WORKBOOKS,
    Fact,
    Features,
    Finding,
    Head,
    Importer,
    ParsedRun,
    Run,
    Sheet,
    SourceFile,
    Table,
    Verdict,
)
from assay_importers.errors import FaultyFile
from assay_importers.matrix import Matrix
from assay_importers.text import Row, decode, read_rows
from assay_importers.workbook import read_workbook

COUNT = "Count"
_OPEN = re.compile(r"<(\w+)>")
_CLOSE = re.compile(r"</(\w+)>")
_CODES = ("CodeClass", "Name", "Accession", COUNT)
_SUMMARY, _MESSAGES = "Code_Summary", "Messages"
_SECTIONS = {"Header": "", "Sample_Attributes": "Sample", "Lane_Attributes": "Lane"}
_RLF_SECTION = re.compile(r"^\[(Header|Content)\]\s*$", re.IGNORECASE | re.MULTILINE)
_RLF_CODES = re.compile(r"^Record\d+=|^ClassName\d+=", re.IGNORECASE | re.MULTILINE)
_COLLECTION = "RCC Collection"
_REPORTERS = "Reporter Counts"
_WHOLE = re.compile(r"\d{1,18}(?:\.0+)?", re.ASCII)

Key = tuple[str, str, str]


class NanoString(Importer):
    """Counts become a matrix, a column for each lane; several RCC files together are one."""

    key = "nanostring"
    title = "NanoString nCounter RCC, RLF and RCC Collector"
    version = "1"
    extensions = (".rcc", ".rlf", ".xls", ".xlsx")
    technique = "digital counting of hybridised probes"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        if any(sheet.name == _COLLECTION for sheet in head.sheets):
            return Finding(Verdict.YES, "a workbook with a sheet 'RCC Collection'")
        text = head.text
        if text is None:
            return Finding(Verdict.NO, "neither text nor a workbook with a sheet 'RCC Collection'")
        opened = set(_OPEN.findall(text[:4000]))
        if {"Header", "Sample_Attributes", "Lane_Attributes"} <= opened:
            return Finding(Verdict.YES, "has the sections of an RCC file")
        if _RLF_SECTION.search(text[:4000]) and _RLF_CODES.search(text):
            return Finding(Verdict.YES, "has the sections of an RLF file")
        return Finding(Verdict.NO, "neither the sections of an RCC nor of an RLF file")

    def parse(self, file: SourceFile) -> ParsedRun:
        files = (file, *file.companions)
        if len(files) == 1 and file.content.startswith(WORKBOOKS):
            return self._of_lanes([], *_collection(file))
        if len(files) == 1 and _RLF_SECTION.search(decode(file.content).text[:4000]):
            return _codes(file, self)
        lanes = [_lane(one) for one in files]
        header = dict(lanes[0].header) if len(lanes) == 1 else {"Files": str(len(lanes))}
        return self._of_lanes(lanes, header, (), ())

    def _of_lanes(
        self, lanes: Sequence[_Lane], header: dict[str, str], sheets: Sequence[Sheet], unread: Sequence[str]
    ) -> ParsedRun:
        found = lanes or _lanes_of(sheets[0])
        keys = list(dict.fromkeys(key for lane in found for key in lane.counts))
        names = list(dict.fromkeys(name for lane in found for name in lane.facts))
        notes = [f"{lane.where}: {note}" for lane in found for note in lane.notes]
        code_sets = sorted({lane.facts.get("GeneRLF", "") for lane in found})
        if len(code_sets) > 1:
            notes.append(f"the lanes are of several code sets, and lack each other's codes: {', '.join(code_sets)}")
        matrix = _matrix(found, keys)
        features = Features.of(
            matrix,
            samples=[lane.sample for lane in found],
            ids=[name for _, name, _ in keys],
            annotation={"CodeClass": [code for code, *_ in keys], "Accession": [number or None for *_, number in keys]},
            sample_annotation={name: [lane.facts.get(name) for lane in found] for name in names},
        )
        tables = [Table(name=sheet.name, columns=_first_row(sheet), rows=len(sheet.rows)) for sheet in sheets]
        tables = tables or [Table(name=lane.where, columns=_CODES, rows=len(lane.counts)) for lane in found]
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(
                instrument="NanoString nCounter",
                software=_all(found, "SoftwareVersion"),
                serial_number=_all(found, "ScannerID"),
                batch=_all(found, "CartridgeID"),
                header=header,
            ),
            tables=tuple(tables),
            features=features,
            matrix=matrix,
            unread=(*unread, *(text for lane in found for text in lane.unread)),
            notes=tuple(notes),
        )


@dataclass
class _Lane:
    """One lane: its sample, the attributes of both, and the count of each code."""

    where: str
    sample: str
    facts: dict[str, str] = field(default_factory=dict)
    header: dict[str, str] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def _all(lanes: Sequence[_Lane], name: str) -> str | None:
    """What the lanes say, each text once."""
    return ", ".join(sorted({lane.facts[name] for lane in lanes if lane.facts.get(name)})) or None


def _matrix(lanes: Sequence[_Lane], keys: Sequence[Key]) -> Matrix:
    numpy = import_module("numpy")
    whole = all(len(lane.counts) == len(keys) for lane in lanes)
    values = numpy.full((len(keys), len(lanes)), 0 if whole else numpy.nan, dtype="int64" if whole else "float64")
    rows = {key: row for row, key in enumerate(keys)}
    for column, lane in enumerate(lanes):
        for key, count in lane.counts.items():
            values[rows[key], column] = count
    return Matrix({COUNT: values})


def _lane(file: SourceFile) -> _Lane:
    """Read one RCC file: sections in angle brackets, comma-separated lines within."""
    name = PurePosixPath(file.name).name
    decoded = decode(file.content)
    lane = _Lane(name, "", notes=list(decoded.notes))
    sections = _sections(decoded.text, name)
    if _SUMMARY not in sections:
        raise FaultyFile(f"{name} has no section {_SUMMARY}", expected="a whole RCC file")
    for section, rows in sections.items():
        if section == _SUMMARY:
            _read_counts(lane, [row for row in rows if row.cells])
        elif section in _SECTIONS:
            for row in rows:
                _attribute(lane, section, row.cells)
        elif section == _MESSAGES:
            lane.notes += [", ".join(row.cells) for row in rows if row.cells]
        else:
            lane.unread += [f"{name}, line {row.line}: {','.join(row.cells)}" for row in rows if row.cells]
    if _MESSAGES not in sections:
        lane.notes.append("the file has no section Messages at its end, so whether it is whole cannot be told")
    lane.sample = lane.facts.get("SampleID") or PurePosixPath(name).stem
    return lane


def _sections(text: str, name: str) -> dict[str, list[Row]]:
    """The rows of each section; those outside of any under an empty name. Refuses a section that is not closed."""
    sections: dict[str, list[Row]] = {"": []}
    section = ""
    for row in read_rows(text, ","):
        first = row.cells[0].strip() if row.cells else ""
        opened, closed = _OPEN.fullmatch(first), _CLOSE.fullmatch(first)
        if opened and not section:
            section = opened[1]
            if section in sections:
                raise FaultyFile(f"{name} has the section {section} twice", line=row.line, expected="one lane a file")
            sections[section] = []
        elif opened or (closed and closed[1] != section):
            expected = f"</{section}>" if section else "a section that was opened"
            raise FaultyFile("the sections do not fit one another", line=row.line, value=first, expected=expected)
        elif closed:
            section = ""
        else:
            sections[section].append(row)
    if section:
        raise FaultyFile(f"{name} ends within the section {section}", expected="a whole RCC file")
    return sections


def _read_counts(lane: _Lane, rows: Sequence[Row]) -> None:
    found = tuple(cell.strip() for row in rows[:1] for cell in row.cells)
    if found != _CODES:
        where = rows[0].line if rows else None
        expected = ",".join(_CODES)
        raise FaultyFile(f"{_SUMMARY} has other columns", line=where, value=",".join(found), expected=expected)
    for row in rows[1:]:
        _count(lane, row.cells, row.line)


def _attribute(lane: _Lane, section: str, cells: Sequence[str]) -> None:
    """`ID` stands for the sample in one section and for the lane in another."""
    if not cells:
        return
    name, text = cells[0].strip(), ",".join(cells[1:]).strip()
    name = f"{_SECTIONS[section]}ID" if name == "ID" else name
    lane.header[name] = text
    lane.facts[name] = text


def _count(lane: _Lane, cells: Sequence[str], line: int) -> None:
    if len(cells) != len(_CODES):
        raise FaultyFile("a code has four cells", line=line, value=",".join(cells), expected=",".join(_CODES))
    code, name, accession, text = (cell.strip() for cell in cells)
    key = (code, name, accession)
    if key in lane.counts:
        raise FaultyFile(
            f"the code {name} is counted twice", line=line, value=",".join(cells), expected="each code once"
        )
    lane.counts[key] = _whole(text, line, COUNT)


def _whole(text: str, line: int, column: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise FaultyFile(
            "a count is a whole number", line=line, column=column, value=text, expected="a number such as 347"
        )
    return int(text.partition(".")[0])


def _codes(file: SourceFile, importer: Importer) -> ParsedRun:
    """Read an RLF file: `key=value` lines, comments behind semicolons, a record for each code."""
    header: dict[str, str] = {}
    records: list[tuple[int, str]] = []
    comments: list[str] = []
    unread: list[str] = []
    decoded = decode(file.content)
    for number, raw in enumerate(decoded.text.splitlines(), start=1):
        line = raw.strip()
        key, separator, text = line.partition("=")
        if line.startswith(";"):
            comments.append(line)
        elif separator and re.fullmatch(r"Record\d+", key, re.IGNORECASE):
            records.append((number, text))
        elif separator:
            header[key] = text
        elif line and not _RLF_SECTION.fullmatch(line):
            unread.append(f"line {number}: {line}")
    columns = [name.strip() for name in header.get("Columns", "").split(",")]
    stated = header.get("RecordCount", "")
    if not records or stated != str(len(records)) or "GeneName" not in columns:
        raise FaultyFile(
            f"the file has {len(records)} records of {len(columns)} columns, and states {stated or 'none'}",
            expected="as many records as RecordCount says, with a column GeneName: the whole RLF file",
        )
    named = columns.index("GeneName")
    facts = [
        Fact(analyte=cells[named], name=name, text=text)
        for number, record in records
        for cells in [_record(record, number, columns)]
        for name, text in zip(columns, cells, strict=True)
        if text and name != "GeneName"
    ]
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(header={**header, **({"Comments": "\n".join(comments)} if comments else {})}),
        facts=tuple(facts),
        tables=(Table(name="Content", columns=tuple(columns), rows=len(records)),),
        unread=tuple(unread),
        notes=(*decoded.notes, *last_line_note(decoded.text), "the file describes codes and holds no counts"),
    )


def _record(text: str, line: int, columns: Sequence[str]) -> list[str]:
    (row,) = read_rows(text, ",")
    cells = [cell.strip() for cell in row.cells]
    if len(cells) > len(columns):
        raise FaultyFile("the record has more cells than columns", line=line, value=text, expected=",".join(columns))
    return cells + [""] * (len(columns) - len(cells))


def _collection(file: SourceFile) -> tuple[dict[str, str], tuple[Sheet, ...], tuple[str, ...]]:
    sheets = read_workbook(file.content)
    first = next((sheet for sheet in sheets if sheet.name == _COLLECTION), None)
    if first is None:
        raise FaultyFile("the workbook has no sheet 'RCC Collection'", expected="a workbook of RCC Collector")
    others = tuple(sheet for sheet in sheets if sheet is not first)
    unread = tuple(f"sheet {sheet.name!r}: {len(sheet.rows)} rows" for sheet in others if sheet.rows)
    return {"Sheet": first.name}, (first, *others), unread


def _lanes_of(sheet: Sheet) -> list[_Lane]:
    """The lanes of a collection stand side by side: labels in the first column, then reporters below their title."""
    labels = [row[0].strip() for row in sheet.rows]
    if _REPORTERS not in labels or "File name" not in labels:
        raise FaultyFile(
            f"the sheet {sheet.name!r} has no rows 'File name' and 'Reporter Counts'",
            expected="a workbook of RCC Collector",
        )
    start = labels.index(_REPORTERS) + 1
    names = sheet.rows[labels.index("File name")]
    lanes = [(_Lane(text.strip(), ""), column) for column, text in enumerate(names) if column and text.strip()]
    if not lanes:
        raise FaultyFile("the sheet names no RCC file", expected="a row 'File name' with a name for each lane")
    for lane, column in lanes:
        texts = zip(labels[: start - 1], (row[column].strip() for row in sheet.rows), strict=False)
        lane.facts |= {label.replace(" ", ""): text for label, text in texts if label and text}
        lane.sample = lane.facts.get("SampleID") or lane.where
        for number, row in enumerate(sheet.rows[start:], start=start + 1):
            if row[0].strip() not in {"", "Code Class"}:
                _count(lane, (*row[:3], row[column]), number)
    return [lane for lane, _ in lanes]


def _first_row(sheet: Sheet) -> tuple[str, ...]:
    return tuple(cell for cell in (sheet.rows[0] if sheet.rows else ()) if cell)
