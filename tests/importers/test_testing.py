"""The contract suite and the faults that it makes: they find what is wrong, a package of another laboratory can run
them, and the page that says how is true.
"""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from assay_importers.contract import Finding, Head, ParsedRun, Reading, Run, SourceFile, Table, Verdict, Well
from assay_importers.errors import FaultyFile
from assay_importers.sandbox import parse_path
from assay_importers.testing import (
    ContractBroken,
    ImporterContract,
    check_cuts,
    check_description,
    check_nothing_is_dropped,
    check_promises,
    check_reading,
    check_recognition,
    check_recognition_is_quick,
    fuzz,
    mutate,
    samples_in,
)
from assay_importers.testing.mutations import damage, shortened
from tests.importers.conftest import register
from tests.importers.foreign import Tallies
from tests.importers.reading import workbook
from tests.importers.sample_files import ROOT, all_samples

EXAMPLE = Path(__file__).parent / "example_package"
PAGE = ROOT / "docs" / "importers" / "writing-one.md"
FILE = SourceFile("f", b"tallies one\ntwo\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example package as an installation puts it on the path."""
    register(tmp_path, "biobank-dropreader", {"dropreader": "dropreader.importer:Dropreader"})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return tmp_path


def test_an_importer_of_another_package_is_found_and_reads(installed: Path) -> None:
    run = parse_path(EXAMPLE / "samples" / "plate.csv")
    assert (run.format, [str(reading.value) for reading in run.readings]) == (
        "dropreader",
        ["1.204", "0.412", "0.05", "None"],
    )


def test_the_command_reads_with_an_importer_of_another_package(installed: Path) -> None:
    done = _python(installed, "-m", "biobank.cli", "parse", str(EXAMPLE / "samples" / "plate.csv"))
    assert done.stdout.startswith("format         dropreader (importer version 1)")


def test_a_package_runs_the_contract_on_its_own(installed: Path) -> None:
    done = _python(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE), str(EXAMPLE))
    assert "8 passed" in done.stdout, done.stdout


def _python(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{EXAMPLE}:{installed}:{ROOT}"
    environment = {"PYTHONPATH": path, "PATH": ""}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=installed, capture_output=True, text=True, check=False
    )


def test_the_page_shows_the_package_as_it_is() -> None:
    shown = re.findall(r"```(?:toml|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    files = ("pyproject.toml", "dropreader/importer.py", "test_dropreader.py")
    assert shown == [(EXAMPLE / name).read_text(encoding="utf-8") for name in files]


class Careful(Tallies):
    """Tells of each line."""

    def parse(self, file: SourceFile) -> ParsedRun:
        lines = file.content.decode("utf-8", "replace").splitlines()
        if not lines:
            raise FaultyFile("no line")
        return ParsedRun(format=self.key, importer_version=self.version, run=Run(), notes=tuple(lines), tables=(TABLE,))


TABLE = Table(name="t", columns=(), rows=0)


class TestCareful(ImporterContract):
    """The suite passes for an importer that keeps the contract."""

    importer = Careful()
    samples = (FILE, SourceFile("g", b"tallies \xff\x00\n"))
    foreign = (SourceFile("h", b"other"),)
    installed = False
    faults = 100


class Moody(Careful):
    """Says something else every time."""

    moods = 0

    def parse(self, file: SourceFile) -> ParsedRun:
        self.moods += 1
        return super().parse(file).model_copy(update={"notes": (str(self.moods),)})


class Mute(Careful):
    def parse(self, file: SourceFile) -> ParsedRun:
        return (
            super()
            .parse(file)
            .model_copy(update={"notes": (), "tables": (Table(name="t", columns=(), rows=len(file.content)),)})
        )


class Borrowed(Careful):
    def parse(self, file: SourceFile) -> ParsedRun:
        return super().parse(file).model_copy(update={"format": "other"})


class Slow(Careful):
    def sniff(self, head: Head) -> Finding:
        sum(range(10**6))
        return super().sniff(head)


class Nameless(Careful):
    extensions = ("txt",)


class Failing(Careful):
    """Fails at another place for another length of the file."""

    def parse(self, file: SourceFile) -> ParsedRun:
        match len(file.content) % 6:
            case 0:
                raise KeyError
            case 1:
                raise IndexError
            case 2:
                raise TypeError
            case 3:
                raise RecursionError
            case 4:
                raise ArithmeticError
        raise UnicodeError


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda: check_description(Nameless()), "extensions without a point"),
        (lambda: check_description(Careful(), PAGE), "does not name tallies"),
        (lambda: check_recognition(Careful(), [SourceFile("f", b"x")]), "says NO to its sample f"),
        (
            lambda: check_recognition(Careful(), [SourceFile("f", b"%%MatrixMarket")], asks=True),
            "says NO to its sample",
        ),
        (lambda: check_recognition(Careful(), [], [FILE]), "claims the foreign file f"),
        (lambda: check_recognition_is_quick(Slow(), [FILE], 0.0001), "ms to look at f"),
        (lambda: check_reading(Moody(), FILE), "differently the second time"),
        (lambda: check_reading(Borrowed(), FILE), "says it is of"),
        (lambda: check_nothing_is_dropped(Mute(), FILE), "in silence"),
        (lambda: check_cuts(Mute(), FILE), "as if whole"),
    ],
)
def test_what_is_wrong_is_found(check: Any, problem: str) -> None:
    with pytest.raises(ContractBroken, match=problem):
        check()


