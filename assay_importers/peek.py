"""A look into the beginning of a workbook: what it says, without opening it.

Recognition sees the first 64 KiB. Of an xlsx that is a zip of which some entries are whole, of an old xls the stored
strings as they are: enough to find a title that only one format writes, and cheap enough to do for every file.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from assay_importers.contract import Head
from assay_importers.workbook import OLE2, ZIP

_HEADER = 30
_MOST_OF_ONE = 256 * 1024
_MOST = 1024 * 1024
_STORED, _DEFLATED = 0, 8


def peek(head: Head) -> str:
    """The XML of workbook, strings and sheets as far as they are in the head; of an xls its bytes as Latin-1.

    Empty for what is no workbook. Marks are to be sought in pieces of one cell: cells are apart in the XML.
    """
    return _peek(head.data)


@lru_cache(maxsize=2)
def _peek(data: bytes) -> str:
    if data.startswith(OLE2):
        return data.decode("latin-1")
    if not data.startswith(ZIP):
        return ""
    parts: list[bytes] = []
    left = _MOST
    at = data.find(ZIP)
    while at >= 0 and left > 0:
        method = int.from_bytes(data[at + 8 : at + 10], "little")
        name_end = at + _HEADER + int.from_bytes(data[at + 26 : at + 28], "little")
        name = data[at + _HEADER : name_end].decode("latin-1")
        start = name_end + int.from_bytes(data[at + 28 : at + 30], "little")
        if name.startswith("xl/") and name.endswith((".xml", ".bin")) and "theme" not in name and "styles" not in name:
            part = _inflated(data[start:], method)
            parts.append(part)
            left -= len(part)
        at = data.find(ZIP, start)
    return b"\n".join(parts).decode("utf-8", "replace")


def _inflated(data: bytes, method: int) -> bytes:
    """The beginning of an entry; the rest of a damaged one is left out."""
    if method != _DEFLATED:
        return data[:_MOST_OF_ONE] if method == _STORED else b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _MOST_OF_ONE)
    except zlib.error:
        return b""
