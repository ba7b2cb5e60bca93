"""The words that scanners write where a code would stand: the one table of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Missing = Literal["no_tube", "no_read"]

NO_TUBE = (
    "no tube",
    "notube",
    "no trakmate",
    "empty",
    "empty well",
    "empty position",
    "vacant",
    "no vial",
    "no sample",
    "none",
    "null",
    "n/a",
    "na",
    "-",
    "--",
    "---",
)
NO_READ = (
    "no read",
    "noread",
    "no code",
    "nocode",
    "no barcode",
    "no decode",
    "not read",
    "not decoded",
    "unread",
    "unreadable",
    "undecoded",
    "misread",
    "read error",
    "decode error",
    "error",
    "err",
    "fail",
    "failed",
    "failure",
    "bad read",
    "bad code",
    "unknown",
    "?",
    "??",
    "???",
    "*",
    "***",
    "#",
    "####",
)


def _plain(text: str) -> str:
    """Case, blanks, underscores and hyphens between letters tell nothing: `NO_READ`, `No-Read` and `noread` are one."""
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", "", folded.strip("[]()<>\"'. "))


_WORDS: dict[str, Missing] = {
    **{_plain(word): "no_tube" for word in NO_TUBE},
    **{_plain(word): "no_read" for word in NO_READ},
}


def missing(text: str) -> Missing | None:
    """What a text says in place of a code, or None for a text that is none of the words.

    A blank says that nothing was seen at the position: `no_tube`.
    """
    return "no_tube" if not text.strip() else _WORDS.get(_plain(text))
