"""Reading files from outside: in a process of its own, with limits on time, memory and size."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from assay_importers.contract import ParsedRun, SourceFile
from assay_importers.errors import FaultyFile, FileTooLarge, ImporterError, ParseCrashed, ParseTimeout, from_dict
from assay_importers.mapping import Mapping
from assay_importers.matrix import load
from assay_importers.racks import RackScan
from assay_importers.table_look import Spot, TableLook

MIB = 1024 * 1024
# The worker lives for one file: looking for garbage would only cost it time.
_PROGRAM = "import gc; gc.disable(); from assay_importers.worker import main; main()"
_COMMAND = (sys.executable, "-P", "-c", _PROGRAM)
Reply = ParsedRun | RackScan | TableLook


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds, processor seconds, bytes of memory of the worker, bytes of the files."""

    wall_seconds: float = 30
    cpu_seconds: int = 30
    memory_bytes: int = 3072 * MIB
    file_bytes: int = 32 * MIB


DEFAULT = Limits()


def read_file(path: Path, limits: Limits = DEFAULT) -> bytes:
    """The bytes of an ordinary file. One over the limit is refused before it is read."""
    try:
        if not path.is_file():
            raise FaultyFile(f"{path} is not a file", expected="the path of a file")
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise FileTooLarge(size, limits.file_bytes)
        return path.read_bytes()
    except OSError as error:
        raise FaultyFile(f"{path} cannot be opened: {error.strerror}", expected="a readable file") from error


def parse_path(path: Path, *, format_key: str | None = None, limits: Limits = DEFAULT) -> ParsedRun:
    """Read the file at a path in a worker process. Raises `ImporterError`."""
    return parse_bytes(read_file(path, limits), path.name, format_key=format_key, limits=limits)


def read_paths(
    paths: Sequence[Path],
    *,
    format_key: str | None = None,
    matrix: bool = False,
    mapping: Mapping | None = None,
    limits: Limits = DEFAULT,
) -> ParsedRun | RackScan:
    """Read the files of one run; the scan of a rack where no importer claims the file or the format says `rack_scan`;
    a table as `mapping` says, where one is given.

    With `matrix` the values of a matrix come along. Raises `ImporterError`.
    """
    files = []
    left = limits
    for path in paths:
        content = read_file(path, left)
        left = replace(left, file_bytes=left.file_bytes - len(content))
        files.append(SourceFile(path.name, content))
    if mapping is not None:
        return _run(_work(_request(files, None, limits, "mapped", mapping=mapping), limits))
    reply = _work(_request(files, format_key, limits, "any", matrix), limits)
    return reply if isinstance(reply, RackScan) else _run(reply)


def parse_bytes(data: bytes, name: str, *, format_key: str | None = None, limits: Limits = DEFAULT) -> ParsedRun:
    """Read a file's bytes in a worker process. Raises `ImporterError`."""
    return _run(_work(_request([SourceFile(name, data)], format_key, limits), limits))


async def parse_files_async(
    files: Sequence[SourceFile], *, format_key: str | None = None, limits: Limits = DEFAULT
) -> ParsedRun:
    """Read the files of one run in a worker process without blocking the event loop. Raises `ImporterError`.

    The worker is killed on a timeout and when cancelled.
    """
    return _run(await _work_async(_request(files, format_key, limits), limits))


async def parse_bytes_async(
    data: bytes, name: str, *, format_key: str | None = None, limits: Limits = DEFAULT
) -> ParsedRun:
    """As `parse_files_async`, for one file."""
    return await parse_files_async([SourceFile(name, data)], format_key=format_key, limits=limits)


async def parse_mapped_async(data: bytes, name: str, mapping: Mapping, *, limits: Limits = DEFAULT) -> ParsedRun:
    """Read a table as a mapping says, in a worker process. Raises `ImporterError`."""
    request = _request([SourceFile(name, data)], None, limits, "mapped", mapping=mapping)
    return _run(await _work_async(request, limits))


