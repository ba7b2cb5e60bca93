"""Olink's long form: a row for each assay in each sample, as delimited text or Parquet."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from assay_importers.contract import Fact, Features, Importer, ParsedRun, Run, Table
from assay_importers.errors import FaultyFile, shorten
from assay_importers.matrix import Matrix
from assay_importers.text import Row
from assay_importers.text_matrix import Opened, how_many

PARQUET = b"PAR1"
SAMPLE, ASSAY, NPX = "SampleID", "OlinkID", "NPX"
# Numbers of an assay in a sample, in the order of their weight; others that are numbers are identifiers.
_MEASURED = (
    NPX,
    "Quantified_value",
    "Quantified_X_unit",
    "PCNormalizedNPX",
    "ExtNPX",
    "Ct",
    "Count",
    "LOD",
    "MaxLOD",
    "PlateLOD",
    "Plate_LOD",
    "Plate_LQL",
    "LOQ",
    "LLOQ",
    "ULOQ",
    "LODNPX",
    "PCNormalizedLOD",
    "MissingFreq",
    "IntraCV",
    "InterCV",
)
# Files of Target 48 and Flex have quantities, those of a failed calculation cycles, in place of NPX.
_RESULTS = {NPX, "Quantified_value", "Quantified_X_unit", "Ct"}
# Where a column could belong to either, as in a file of one sample, these belong to the assay.
_OF_ASSAYS = {
    "UniProt",
    "Assay",
    "AssayType",
    "Panel",
    "Block",
    "Panel_Version",
    "Panel_Lot_Nr",
    "Normalization",
    "Unit",
}
_INTEGERS = {"Count"}
_UNITS = {NPX: "NPX", "PCNormalizedNPX": "NPX", "ExtNPX": "log2", "LOD": "NPX", "MaxLOD": "NPX", "PlateLOD": "NPX"}
_MISSING = ["", "NA", "NaN", "N/A", "null", "NULL"]


def is_long(columns: Sequence[str]) -> bool:
    """Whether a table with these columns is of the long form."""
    found = {name.strip().strip('"') for name in columns}
    return {SAMPLE, ASSAY} <= found and not found.isdisjoint(_RESULTS)


def read_delimited(decoded: Opened, delimiter: str, first: Row, importer: Importer) -> ParsedRun:
    """Read delimited text of which `first` is the row of columns."""
    names = [name.strip() for name in first.cells]
    if len(set(names)) != len(names):
        raise FaultyFile(
            "a column stands twice", line=first.line, value=delimiter.join(names), expected="each column once"
        )
    csv, arrow = import_module("pyarrow.csv"), import_module("pyarrow")
    text = decoded.text.encode()
    try:
        table = csv.read_csv(
            io.BytesIO(text),
            read_options=csv.ReadOptions(
                column_names=names, skip_rows=first.line, use_threads=False, block_size=max(len(text) + 1, 1 << 20)
            ),
            parse_options=csv.ParseOptions(delimiter=delimiter),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, arrow.string()), strings_can_be_null=False
            ),
        )
    except arrow.ArrowInvalid as error:
        raise FaultyFile(
            f"a row does not fit the columns: {shorten(str(error), 200)}",
            line=first.line,
            expected=f"{len(names)} cells in every row from here on",
        ) from error
    return _run(table, names, {}, importer, (*decoded.notes, how_many(table.num_rows, "rows")))


def read_parquet(data: bytes, importer: Importer) -> ParsedRun:
    """Read a Parquet file; its metadata becomes the header."""
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        table = parquet.read_table(io.BytesIO(data), use_threads=False)
        metadata = {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}
    except (arrow.ArrowException, OSError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise FaultyFile(
            f"the Parquet file is damaged: {shorten(str(error), 200)}", expected="a whole Parquet file"
        ) from error
    if not is_long(table.column_names):
        raise FaultyFile(
            "the Parquet file has other columns",
            value=", ".join(table.column_names),
            expected=f"{SAMPLE}, {ASSAY} and {NPX}",
        )
    header = {name: text for name, text in metadata.items() if not name.startswith(("ARROW:", "pandas"))}
    return _run(table, list(table.column_names), header, importer, ())


def _units(texts: Mapping[str, _Texts]) -> dict[str, str | None]:
    """The units of the layers; that of quantities stands in a column, where it is one for all."""
    stated = [text for text in texts["Unit"].values if text] if "Unit" in texts else []
    of_quantity = stated[0] if len(stated) == 1 else None
    return {**_UNITS, "Quantified_value": of_quantity, "Quantified_X_unit": of_quantity}


def _run(
    table: Any, names: Sequence[str], header: Mapping[str, str], importer: Importer, notes: Sequence[str]
) -> ParsedRun:
    if not table.num_rows:
        raise FaultyFile("the table has no rows", line=1, expected="a row for each assay in each sample")
    texts = {name: _Texts(table.column(name)) for name in names if name not in _MEASURED}
    for name in (SAMPLE, ASSAY):
        if "" in texts[name].values:
            raise FaultyFile("a row has no name", column=name, expected="a sample and an assay in every row")
    rows, columns = texts[ASSAY].codes, _columns(texts[SAMPLE].codes, texts[ASSAY].codes)
    shape = (len(texts[ASSAY].values), int(columns.max()) + 1)
    matrix = Matrix(
        {name: _layer(table.column(name), name, rows, columns, shape) for name in _MEASURED if name in names}
    )
    of_assays, of_samples, facts, said = _annotation(texts, rows, columns, shape)
    samples = _firsts(texts[SAMPLE], columns, shape[1])
    said_notes = [f"{name} is {text} but where a fact says otherwise" for name, text in said.items()]
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(
            instrument="Olink",
            software=header.get("Product") or None,
            batch=", ".join(text for text in texts["PlateID"].values if text) if "PlateID" in texts else None,
            header=dict(header),
        ),
        facts=tuple(
            Fact(sample=samples[column], analyte=texts[ASSAY].values[row], name=name, text=text)
            for name, row, column, text in facts
        ),
        tables=(Table(name="NPX", columns=tuple(names), rows=table.num_rows),),
        features=Features.of(
            matrix,
            samples=samples,
            ids=texts[ASSAY].values,
            units={name: _units(texts).get(name) for name in matrix.layers},
            annotation=of_assays,
            sample_annotation=of_samples,
        ),
        matrix=matrix,
        notes=(*notes, *said_notes),
    )


class _Texts:
    """A column as its distinct texts in the order of the file, and for each row the number of its text."""

    def __init__(self, column: Any) -> None:
        arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
        texts = compute.fill_null(compute.cast(column, arrow.string()), "").combine_chunks()
        encoded = texts.dictionary_encode()
        encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
        trimmed = [text.strip() for text in encoded.dictionary.to_pylist()]
        self.values = list(dict.fromkeys(trimmed))
        numbers = {text: number for number, text in enumerate(self.values)}
        numpy = import_module("numpy")
        renumbered = numpy.array([numbers[text] for text in trimmed], dtype="int64")
        self.codes = renumbered[encoded.indices.to_numpy()]


def _columns(samples: Any, assays: Any) -> Any:
    """The matrix column of each row. What was measured more than once, a control, has a column for each time."""
    numpy = import_module("numpy")
    pairs = samples * (int(assays.max()) + 1) + assays
    order = numpy.argsort(pairs, kind="stable")
    ranked = pairs[order]
    starts = numpy.r_[True, ranked[1:] != ranked[:-1]]
    counts = numpy.arange(len(ranked)) - numpy.maximum.accumulate(numpy.where(starts, numpy.arange(len(ranked)), 0))
    times = numpy.empty_like(counts)
    times[order] = counts
    _, firsts, codes = numpy.unique(samples + times * (int(samples.max()) + 1), return_index=True, return_inverse=True)
    # Columns are in the order in which the file first has them.
    rank = numpy.empty(len(firsts), dtype="int64")
    rank[numpy.argsort(firsts, kind="stable")] = numpy.arange(len(firsts))
    return rank[codes]


def _layer(column: Any, name: str, rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    numpy = import_module("numpy")
    values = _numbers(column, name)
    whole = name in _INTEGERS and not numpy.isnan(values).any() and len(values) == shape[0] * shape[1]
    whole = whole and bool((values == values.round()).all())
    layer = numpy.full(shape, numpy.nan, dtype="float64")
    layer[rows, columns] = values
    return layer.astype("int64") if whole else layer


def _numbers(column: Any, name: str) -> Any:
    """The column as float64, with NaN for what is missing; a decimal comma where the file has them."""
    arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    if not arrow.types.is_string(column.type) and not arrow.types.is_large_string(column.type):
        return compute.cast(column, arrow.float64()).to_numpy()
    texts = compute.utf8_trim_whitespace(column)
    texts = compute.if_else(compute.is_in(texts, value_set=arrow.array(_MISSING)), None, texts)
    commas = compute.any(compute.match_substring(texts, ",")).as_py()
    if commas and compute.any(compute.match_substring(texts, ".")).as_py():
        raise FaultyFile("decimal commas and points stand in one column", column=name, expected="one decimal mark")
    if commas:
        texts = compute.replace_substring(texts, ",", ".")
    try:
        return compute.cast(texts, arrow.float64()).to_numpy()
    except arrow.ArrowInvalid as error:
        raise FaultyFile(
            f"a cell is no number: {shorten(str(error), 120)}", column=name, expected="a number, or NA"
        ) from error


Facts = list[tuple[str, int, int, str]]


def _annotation(
    texts: Mapping[str, _Texts], rows: Any, columns: Any, shape: tuple[int, int]
) -> tuple[dict[str, list[str | None]], dict[str, list[str | None]], Facts, dict[str, str]]:
    """What each text column belongs to: the assay, the sample, the sample in a panel, or the single cell.

    Of single cells only what differs from the commonest text is given, with a note of that: it is a fact each.
    """
    of_assays: dict[str, list[str | None]] = {}
    of_samples: dict[str, list[str | None]] = {}
    facts: Facts = []
    said: dict[str, str] = {}
    panels = next((texts[name] for name in ("Panel", "Block") if name in texts), None)
    for name, column in texts.items():
        if name in {SAMPLE, ASSAY}:
            continue
        by_assay, by_sample = _decides(rows, column.codes), _decides(columns, column.codes)
        if by_assay and (name in _OF_ASSAYS or not by_sample):
            of_assays[name] = _firsts(column, rows, shape[0])
        elif by_sample:
            of_samples[name] = _firsts(column, columns, shape[1])
        elif panels is not None and _decides(columns * len(panels.values) + panels.codes, column.codes):
            for number, panel in enumerate(panels.values):
                chosen = panels.codes == number
                of_samples[f"{name} {panel}"] = _firsts(column, columns, shape[1], chosen)
        else:
            ((common, _),) = Counter(column.codes.tolist()).most_common(1)
            said[name] = column.values[common] or "blank"
            for at in (column.codes != common).nonzero()[0].tolist():
                facts.append((name, int(rows[at]), int(columns[at]), column.values[column.codes[at]]))
    return of_assays, of_samples, facts, said


def _decides(key: Any, codes: Any) -> bool:
    """Whether rows of the same key have the same text."""
    numpy = import_module("numpy")
    _, firsts, inverse = numpy.unique(key, return_index=True, return_inverse=True)
    return bool((codes[firsts][inverse] == codes).all())


def _firsts(column: _Texts, key: Any, size: int, chosen: Any = None) -> list[Any]:
    """The text of each key, None where there is none."""
    numpy = import_module("numpy")
    found: list[str | None] = [None] * size
    where = numpy.arange(len(key)) if chosen is None else chosen.nonzero()[0]
    keys, firsts = numpy.unique(key[where], return_index=True)
    for number, at in zip(keys.tolist(), where[firsts].tolist(), strict=True):
        found[number] = column.values[column.codes[at]] or None
    return found
