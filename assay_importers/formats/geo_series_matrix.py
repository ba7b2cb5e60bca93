"""GEO series matrix: attributes of the series and of its samples, then probes by samples, if the series has values."""

from __future__ import annotations

from collections.abc import Iterator

from assay_importers.contract import (
    Fact,
    Features,
    Finding,
    Head,
    Importer,
    ParsedRun,
    Run,
    SourceFile,
    Table,
    Verdict,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.geo_text import attributes, find_end, line_of, open_geo, read_table, strays
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import Columns, cells_of

_BEGIN, _END = "!series_matrix_table_begin", "!series_matrix_table_end"
_SAMPLE, _SERIES = "!Sample_", "!Series_"
_TITLE = "Sample_title"


class GeoSeriesMatrix(Importer):
    """Values as a matrix; every attribute of a sample as a fact of it, those of the series in the header."""

    key = "geo_series_matrix"
    title = "GEO series matrix"
    version = "1"
    extensions = (".txt",)
    technique = "gene expression"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        text = (head.text or "").lstrip()
        if text.startswith((_SERIES, _SAMPLE)) and "\t" in text.partition("\n")[0]:
            return Finding(Verdict.YES, "begins with attributes of a GEO series")
        return Finding(Verdict.NO, "does not begin with !Series_ and a tab")

    def parse(self, file: SourceFile) -> ParsedRun:
        text, notes = open_geo(file.content)
        begin = text.find(f"\n{_BEGIN}") + 1
        if not begin:
            raise FaultyFile("the file has no table: it was cut off", expected=f"a line {_BEGIN}")
        start = text.find("\n", begin) + 1 or len(text)
        end = find_end(text, _END, start)
        columns = read_table(text, start, end, texts=frozenset(), quoted=True, line=line_of(text, start))
        if columns is None:
            raise FaultyFile("the table has no header", line=line_of(text, begin), expected="ID_REF, then samples")
        names = columns.layout.names
        wrong = sorted(columns.layout.texts - {0})
        if wrong and columns.rows:
            raise FaultyFile(
                "the column holds no numbers", line=columns.layout.line, column=names[wrong[0]], expected="numbers"
            )
        samples = names[1:]
        facts = tuple(_facts(text[:begin], samples))
        header = attributes(
            (cells[0].removeprefix("!"), "\t".join(cells[1:]))
            for cells in (cells_of(line, "\t") for line in text[:begin].split("\n"))
            if cells and not cells[0].startswith(_SAMPLE)
        )
        features, matrix = _matrix(columns, samples, facts)
        if matrix is None:
            notes += ("the table has no values: those of the series are in its supplementary files",)
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(batch=header.get("Series_geo_accession"), header=header),
            facts=facts,
            tables=(Table(name="series matrix", columns=names, rows=columns.rows),),
            features=features,
            matrix=matrix,
            unread=tuple(strays(text, text.find("\n", end), len(text))),
            notes=(*notes, *columns.notes),
        )


def _facts(head: str, samples: tuple[str, ...]) -> Iterator[Fact]:
    for number, line in enumerate(head.split("\n"), 1):
        if not line.startswith(_SAMPLE):
            continue
        name, *texts = cells_of(line, "\t")
        if len(texts) != len(samples):
            raise FaultyFile(
                f"the attribute has {len(texts)} texts", line=number, column=name, expected=f"{len(samples)} samples"
            )
        for sample, text in zip(samples, texts, strict=True):
            yield Fact(sample=sample, name=name.removeprefix("!"), text=text)


def _matrix(
    columns: Columns, samples: tuple[str, ...], facts: tuple[Fact, ...]
) -> tuple[Features, Matrix] | tuple[None, None]:
    if not columns.rows or not samples:
        return None, None
    matrix = Matrix({"VALUE": columns.matrix(range(1, 1 + len(samples)))})
    titles = [fact.text for fact in facts if fact.name == _TITLE]
    features = Features.of(
        matrix,
        samples=samples,
        ids=columns.texts(0),
        sample_annotation={_TITLE: titles} if len(titles) == len(samples) else {},
    )
    return features, matrix
