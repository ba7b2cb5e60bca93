"""The sheet of a protein array: which sample each block of a slide holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay_importers.contract import Fact, Importer, ParsedRun, Run, SourceFile, Table
from assay_importers.delimited import locate, open_grids, plain_name, table_at, text_at
from assay_importers.errors import FaultyFile
from assay_importers.text_matrix import how_many

_BLOCK_AT, _SAMPLE_AT = ("v1", "block", "mini array", "miniarray"), ("v2", "sample id", "sampleid", "sample")
_SUFFIX = re.compile(r"\.(gpr|txt|csv)$", re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """The samples by block, and what else the sheet says."""

    name: str
    samples: dict[str, str]
    facts: tuple[Fact, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def stem(name: str) -> str:
    """The name of a slide: that of its file."""
    return _SUFFIX.sub("", name)


def is_sheet(cells: Sequence[str]) -> bool:
    plain = [plain_name(cell) for cell in cells]
    return (
        2 <= len(plain) <= 6 and any(name in plain for name in _BLOCK_AT) and any(name in plain for name in _SAMPLE_AT)
    )


def read_sheet(file: SourceFile) -> Sheet:
    """Read the sheet."""
    grids, notes = open_grids(file.content)
    place = locate(grids, is_sheet, 3)
    if place is None:
        raise FaultyFile(
            f"{file.name} is neither a slide nor a sheet of its samples",
            line=1,
            expected="a first line ATF, or columns of block and sample (v1, v2)",
        )
    table = table_at(place)
    block_at, sample_at = table.index(*_BLOCK_AT), table.index(*_SAMPLE_AT)
    samples: dict[str, str] = {}
    facts = []
    for row in table.rows:
        block = text_at(row, block_at).strip()
        if not block.isascii() or not block.isdigit() or block in samples:
            raise FaultyFile(
                "the block is no number, or stands twice", line=row.line, value=block, expected="1, 2, 3 ..."
            )
        samples[block] = text_at(row, sample_at).strip()
        for number, name in enumerate(table.names):
            if number != block_at and text_at(row, number).strip():
                label = "sample" if number == sample_at else name
                facts.append(Fact(sample=f"block {block}", name=label, text=text_at(row, number)))
    if not samples:
        raise FaultyFile("the sheet has no blocks", line=table.line, expected="a row for each block")
    name = stem(file.name)
    return Sheet(name, samples, tuple(facts), table.names, (*notes, how_many(len(samples), "blocks")))


def sheets_alone(sheets: Sequence[Sheet], importer: Importer) -> ParsedRun:
    """A sheet without its slide: facts of the blocks."""
    if len(sheets) > 1:
        raise FaultyFile("several sheets of samples, and no slide", expected="the slides beside them")
    sheet = sheets[0]
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(),
        facts=sheet.facts,
        tables=(Table(name="samples", columns=sheet.columns, rows=len(sheet.samples)),),
        notes=("the file says which sample each block holds, and has no results", *sheet.notes),
    )
