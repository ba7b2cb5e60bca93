"""From rows of texts to the cells of a rack: which column holds what, by its name or by what stands in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assay_importers.errors import FaultyFile, shorten
from assay_importers.racks.positions import Place, name, read_column, read_position, read_row
from assay_importers.racks.scan import RackCell
from assay_importers.racks.table import Line, Table, column_name
from assay_importers.racks.words import missing

LONGEST = 64
_HEADER_WITHIN = 30
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")

# What columns are called, without case, blanks and punctuation, the more telling names first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "position": (
        "locationcell", "tubeposition", "wellposition", "rackposition", "sampleposition", "position", "well", "wellid",
        "location", "cell", "pos", "tubelocation", "coordinate", "welllocation",
    ),
    "row": ("locationrow", "tuberow", "wellrow", "rackrow", "boxrow", "row"),
    "column": ("locationcolumn", "tubecolumn", "wellcolumn", "rackcolumn", "boxcolumn", "column", "col"),
    "code": (
        "2dbarcode", "tube2dbarcode", "tubecode", "tubebarcode", "tubeid", "barcode2d", "2dcode", "2did",
        "micronicbarcode", "micronixbarcode", "decodedbarcode", "datamatrix", "vialbarcode", "samplebarcode",
        "containerbarcode", "barcode", "code", "tube",
    ),
    "rack": (
        "rackid", "rackbarcode", "rackcode", "tuberackid", "tuberackbarcode", "platebarcode", "plateid", "platelabel",
        "boxbarcode", "boxid", "containeruid", "racklabel", "rackname", "rackbasename", "rack", "plate",
    ),
    "status": ("status", "statuscode", "readstatus", "tubestatus", "decodestatus", "result"),
    "date": ("date", "scandate", "datescanned", "readdate"),
    "time": ("time", "scantime", "timescanned", "readtime"),
    "moment": ("datetime", "scandatetime", "timestamp", "scannedat", "dateandtime"),
    "scanner": ("scanner", "scannerid", "scannername", "reader", "readerid", "device", "instrument"),
    "count": ("tubecount", "numberoftubes", "tubes"),
}  # fmt: skip


def plain(text: str) -> str:
    """A name of a column without case, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


@dataclass(frozen=True)
class Columns:
    """Where in a row what stands; `names` are those of the file, empty where it has none."""

    places: Mapping[str, int]
    names: tuple[str, ...] = ()

    def title(self, column: int) -> str:
        """The column as a message calls it."""
        return self.names[column] if column < len(self.names) and self.names[column] else column_name(column)


@dataclass
class Draft:
    """What a layout has read, before the rack around it is known. `numbers`: codes that a workbook has as numbers."""

    cells: list[RackCell] = field(default_factory=list)
    header: dict[str, str] = field(default_factory=dict)
    rack_code: str | None = None
    scanner: str | None = None
    scanned_at: str | None = None
    declared: str | None = None
    numbers: int = 0
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def roles_of(names: Sequence[str]) -> dict[str, int]:
    """The columns that these names tell, each role and each column once."""
    keys = [plain(text) for text in names]
    found: dict[str, int] = {}
    for role, accepted in NAMES.items():
        column = next((keys.index(key) for key in accepted if key in keys), None)
        if column is not None and column not in found.values():
            found[role] = column
    return found


def find_header(table: Table) -> int | None:
    """The index of the row that names the columns: code, and position or row and column."""
    for index, line in enumerate(table.lines[:_HEADER_WITHIN]):
        found = roles_of(line.cells)
        if "code" in found and ("position" in found or ("row" in found and "column" in found)):
            return index
    return None


def read_named(table: Table, header: int) -> Draft:
    """Read a table whose row `header` names the columns; what stands above it are facts of the scan."""
    line = table.lines[header]
    roles = roles_of(line.cells)
    if "position" in roles:
        # Row and column beside a position say it again.
        roles = {role: column for role, column in roles.items() if role not in {"row", "column"}}
    columns = Columns(roles, line.cells)
    draft = Draft(notes=list(table.notes))
    for above in table.lines[:header]:
        _fact(draft, above)
    read_cells(draft, table, columns, table.lines[header + 1 :])
    said_again = set(roles_of(line.cells).values())
    for column, title in enumerate(line.cells):
        count = sum(bool(row.cell(column)) for row in table.lines[header + 1 :])
        if column not in said_again and count:
            draft.unread.append(f"line {line.number}: column {title or column_name(column)} ({count} cells)")
    return draft


