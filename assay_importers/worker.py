"""The process in which a file is read: request and file come on standard input, the reply goes to standard output.

The request is one line of JSON: `{"name", "format", "cpu_seconds", "memory_bytes"}`, then the file's bytes. The reply
is one JSON object: `{"run": ParsedRun}` or `{"error": ImporterError.as_dict()}`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
from typing import Any, BinaryIO

from assay_importers.contract import SourceFile
from assay_importers.errors import ImporterError, ParseCrashed
from assay_importers.registry import parse

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
        run = parse(SourceFile(request["name"], requests.read()), request["format"])
        reply = b'{"run":' + run.model_dump_json().encode() + b"}"
    except ImporterError as error:
        reply = _failure(error)
    except MemoryError:
        reply = _failure(ParseCrashed(f"it needed more than {request['memory_bytes']:,} bytes of memory"))
    except Exception as error:  # noqa: BLE001 - the process ends here, and its parent has to learn why
        reply = _failure(ParseCrashed(f"{type(error).__name__}: {error}"))
    replies.write(reply)
    replies.flush()


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
