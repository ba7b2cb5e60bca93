"""What damaged files once did to the importers, and what stood in whole ones and was dropped: one small file each."""

from __future__ import annotations

import io
import zipfile
from struct import pack

import pytest

from assay_importers import sandbox, workbook
from assay_importers.archives import unpack
from assay_importers.contract import Importer, SourceFile
from assay_importers.delimited import Place, open_grids, table_at
from assay_importers.errors import FaultyFile, ParseCrashed
from assay_importers.formats.cfx import Cfx
from assay_importers.formats.gen5 import Gen5
from assay_importers.formats.geo_soft import GeoSoft
from assay_importers.formats.tenx_mtx import TenxMtx
from assay_importers.workbook import read_workbook
from tests.importers.reading import parse
from tests.importers.reading import workbook as book

FREE, END = 0xFFFFFFFF, 0xFFFFFFFE
MARKET = "%%MatrixMarket matrix coordinate integer general\n"
DIMENSIONS, STRINGS = 0x0200, 0x00FC


def compound(*records: bytes, links: tuple[int, ...] = (0xFFFFFFFD, END, END), more: int = END) -> bytes:
    """An old workbook of an index of sectors, a directory and a stream."""
    header = workbook.OLE2 + bytes(22) + pack("<H", 9) + bytes(16) + pack("<I", 1) + bytes(16) + pack("<I", more)
    header = header.ljust(76, b"\0") + pack("<109I", 0, *[FREE] * 108)
    index = pack("<128I", *links, *[FREE] * (128 - len(links)))
    entry = "Workbook".encode("utf-16-le").ljust(64, b"\0") + bytes(52) + pack("<I", 2) + bytes(8)
    return header + index + entry.ljust(512, b"\0") + b"".join(records).ljust(512, b"\0")


def record(kind: int, body: bytes) -> bytes:
    return pack("<HH", kind, len(body)) + body


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (workbook.OLE2, "ends within its header"),
        (compound(links=(0xFFFFFFFD, END, 2)), "round in a circle"),
        (compound(links=(0xFFFFFFFD, 2, 1)), "round in a circle"),
        (compound(more=0, links=(0,) * 128), "round in a circle"),
        (compound(record(DIMENSIONS, pack("<IIHH", 5, 1, 0, 2))), "no sheet is that large"),
        (compound(record(DIMENSIONS, pack("<HHHHH", 0, 9, 3, 2, 0))), "no sheet is that large"),
        (compound(record(STRINGS, pack("<II", 1, 10**9))), "so many texts"),
        (compound(record(DIMENSIONS, pack("<IIHH", 0, 1, 0, 2)), record(STRINGS, b"")), "the workbook cannot be read"),
        (compound(more=900), "the workbook cannot be read"),
    ],
)
def test_an_old_workbook_that_its_reader_must_not_follow(data: bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read_workbook(data)


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with other cells."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, archive.read(name).replace(old, new))
    return out.getvalue()


def test_two_cells_far_apart_take_no_memory() -> None:
    content = changed(book({"S": [["a", "b"], ["c", "d"]]}), b'r="B2"', b'r="XFD1048576"')
    for most in (None, 60):
        with pytest.raises(FaultyFile, match="more cells than any result"):
            read_workbook(content, most)


def test_a_long_sheet_is_no_wide_one() -> None:
    content = changed(book({"S": [["a", "b"], ["c", "d"]]}), b'r="B2"', b'r="B12345"')
    assert read_workbook(content)[0].rows[-1] == ("", "d")


def test_sheets_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_CELLS", 10)
    with pytest.raises(FaultyFile, match="more cells than any result"):
        read_workbook(book({"S": [[1, 2]] * 4, "T": [[1, 2]] * 4}))


def test_the_first_rows_are_those_of_the_whole() -> None:
    content = book({"S": [[number, f"t{number}"] for number in range(5000)], "T": [["x"]]})
    (first, other), (whole, _) = read_workbook(content, 60), read_workbook(content)
    assert (first.rows, other.rows) == (whole.rows[:60], (("x",),))
    (wide,) = read_workbook(book({"S": [range(500)] * 50}), 60)
    assert (len(wide.rows), len(wide.rows[0])) == (20, 500)


def test_a_member_of_a_workbook_that_cannot_be_unpacked() -> None:
    content = book({"S": [["a"] * 500] * 5})
    at = content.index(b"sheet1.xml") + 60
    with pytest.raises(FaultyFile, match="the workbook is damaged"):
        read_workbook(content[:at] + b"\xff" * 40 + content[at + 40 :], 60)


def test_an_archive_whose_index_points_before_its_beginning() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "a" * 200)
        archive.writestr("b", "b")
    content = out.getvalue()
    with pytest.raises(FaultyFile, match="cannot be unpacked"):
        unpack([SourceFile("f", content[:40] + content[140:])])


@pytest.mark.parametrize(
    ("importer", "text", "problem"),
    [
        (Gen5(), '\n"Software Version\t3.12"\nA\tB\n', "holds no result"),
        (GeoSoft(), "^SAMPLE = GSM1\n", "neither attributes nor values"),
        (
            TenxMtx(),
            "%%MatrixMarket matrix coordinate integer general\n3 5 1\n3 5 2m\x15K",
            "something else than numbers",
        ),
    ],
)
def test_text_that_once_was_too_much_for_its_reader(importer: Importer, text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        parse(importer, text)


def test_a_line_that_belongs_to_nothing_is_told_of() -> None:
    before = parse(GeoSoft(), "A stray remark\n^SAMPLE = GSM1\n!Sample_title = x\nanother\n")
    assert before.unread == ("line 1: A stray remark", "line 4: another")
    cfx = parse(Cfx(), ",Well,Fluor,Target,Content,Sample,Cq\nodd,A01,FAM,X,Unkn,P-1,37.42\n")
    assert cfx.unread == ("line 2: 'odd', the first of 1 cells in a column without a name",)


def test_rows_of_a_single_cell_have_no_number_to_lose() -> None:
    (grid,) = open_grids(b"a,b\n1\n2\n")[0]
    assert [row.cells for row in table_at(Place(grid, 0)).rows] == [("1",), ("2",)]


def test_a_library_that_wants_too_much_memory_is_told_as_such() -> None:
    with pytest.raises(ParseCrashed, match="of memory"):
        sandbox._reply(-6, b"", b"memory allocation of 5 bytes failed\nnote: x\n", sandbox.DEFAULT)