def read_cells(draft: Draft, table: Table, columns: Columns, lines: Sequence[Line]) -> None:
    """Read the rows of the table into the draft. Raises `FaultyFile` for a row that cannot be understood."""
    seen: dict[Place, int] = {}
    moment: dict[str, str] = {}
    for line in lines:
        place = _place(columns, line)
        if place is None:
            if _fact(draft, line, known_only=True):
                continue
            raise _no_position(columns, line)
        if (first := seen.get(place)) is not None:
            raise FaultyFile(
                f"position {name(place)} stands in the file twice, first at line {first}",
                line=line.number,
                value=_written(columns, line),
                expected="each position once",
            )
        seen[place] = line.number
        draft.cells.append(read_cell(draft, table, columns, line, place, _written(columns, line)))
        _same_rack(draft, columns, line)
        for role in ("moment", "date", "time", "scanner"):
            text = line.cell(columns.places[role]) if role in columns.places else ""
            if text:
                moment.setdefault(role, text)
    draft.scanner = draft.scanner or moment.get("scanner")
    written = moment.get("moment") or " ".join(filter(None, (moment.get("date"), moment.get("time"))))
    draft.scanned_at = draft.scanned_at or written or None


def _written(columns: Columns, line: Line) -> str:
    if "position" in columns.places:
        return line.cell(columns.places["position"])
    return f"{line.cell(columns.places['row'])}{line.cell(columns.places['column'])}"


def _place(columns: Columns, line: Line) -> Place | None:
    if "position" in columns.places:
        return read_position(line.cell(columns.places["position"]))
    row, column = read_row(line.cell(columns.places["row"])), read_column(line.cell(columns.places["column"]))
    return None if row is None or column is None else (row, column)


def _no_position(columns: Columns, line: Line) -> FaultyFile:
    written = _written(columns, line)
    column = columns.places.get("position", columns.places.get("row", 0))
    if written.isdecimal() and "position" in columns.places:
        return FaultyFile(
            "a number can be counted along rows or along columns",
            line=line.number,
            column=columns.title(column),
            value=written,
            expected="a position by letter and number such as A1: set the scanner's export so",
        )
    return FaultyFile(
        "this is no position of a rack",
        line=line.number,
        column=columns.title(column),
        value=written,
        expected="a letter from A to P and a number from 1 to 24, such as A1 or A01",
    )


def read_cell(draft: Draft, table: Table, columns: Columns, line: Line, place: Place, position: str) -> RackCell:
    """The cell of a position: its code, or why there is none. Raises `FaultyFile` for a text that is neither."""
    column = columns.places["code"]
    raw = line.cell(column)
    said = missing(raw)
    if "status" in columns.places:
        status = line.cell(columns.places["status"])
        judged = missing(status) if status else None
        if judged is not None and said is None:
            raise FaultyFile(
                "there is a code, and the scanner says that it read none",
                line=line.number,
                column=columns.title(columns.places["status"]),
                value=status,
                expected="a code, or a status without one",
            )
        if judged is not None and not raw:
            said, raw = judged, status
    if said is None:
        _must_be_a_code(table, columns, line, column)
        draft.numbers += (line.number, column) in table.numbers
    return RackCell(
        row=place[0],
        col=place[1],
        position=position,
        state=said or "code",
        code=None if said else raw,
        raw=raw,
        line=line.number,
    )


def _must_be_a_code(table: Table, columns: Columns, line: Line, column: int) -> None:
    text = line.cell(column)
    expected = "the code of a tube, or what the scanner writes where it read none (NO TUBE, NO READ)"
    problem = None
    if (line.number, column) in table.dates:
        problem, expected = "a spreadsheet turned the code into a date", "codes as text"
    elif _SHORTENED.fullmatch(text):
        problem, expected = "a spreadsheet shortened the code", "every digit: format the column as text"
    elif len(text) > LONGEST or not text.isprintable():
        problem = f"this is no code: codes have 1 to {LONGEST} printable characters"
    elif re.search(r"\s", text):
        problem = "this is no code, and no word known for a missing one"
    if problem is not None:
        raise FaultyFile(
            problem, line=line.number, column=columns.title(column), value=shorten(text), expected=expected
        )


def _same_rack(draft: Draft, columns: Columns, line: Line) -> None:
    column = columns.places.get("rack")
    text = line.cell(column) if column is not None else ""
    if not text or missing(text):
        return
    if draft.rack_code is None:
        draft.rack_code = text
    elif draft.rack_code != text and column is not None:
        raise FaultyFile(
            f"the file begins with rack {draft.rack_code} and goes on with another",
            line=line.number,
            column=columns.title(column),
            value=text,
            expected="one file for each rack",
        )


