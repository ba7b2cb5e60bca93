"""SomaScan ADAT: a header, annotation of analytes above the table, and a row of fluorescence for each sample."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from assay_importers.collect import last_line_note
from assay_importers.contract import Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile, shorten
from assay_importers.matrix import Matrix
from assay_importers.text import decode

RFU = "RFU"
_HEADER, _TABLE = "^HEADER", "^TABLE_BEGIN"
_MARKS = ("^HEADER", "^COL_DATA", "^ROW_DATA", "^TABLE_BEGIN")


class SomaScan(Importer):
    """The fluorescence becomes a matrix, analytes by samples; everything said of either becomes its annotation."""

    key = "somascan"
    title = "SomaScan ADAT"
    version = "1"
    extensions = (".adat", ".txt")
    technique = "aptamer-based proteomics"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        # Some begin with a checksum.
        lines = [line.partition("\t")[0].strip() for line in (head.text or "").lstrip().splitlines()[:400]]
        if _HEADER in lines[:2] and ("!AdatId" in lines or "^COL_DATA" in lines or _TABLE in lines):
            return Finding(Verdict.YES, "has the header of an ADAT")
        return Finding(Verdict.NO, "does not begin as an ADAT does, with ^HEADER")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        adat = _Adat.of(decoded.text)
        table = _table(adat)
        annotation = {name: table.analytes[name] for name in table.analytes if name != "SeqId"}
        samples = table.samples.get("SampleId") or table.samples.get("SampleName") or next(iter(table.samples.values()))
        header = {name.removeprefix("!"): text for name, text in adat.header}
        units = {text for text in annotation.get("Units", ()) if text}
        matrix = Matrix({RFU: table.values})
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(
                instrument=_joined(table.samples.get("ScannerID", ())),
                software=header.get("GeneratedBy") or None,
                batch=_joined(table.samples.get("PlateId", ())),
                protocol=" ".join(header[name] for name in ("AssayType", "AssayVersion") if header.get(name)) or None,
                header=header,
            ),
            tables=(Table(name="TABLE_BEGIN", columns=tuple(table.samples), rows=len(samples)),),
            features=Features.of(
                matrix,
                samples=[name or "" for name in samples],
                ids=[name or "" for name in table.analytes["SeqId"]],
                units={RFU: units.pop() if len(units) == 1 else None},
                annotation=annotation,
                sample_annotation=table.samples,
            ),
            matrix=matrix,
            unread=tuple(adat.unread),
            notes=(*decoded.notes, *last_line_note(decoded.text)),
        )


def _joined(texts: Sequence[str | None]) -> str | None:
    return ", ".join(dict.fromkeys(text for text in texts if text)) or None


@dataclass
class _Adat:
    """The file cut at its marks: lines of the header, and the lines of the table with the number of its first one."""

    header: list[tuple[str, str]]
    lines: list[str]
    first: int
    unread: list[str]

    @classmethod
    def of(cls, text: str) -> _Adat:
        header: list[tuple[str, str]] = []
        unread: list[str] = []
        section = ""
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for number, raw in enumerate(lines, start=1):
            line = raw.rstrip("\r")
            name, _, rest = line.partition("\t")
            if name.startswith("^"):
                section = name.strip()
                if section == _TABLE:
                    return cls(header, lines[number:], number + 1, unread)
                if section not in _MARKS:
                    unread.append(f"line {number}: {shorten(line)}")
            elif section in {"", _HEADER} and (section or name.startswith("!")) and name.strip():
                header.append((name.strip(), rest.strip()))
            elif line.strip() and not (section in _MARKS and name in {"!Name", "!Type"}):
                unread.append(f"line {number}: {shorten(line)}")
        raise FaultyFile("the file ends before its table", line=len(lines), expected=f"a line {_TABLE}")


@dataclass
class _Table:
    """Texts of each analyte and each sample by the names that the file gives them, and the fluorescence."""

    analytes: dict[str, list[str | None]]
    samples: dict[str, list[str | None]]
    values: Any


def _table(adat: _Adat) -> _Table:
    """Rows that begin with blank cells annotate the analytes; the first that does not names the columns of samples."""
    analytes: dict[str, list[str | None]] = {}
    start, width = 0, 0
    for number, raw in enumerate(adat.lines, start=adat.first):
        cells = raw.rstrip("\r\n").split("\t")
        if cells[0].strip():
            break
        named = next((column for column, cell in enumerate(cells) if cell.strip()), None)
        if named is None:
            continue
        if not analytes:
            start, width = named + 1, len(cells)
        if named + 1 != start or len(cells) > width:
            raise FaultyFile(
                "the annotation of analytes is not below the others",
                line=number,
                value=cells[named],
                expected=f"column {start}",
            )
        texts = [cell.strip() or None for cell in cells[start:]]
        analytes[cells[named].strip()] = texts + [None] * (width - start - len(texts))
    else:
        raise FaultyFile("the table ends before its samples", line=adat.first + len(adat.lines), expected="samples")
    if "SeqId" not in analytes:
        raise FaultyFile("the table names no analytes", line=adat.first, expected="a row SeqId above the samples")
    names = [name.strip() for name in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) >= start or not all(names) or len(set(names)) != len(names):
        raise FaultyFile(
            "the columns of samples cannot be told from the values",
            line=number,
            value=shorten(raw),
            expected="a name each",
        )
    return _rows(adat, number - adat.first + 1, names, start, width, analytes)


def _rows(
    adat: _Adat, skipped: int, names: list[str], start: int, width: int, analytes: dict[str, list[str | None]]
) -> _Table:
    body = [line.rstrip("\r") for line in adat.lines[skipped:]]
    while body and not body[-1].strip():
        body.pop()
    first = adat.first + skipped
    for number, line in enumerate(body, start=first):
        if line.count("\t") + 1 != width:
            raise FaultyFile(
                f"the row has {line.count(chr(9)) + 1} cells",
                line=number,
                value=shorten(line),
                expected=f"{width} cells",
            )
    if not body:
        raise FaultyFile("the table has no sample", line=first, expected="a row for each sample")
    table = _read(body, first, start, width)
    samples = {
        name: [text.strip() or None for text in table.column(column).to_pylist()] for column, name in enumerate(names)
    }
    numpy = import_module("numpy")
    values = numpy.vstack([table.column(column).to_numpy() for column in range(start, width)])
    return _Table(analytes, samples, values)


def _read(body: list[str], first: int, start: int, width: int) -> Any:
    csv, arrow = import_module("pyarrow.csv"), import_module("pyarrow")
    names = [str(column) for column in range(width)]
    types = {name: arrow.string() if column < start else arrow.float64() for column, name in enumerate(names)}
    text = "\n".join(body).encode()
    try:
        return csv.read_csv(
            io.BytesIO(text),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(text) + 1, 1 << 20)),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=["", "NA", "NaN"], strings_can_be_null=False
            ),
        )
    except (arrow.ArrowInvalid, arrow.ArrowCapacityError) as error:
        raise FaultyFile(
            f"a value of the table is no number: {shorten(str(error), 200)}",
            line=first,
            expected="fluorescence such as 476.5 in every sample from this line on",
        ) from error
