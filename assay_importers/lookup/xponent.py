"""Words for facts of xPONENT exports and of the plate layouts that come with them."""

from __future__ import annotations

from typing import Any

from assay_importers.contract import ParsedRun
from assay_importers.lookup.question import Question
from assay_importers.wells import read_well

_BLOCK = "DataType: "


def _blocks(run: ParsedRun) -> dict[str, str]:
    header = run.run.header.items()
    return {name.removeprefix(_BLOCK): text for name, text in header if name.startswith(_BLOCK)}


def _data_types(asked: Question) -> list[Any]:
    return [sorted(_blocks(asked.run))]


def _rows_per_data_block(asked: Question) -> list[Any]:
    return [_blocks(asked.run)]


def _name_in_layout(asked: Question) -> list[Any]:
    return [well.sample for well in asked.run.wells if well.location == read_well(asked.sample)]


FIELDS = {"data_types": _data_types, "rows_per_data_block": _rows_per_data_block}
LAYOUT = {"layout sample name": _name_in_layout}
