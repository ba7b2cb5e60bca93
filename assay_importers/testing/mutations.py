"""Files with faults in them, made from whole ones: what transfers, spreadsheets, editors and people do to a file, and
what only an attacker does. The same `Random` gives the same faults.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random

from assay_importers.contract import SourceFile
from assay_importers.errors import FaultyFile
from assay_importers.text import decode

MOST_FAULTS = 4
# A seed longer than this is shortened: what a fault does to a reader does not depend on the number of rows.
MOST_BYTES, MOST_CELLS = 12_000, 40
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "cp437", "utf-32")
_NEWLINES = ("\n", "\r\n", "\r", "\n\n", "\r\r\n", "\u2028", "\x0b")
_WORD = re.compile(r"[^\s,;|<>\"=/:]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_TAG = re.compile(r"(?=<)")
# What stands in a cell where something else should.
CELLS = (
    "", " ", "0", "-0", "-1", "+", ".", ",", "-", "1e", "1e5", "1e999999", "1e-999999", "9" * 30, "9" * 400,
    "0x1F", "NaN", "nan", "inf", "-Infinity", "NA", "N/A", "null", "None", "TRUE", "OOR <", "<5", "> 5", "<",
    "≤3", "***", "1,234", "1.234,5", "1,234.5", "1:0", "0:1", "1:640", "1/0", "75%", "1e5%", "#DIV/0!", "=1+1",
    "@SUM(A1)", "A1", "A01", "H13", "P99", "ZZ100", "a1", "A0", "1(1,A1)", "Standard", "Blank", "Unknown", "x",
    "X" * 5000, "²", "\u0661\u0662", "\uff11\uff12", "\ufeff", "\x00", "\x1a", "\x85", "\u2028", "\U0001f9ea",
    "é", '"', '""', "'", '"open', "</x>", "&amp;", "&x;", "<![CDATA[", "%s", "{}", "{0}", "\\",
    "../../etc/passwd", "/", "99/99/9999", "2024-02-30", "13/13/2013", "12:99", "0000-00-00", "9999999-01-01",
    "2024-03-23T10:43:00+99:00", "::", "1:2:3:4", ";", "\t", "|", "\n", "\r",
)  # fmt: skip

Change = Callable[[bytes, Random], bytes]
TextChange = Callable[[str, Random], str]


def mutate(file: SourceFile, made: Random) -> SourceFile:
    """The file, or one of the files of its run, with one to four faults; sometimes a file of the run is missing."""
    files = [file, *file.companions]
    if len(files) > 1 and made.random() < 0.1:
        files.pop(made.randrange(len(files)))
    at = made.randrange(len(files))
    content = files[at].content
    for _ in range(made.randint(1, MOST_FAULTS)):
        content = damage(content, made)
    files[at] = SourceFile(files[at].name, content)
    first, *others = files
    return SourceFile(first.name, first.content, tuple(others))


def damage(content: bytes, made: Random) -> bytes:
    """One fault, in the bytes or in what they mean: the text, the archive, the member of an archive."""
    if made.random() < 0.2:
        return made.choice(_BYTES)(content, made)
    if content.startswith(_GZIP):
        return _in_gzip(content, made)
    if content.startswith(_ZIP):
        return _in_zip(content, made)
    try:
        text, encoding, _ = decode(content)
    except FaultyFile:
        return made.choice(_BYTES)(content, made)
    if made.random() < 0.08:
        return text.encode(made.choice(_ENCODINGS), "replace")
    changed = made.choice(_TEXT)(text, made)
    return _mark(content, encoding) + changed.encode(encoding, "replace")


def shortened(file: SourceFile) -> SourceFile:
    """A text with its first lines and cells alone, so that thousands of it are read in seconds; others as they are."""
    content = file.content
    if len(content) > MOST_BYTES and not content.startswith((_GZIP, _ZIP)):
        content = _first_lines(content)
    return SourceFile(file.name, content, tuple(shortened(other) for other in file.companions))


def _first_lines(content: bytes) -> bytes:
    try:
        text, encoding, _ = decode(content)
    except FaultyFile:
        return content
    lines: list[str] = []
    left = MOST_BYTES
    for line in text.splitlines(keepends=True):
        delimiter = max(_DELIMITERS, key=line.count)
        cells = line.split(delimiter)
        kept = line if len(cells) <= MOST_CELLS else delimiter.join(cells[:MOST_CELLS]) + "\n"
        left -= len(kept)
        if left < 0 and lines:
            break
        lines.append(kept)
    return _mark(content, encoding) + "".join(lines).encode(encoding, "replace")


def _mark(content: bytes, encoding: str) -> bytes:
    """The byte order mark that the content begins with."""
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    mark = marks.get(encoding, b"")
    return mark if content.startswith(mark) else b""


# --- bytes ----------------------------------------------------------------------------------------------------------


def _cut(content: bytes, made: Random) -> bytes:
    return content[: made.randint(0, len(content))]


def _cut_before(content: bytes, made: Random) -> bytes:
    return content[made.randint(0, len(content)) :]


def _flip(content: bytes, made: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(made.randint(1, 8) if changed else 0):
        changed[made.randrange(len(changed))] ^= 1 << made.randrange(8)
    return bytes(changed)


def _splice(content: bytes, made: Random) -> bytes:
    at = made.randint(0, len(content))
    return content[:at] + made.randbytes(made.randint(0, 12)) + content[at + made.randint(0, 200) :]


def _again(content: bytes, made: Random) -> bytes:
    """A part stands twice, or two files behind each other."""
    at = made.randint(0, len(content))
    return content[:at] + content[made.randint(0, at) :]


def _zeros(content: bytes, made: Random) -> bytes:
    """A block that was never written."""
    at = made.randint(0, len(content))
    length = made.randint(1, 4096)
    return content[:at] + bytes(length) + content[at + length :]


_BYTES: tuple[Change, ...] = (_cut, _cut, _cut_before, _flip, _flip, _splice, _splice, _again, _zeros)


# --- archives -------------------------------------------------------------------------------------------------------


def _in_gzip(content: bytes, made: Random) -> bytes:
    try:
        inner = gzip.decompress(content)
    except (OSError, EOFError, ValueError, zlib.error):
        return made.choice(_BYTES)(content, made)
    return gzip.compress(damage(inner, made), 1, mtime=0)


def _in_zip(content: bytes, made: Random) -> bytes:
    """A member is damaged, missing or there twice; the archive itself is whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(entry.filename, archive.read(entry)) for entry in archive.infolist() if not entry.is_dir()]
    except Exception:  # noqa: BLE001 - an archive that is broken already raises whatever it happens to raise
        return made.choice(_BYTES)(content, made)
    if not members:
        return made.choice(_BYTES)(content, made)
    at = made.randrange(len(members))
    name, inner = members[at]
    what = made.random()
    if what < 0.1:
        members.pop(at)
    elif what < 0.15:
        members[at] = (made.choice(members)[0], inner)
    else:
        members[at] = (name, damage(inner, made))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        written: set[str] = set()
        for name, inner in members:
            if name not in written:
                written.add(name)
                archive.writestr(zipfile.ZipInfo(name), inner, zipfile.ZIP_DEFLATED)
    return out.getvalue()


