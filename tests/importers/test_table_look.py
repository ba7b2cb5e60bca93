"""A look at a table before it is read, headers known by their signature, and reading by a mapping in a worker."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from assay_importers import sandbox, worker
from assay_importers.command import run_parse
from assay_importers.contract import ParsedRun, SourceFile
from assay_importers.errors import FaultyFile, ParseCrashed
from assay_importers.mapping import mapping_of
from assay_importers.sandbox import DEFAULT, look_at_async, parse_bytes_async, parse_mapped_async
from assay_importers.table_look import Spot, TableLook, fitted, look_at, read_mapped, signature_of
from tests.importers.tables import Rows, book, text

ROWS: Rows = [("Well", "Sample", "IL-6", "note"), ("A1", "s1", "1.5", "x"), ("A2", "s2", "<2", "y")]
ABOVE: Rows = [("run", "7"), (), *ROWS]


def look(rows: Rows | bytes, at: Spot | None = None, delimiter: str = ",") -> TableLook:
    content = rows if isinstance(rows, bytes) else text(rows, delimiter)
    return look_at([SourceFile("t.csv", content)], at)


def test_the_rows_around_the_names_are_shown_with_what_the_columns_may_mean() -> None:
    found = look(ABOVE)
    assert found.layout is not None
    assert (found.layout.header_line, found.delimiter, found.sheets, found.problem) == (3, ",", (), None)
    assert [column.meaning for column in found.layout.columns] == ["well", "sample", "value", "fact"]
    assert [row.line for row in found.rows] == [1, 2, 3, 4, 5]
    elsewhere = look(ABOVE, Spot(delimiter=",", header_line=4))
    assert elsewhere.layout is not None
    assert [column.name for column in elsewhere.layout.columns] == ["A1", "s1", "1.5", "x"]


def test_a_header_is_known_by_its_names_and_what_divides_them_wherever_it_stands() -> None:
    here, there = look(ROWS), look(ABOVE)
    assert here.layout is not None
    signature = signature_of(here.layout)
    (again,) = [one for one in there.headings if one.signature == signature]
    assert again.header_line == 3
    assert signature not in {one.signature for one in look(ROWS, delimiter=";").headings}
    assert signature not in {one.signature for one in look([ROWS[0][::-1], *ROWS[1:]]).headings}
    mapping = fitted(mapping_of(here.layout), again)
    assert len(read_mapped([SourceFile("t", text(ABOVE))], mapping).readings) == 2


def test_a_sheet_is_named_and_another_can_be_chosen() -> None:
    content = book({"notes": [("by", "us"), ("on", "day")], "data": ROWS})
    found = look(content)
    assert found.layout is not None
    assert (found.layout.sheet, found.sheets) == ("data", ("notes", "data"))
    other = look(content, Spot(sheet="notes", delimiter="", header_line=1))
    assert other.layout is not None
    assert (other.layout.sheet, other.delimiter) == ("notes", "")


def test_names_far_down_a_file_are_found_where_a_person_says_they_are() -> None:
    found = look([("run", "7")] * 100 + list(ROWS), Spot(delimiter=",", header_line=101))
    assert found.layout is not None
    assert [column.name for column in found.layout.columns] == list(ROWS[0])
    assert [row.line for row in found.rows] == [97, 98, 99, 100, 101, 102, 103]


def test_where_no_table_can_be_seen_the_first_rows_are_shown() -> None:
    found = look([("a", "b"), ("c", "d")])
    assert (found.layout, [row.cells for row in found.rows]) == (None, [("a", "b"), ("c", "d")])
    assert found.problem is not None
    assert "no table can be seen" in found.problem


def test_names_without_one_for_the_numbers_of_rows_are_moved_as_r_writes_them() -> None:
    rows: Rows = [("id", "IL-6"), ("1", "s1", "2.5"), ("2", "s2", "3.5")]
    found = look(rows, Spot(delimiter=",", header_line=1))
    assert found.layout is not None
    assert [column.name for column in found.layout.columns] == ["", "id", "IL-6"]
    mapping = mapping_of(found.layout)
    assert [reading.raw for reading in read_mapped([SourceFile("t", text(rows))], mapping).readings] == ["2.5", "3.5"]


def test_long_cells_are_cut_where_they_are_shown() -> None:
    found = look([("Sample", "IL-6"), ("s" * 500, "1"), ("t", "2")])
    assert len(found.rows[1].cells[0]) == 120


@pytest.mark.parametrize(
    ("content", "at", "problem"),
    [
        (b"", None, "the file is empty"),
        (b"word", None, "no table can be seen"),
        (b"\n,\n", None, "no table can be seen"),
        (text(ROWS), Spot(delimiter=",", header_line=9), "line 9: no column names stand here;"),
        (text(ROWS), Spot(delimiter=";", header_line=1), "line 1: no column names stand here;"),
        (book({"a": ROWS}), Spot(sheet="b", delimiter="", header_line=1), "stand here of sheet 'b'"),
    ],
)
def test_what_cannot_be_looked_at_is_told(content: bytes, at: Spot | None, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        look(content, at)


def test_a_table_is_one_file() -> None:
    with pytest.raises(FaultyFile, match="a table is one file, and 2 were given"):
        look_at([SourceFile("a", b"a,b"), SourceFile("b", b"a,b")])


def test_columns_of_one_name_cannot_be_told_apart() -> None:
    found = look(ROWS)
    assert found.layout is not None
    named = [column.model_copy(update={"name": "x"}) for column in found.layout.columns]
    with pytest.raises(ValueError, match="column x stands twice"):
        mapping_of(found.layout.model_copy(update={"columns": tuple(named)}))


async def test_both_are_done_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await look_at_async(text(ABOVE), "t.csv")
    assert found == look(ABOVE)
    assert found.layout is not None
    elsewhere = await look_at_async(text(ABOVE), "t.csv", Spot(delimiter=",", header_line=4))
    assert elsewhere.layout is not None
    assert elsewhere.layout.header_line == 4
    mapping = mapping_of(found.layout)
    run = await parse_mapped_async(text(ABOVE), "t.csv", mapping)
    assert (run.format, len(run.readings)) == ("generic_table", 2)
    assert {match.format for match in run.match} >= {"generic_table", "luminex_xponent"}
    with pytest.raises(FaultyFile, match="the columns are not those of the mapping"):
        await parse_mapped_async(text(ROWS), "t.csv", mapping)

    async def mistaken(*_: object) -> ParsedRun | TableLook:
        return run if wanted is TableLook else found

    monkeypatch.setattr(sandbox, "_work_async", mistaken)
    wanted: type = TableLook
    with pytest.raises(ParseCrashed, match="asked for a look at a table"):
        await look_at_async(b"", "t")
    wanted = ParsedRun
    with pytest.raises(ParseCrashed, match="asked for a run"):
        await parse_bytes_async(b"", "t")


def served(kind: str, **more: Any) -> dict[str, Any]:
    content, replies = text(ROWS), io.BytesIO()
    request = {
        "files": [{"name": "t", "size": len(content)}], "format": None, "kind": kind, "matrix": False, "mapping": None,
        "at": None, "cpu_seconds": 1, "memory_bytes": 2, **more,
    }  # fmt: skip
    worker.serve(io.BytesIO(json.dumps(request).encode() + b"\n" + content), replies, None)
    return dict(json.loads(replies.getvalue()))


def test_the_worker_replies_with_a_look_or_with_what_a_mapping_reads() -> None:
    seen = TableLook.model_validate_json(json.dumps(served("look")["table"]))
    assert seen == look(ROWS)
    at = Spot(delimiter=",", header_line=2)
    assert served("look", at=at.model_dump())["table"]["layout"]["header_line"] == 2
    assert seen.layout is not None
    mapping = mapping_of(seen.layout)
    assert len(served("mapped", mapping=mapping.model_dump(mode="json"))["run"]["readings"]) == 2
    reply = json.dumps({"table": seen.model_dump(mode="json")}, separators=(",", ":")).encode()
    assert sandbox._reply(0, reply, b"", DEFAULT) == seen


def command(*paths: Path, **wanted: Any) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return run_parse(paths, out=out, err=err, **wanted), out.getvalue(), err.getvalue()


def test_the_command_reads_by_a_mapping_in_a_file(tmp_path: Path) -> None:
    file, said, no = tmp_path / "t.csv", tmp_path / "m.json", tmp_path / "no.json"
    file.write_bytes(text(ROWS))
    status, out, _ = command(file, format_key="generic_table", as_json=True)
    guessed = json.loads(out)["run"]["header"]["mapping"]
    said.write_text(guessed.replace('"fact"', '"flag"'))
    status, out, _ = command(file, mapping=said, as_json=True)
    run = json.loads(out)
    assert (status, len(run["readings"])) == (0, 2)
    assert '"meaning":"flag"' in run["run"]["header"]["mapping"]
    for text_, problem in (
        ("{", "is no mapping: Invalid JSON"),
        (guessed.replace('"value"', '"fact"'), "is no mapping: at least one column must hold values"),
        (guessed.replace('"well"', '"horoscope"'), r"no mapping: columns.0.meaning: Input should be"),
    ):
        no.write_text(text_)
        status, _, err = command(file, mapping=no)
        assert (status, problem in err) == (3, True), err
    status, _, err = command(file, mapping=said, format_key="luminex_xponent")
    assert (status, "a mapping reads tables, and luminex_xponent was named" in err) == (3, True)
