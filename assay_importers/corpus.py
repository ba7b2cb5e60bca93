"""Judging importers on real files: every fact that a manifest states about a file must be in its `ParsedRun` or, of
the scan of a rack, in its `RackScan`.

`python -m assay_importers.corpus [FOLDER]` (or the folder named by `CORPUS`) prints a line for each format and last
`N of M checks`. The folder holds a `MANIFEST.json`: a list of files with `path`, `format` and `checks`, each check
`{"sample", "analyte", "field", "expected"}`. The exit status is 1 when a format that an importer reads misses a check.

How a check is compared: texts without the blanks around them, character by character; a number in the manifest as an
exact decimal; a list or an object member by member. A missing value is compared by its original text, so `NaN` expects
a cell that says `NaN` and an empty text an empty cell.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

from assay_importers.contract import ParsedRun, Reading, Well
from assay_importers.errors import ImporterError, NoImporter
from assay_importers.racks import RackScan
from assay_importers.racks.positions import read_position
from assay_importers.sandbox import read_path
from assay_importers.wells import read_well

_BLOCK = "DataType: "
_DECLARED = "header_declared_"
_SAMPLE = re.compile(r"(?:\d+\(\s*)?(?:(?P<plate>\d+)\s*[,;]\s*)?(?P<well>[A-Za-z]{1,2}\d{1,2})\)?(?:\|(?P<name>.*))?")


@dataclass
class FormatReport:
    """What became of the checks of one format. `failures` say in words what was expected and what was found."""

    format: str
    files: int = 0
    claimed: int = 0
    read: int = 0
    checks: int = 0
    passed: int = 0
    failures: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line for a person."""
        state = f"{self.read} of {self.files} files read" if self.claimed else "no importer"
        return f"{self.format:<32} {state:<22} {self.passed} of {self.checks} checks"


@dataclass(frozen=True)
class Report:
    """The formats in the order of the manifest."""

    formats: tuple[FormatReport, ...]

    @property
    def passed(self) -> int:
        """Checks that hold."""
        return sum(report.passed for report in self.formats)

    @property
    def checks(self) -> int:
        """Checks in all, those of formats without an importer included."""
        return sum(report.checks for report in self.formats)

    @property
    def ok(self) -> bool:
        """Whether every format of which an importer claims at least one file holds all its checks."""
        return all(report.passed == report.checks for report in self.formats if report.claimed)


def evaluate(folder: Path, formats: Collection[str] | None = None) -> Report:
    """Read every file of the manifest (of these formats only, when given) as `biobank parse` does, and check it."""
    entries = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
    chosen = [entry for entry in entries if formats is None or entry["format"] in formats]
    reports: dict[str, FormatReport] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for entry, run in zip(chosen, pool.map(lambda entry: _parse(folder / entry["path"]), chosen), strict=True):
            report = reports.setdefault(entry["format"], FormatReport(entry["format"]))
            report.files += 1
            report.checks += len(entry["checks"])
            report.claimed += not isinstance(run, NoImporter)
            if isinstance(run, ParsedRun | RackScan):
                report.read += 1
                checks = entry["checks"]
                failures = list(check_rack(run, checks) if isinstance(run, RackScan) else check_run(run, checks))
                report.passed += len(entry["checks"]) - len(failures)
                report.failures += [f"{entry['path']}: {failure}" for failure in failures]
            else:
                report.unread.append(f"{entry['path']}: {run}")
    return Report(tuple(reports.values()))


def _parse(path: Path) -> ParsedRun | RackScan | ImporterError:
    try:
        return read_path(path)
    except ImporterError as error:
        return error