# --- text -----------------------------------------------------------------------------------------------------------


def _pieces(text: str) -> list[str]:
    """Lines; of a document that is one long line, its elements."""
    lines = text.splitlines(keepends=True)
    return lines if len(lines) > 3 or "<" not in text else _TAG.split(text)


def _of_pieces(change: Callable[[list[str], Random], None]) -> TextChange:
    def changed(text: str, made: Random) -> str:
        pieces = _pieces(text)
        if pieces:
            change(pieces, made)
        return "".join(pieces)

    return changed


@_of_pieces
def _drop_lines(lines: list[str], made: Random) -> None:
    at = made.randrange(len(lines))
    del lines[at : at + made.choice((1, 1, 1, 2, 8, 30))]


@_of_pieces
def _double_lines(lines: list[str], made: Random) -> None:
    at = made.randrange(len(lines))
    length = made.choice((1, 1, 1, 2, 8, 30))
    lines[at:at] = lines[at : at + length] * made.choice((1, 1, 2, 20))


@_of_pieces
def _swap_lines(lines: list[str], made: Random) -> None:
    one, two = made.randrange(len(lines)), made.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]


@_of_pieces
def _insert_line(lines: list[str], made: Random) -> None:
    lines.insert(
        made.randrange(len(lines)), made.choice(("\n", "\n\n\n", "Remark\n", ",,,,\n", "\t\t\n", "# x\n", "A\n"))
    )


