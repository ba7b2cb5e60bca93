"""The process in which files are read: request and files come on standard input, the reply goes to standard output.

The request is one line of JSON: `{"files": [{"name", "size"}], "format", "kind", "matrix", "mapping", "at",
"cpu_seconds", "memory_bytes"}`, then the bytes of the files one after another. The kind is `run`, `rack`, `any`,
`mapped` for a table that is read as `mapping` says, or `look` for its first rows. The reply is one line of JSON:
`{"run": ParsedRun}`, `{"rack": RackScan}`, `{"table": TableLook}` or `{"error": ImporterError.as_dict()}`; where
`matrix` asks for it the values of the run's matrix follow.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

from assay_importers.contract import Match, ParsedRun, SourceFile, Verdict
from assay_importers.errors import ImporterError, NoImporter, ParseCrashed
from assay_importers.mapping import Mapping
from assay_importers.matrix import dump
from assay_importers.racks import FORMAT, RackScan, read_rack, recognise_rack
from assay_importers.registry import parse
from assay_importers.table_look import Spot, TableLook, look_at, read_mapped

RESOURCE: Any = importlib.import_module("resource") if importlib.util.find_spec("resource") else None


def main() -> None:
    """Serve one request. Whatever an importer prints goes to standard error."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.redirect_stdout(sys.stderr):
        serve(requests, replies, RESOURCE)


def serve(requests: BinaryIO, replies: BinaryIO, resource: Any) -> None:
    """Read the request, put on the limits, read the file, reply."""
    request = json.loads(requests.readline())
    limit(resource, request["cpu_seconds"], request["memory_bytes"])
    try:
        files = [SourceFile(file["name"], requests.read(file["size"])) for file in request["files"]]
        read = _read(files, request)
        key = b"rack" if isinstance(read, RackScan) else b"table" if isinstance(read, TableLook) else b"run"
        reply = b'{"%b":%b}' % (key, read.model_dump_json().encode())
        if request["matrix"] and isinstance(read, ParsedRun) and read.matrix is not None:
            reply += b"\n" + dump(read.matrix)
    except ImporterError as error:
        reply = _failure(error)
    except MemoryError:
        reply = _failure(ParseCrashed(f"it needed more than {request['memory_bytes']:,} bytes of memory"))
    except Exception as error:  # noqa: BLE001 - the process ends here, and its parent has to learn why
        reply = _failure(ParseCrashed(f"{type(error).__name__}: {error}"))
    replies.write(reply)
    replies.flush()


def _read(files: Sequence[SourceFile], request: dict[str, Any]) -> ParsedRun | RackScan | TableLook:
    """A run by its importers or a mapping; the scan of a rack where one is asked for, or no importer claims the file;
    or a look at a table.
    """
    file, format_key, kind = files[0], request["format"], request["kind"]
    if kind == "look":
        return look_at(files, None if request["at"] is None else Spot.model_validate(request["at"]))
    if kind == "mapped":
        return read_mapped(files, Mapping.model_validate(request["mapping"]))
    if kind == "rack" or (kind == "any" and format_key == FORMAT):
        return read_rack(file.name, file.content)
    try:
        return parse(files, format_key)
    except NoImporter as error:
        if kind != "any" or len(files) > 1:
            raise
        verdict, reason = recognise_rack(file.name, file.content)
        if verdict is not Verdict.YES:
            raise NoImporter([*error.candidates, Match(format=FORMAT, verdict=verdict, reason=reason)]) from error
        return read_rack(file.name, file.content)


def _failure(error: ImporterError) -> bytes:
    return json.dumps({"error": error.as_dict()}).encode()


def limit(resource: Any, cpu_seconds: int, memory_bytes: int) -> None:
    """Limit processor time and memory, forbid writing to files. `resource` is None where there is no such module."""
    if resource is None:
        return
    for name, soft, hard in (
        # The softer one comes first, with a signal that tells it apart from other ends.
        ("RLIMIT_CPU", cpu_seconds, cpu_seconds + 1),
        ("RLIMIT_AS", memory_bytes, memory_bytes),
        ("RLIMIT_FSIZE", 0, 0),
        ("RLIMIT_CORE", 0, 0),
    ):
        # Some systems know a limit and refuse to set it; the wall clock of the parent holds there.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, hard))
