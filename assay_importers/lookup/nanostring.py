"""Words for facts of nCounter files."""

from __future__ import annotations

from collections import Counter
from typing import Any

from assay_importers.lookup.question import Question


def _lane_id(asked: Question) -> list[Any]:
    return [asked.run.run.header.get("LaneID")]


def _by_class(asked: Question) -> list[Any]:
    features = asked.run.features
    return [] if features is None else [dict(Counter(features.annotation["CodeClass"]))]


def _first_lines(asked: Question) -> list[Any]:
    header = asked.run.run.header
    return [[*header.get("Comments", "").splitlines(), "[Header]", f"Version={header.get('Version')}"]]


def _first_row(asked: Question) -> list[Any]:
    return [list(asked.run.tables[0].columns)]


FIELDS = {
    "lane ID": _lane_id,
    "n_codes_by_class": _by_class,
    "first_lines": _first_lines,
    "row1": _first_row,
}
