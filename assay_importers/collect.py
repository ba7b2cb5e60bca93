"""What an importer finds, gathered well by well and cell by cell, and put together into a `ParsedRun`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from assay_importers.contract import Fact, Flag, ParsedRun, Reading, Role, Run, Table, Well
from assay_importers.errors import FaultyFile, shorten
from assay_importers.numbers import Style
from assay_importers.values import Value, read_value
from assay_importers.wells import role_hint

Place = tuple[str | None, str]


@dataclass
class _Well:
    sample: str | None = None
    role: Role | None = None
    dilution: Decimal | None = None


class _Cell(NamedTuple):
    plate: str | None
    location: str | None
    sample: str | None
    analyte: str | None
    quantity: str
    raw: str
    value: Value
    unit: str | None


@dataclass
class Collector:
    """One run as it is being read. `words` are the format's own texts for a missing value, in small letters."""

    words: Mapping[str, Flag] = field(default_factory=dict)
    header: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _wells: dict[Place, _Well] = field(default_factory=dict)
    _cells: list[_Cell] = field(default_factory=list)
    _facts: list[Fact] = field(default_factory=list)
    _odd: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add_header(self, name: str, text: str) -> None:
        """Keep a field of the header. One that stands there again gets a number, unless it says the same."""
        key, count = name, 1
        while self.header.get(key, text) != text:
            count += 1
            key = f"{name} ({count})"
        self.header[key] = text

    def well(
        self,
        plate: str | None,
        location: str,
        *,
        sample: str | None = None,
        role: Role | None = None,
        dilution: Decimal | None = None,
    ) -> None:
        """A well, and what this place of the file says of it. A second name for the same well is noted, not taken."""
        well = self._wells.setdefault((plate, location), _Well())
        if sample and well.sample and sample != well.sample:
            where = location if plate is None else f"{location} of {plate}"
            self.notes.append(f"{where} is {well.sample!r} and, elsewhere in the file, {sample!r}; the first is kept")
        else:
            well.sample = well.sample or sample or None
        well.role = well.role or role
        well.dilution = well.dilution if well.dilution is not None else dilution

    def sample(self, plate: str | None, location: str) -> str | None:
        """The name of the well's sample, as far as the file has said it."""
        return self._wells[plate, location].sample if (plate, location) in self._wells else None

    def read(self, raw: str, style: Style = Style()) -> Value:  # noqa: B008 - a constant tuple
        """The value of a cell; the format's own words for what is missing go before the common ones."""
        text = raw.strip()
        flag = self.words.get(text.casefold())
        return read_value(style.plain(text), style.mark) if flag is None else Value(None, None, flag)

    def reading(
        self,
        quantity: str,
        raw: str,
        *,
        plate: str | None = None,
        location: str | None = None,
        sample: str | None = None,
        analyte: str | None = None,
        unit: str | None = None,
        value: Value | None = None,
        style: Style = Style(),  # noqa: B008 - a constant tuple
    ) -> None:
        """A cell that holds a quantity. Without a `sample` it is that of the well."""
        value = self.read(raw, style) if value is None else value
        if not value.known:
            first, count = self._odd.get(quantity, (raw.strip(), 0))
            self._odd[quantity] = first, count + 1
        if location is not None:
            self._wells.setdefault((plate, location), _Well())
        self._cells.append(_Cell(plate, location, sample, analyte, quantity, raw, value, unit or None))

    def fact(
        self,
        name: str,
        text: str,
        *,
        plate: str | None = None,
        location: str | None = None,
        sample: str | None = None,
        analyte: str | None = None,
    ) -> None:
        """A cell that is no quantity."""
        self._facts.append(
            Fact(plate=plate, location=location, sample=sample, analyte=analyte, name=name, text=text.strip())
        )

    def table(self, name: str, columns: Iterable[str], rows: int) -> None:
        """A table that was found."""
        self.tables.append(Table(name=name, columns=tuple(columns), rows=rows))

    @property
    def empty(self) -> bool:
        """Whether nothing was found that is a result."""
        return not (self._cells or self._facts or self._wells)

    def finish(self, key: str, version: str, run: Run, expected: str) -> ParsedRun:
        """The run. Raises `FaultyFile` when there is nothing in it; `expected` says what should have been."""
        if self.empty:
            raise FaultyFile("the file holds no result", expected=expected)
        readings = []
        measured = {(cell.plate, cell.location) for cell in self._cells if cell.raw.strip()}
        for cell in self._cells:
            sample = cell.sample
            if sample is None and cell.location is not None:
                sample = self._wells[cell.plate, cell.location].sample
            readings.append(
                Reading(
                    plate=cell.plate,
                    location=cell.location,
                    sample=sample,
                    analyte=cell.analyte,
                    quantity=cell.quantity,
                    value=cell.value.value,
                    comparator=cell.value.comparator,
                    raw=cell.raw,
                    unit=cell.unit,
                    flag=cell.value.flag,
                )
            )
        for quantity, (first, count) in self._odd.items():
            self.notes.append(
                f"{quantity}: {count} cells hold no number, the first {shorten(first)!r}; they are flagged"
            )
        return ParsedRun(
            format=key,
            importer_version=version,
            run=run.model_copy(update={"header": self.header}),
            wells=tuple(
                Well(
                    plate=plate,
                    location=location,
                    sample=well.sample,
                    role=well.role or self._hint(well, (plate, location) in measured),
                    dilution=well.dilution,
                )
                for (plate, location), well in self._wells.items()
            ),
            readings=tuple(readings),
            facts=tuple(self._facts),
            tables=tuple(self.tables),
            unread=tuple(self.unread),
            notes=tuple(self.notes),
        )

    @staticmethod
    def _hint(well: _Well, measured: bool) -> Role:
        """A well without a name is empty only if nothing was measured in it."""
        return "unknown" if measured and not well.sample else role_hint(well.sample)


def last_line_note(text: str) -> list[str]:
    """A note when the last line has no end: a file that was cut off looks like that, and so do some whole ones."""
    if text.endswith(("\n", "\r")):
        return []
    lines = text.splitlines()
    end = (lines or [""])[-1][-30:]
    return [
        f"line {len(lines)}, the last, has no line end: whether the file ends with {end!r} cannot be told for certain"
    ]
