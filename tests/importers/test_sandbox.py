"""The worker process and its limits, and the command that uses it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay_importers import sandbox, worker
from assay_importers.command import run_parse
from assay_importers.contract import ParsedRun
from assay_importers.errors import FaultyFile, FileTooLarge, ImporterError, NoImporter, ParseCrashed, ParseTimeout
from assay_importers.sandbox import DEFAULT, Limits, parse_bytes, parse_bytes_async, parse_path
from tests.importers.conftest import register
from tests.importers.made_up import block, export, values

FILE = export(values("Median", "10", "2000.5", ""), block("Odd", ("A",), ("1",))).encode()


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Misbehaving importers of another package, registered for the worker to find."""
    names = ("Tallies", "Slow", "Busy", "Greedy", "Broken", "Dying", "Writing", "Nosy", "Faulty")
    register(tmp_path, "foreign", {name.lower(): f"tests.importers.foreign:{name}" for name in names})
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_reads_in_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(FILE)
    run = parse_path(path)
    assert run.format == "luminex_xponent"
    assert [m.format for m in run.match if m.verdict == "YES"] == ["luminex_xponent"]
    assert run == parse_bytes(FILE, "run.csv", format_key="luminex_xponent")


async def test_reads_in_a_worker_beside_an_event_loop(foreign: Path) -> None:
    assert await parse_bytes_async(FILE, "run.csv") == parse_bytes(FILE, "run.csv")
    with pytest.raises(FaultyFile, match="line 3, column Titre: no good"):
        await parse_bytes_async(b"faulty", "f")


def test_starts_fast() -> None:
    parse_bytes(FILE, "run.csv")
    began = time.perf_counter()
    parse_bytes(FILE, "run.csv")
    assert time.perf_counter() - began < 5.0, "a worker starts in a fraction of a second; a busy machine has its time"


