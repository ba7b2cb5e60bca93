"""What GEO's text formats share: attributes that repeat, and tables between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from assay_importers.errors import FaultyFile, shorten
from assay_importers.text_matrix import Columns, Layout, cells_of, first_lines, is_number, open_text, read_columns

_SAMPLED = 200


class Opened(NamedTuple):
    """The text with one kind of line end."""

    text: str
    notes: tuple[str, ...]


def open_geo(content: bytes) -> Opened:
    """Decode a file of GEO."""
    opened = open_text(content)
    text = opened.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Opened(text, opened.notes)


def line_of(text: str, place: int) -> int:
    """The line, from 1, of a place in the text."""
    return text.count("\n", 0, place) + 1


def attributes(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Attributes by name; texts of one that repeats are joined by a semicolon, each once."""
    found: dict[str, dict[str, None]] = {}
    for name, text in pairs:
        found.setdefault(name, {})[text] = None
    return {name: "; ".join(texts) for name, texts in found.items()}


def read_table(
    text: str, begin: int, end: int, *, texts: frozenset[str] | None, quoted: bool, line: int
) -> Columns | None:
    """The table that lies between two places: a header, which is on this line, then rows. None when there is not even
    a header.

    Columns of `texts`, the first, and those that mostly hold no numbers are texts; with None all are.
    """
    lines = first_lines(text[begin:end], _SAMPLED)
    if not lines.texts or not lines.texts[0].strip():
        return None
    names = cells_of(lines.texts[0], "\t") if quoted else tuple(name.strip() for name in lines.texts[0].split("\t"))
    rows = [line.split("\t") for line in lines.texts[1:]]
    kept = frozenset(
        column
        for column, name in enumerate(names)
        if column == 0
        or texts is None
        or name in texts
        or 2 * sum(is_number(row[column]) for row in rows if column < len(row)) < len(rows)
    )
    start = lines.starts[1] if len(lines.texts) > 1 else end - begin
    layout = Layout(names, kept, quoted=quoted, line=line + 1)
    return read_columns(text[begin:end], start, layout)


def strays(text: str, begin: int, end: int) -> Iterator[str]:
    """Lines between two places, each the end of a line, that are neither attributes nor entities nor blank; with their
    numbers.
    """
    if begin < 0 or not text[begin:end].strip():
        return
    number = line_of(text, begin)
    for line in text[begin:end].split("\n"):
        if line.strip() and not line.startswith(("!", "#", "^")):
            yield f"line {number}: {shorten(line.strip())}"
        number += 1


def find_end(text: str, mark: str, begin: int) -> int:
    """Where the line with the end mark of a table begins. Raises `FaultyFile` when there is none."""
    end = text.find(f"\n{mark}", begin - 1)
    if end < 0:
        raise FaultyFile(
            "the table that begins here has no end: the file was cut off",
            line=line_of(text, begin) - 1,
            expected=f"a line {mark}",
        )
    return end + 1
