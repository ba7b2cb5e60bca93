"""Archives, workbooks and XML from outside: what is in them, and nothing that does harm."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest

from assay_importers import workbook
from assay_importers.archives import MAX_FILES, unpack
from assay_importers.contract import SourceFile
from assay_importers.errors import FaultyFile
from assay_importers.markup import read_xml
from assay_importers.workbook import Sheet, is_workbook, read_workbook, text_of


def zipped(*members: tuple[str, bytes], **options: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def unpacked(content: bytes, name: str = "f.zip", most: int = 1000) -> dict[str, bytes]:
    return {file.name: file.content for file in unpack([SourceFile(name, content)], most)}


def test_gzip_is_taken_off() -> None:
    assert unpacked(gzip.compress(b"text"), "a.tsv.gz") == {"a.tsv": b"text"}
    assert unpacked(gzip.compress(b"text"), "a.tsv") == {"a.tsv": b"text"}
    assert unpacked(b"text", "a.tsv") == {"a.tsv": b"text"}


def test_a_zip_is_its_files_with_their_folders() -> None:
    clutter = (("__MACOSX/x", b""), (".DS_Store", b""))
    content = zipped(("s1/quant.sf", b"1"), ("s2\\quant.sf.gz", gzip.compress(b"2")), *clutter)
    assert unpacked(content) == {"s1/quant.sf": b"1", "s2/quant.sf": b"2"}


def test_a_workbook_is_no_archive_of_files() -> None:
    content = zipped(("[Content_Types].xml", b"<a/>"), ("xl/workbook.xml", b"<a/>"))
    assert unpacked(content, "w.xlsx") == {"w.xlsx": content}


def encrypted() -> bytes:
    content = bytearray(zipped(("a", b"1")))
    for at in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        content[at] |= 1
    return bytes(content)


def torn() -> bytes:
    """An archive whose one member does not unpack to what its checksum says."""
    content = bytearray(zipped(("a", b"text")))
    content[content.find(b"text")] ^= 1
    return bytes(content)


# Without a time in them, so that all workers of a run know these tests by one name.
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip.compress(b"x" * 1001, mtime=0), "more than 1,000 bytes"),
        (zipped(("a", b"x" * 600), ("b", b"x" * 600)), "more than 400 bytes"),
        (zipped(("../a", b"1")), "leads out of it"),
        (zipped(("/etc/a", b"1")), "leads out of it"),
        (zipped(("C:\\a", b"1")), "leads out of it"),
        (zipped(("a.zip", zipped(("b", b"1")))), "another archive, a.zip"),
        (zipped(), "holds no file"),
        (zipped(("a/", b"")), "holds no file"),
        (encrypted(), "encrypted"),
        (torn(), "cannot be unpacked"),
        (b"PK\x03\x04 nothing", "damaged zip"),
        (gzip.compress(b"text" * 50, mtime=0)[:20], "damaged"),
        (zipped(*((str(n), b"") for n in range(MAX_FILES + 1))), "5001 files"),
    ],
)
def test_archives_that_do_harm_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        unpacked(content)


def test_a_document_may_lie_in_an_archive() -> None:
    inner = zipped(("[Content_Types].xml", b"<a/>"))
    assert unpacked(zipped(("w.xlsx", inner))) == {"w.xlsx": inner}


def book(**sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_a_workbook_is_texts() -> None:
    content = book(One=[["Sample", 146, 0.1], [None, "0012", True]], Two=[[datetime(2026, 1, 2, 3, 4)]])  # noqa: DTZ001
    assert is_workbook(content)
    one, two = read_workbook(content)
    assert one == Sheet("One", (("Sample", "146", "0.1"), ("", "0012", "TRUE")))
    assert two.rows == (("2026-01-02 03:04:00",),)
    assert read_workbook(content, most_rows=1)[0].rows == (("Sample", "146", "0.1"),)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (False, "FALSE"),
        (146.0, "146"),
        (1e16, "1e+16"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        (5, "5"),
    ],
)
def test_cells_as_texts(cell: object, text: str) -> None:
    assert text_of(cell) == text


def test_workbooks_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = zipped(("[Content_Types].xml", b"<a/>"))
    for content in (b"no workbook", empty, b"PK\x03\x04 nothing", b"\xd0\xcf\x11\xe0"):
        with pytest.raises(FaultyFile, match="workbook"):
            read_workbook(content)
    content = book(One=[[1, 2]])
    monkeypatch.setattr(workbook, "MAX_CELLS", 1)
    with pytest.raises(FaultyFile, match="more cells"):
        read_workbook(content)
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 10)
    with pytest.raises(FaultyFile, match="unpacks to"):
        read_workbook(content)


def test_a_stop_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workbook, "_sheets", stopped)
    with pytest.raises(KeyboardInterrupt):
        read_workbook(book(S=[["a"]]))


def test_xml_keeps_names_and_namespaces() -> None:
    root = read_xml(b'<a xmlns="urn:x" xmlns:y="urn:y"><b y:c="1" d="2">t</b></a>')
    assert root.tag == "{urn:x}a"
    assert (root[0].tag, root[0].attrib, root[0].text) == ("{urn:x}b", {"{urn:y}c": "1", "d": "2"}, "t")
    assert read_xml(b"<a/>").tag == "a"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>', "document type"),
        (b"<a><b></a>", "damaged"),
        (b"<a>&x;</a>", "damaged"),
        (b"", "damaged"),
        (b'<?xml version="1.0" encoding="nothing"?><a/>', "damaged"),
    ],
)
def test_xml_that_does_harm_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read_xml(content)
