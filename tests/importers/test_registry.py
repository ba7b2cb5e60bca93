"""Finding importers, recognising files, and the errors when that fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay_importers import registry
from assay_importers.contract import Match, SourceFile, Verdict
from assay_importers.errors import (
    CannotExport,
    FaultyFile,
    FileTooLarge,
    ImporterError,
    NoImporter,
    NotInFile,
    NotInstalled,
    ParseCrashed,
    ParseTimeout,
    SeveralImporters,
    UnknownFormat,
    from_dict,
)
from tests.importers.conftest import register
from tests.importers.foreign import Counts, Stumbling, Tallies, Twin
from tests.importers.reading import workbook

FOREIGN = "tests.importers.foreign"
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def install(**points: str) -> None:
        register(tmp_path, "foreign", points)
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


def test_finds_ours() -> None:
    assert {"luminex_xponent", "plate_layout_grid"} <= {importer.key for importer in registry.discover()}


def test_finds_those_of_other_packages(install: Install) -> None:
    install(tallies=f"{FOREIGN}:Tallies")
    keys = [importer.key for importer in registry.discover()]
    assert "tallies" in keys
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        ({"a": f"{FOREIGN}:Absent"}, "cannot be loaded"),
        ({"a": f"{FOREIGN}:NOT_AN_IMPORTER"}, "is not an Importer"),
        ({"a": f"{FOREIGN}:Tallies", "b": f"{FOREIGN}:Tallies"}, "two installed packages"),
    ],
)
def test_a_package_that_registers_wrongly_is_named(install: Install, points: dict[str, str], problem: str) -> None:
    install(**points)
    with pytest.raises(NotInstalled, match=problem):
        registry.discover()


def test_without_installation_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(NotInstalled, match="install the package"):
        registry.discover()


TALLIES, TWIN = Tallies(), Twin()


def parse(content: bytes, key: str | None = None, importers: tuple[Tallies, ...] = (TALLIES, TWIN)) -> str:
    return registry.parse(SourceFile("f.txt", content), key, importers).format


def test_one_yes_proceeds_and_every_verdict_is_told() -> None:
    run = registry.parse(SourceFile("f.txt", b"tallies"), None, (TALLIES, Stumbling()))
    assert run.format == "tallies"
    assert run.match == (
        Match(format="tallies", verdict=Verdict.YES, reason="begins with tallies"),
        Match(format="stumbling", verdict=Verdict.NO, reason="its recognition failed: ZeroDivisionError: oh"),
    )


def test_none_and_several_ask_the_person() -> None:
    with pytest.raises(SeveralImporters, match=r"\(tallies, twin\); name its format:\n  tallies: YES") as several:
        parse(b"tallies")
    assert [m.format for m in several.value.candidates] == ["tallies", "twin"]
    with pytest.raises(NoImporter, match="tallies: NO"):
        parse(b"other", importers=(TALLIES,))


def test_a_named_format_overrides() -> None:
    assert parse(b"tallies", "tallies") == "tallies"
    assert parse(b"other", "tallies") == "tallies"
    with pytest.raises(UnknownFormat, match="'elisa'; there are: tallies, twin"):
        parse(b"tallies", "elisa")


def test_an_empty_file_is_faulty() -> None:
    with pytest.raises(FaultyFile, match="empty"):
        parse(b"")


def test_several_files_are_one_run_of_an_importer_that_takes_them() -> None:
    counts = Counts()
    files = [SourceFile("b", b"counts b 3 4"), SourceFile("a", b"counts a 1 2")]
    run = registry.parse(files, None, (counts, TALLIES))
    assert run.features is not None
    assert run.features.samples == ("b", "a")
    assert run.match[1].reason == "reads one file at a time"
    with pytest.raises(NoImporter, match="x: does not begin with counts"):
        registry.parse([*files, SourceFile("x", b"x")], None, (counts,))
    with pytest.raises(FaultyFile, match="one file, and 2 were given"):
        registry.parse(files, "tallies", (TALLIES,))
    with pytest.raises(FaultyFile, match="x is empty"):
        registry.parse([*files, SourceFile("x", b"")], None, (counts,))
    with pytest.raises(FaultyFile, match="no file was given"):
        registry.parse([], None, (counts,))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FaultyFile("no", line=1, column="A", value="x" * 100, expected="y"), 3),
        (FaultyFile("no"), 3),
        (NoImporter([Match(format="a", verdict=Verdict.NO, reason="b")]), 2),
        (SeveralImporters([Match(format="a", verdict=Verdict.YES, reason="b")]), 2),
        (UnknownFormat("a", ["b"]), 2),
        (NotInstalled("why"), 2),
        (CannotExport("why"), 3),
        (NotInFile("why"), 3),
        (FileTooLarge(10, 5), 3),
        (ParseTimeout(1.5), 3),
        (ParseCrashed("why"), 3),
    ],
)
def test_errors_cross_a_process_boundary(error: ImporterError, status: int) -> None:
    again = from_dict(error.as_dict())
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.as_dict() == error.as_dict()
    assert error.exit_status == status


def test_messages_name_the_place() -> None:
    error = FaultyFile("not a number", line=44, column="dsDNA", value="x" * 100, expected="a number")
    assert str(error) == f"line 44, column dsDNA: not a number (found '{'x' * 59}…'); expected a number"


def test_the_library_stands_alone() -> None:
    """A laboratory can use it without the database and the web packages."""
    program = (
        "import sys, assay_importers.command, assay_importers.corpus, assay_importers.plate_map;"
        "import assay_importers.worker, assay_importers.formats.luminex_xponent;"
        "import assay_importers.formats.plate_layout, assay_importers.export;"
        "print({'biobank', 'sqlalchemy', 'litestar', 'openpyxl', 'numpy', 'pyarrow', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


EXPORT = [
    ["Experiment: Run 7  Selected Filter: FAM (465-510)"],
    ["Include", "Color", "Pos", "Name", "Cp", "Status"],
    ["True", 255, "A1", "P\t1", 23.45, None],
]


def test_a_text_export_that_a_spreadsheet_saved_as_a_workbook() -> None:
    content = workbook({"mine": [["a remark"]], "run": EXPORT, "empty": []})
    run = registry.parse(SourceFile("x", content))
    assert (run.format, [reading.raw for reading in run.readings]) == ("lightcycler", ["23.45"])
    assert [well.sample for well in run.wells] == ["P 1"]
    assert run.notes[-1].startswith("read from the sheet 'run' of a workbook")
    assert run.unread[-1:] == ("sheet 'mine': 1 rows",)
    assert {match.format for match in run.match if match.verdict is Verdict.YES} == {"lightcycler"}


@pytest.mark.parametrize(
    "content", [workbook({"run": [["a remark"]]}), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no more", b"text"]
)
def test_other_files_stay_unknown(content: bytes) -> None:
    with pytest.raises(NoImporter):
        registry.parse(SourceFile("x", content))
