"""Olink's wide form, as NPX Manager writes it: samples down, assays across, several rows of names above them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

from assay_importers.contract import Fact, Features, Importer, ParsedRun, Run, Table
from assay_importers.errors import FaultyFile
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import how_many
from assay_importers.values import DecimalMark, read_value

_ASSAY, _ID = "Assay", "OlinkID"
_UNIT = "Unit"
_NAMES = ("Panel", _ASSAY, "Uniprot ID", _ID, _UNIT)
# Of a sample as a whole, at the right, once for each panel.
_OF_SAMPLES = ("plate id", "qc warning", "qc deviation from median", "inc ctrl", "det ctrl", "amp ctrl", "ext ctrl")
_LIMIT = re.compile(r"(?:<|>|≤|≥|<=|>=) ?\S.*")

Line = tuple[int, Sequence[str]]


def is_wide(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first rows have the names of the wide form in their first column."""
    found = {row[0].strip().casefold() for row in rows if row}
    return {"panel", "assay"} <= found and bool(found & {"olinkid", "uniprot id"})


@dataclass
class _Wide:
    names: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    above: list[Line] = field(default_factory=list)
    samples: list[Line] = field(default_factory=list)
    below: list[Line] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_wide(
    lines: Sequence[Line],
    importer: Importer,
    *,
    title: str,
    unread: Sequence[str] = (),
    notes: Sequence[str] = (),
    comma: bool = False,
) -> ParsedRun:
    """Read the lines of the one sheet or file. With `comma` a decimal comma is looked for."""
    wide = _split(lines)
    where, assays = wide.names[_ASSAY]
    ids = wide.names[_ID][1] if _ID in wide.names else assays
    measured = [c for c, name in enumerate(assays) if c and name and name.casefold() not in _OF_SAMPLES]
    others = [c for c, name in enumerate(assays) if c and name.casefold() in _OF_SAMPLES]
    if not measured or not wide.samples:
        raise FaultyFile("the table has no assays or no samples", line=where, expected="NPX below the names of assays")
    mark = _mark(wide.samples, measured) if comma else "."
    numpy = import_module("numpy")
    cells = [[_number(line, column, assays[column], mark) for line in wide.samples] for column in measured]
    quantity = _quantity(wide)
    matrix = Matrix({quantity: numpy.array(cells, dtype="float64")})
    stated = wide.names[_UNIT][1] if _UNIT in wide.names else []
    units = {_cell(stated, column) for column in measured} - {""} or ({"NPX"} if quantity == "NPX" else set())
    annotation = {
        name: [_cell(row, column) or None for column in measured]
        for name, (_, row) in wide.names.items()
        if name != _ID
    }
    footer = _footer(wide.below, others)
    annotation |= {name: [_cell(row, column) or None for column in measured] for name, row in footer.items()}
    header = {row[0].strip(): " ".join(cell for cell in row[1:] if cell.strip()) for _, row in wide.above}
    header["header rows"] = ", ".join(f"row{number} {name}" for name, (number, _) in wide.names.items())
    header["footer rows"] = ", ".join(footer)
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(instrument="Olink", header=header),
        facts=tuple(
            Fact(sample=row[0].strip(), analyte=ids[column], name=quantity, text=_cell(row, column))
            for _, row in wide.samples
            for column in measured
            if _LIMIT.fullmatch(_cell(row, column))
        ),
        tables=(Table(name=title, columns=tuple(assays), rows=len(wide.samples)),),
        features=Features.of(
            matrix,
            samples=[row[0].strip() for _, row in wide.samples],
            ids=[ids[column] for column in measured],
            units={quantity: units.pop() if len(units) == 1 else None},
            annotation=annotation,
            sample_annotation=_of_samples(wide, others),
        ),
        matrix=matrix,
        unread=(*unread, *wide.unread),
        notes=(
            *notes,
            *(("numbers are written with a decimal comma",) if mark == "," else ()),
            *(() if footer else (how_many(len(wide.samples), "samples"),)),
        ),
    )


def _quantity(wide: _Wide) -> str:
    """What the cells are, by the lines above: NPX, or what they were quantified to, or cycles."""
    said = " ".join(cell for _, row in wide.above for cell in row).casefold()
    return "Quantified_value" if "quantified" in said else "Ct" if "ct data" in said else "NPX"


def _footer(lines: Sequence[Line], others: Sequence[int]) -> dict[str, Sequence[str]]:
    """The rows below by their names; what stands there for each plate has the name of the plate behind it."""
    footer: dict[str, Sequence[str]] = {}
    for _, row in lines:
        name = row[0].strip()
        plates = " ".join(dict.fromkeys(cell for cell in (_cell(row, column) for column in others) if cell))
        footer[f"{name} {plates}".strip() if name in footer else name] = row
    return footer


def _of_samples(wide: _Wide, others: Sequence[int]) -> dict[str, list[str | None]]:
    """The columns at the right; two of one name and panel are told apart by the control that they are of."""
    found: dict[str, list[str | None]] = {}
    for column in others:
        name = f"{_cell(wide.names[_ASSAY][1], column)} {_cell(wide.names['Panel'][1], column)}".strip()
        below = (_cell(wide.names[row][1], column) for row in ("Uniprot ID", _ID) if row in wide.names)
        control = next((text for text in below if text), "")
        found[f"{name} {control}".strip() if name in found or control else name] = [
            _cell(row, column) or None for _, row in wide.samples
        ]
    return found


def _split(lines: Sequence[Line]) -> _Wide:
    """Names, then a blank line, samples, a blank line, and what is said of the assays below."""
    wide = _Wide()
    for number, row in lines:
        first = row[0].strip() if row else ""
        known = next((name for name in _NAMES if name.casefold() == first.casefold()), None)
        blank = not any(cell.strip() for cell in row)
        if not wide.samples and known:
            wide.names[known] = (number, [cell.strip() for cell in row])
        elif blank:
            if wide.samples and not wide.below:
                wide.below.append((number, ()))
        elif not wide.names:
            wide.above.append((number, row))
        elif wide.below:
            wide.below.append((number, row))
        elif first:
            wide.samples.append((number, row))
        else:
            wide.unread.append(f"line {number}: {' | '.join(cell for cell in row if cell.strip())}")
    wide.below = [(number, row) for number, row in wide.below if row]
    for name in ("Panel", _ASSAY):
        if name not in wide.names:
            raise FaultyFile(f"the table has no row {name!r}", expected="the rows Panel, Assay, Uniprot ID and OlinkID")
    return wide


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _mark(samples: Sequence[Line], measured: Sequence[int]) -> DecimalMark:
    texts = [_cell(row, column) for _, row in samples for column in measured]
    return "," if any("," in text for text in texts) and not any("." in text for text in texts) else "."


def _number(line: Line, column: int, assay: str, mark: DecimalMark) -> str:
    """A number of the matrix; NaN for a cell that is blank or says that there is none."""
    text = _cell(line[1], column)
    value = read_value(text, mark)
    if value.value is None or value.comparator is not None:
        if not value.known and not _LIMIT.fullmatch(text):
            raise FaultyFile(
                "the cell is no number", line=line[0], column=assay, value=text, expected="NPX, or a blank cell"
            )
        return "nan"
    return text.replace(",", ".")
