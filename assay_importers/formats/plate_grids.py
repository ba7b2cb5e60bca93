"""Plate maps in plater's layout: grids below each other, each named in its corner, for the same plate."""

from __future__ import annotations

from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Role, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.grids import Grid, check_rows, delimited, find_grid, grid_delimiter
from assay_importers.numbers import number_style
from assay_importers.text import Row, decode
from assay_importers.values import read_dilution

_SAMPLE = {"sample", "sample id", "sample name", "sampleid", "name", "id", "content", "tube", "barcode"}
_ROLE = {"role", "type", "sample type", "well type"}
_ROLES: dict[str, Role] = {
    "unknown": "unknown", "sample": "unknown", "standard": "standard", "std": "standard", "control": "control",
    "ctrl": "control", "blank": "blank", "empty": "empty",
}  # fmt: skip
_DILUTION = {"dilution", "dilution factor"}


class PlateMap(Importer):
    """A grid of numbers is a quantity of each well, one of texts a fact."""

    key = "plate_map"
    title = "Plate map as named grids (plater)"
    version = "1"
    extensions = (".csv", ".txt", ".tsv")
    technique = "plate layout"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text
            # Anything above the first grid is no plate map: its first line tells.
            delimiter = grid_delimiter(text.lstrip()[:4000].splitlines()[0]) if text.strip() else None
            rows = [] if delimiter is None else delimited(text, delimiter)
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text, or not to be split: {error}")
        if not rows:
            return Finding(Verdict.NO, "no grid of a plate")
        grids, beside = _grids(rows if head.complete else rows[:-1])
        if not grids or beside:
            return Finding(Verdict.NO, "something else stands beside the grids of a plate")
        if any(grid.corner in {"", "<>"} for grid in grids):
            return Finding(Verdict.MAYBE, "grids of a plate, but some without a name in the corner")
        return Finding(Verdict.YES, "nothing but grids of a plate with names in their corners")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        delimiter = grid_delimiter(decoded.text)
        if delimiter is None:
            raise FaultyFile(
                "the file holds no grid of a plate", expected="a row with a name and the columns 1, 2, 3, …"
            )
        rows = delimited(decoded.text, delimiter)
        found = Collector()
        found.notes += decoded.notes
        grids, beside = _grids(rows)
        found.unread += [f"line {row.line}: {' '.join(row.cells).strip()}" for row in beside]
        for number, grid in enumerate(grids, start=1):
            found.notes += check_rows(grid, last=number == len(grids))
            name = grid.corner or f"Grid {number}"
            found.table(name, (name,), len(grid.lines))
            _read(found, grid, name)
        found.notes += last_line_note(decoded.text)
        return found.finish(self.key, self.version, Run(), "a grid of a plate")


def _grids(rows: Sequence[Row]) -> tuple[list[Grid], list[Row]]:
    """The grids, and the rows that belong to none."""
    grids: list[Grid] = []
    beside: list[Row] = []
    at = 0
    while at < len(rows):
        grid = find_grid(rows, at)
        if grid is not None:
            grids.append(grid)
            at = grid.end
        else:
            if rows[at].cells:
                beside.append(rows[at])
            at += 1
    return grids, beside


def _read(found: Collector, grid: Grid, name: str) -> None:
    lower = name.casefold()
    cells = [(well, line, text.strip()) for well, line, _, text in grid.cells() if text.strip()]
    style = number_style((line, text) for _, line, text in cells)
    numeric = all(found.read(text, style).known for _, _, text in cells) and lower not in _SAMPLE | _ROLE
    for well, _, text in cells:
        if lower in _SAMPLE:
            found.well(None, well, sample=text)
        elif lower in _ROLE:
            found.well(None, well, role=_ROLES.get(text.casefold()))
        elif lower in _DILUTION:
            found.well(None, well, dilution=read_dilution(text))
        if numeric:
            found.reading(name, text, location=well, style=style)
        else:
            found.well(None, well)
            found.fact(name, text, location=well)
