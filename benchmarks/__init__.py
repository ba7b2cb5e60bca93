"""What is measured, and beside which floor. Each benchmark makes its own data, cleans up, and fails when a target is
missed.
"""

import importlib
import json
import os
import platform
import sys
from dataclasses import dataclass, field
from typing import Any

SIZES = {
    "scan": 1_000_000,
    "store": 1_000_000,
    "box": 1_000_000,
    "search": 1_000_000,
    "rackscan": 1_000_000,
    "pages": 3_500,
    "labels": 10_000,
    "parse": 20_000,
}
"""The benchmarks, and how many aliquots each makes where nothing is said (`pages`: participants, `labels`: labels,
`parse`: genes).
"""


HOUSES = frozenset({"scan", "store", "box", "search", "rackscan"})
"""Those that measure a house full of aliquots; `kept` is the folder in which it stays for the next."""


def machine_facts() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


@dataclass
class Report:
    """One JSON object: figures beside their floors, the ratios between them, and whether each target is met."""

    name: str
    machine: dict[str, Any] = field(default_factory=machine_facts)
    figures: dict[str, float | int] = field(default_factory=dict)
    floors: dict[str, float | int] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    met: dict[str, bool] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """What could not be measured, and why: a report with one is never good."""

    def at_least(self, name: str, value: float, least: float) -> None:
        self.targets[name], self.met[name] = f">= {least:g}", value >= least

    def at_most(self, name: str, value: float, most: float) -> None:
        self.targets[name], self.met[name] = f"<= {most:g}", value <= most


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(name: str, *, as_json: bool, size: int | None, **options: Any) -> int:
    """Run a benchmark by name and print its report; `options` are its own. 0: every target met; 1: one was missed, or
    something failed; 2: no such benchmark.
    """
    if name not in SIZES:
        say(f"There is no benchmark {name}: choose one of {', '.join(SIZES)}.")
        return 2
    report: Report = importlib.import_module(f"benchmarks.{name}").measure(size or SIZES[name], **options)
    if as_json:
        print(json.dumps(vars(report), indent=2))
    else:
        for group in ("figures", "floors", "ratios"):
            for key, value in getattr(report, group).items():
                print(f"{group:<8} {key:<64} {value:,.4g}")
        for key, target in report.targets.items():
            print(f"target   {key:<64} {target:<12} {'met' if report.met[key] else 'MISSED'}")
        for failure in report.failures:
            print(f"FAILED   {failure}")
    return 0 if all(report.met.values()) and not report.failures else 1
