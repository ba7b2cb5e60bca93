"""Subread featureCounts: the table of counts, the summary of what was not counted, or both together."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from assay_importers.formats.matrix_shape import FEATURECOUNTS as _ANNOTATION
from assay_importers.matrix import Matrix
from assay_importers.one_sample import Sample, count_of, join
from assay_importers.text_matrix import (
    Columns,
    Layout,
    Opened,
    cells_of,
    first_lines,
    how_many,
    is_number,
    open_text,
    read_columns,
    repeated,
)

_PROGRAM = "# Program:featureCounts"
_VERSION = re.compile(r"featureCounts\s+(v\S+?);")
_ATTRIBUTES = re.compile(r'"?--extraAttributes"?\s+"([^"]*)"')
_SAMPLED = 500


class FeatureCounts(Importer):
    """Counts as a matrix with places and lengths as annotation; the rows of a summary as readings of the samples."""

    key = "featurecounts"
    title = "featureCounts"
    version = "1"
    extensions = (".txt", ".tsv", ".summary")
    technique = "RNA sequencing"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        lines = first_lines(head.text or "", 3).texts
        if lines and lines[0].lstrip('"').startswith(_PROGRAM):
            return Finding(Verdict.YES, "the first line names featureCounts as the program")
        if lines and cells_of(lines[0], "\t")[: len(_ANNOTATION)] == _ANNOTATION:
            return Finding(Verdict.YES, "the columns of featureCounts")
        if len(lines) > 1 and _row(lines[0])[0] == "Status" and _row(lines[1])[0] == "Assigned":
            return Finding(Verdict.YES, "a summary of featureCounts")
        return Finding(Verdict.NO, "neither the columns nor the summary of featureCounts")

    def parse(self, file: SourceFile) -> ParsedRun:
        opened = [open_text(one.content) for one in (file, *file.companions)]
        summaries = [_summary(one) for one in opened if _is_summary(one)]
        counts = [_counts(one) for one in opened if not _is_summary(one)]
        header = {key: text for one in counts for key, text in one.header.items()}
        version = _VERSION.search(header.get("Program", ""))
        features, matrix, notes = _joined(counts)
        known = {sample for one in counts for sample in one.samples}
        strange = [sample for one in summaries for sample in one.samples if counts and sample not in known]
        if strange:
            notes += (f"the summary has samples that the counts have not: {', '.join(strange)}",)
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(software=f"featureCounts {version[1]}" if version else "featureCounts", header=header),
            readings=tuple(reading for one in summaries for reading in one.readings),
            tables=(*(one.table for one in counts), *(one.table for one in summaries)),
            features=features,
            matrix=matrix,
            notes=(
                *(note for one in counts for note in one.notes),
                *(note for one in summaries for note in one.notes),
                *notes,
            ),
        )


class _Counts:
    """One table of counts."""

    def __init__(self, opened: Opened, header: dict[str, str], columns: Columns, annotation: int) -> None:
        names = columns.layout.names
        self.header = header
        self.samples = names[annotation:]
        self.ids = columns.texts(0)
        self.annotation = {names[column]: columns.texts(column) for column in range(1, annotation)}
        self.values = columns.matrix(range(annotation, len(names)))
        self.table = Table(name="counts", columns=names, rows=columns.rows)
        self.notes = (*opened.notes, how_many(columns.rows, "features"), *columns.notes)
        twice = repeated(self.samples)
        if twice:
            self.notes += (f"the sample {twice[0]} stands in more than one column",)


def _counts(opened: Opened) -> _Counts:
    lines = first_lines(opened.text, _SAMPLED)
    header: dict[str, str] = {}
    at = 0
    if lines.texts[0].lstrip('"').startswith("#"):
        at = 1
        for part in lines.texts[0].strip('"# ').split("; ", 1):
            name, _, text = part.partition(":")
            header[name.strip()] = text.strip()
        header["Program"] = lines.texts[0].strip('"# ').removeprefix("Program:")
    names = cells_of(lines.texts[at], "\t") if at < len(lines.texts) else ()
    if names[: len(_ANNOTATION)] != _ANNOTATION or len(names) == len(_ANNOTATION):
        raise FaultyFile(
            "this is no table of featureCounts",
            line=at + 1,
            value="\t".join(names),
            expected=f"the columns {', '.join(_ANNOTATION)}, then the counts",
        )
    if at + 1 == len(lines.texts):
        raise FaultyFile("the file ends before its first feature", line=at + 1, expected="a line for each feature")
    rows = [cells_of(line, "\t") for line in lines.texts[at + 1 :]]
    annotation = len(_ANNOTATION) + _attributes(names, rows, header)
    layout = Layout(names, frozenset(range(annotation)), line=at + 2)
    return _Counts(opened, header, read_columns(opened.text, lines.starts[at + 1], layout), annotation)


def _attributes(names: Sequence[str], rows: Sequence[Sequence[str]], header: dict[str, str]) -> int:
    """How many columns of `--extraAttributes` follow the length."""
    asked = _ATTRIBUTES.search(header.get("Command", ""))
    wanted = asked[1].split(",") if asked else []
    found = 0
    for column in range(len(_ANNOTATION), len(names) - 1):
        cells = [row[column] for row in rows if column < len(row)]
        if names[column] not in wanted and all(is_number(cell) for cell in cells):
            break
        found += 1
    return found


def _joined(counts: Sequence[_Counts]) -> tuple[Features | None, Matrix | None, tuple[str, ...]]:
    """All tables as one; a single one as it is."""
    if not counts:
        return None, None, ()
    units = {"count": "reads"}
    if len(counts) == 1:
        one = counts[0]
        matrix = Matrix({"count": one.values})
        features = Features.of(matrix, samples=one.samples, ids=one.ids, units=units, annotation=one.annotation)
        return features, matrix, ()
    samples = [
        Sample(sample, one.ids, {"count": one.values[:, column]}, one.annotation)
        for one in counts
        for column, sample in enumerate(one.samples)
    ]
    joined = join(samples, units)
    return joined.features, joined.matrix, joined.notes


class _Summary:
    """One summary."""

    def __init__(self, opened: Opened, samples: tuple[str, ...], readings: Sequence[Reading], rows: int) -> None:
        self.samples = samples
        self.readings = readings
        self.table = Table(name="summary", columns=("Status", *samples), rows=rows)
        self.notes = (*opened.notes, how_many(rows, "rows of the summary"))


def _row(line: str) -> list[str]:
    """The cells of a row of a summary. R prints it in columns of blanks."""
    return [cell.strip('"') for cell in (line.split("\t") if "\t" in line else line.split())] or [""]


def _is_summary(opened: Opened) -> bool:
    return _row(first_lines(opened.text, 1).texts[0])[0] == "Status"


def _summary(opened: Opened) -> _Summary:
    lines = [line for line in first_lines(opened.text, len(opened.text)).texts if line.strip()]
    samples = tuple(_row(lines[0])[1:])
    readings: list[Reading] = []
    for number, line in enumerate(lines[1:], 2):
        status, *cells = _row(line)
        if len(cells) != len(samples):
            raise FaultyFile(
                f"the row has {len(cells)} counts",
                line=number,
                column="Status",
                value=status,
                expected=f"{len(samples)}, one for each sample",
            )
        for sample, cell in zip(samples, cells, strict=True):
            reading = count_of(sample, status, cell)
            if reading.value is None:
                raise FaultyFile("the cell is no count", line=number, column=sample, value=cell, expected="a number")
            readings.append(reading)
    return _Summary(opened, samples, readings, len(lines) - 1)
