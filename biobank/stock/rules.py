"""Rules of label stocks: how a version is named, what its measures must be, and how a form holds them."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from biobank.errors import Conflict, DomainError, Invalid, Stale
from labels import (
    A4,
    LETTER,
    PRINTER_DPI,
    STOCKS,
    RollStock,
    SheetStock,
    Stock,
    StockError,
    stock_from_data,
    stock_to_data,
)

KINDS: Mapping[str, str] = {"roll": "Labels on a roll", "sheet": "Sheets of labels"}
PAPERS: Mapping[str, str] = {"A4": "A4, 210 x 297 mm", "US Letter": "US Letter, 8.5 x 11 in", "own": "another size"}
_WORDS: Mapping[str, str] = {
    "label_width": "label width",
    "label_height": "label height",
    "dpi": "resolution",
    "columns": "labels beside each other",
    "rows": "labels below each other",
    "gap": "gap between rows",
    "column_gap": "gap between columns",
    "pitch_x": "left edge to left edge",
    "pitch_y": "top edge to top edge",
    "page_width": "other width of the paper",
    "page_height": "other height of the paper",
}
"""By field, what people call it."""
AREAS = 3
"""Parts of a label that the form has fields for; a file may name more."""
MOST_AREAS = 20
LARGEST_CONTENT = 100_000

_COMMON = ("label_width", "label_height", "dpi")
_OWN: Mapping[str, tuple[str, ...]] = {
    "roll": ("gap", "columns", "column_gap"),
    "sheet": ("columns", "rows", "left", "top", "pitch_x", "pitch_y"),
}
_BOX = ("x", "y", "width", "height")


class LabelStockFaulty(Invalid):
    code = "label-stock-faulty"
    title = "The label stock has faults"


class LabelStockExists(Conflict):
    code = "label-stock-exists"
    title = "This name of a label stock is taken"


class LabelStockIsFinal(Conflict):
    code = "label-stock-final"
    title = "Measures of a label stock never change"


class LabelStockChanged(Stale):
    code = "label-stock-changed"
    title = "Somebody else measured this label stock anew"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_label_stock_name": lambda: LabelStockExists("There is a label stock of this name: choose another."),
    "uq_label_stock_version_number": lambda: LabelStockChanged(
        "Somebody else measured this label stock anew at this moment: look at it again."
    ),
    "ck_label_stock_version_append_only": lambda: LabelStockIsFinal(
        "Measures of a label stock never change, because labels were printed with them: add a version."
    ),
    "ck_label_stock_keeps_what_it_is": lambda: LabelStockIsFinal(
        "A label stock keeps its name, kind and study: define another one."
    ),
}


def key(name: str, number: int) -> str:
    """A version as records, printers and print jobs name it."""
    return f"{name}@{number}"


def split(text: str) -> tuple[str, int | None]:
    """Name and number that a key says; None where it names no version, 0 where it names none that can be."""
    name, at, number = text.partition("@")
    if not at:
        return name, None
    return name, int(number) if number.isdecimal() and number.isascii() and len(number) <= 5 else 0


def unknown(name: str) -> Invalid:
    return Invalid(
        f"There is no stock {name[:60]}: choose one of the list of label stocks.",
        errors={"stock": "is not a stock"},
    )


def check_name(name: str) -> None:
    """Raises:
    LabelStockExists: a stock that ships has this name.
    """
    if name in STOCKS:
        raise LabelStockExists(f"{name} is a stock that ships with Biobank: choose another name.", name=name)


def check_seen(name: str, seen: int, latest: int) -> None:
    """Raises:
    LabelStockChanged: there is a later version than the one that was seen.
    """
    if seen != latest:
        raise LabelStockChanged(
            f"Somebody else measured {name} anew: look at version {latest} before you add another.", latest=latest
        )


def check_kind(name: str, kind: str, read: Stock) -> None:
    """Raises:
    LabelStockFaulty: a roll in place of sheets, or the other way round.
    """
    if kind_of(read) != kind:
        raise faulty("type", f"is not that of {name}, which is a {kind}: define another stock")


def kind_of(stock: Stock) -> str:
    return "roll" if isinstance(stock, RollStock) else "sheet"


def faulty(place: str, problem: str) -> LabelStockFaulty:
    named = _WORDS.get(place, place)
    return LabelStockFaulty(f"{named}: {problem}." if place else f"{problem}.", errors={place: problem})


def read(content: Any, name: str, number: int) -> Stock:
    """The stock of this name and version that the content measures.

    Raises:
        LabelStockFaulty: naming the place of what is wrong.
    """
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError, TypeError):
        raise faulty("", "It holds what no text or number can be") from None
    if size > LARGEST_CONTENT or "\\u0000" in text:
        raise faulty("", f"It is larger than {LARGEST_CONTENT // 1000} kB, or holds a character that no text can hold")
    own = {**content, "name": key(name, number)} if isinstance(content, dict) else content
    try:
        made = stock_from_data(own)
    except StockError as error:
        raise faulty(error.place, error.problem) from None
    if not 0 < len(made.title.strip()) <= 200 or not made.title.isprintable():
        raise faulty("title", "is empty, longer than 200 characters or of several lines")
    if len(made.areas) > MOST_AREAS:
        raise faulty("areas", f"are more than {MOST_AREAS}")
    return made


def parse(content: bytes) -> dict[str, Any]:
    """A stock as a JSON file.

    Raises:
        LabelStockFaulty: naming line and column of what is no JSON.
    """
    if len(content) > LARGEST_CONTENT:
        raise faulty("file", f"is larger than {LARGEST_CONTENT // 1000} kB")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise faulty("file", f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise faulty("file", f"is no JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (RecursionError, ValueError):
        raise faulty("file", "is nested too deeply, or holds a number that is too long") from None
    if not isinstance(data, dict):
        raise faulty("file", "is not an object")
    return data


# --- the form ---------------------------------------------------------------------------------------------------------


BLANK: Mapping[str, str] = {
    "type": "roll",
    "dpi": "300",
    "label_width": "38.1",
    "label_height": "12.7",
    "gap": "3",
    "columns": "1",
    "column_gap": "3",
    "page": "A4",
}
"""The form of a new stock."""


def flat(stock: Stock) -> dict[str, str]:
    """The values of the form that shows a stock."""
    data = stock_to_data(stock)
    values = {"type": data["type"], "title": stock.title}
    values |= {name: _shown(data[name]) for name in (*_COMMON, *_OWN[data["type"]])}
    if isinstance(stock, SheetStock):
        page = stock.page
        values |= {"page": page.name if page in (A4, LETTER) else "own"}
        values |= {"page_width": _shown(page.width), "page_height": _shown(page.height)}
    for index, area in enumerate(data["areas"]):
        at = f"areas[{index}]"
        values |= {f"{at}.name": area["name"], **{f"{at}.{name}": _shown(area[name]) for name in _BOX}}
        values |= {f"{at}.round": "true"} if area["round"] else {}
    return values


def _shown(value: float) -> str:
    return f"{round(value, 4):g}"


def content_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The measures that a form holds.

    Raises:
        LabelStockFaulty: naming the field that is no number.
    """
    kind = values.get("type", "")
    if kind not in _OWN:
        raise faulty("type", f"is not one of {', '.join(_OWN)}")
    made: dict[str, Any] = {"type": kind, "title": values.get("title", "").strip()}
    made |= {name: _number(values, name) for name in (*_COMMON, *_OWN[kind])}
    if made["dpi"] not in PRINTER_DPI:
        raise faulty("dpi", f"is not one of {', '.join(map(str, PRINTER_DPI))}")
    if kind == "sheet":
        made["page"] = _page(values)
    areas = []
    for index in range(MOST_AREAS):
        at = f"areas[{index}]"
        if any(values.get(f"{at}.{name}", "").strip() for name in ("name", *_BOX)):
            named = values.get(f"{at}.name", "").strip()
            if not named:
                raise faulty(f"{at}.name", "is missing")
            box = {name: _number(values, f"{at}.{name}") for name in _BOX}
            areas.append({"name": named, **box, "round": values.get(f"{at}.round") == "true"})
    return made | {"areas": areas}


def _page(values: Mapping[str, str]) -> Any:
    page = values.get("page", "")
    if page != "own":
        return page
    size = {name: _number(values, f"page_{name}") for name in ("width", "height")}
    return {"name": f"{size['width']:g} x {size['height']:g} mm", **size}


def _number(values: Mapping[str, str], name: str) -> float:
    text = values.get(name, "").strip()
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise faulty(name, f"{text[:20]!r} is not a number" if text else "is missing")
    return number
