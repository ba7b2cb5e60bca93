"""Many damaged files to one importer: each is read, or refused by an importer error, within limits."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from assay_importers.contract import Finding, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import ImporterError
from assay_importers.registry import parse
from assay_importers.testing.mutations import mutate, shortened

SECONDS = 10.0
MOST_FAILURES = 5


class ContractBroken(AssertionError):
    """The importer does not do what the contract says."""


class Failure(NamedTuple):
    """What went wrong with a damaged file; its number makes it again (`damaged`)."""

    key: str
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: input {self.number}: {self.problem}"


@dataclass(frozen=True)
class Outcome:
    """How many files were given, read and refused, the most processor time of one in seconds, and what went wrong."""

    inputs: int
    read: int
    refused: int
    worst: float
    failures: tuple[Failure, ...]


def owes(kept: bool, problem: str) -> None:
    """Raises `ContractBroken` where a promise is not kept."""
    if not kept:
        raise ContractBroken(problem)


def check_promises(run: ParsedRun) -> None:
    """What holds of every run that was read, from a whole file or a damaged one."""
    wells = {(well.plate, well.location) for well in run.wells}
    owes(len(wells) == len(run.wells), "a well stands twice in the run")
    strays = {(r.plate, r.location) for r in run.readings if r.location is not None} - wells
    owes(not strays, f"readings are of wells that are not in the run: {sorted(strays, key=str)[:3]}")
    owes((run.features is None) == (run.matrix is None), "features and their matrix belong together")
    owes(run.features is None or run.matrix is None or run.features.shape == run.matrix.shape, "the shapes differ")
    found = (run.wells, run.readings, run.facts, run.tables, run.run.header, run.unread, run.features)
    owes(any(found), "nothing was found in the file, and it was not refused")
    run.model_dump_json()


def damaged(samples: Sequence[SourceFile], seed: object, key: str, number: int) -> SourceFile:
    """The damaged file of this number: of each sample in turn, the same every time."""
    made = Random(f"{seed} {key} {number}")  # noqa: S311 - repeatable faults, not secrets
    return mutate(samples[number % len(samples)], made)


def attempt(importer: Importer, file: SourceFile) -> bool:
    """Whether the file was read; False where it was refused. Anything but an `ImporterError` leaves as it is."""
    files = (SourceFile(file.name, file.content), *file.companions)
    for one in files:
        finding = Finding(*importer.sniff(one.head))
        owes(finding.verdict in Verdict and bool(finding.reason), f"sniff answers {finding}")
    try:
        run = parse(files, importer.key, [importer])
    except ImporterError as error:
        error.as_dict()
        return False
    check_promises(run)
    return True


def fuzz(
    importer: Importer,
    samples: Sequence[SourceFile],
    count: int,
    seed: object = 0,
    *,
    seconds: float = SECONDS,
    start: int = 0,
    watch: Callable[[int, int, int, float], None] = lambda *_: None,
) -> Outcome:
    """Give damaged files, made from the samples, to the importer: those with the numbers from `start` to `count`.

    Before each, `watch` is told its number and, of those before it, how many were read and refused and the worst time.
    """
    seeds = [shortened(sample) for sample in samples]
    failures: dict[str, Failure] = {}
    read = refused = 0
    worst = 0.0
    for number in range(start, count):
        watch(number, read, refused, worst)
        file = damaged(seeds, seed, importer.key, number)
        started = time.process_time()
        try:
            if attempt(importer, file):
                read += 1
            else:
                refused += 1
        except Exception as error:  # noqa: BLE001 - what escapes is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})"
            failures.setdefault(
                f"{type(error).__name__} {place.filename}:{place.lineno}", Failure(importer.key, number, problem)
            )
        took = time.process_time() - started
        worst = max(worst, took)
        if took > seconds:
            failures.setdefault("slow", Failure(importer.key, number, f"took {took:.1f} s"))
        if len(failures) >= MOST_FAILURES:
            return Outcome(number + 1 - start, read, refused, worst, tuple(failures.values()))
    return Outcome(count - start, read, refused, worst, tuple(failures.values()))