def test_what_an_importer_prints_is_no_part_of_the_reply(foreign: Path) -> None:
    assert parse_bytes(b"tallies", "f").run.batch == "tallies"


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        (b"broken", ParseCrashed, "LookupError: a fault of the importer"),
        (b"dying", ParseCrashed, "ended with status 7: last words"),
        (b"greedy", ParseCrashed, "of memory"),
        (b"faulty", FaultyFile, "no good"),
        (b"nobody", NoImporter, "no importer recognises"),
        (b"", FaultyFile, "empty"),
    ],
)
def test_failures_come_back_typed(foreign: Path, content: bytes, error: type[ImporterError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        parse_bytes(content, "f")


def test_wall_clock_limit(foreign: Path) -> None:
    with pytest.raises(ParseTimeout, match=r"after 0\.5 s"):
        parse_bytes(b"slow", "f", limits=replace(DEFAULT, wall_seconds=0.5))


def test_processor_limit(foreign: Path) -> None:
    with pytest.raises(ParseTimeout, match="after 1 s"):
        parse_bytes(b"busy", "f", limits=replace(DEFAULT, cpu_seconds=1))


async def test_wall_clock_limit_beside_an_event_loop(foreign: Path) -> None:
    with pytest.raises(ParseTimeout):
        await parse_bytes_async(b"slow", "f", limits=replace(DEFAULT, wall_seconds=0.5))


async def test_cancelling_kills_the_worker(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers: list[asyncio.subprocess.Process] = []
    started = asyncio.Event()
    create = asyncio.create_subprocess_exec

    async def remember(*args: object, **kwargs: object) -> asyncio.subprocess.Process:
        workers.append(await create(*args, **kwargs))  # type: ignore[arg-type]
        started.set()
        return workers[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    task = asyncio.create_task(parse_bytes_async(b"slow", "f"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workers[0].returncode == -signal.SIGKILL


def test_a_worker_cannot_write_files(foreign: Path) -> None:
    target = foreign / "written"
    with pytest.raises(ParseCrashed, match="File too large"):
        parse_bytes(b"writing:" + str(target).encode(), "f", format_key="writing")
    assert target.stat().st_size == 0


def test_a_worker_is_given_no_secrets(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOBANK_DATABASE_URL", "postgresql://secret")
    monkeypatch.setattr(sys, "path", [*sys.path, ""])
    run = parse_bytes(b"nosy", "f")
    assert "BIOBANK_DATABASE_URL" not in run.run.header
    assert str(Path.cwd()) in run.notes, "a path relative to the working directory is made absolute"


def test_large_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(200 * sandbox.MIB)
    with pytest.raises(FileTooLarge, match="209,715,200 bytes and the limit is 33,554,432"):
        parse_path(path)
    with pytest.raises(FileTooLarge):
        parse_bytes(b"12345", "f", limits=Limits(file_bytes=4))


@pytest.mark.parametrize(("name", "problem"), [("absent.csv", "is not a file"), (".", "is not a file")])
def test_only_files_are_read(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        parse_path(tmp_path / name)


def test_a_file_that_cannot_be_opened_is_faulty(tmp_path: Path) -> None:
    with pytest.raises(FaultyFile, match="cannot be opened"):
        parse_path(tmp_path / ("x" * 5000))


def request(content: bytes, **changes: object) -> bytes:
    fields = {
        "files": [{"name": "f", "size": len(content)}],
        "format": None,
        "kind": "run",
        "matrix": False,
        "cpu_seconds": 1,
        "memory_bytes": 2,
    } | changes
    return json.dumps(fields).encode() + b"\n" + content


def serve(content: bytes) -> dict[str, object]:
    replies = io.BytesIO()
    worker.serve(io.BytesIO(request(content)), replies, None)
    return dict(json.loads(replies.getvalue()))


def test_the_worker_replies_with_a_run_or_an_error(foreign: Path) -> None:
    assert ParsedRun.model_validate(serve(b"tallies")["run"], strict=False).run.batch == "tallies"
    kinds = [serve(content)["error"]["kind"] for content in (b"faulty", b"broken")]  # type: ignore[index]
    assert kinds == ["faulty_file", "parse_crashed"]


def test_the_worker_gives_the_matrix_where_it_is_asked_for(matrices: Path) -> None:
    for matrix in (True, False):
        replies = io.BytesIO()
        worker.serve(io.BytesIO(request(b"counts a 1 2", matrix=matrix)), replies, None)
        run = sandbox._reply(0, replies.getvalue(), b"", DEFAULT)
        assert isinstance(run, ParsedRun)
        assert (run.matrix is not None) is matrix


def test_the_worker_reports_that_memory_ran_out(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> ParsedRun:
        raise MemoryError

    monkeypatch.setattr(worker, "parse", exhausted)
    assert "more than 2 bytes of memory" in str(serve(b"tallies"))


def test_the_worker_speaks_on_its_standard_streams(
    foreign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(request(b"tallies"))))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=replies))
    monkeypatch.setattr(worker, "RESOURCE", None)
    worker.main()
    assert json.loads(replies.getvalue())["run"]["format"] == "tallies"
    assert "reading f" in capsys.readouterr().err


class Limiter:
    """Stands for the system: remembers limits, refuses one and does not know another."""

    RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_CORE = "cpu", "fsize", "core"

    def __init__(self) -> None:
        self.limits: dict[str, tuple[int, int]] = {}

    def setrlimit(self, name: str, limits: tuple[int, int]) -> None:
        if name == "fsize":
            raise ValueError("not allowed")
        self.limits[name] = limits


def test_limits_that_the_system_lacks_are_left_out() -> None:
    system = Limiter()
    worker.limit(system, 5, 100)
    assert system.limits == {"cpu": (5, 6), "core": (0, 0)}


@pytest.mark.parametrize("out", [b"", b"no json", b"{}", b'{"error": 1}', b'{"run":{}}', b'{"run":{}}\nx'])
def test_a_reply_that_makes_no_sense_is_a_crash(out: bytes) -> None:
    with pytest.raises(ParseCrashed, match="ended with status 0: it said nothing"):
        sandbox._reply(0, out, b"", DEFAULT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.csv").write_bytes(FILE)
    (tmp_path / "other.txt").write_text("something else")
    (tmp_path / "cut.csv").write_bytes(FILE[:100])
    return tmp_path


def command(*paths: Path, key: str | None = None, **wanted: Any) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return run_parse(paths, format_key=key, out=out, err=err, **wanted), out.getvalue(), err.getvalue()


def test_command_prints_a_run_as_json(folder: Path) -> None:
    status, out, err = command(folder / "run.csv", as_json=True)
    assert (status, err) == (0, "")
    printed = json.loads(out)
    assert list(printed) == [
        "format", "importer_version", "match", "run", "wells", "readings", "facts", "tables", "features", "unread",
        "notes",
    ]  # fmt: skip
    assert list(printed["run"]) == [
        "instrument", "software", "serial_number", "batch", "operator", "started_at", "protocol", "kit_lot", "header",
    ]  # fmt: skip
    assert printed["wells"][1] == {
        "plate": "1", "location": "B1", "sample": "Standard1", "role": "standard", "dilution": None,
    }  # fmt: skip
    assert printed["readings"][1:] == [
        {
            "plate": "1", "location": "B1", "sample": "Standard1", "analyte": "dsDNA", "quantity": "Median",
            "value": "2000.5", "comparator": None, "raw": "2000.5", "unit": None, "flag": None,
        },
        {
            "plate": "1", "location": "C1", "sample": "P-001", "analyte": "dsDNA", "quantity": "Median",
            "value": None, "comparator": None, "raw": "", "unit": None, "flag": "not_reported",
        },
    ]  # fmt: skip
    assert [match for match in printed["match"] if match["verdict"] == "YES"] == [
        {"format": "luminex_xponent", "verdict": "YES", "reason": "the first line names xPONENT as the program"},
    ]


def test_command_prints_a_table(folder: Path) -> None:
    status, out, _ = command(folder / "run.csv")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "format         luminex_xponent (importer version 1)"
    assert "wells          3 (1 blank, 1 standard, 1 unknown)" in lines
    assert "flags          1 (1 not_reported)" in lines
    assert any(line.startswith("unread         line 22: the block 'Odd'") for line in lines)
    assert not any(line.startswith("operator") for line in lines)


def test_command_says_what_is_wrong(folder: Path) -> None:
    status, out, err = command(folder / "other.txt", as_json=True)
    assert status == 2
    assert json.loads(out)["error"]["details"]["candidates"][0]["verdict"] == "NO"
    assert "luminex_xponent: NO" in err
    status, out, err = command(folder / "cut.csv")
    assert (status, out) == (3, "")
    assert "expected a line 'DataType:'" in err
    assert command(folder / "run.csv", key="elisa")[0] == 2


def test_command_prints_a_value_alone(folder: Path) -> None:
    run = folder / "run.csv"
    assert command(run, reading=("1(1,B1)|Standard1", "dsDNA", "Median")) == (0, "2000.5\n", "")
    assert command(run, reading=("B1", "dsDNA")) == (0, "2000.5\n", "")
    status, out, err = command(run, reading=("B1", "Ro", "Median"))
    assert (status, out) == (3, "")
    assert "the file has no Median of Ro in B1" in err
    assert "the file has no Ro in B1" in command(run, reading=("B1", "Ro"))[2]


def test_command_compares_with_an_earlier_reading(folder: Path) -> None:
    run, old = folder / "run.csv", folder / "old.json"
    old.write_text(command(run, as_json=True)[1])
    said = "differences between version 1 and version 1 of luminex_xponent\n"
    assert command(run, against=old) == (0, f"0 {said}", "")
    run.write_bytes(FILE.replace(b"2000.5", b"2000.6"))
    changed = "changed  reading 1 B1 Standard1 dsDNA Median: 2000.5 [2000.5] -> 2000.6 [2000.6]\n"
    assert command(run, against=old)[1] == f"{changed}1 {said}"
    assert json.loads(command(run, against=old, as_json=True)[1])[0]["after"] == "2000.6 [2000.6]"
    assert "is no run" in command(run, against=run)[2]


def test_command_reads_the_files_of_a_run_together(matrices: Path) -> None:
    one, two = matrices / "a.counts", matrices / "b.counts"
    status, out, _ = command(one, two, as_json=True)
    assert status == 0
    features = json.loads(out)["features"]
    assert (features["samples"], features["shape"], features["head"]) == (["a", "b"], [2, 2], [[1, 3], [2, 4]])
    assert command(one, two, reading=("b", "G2"))[1] == "counts\t4\nhalves\t2.0\n"
    assert command(one, two, reading=("b", "G2", "halves"))[1] == "2.0\n"
    lines = command(one, two)[1].splitlines()
    assert "features       2 features x 2 samples: counts, halves" in lines
    assert "tables         G (2 rows)" in lines
    assert "facts          1 (1 kit)" in lines
    assert "reads one file at a time" in command(one, folder_file(matrices))[2]


def folder_file(folder: Path) -> Path:
    (folder / "run.csv").write_bytes(FILE)
    return folder / "run.csv"


def test_command_writes_the_matrix(matrices: Path) -> None:
    target = matrices / "m.parquet"
    assert command(matrices / "a.counts", features=target)[0] == 0
    assert target.stat().st_size > 100
    status, _, err = command(folder_file(matrices), features=matrices / "n.h5ad")
    assert status == 3
    assert "holds no matrix" in err
    assert not (matrices / "n.h5ad").exists()


@pytest.fixture
def matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    register(tmp_path, "foreign", {"counts": "tests.importers.foreign:Counts"})
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "a.counts").write_text("counts a 1 2")
    (tmp_path / "b.counts").write_text("counts b 3 4")
    return tmp_path


def test_limits_hold_for_all_files_together(matrices: Path) -> None:
    paths = [matrices / "a.counts", matrices / "b.counts"]
    with pytest.raises(FileTooLarge, match="12 bytes and the limit is 8"):
        sandbox.read_paths(paths, limits=Limits(file_bytes=20))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_worker_stopped_by_its_processor_limit_timed_out() -> None:
    with pytest.raises(ParseTimeout):
        sandbox._reply(-signal.SIGXCPU, b"", b"", DEFAULT)
