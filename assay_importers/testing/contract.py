"""The checks, each a function that raises `ContractBroken`, and a class of tests that runs them all."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from assay_importers.contract import Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile, ImporterError
from assay_importers.registry import discover, parse, recognise
from assay_importers.sandbox import DEFAULT, Limits, parse_files_async
from assay_importers.testing.fuzz import check_promises, fuzz, owes
from assay_importers.text import decode

_STRANGER = "Zwölf Boxkämpfer"
QUICK = 0.05


def samples_in(folder: Path) -> tuple[SourceFile, ...]:
    """The files of a folder, in the order of their names; a folder in it is one run of several files."""
    return tuple(_sample(path) for path in sorted(folder.iterdir()))


def _sample(path: Path) -> SourceFile:
    if path.is_file():
        return SourceFile(path.name, path.read_bytes())
    first, *others = samples_in(path)
    return SourceFile(first.name, first.content, tuple(others))


def _together(sample: SourceFile) -> tuple[SourceFile, ...]:
    return (SourceFile(sample.name, sample.content), *sample.companions)


def check_description(importer: Importer, page: Path | None = None) -> None:
    """The importer says what it is; the page that describes it, where one is named, exists and names its key."""
    key = importer.key
    owes(key.isidentifier() and key == key.lower(), f"the key {key!r} is no identifier in small letters")
    for name in ("title", "version", "technique"):
        owes(bool(getattr(importer, name)), f"{key} has no {name}")
    owes(importer.maturity in {"stable", "beta", "experimental"}, f"{key} has no known maturity: {importer.maturity}")
    strange = [extension for extension in importer.extensions if not extension.startswith(".")]
    owes(not strange, f"{key} has extensions without a point: {strange}")
    owes(page is None or (page.is_file() and key in page.read_text(encoding="utf-8")), f"{page} does not name {key}")


def check_recognition(
    importer: Importer, samples: Sequence[SourceFile], foreign: Iterable[SourceFile] = (), *, asks: bool = False
) -> None:
    """YES to its own samples, whatever they are called, and to no file of another format; no other importer that is
    installed says YES to its samples. One that `asks` says MAYBE to its own, for a person to decide.
    """
    others = [other for other in discover() if other.key != importer.key]
    for sample in samples:
        unnamed = [SourceFile("x", file.content) for file in _together(sample)]
        for files in (_together(sample), unnamed):
            own, *rest = recognise(files, (importer, *others))
            wanted = Verdict.MAYBE if asks else Verdict.YES
            owes(own.verdict is wanted, f"{importer.key} says {own.verdict} to its sample {sample.name}: {own.reason}")
            claims = [match.format for match in rest if match.verdict is Verdict.YES]
            owes(not claims, f"{sample.name} of {importer.key} is claimed by {claims}")
    for file in foreign:
        (match,) = recognise(file, (importer,))
        owes(match.verdict is not Verdict.YES, f"{importer.key} claims the foreign file {file.name}: {match.reason}")


def check_recognition_is_quick(importer: Importer, files: Iterable[SourceFile], seconds: float = QUICK) -> None:
    """The best of three looks at each file takes less than this; all importers together have 50 ms."""
    for file in files:
        took = min(_sniffing(importer, file) for _ in range(3))
        owes(took < seconds, f"{importer.key} takes {1000 * took:.0f} ms to look at {file.name}")


def _sniffing(importer: Importer, file: SourceFile) -> float:
    head = file.head
    begin = time.process_time()
    importer.sniff(head)
    return time.process_time() - begin


def check_reading(importer: Importer, sample: SourceFile) -> ParsedRun:
    """The sample is read, names its importer, keeps the promises of a `ParsedRun`, is pickled, and the second reading
    is the same.
    """
    run = parse(_together(sample), importer.key, [importer])
    said = (run.format, run.importer_version)
    owes(said == (importer.key, importer.version), f"the run of {sample.name} says it is of {said}")
    check_promises(run)
    bare = run.model_copy(update={"matrix": None})
    owes(ParsedRun.model_validate_json(run.model_dump_json()) == bare, f"the JSON of {sample.name} is not exact")
    owes(pickle.loads(pickle.dumps(run)) == run, f"the run of {sample.name} is another when pickled")  # noqa: S301
    again = parse(_together(sample), importer.key, [importer])
    owes(again == run, f"{sample.name} is read differently the second time")
    return run


def check_nothing_is_dropped(importer: Importer, sample: SourceFile) -> None:
    """A line of words that belongs to nothing, behind the last line of a text, is refused or told of."""
    try:
        text, encoding, _ = decode(sample.content)
    except FaultyFile:
        return
    whole = parse(_together(sample), importer.key, [importer])
    ending = "" if text.endswith(("\n", "\r")) else "\n"
    mark = sample.content[: len(sample.content) - len(text.encode(encoding, "replace"))]
    longer = SourceFile(
        sample.name, mark + f"{text}{ending}{_STRANGER}\n".encode(encoding, "replace"), sample.companions
    )
    try:
        run = parse(_together(longer), importer.key, [importer])
    except ImporterError:
        return
    told = (run.unread, run.notes) != (whole.unread, whole.notes) or _STRANGER in run.model_dump_json()
    owes(told, f"{importer.key} drops a line that was added to {sample.name} in silence")


def check_cuts(importer: Importer, sample: SourceFile, parts: int = 25) -> None:
    """Of a file that was cut anywhere, an `ImporterError`, the same run or other notes: never less in silence."""
    whole = parse(_together(sample), importer.key, [importer])
    for part in range(1, parts):
        content = sample.content[: len(sample.content) * part // parts]
        if content.endswith((b"\n", b"\r", b"\n\0", b"\r\0")):
            continue  # a file that ends after any of its lines looks whole
        cut = SourceFile(sample.name, content, sample.companions)
        try:
            run = parse(_together(cut), importer.key, [importer])
        except ImporterError:
            continue
        owes(run == whole or run.notes != whole.notes, f"{len(content)} bytes of {sample.name} are read as if whole")


def check_worker(importer: Importer, sample: SourceFile, limits: Limits = DEFAULT) -> None:
    """An installed importer reads the sample in the worker process, within its limits, as it does in this one."""
    files = _together(sample)
    here = parse(files, importer.key).model_copy(update={"matrix": None})
    there = asyncio.run(parse_files_async(files, format_key=importer.key, limits=limits))
    owes(there == here, f"{sample.name} is read differently in a worker process")


class ImporterContract:
    """Subclass it as `TestMyFormat`, name `importer` and `samples`, and pytest runs the contract.

    `foreign` are files that the importer must not claim, `page` its description, `asks` is for an importer that leaves
    its own files to a person, `faults` the number of damaged files that each run of the tests makes. `installed` is
    false for one that no entry point names: it is not read in a worker process.
    """

    importer: ClassVar[Importer]
    samples: ClassVar[Sequence[SourceFile]]
    foreign: ClassVar[Sequence[SourceFile]] = ()
    page: ClassVar[Path | None] = None
    asks: ClassVar[bool] = False
    installed: ClassVar[bool] = True
    faults: ClassVar[int] = 300
    seed: ClassVar[Any] = 0

    def test_describes_itself(self) -> None:
        check_description(self.importer, self.page)

    def test_recognises_its_own_files_and_no_other(self) -> None:
        owes(bool(self.samples), f"{self.importer.key} has no samples")
        check_recognition(self.importer, self.samples, self.foreign, asks=self.asks)

    def test_recognises_quickly(self) -> None:
        check_recognition_is_quick(self.importer, (*self.samples, *self.foreign))

    def test_keeps_the_promises_of_a_run(self) -> None:
        for sample in self.samples:
            check_reading(self.importer, sample)

    def test_drops_nothing_in_silence(self) -> None:
        for sample in self.samples:
            check_nothing_is_dropped(self.importer, sample)
            check_cuts(self.importer, sample)

    def test_damaged_files_raise_importer_errors_only(self) -> None:
        outcome = fuzz(self.importer, self.samples, self.faults, self.seed)
        owes(not outcome.failures, "\n".join(str(failure) for failure in outcome.failures))

    def test_reads_in_a_worker_process(self) -> None:
        for sample in self.samples[: 1 if self.installed else 0]:
            check_worker(self.importer, sample)
