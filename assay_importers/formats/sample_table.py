"""Processed values of one sample on an array, as GEO and ArrayExpress give them: a reporter and its VALUE."""

from __future__ import annotations

import re

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.gene_names import plain
from assay_importers.one_sample import Part, Sample, run_of, sample_name
from assay_importers.text_matrix import (
    Layout,
    cells_of,
    first_lines,
    how_many,
    is_number,
    open_text,
    read_columns,
    repeated,
)

_REPORTERS = frozenset(
    {
        "idref",
        "reporteridentifier",
        "reportername",
        "compositesequenceidentifier",
        "compositesequencename",
        "compositeelementname",
        "compositeelementref",
        "reporterref",
    }
)
_VALUE = "value"
_SAMPLED = 200
_ENDING = re.compile(r"[._-]sample[._-]table(?:\.(?:txt|tsv))?$", re.IGNORECASE)


class SampleTable(Importer):
    """The layer `VALUE`, further columns of numbers as layers, of texts as annotation."""

    key = "sample_table"
    title = "Sample table of an array"
    version = "1"
    extensions = (".txt", ".tsv")
    technique = "expression array"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        if head.text is None or "\t" not in head.text[:4096]:
            return Finding(Verdict.NO, "no columns between tabs")
        names = _header(first_lines(head.text, 1).texts[0])
        if names[0] in _REPORTERS and names[1:].count(_VALUE) == 1:
            return Finding(Verdict.YES, "a column of reporters and a column VALUE")
        return Finding(Verdict.NO, "not a column of reporters and one VALUE")

    def parse(self, file: SourceFile) -> ParsedRun:
        parts = [_read(one) for one in (file, *file.companions)]
        return run_of(self, Run(), parts, {})


def _header(line: str) -> list[str]:
    return [plain(name) for name in cells_of(line, "\t")] or [""]


def _read(file: SourceFile) -> Part:
    opened = open_text(file.content)
    lines = first_lines(opened.text, _SAMPLED)
    names = cells_of(lines.texts[0], "\t")
    alike = _header(lines.texts[0])
    twice = repeated(alike)
    if alike[0] not in _REPORTERS or _VALUE not in alike[1:] or twice:
        raise FaultyFile(
            "this is no sample table", line=1, value=lines.texts[0], expected="a column of reporters and one VALUE"
        )
    if len(lines.texts) == 1:
        raise FaultyFile("the file ends before its first row", line=1, expected="a row for each reporter")
    rows = [cells_of(line, "\t") for line in lines.texts[1:]]
    main = alike.index(_VALUE)
    texts = frozenset(
        column
        for column in range(len(names))
        if column == 0
        or (column != main and 2 * sum(is_number(row[column]) for row in rows if column < len(row)) < len(rows))
    )
    columns = read_columns(opened.text, lines.starts[1], Layout(names, texts, quoted='"' in lines.texts[0]))
    values = sorted(set(range(len(names))) - texts, key=lambda column: column != main)
    sample = Sample(
        sample_name(file.name, _ENDING),
        columns.texts(0),
        {names[column]: columns.numbers(column) for column in values},
        {names[column]: columns.texts(column) for column in sorted(texts - {0})},
    )
    notes = (*opened.notes, how_many(columns.rows, "reporters"), *columns.notes)
    return Part(sample, Table(name="sample table", columns=names, rows=columns.rows), notes=notes)
