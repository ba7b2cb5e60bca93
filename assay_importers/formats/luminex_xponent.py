"""Luminex xPONENT CSV exports (LX100/200, MAGPIX, FLEXMAP 3D): a header, then one block per kind of value."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from assay_importers.contract import Finding, Head, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.xponent_blocks import Block, BlockReader, is_location
from assay_importers.formats.xponent_header import read_header, read_run
from assay_importers.peek import peek
from assay_importers.text import Row, decode, read_rows
from assay_importers.workbook import is_workbook, read_workbook

# Spreadsheets may put `sep=;` or blank rows above the first line.
FIRST_LINE = re.compile(
    r'(?:"?sep=.)?[\s,;"]*(?P<name>Program|DataType:?)"?[ ]*(?P<delimiter>[,;\t])(?P<rest>[^\r\n]*)', re.IGNORECASE
)
_BLOCK_LINE = re.compile(r'^"?DataType:?"?[ ]*[,;\t]', re.IGNORECASE | re.MULTILINE)
_WELLS_LINE = re.compile(r'^"?Location"?[ ]*[,;\t][ ]*"?Sample"?[ ]*[,;\t]', re.IGNORECASE | re.MULTILINE)
_CRC_TITLE = "-- CRC --"
_CRC_LINE = re.compile(r"(CRC\w*):\s*(\w*)")


class LuminexXponent(Importer):
    """Every block is read whole: cells become readings, dilutions go to their wells, the rest to header and notes."""

    key = "luminex_xponent"
    title = "Luminex xPONENT CSV"
    version = "1"
    extensions = (".csv", ".xlsx")
    technique = "multiplex bead immunoassay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_workbook(head.data):
            return _sniff_workbook(peek(head))
        text = (head.text or "").replace("\r\n", "\n").replace("\r", "\n")
        first = FIRST_LINE.match(text)
        if first is not None and first["name"].casefold() == "program":
            program = first["rest"].casefold()
            if "intelliflex" in program:
                return Finding(Verdict.MAYBE, "laid out as xPONENT writes it, but the instrument is an INTELLIFLEX")
            if "xponent" in program or "luminex" in program:
                return Finding(Verdict.YES, "the first line names xPONENT as the program")
            return Finding(Verdict.NO, "the first line names another program")
        if _BLOCK_LINE.search(text) and _WELLS_LINE.search(text):
            return Finding(Verdict.MAYBE, "has xPONENT's result blocks but not its header")
        return Finding(Verdict.NO, "neither the header nor the result blocks of xPONENT")

    def parse(self, file: SourceFile) -> ParsedRun:
        if is_workbook(file.content):
            return self.parse(replace(file, content=_as_text(file.content)))
        decoded = decode(file.content)
        delimiter = _delimiter(decoded.text)
        split = _split(read_rows(decoded.text, delimiter))
        header = read_header(split.header, delimiter)
        if not split.blocks:
            raise FaultyFile(
                "the file ends before its first result block", line=split.last_line, expected="a line 'DataType:'"
            )
        whole = _check_end(split, decoded.text[-1])
        reader = BlockReader(header, delimiter)
        reader.read(split.blocks)
        for name, text in split.crc.items():
            header.add(name, text)
        run = read_run(header)
        notes = (*decoded.notes, *header.notes, *reader.notes, *whole, *_checksum(file.content, split))
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=run,
            wells=reader.wells(),
            readings=tuple(reader.readings),
            unread=tuple(reader.unread + split.unread),
            notes=notes,
        )


def _sniff_workbook(seen: str) -> Finding:
    if "xPONENT" in seen and "DataType:" in seen and "INTELLIFLEX" not in seen.upper():
        return Finding(Verdict.YES, "a workbook that holds the header and the blocks of xPONENT")
    return Finding(Verdict.NO, "a workbook without the header and the blocks of xPONENT")


def _as_text(content: bytes) -> bytes:
    """The sheet that a spreadsheet made of the export, as the text that it was."""
    for sheet in read_workbook(content):
        if any(cell.strip() == "Program" for row in sheet.rows[:3] for cell in row[:1]):
            lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in sheet.rows)
            return "".join(f"{line}\r\n" for line in lines).encode()
    raise FaultyFile("no sheet is an xPONENT export", expected="a sheet whose first line begins with 'Program'")


def _delimiter(text: str) -> str:
    """The character behind `Program` on the first line. It says nothing about the decimal mark."""
    found = FIRST_LINE.match(text)
    if found is None:
        line = text.lstrip().partition("\n")[0].strip()
        raise FaultyFile(
            "this is not an xPONENT export", line=1, value=line, expected="a first line that begins with 'Program'"
        )
    return found["delimiter"]


@dataclass
class _Split:
    """The file cut into header, blocks and what stands between and behind them."""

    header: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    crc: dict[str, str] = field(default_factory=dict)
    crc_title: bool = False
    unread: list[str] = field(default_factory=list)
    last_line: int = 1
    last_width: int = 0


def _split(rows: Iterator[Row]) -> _Split:
    split = _Split()
    for row in rows:
        if row.cells:
            split.last_line, split.last_width = row.line, row.width
        if row.cells and row.cells[0].strip().rstrip(":").casefold() == "datatype":
            split.blocks.append(Block("".join(row.cells[1:2]).strip(), row.line))
        elif split.blocks:
            _below(split, split.blocks[-1], row)
        else:
            split.header.append(row)
    return split


def _below(split: _Split, block: Block, row: Row) -> None:
    """Give a row below a block's title its place."""
    if not row.cells:
        block.ended = block.columns is not None
        return
    first = row.cells[0].strip()
    crc = _CRC_LINE.fullmatch(first)
    if first.casefold() == "program":
        raise FaultyFile("a second run begins here", line=row.line, expected="one run in a file")
    if crc or first == _CRC_TITLE:
        # Spreadsheets drop the blank line before the checksum: its lines then stand within the last block.
        block.lines += 0 if block.ended else 1
        split.crc_title = True
        if crc:
            split.crc[crc[1]] = crc[2]
    elif block.columns is None:
        block.columns = row
    elif not block.ended or is_location(row.cells):
        block.ended = False
        block.lines += 1
        block.rows.append(row)
    else:
        split.unread.append(f"line {row.line}: {' | '.join(row.cells)}")


