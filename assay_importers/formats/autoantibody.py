"""Tables of autoantibodies: scores of antigen microarrays in long form, an index and a call for each antibody in wide
form, calls alone with the threshold in the column's name, and ImmPort's `elisa_result`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    SAMPLE_NAMES,
    Collector,
    Table,
    decimal_mark,
    head_grids,
    is_numeric,
    locate,
    open_grids,
    plain_name,
    table_at,
    text_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.text import Row
from assay_importers.text_matrix import how_many, repeated
from assay_importers.values import Value

_ANTIBODY = ("antibody", "antigen", "autoantibody", "autoantigen", "analyte reported", "analyte preferred")
_ISOTYPE = ("isotype", "ig class", "immunoglobulin")
_SCORE = ("score", "ab score", "antibody score", "value reported", "index", "value", "result", "nfi", "snr", "mfi",
          "titer", "titre", "concentration", "od", "units/ml", "calc conc reported", "conc value reported")  # fmt: skip
_UNIT = ("unit reported", "unit", "units", "unit preferred")
_CALLS = {
    "positive", "negative", "equivocal", "indeterminate", "borderline", "weak positive", "low positive",
    "high positive", "strong positive", "pos", "neg", "equiv", "indet", "reactive", "non-reactive", "nonreactive",
    "detected", "not detected",
}  # fmt: skip
_PARTS = {
    "index": re.compile(r"(?P<name>.+?)[ _.-]+(?:I|INDEX|VALUE|UNITS|SCORE|TITER|LEVEL|CONC)", re.IGNORECASE),
    "call": re.compile(r"(?P<name>.+?)[ _.-]+(?:R|CALL|INTERPRETATION|STATUS|FLAG)", re.IGNORECASE),
    "result": re.compile(r"(?P<name>.+?)[ _.-]+RESULT", re.IGNORECASE),
}
_OF_ISOTYPE = re.compile(r".+\bIg[GMADE]\d?", re.IGNORECASE)
# `GAD_65_Result_less_than20_Negative`: the call of GAD_65, negative below 20.
_CUTOFF = re.compile(
    r"(?P<name>.+?)[ _]+Result[ _]+(?P<sign>less|greater)[ _]+than[ _]*(?P<limit>[\d.,]+)[ _]*(?P<call>\w+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Wide:
    """Columns of one antibody: its index, its call, and the cut-off in the name of the latter."""

    name: str
    index: int | None
    call: int
    cutoff: str | None = None


class Autoantibody(Importer):
    """A score or an index is a reading of sample and antibody; a call is a fact of the two."""

    key = "autoantibody"
    title = "Autoantibody tables (scores, index and call, ImmPort ELISA)"
    version = "1"
    extensions = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
    technique = "autoantibody assay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        place = locate(head_grids(head), is_autoantibody, 20)
        if place is None:
            return Finding(Verdict.NO, "no columns of a sample and of antibodies")
        names, *rows = (row.cells for row in place.grid.rows[place.at :])
        kind = _kind(names)
        if kind == "pairs" and not _has_calls(names, rows):
            return Finding(Verdict.NO, "columns of an index and a call, but no call that is known")
        return Finding(Verdict.YES, _KINDS[kind])

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        place = locate(grids, is_autoantibody, 1000)
        if place is None:
            raise FaultyFile(
                "no columns of a sample and of antibodies",
                line=1,
                expected="Sample_ID, Antibody and Score, or columns such as GAD_I and GAD_R",
            )
        table = table_at(place)
        if not table.rows:
            raise FaultyFile("the table has no rows", line=table.line, expected="a row for each sample")
        found = Collector(in_book=not table.delimiter)
        _check_widths(table)
        _READERS[_kind(table.names)](table, found)
        above = place.grid.rows[: place.at]
        found.unread += [f"line {row.line}: {' | '.join(row.cells)}" for row in above if row.cells]
        found.unread += [
            f"sheet {grid.name!r}: {len(grid.rows)} rows"
            for grid in grids
            if not grid.delimiter and grid is not place.grid and grid.rows
        ]
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(),
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=(Listed(name=table.title or "table", columns=table.names, rows=len(table.rows)),),
            unread=tuple(found.unread),
            notes=(*notes, *found.all_notes(), how_many(len(table.rows), "rows")),
        )


def _check_widths(table: Table) -> None:
    for row in table.rows:
        if table.delimiter and row.width < len(table.names):
            raise FaultyFile(
                f"the row has {row.width} cells",
                line=row.line,
                value=row.cells[0],
                expected=f"{len(table.names)} cells",
            )


def _plain(names: Sequence[str]) -> list[str]:
    return [plain_name(name) for name in names]


def _first(plain: Sequence[str], names: Sequence[str]) -> int | None:
    return next((plain.index(name) for name in names if name in plain), None)


def is_autoantibody(names: Sequence[str]) -> bool:
    """Whether these are the column names of a table of autoantibodies."""
    return bool(_kind(names))


def _kind(names: Sequence[str]) -> str:
    """How a table with these columns is laid out; nothing for one that is no table of autoantibodies."""
    plain = _plain(names)
    sample = _first(plain, SAMPLE_NAMES)
    if len(names) < 3:
        return ""
    if sample is not None and _first(plain, _ANTIBODY) is not None and _first(plain, _SCORE) is not None:
        return "long"
    if plain[0] in _ANTIBODY[:4]:
        return "antibodies"
    if sample is None:
        return ""
    if _wide(names):
        return "pairs"
    return "isotypes" if sum(_OF_ISOTYPE.fullmatch(name.strip()) is not None for name in names) > 1 else ""


def _has_calls(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    columns = [one.call for one in _wide(names)]
    cells = {row[column].strip().casefold() for row in rows for column in columns if column < len(row)}
    return bool(cells & _CALLS)


def _wide(names: Sequence[str]) -> list[_Wide]:
    """The antibodies of a wide table, in the order of their columns."""
    found: dict[str, dict[str, int]] = {}
    cutoffs: dict[str, str] = {}
    trimmed = [name.strip() for name in names]
    for number, name in enumerate(trimmed):
        if cutoff := _CUTOFF.fullmatch(name):
            sign = "<" if cutoff["sign"].casefold() == "less" else ">"
            found.setdefault(cutoff["name"], {})["call"] = number
            cutoffs[cutoff["name"]] = f"{sign}{cutoff['limit']} {cutoff['call']}"
            continue
        for part, pattern in _PARTS.items():
            if match := pattern.fullmatch(name):
                found.setdefault(match["name"], {})[part] = number
    return [one for name, columns in found.items() if (one := _one(name, columns, trimmed, cutoffs.get(name)))]


def _one(name: str, columns: dict[str, int], names: Sequence[str], cutoff: str | None) -> _Wide | None:
    """`X Result` is the call beside an index, and the number beside a call; the number may stand under `X` alone."""
    index, call, result = (columns.get(part) for part in ("index", "call", "result"))
    if call is None:
        call, result = result, None
    if index is None:
        index = result if result is not None else names.index(name) if name in names else None
    if call is None or (index is None and cutoff is None):
        return None
    return _Wide(name, index, call, cutoff)


def _read_long(table: Table, found: Collector) -> None:
    plain = _plain(table.names)
    sample_at, antibody_at, score_at = (_first(plain, wanted) or 0 for wanted in (SAMPLE_NAMES, _ANTIBODY, _SCORE))
    isotype_at, unit_at, comment_at = (_first(plain, wanted) for wanted in (_ISOTYPE, _UNIT, ("comments", "comment")))
    numbers = {score_at} | {number for number, name in enumerate(plain) if name in {*_SCORE, "value preferred"}}
    found.mark = decimal_mark(table.cells(numbers), table.delimiter)
    others = [
        number for number, name in enumerate(table.names) if name and number not in {*numbers, sample_at, antibody_at}
    ]
    constant = _by_sample(table, sample_at, others)
    said: set[tuple[str, int]] = set()
    pairs = []
    for row in table.rows:
        sample, antibody = _named(table, row, sample_at), _named(table, row, antibody_at)
        isotype = text_at(row, isotype_at).strip()
        analyte = f"{antibody.strip()} {isotype}" if isotype else antibody.strip()
        pairs.append(f"{sample} | {analyte}")
        unit = text_at(row, unit_at).strip()
        below = "below detection" in text_at(row, comment_at).casefold()
        for number in sorted(numbers):
            value = found.value(text_at(row, number))
            if below and value.value is None:
                value = Value(None, None, "below_range")
            found.cell(
                text_at(row, number),
                table.names[number],
                sample=sample,
                analyte=analyte,
                unit=unit or None,
                line=row.line,
                value=value,
            )
        for number in others:
            if number not in constant:
                found.fact(table.names[number], text_at(row, number), sample=sample, analyte=analyte)
            elif (sample, number) not in said:
                said.add((sample, number))
                found.fact(table.names[number], text_at(row, number), sample=sample)
    _note_ceilings(found)
    if twice := repeated(pairs):
        found.notes.append(f"{len(twice)} pairs of sample and antibody stand more than once, the first is {twice[0]}")


def _note_ceilings(found: Collector) -> None:
    """Values that stop at one number are often a limit written as a value; the file does not say."""
    highest: dict[tuple[str, str], list[Decimal]] = {}
    for reading in found.readings:
        if reading.value is not None:
            highest.setdefault((reading.quantity, reading.analyte or ""), []).append(reading.value)
    for (quantity, analyte), values in highest.items():
        top = max(values)
        if values.count(top) > 2 and len(set(values)) > 2:
            found.notes.append(
                f"{quantity} of {analyte}: {values.count(top)} values are {top}, the highest of all; it may be a limit"
            )


def _by_sample(table: Table, sample_at: int, columns: Sequence[int]) -> set[int]:
    """The columns whose text depends on the sample alone."""
    known: dict[tuple[str, int], str] = {}
    same = set(columns)
    for row in table.rows:
        sample = text_at(row, sample_at)
        for number in tuple(same):
            if known.setdefault((sample, number), text_at(row, number)) != text_at(row, number):
                same.discard(number)
    return same


def _named(table: Table, row: Row, column: int) -> str:
    text = text_at(row, column)
    if not text.strip():
        raise FaultyFile(
            "the row has no name", line=row.line, column=table.names[column], expected="a sample and an antibody"
        )
    return text


def _read_pairs(table: Table, found: Collector) -> None:
    sample_at = _first(_plain(table.names), SAMPLE_NAMES) or 0
    wide = _wide(table.names)
    used = {sample_at, *(one.index for one in wide), *(one.call for one in wide)}
    found.mark = decimal_mark(table.cells([one.index for one in wide if one.index is not None]), table.delimiter)
    for one in wide:
        found.fact("cut-off", one.cutoff or "", analyte=one.name)
    for row in table.rows:
        sample = _named(table, row, sample_at)
        for one in wide:
            if one.index is not None:
                found.cell(
                    text_at(row, one.index), table.names[one.index], sample=sample, analyte=one.name, line=row.line
                )
            call = text_at(row, one.call)
            found.fact(table.names[one.call], call, sample=sample, analyte=one.name)
            if call.strip() and call.strip().casefold() not in _CALLS:
                found.notes.append(f"line {row.line}: {table.names[one.call]} is {call!r}, which is no known call")
        for number, name in enumerate(table.names):
            if name and number not in used:
                found.fact(name, text_at(row, number), sample=sample)
    names = [text_at(row, sample_at) for row in table.rows]
    if twice := repeated(names):
        found.notes.append(f"{len(twice)} samples stand in more than one row, the first is {twice[0]}")


def _read_isotypes(table: Table, found: Collector) -> None:
    """A row for each sample and a column for each antibody, `dsDNA IgG`; other columns say something of the sample."""
    sample_at = _first(_plain(table.names), SAMPLE_NAMES) or 0
    antibodies = [number for number, name in enumerate(table.names) if _OF_ISOTYPE.fullmatch(name)]
    found.mark = decimal_mark(table.cells(antibodies), table.delimiter)
    for row in table.rows:
        sample = _named(table, row, sample_at)
        for number, name in enumerate(table.names):
            if number in antibodies:
                found.cell(text_at(row, number), "value", sample=sample, analyte=name, line=row.line)
            elif name and number != sample_at:
                found.fact(name, text_at(row, number), sample=sample)


def _read_antibodies(table: Table, found: Collector) -> None:
    """A row for each antibody and a column for each sample; a column without numbers says something of the antibody."""
    columns = range(1, len(table.names))
    found.mark = decimal_mark(table.cells(columns), table.delimiter)
    samples = [number for number in columns if table.names[number] and is_numeric(table.cells([number]), found)]
    isotype_at = _first(_plain(table.names), _ISOTYPE)
    if not samples:
        raise FaultyFile("no column holds numbers", line=table.line, expected="a column of values for each sample")
    for row in table.rows:
        isotype = text_at(row, isotype_at).strip()
        analyte = f"{_named(table, row, 0).strip()} {isotype}".strip()
        for number in columns:
            if number in samples:
                found.cell(text_at(row, number), "value", sample=table.names[number], analyte=analyte, line=row.line)
            elif table.names[number]:
                found.fact(table.names[number], text_at(row, number), analyte=analyte)


_KINDS = {
    "long": "a row for each antibody in each sample, with its value",
    "antibodies": "a row for each antibody and a column for each sample",
    "pairs": "index and call of antibodies, or calls with their cut-off, in columns of their own",
    "isotypes": "a row for each sample and a column for each antibody and isotype",
}
_READERS = {
    "long": _read_long,
    "antibodies": _read_antibodies,
    "pairs": _read_pairs,
    "isotypes": _read_isotypes,
}
