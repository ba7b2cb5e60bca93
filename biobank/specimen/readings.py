"""What can be read off an instrument about the quality of a sample, and what fits together. Pure functions on plain
values.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from biobank.errors import Invalid
from biobank.exact import plain
from biobank.ids import grouped

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?")
AGREES = Decimal("0.1")
"""Two ways to say the same amount, such as concentration times volume and yield, may differ by a tenth."""

COLUMNS = ("specimen", "quantity", "text", "unit", "measured_at", "equipment")
_NEEDED = ("specimen", "quantity", "text")
_ALSO = {"value": "text", "tube": "specimen"}
MOST_ROWS = 20_000


class MeasurementsRefused(Invalid):
    """Nothing was recorded. `rows` names every row that cannot be taken: line, tube, quantity, problem."""

    code = "measurements-refused"
    title = "These measurements cannot be recorded"


@dataclass(frozen=True, slots=True)
class Measurable:
    """A quantity of the code table: its unit, and what it can be at all."""

    code: str
    title: str
    unit: str | None
    lowest: Decimal | None
    highest: Decimal | None


def value_of(text: str, unit: str | None, kind: Measurable) -> tuple[Decimal | None, str]:
    """The number that a text means, or None and what is wrong with it."""
    found = text.strip()
    if not _NUMBER.fullmatch(found):
        return None, f"{found[:40]} is not a number: write digits with a point, such as 8.7"
    if unit is not None and unit != kind.unit:
        wanted = f"is measured in {kind.unit}" if kind.unit else "has no unit"
        return None, f"{kind.title} {wanted}, not in {unit[:20]}"
    value = Decimal(found)
    if kind.lowest is not None and value < kind.lowest:
        return None, f"{kind.title} is at least {plain(kind.lowest):f}, and {found} is less"
    if kind.highest is not None and value > kind.highest:
        return None, f"{kind.title} is at most {plain(kind.highest):f}, and {found} is more"
    return value, ""


def refuse_rows(problems: Sequence[Mapping[str, Any]]) -> None:
    """All measurements that cannot be taken, at once.

    Raises:
        MeasurementsRefused: when there is one or more.
    """
    if not problems:
        return
    words = "; ".join(
        f"{'line ' + str(row['line']) + ', ' if row['line'] else ''}{grouped(str(row['specimen'])[:40])}, "
        f"{str(row['quantity'])[:40]}: {row['problem']}"
        for row in problems[:10]
    )
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    raise MeasurementsRefused(f"Nothing was recorded. {words}{more}.", rows=list(problems))


def read_csv(text: str) -> list[dict[str, Any]]:
    """The rows of a table with the columns specimen, quantity and value (or text), and perhaps unit, measured_at and
    equipment; each with the `line` it stands on. Comma or semicolon, as the first line has it.

    Raises:
        Invalid: no such table, naming the column that is missing or unknown; or more rows than are taken at once.
    """
    lines = text.removeprefix("\ufeff")
    first = lines.partition("\n")[0]
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        table = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Invalid(
            f"This is no CSV: line {reader.line_num}: {error}.", errors={"file": "cannot be read as CSV"}
        ) from None
    if len(table) < 2:
        raise Invalid(
            f"There are no rows: the first line names the columns {', '.join(_NEEDED)}, the others hold the values.",
            errors={"file": "holds no rows"},
        )
    names = [_ALSO.get(cell.strip().lower(), cell.strip().lower()) for cell in table[0][1]]
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            raise Invalid(
                f"Column {name[:40]} is {'named twice' if name in COLUMNS else 'not one of ' + ', '.join(COLUMNS)}.",
                errors={"file": "has a column that is not understood"},
            )
    for name in _NEEDED:
        if name not in names:
            raise Invalid(f"Column {name} is missing.", errors={"file": f"lacks the column {name}"})
    if len(table) - 1 > MOST_ROWS:
        raise Invalid(f"At most {MOST_ROWS} rows are taken at once.", errors={"file": "has too many rows"})
    return [
        {"line": line, "extra": len(row) > len(names)}
        | {name: cell.strip() or None for name, cell in zip(names, row, strict=False)}
        for line, row in table[1:]
    ]


def disagreement(quantity: Decimal, unit: str, values: Mapping[str, Decimal]) -> str | None:
    """How what was measured of a vial contradicts what it holds; None when it does not.

    Cells: the count is the content. Nucleic acids: concentration (ng/uL) times volume (uL) is the yield (ng).
    """
    count = values.get("cell_count")
    if count is not None and unit == "10*6" and not _agree(count, quantity):
        return f"{plain(count):f} million cells were counted and the vial is said to hold {plain(quantity):f}"
    concentration, mass = values.get("concentration"), values.get("yield")
    if concentration is not None and mass is not None and unit == "uL" and not _agree(mass, concentration * quantity):
        return (
            f"{plain(concentration):f} ng/uL in {plain(quantity):f} uL are {plain(concentration * quantity):f} ng, "
            f"and the yield is said to be {plain(mass):f} ng"
        )
    return None


def _agree(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= AGREES * max(abs(one), abs(other))