def _fact(draft: Draft, line: Line, *, known_only: bool = False) -> bool:
    """Read `Rack ID,container1`, `Rack Base Name: 0249` or `Date = …` beside the table. False for any other row."""
    texts = [text for text in line.cells if text]
    if len(texts) == 1:
        texts = re.split(r"\s*[:=]\s*", texts[0], maxsplit=1)
    key = plain(texts[0])
    role = next((role for role, accepted in NAMES.items() if key in accepted), None)
    if len(texts) != 2 or not texts[1] or (known_only and role is None):
        if known_only:
            return False
        draft.unread.append(f"line {line.number}: {shorten(', '.join(texts))}")
        return True
    draft.header[texts[0]] = texts[1]
    match role:
        case "rack" if draft.rack_code is None and not missing(texts[1]):
            draft.rack_code = texts[1]
        case "scanner":
            draft.scanner = texts[1]
        case "moment" | "date" | "time":
            draft.scanned_at = " ".join(filter(None, (draft.scanned_at, texts[1])))
        case "count":
            draft.declared = texts[1]
        case _:
            pass
    return True


def by_content(lines: Sequence[Line]) -> Columns | None:
    """Which column holds what in a table without names: a column of positions, or of rows beside one of columns, then
    the codes, and before them a rack that is the same in every row. Nine rows of ten suffice, so that a bad one can be
    named.
    """
    width = max(len(line.cells) for line in lines)
    for column in range(min(width, 4)):
        if _mostly(read_position(line.cell(column)) is not None for line in lines):
            return _around(lines, {"position": column}, column, column, width)
    for column in range(min(width, 4) - 1):
        if _mostly(_row_and_column(line, column) for line in lines):
            return _around(lines, {"row": column, "column": column + 1}, column, column + 1, width)
    return None


def _mostly(answers: Iterator[bool]) -> bool:
    told = list(answers)
    return sum(told) >= 0.9 * len(told)


def _row_and_column(line: Line, column: int) -> bool:
    row = line.cell(column)
    return row.isalpha() and read_row(row) is not None and read_column(line.cell(column + 1)) is not None


def _around(lines: Sequence[Line], found: dict[str, int], first: int, last: int, width: int) -> Columns | None:
    if last + 1 < width:
        found["code"] = last + 1
        before = first - 1
        if before >= 0 and len({line.cell(before) for line in lines}) == 1:
            found["rack"] = before
        status = last + 2
        if status < width and all(_is_status(line.cell(status)) for line in lines):
            found["status"] = status
        return Columns(found)
    return Columns(found | {"code": first - 1}) if first > 0 else None


def _is_status(text: str) -> bool:
    return not text or missing(text) is not None or plain(text) in {"ok", "good", "read", "pass", "passed", "success"}


def left_over(columns: Columns, lines: Sequence[Line]) -> Iterator[str]:
    """The columns without names that hold something and were not read."""
    for column in range(max(len(line.cells) for line in lines)):
        cells = [(line.number, line.cell(column)) for line in lines if line.cell(column)]
        if column not in columns.places.values() and cells:
            yield f"line {cells[0][0]}: column {column_name(column)} ({len(cells)} cells)"


def like_codes(texts: Sequence[str]) -> bool:
    """Whether these may be the codes of tubes: of some length, no decimals, hardly one twice."""
    codes = [text for text in texts if missing(text) is None]
    told = [text for text in codes if re.fullmatch(r"[A-Za-z0-9_/-]{5,64}", text)]
    return bool(codes) and len(told) >= 0.9 * len(codes) and len(set(told)) >= 0.5 * len(told)


def odd_lengths(cells: Sequence[RackCell]) -> str | None:
    """Codes of one maker have one length: a shorter one lost its leading zeros, or the file was cut."""
    lengths = Counter(len(cell.code) for cell in cells if cell.code is not None)
    if len(lengths) < 2 or sum(lengths.values()) < 4:
        return None
    usual, count = lengths.most_common(1)[0]
    odd = [cell for cell in cells if cell.code is not None and len(cell.code) < usual]
    if not odd or count < 0.75 * sum(lengths.values()):
        return None
    listed = ", ".join(f"{cell.position} {cell.code}" for cell in odd[:8])
    return f"codes shorter than the {usual} characters of the others, which may have lost their beginning: {listed}"
