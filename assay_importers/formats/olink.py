"""Olink: NPX in long form (CSV, Parquet), in wide form (workbook, CSV), and the table of samples that goes with it."""

from __future__ import annotations

from assay_importers.contract import Finding, Head, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.olink_long import PARQUET, is_long, read_delimited, read_parquet
from assay_importers.formats.olink_samples import is_samples, read_samples
from assay_importers.formats.olink_wide import is_wide, read_wide
from assay_importers.text import read_rows
from assay_importers.text_matrix import open_text
from assay_importers.workbook import OLE2, ZIP, read_workbook

_RESULTS = (b"NPX", b"Quantified_value", b"Ct")


class Olink(Importer):
    """Assays by samples, with every further number as a layer; one file, or a long file and its samples."""

    key = "olink"
    title = "Olink NPX (Target, Explore, Reveal)"
    version = "1"
    extensions = (".csv", ".txt", ".parquet", ".xlsx", ".zip")
    technique = "proximity extension assay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.data.startswith(PARQUET):
            return _parquet(head)
        if any(is_wide(sheet.rows[:12]) for sheet in head.sheets):
            return Finding(Verdict.YES, "has the rows Panel, Assay and OlinkID above its samples")
        try:
            text = head.text or ""
            rows = [row.cells for row, _ in zip(read_rows(text, _delimiter(text)), range(12), strict=False)]
        except FaultyFile as error:
            return Finding(Verdict.NO, f"no table: {error}")
        for found, reason in (
            (is_long(next(iter(rows), ())), "has the columns SampleID, OlinkID and NPX, or a quantity"),
            (is_wide(rows), "has the rows Panel, Assay and OlinkID above its samples"),
            (is_samples(rows), "a table of samples, by SampleID, without results"),
        ):
            if found:
                return Finding(Verdict.YES, reason)
        return Finding(Verdict.NO, "neither the columns of NPX in long form nor the rows of the wide one")

    def parse(self, file: SourceFile) -> ParsedRun:
        if file.content.startswith(PARQUET):
            return read_parquet(file.content, self)
        if file.content.startswith((ZIP, OLE2)):
            sheets = read_workbook(file.content)
            found = [sheet for sheet in sheets if is_wide(sheet.rows[:12])]
            if len(found) != 1:
                raise FaultyFile(f"{len(found)} sheets hold NPX in wide form", expected="one sheet")
            unread = tuple(f"sheet {sheet.name!r}: {len(sheet.rows)} rows" for sheet in sheets if sheet not in found)
            numbered = list(enumerate(found[0].rows, start=1))
            return read_wide(numbered, self, title=found[0].name, unread=unread)
        decoded = open_text(file.content)
        delimiter = _delimiter(decoded.text)
        rows = read_rows(decoded.text, delimiter)
        first = next((row for row in rows if row.cells), None)
        if first is not None and is_long(first.cells):
            return read_delimited(decoded, delimiter, first, self)
        listed = [(row.line, row.cells) for row in read_rows(decoded.text, delimiter)]
        if is_wide([cells for _, cells in listed[:12]]):
            return read_wide(listed, self, title="NPX", notes=decoded.notes, comma=delimiter == ";")
        return read_samples(listed, self, decoded.notes)


def _delimiter(text: str) -> str:
    """Of the fullest of the first lines: a wide file begins with a line or two of one cell."""
    lines = text.lstrip("\n\r").splitlines()[:8]
    return max(";\t,", key=lambda mark: max((line.count(mark) for line in lines), default=0))


def _parquet(head: Head) -> Finding:
    """Its columns are named at its end, which is seen of small files alone; values of a column stand in all."""
    if b"OlinkID" in head.data and any(name in head.data for name in _RESULTS):
        return Finding(Verdict.YES, "a Parquet file with the columns OlinkID and NPX, or a quantity")
    if head.complete or b"OID" not in head.data:
        return Finding(Verdict.NO, "a Parquet file without Olink's columns")
    return Finding(Verdict.YES, "a Parquet file with Olink's ids of assays")