def _check_end(split: _Split, last_character: str) -> list[str]:
    """Refuse a file that was cut off. xPONENT ends with a checksum; without one the last block has to look whole."""
    if split.crc:
        return []
    last, first = split.blocks[-1], split.blocks[0]
    expected = "a whole export, which ends with a line 'CRC32:'"
    if split.crc_title:
        raise FaultyFile("the file ends within its checksum", line=split.last_line, expected=expected)
    if last.columns is None:
        raise FaultyFile(f"the file ends within the block {last.name!r}", line=split.last_line, expected=expected)
    if last.of_wells and len(last.rows) < len(first.rows):
        raise FaultyFile(
            f"the file ends within the block {last.name!r}, after {len(last.rows)} of {len(first.rows)} wells",
            line=split.last_line,
            expected=expected,
        )
    # Without a line end behind it the last cell may have lost digits, unless its quotation mark is closed.
    whole_line = last_character in "\r\n" or (last_character == '"' and split.last_width >= last.columns.width)
    if last.rows and not whole_line:
        raise FaultyFile("the file ends within this line", line=split.last_line, expected=expected)
    return ["the file has no checksum at its end, so whether it is complete cannot be told for certain"]


def _checksum(content: bytes, split: _Split) -> list[str]:
    """XPONENT writes the CRC-32 of all bytes before the checksum's own title (observed on unedited exports)."""
    stated = split.crc.get("CRC32")
    end = content.find(_CRC_TITLE.encode())
    if stated is None or end < 0:
        return []
    if f"{zlib.crc32(content[:end]):08X}" == stated.upper():
        return [f"the checksum {stated} agrees: the file is as the instrument wrote it"]
    return [f"the checksum {stated} does not agree: the file was edited or saved again after the export"]
