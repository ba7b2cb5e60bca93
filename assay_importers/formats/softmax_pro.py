"""SoftMax Pro text exports: blocks of notes, plates and groups, each closed by `~End`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.softmax_groups import GroupReader
from assay_importers.formats.softmax_plates import PlateReader
from assay_importers.grids import delimited
from assay_importers.text import Row, decode

_FIRST = re.compile(r"\s*\"?##BLOCKS=\s*\d+")
_PLATE = re.compile(r"^\"?Plate:\t[^\t\r\n]*\t[\d.]+\t(?:Plate|Time|Column)Format\t", re.MULTILINE)
_DELIMITER = re.compile(r"^\"?(?:Plate|Group):\"?([\t,;])", re.MULTILINE)
_FOOTER = re.compile(
    r"\"?Original Filename:\s*(?P<name>.*?);\s*Date Last Saved:\s*(?P<saved>.*?)\"?", re.DOTALL | re.IGNORECASE
)
_KINDS = ("Plate", "Group", "Note", "Cuvette Set", "Cuvette", "Graph", "Experiment")
# What SoftMax Pro writes where it has no number.
WORDS = {
    "range?": "not_a_number",
    "masked": "masked",
    "nan": "not_a_number",
    "error": "not_a_number",
    "": "not_reported",
}
END = "~End"


@dataclass
class Block:
    """A block: what it is, the cells of its first line, and the rows below, without `~End`."""

    kind: str
    title: Row
    rows: list[Row] = field(default_factory=list)
    closed: bool = False


class SoftmaxPro(Importer):
    """Plates first, groups after: a group says what is in the wells that a plate has measured."""

    key = "softmax_pro"
    title = "SoftMax Pro text export"
    version = "1"
    extensions = (".txt",)
    technique = "plate reader"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _FIRST.match(text):
            return Finding(Verdict.YES, "begins with SoftMax Pro's count of blocks")
        if _PLATE.search(text):
            return Finding(Verdict.MAYBE, "has a plate as SoftMax Pro writes it, but not its first line")
        return Finding(Verdict.NO, "no count of blocks on the first line")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        # Tabs as a rule; a spreadsheet that saved the file again put its own delimiter.
        found_delimiter = _DELIMITER.search(text)
        rows = delimited(decoded.text, found_delimiter[1] if found_delimiter else "\t")
        found = Collector(words=WORDS)  # type: ignore[arg-type]  # texts that are flags
        found.notes += decoded.notes
        blocks = _blocks(rows, found)
        plates = PlateReader(found)
        for block in blocks:
            if block.kind == "Plate":
                plates.read(block.title, block.rows)
        for block in blocks:
            if block.kind == "Group":
                GroupReader(found, plates.names).read(block.title, block.rows)
            elif block.kind == "Note":
                text = "\n".join(" ".join(row.cells).strip() for row in block.rows).strip()
                if text:
                    found.add_header("Note", text)
            elif block.kind != "Plate":
                found.unread.append(f"line {block.title.line}: {block.kind}: {len(block.rows)} lines")
        found.notes += last_line_note(decoded.text)
        run = Run(software="SoftMax Pro", batch=found.header.get("Original Filename"))
        return found.finish(self.key, self.version, run, "a block 'Plate:' or 'Group:' with rows")


def _blocks(rows: Sequence[Row], found: Collector) -> list[Block]:
    """Cut the file into blocks. What stands outside of them goes to the header or is listed."""
    blocks: list[Block] = []
    declared: int | None = None
    for row in rows:
        first = row.cells[0].strip() if row.cells else ""
        current = blocks[-1] if blocks and not blocks[-1].closed else None
        kind = next((kind for kind in _KINDS if re.match(rf"{kind}:", first)), None)
        if first.startswith("##BLOCKS="):
            text = first.removeprefix("##BLOCKS=").strip()
            found.add_header("BLOCKS", text)
            # Continuous saving puts one export behind the other, each with its own count.
            if re.fullmatch(r"\d{1,6}", text, re.ASCII):
                declared = (declared or 0) + int(text)
        elif first == END and current is not None:
            current.closed = True
        elif current is None and kind is not None:
            blocks.append(Block(kind, row))
        elif current is not None:
            current.rows.append(row)
        elif (footer := _FOOTER.fullmatch(" ".join(row.cells).strip())) is not None:
            found.add_header("Original Filename", footer["name"])
            found.add_header("Date Last Saved", footer["saved"])
        elif row.cells:
            found.unread.append(f"line {row.line}: {' '.join(row.cells).strip()}")
    _check(blocks, declared, found)
    return blocks


def _check(blocks: Sequence[Block], declared: int | None, found: Collector) -> None:
    if not blocks:
        raise FaultyFile(
            "the file holds no block", line=1, expected="'Plate:', 'Group:' or 'Note:' at the start of a line"
        )
    if not blocks[-1].closed:
        last = blocks[-1]
        raise FaultyFile(
            f"the block {last.kind!r} that begins here does not end",
            line=last.title.line,
            expected=f"a line {END!r} below it: the file was cut off",
        )
    if declared is not None and declared != len(blocks):
        found.notes.append(f"the first line declares {declared} blocks, and the file has {len(blocks)}")
    if "Original Filename" not in found.header:
        found.notes.append("the file does not end with the name of its original, so it may have been cut off")
