"""A SPREC code table as a CSV file: what a manager loads and what is given out again."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from biobank import csvfile
from biobank.preanalytics.table import ELEMENTS, ROLES, Line, Range, twice

COLUMNS = (
    "element",
    "code",
    "role",
    "meaning",
    "min_minutes",
    "max_minutes",
    "minutes_ends",
    "min_celsius",
    "max_celsius",
    "celsius_ends",
    "min_g",
    "max_g",
    "g_ends",
    "brake",
    "container_family",
    "storage",
    "storage_before",
    "freezing",
    "min_spins",
    "max_spins",
    "verified",
    "source",
)
_ENDS = ("[]", "[)", "(]", "()")
NONE_BEFORE = "none"
"""In `storage_before`: no other storage came before. An empty cell asks nothing."""


def read_csv(text: str) -> tuple[list[Line], list[str]]:
    """The lines that a CSV holds, and what is wrong in it, by line. The first line names the columns, in any order."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip() for name in reader.fieldnames or ()]
    wrong = [f"column {name} is missing" for name in COLUMNS if name not in header]
    wrong += [f"column {name} is not one of a code table" for name in header if name not in COLUMNS]
    wrong += [f"column {name} is named twice" for name in twice(header)]
    if wrong:
        return [], wrong
    reader.fieldnames = header
    lines: list[Line] = []
    try:
        for row in reader:
            line, faults = _line(row)
            wrong += [f"line {reader.line_num}: {fault}" for fault in faults]
            if line is not None:
                lines.append(line)
    except csv.Error as error:
        wrong.append(f"line {reader.line_num}: {error}")
    return lines, wrong


def _line(row: Mapping[str | None, object]) -> tuple[Line | None, list[str]]:
    if None in row or None in row.values():
        return None, [f"has not {len(COLUMNS)} cells"]
    cell = {str(name): csvfile.as_typed(str(value).strip()) for name, value in row.items()}
    read = _Cells(cell)
    element = read.whole("element")
    if element not in ELEMENTS:
        read.faults.append("element is not 1 to 7")
    length = 3 if element in (1, 2) else 1
    code = cell["code"]
    if not (code.isascii() and code.isalnum() and code == code.upper() and len(code) == length):
        read.faults.append(f"code {code!r} is not {length} capital letters or digits")
    line = Line(
        element=element or 0,
        code=code,
        role=read.one_of("role", ("match", *ROLES[4])),
        meaning=read.text("meaning"),
        verified=read.truth("verified") or False,
        source=read.text("source"),
        minutes=read.range("minutes", "[)"),
        celsius=read.range("celsius", "[]"),
        g=read.range("g", "[)"),
        brake=read.truth("brake"),
        family=cell["container_family"] or None,
        storage=tuple(cell["storage"].split()) or None,
        before=() if cell["storage_before"] == NONE_BEFORE else tuple(cell["storage_before"].split()) or None,
        freezing=read.one_of("freezing", ("", "controlled", "plain")) or None,
        min_spins=read.whole("min_spins"),
        max_spins=read.whole("max_spins"),
    )
    if line.min_spins is not None and line.max_spins is not None and line.min_spins > line.max_spins:
        read.faults.append("min_spins is above max_spins")
    return (None if read.faults else line), read.faults


class _Cells:
    """The cells of a row, read one by one; what is wrong with them gathers in `faults`."""

    def __init__(self, cell: Mapping[str, str]) -> None:
        self.cell = cell
        self.faults: list[str] = []

    def text(self, name: str) -> str:
        if not self.cell[name]:
            self.faults.append(f"{name} is missing")
        return self.cell[name]

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        if self.cell[name] not in allowed:
            self.faults.append(f"{name} is not {' or '.join(one or 'empty' for one in allowed)}")
        return self.cell[name]

    def truth(self, name: str) -> bool | None:
        return {"true": True, "false": False}.get(self.one_of(name, ("", "true", "false")))

    def whole(self, name: str) -> int | None:
        text = self.cell[name]
        if text and not (text.isascii() and text.isdecimal() and len(text) < 4):
            self.faults.append(f"{name} is not a whole number below 1000")
            return None
        return int(text) if text else None

    def number(self, name: str) -> Decimal | None:
        text = self.cell[name]
        try:
            value = Decimal(text) if text else None
        except InvalidOperation:
            value = Decimal("NaN")
        if value is not None and not (value.is_finite() and abs(value) < 10**7):
            self.faults.append(f"{name} is not a number below 10,000,000")
            return None
        return value

    def range(self, name: str, usual: str) -> Range:
        low, high = self.number(f"min_{name}"), self.number(f"max_{name}")
        ends = self.one_of(f"{name}_ends", ("", *_ENDS)) or usual
        if low is not None and high is not None and (low > high or (low == high and ends != "[]")):
            self.faults.append(f"min_{name} to max_{name} holds nothing")
        return Range(low, high, ends)


def write_csv(lines: Iterable[Line]) -> str:
    """The CSV that `read_csv` reads back to the same lines."""
    truth = {None: "", True: "true", False: "false"}
    rows = (
        [
            *(line.element, line.code, line.role, line.meaning),
            *(cell for one in (line.minutes, line.celsius, line.g) for cell in _range_cells(one)),
            *(truth[line.brake], line.family, " ".join(line.storage or ())),
            NONE_BEFORE if line.before == () else " ".join(line.before or ()),
            *(line.freezing, line.min_spins, line.max_spins),
            *(truth[line.verified], line.source),
        ]
        for line in lines
    )
    return csvfile.written(COLUMNS, rows)


def _range_cells(one: Range) -> tuple[Decimal | None, Decimal | None, str]:
    return one.low, one.high, one.ends
