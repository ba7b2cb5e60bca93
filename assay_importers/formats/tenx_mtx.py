"""10x Genomics' three files: the matrix, the features of its rows, the barcodes of its columns; each alone as well."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from assay_importers.contract import Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile, shorten
from assay_importers.gene_names import gene_ids
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import first_lines, how_many, is_number, open_text, repeated

Kind = Literal["matrix", "features", "barcodes"]

_MARKET = "%%MatrixMarket"
_BARCODE = re.compile(r"(?:\S+[_#])?[ACGTN]{8,}(?:[-_]\S+)?")
_TYPES = frozenset(
    {
        "gene expression",
        "antibody capture",
        "crispr guide capture",
        "multiplexing capture",
        "antigen capture",
        "peaks",
        "custom",
    }
)
_SAMPLED = 200
# What lines of numbers are made of, words for those that are none included.
_NUMBERS = b"0123456789+-.eE \t\r\nnaifNAIF"
_FEW = 5
_MOSTLY = 0.8
_MOST = 20_000_000
_COMMENT = "%metadata_json:"


class TenxMtx(Importer):
    """Features by barcodes, of Cell Ranger 2 (`genes.tsv`), of 3 and later (`features.tsv`), of who writes alike."""

    key = "tenx_mtx"
    title = "10x matrix, features and barcodes"
    version = "1"
    extensions = (".mtx", ".tsv")
    technique = "single-cell RNA sequencing"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        kind = None if head.text is None else _kind(head.text, _FEW, complete=head.complete)
        if kind is None and _one_name(head.text or ""):
            return Finding(Verdict.MAYBE, "one name in each line: beside a sparse matrix these are its barcodes")
        if kind is None:
            return Finding(Verdict.NO, "neither a sparse matrix nor its features nor its barcodes")
        return Finding(Verdict.YES, f"the {kind} of a 10x matrix")

    def parse(self, file: SourceFile) -> ParsedRun:
        found: dict[Kind, tuple[SourceFile, str]] = {}
        notes: list[str] = []
        for one in (file, *file.companions):
            opened = open_text(one.content)
            kind = _kind(opened.text, 1, complete=True) or ("barcodes" if _one_name(opened.text) else None)
            if kind is None:
                raise FaultyFile(
                    f"{one.name} is no part of a 10x matrix", expected="a matrix.mtx, features.tsv or barcodes.tsv"
                )
            if kind in found:
                raise FaultyFile(
                    f"{found[kind][0].name} and {one.name} are both {kind}", expected="one matrix at a time"
                )
            found[kind] = one, opened.text
            notes += [f"{kind}: {note}" for note in opened.notes]
        rows = _rows(found["features"][1]) if "features" in found else None
        barcodes = _barcodes(found["barcodes"][1]) if "barcodes" in found else None
        if "matrix" in found:
            values, header = _market(found["matrix"][1])
        else:
            shape = (len(rows.ids) if rows else 0, len(barcodes or ()))
            values, header = import_module("numpy").zeros(shape, dtype="int64"), {}
            notes.append("the matrix is not among the files: there are names, but no values")
            notes += [how_many(size, what) for size, what in zip(shape, ("features", "barcodes"), strict=True) if size]
        return self._run(values, header, rows, barcodes, notes)

    def _run(
        self, values: Any, header: Mapping[str, str], rows: _Rows | None, barcodes: list[str] | None, notes: list[str]
    ) -> ParsedRun:
        wanted = (len(rows.ids) if rows else values.shape[0], len(barcodes) if barcodes else values.shape[1])
        if values.shape != wanted and values.shape == wanted[::-1]:
            values = values.T.tocsc()
            notes.append("the matrix is barcodes by features, and was turned")
        if values.shape != wanted:
            raise FaultyFile(
                f"the matrix is {values.shape[0]:,} x {values.shape[1]:,}",
                expected=f"{wanted[0]:,} features and {wanted[1]:,} barcodes, as the files of names have",
            )
        for what, names in (("features", rows), ("barcodes", barcodes)):
            if names is None:
                notes.append(f"the {what} are not among the files: they are numbered")
        ids = rows.ids if rows else [str(number) for number in range(1, wanted[0] + 1)]
        samples = barcodes or [str(number) for number in range(1, wanted[1] + 1)]
        twice = repeated(ids)
        if twice:
            notes.append(f"{len(twice):,} id(s) stand more than once, {twice[0]} first")
        matrix = Matrix({"count": values})
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(software="Cell Ranger" if _COMMENT in header else None, header=header),
            tables=tuple(
                Table(name=name, columns=columns, rows=count)
                for name, columns, count, given in (
                    ("features", ("id", *(rows.annotation if rows else ())), wanted[0], rows),
                    ("barcodes", ("barcode",), wanted[1], barcodes),
                )
                if given
            ),
            features=Features.of(
                matrix,
                samples=samples,
                ids=ids,
                units={"count": "UMI"},
                annotation=rows.annotation if rows else {},
            ),
            matrix=matrix,
            notes=tuple(notes),
        )


@dataclass(frozen=True)
class _Rows:
    """The features: their ids, and what else is said of them."""

    ids: list[str]
    annotation: Mapping[str, list[str]]


def _kind(text: str, least: int, *, complete: bool) -> Kind | None:
    """What the text is; a file of names needs at least so many of them to be known."""
    if text.startswith(_MARKET):
        return "matrix" if text[:200].split()[1:3] == ["matrix", "coordinate"] else None
    lines = first_lines(text, _SAMPLED).texts
    if not complete and len(lines) > 1:
        lines = lines[:-1]
    if len(lines) < least:
        return None
    if all(_BARCODE.fullmatch(line.strip()) for line in lines):
        return "barcodes"
    rows = [line.split("\t") for line in lines]
    if {len(row) for row in rows} == {2}:
        numbers = sum(is_number(row[1]) for row in rows)
        return "features" if gene_ids([row[0] for row in rows]) >= _MOSTLY and 2 * numbers < len(rows) else None
    typed = all(len(row) >= 3 and row[2].strip().casefold() in _TYPES for row in rows)
    return "features" if typed else None


def _one_name(text: str) -> bool:
    """Whether each of the first lines is a single word: names of cells of any kind."""
    lines = first_lines(text, _SAMPLED).texts
    return bool(lines) and all(len(line.split()) == 1 and line[0] not in "%{<[" and "," not in line for line in lines)


def _rows(text: str) -> _Rows:
    lines = [line.split("\t") for line in first_lines(text, len(text)).texts if line.strip()]
    width = len(lines[0])
    for number, cells in enumerate(lines, 1):
        if len(cells) != width:
            raise FaultyFile(
                f"the row has {len(cells)} cells", line=number, value=cells[0], expected=f"{width} cells, as above"
            )
    names = ["name", "feature_type", "chromosome", "start", "end"][: width - 1]
    names += [f"column {number}" for number in range(len(names) + 2, width + 1)]
    columns = {name: [cells[number].strip() for cells in lines] for number, name in enumerate(names, 1)}
    return _Rows([cells[0].strip() for cells in lines], columns)


def _barcodes(text: str) -> list[str]:
    return [line.strip() for line in first_lines(text, len(text)).texts if line.strip()]


def _market(text: str) -> tuple[Any, dict[str, str]]:
    """The matrix by scipy, once its declared size is believable."""
    lines = first_lines(text, _SAMPLED).texts
    comments = [line for line in lines if line.startswith("%")]
    size = lines[len(comments)].split() if len(comments) < len(lines) else []
    if len(size) != 3 or not all(number.isascii() and number.isdigit() and len(number) < 12 for number in size):
        raise FaultyFile(
            "the size of the matrix is missing", line=len(comments) + 1, expected="rows, columns and entries"
        )
    rows, columns, entries = (int(number) for number in size)
    if max(rows, columns) > _MOST or entries > text.count("\n") + text.count("\r"):
        raise FaultyFile(
            f"the matrix declares {rows:,} x {columns:,} with {entries:,} entries and has fewer lines: it was cut off",
            line=len(comments) + 1,
            expected="a line for each entry",
        )
    # The reader is not safe where something else than numbers stands, or a line without an end.
    strange = text[text.index(lines[len(comments)]) :].encode().translate(None, _NUMBERS)
    if strange:
        raise FaultyFile(
            "the matrix holds something else than numbers",
            value=shorten(strange.decode()),
            expected="a row, a column and a count in each line",
        )
    try:
        values = import_module("scipy.io").mmread(io.BytesIO(f"{text}\n".encode()), spmatrix=False).tocsc()
    except (ValueError, TypeError, OverflowError, MemoryError, NotImplementedError, RuntimeError) as error:
        raise FaultyFile(
            f"the matrix cannot be read: {shorten(str(error))}", expected="a row, a column and a count in each line"
        ) from error
    if values.dtype.kind not in "iuf":
        raise FaultyFile("the values are neither whole numbers nor fractions", line=1, value=lines[0])
    return values, {**_metadata(comments), "entries": size[2]}


def _metadata(comments: Sequence[str]) -> dict[str, str]:
    """What Cell Ranger notes about itself, and other comments as they stand."""
    found: dict[str, str] = {}
    for line in comments[1:]:
        if line.startswith(_COMMENT):
            found[_COMMENT] = line.removeprefix(_COMMENT).strip()
            try:
                noted = json.loads(found[_COMMENT])
            except ValueError:
                noted = None
            if isinstance(noted, dict):
                found |= {str(name): str(text) for name, text in noted.items()}
        elif line.strip("% "):
            found.setdefault("comment", line.lstrip("% "))
    return found
