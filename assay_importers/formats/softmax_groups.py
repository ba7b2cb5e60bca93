"""The groups of a SoftMax Pro export: tables of standards, controls and unknowns, a row for each well."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector
from assay_importers.contract import Role
from assay_importers.errors import FaultyFile
from assay_importers.numbers import Style, number_style
from assay_importers.text import Row
from assay_importers.values import read_dilution
from assay_importers.wells import read_well

_ROLES: tuple[tuple[str, Role], ...] = (
    ("standard", "standard"),
    ("calibrator", "standard"),
    ("control", "control"),
    ("blank", "blank"),
    ("unknown", "unknown"),
)
_WELLS = {"wells", "well"}
_PLATE = {"wellplatename", "plate", "plate name"}
_FORMULAS = "Group Column"
_SUMMARIES = "Group Summaries"


class GroupReader:
    """Reads one group. `plates` are the names of all plates of the file."""

    def __init__(self, found: Collector, plates: Sequence[str]) -> None:
        self.found = found
        self.plates = plates
        self.name = ""
        self.role: Role | None = None

    def read(self, title: Row, rows: Sequence[Row]) -> None:
        """Read the table, the formulas of its columns and the summaries below it."""
        cells = [cell.strip() for cell in title.cells]
        self.name = cells[0].removeprefix("Group:").strip() or " ".join(cells[1:2]) or "Group"
        self.role = next((role for word, role in _ROLES if word in self.name.casefold()), None)
        head, table, rest = _split(rows)
        formulas = self._below(rest)
        if head is not None:
            self._table(head, table, formulas)

    def _table(self, head: Row, rows: Sequence[Row], formulas: Sequence[str]) -> None:
        columns = [cell.strip() or f"column {index + 1}" for index, cell in enumerate(head.cells)]
        lower = [name.casefold() for name in columns]
        sample_at = lower.index("sample") if "sample" in lower else 0
        well_at = next((index for index, name in enumerate(lower) if name in _WELLS), None)
        plate_at = next((index for index, name in enumerate(lower) if name in _PLATE), None)
        self.found.table(self.name, columns, len(rows))
        skipped = {sample_at, well_at, plate_at}
        units = {index: _unit(name, formulas) for index, name in enumerate(columns)}
        numeric: dict[int, Style] = {}
        for index in range(len(columns)):
            texts = [(row.line, _cell(row, index)) for row in rows]
            style = number_style(texts)
            if index not in skipped and _is_numeric([text for _, text in texts], self.found, style):
                numeric[index] = style
        sample: str | None = None
        for row in rows:
            if len(row.cells) > len(columns):
                raise FaultyFile(
                    f"the row has {len(row.cells)} cells and the group {self.name!r} {len(columns)} columns",
                    line=row.line,
                    expected="as many cells as columns",
                )
            # A blank sample is that of the row above: another of its wells.
            first = bool(_cell(row, sample_at)) or sample is None
            sample = _cell(row, sample_at) or sample
            plate, well = self._place(row, well_at, plate_at, sample)
            self._well(row, plate, well, sample, lower)
            for index, name in enumerate(columns):
                text = _cell(row, index)
                # A blank below the first well of a sample says that the value is that of the sample as a whole.
                if index in skipped or (not text and not first):
                    continue
                if index in numeric:
                    self.found.reading(
                        name, text, plate=plate, location=well, sample=sample, unit=units[index], style=numeric[index]
                    )
                elif text:
                    self.found.fact(name, text, plate=plate, location=well, sample=sample)

    def _place(
        self, row: Row, well_at: int | None, plate_at: int | None, sample: str | None
    ) -> tuple[str | None, str | None]:
        """Plate and well; neither when the file has several plates and does not say which of them it means."""
        text = "" if well_at is None else _cell(row, well_at)
        well = read_well(text)
        named = "" if plate_at is None else _cell(row, plate_at)
        if well is not None and named:
            return named, well
        if well is not None and len(self.plates) < 2:
            return (self.plates[0] if self.plates else None), well
        if text:
            self.found.fact(f"{self.name}: Wells", text, sample=sample)
        return None, None

    def _well(self, row: Row, plate: str | None, well: str | None, sample: str | None, lower: Sequence[str]) -> None:
        if well is None:
            return
        at = next((index for index, name in enumerate(lower) if name in {"dilution", "dilution factor"}), None)
        dilution = None if at is None or not _cell(row, at) else read_dilution(_cell(row, at))
        self.found.well(plate, well, sample=sample, role=self.role, dilution=dilution)
        self.found.fact("Group", self.name, plate=plate, location=well)

    def _below(self, rows: Sequence[Row]) -> list[str]:
        """Formulas go to the header, summaries become facts; gives the names of the formulas."""
        names: list[str] = []
        part = ""
        for row in rows:
            cells = [cell.strip() for cell in row.cells]
            if cells[0] == _FORMULAS or cells[0].startswith(_SUMMARIES):
                part = cells[0]
            elif part == _FORMULAS and len(cells) > 2:
                names.append(cells[1])
                self.found.add_header(f"{self.name}: formula of {cells[1]}", cells[2])
            elif len(cells) > 2 and cells[0]:
                label = " ".join(text for text in cells[:2] if text)
                self.found.fact(f"{self.name}: {label}", cells[2])
            else:
                self.found.fact(f"{self.name}: remark", " ".join(text for text in cells if text))
        return names


def _split(rows: Sequence[Row]) -> tuple[Row | None, list[Row], list[Row]]:
    """The row of column names, the rows of the table, and everything behind."""
    filled = [row for row in rows if row.cells]
    if not filled or _is_below(filled[0]):
        return None, [], filled
    head = filled[0]
    table: list[Row] = []
    for index, row in enumerate(rows[rows.index(head) + 1 :], start=rows.index(head) + 1):
        if not row.cells or _is_below(row):
            return head, table, [row for row in rows[index:] if row.cells]
        table.append(row)
    return head, table, []


def _is_below(row: Row) -> bool:
    return row.cells[0].strip() == _FORMULAS or row.cells[0].strip().startswith(_SUMMARIES)


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _is_numeric(texts: Sequence[str], found: Collector, style: Style) -> bool:
    """Whether the column holds quantities: a number, or nothing at all; a word beside a number is a missing one."""
    filled = [text for text in texts if text]
    return not filled or any(found.read(text, style).value is not None for text in filled)


def _unit(column: str, formulas: Sequence[str]) -> str | None:
    """`Concentration ng/mL` is the column `Concentration` and its unit, as the list of formulas tells."""
    if column in formulas:
        return "%" if column.endswith("%") else None
    name = max((name for name in formulas if name and column.startswith(f"{name} ")), key=len, default="")
    return re.sub(r"^\((.*)\)$", r"\1", column[len(name) :].strip()) if name else None