def run_of(**fields: Any) -> ParsedRun:
    return ParsedRun(format="f", importer_version="1", run=Run(), **fields)


def test_promises_of_a_run() -> None:
    well = Well(plate=None, location="A1", sample=None, role="unknown")
    reading = Reading(
        plate=None, location="A2", sample=None, analyte=None, quantity="q", value=None, raw="", flag="masked"
    )
    for broken in (run_of(), run_of(wells=(well, well)), run_of(readings=(reading,))):
        with pytest.raises(ContractBroken):
            check_promises(broken)


def test_faults_of_an_importer_are_told_once_each_with_their_number() -> None:
    outcome = fuzz(Failing(), [FILE], 1000)
    assert len(outcome.failures) == 5
    assert outcome.inputs < 1000
    first = outcome.failures[0]
    assert str(first).startswith(f"tallies: input {first.number}: ")
    slow = fuzz(Careful(), [FILE], 3, seconds=-1)
    assert [failure.problem.partition(" ")[0] for failure in slow.failures] == ["took"]


class Garrulous(Careful):
    def sniff(self, head: Head) -> Finding:
        return Finding(Verdict.NO, "")


def test_a_verdict_needs_a_reason() -> None:
    assert "sniff answers" in fuzz(Garrulous(), [FILE], 1).failures[0].problem


def seeded(number: int) -> Random:
    return Random(number)  # noqa: S311 - the same faults each time


def test_the_same_seed_makes_the_same_faults() -> None:
    made = [[mutate(file, seeded(number)) for number in range(3)] for file, _ in all_samples()]
    assert made == [[mutate(file, seeded(number)) for number in range(3)] for file, _ in all_samples()]
    assert sum(file != other for (file, _), others in zip(all_samples(), made, strict=True) for other in others) > 200


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
    return out.getvalue()


def test_anything_can_be_damaged() -> None:
    contents = [
        b"", b"a", b"<a><b/><c/></a>", b"\x89HDF\xff\x00\xff", gzip.compress(b"a,b\n1,2\n"), b"\x1f\x8bx",
        b"PK\x03\x04x", zipped("a", "b"), zipped(), zipped("d/"),
        workbook({"S": [["a", 1]]}), "a;b\n1,5;é\n".encode("utf-16"), b"\n\n",
    ]  # fmt: skip
    for content in contents:
        for number in range(300):
            assert isinstance(damage(content, seeded(number)), bytes)


def test_long_files_are_shortened() -> None:
    wide = "".join("\t".join(str(cell) for cell in range(100)) + "\n" for _ in range(500))
    short = shortened(SourceFile("f", wide.encode("utf-16"), (SourceFile("g", b"\x00\x01\x02\x03" * 10_000), FILE)))
    assert short.content.decode("utf-16").splitlines()[0].split("\t")[-1] == "39"
    assert len(short.content) < 30_000
    assert [len(other.content) for other in short.companions] == [40_000, len(FILE.content)]
    assert shortened(SourceFile("f", b"x" * 20_000)).content == b"x" * 20_000


def test_a_folder_of_samples_has_files_and_runs(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "a").mkdir()
    for name in ("2", "1"):
        (tmp_path / "a" / name).write_text(name)
    assert samples_in(tmp_path) == (SourceFile("1", b"1", (SourceFile("2", b"2"),)), SourceFile("b.txt", b"b"))


def test_a_line_that_is_added_to_what_is_no_text_says_nothing() -> None:
    check_nothing_is_dropped(Careful(), SourceFile("f", b"\xff\xfe\x00"))
