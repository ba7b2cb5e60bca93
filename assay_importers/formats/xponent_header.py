"""The upper part of an xPONENT export: fields, calibration tables, kit and reagent lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay_importers.contract import Run
from assay_importers.dates import date_order, read_moment
from assay_importers.text import Row

# Lines that hold pairs after their name: "ProtocolPlate","Name","Fisher","Type","96","Plates","1".
_PAIRED = {"ProtocolPlate", "ProtocolMicrosphere", "ProtocolAnalysis", "ProtocolHeater"}
# Lines whose cells are one text: "Date","3/23/2024","5:36 AM" and "Program","xPONENT","","MAGPIX".
_SPACED = {"Program", "Date"}
# First columns that begin a table although another table may still be open.
_TABLES = {"Lot", "KitName", "Reagent"}
_NOTHING = {"", "<none>", "none", "n/a"}


@dataclass
class Header:
    """The fields in file order, and what has to be said about them."""

    fields: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Keep a field; one that the file repeats gets a number."""
        key, count = name, 1
        while key in self.fields:
            count += 1
            key = f"{name} ({count})"
        self.fields[key] = text

    def get(self, name: str) -> str | None:
        """The text of a field, None where the file says nothing (`<None>` and `N/A` are nothing)."""
        text = self.fields.get(name, "").strip()
        return None if text.casefold() in _NOTHING else text


def read_header(rows: Sequence[Row], delimiter: str) -> Header:
    """Read the rows above the first result block. A title such as `CALInfo:` opens a section of tables."""
    header = Header()
    tables = _Tables(header)
    for row in rows:
        cells = tuple(cell.strip() for cell in row.cells)
        if not cells:
            tables.columns = ()
        elif cells[0] == "Samples":
            tables = _Tables(header)
            _samples(header, cells)
        elif cells[0].endswith(":") and len(cells) == 1:
            tables = _Tables(header, cells[0][:-1])
        elif tables.section in {"CALInfo", "AssayLotInfo"}:
            tables.row(cells)
        else:
            _line(header, cells, delimiter)
    return header


def _line(header: Header, cells: tuple[str, ...], delimiter: str) -> None:
    name, rest = cells[0], cells[1:]
    if name == "Results" and not rest:
        return
    if name in _PAIRED and rest and len(rest) % 2 == 0:
        for label, text in zip(rest[::2], rest[1::2], strict=True):
            header.add(f"{name} {label}", text)
    elif name in _SPACED:
        header.add(name, " ".join(text for text in rest if text))
    else:
        header.add(name, f"{delimiter} ".join(rest))


def _samples(header: Header, cells: tuple[str, ...]) -> None:
    """`Samples,96,Min Events,50,Per Bead`: what was planned, which is not always what was measured."""
    header.add(cells[0], "".join(cells[1:2]))
    if len(cells) > 2:
        header.add(cells[2], " ".join(cells[3:]))


@dataclass
class _Tables:
    """Small tables below a title: `Reporter Calibrator`, then a row of column names, then rows."""

    header: Header
    section: str = ""
    title: str = ""
    columns: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    def row(self, cells: tuple[str, ...]) -> None:
        if cells[0] in _TABLES or (not self.columns and len(cells) > 1):
            self.columns = cells
            if self.section == "AssayLotInfo":
                self.title = cells[0]
        elif not self.columns or (self.section == "CALInfo" and len(cells) == 1):
            self.title, self.columns = cells[0], ()
        else:
            self._entry(cells)

    def _entry(self, cells: tuple[str, ...]) -> None:
        title = self.title or self.section
        number = self.counts[title] = self.counts.get(title, 0) + 1
        for index, text in enumerate(cells):
            name = self.columns[index] if index < len(self.columns) else f"column {index + 1}"
            if text:
                self.header.add(f"{title} {number} {name}", text)


def read_run(header: Header) -> Run:
    """The run that the header describes; what cannot be read in one way only is left out and noted."""
    program = header.get("Program") or ""
    family, _, instrument = program.partition(" ")
    build = header.get("Build")
    lots = [text for name, text in header.fields.items() if name.startswith("KitName ") and name.endswith(" LotNumber")]
    return Run(
        instrument=instrument or None,
        software=" ".join(text for text in (family, build) if text) or None,
        serial_number=header.get("SN"),
        batch=header.get("Batch"),
        operator=header.get("Operator"),
        started_at=_started_at(header),
        protocol=header.get("ProtocolName"),
        kit_lot=", ".join(lots) or None,
        header=header.fields,
    )


def _started_at(header: Header) -> str | None:
    name = next((name for name in ("BatchStartTime", "Date") if header.get(name)), None)
    if name is None:
        return None
    text = header.fields[name]
    moment = read_moment(text, date_order(header.fields.values()))
    if moment.iso is None:
        why = "the day or the month may come first" if moment.ambiguous else "it is not a known form of date"
        header.notes.append(f"{name} {text!r} is left as text: {why}")
    return moment.iso
