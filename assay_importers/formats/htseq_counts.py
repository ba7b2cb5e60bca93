"""htseq-count: a line for each feature, then counters whose names begin with `__`; mostly without a header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import compress

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.one_sample import Part, Sample, count_of, run_of, sample_name
from assay_importers.text_matrix import Layout, cells_of, first_lines, how_many, open_text, read_columns

COUNTERS = ("__no_feature", "__ambiguous", "__too_low_aQual", "__not_aligned", "__alignment_not_unique")
# Before 0.6 the counters had no underscores, and nothing else told them from genes.
_OLD = frozenset(counter.removeprefix("__") for counter in COUNTERS)
# Of the counts of exons that DEXSeq's script writes.
_OF_EXONS = ("_ambiguous", "_ambiguous_readpair_position", "_empty", "_lowaqual", "_notaligned")
_COUNTER_LINE = re.compile(rf"(?:\A|(?<=[\r\n]))(?:__\w+|{'|'.join([*_OLD, *_OF_EXONS])})\t[^\r\n]*")
_COUNT = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_ENDING = re.compile(r"[._-]?(?:htseq[._-]?)?(?:counts?)?\.(?:txt|tsv|tab|out|counts?|csv)$", re.IGNORECASE)
# So many lines without an exception are no accident.
_ENOUGH = 100


class HtseqCounts(Importer):
    """Counts as a matrix, the counters as readings of the sample."""

    key = "htseq_counts"
    title = "HTSeq counts"
    version = "1"
    extensions = (".txt", ".tsv", ".tab", ".counts")
    technique = "RNA sequencing"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        text = head.text
        if text is None or "\t" not in text[:4096]:
            return Finding(Verdict.NO, "no columns between tabs")
        first = text[:4096].split("\n", 1)[0].split("\t")
        plain = len(first) == 2 and (_is_count(first) or _is_titled(first))
        if not plain and not any(f"{name}\t" in text for name in (*_OLD, *_OF_EXONS)):
            return Finding(Verdict.NO, "without htseq-count's counters")
        lines = list(first_lines(text, len(text)).texts)
        if not head.complete:
            lines.pop()  # it may be cut
        return _judge(lines, complete=head.complete)

    def parse(self, file: SourceFile) -> ParsedRun:
        parts = [part for one in (file, *file.companions) for part in _read(one)]
        return run_of(self, Run(software="HTSeq"), parts, {"count": "reads"})


def _judge(lines: Sequence[str], *, complete: bool) -> Finding:
    rows = [line.split("\t") for line in lines[_has_header(lines) :]]
    counters = [row for row in rows if row[0] in COUNTERS or row[0] in _OF_EXONS]
    counts = [row for row in rows if row[0].strip() and _is_count(row)]
    if len(counts) < len(rows) or len({len(row) for row in rows}) != 1:
        return Finding(Verdict.NO, "not one name and its counts in each line")
    if counters:
        return Finding(Verdict.YES, "names and counts, and htseq-count's counters")
    if len(rows[0]) == 2 and len(rows) >= _ENOUGH:
        if not complete or {row[0] for row in rows[-len(_OLD) :]} == _OLD:
            return Finding(Verdict.YES, "names and counts without a header, as htseq-count writes them")
        return Finding(Verdict.MAYBE, "names and counts without a header, but not htseq-count's counters")
    return Finding(Verdict.NO, "without htseq-count's counters")


def _is_titled(first: Sequence[str]) -> bool:
    """The header that Galaxy puts above a file of one sample names no sample."""
    return [cell.strip().casefold() for cell in first] == ["feature", "count"]


def _is_count(row: Sequence[str]) -> bool:
    return len(row) > 1 and _COUNT.fullmatch(row[-1].strip()) is not None


def _has_header(lines: Sequence[str]) -> bool:
    """`--with-header` writes the names of the alignment files."""
    return bool(lines) and not _is_count(lines[0].split("\t"))


def _read(file: SourceFile) -> Iterator[Part]:
    opened = open_text(file.content)
    lines = first_lines(opened.text, 200)
    header = _has_header(lines.texts)
    rows = [cells_of(line, "\t") for line in lines.texts[header:]]
    if not rows:
        raise FaultyFile("the file ends before its first feature", line=1, expected="a line for each feature")
    texts = _texts(rows)
    width = len(rows[0])
    values = [column for column in range(width) if column not in texts]
    if not values:
        raise FaultyFile(
            "the line has no count", line=1 + header, value=lines.texts[header], expected="name, tab, count"
        )
    own = sample_name(file.name, _ENDING)
    named = cells_of(lines.texts[0], "\t") if header else ()
    names = tuple(
        (named[column] if column < len(named) else "") or ("id" if column == 0 else f"attribute {column}")
        for column in range(width)
    )
    layout = Layout(names, texts, quoted=False, line=1 + header)
    columns = read_columns(opened.text, lines.starts[header], layout)
    whole = columns.texts(0)
    counters = [match[0].split("\t") for match in _COUNTER_LINE.finditer(opened.text)]
    found = {row[0].strip() for row in counters}
    kept = import_module("numpy").array([name not in found for name in whole], dtype=bool)
    ids = [name for name in whole if name not in found]
    attributes = {names[column]: list(compress(columns.texts(column), kept)) for column in sorted(texts - {0})}
    notes = (*opened.notes, how_many(len(ids), "features"), *_unfinished(found))
    for number, column in enumerate(values, 1):
        sample = names[column] if header and not _is_titled(named) else own
        if not header and len(values) > 1:
            sample = f"{own} {number}"
        counts = columns.numbers(column)
        yield Part(
            Sample(sample, ids, {"count": counts[kept]}, attributes),
            Table(name=own, columns=names, rows=columns.rows),
            tuple(count_of(sample, row[0].strip(), row[column]) for row in counters),
            (*notes, *columns.notes) if number == 1 else columns.notes,
        )


def _texts(rows: Sequence[Sequence[str]]) -> frozenset[int]:
    """The first column, and those of `--additional-attr` behind it."""
    texts = {0}
    for column in range(1, len(rows[0])):
        cells = [row[column] for row in rows if column < len(row)]
        if 2 * sum(_COUNT.fullmatch(cell) is not None for cell in cells) > len(cells):
            break
        texts.add(column)
    return frozenset(texts)


def _unfinished(found: set[str]) -> Iterator[str]:
    missing = [name for name in COUNTERS if name not in found and name.removeprefix("__") not in found]
    if missing and not found.intersection(_OF_EXONS):
        yield f"the counters {', '.join(missing)} are missing at the end: check that the file was not cut off"
