"""MultiQC's `multiqc_data.json`: general statistics and what each tool said, as its versions nest them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from assay_importers.contract import Fact, Importer, ParsedRun, Reading, Run, Table
from assay_importers.errors import FaultyFile, shorten
from assay_importers.one_sample import count_of
from assay_importers.text_matrix import how_many
from assay_importers.values import read_value

_GENERAL, _RAW = "report_general_stats_data", "report_saved_raw_data"
_MARKS = (_GENERAL, _RAW, "report_data_sources", "report_general_stats_headers")


_Rows = list[tuple[str, Mapping[str, Any]]]
_Titled = tuple[str, str, _Rows]


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def is_report(text: str) -> bool:
    """Whether a text begins as the JSON of a report does."""
    return text.lstrip()[:1] == "{" and any(f'"{mark}"' in text for mark in _MARKS)


def read_report(text: str, importer: Importer, notes: tuple[str, ...]) -> ParsedRun:
    """Every number is a reading of its sample, called as its field is; texts are facts."""
    try:
        report = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except (ValueError, RecursionError) as error:
        raise FaultyFile(f"the JSON cannot be read: {shorten(str(error), 200)}", expected="a whole file") from error
    readings: list[Reading] = []
    facts: list[Fact] = []
    tables: list[Table] = []
    unread: list[str] = []
    for title, prefix, rows in _tables(report):
        columns: dict[str, None] = {}
        for sample, fields in rows:
            for name, value in fields.items():
                columns[name] = None
                _cell(sample, f"{prefix}{name}", value, readings, facts, unread)
        tables.append(Table(name=title, columns=tuple(columns), rows=len(rows)))
    if not tables:
        raise FaultyFile("the report has no table of samples", expected=f"{_GENERAL} or {_RAW}")
    samples = {one.sample for one in readings} | {one.sample for one in facts}
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(software=f"MultiQC {report.get('config_version') or ''}".strip(), protocol="report"),
        readings=tuple(readings),
        facts=tuple(facts),
        tables=tuple(tables),
        unread=tuple(dict.fromkeys(unread)),
        notes=(*notes, how_many(len(samples), "samples")),
    )


def _tables(report: Mapping[str, Any]) -> Iterator[_Titled]:
    """Title, what stands before the names of fields, and for each sample its fields."""
    general, raw = report.get(_GENERAL), report.get(_RAW)
    # Newer versions have the tool before each table, as their text has it before each name.
    named = general.items() if isinstance(general, dict) else enumerate(general if isinstance(general, list) else [], 1)
    for tool, table in named:
        prefix = f"{tool}-" if isinstance(general, dict) else ""
        yield from _table(f"general statistics: {tool}", prefix, table)
    for tool, table in raw.items() if isinstance(raw, dict) else ():
        yield from _table(str(tool), "", table)


def _table(title: str, prefix: str, table: Any) -> Iterator[_Titled]:
    rows: _Rows = []
    for sample, fields in table.items() if isinstance(table, dict) else ():
        for row in fields if isinstance(fields, list) else [fields]:
            # A row of a group of samples says of which one it is.
            held = row.get("data", row) if isinstance(row, dict) else None
            if isinstance(held, dict) and isinstance(row, dict):
                name = row.get("sample", sample) if held is not row else sample
                rows.append((str(name), held))
    if rows:
        yield title, prefix, rows


def _cell(
    sample: str, name: str, value: Any, readings: list[Reading], facts: list[Fact], unread: list[str]
) -> None:  # fmt: skip
    if isinstance(value, (dict, list)):
        unread.append(f"{name}: values within values")
    elif isinstance(value, _Number) or (isinstance(value, str) and value and read_value(value).value is not None):
        readings.append(count_of(sample, name, str(value), None))
    elif value not in {None, ""}:
        facts.append(Fact(sample=sample, name=name, text=str(value)))
