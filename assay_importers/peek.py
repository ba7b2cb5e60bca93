"""A look into a workbook: what it says, without opening it.

Of an xlsx, which is a zip, the names of its sheets, then its strings, then the beginning of each sheet, wherever in the
file they are; of an old xls the stored strings as they are in its first 64 KiB: enough to find a title that only one
format writes, and cheap enough to do for every file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache

from assay_importers.contract import Head
from assay_importers.workbook import OLE2, ZIP

_HEADER = 30
_MOST_OF_ONE = 256 * 1024
_MOST_ENTRIES = 6
_STORED, _DEFLATED = 0, 8
_FIRST = ("workbook.", "sharedStrings.")


@lru_cache(maxsize=2)
def peek(head: Head) -> str:
    """The XML of workbook, strings and sheets as far as the limits go; of an xls its bytes as Latin-1.

    Empty for what is no workbook. Marks are to be sought in pieces of one cell: cells are apart in the XML.
    """
    if head.data.startswith(OLE2):
        return head.data.decode("latin-1")
    if not head.data.startswith(ZIP):
        return ""
    data = memoryview(head.book or head.data)
    # Large sheets would use up the limit before the strings, which are often the last entry.
    entries = sorted(_entries(head.book or head.data))[:_MOST_ENTRIES]
    parts = [_inflated(data[start : start + _MOST_OF_ONE], method) for _, start, method in entries]
    return b"\n".join(parts).decode("utf-8", "replace")


def _entries(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The entries that have texts of cells: their rank, where their content begins, and how it is packed."""
    at = data.find(ZIP)
    while at >= 0:
        method = int.from_bytes(data[at + 8 : at + 10], "little")
        name_end = at + _HEADER + int.from_bytes(data[at + 26 : at + 28], "little")
        name = data[at + _HEADER : name_end].decode("latin-1")
        start = name_end + int.from_bytes(data[at + 28 : at + 30], "little")
        if name.startswith("xl/") and name.endswith((".xml", ".bin")) and "theme" not in name and "styles" not in name:
            rank = next((rank for rank, word in enumerate(_FIRST) if word in name), len(_FIRST))
            yield rank, start, method
        at = data.find(ZIP, start)


def _inflated(data: memoryview, method: int) -> bytes:
    """The beginning of an entry; the rest of a damaged one is left out."""
    if method != _DEFLATED:
        return bytes(data[:_MOST_OF_ONE]) if method == _STORED else b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _MOST_OF_ONE)
    except zlib.error:
        return b""
