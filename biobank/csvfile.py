"""CSV as the house gives it out: the one place in which it is written, so that no cell runs as a formula.

A spreadsheet runs a text that begins with one of `FORMULA_STARTS`. Such a text gets an apostrophe before it; a number
keeps its sign, whether it comes as a number or as the text of one, for a negative value is data and never a formula.
"""

import csv
import io
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  # the wide forms run in East Asian spreadsheets
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_CODE_POINTS = ", ".join(f"chr({ord(mark)})" for mark in FORMULA_STARTS)


def cell(value: object) -> str:
    """A value as the text of a cell: None is empty, a decimal has no exponent, a text can start no formula."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and _would_run(text) else text


def as_typed(text: str) -> str:
    """The text that `cell` made a cell of, for the files that are also read back."""
    return text[1:] if text.startswith("'") and _would_run(text[1:]) else text


def written(columns: Iterable[str], rows: Iterable[Iterable[Any]], *, end: str = "\n") -> str:
    """A CSV (RFC 4180) with its header; every cell goes through `cell`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end)
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def cell_in_sql(column: str) -> str:
    """The same of a column of texts, for a table that the database writes."""
    return (
        f"case when left({column}, 1) in ({_CODE_POINTS}) "
        f"and {column} !~ '^{_NUMBER.pattern}$' then '''' || {column} else {column} end"
    )


def _would_run(text: str) -> bool:
    return text[:1] in FORMULA_STARTS and text != "" and _NUMBER.fullmatch(text) is None
