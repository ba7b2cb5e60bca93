"""Delimited tables of genes by samples: counts, TPM, normalised values; of nf-core, of R, of a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import compress
from typing import Any

from assay_importers.contract import (
    Features,
    Finding,
    Head,
    Importer,
    ParsedRun,
    Reading,
    Run,
    SourceFile,
    Table,
    Verdict,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.matrix_shape import Shape, find_shape
from assay_importers.matrix import Matrix
from assay_importers.one_sample import count_of
from assay_importers.text_matrix import Columns, cells_of, first_lines, how_many, open_text, read_columns, repeated

# What htseq-count and STAR count beside genes stays in tables that were put together from theirs.
_COUNTER = re.compile(r"__\w+|N_(?:unmapped|multimapping|noFeature|ambiguous)")
_LINE_END = re.compile(r"[\r\n]")
_MILLION, _NEARLY = 1_000_000, 1_000


class ExpressionMatrix(Importer):
    """Columns of numbers are samples, all others annotation of the genes."""

    key = "expression_matrix"
    title = "Table of genes by samples"
    version = "1"
    extensions = (".tsv", ".csv", ".txt", ".tab")
    technique = "gene expression"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.text is None:
            return Finding(Verdict.NO, "not text")
        shape = find_shape(head.text)
        if isinstance(shape, str):
            return Finding(Verdict.NO, shape)
        return Finding(Verdict.YES if shape.surely else Verdict.MAYBE, shape.reason)

    def parse(self, file: SourceFile) -> ParsedRun:
        opened = open_text(file.content)
        shape = find_shape(opened.text)
        if isinstance(shape, str):
            raise FaultyFile(f"this is no table of genes by samples: {shape}", expected="a header, names, numbers")
        text = _without_blank_rows(opened.text)
        columns = read_columns(text, shape.start, shape.layout)
        names = shape.layout.names
        values = columns.matrix(shape.values)
        ids = columns.texts(shape.ids)
        others = {names[column]: columns.texts(column) for column in shape.annotation}
        across = [names[column] for column in shape.values]
        readings: tuple[Reading, ...] = ()
        if shape.transposed:
            read = _Read(values.T, ids, across, {}, others)
        else:
            counters = [row for row, name in enumerate(ids) if _COUNTER.fullmatch(name)]
            readings = tuple(_counts(text[shape.start :], shape, across)) if counters else ()
            read = _Read(values, across, ids, others, {}).without(counters)
        return _run(self, columns, read, readings, opened.notes)


def _without_blank_rows(text: str) -> str:
    """Without the rows of nothing but delimiters with which a spreadsheet ends."""
    end = _LINE_END.search(text, len(text.rstrip('\r\n\t,;" ')))
    return text if end is None else text[: end.start()] + "\n"


def _counts(text: str, shape: Shape, samples: Sequence[str]) -> Iterator[Reading]:
    """The counters of every sample, as they stand."""
    for line in first_lines(text, len(text)).texts:
        if "__" not in line and "N_" not in line:
            continue
        cells = cells_of(line, shape.layout.delimiter)
        if _COUNTER.fullmatch(cells[shape.ids]):
            for column, sample in zip(shape.values, samples, strict=True):
                yield count_of(sample, cells[shape.ids], cells[column])


@dataclass(frozen=True, eq=False)
class _Read:
    """The values, genes by samples, and what goes along them."""

    values: Any
    samples: Sequence[str]
    ids: Sequence[str]
    annotation: Mapping[str, Sequence[str]]
    of_samples: Mapping[str, Sequence[str]]

    def without(self, rows: Sequence[int]) -> _Read:
        """The same without these rows."""
        if not rows:
            return self
        kept = import_module("numpy").ones(len(self.ids), dtype=bool)
        kept[list(rows)] = False
        annotation = {name: list(compress(texts, kept)) for name, texts in self.annotation.items()}
        return _Read(self.values[kept], self.samples, list(compress(self.ids, kept)), annotation, self.of_samples)


def _run(
    importer: Importer, columns: Columns, read: _Read, readings: tuple[Reading, ...], notes: tuple[str, ...]
) -> ParsedRun:
    kind, unit = _kind(read.values)
    matrix = Matrix({kind: read.values})
    features = Features.of(
        matrix,
        samples=read.samples,
        ids=read.ids,
        units={kind: unit},
        annotation=read.annotation,
        sample_annotation=read.of_samples,
    )
    found = [*notes, how_many(columns.rows, "rows"), *columns.notes]
    if kind == "value":
        found.append("the file does not say what its values are")
    for what, names in (("sample(s)", read.samples), ("id(s)", read.ids)):
        twice = repeated(names)
        if twice:
            found.append(f"{len(twice):,} {what} stand more than once, {twice[0]} first")
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(),
        readings=readings,
        tables=(Table(name="matrix", columns=columns.layout.names, rows=columns.rows),),
        features=features,
        matrix=matrix,
        notes=tuple(found),
    )


def _kind(values: Any) -> tuple[str, str | None]:
    """What the numbers are, as far as they tell: whole numbers are counts, columns that sum to a million are TPM."""
    numpy = import_module("numpy")
    if values.dtype.kind == "i":
        return "count", "reads"
    sums = numpy.nansum(values, axis=0)
    if len(values) and bool((abs(sums - _MILLION) < _NEARLY).all()):
        return "tpm", "TPM"
    return "value", None
