"""What a word of one format is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay_importers.contract import ParsedRun


class Question(NamedTuple):
    """The run, and sample and analyte as they were asked for, `*` among them."""

    run: ParsedRun
    sample: str
    analyte: str


Answer = Callable[[Question], list[Any]]
