"""Numbers as files write them: an exact decimal, a limit, or the reason why there is none."""

from __future__ import annotations

import re
from decimal import Decimal, Inexact, localcontext
from typing import Literal, NamedTuple

from assay_importers.contract import Comparator, Flag

DecimalMark = Literal[".", ","]

# More digits than any instrument writes; also keeps `1e999999` from being written out as a million zeros.
MAX_DIGITS = 60
MAX_EXPONENT = 60

_NUMBER = {
    ".": re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3}))?", re.ASCII),
    ",": re.compile(r"([+-]?)(\d+,?\d*|,\d+)(?:[eE]([+-]?\d{1,3}))?", re.ASCII),
}
_LIMIT = re.compile(r"(<=|>=|<|>|≤|≥)\s*(.+)")
_OUT_OF_RANGE = re.compile(r"OOR\s*([<>])", re.IGNORECASE)
_TOO_FEW_BEADS = re.compile(r"(low|insufficient|too few|not enough)\s+beads?.*", re.IGNORECASE)
_COMPARATORS: dict[str, Comparator] = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">="}
_WORDS: dict[str, Flag] = {
    "": "not_reported",
    "-": "not_reported",
    "***": "not_reported",
    "???": "not_reported",
    "n/a": "not_reported",
    "na": "not_reported",
    "null": "not_reported",
    "not reported": "not_reported",
    "nan": "not_a_number",
    "-nan": "not_a_number",
    "inf": "not_a_number",
    "-inf": "not_a_number",
    "infinity": "not_a_number",
    "-infinity": "not_a_number",
    "∞": "not_a_number",
    "-∞": "not_a_number",
    "#div/0!": "not_a_number",
    "#num!": "not_a_number",
    "#value!": "not_a_number",
    "---": "too_few_beads",
    "masked": "masked",
    "excluded": "masked",
}


class Value(NamedTuple):
    """What a cell says. `known` is false for a text that is neither a number nor a known word for a missing one."""

    value: Decimal | None
    comparator: Comparator | None = None
    flag: Flag | None = None
    known: bool = True


def read_number(text: str, mark: DecimalMark = ".") -> Decimal | None:
    """The exact decimal, or None when the text is no number with this decimal mark."""
    found = _NUMBER[mark].fullmatch(text)
    if found is None or len(text) > MAX_DIGITS or abs(int(found[3] or 0)) > MAX_EXPONENT:
        return None
    number = Decimal(text.replace(",", "."))
    return number or number.copy_abs()


def read_value(text: str, mark: DecimalMark = ".") -> Value:
    """The value of a cell: a number, a limit (`<1.2`, `OOR >`), or a missing value with its flag."""
    text = text.strip()
    number = read_number(text, mark)
    if number is not None:
        return Value(number)
    flag = _WORDS.get(text.casefold())
    if flag is not None:
        return Value(None, None, flag)
    limit = _LIMIT.fullmatch(text)
    if limit is not None and (number := read_number(limit[2], mark)) is not None:
        sign = _COMPARATORS[limit[1]]
        return Value(number, sign, _side(sign))
    outside = _OUT_OF_RANGE.fullmatch(text)
    if outside is not None:
        sign = _COMPARATORS[outside[1]]
        return Value(None, sign, _side(sign))
    if _TOO_FEW_BEADS.fullmatch(text):
        return Value(None, None, "too_few_beads")
    return Value(None, None, "not_a_number", known=False)


def _side(sign: Comparator) -> Flag:
    return "below_range" if sign in {"<", "<="} else "above_range"


_RATIO = re.compile(r"(\S+?)\s*[:/]\s*(\S+)")
# An unambiguous decimal comma: `2,5` or `0,125`, but not `1,000`.
_COMMA = re.compile(r"0,\d+|\d+,(?:\d{1,2}|\d{4,})", re.ASCII)


def read_dilution(text: str) -> Decimal | None:
    """The dilution factor: `50`, `1:50` and `1/50` are all 50. None when it is not a positive, exact number."""
    text = text.strip()
    ratio = _RATIO.fullmatch(text)
    parts = [_dilution_number(part) for part in (ratio.groups() if ratio else ("1", text))]
    sample, total = parts
    if sample is None or total is None or sample <= 0 or total <= 0:
        return None
    with localcontext() as context:
        context.traps[Inexact] = True
        try:
            factor = total / sample
        except Inexact:
            return None
    return factor


def _dilution_number(text: str) -> Decimal | None:
    return read_number(text, "," if _COMMA.fullmatch(text) else ".")
