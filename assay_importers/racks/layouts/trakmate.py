"""Matrix TrakMate traces: `Date & time of Trace = …`, `Rack Base Name: …`, then `A01; code` or `A01; No TrakMate`."""

from __future__ import annotations

from assay_importers.errors import FaultyFile
from assay_importers.racks.columns import Columns, Draft, plain, read_cells
from assay_importers.racks.layouts.base import Layout
from assay_importers.racks.table import Line, Table


def _knows(table: Table) -> str | None:
    told = plain(" ".join(table.lines[0].cells)).startswith("datetimeoftrace")
    return "begins with `Date & time of Trace`" if told else None


def _read(table: Table) -> Draft:
    draft = Draft(notes=list(table.notes))
    draft.header["Date & time of Trace"] = draft.scanned_at = _after(table.lines[0], "=")
    body = table.lines[1:]
    if body and plain(" ".join(body[0].cells)).startswith("rackbasename"):
        draft.header["Rack Base Name"] = draft.rack_code = _after(body[0], ":")
        body = body[1:]
    if not body:
        raise FaultyFile(
            "the trace has no positions", line=table.lines[-1].number, expected="a row for each position of the rack"
        )
    read_cells(draft, table, Columns({"position": 0, "code": 1}), body)
    return draft


def _after(line: Line, mark: str) -> str:
    name, _, text = " ".join(line.cells).partition(mark)
    if not text.strip():
        raise FaultyFile("the line says nothing", line=line.number, value=name, expected=f"a text after `{mark}`")
    return text.strip()


TRAKMATE = Layout("trakmate", "Matrix TrakMate trace", "1", "documentation", _knows, _read)
