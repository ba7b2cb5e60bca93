"""`biobank parse`: a file in, a `ParsedRun` or `RackScan` out, and no database."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TextIO

from assay_importers import sandbox
from assay_importers.contract import ParsedRun
from assay_importers.errors import ImporterError
from assay_importers.racks import RackScan


def run_parse(path: str | Path, format_key: str | None, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Read one file and print it. Exit status 0: read; 2: no importer or several claim it; 3: it cannot be read.

    With `as_json` the output is the `ParsedRun`, the `RackScan`, or `{"error": {"kind", "message", "details"}}`.
    """
    try:
        run = sandbox.read_path(Path(path), format_key=format_key)
    except ImporterError as error:
        if as_json:
            print(json.dumps({"error": error.as_dict()}, indent=2, ensure_ascii=False), file=out)
        print(f"{path}: {error}", file=err)
        return error.exit_status
    print(run.model_dump_json(indent=2) if as_json else _table(run), file=out)
    return 0


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
        ("flags", _counted(Counter(reading.flag for reading in run.readings if reading.flag))),
    ]
    lines = [f"{name:<14} {text}" for name, text in facts]
    lines += [f"{'unread':<14} {text}" for text in run.unread]
    lines += [f"{'note':<14} {text}" for text in run.notes]
    return "\n".join(lines)


def _counted(counter: Counter[str]) -> str:
    parts = ", ".join(f"{count} {name}" for name, count in counter.items())
    return f"{counter.total()} ({parts})" if parts else "0"
