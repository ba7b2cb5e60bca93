"""`biobank parse`: files in, a `ParsedRun` or `RackScan` out, and no database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from assay_importers import sandbox
from assay_importers.changes import changes
from assay_importers.contract import Features, ParsedRun
from assay_importers.errors import CannotExport, FaultyFile, ImporterError, NotInFile
from assay_importers.export import write_features
from assay_importers.lookup.find import Finder
from assay_importers.mapping import Mapping
from assay_importers.racks import RackScan
from assay_importers.table_look import KEY


def run_parse(
    paths: Sequence[Path],
    *,
    format_key: str | None = None,
    as_json: bool = False,
    features: Path | None = None,
    reading: Sequence[str] = (),
    against: Path | None = None,
    mapping: Path | None = None,
    out: TextIO,
    err: TextIO,
) -> int:
    """Read the files of one run and print it. Exit status 0: read; 2: no importer or several claim it; 3: it cannot be
    read, or does not hold what was asked for.

    With `as_json` the output is the `ParsedRun`, the `RackScan`, or `{"error": {"kind", "message", "details"}}`; with
    `reading` (sample, analyte and, if wanted, quantity) it is that value alone. `features` names a file for the matrix,
    `against` one that an earlier version wrote with `--json`: what differs is printed in place of the run. `mapping` is
    one that says what the columns of a table mean.
    """
    try:
        run = sandbox.read_paths(
            paths,
            format_key=format_key,
            matrix=features is not None or bool(reading),
            mapping=None if mapping is None else _mapping(mapping, format_key),
        )
        if features is not None:
            if isinstance(run, RackScan):
                raise CannotExport("the scan of a rack holds no matrix of features")
            write_features(run, features)
        if against is not None:
            print(_compared(against, run, as_json), file=out)
            return 0
        whole = run.model_dump_json(indent=2) if as_json else _table(run)
        text = _reading(run, *reading) if reading else whole
    except ImporterError as error:
        if as_json:
            print(json.dumps({"error": error.as_dict()}, indent=2, ensure_ascii=False), file=out)
        print(f"{', '.join(str(path) for path in paths)}: {error}", file=err)
        return error.exit_status
    print(text, file=out)
    return 0


def _mapping(path: Path, format_key: str | None) -> Mapping:
    """The mapping in a file of JSON."""
    if format_key not in {None, KEY}:
        raise FaultyFile(f"a mapping reads tables, and {format_key} was named", expected=f"--format {KEY} or none")
    try:
        return Mapping.model_validate_json(sandbox.read_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise FaultyFile(
            f"{path} is no mapping: {f'{where}: ' if where else ''}{said}",
            expected="JSON such as stands in run.header.mapping of a table that was read",
        ) from error


def _compared(against: Path, run: ParsedRun | RackScan, as_json: bool) -> str:
    """What differs from an earlier reading, one difference a line; a matrix by its names and first values."""
    if isinstance(run, RackScan):
        raise CannotExport("the scan of a rack is not compared")
    try:
        before = ParsedRun.model_validate_json(sandbox.read_file(against))
    except ValidationError as error:
        raise FaultyFile(f"{against} is no run", expected="the output of biobank parse --json") from error
    found = changes(before, run)
    if as_json:
        return json.dumps([change.model_dump() for change in found], indent=2, ensure_ascii=False)
    read = f"version {before.importer_version} and version {run.importer_version} of {run.format}"
    return "\n".join([*(change.line() for change in found), f"{len(found)} differences between {read}"])


def _reading(run: ParsedRun | RackScan, sample: str, analyte: str, quantity: str | None = None) -> str:
    """The value alone, one a line where the sample was measured more than once.

    Without a quantity, where there are several, each line begins with its own.
    """
    if isinstance(run, RackScan):
        raise NotInFile("the scan of a rack holds no readings")
    finder = Finder(run)
    quantities = [quantity] if quantity else list(finder.quantities(sample, analyte))
    found = [(name, value) for name in quantities for value in finder.find(sample, analyte, name)]
    if not found:
        what = f"{quantity} of " if quantity else ""
        raise NotInFile(f"the file has no {what}{analyte} in {sample}")
    several = len(quantities) > 1
    return "\n".join(f"{name}\t{_text(value)}" if several else _text(value) for name, value in found)


def _text(value: Any) -> str:
    """Texts as they stand in the file; what is no text as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(read: ParsedRun | RackScan) -> str:
    return rack_summary(read) if isinstance(read, RackScan) else summary(read)


def rack_summary(scan: RackScan) -> str:
    """The rack as a grid of codes, and what to look at."""
    shown = {(cell.row, cell.col): cell.code or cell.state.replace("_", " ").upper() for cell in scan.cells}
    facts = [
        ("format", f"{scan.format}, layout {scan.layout} (version {scan.version})"),
        *((name, text) for name, text in (("rack", scan.rack_code), ("scanned", scan.scanned_at)) if text),
        ("positions", _counted(Counter(cell.state for cell in scan.cells))),
    ]
    width = max(len(text) for text in shown.values())
    lines = [f"{name:<14} {text}" for name, text in facts]
    lines.append(" " * 3 + " ".join(f"{column + 1:<{width}}" for column in range(scan.cols)).rstrip())
    for row in range(scan.rows):
        cells = (f"{shown.get((row, column), ''):<{width}}" for column in range(scan.cols))
        lines.append(f"{chr(ord('A') + row)}  {' '.join(cells)}".rstrip())
    lines += [f"{'unread':<14} {text}" for text in scan.unread]
    lines += [f"{'note':<14} {text}" for text in scan.notes]
    return "\n".join(lines)


def summary(run: ParsedRun) -> str:
    """A short table for a person: what the file is, how much is in it, and what to look at."""
    facts = [
        ("format", f"{run.format} (importer version {run.importer_version})"),
        *((name, text) for name, text in run.run.model_dump(exclude={"header"}).items() if text),
        ("wells", _counted(Counter(well.role for well in run.wells))),
        ("readings", _counted(Counter(reading.quantity for reading in run.readings))),
        *((("facts", _counted(Counter(fact.name for fact in run.facts))),) if run.facts else ()),
        *((("tables", "; ".join(f"{table.name} ({table.rows} rows)" for table in run.tables)),) if run.tables else ()),
        *((("features", _matrix(run.features)),) if run.features else ()),
        ("flags", _counted(Counter(reading.flag for reading in run.readings if reading.flag))),
    ]
    lines = [f"{name:<14} {text}" for name, text in facts]
    lines += [f"{'unread':<14} {text}" for text in run.unread]
    lines += [f"{'note':<14} {text}" for text in run.notes]
    return "\n".join(lines)


def _matrix(features: Features) -> str:
    rows, columns = features.shape
    layers = ", ".join([features.value_type, *features.layers])
    return f"{rows} features x {columns} samples: {layers}"


def _counted(counter: Counter[str]) -> str:
    parts = ", ".join(f"{count} {name}" for name, count in counter.items())
    return f"{counter.total()} ({parts})" if parts else "0"