async def look_at_async(data: bytes, name: str, at: Spot | None = None, *, limits: Limits = DEFAULT) -> TableLook:
    """Look at the beginning of a table in a worker process. Raises `ImporterError`."""
    reply = await _work_async(_request([SourceFile(name, data)], None, limits, "look", at=at), limits)
    if not isinstance(reply, TableLook):
        raise ParseCrashed("it was asked for a look at a table and gave something else")
    return reply


async def read_rack_async(data: bytes, name: str, *, limits: Limits = DEFAULT) -> RackScan:
    """Read the scan of a rack in a worker process, without blocking the event loop. Raises `ImporterError`."""
    reply = await _work_async(_request([SourceFile(name, data)], None, limits, "rack"), limits)
    if not isinstance(reply, RackScan):
        raise ParseCrashed("it was asked for a rack and gave something else")
    return reply


def _run(reply: Reply) -> ParsedRun:
    if not isinstance(reply, ParsedRun):
        raise ParseCrashed("it was asked for a run and gave something else")
    return reply


def _work(request: bytes, limits: Limits) -> Reply:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter with a fixed program
            _COMMAND, input=request, capture_output=True, timeout=limits.wall_seconds, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired as error:
        raise ParseTimeout(limits.wall_seconds) from error
    return _reply(done.returncode, done.stdout, done.stderr, limits)


async def _work_async(request: bytes, limits: Limits) -> Reply:
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment())
    try:
        async with asyncio.timeout(limits.wall_seconds):
            out, err = await worker.communicate(request)
    except TimeoutError as error:
        raise ParseTimeout(limits.wall_seconds) from error
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.communicate()
    return _reply(await worker.wait(), out, err, limits)


def _request(
    files: Sequence[SourceFile],
    format_key: str | None,
    limits: Limits,
    kind: str = "run",
    matrix: bool = False,
    *,
    mapping: Mapping | None = None,
    at: Spot | None = None,
) -> bytes:
    size = sum(len(file.content) for file in files)
    if size > limits.file_bytes:
        raise FileTooLarge(size, limits.file_bytes)
    request = {
        "files": [{"name": file.name, "size": len(file.content)} for file in files],
        "format": format_key,
        "kind": kind,
        "matrix": matrix,
        "mapping": None if mapping is None else mapping.model_dump(mode="json"),
        "at": None if at is None else at.model_dump(mode="json"),
        "cpu_seconds": limits.cpu_seconds,
        "memory_bytes": limits.memory_bytes,
    }
    return b"".join([json.dumps(request).encode(), b"\n", *(file.content for file in files)])


def _environment() -> dict[str, str]:
    """Only what Python needs: a worker that reads foreign files is given no database address and no key."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        "PYTHONUTF8": "1",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        # Each thread of these would reserve memory of its own under the limit.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


def _reply(status: int, out: bytes, err: bytes, limits: Limits) -> Reply:
    """The run, the rack, the look at a table or the error that the worker answered; its death is an error too."""
    if status == -getattr(signal, "SIGXCPU", signal.SIGTERM):
        raise ParseTimeout(limits.cpu_seconds)
    try:
        # The run is by far the larger part: it is validated straight from its JSON.
        if status == 0 and out.startswith(b'{"run":'):
            text, _, values = out.partition(b"\n")
            run = ParsedRun.model_validate_json(text[len(b'{"run":') : -1])
            return run.model_copy(update={"matrix": load(values)}) if values else run
        if status == 0 and out.startswith(b'{"rack":'):
            return RackScan.model_validate_json(out[len(b'{"rack":') : -1])
        if status == 0 and out.startswith(b'{"table":'):
            return TableLook.model_validate_json(out[len(b'{"table":') : -1])
        error: ImporterError = from_dict(json.loads(out)["error"])
    except (ValidationError, ValueError, KeyError, TypeError) as problem:
        if b"memory allocation of" in err:  # how a library in Rust ends the process
            raise ParseCrashed(f"it needed more than {limits.memory_bytes:,} bytes of memory") from problem
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ParseCrashed(f"its process ended with status {status}: {last or 'it said nothing'}") from problem
    raise error