def _of_cells(change: Callable[[list[str], Random], None]) -> TextChange:
    """A change of the cells of one row, or of the same cells in all rows."""

    def changed(text: str, made: Random) -> str:
        lines = text.splitlines()
        if not lines:
            return text
        delimiter = max(_DELIMITERS, key=text.count)
        first = made.randrange(len(lines))
        rows = range(first, len(lines)) if made.random() < 0.15 else (first,)
        state = made.getrandbits(32)
        for row in rows:
            cells = lines[row].split(delimiter)
            change(cells, Random(state))  # noqa: S311 - repeatable faults, not secrets
            lines[row] = delimiter.join(cells)
        return "\n".join(lines) + "\n"

    return changed


def _any(cells: Sequence[str], made: Random) -> int:
    return min(int(made.random() * 12), len(cells) - 1) if made.random() < 0.7 else made.randrange(len(cells))


@_of_cells
def _drop_cells(cells: list[str], made: Random) -> None:
    at = _any(cells, made)
    del cells[at : at + made.choice((1, 1, 2, 50))]


@_of_cells
def _double_cells(cells: list[str], made: Random) -> None:
    at = _any(cells, made)
    cells[at:at] = [cells[at]] * made.choice((1, 1, 3, 100))


@_of_cells
def _swap_cells(cells: list[str], made: Random) -> None:
    one, two = _any(cells, made), _any(cells, made)
    cells[one], cells[two] = cells[two], cells[one]


@_of_cells
def _replace_cell(cells: list[str], made: Random) -> None:
    cells[_any(cells, made)] = made.choice(CELLS)


def _of_matches(pattern: re.Pattern[str], texts: Sequence[str]) -> TextChange:
    def changed(text: str, made: Random) -> str:
        found = list(pattern.finditer(text))
        if not found:
            return text
        match = made.choice(found)
        new = made.choice(texts)
        if made.random() < 0.1:
            return text.replace(match[0], new)
        return text[: match.start()] + new + text[match.end() :]

    return changed


_replace_word = _of_matches(_WORD, CELLS)
_replace_number = _of_matches(_NUMBER, CELLS)


def _exchange_words(text: str, made: Random) -> str:
    """A word stands where another one was."""
    found = list(_WORD.finditer(text))
    if not found:
        return text
    match, other = made.choice(found), made.choice(found)
    return text[: match.start()] + other[0] + text[match.end() :]


def _change_delimiter(text: str, made: Random) -> str:
    return text.replace(max(_DELIMITERS, key=text.count), made.choice((*_DELIMITERS, " ", "")))


def _change_newlines(text: str, made: Random) -> str:
    return made.choice(_NEWLINES).join(text.splitlines()) + made.choice(("", "\n", "\r\n", "\x1a"))


def _change_decimal_mark(text: str, made: Random) -> str:
    old, new = made.choice((".,", ",.", ". ", ".'"))
    return re.sub(rf"(?<=\d){re.escape(old)}(?=\d)", new, text)


def _quote(text: str, made: Random) -> str:
    """Quotation marks: around a piece, taken away, or one that is never closed."""
    if made.random() < 0.3:
        return text.replace('"', made.choice(("", "'", '""')))
    one, two = sorted((made.randint(0, len(text)), made.randint(0, len(text))))
    return text[:one] + '"' + text[one:two] + made.choice(('"', "")) + text[two:]


def _pad(text: str, made: Random) -> str:
    """What a spreadsheet does that saves a text again: every row as long as the longest."""
    delimiter = max(_DELIMITERS, key=text.count)
    return "".join(f"{line}{delimiter * made.choice((1, 3))}\n" for line in text.splitlines())


def _change_case(text: str, made: Random) -> str:
    return made.choice((str.upper, str.lower, str.swapcase))(text)


_TEXT: tuple[TextChange, ...] = (
    _drop_lines, _drop_lines, _double_lines, _double_lines, _swap_lines, _insert_line, _drop_cells, _drop_cells,
    _double_cells, _swap_cells, _replace_cell, _replace_cell, _replace_cell, _replace_word, _replace_word,
    _replace_number, _replace_number, _exchange_words, _exchange_words, _change_delimiter, _change_newlines,
    _change_decimal_mark, _quote, _pad, _change_case,
)  # fmt: skip
