"""The table of samples that accompanies an Olink study: a row for each sample, and no results."""

from __future__ import annotations

from collections.abc import Sequence

from assay_importers.contract import Fact, Importer, ParsedRun, Run, Table
from assay_importers.errors import FaultyFile
from assay_importers.text_matrix import how_many

_SAMPLE = "SampleID"
# Names of columns that are measurements: a table with one of them is another file.
_RESULTS = {
    "npx",
    "value",
    "result",
    "ct",
    "cq",
    "concentration",
    "count",
    "od",
    "mfi",
    "rfu",
    "score",
    "titer",
    "titre",
}

Line = tuple[int, Sequence[str]]


def is_samples(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the rows begin as a table of samples does: `SampleID` first, other columns, no column of results."""
    columns = [cell.strip() for cell in next(iter(rows), ())]
    names = {name.casefold() for name in columns}
    return columns[:1] == [_SAMPLE] and len(columns) > 1 and len(rows) > 1 and not names & _RESULTS


def read_samples(lines: Sequence[Line], importer: Importer, notes: Sequence[str]) -> ParsedRun:
    """Every cell is a fact of its sample."""
    filled = [(number, [cell.strip() for cell in row]) for number, row in lines if row]
    columns = filled[0][1] if filled else []
    if not is_samples([row for _, row in filled[:2]]):
        raise FaultyFile("this is no file of Olink", line=1, expected=f"columns {_SAMPLE}, OlinkID and NPX")
    facts = []
    for number, row in filled[1:]:
        if len(row) > len(columns) or not row[0]:
            raise FaultyFile(
                "the row does not fit the columns", line=number, value=" | ".join(row), expected=f"{len(columns)} cells"
            )
        facts += [
            Fact(sample=row[0], name=name, text=text) for name, text in zip(columns[1:], row[1:], strict=False) if text
        ]
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(),
        facts=tuple(facts),
        tables=(Table(name="samples", columns=tuple(columns), rows=len(filled) - 1),),
        notes=(
            *notes,
            "the file describes samples and holds no results",
            how_many(len(filled) - 1, "samples"),
        ),
    )
