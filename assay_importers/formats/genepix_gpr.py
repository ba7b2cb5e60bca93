"""GenePix results of protein arrays (GPR, GenePix Export): spots by slides, or by samples where a sheet names the
sample of each block.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from assay_importers.contract import Fact, Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.dates import read_moment
from assay_importers.delimited import head_grids, locate
from assay_importers.errors import FaultyFile, shorten
from assay_importers.formats.genepix_sheet import Sheet, is_sheet, read_sheet, sheets_alone, stem
from assay_importers.matrix import Matrix
from assay_importers.text import read_rows
from assay_importers.text_matrix import MISSING, cells_of, decimal_mark, first_lines, how_many, open_text

_FIRST = re.compile(r'"?ATF"?\s')
_COUNTS = re.compile(r'"?(\d+)"?\s+"?(\d+)"?\s*')
_RECORD = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>.*))\s*')
_WHERE = ("Block", "Row", "Column")
_TEXTS = ("Name", "ID", "Description", "ControlType", "Control Type", "GeneName", "Accession")
_ERRORS = re.compile(r'(?<=\t)"?Error"?(?=[\t\r\n])')
_MAIN = re.compile(r"F\d+ Median")
_SATURATED = 65535
_MOST_LINES = 400


class GenepixGpr(Importer):
    """Every column of numbers is a layer over all spots; names and places of the spots are their annotation."""

    key = "genepix_gpr"
    title = "GenePix GPR, with the sheet of its samples"
    version = "1"
    extensions = (".gpr", ".txt", ".csv")
    technique = "protein microarray"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        if head.text is None:
            return Finding(Verdict.NO, "not text")
        if _FIRST.match(head.text):
            if "GenePix" in head.text[:4000] or all(f"{name}" in head.text for name in _WHERE):
                return Finding(Verdict.YES, "an Axon text file of GenePix results")
            return Finding(Verdict.NO, "an Axon text file of something else")
        if len(head.text) < 20_000 and locate(head_grids(head), is_sheet, 3) is not None:
            return Finding(Verdict.YES, "says which sample each block of a slide holds")
        return Finding(Verdict.NO, "does not begin with ATF")

    def parse(self, file: SourceFile) -> ParsedRun:
        files = (file, *file.companions)
        slides = [_slide(one) for one in files if _FIRST.match(open_text(one.content).text)]
        sheets = [read_sheet(one) for one in files if not _FIRST.match(open_text(one.content).text)]
        if not slides:
            return sheets_alone(sheets, self)
        if len(sheets) > len(slides):
            raise FaultyFile(f"{len(sheets)} sheets of samples for {len(slides)} slides", expected="one for each slide")
        if len(slides) == 1:
            return _one(slides[0], sheets[0] if sheets else None, self)
        return _many(slides, sheets, self)


@dataclass(frozen=True)
class _Slide:
    """A slide: its spots, their numbers by column, and what the file says above them."""

    name: str
    header: dict[str, str]
    columns: tuple[str, ...]
    where: tuple[tuple[str, str, str], ...]
    layers: dict[str, Any]
    annotation: dict[str, list[str]]
    notes: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        return [f"block {block} row {row} col {column}" for block, row, column in self.where]


def _slide(file: SourceFile) -> _Slide:
    opened = open_text(file.content)
    lines = first_lines(opened.text, _MOST_LINES)
    counts = _COUNTS.fullmatch(lines.texts[1]) if len(lines.texts) > 1 else None
    if counts is None:
        raise FaultyFile(
            "the second line does not say how many records and columns there are", line=2, expected="29\t31"
        )
    at = next((number for number, line in enumerate(lines.texts) if _names(line)), None)
    if at is None:
        raise FaultyFile("no row of column names", line=len(lines.texts), expected="columns Block, Column and Row")
    names = _names(lines.texts[at])
    header = {"ATF": " ".join(lines.texts[0].split()[1:]), "ATF records": counts[1], "ATF columns": counts[2]}
    header.update(_records(lines.texts[2:at]))
    notes = list(opened.notes)
    named = [name for name in names if name]
    if len(header) - 3 != int(counts[1]):
        notes.append(f"{len(header) - 3} header records, the file declares {counts[1]}")
    if len(named) != int(counts[2]):
        notes.append(f"{len(named)} columns, the file declares {counts[2]}")
    body = opened.text[lines.starts[at + 1] :] if at + 1 < len(lines.starts) else ""
    table = _read(body, names, at + 2, notes)
    columns = {name: table.column(number) for number, name in enumerate(names) if name}
    where = tuple(zip(*(_texts(columns[name]) for name in _WHERE), strict=True))
    if len(set(where)) != len(where):
        raise FaultyFile("a spot stands twice", line=at + 2, expected="each block, row and column once")
    layers = {name: _numbers(column) for name, column in columns.items() if name not in _WHERE and _is_number(column)}
    if not layers:
        raise FaultyFile("no column holds numbers", line=at + 1, expected="intensities of the spots")
    main = next((name for name in layers if _MAIN.fullmatch(name)), next(iter(layers)))
    layers = {main: layers[main], **layers}
    annotation = {name: _texts(column) for name, column in columns.items() if name not in {*layers, *_WHERE}}
    notes += _remarks(layers, main)
    return _Slide(stem(file.name), header, tuple(named), where, layers, annotation, tuple(notes))


def _names(line: str) -> tuple[str, ...]:
    """The column names, if the line has them; the last ones may be blank."""
    names = cells_of(line, "\t")
    return names if set(_WHERE) <= set(names) else ()


def _records(lines: Sequence[str]) -> dict[str, str]:
    """`"Wavelengths=635<tab>532"`: a record may hold tabs, and be quoted for it."""
    records = {}
    for line in lines:
        found = _RECORD.fullmatch(line)
        text = line if found is None else found["quoted"] or found["bare"] or ""
        name, _, value = text.partition("=")
        if text.strip():
            records[name.strip()] = value.strip()
    return records


def _read(body: str, names: Sequence[str], line: int, notes: list[str]) -> Any:
    arrow, csv = import_module("pyarrow"), import_module("pyarrow.csv")
    if wrong := len(_ERRORS.findall(body)):
        body = _ERRORS.sub("", body)
        notes.append(f"{wrong} values are 'Error': they are missing")
    if not body.strip():
        raise FaultyFile("the table has no spots", line=line, expected="a row for each spot")
    names = [*names, *[""] * (body.lstrip("\r\n").partition("\n")[0].count("\t") + 1 - len(names))]
    sample = [cell for row in body.splitlines()[:50] for cell in row.split("\t")]
    data = body.encode()
    try:
        table = csv.read_csv(
            io.BytesIO(data),
            read_options=csv.ReadOptions(
                column_names=[str(number) for number in range(len(names))], use_threads=False, block_size=len(data) + 1
            ),
            parse_options=csv.ParseOptions(delimiter="\t"),
            convert_options=csv.ConvertOptions(
                column_types={
                    str(number): arrow.string() for number, name in enumerate(names) if name in {"", *_TEXTS, *_WHERE}
                },
                null_values=list(MISSING),
                strings_can_be_null=False,
                true_values=[],
                false_values=[],
                timestamp_parsers=[],
                decimal_point=decimal_mark(iter(sample)),
            ),
        )
    except arrow.ArrowException as error:
        bad = next((row for row in read_rows(body, "\t") if row.cells and row.width != len(names)), None)
        raise FaultyFile(
            f"the spots cannot be read: {shorten(str(error), 120)}"
            if bad is None
            else f"the row has {bad.width} cells",
            line=line if bad is None else line + bad.line - 1,
            expected=f"{len(names)} cells in each row",
        ) from error
    notes.append(how_many(table.num_rows, "spots"))
    return table


def _texts(column: Any) -> list[str]:
    return [str("" if text is None else text).strip() for text in column.to_pylist()]


def _is_number(column: Any) -> bool:
    types = import_module("pyarrow").types
    return bool(types.is_integer(column.type) or types.is_floating(column.type))


def _numbers(column: Any) -> Any:
    numpy = import_module("numpy")
    values = column.to_numpy()
    return numpy.where(numpy.isinf(values), numpy.nan, values) if values.dtype.kind == "f" else values


def _remarks(layers: dict[str, Any], main: str) -> list[str]:
    found = []
    if saturated := int((layers[main] >= _SATURATED).sum()):
        found.append(f"{main}: {saturated} spots are saturated ({_SATURATED})")
    if "Flags" in layers and (flagged := int((layers["Flags"] < 0).sum())):
        found.append(f"{flagged} spots are flagged as bad, absent or not found (Flags below 0)")
    return found


def _run(slide: _Slide) -> Run:
    header = slide.header
    return Run(
        instrument=header.get("Scanner") or None,
        software=header.get("Creator") or None,
        batch=header.get("Barcode") or None,
        protocol=header.get("GalFile") or None,
        started_at=read_moment(header.get("DateTime", "")).iso,
        header=header,
    )


def _one(slide: _Slide, sheet: Sheet | None, importer: Importer) -> ParsedRun:
    """A slide; with a sheet, a column for each block, unless the blocks are printed differently."""
    notes = slide.notes if sheet is None else (*slide.notes, *sheet.notes)
    blocks = list(dict.fromkeys(block for block, _, _ in slide.where))
    facts: tuple[Fact, ...] = ()
    missing = [] if sheet is None else [block for block in blocks if not sheet.samples.get(block)]
    if missing and sheet is not None:
        facts = sheet.facts
        which = f"the sheet names no sample of {len(missing)} of {len(blocks)} blocks"
        notes = (*notes, f"{which} and does not say which belong together: no block was given a sample")
    if sheet is None or missing:
        samples, ids, layers, annotation = (
            [slide.name],
            slide.ids,
            _columns([slide]),
            {**_place(slide), **slide.annotation},
        )
        sampled = {}
    else:
        facts = sheet.facts
        if left := [block for block in sheet.samples if block not in blocks]:
            notes = (*notes, f"the sheet names blocks that the slide does not have: {', '.join(left)}")
        samples, sampled = [sheet.samples[block] for block in blocks], {"Block": blocks}
        ids, layers, annotation = _by_block(slide, blocks)
    matrix = Matrix(layers)
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=_run(slide),
        facts=facts,
        tables=(Table(name="spots", columns=slide.columns, rows=len(slide.where)),),
        features=Features.of(matrix, samples=samples, ids=ids, annotation=annotation, sample_annotation=sampled),
        matrix=matrix,
        notes=notes,
    )


def _place(slide: _Slide) -> dict[str, list[str]]:
    return {name: [place[number] for place in slide.where] for number, name in enumerate(_WHERE)}


def _columns(slides: Sequence[_Slide]) -> dict[str, Any]:
    numpy = import_module("numpy")
    shared = [name for name in slides[0].layers if all(name in slide.layers for slide in slides)]
    return {name: numpy.column_stack([slide.layers[name] for slide in slides]) for name in shared}


def _by_block(slide: _Slide, blocks: Sequence[str]) -> tuple[list[str], dict[str, Any], dict[str, list[str]]]:
    """Spots of a block by blocks. Raises `FaultyFile` where two blocks have different antigens in one place."""
    numpy = import_module("numpy")
    spots: dict[tuple[str, str], int] = {}
    texts: dict[str, list[str]] = {name: [] for name in slide.annotation}
    numbers = {block: number for number, block in enumerate(blocks)}
    rows = []
    for number, (_, row, column) in enumerate(slide.where):
        spot = spots.setdefault((row, column), len(spots))
        rows.append(spot)
        for name, known in texts.items():
            if spot == len(known):
                known.append(slide.annotation[name][number])
            elif name in {"Name", "ID"} and known[spot] != slide.annotation[name][number]:
                raise FaultyFile(
                    f"row {row}, column {column} is {known[spot]!r} in one block and not in another",
                    column=name,
                    value=slide.annotation[name][number],
                    expected="blocks that are printed alike, or no sheet of samples",
                )
    columns = [numbers[block] for block, _, _ in slide.where]
    shape = (len(spots), len(blocks))
    layers = {}
    for name, values in slide.layers.items():
        whole = values.dtype.kind == "i" and len(values) == shape[0] * shape[1]
        layer = numpy.full(shape, 0 if whole else numpy.nan, dtype=values.dtype if whole else "float64")
        layer[rows, columns] = values
        layers[name] = layer
    placed = {"Row": [row for row, _ in spots], "Column": [column for _, column in spots]}
    return [f"row {row} col {column}" for row, column in spots], layers, {**placed, **texts}


def _many(slides: Sequence[_Slide], sheets: Sequence[Sheet], importer: Importer) -> ParsedRun:
    """Slides of one print: a column for each."""
    first = slides[0]
    if sheets:
        raise FaultyFile(
            "several slides and sheets of samples", expected="each slide with its own sheet, one at a time"
        )
    for slide in slides[1:]:
        if slide.where != first.where or slide.annotation.get("Name") != first.annotation.get("Name"):
            raise FaultyFile(f"{slide.name} has other spots than {first.name}", expected="slides of one print")
    if len({slide.name for slide in slides}) != len(slides):
        raise FaultyFile("two slides have the same name", value=first.name, expected="files of different names")
    matrix = Matrix(_columns(slides))
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=_run(first),
        tables=tuple(Table(name=slide.name, columns=slide.columns, rows=len(slide.where)) for slide in slides),
        features=Features.of(
            matrix,
            samples=[slide.name for slide in slides],
            ids=first.ids,
            annotation={**_place(first), **first.annotation},
        ),
        matrix=matrix,
        notes=tuple(f"{slide.name}: {note}" for slide in slides for note in slide.notes),
    )
