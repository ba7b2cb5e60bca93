"""GEO SOFT: data sets (GDS), families of platform, samples and series (GSE), single samples (GSM)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assay_importers.contract import (
    Fact,
    Features,
    Finding,
    Head,
    Importer,
    ParsedRun,
    Run,
    SourceFile,
    Table,
    Verdict,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.geo_text import attributes, find_end, line_of, open_geo, read_table, strays
from assay_importers.matrix import Matrix
from assay_importers.one_sample import Sample, join
from assay_importers.text_matrix import Columns, how_many

_ENTITY = re.compile(r"^\^(\w+)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_BEGIN = re.compile(r"^!(\w+)_table_begin[ \t]*$", re.MULTILINE | re.IGNORECASE)
_ATTRIBUTE = re.compile(r"^([!#])(.+?)[ \t]*=[ \t]?(.*)$", re.MULTILINE)
_FIRST = re.compile(r"\^(?:DATABASE|DATASET|PLATFORM|SAMPLE|SERIES|ANNOTATION)[ \t]*=", re.IGNORECASE)
_VALUE = "VALUE"
_ANNOTATION = frozenset({"IDENTIFIER", "ID_REF"})


@dataclass(frozen=True)
class _Entity:
    """What stands below a caret: its attributes, and its table."""

    kind: str
    name: str
    pairs: Sequence[tuple[str, str]]
    columns: Columns | None
    unread: Sequence[str] = ()

    def every(self, name: str) -> list[str]:
        """All texts of an attribute."""
        return [text for key, text in self.pairs if key.casefold() == name.casefold()]


@dataclass
class _Values:
    """The matrix of a file and what is to be said about it."""

    features: Features | None = None
    matrix: Matrix | None = None
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


class GeoSoft(Importer):
    """Tables of samples, or the one of a data set, as a matrix; attributes of samples and subsets as facts."""

    key = "geo_soft"
    title = "GEO SOFT"
    version = "1"
    extensions = (".soft", ".txt")
    technique = "gene expression"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if _FIRST.match((head.text or "").lstrip()):
            return Finding(Verdict.YES, "begins with an entity of GEO")
        return Finding(Verdict.NO, "does not begin with an entity of GEO such as ^SERIES")

    def parse(self, file: SourceFile) -> ParsedRun:
        text, notes = open_geo(file.content)
        entities = list(_entities(text))
        if not entities:
            raise FaultyFile("this is no SOFT file", line=1, expected="a line that begins with ^ and an entity")
        samples = [entity for entity in entities if entity.kind == "SAMPLE"]
        sets = [entity for entity in entities if entity.kind == "DATASET" and entity.columns is not None]
        values = _of_set(sets[0], entities) if sets else _of_samples(samples, entities)
        if samples:
            values.notes.append(how_many(len(samples), "samples"))
        header = attributes(
            pair
            for entity in entities
            for pair in [(entity.kind, entity.name), *entity.pairs]
            if entity.kind not in {"SAMPLE", "SUBSET"}
        )
        named = {name.strip() for entity in samples for name in (entity.name, *entity.every("Sample_geo_accession"))}
        listed = [name.strip() for entity in entities for name in entity.every("Series_sample_id")]
        absent = [name for name in listed if samples and name not in named]
        if absent:
            values.notes.append(f"the series lists {len(absent)} samples that the file has not, {absent[0]} first")
        facts = tuple(_facts(entities))
        if not (facts or header or values.features):
            raise FaultyFile("the file holds neither attributes nor values", line=1, expected="lines with !")
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(batch=header.get("SERIES") or header.get("DATASET"), header=header),
            facts=facts,
            tables=tuple(
                Table(
                    name=f"{entity.kind} {entity.name}", columns=entity.columns.layout.names, rows=entity.columns.rows
                )
                for entity in entities
                if entity.columns is not None
            ),
            features=values.features,
            matrix=values.matrix,
            unread=(*values.unread, *(text for entity in entities for text in entity.unread)),
            notes=(*notes, *values.notes),
        )


def _entities(text: str) -> Iterator[_Entity]:
    marks = list(_ENTITY.finditer(text))
    counted, line = 0, 1  # a family has thousands of tables: lines are counted once
    for number, mark in enumerate(marks, 1):
        after = marks[number].start() if number < len(marks) else len(text)
        begin = _BEGIN.search(text, mark.end(), after)
        stop = begin.start() if begin else after
        pairs = [
            (f"#{name}" if sign == "#" else name, value)
            for sign, name, value in _ATTRIBUTE.findall(text[mark.end() : stop])
        ]
        columns = None
        unread = [*(strays(text, 0, mark.start()) if number == 1 else ()), *strays(text, mark.end(), stop)]
        if begin is not None:
            start = text.find("\n", begin.start()) + 1 or len(text)
            end = find_end(text, f"!{begin[1]}_table_end", start)
            if end > after:
                raise FaultyFile(
                    "the table that begins here does not end before the next entity",
                    line=line_of(text, begin.start()),
                    expected=f"a line !{begin[1]}_table_end",
                )
            texts = _ANNOTATION if mark[1].upper() in {"SAMPLE", "DATASET"} else None
            line += text.count("\n", counted, start)
            counted = start
            columns = read_table(text, start, end, texts=texts, quoted=False, line=line)
            unread += strays(text, text.find("\n", end), after)
        yield _Entity(mark[1].upper(), mark[2], pairs, columns, unread)


def _facts(entities: Sequence[_Entity]) -> Iterator[Fact]:
    """A subset says of its samples what they are: `disease state`: `RCC`."""
    for entity in entities:
        if entity.kind == "SAMPLE":
            yield from (Fact(sample=entity.name, name=name, text=text) for name, text in entity.pairs)
        elif entity.kind == "SUBSET":
            kind = (entity.every("subset_type") or ["subset"])[0]
            for name in ",".join(entity.every("subset_sample_id")).split(","):
                for text in entity.every("subset_description"):
                    yield Fact(sample=name.strip() or None, name=kind, text=text)


def _of_set(entity: _Entity, entities: Sequence[_Entity]) -> _Values:
    """The table of a data set: ids, identifiers, a column for each sample."""
    found = _Values()
    columns = entity.columns
    if columns is None or not columns.rows:
        found.notes.append("the table of the data set has no rows")
        return found
    names = columns.layout.names
    values = [column for column in range(1, len(names)) if column not in columns.layout.texts]
    if not values:
        raise FaultyFile("the table has no column of numbers", line=columns.layout.line, expected="samples")
    found.matrix = Matrix({_VALUE: columns.matrix(values)})
    found.features = Features.of(
        found.matrix,
        samples=[names[column] for column in values],
        ids=columns.texts(0),
        annotation={names[column]: columns.texts(column) for column in sorted(columns.layout.texts - {0})},
    )
    for what, count in (("feature", columns.rows), ("sample", len(values))):
        declared = [text for one in entities for text in one.every(f"dataset_{what}_count")]
        if declared and declared[0].strip() != str(count):
            found.notes.append(f"the file declares {declared[0]} {what}s and has {count}")
    found.notes += columns.notes
    return found


def _of_samples(samples: Sequence[_Entity], entities: Sequence[_Entity]) -> _Values:
    """The tables of all samples as one matrix, annotated by their platform."""
    found = _Values()
    measured = [(entity, entity.columns) for entity in samples if entity.columns is not None and entity.columns.rows]
    layers: list[str] | None = None
    for _, columns in measured:
        numeric = [name for number, name in enumerate(columns.layout.names) if number not in columns.layout.texts]
        layers = [name for name in layers if name in numeric] if layers is not None else numeric
    if not measured or not layers:
        found.notes.append("no sample has a table with values")
        return found
    layers.sort(key=lambda name: name != _VALUE)
    parts = []
    for entity, columns in measured:
        names = columns.layout.names
        parts.append(
            Sample(entity.name, columns.texts(0), {name: columns.numbers(names.index(name)) for name in layers})
        )
        found.notes += [f"{entity.name}: {note}" for note in columns.notes]
    others = {name: None for _, columns in measured for name in columns.layout.names[1:] if name not in layers}
    found.unread += [f"the column {name} of the tables of samples: no number in each of them" for name in others]
    joined = join(parts, {})
    found.notes += joined.notes
    annotation = _platforms(entities, joined.features.ids)
    found.matrix = joined.matrix
    found.features = joined.features.model_copy(update={"annotation": annotation})
    return found


def _platforms(entities: Sequence[_Entity], ids: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """What the tables of platforms say of each id."""
    found: dict[str, dict[str, str]] = {}
    for entity in entities:
        if entity.kind == "PLATFORM" and entity.columns is not None:
            names, keys = entity.columns.layout.names, entity.columns.texts(0)
            for column in range(1, len(names)):
                texts = entity.columns.texts(column)
                found.setdefault(names[column], {}).update(zip(keys, texts, strict=True))
    return {name: tuple(texts.get(one) for one in ids) for name, texts in found.items()}
