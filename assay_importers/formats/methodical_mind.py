"""Methodical Mind, the software of MSD's plate readers: fields, a grid with a line for each spot, statistics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assay_importers.contract import Importer, ParsedRun, Run, SourceFile, Table
from assay_importers.dates import date_order, read_moment
from assay_importers.delimited import Cell, Collector, decimal_mark
from assay_importers.errors import FaultyFile
from assay_importers.text_matrix import how_many, open_text
from assay_importers.wells import read_well

_SECTION = re.compile(r"=+\s*([^=\t]+?)\s*=*\s*")
_FIELD = re.compile(r"([A-Za-z][^:\t]*?)\s*:[\s]*(.*)", re.DOTALL)
_ROW = re.compile(r"[A-Z]|A[A-F]")
_SIZE = re.compile(r"(\d+)\b")
_FIRST = {"FileName", "Stack ID"}
_ROWS = {"6": "2", "24": "4", "96": "8", "384": "16", "1536": "32"}
_SPOT = re.compile(r"<([^<>]*)>")
_ZONE = re.compile(r"\s+[A-Z]{2,5}$")
# Some versions write the two characters of `\t` where they mean a tabulator.
_ESCAPED = "\\t"


def is_methodical(text: str) -> bool:
    """Whether a text begins as a plate of Methodical Mind does."""
    return (
        "Spots Per Well" in text
        or ("Det Param" in text and "Stack ID" in text)
        or ("=Data=" in text and "Barcode1" in text)
    )


@dataclass
class _Plate:
    """One plate: its fields, and the lines of its grid by row of wells."""

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    rows: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)
    legend: list[list[str]] = field(default_factory=list)
    others: dict[str, list[list[str]]] = field(default_factory=dict)


def read_methodical(file: SourceFile, importer: Importer) -> ParsedRun:
    """Read the file: one plate after the other."""
    opened = open_text(file.content)
    plates = _plates(opened.text)
    if not any(plate.rows for plate in plates):
        raise FaultyFile(
            "there is no plate", line=1, expected="columns of Discovery Workbench, or a grid below '=Data='"
        )
    found = Collector()
    header: dict[str, str] = {}
    tables = []
    names = _names(plates)
    for number, (plate, name) in enumerate(zip(plates, names, strict=True), start=1):
        for key, text in plate.fields.items():
            header.setdefault(key if number == 1 else f"{key} ({number})", text)
        tables.append(Table(name=name or "Data", columns=tuple(plate.columns), rows=len(plate.rows)))
        found.mark = decimal_mark(_cells(plate), "\t")
        _read(plate, name, found)
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=_run(plates[0].fields, header, found),
        wells=found.wells,
        readings=tuple(found.readings),
        facts=tuple(found.facts),
        tables=tuple(tables),
        unread=tuple(found.unread),
        notes=(*opened.notes, *found.all_notes(), how_many(len(opened.text.splitlines()), "lines")),
    )


def _plates(text: str) -> list[_Plate]:
    plates = [_Plate(1)]
    section = letter = ""
    for line, content in enumerate(text.splitlines(), start=1):
        plate = plates[-1]
        titled = _SECTION.fullmatch(content)
        if titled is not None:
            section, letter = titled[1], ""
            continue
        named = _FIELD.fullmatch(content.replace(_ESCAPED, "\t"))
        if named is not None and plate.rows and named[1] in _FIRST:
            plate = _Plate(line)
            plates.append(plate)
            section = ""
        if not section:
            if named is not None:
                plate.fields[named[1]] = named[2].replace("\t", " ").strip()
                letter = named[1]
            if letter in {"Spot", "Legend"} and content.strip() and "<" in content:
                plate.legend += [_SPOT.findall(content)] if letter == "Legend" else []
            continue
        cells = content.split("\t")
        if section != "Data":
            if content.strip():
                plate.others.setdefault(section, []).append(cells)
        elif not plate.columns:
            plate.columns = [cell.strip() for cell in cells[1:] if cell.strip()]
        else:
            letter = _grid_line(plate, line, cells, letter)
    return plates


def _grid_line(plate: _Plate, line: int, cells: list[str], letter: str) -> str:
    """A line of the grid; gives the row of wells to which the next one without a letter belongs."""
    first = cells[0].strip()
    if not any(cell.strip() for cell in cells) and len(cells) <= len(plate.columns):
        return ""
    if first and not _ROW.fullmatch(first):
        raise FaultyFile("the line begins with no row of the plate", line=line, value=first, expected="A, B, C ...")
    letter = first or letter
    if not letter:
        raise FaultyFile("the line belongs to no row of the plate", line=line, expected="a row's letter first")
    values = [cell.strip() for cell in cells[1:]]
    if len(values) < len(plate.columns):
        raise FaultyFile(
            f"the line has {len(values)} wells", line=line, value=letter, expected=f"{len(plate.columns)} wells"
        )
    plate.rows.setdefault(letter, []).append((line, values))
    return letter


def _names(plates: Sequence[_Plate]) -> list[str | None]:
    """What tells the plates of a file apart: the barcode where it does, else their number."""
    if len(plates) == 1:
        return [None]
    codes = [plate.fields.get("Barcode1", "").strip("<>*") for plate in plates]
    if "" in codes or len(set(codes)) != len(codes):
        return [str(number) for number in range(1, len(plates) + 1)]
    return list(codes)


def _cells(plate: _Plate) -> Iterator[Cell]:
    for lines in plate.rows.values():
        for line, values in lines:
            yield from (Cell(line, "", value) for value in values)


def _read(plate: _Plate, name: str | None, found: Collector) -> None:
    declared = plate.fields.get("Spots Per Well", "")
    for letter, lines in plate.rows.items():
        # Lines stand for spots by their order; one that is blank throughout is a spot that was not asked for.
        filled = [(spot, line, values) for spot, (line, values) in enumerate(lines, start=1) if any(values)]
        for spot, line, values in filled:
            for column, heading in enumerate(plate.columns):
                location = read_well(f"{letter}{heading}")
                if location is None:
                    raise FaultyFile(
                        "the grid has no such well", line=line, value=f"{letter}{heading}", expected="columns from 1"
                    )
                found.well(name, location, None, role="unknown", line=line)
                found.cell(
                    values[column],
                    "Signal",
                    plate=name,
                    location=location,
                    analyte=f"spot {spot}",
                    line=line,
                )
        if declared.isdigit() and len(filled) != int(declared):
            found.notes.append(f"row {letter}: {len(filled)} spots in each well, the file declares {declared}")
    _check_rows(plate, found)
    for active in (spot_name for line in plate.legend for spot_name in line if spot_name.strip()):
        found.fact("Legend", active, plate=name)
    for title, left in plate.others.items():
        for cells in left:
            found.fact(f"{title}: {cells[0].strip(' :')}", " ".join(" ".join(cells[1:]).split()), plate=name)


def _check_rows(plate: _Plate, found: Collector) -> None:
    """Refuse a grid with fewer rows than its type has."""
    first = next(iter(plate.rows), "")
    short = [letter for letter, lines in plate.rows.items() if len(lines) < len(plate.rows[first])]
    if short:
        found.notes.append(f"fewer spots than in row {first}: {', '.join(short)}")
    size = _SIZE.match(plate.fields.get("Type", ""))
    expected = plate.fields.get("Wells Per Col", "") or (_ROWS.get(size[1], "") if size else "")
    if expected.isdigit() and len(plate.rows) != int(expected):
        raise FaultyFile(
            f"the grid has {len(plate.rows)} rows of wells", line=plate.line, expected=f"{expected}, as declared"
        )


def _run(fields: dict[str, str], header: dict[str, str], found: Collector) -> Run:
    stated = _ZONE.sub("", fields.get("Read Time", ""))
    moment = read_moment(stated, date_order([stated]))
    if stated and moment.iso is None:
        found.notes.append(f"Read Time {stated!r} is left as text: it does not read in one way only")
    return Run(
        instrument=f"MSD {fields.get('Model', '')}".strip(),
        software=f"Methodical Mind {fields.get('Version', '')}".strip(),
        serial_number=fields.get("Serial #") or None,
        batch=fields.get("Barcode1", "").strip("<>*") or None,
        operator=fields.get("User") or None,
        started_at=moment.iso,
        header=header,
    )
