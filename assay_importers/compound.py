"""Old workbooks (xls), looked over before they are read: their reader believes what they say of themselves, and one
that was damaged can take all memory or never end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import unpack_from

from assay_importers.errors import FaultyFile

_HEADER = 512
# From here on a number is none of a sector: the end of a chain, a free place, the index itself.
_NONE = 0xFFFFFFFA
_ENTRY = 128
_STREAMS = ("Workbook", "Book")
_DIMENSIONS, _STRINGS = 0x0200, 0x00FC
_MOST_ROWS, _MOST_COLUMNS = 65536, 256


def check_compound(data: bytes) -> None:
    """Raises `FaultyFile` where chains of sectors go round in a circle, and for sizes that nothing in it can have."""
    if len(data) < _HEADER:
        raise FaultyFile("the workbook ends within its header", expected="a whole xls workbook")
    size = 4096 if data[30] == 12 else 512
    index = list(unpack_from("<109I", data, 76))
    (more,) = unpack_from("<I", data, 68)
    known: set[int] = set()
    while more < _NONE and more not in known:
        known.add(more)
        *numbers, more = _numbers(data, more, size) or (_NONE,)
        index += numbers
    table = [link for sector in index if sector < _NONE for link in _numbers(data, sector, size)]
    if more < _NONE or _has_circle(table):
        raise FaultyFile("the workbook is damaged: its sectors go round in a circle", expected="a whole xls workbook")
    (first,) = unpack_from("<I", data, 48)
    directory = b"".join(_sectors(data, table, first, size))
    for at in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        name = directory[at : at + 64].decode("utf-16-le", "replace").partition("\0")[0]
        if name in _STREAMS:
            _check_records(b"".join(_sectors(data, table, unpack_from("<I", directory, at + 116)[0], size)))


def _numbers(data: bytes, sector: int, size: int) -> tuple[int, ...]:
    """The numbers in a sector; none for one that is not in the file."""
    start = (sector + 1) * size
    return unpack_from(f"<{max(0, min(size, len(data) - start)) // 4}I", data, min(start, len(data)))


def _has_circle(links: Sequence[int]) -> bool:
    seen = [0] * len(links)
    for walk in range(1, len(links) + 1):
        at = walk - 1
        while at < len(links) and not seen[at]:
            seen[at] = walk
            at = links[at]
            if at < len(links) and seen[at] == walk:
                return True
    return False


def _sectors(data: bytes, table: Sequence[int], first: int, size: int) -> Iterator[bytes]:
    at = first
    while at < len(table):
        yield data[(at + 1) * size : (at + 2) * size]
        at = table[at]


def _check_records(stream: bytes) -> None:
    """What a sheet says of its size and a workbook of the number of its texts is what their reader makes room for."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = unpack_from("<HH", stream, at)
        body = stream[at + 4 : at + 4 + length]
        if kind == _DIMENSIONS and len(body) >= 10:
            rows, columns = _size(body)
            if not (0 <= rows <= _MOST_ROWS and 0 <= columns <= _MOST_COLUMNS):
                raise FaultyFile("the workbook is damaged: no sheet is that large", expected="a whole xls")
        if kind == _STRINGS and len(body) >= 8 and unpack_from("<I", body, 4)[0] > len(stream):
            raise FaultyFile("the workbook is damaged: it cannot have so many texts", expected="a whole xls")
        at += 4 + length


def _size(body: bytes) -> tuple[int, int]:
    """Rows and columns of a sheet, as an xls of Excel 97 says it or one of before."""
    top, bottom, left, right = unpack_from("<IIHH", body) if len(body) >= 12 else unpack_from("<HHHH", body)
    return bottom - top, right - left
