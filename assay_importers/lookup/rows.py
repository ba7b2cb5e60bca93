"""Words for tables with a row for each well or sample: qPCR, fluorometers, photometers, cell counters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay_importers.contract import Fact, Reading
from assay_importers.formats.qpcr_words import is_cycle
from assay_importers.lookup.plates import name_of, text_of
from assay_importers.lookup.question import Answer, Question
from assay_importers.wells import read_well

_ROW = re.compile(r"row(\d+)")
# Columns that name the samples: they are in no reading or fact, but in all of them.
_NAMES = {"sample name", "test name", "name", "sample id", "well name", "sample/ctrl id"}


def _result_rows(asked: Question) -> list[Any]:
    """The rows of the table of results, which is the only one or called so."""
    named = [table.rows for table in asked.run.tables if table.name.casefold().startswith("result")]
    return named[:1] or [table.rows for table in asked.run.tables[:1]]


def _in_row(asked: Question) -> list[Any]:
    """`row3` is the third row of the table, whatever its sample is called."""
    row = _ROW.fullmatch(asked.sample)
    items: list[Reading | Fact] = [*asked.run.readings, *asked.run.facts]
    if row is None and asked.analyte.casefold() in _NAMES:
        return list(dict.fromkeys(item.sample for item in items if item.sample == asked.sample))
    if row is None or not asked.run.tables or not asked.run.tables[0].rows:
        return []
    table = asked.run.tables[0]
    texts = [text_of(item) for item in items if name_of(item) == asked.analyte]
    if not texts and asked.analyte in table.columns:
        column = _samples(asked, table.rows)
        # A column that is blank from top to bottom, or the one that names the samples.
        return column[int(row[1]) - 1 : int(row[1])] or [""]
    each = len(texts) // table.rows
    return texts[(int(row[1]) - 1) * each : int(row[1]) * each]


def _samples(asked: Question, rows: int) -> list[Any]:
    """The samples row by row, if the asked column is the one that names them."""
    if asked.analyte.casefold() not in _NAMES:
        return []
    items: list[Reading | Fact] = [*asked.run.readings, *asked.run.facts]
    first = name_of(items[0]) if items else ""
    samples = [item.sample for item in items if name_of(item) == first]
    return samples if len(samples) == rows else []


ROWS: Mapping[str, Answer] = {"n_result_rows": _result_rows, "value": _in_row}


def _cycle_columns(asked: Question) -> list[Any]:
    return list(dict.fromkeys(r.quantity for r in asked.run.readings if is_cycle(r.quantity) and r.quantity != "EQ.Ct"))


def _code_points(asked: Question) -> list[Any]:
    return [[f"0x{ord(character):X}" for character in name] for name in _cycle_columns(asked)]


def _cycle(asked: Question) -> list[Any]:
    """The cycle under whichever of its names: Ct, CT, Cq, Cp."""
    parts = [part.strip() for part in asked.sample.split("|")]
    columns = _cycle_columns(asked)
    return [
        reading.raw
        for reading in asked.run.readings
        if reading.quantity in columns
        and reading.analyte == asked.analyte
        and all(
            part in {reading.sample or "", reading.location} or read_well(part) == reading.location for part in parts
        )
    ]


def _head_line(asked: Question) -> list[Any]:
    lines = {name: text for name, text in asked.run.run.header.items() if name.endswith(": line of column names")}
    return [lines[name] for name in lines if name.startswith("Result")][:1]


def _call(asked: Question) -> list[Any]:
    """The call of a BioMark stands below `Ct` and `Call`."""
    parts = [part.strip() for part in asked.sample.split("|")]
    return [
        fact.text
        for fact in asked.run.facts
        if fact.name.endswith(" Call")
        and fact.analyte == asked.analyte
        and all(part in {fact.sample or "", fact.location} for part in parts)
    ]


QPCR: Mapping[str, Answer] = {
    **dict.fromkeys(("Ct", "CT", "Cq", "Cp", "CP"), _cycle),
    "n_result_rows": _result_rows,
    "ct_column_header": _cycle_columns,
    "ct_header_codepoints": _code_points,
    "header_row_index_1based": _head_line,
    "Call": _call,
}