def check_run(run: ParsedRun, checks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The checks that do not hold, each in words."""
    index = _Index(run)
    for check in checks:
        found = index.find(str(check["sample"]), str(check["analyte"]), str(check["field"]))
        if not any(_same(check["expected"], value) for value in found):
            where = ", ".join(str(check[key]) for key in ("sample", "analyte", "field"))
            yield f"{where}: expected {check['expected']!r}, found {found or 'nothing'}"


def check_rack(scan: RackScan, checks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The checks of a rack scan that do not hold, each in words."""
    for check in checks:
        found = _rack_facts(scan, str(check["sample"]), str(check["field"]))
        if not any(_same(check["expected"], value) for value in found):
            where = ", ".join(str(check[key]) for key in ("sample", "analyte", "field"))
            yield f"{where}: expected {check['expected']!r}, found {found or 'nothing'}"


def _rack_facts(scan: RackScan, sample: str, name: str) -> list[Any]:
    """What a scan says of the whole rack (`*`) or of a position: its code, or the word that stands there."""
    if sample != "*":
        cells = [cell for cell in scan.cells if (cell.row, cell.col) == read_position(sample)]
        return [text for cell in cells for text in (cell.raw, cell.code or cell.state.replace("_", " ").upper())]
    whole: dict[str, list[Any]] = {
        "rack_id": [scan.rack_code],
        "rack_barcode": [scan.rack_code],
        "n_positions": [len(scan.cells)],
        "n_tubes": [sum(cell.state == "code" for cell in scan.cells)],
        "declared_tube_count": [text for key, text in scan.header.items() if key.casefold() == "tube count"],
        "expected": ["duplicate barcode must be reported"] if scan.duplicates else [],
    }
    return whole.get(name, [value for key, value in scan.model_dump().items() if key == name])


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and expected.keys() == found.keys()
            and all(_same(expected[k], found[k]) for k in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(_same(e, f) for e, f in zip(expected, found, strict=True))
        )
    if isinstance(expected, int | float):
        try:
            return Decimal(str(found)) == Decimal(str(expected))
        except InvalidOperation:
            return False
    return ("" if expected is None else str(expected)).strip() == ("" if found is None else str(found)).strip()


class _Index:
    """Finds by `field` what a run says about the whole file, a sample, or one cell."""

    def __init__(self, run: ParsedRun) -> None:
        self._run = run
        self._cells: defaultdict[tuple[str, str], list[Reading]] = defaultdict(list)
        for reading in run.readings:
            self._cells[(reading.quantity.strip(), (reading.analyte or "").strip())].append(reading)
        first = next((reading.quantity for reading in run.readings if reading.location is not None), None)
        measured = {(r.plate, r.location) for r in run.readings if r.quantity == first}
        # A well of the file counts when something was measured in it: in the first block, the one that defines the run.
        self._wells = [well for well in run.wells if not measured or (well.plate, well.location) in measured]
        self._whole: dict[str, Callable[[], Any]] = {
            "n_wells": lambda: len(self._wells),
            "n_distinct_sample_names": lambda: len({well.sample for well in self._wells}),
            "program": lambda: run.run.header.get("Program"),
            "build": lambda: run.run.header.get("Build"),
            "serial_number": lambda: run.run.serial_number,
            "batch": lambda: run.run.batch,
            "data_types": lambda: sorted(self._blocks()),
            "rows_per_data_block": self._blocks,
        }

    def _blocks(self) -> dict[str, str]:
        header = self._run.run.header.items()
        return {name.removeprefix(_BLOCK): text for name, text in header if name.startswith(_BLOCK)}

    def find(self, sample: str, analyte: str, name: str) -> list[Any]:
        """All that the run has under these three; more than one when a sample was measured more than once."""
        if sample == "*":
            if name.startswith(_DECLARED):
                return [self._run.run.header.get(name.removeprefix(_DECLARED))]
            return [self._whole[name]()] if name in self._whole else []
        if name == "n_wells_for_sample":
            return [sum(_trim(well.sample) == sample.strip() for well in self._wells)]
        belongs = _selector(sample)
        if name == "layout sample name":
            return [well.sample for well in self._run.wells if belongs(well)]
        cells = self._cells.get((name.strip(), "" if analyte == "*" else analyte.strip()), [])
        return [reading.raw for reading in cells if belongs(reading)]


def _selector(sample: str) -> Callable[[Well | Reading], bool]:
    """What a check means by its sample: `1(1,A1)|Unknown1`, a well `A1`, or the name of a sample."""
    found = _SAMPLE.fullmatch(sample.strip())
    well = read_well(found["well"]) if found else None
    if found is None or well is None:
        return lambda item: _trim(item.sample) == sample.strip()
    plate, name = found["plate"], found["name"]
    return lambda item: (
        (
            item.location == well
            and (plate is None or item.plate == plate)
            and (name is None or _trim(item.sample) == name.strip())
        )
        or _trim(item.sample) == sample.strip()
    )


def _trim(text: str | None) -> str:
    return (text or "").strip()


def main(arguments: Sequence[str], out: TextIO) -> int:
    """The command: a folder, or the one that `CORPUS` names."""
    folder = Path(arguments[0] if arguments else os.environ.get("CORPUS", "../shared/data"))
    if not (folder / "MANIFEST.json").is_file():
        print(f"{folder} has no MANIFEST.json; name the folder as an argument or in CORPUS", file=out)
        return 1
    report = evaluate(folder)
    for found in report.formats:
        print(found.line(), file=out)
        for problem in found.failures + (found.unread if found.claimed else []):
            print(f"  {problem}", file=out)
    print(f"{report.passed} of {report.checks} checks", file=out)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
