"""Files as they were handed in, unpacked: gzip and zip, within limits, and no name that leads anywhere.

A workbook is a zip too, and so are some matrices: what holds no separate files of a run is left as it is.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from assay_importers.contract import SourceFile
from assay_importers.errors import FaultyFile

MAX_UNPACKED = 1024 * 1024 * 1024
MAX_FILES = 5000
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the latter holds nothing
# What a zip of one document holds beside its content.
_DOCUMENTS = ("[Content_Types].xml", "mimetype", ".zgroup", "zarr.json")


def unpack(files: Iterable[SourceFile], most: int = MAX_UNPACKED) -> tuple[SourceFile, ...]:
    """The files with gzip taken off and zip archives replaced by what is in them.

    Raises `FaultyFile` for a damaged archive, one within another, one with names that lead out of it, and for more than
    `most` bytes in all.
    """
    unpacked: list[SourceFile] = []
    left = most
    for file in files:
        for part in _parts(file, left):
            left -= len(part.content)
            unpacked.append(part)
    return tuple(unpacked)


def _parts(file: SourceFile, left: int) -> Iterator[SourceFile]:
    if file.content.startswith(_GZIP):
        yield _gunzip(file, left)
    elif file.content.startswith(_ZIP) and (archive := _archive(file)) is not None:
        with archive:
            yield from _members(file.name, archive, left)
    else:
        yield file


def _gunzip(file: SourceFile, left: int) -> SourceFile:
    name = file.name[:-3] if file.name.casefold().endswith(".gz") else file.name
    with gzip.GzipFile(fileobj=io.BytesIO(file.content)) as stream:
        return SourceFile(name, _bounded(stream, file.name, left))


def _archive(file: SourceFile) -> zipfile.ZipFile | None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(file.content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise FaultyFile(f"{file.name} is a damaged zip: {error}", expected="a whole archive or workbook") from error
    if any(name in _DOCUMENTS for name in archive.namelist()):
        archive.close()
        return None
    return archive


def _members(name: str, archive: zipfile.ZipFile, left: int) -> Iterator[SourceFile]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_clutter(entry.filename)]
    if len(entries) > MAX_FILES:
        raise FaultyFile(f"{name} holds {len(entries)} files", expected=f"at most {MAX_FILES}")
    if not entries:
        raise FaultyFile(f"{name} holds no file", expected="the files of a run")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise FaultyFile(f"{name} holds a file whose name leads out of it", value=entry.filename)
        if entry.flag_bits & 1:
            raise FaultyFile(f"{path.name} in {name} is encrypted", expected="an archive without a password")
        try:
            with archive.open(entry) as stream:
                content = _bounded(stream, name, left)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise FaultyFile(f"{path.name} in {name} cannot be unpacked: {error}") from error
        if content.startswith(_ZIP) and (inner := _archive(SourceFile(path.name, content))) is not None:
            inner.close()
            raise FaultyFile(f"{name} holds another archive, {path.name}", expected="the files themselves")
        left -= len(content)
        # The folder is kept: pipelines name the sample there and every file alike.
        member = SourceFile(str(path), content)
        yield _gunzip(member, left) if content.startswith(_GZIP) else member


def _is_clutter(name: str) -> bool:
    """What file managers leave in archives."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "__MACOSX" in parts or parts[-1:] in {(".DS_Store",), ("Thumbs.db",)}


def _bounded(stream: IO[bytes] | gzip.GzipFile, name: str, most: int) -> bytes:
    try:
        content = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FaultyFile(f"{name} is damaged: {error}", expected="a whole archive") from error
    if len(content) > most:
        raise FaultyFile(f"{name} unpacks to more than {most:,} bytes", expected="fewer or smaller files at a time")
    return content
