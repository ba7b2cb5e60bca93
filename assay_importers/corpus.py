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
import sys
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from assay_importers.contract import ParsedRun
from assay_importers.errors import ImporterError, NoImporter, shorten
from assay_importers.lookup.find import Finder, same
from assay_importers.racks import RackScan
from assay_importers.racks.positions import read_position
from assay_importers.sandbox import read_paths

# Folders of files that hold no measurement, with what reads them instead.
NOT_MEASURED = {
    "sample_manifest": "lists of what is shipped: no result of an assay",
    "redcap": "clinical data and its dictionary: no result of an assay",
    "immport": "templates to be filled in: no data",
    "fhir": "clinical resources: no file of an instrument",
    "miabis": "a catalogue of samples: no result of an assay",
}


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
        if self.format in NOT_MEASURED:
            return f"{self.format:<32} {NOT_MEASURED[self.format]}"
        state = f"{self.read} of {self.files} files read" if self.claimed else "no importer"
        return f"{self.format:<32} {state:<22} {self.passed} of {self.checks} checks"


@dataclass(frozen=True)
class Report:
    """The formats in the order of the manifest."""

    formats: tuple[FormatReport, ...]

    @property
    def passed(self) -> int:
        """Checks that hold."""
        return sum(report.passed for report in self.formats if report.format not in NOT_MEASURED)

    @property
    def checks(self) -> int:
        """Checks in all, those of formats without an importer included, those of files that hold no measurement not."""
        return sum(report.checks for report in self.formats if report.format not in NOT_MEASURED)

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
        return read_paths([path], matrix=True)
    except ImporterError as error:
        return error


def check_run(run: ParsedRun, checks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The checks that do not hold, each in words."""
    finder = Finder(run)
    for check in checks:
        found = finder.find(str(check["sample"]), str(check["analyte"]), str(check["field"]))
        if not any(same(check["expected"], value) for value in found):
            yield _missed(check, found)


def _missed(check: dict[str, Any], found: list[Any]) -> str:
    where = ", ".join(str(check[key]) for key in ("sample", "analyte", "field"))
    return f"{where}: expected {check['expected']!r}, found {shorten(repr(found), 200) if found else 'nothing'}"


def check_rack(scan: RackScan, checks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The checks of a rack scan that do not hold, each in words."""
    for check in checks:
        found = _rack_facts(scan, str(check["sample"]), str(check["field"]))
        if not any(same(check["expected"], value) for value in found):
            yield _missed(check, found)


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
