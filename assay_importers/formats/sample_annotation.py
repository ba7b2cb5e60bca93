"""Tables that describe samples and measure nothing: MAGE-TAB SDRF, and the samplesheets of nf-core pipelines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from assay_importers.contract import Fact, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.text_matrix import cells_of, first_lines, how_many, open_text

_SOURCE = "source name"
_NODES = ("sample name", "extract name", "labeled extract name", "assay name", "hybridization name", "scan name")


class _Annotation(Importer):
    """The first column names the sample; every cell is a fact of it under the name of its column."""

    version = "1"
    maturity = "stable"
    delimiter = "\t"

    def read(self, file: SourceFile, header: Sequence[str]) -> ParsedRun:
        opened = open_text(file.content)
        facts: list[Fact] = []
        names: tuple[str, ...] = ()
        rows = 0
        short: list[int] = []
        for line, cells in _rows(opened.text, self.delimiter_of(opened.text)):
            if not names:
                names = tuple(cell.strip() for cell in cells)
                if tuple(name.casefold() for name in names[: len(header)]) != tuple(header):
                    raise FaultyFile(
                        "these are not the columns", line=line, value=", ".join(names), expected=", ".join(header)
                    )
                continue
            if len(cells) < len(names):
                short.append(line)
            if any(cell.strip() for cell in cells[len(names) :]):
                raise FaultyFile(
                    f"the row has {len(cells)} cells",
                    line=line,
                    value=cells[0],
                    expected=f"{len(names)} cells, as in the header",
                )
            rows += 1
            sample = cells[0].strip()
            facts += [Fact(sample=sample, name=name, text=cell) for name, cell in zip(names, cells, strict=False)]
        if not rows:
            raise FaultyFile("the file ends before its first sample", expected="a row for each sample")
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(),
            facts=tuple(facts),
            tables=(Table(name=self.title, columns=names, rows=rows),),
            notes=(
                *opened.notes,
                how_many(rows, "rows"),
                *([f"{len(short)} row(s) are shorter than the header, line {short[0]} first"] if short else []),
            ),
        )

    def delimiter_of(self, text: str) -> str:  # noqa: ARG002 - others look at the header
        """What stands between cells."""
        return self.delimiter


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise FaultyFile(f"the row cannot be split into cells: {error}", line=line) from error


class MageTabSdrf(_Annotation):
    """Sample and data relationship format of ArrayExpress. A row is a file, so a sample may have several."""

    key = "mage_tab_sdrf"
    title = "MAGE-TAB SDRF"
    extensions = (".txt", ".tsv")
    technique = "sample annotation"

    def sniff(self, head: Head) -> Finding:
        if head.text is None or "\t" not in head.text[:4096]:
            return Finding(Verdict.NO, "no columns between tabs")
        names = {name.casefold() for name in cells_of(first_lines(head.text, 1).texts[0], "\t")}
        if not first_lines(head.text, 1).texts[0].lstrip('"').casefold().startswith(_SOURCE):
            return Finding(Verdict.NO, "the first column is not Source Name")
        if any(name.startswith("characteristics") for name in names) or names.intersection(_NODES):
            return Finding(Verdict.YES, "begins with Source Name and has the columns of an SDRF")
        return Finding(Verdict.MAYBE, "begins with Source Name but has no other column of an SDRF")

    def parse(self, file: SourceFile) -> ParsedRun:
        return self.read(file, (_SOURCE,))


class NfCoreSamplesheet(_Annotation):
    """What an nf-core pipeline was given: samples, their read files, and whatever was noted of them."""

    key = "nf_core_samplesheet"
    title = "nf-core samplesheet"
    extensions = (".csv", ".tsv")
    technique = "sample annotation"

    def sniff(self, head: Head) -> Finding:
        text = head.text or ""
        names = cells_of(text[:4096].partition("\n")[0], self.delimiter_of(text))
        if names[:1] == ("sample",) and "fastq_1" in names:
            return Finding(Verdict.YES, "begins with sample and has the column fastq_1")
        return Finding(Verdict.NO, "not the columns of an nf-core samplesheet")

    def parse(self, file: SourceFile) -> ParsedRun:
        return self.read(file, ("sample",))

    def delimiter_of(self, text: str) -> str:
        return "\t" if text.startswith(("sample\t", '"sample"\t')) else ","
