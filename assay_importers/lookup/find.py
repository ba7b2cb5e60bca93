"""The way from names to what a run says: for every format alike, and where a format has words of its own, by those.

`sample` is a well (`A1`, `row1col1`, `1(1,A1)`), the name of a sample, or several names of one thing joined by `|`:
`1(1,A1)|Unknown1`, `G1|S1|Standard1`; `*` is the whole file, and `sample` the only one of a matrix. `analyte` is an
analyte, a feature's id or name, or `*`. `field` is a quantity, a layer, a column, a key of the header, or one of the
words below. `value` is whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import chain
from typing import Any

from assay_importers.contract import OTHER_NAME, Fact, ParsedRun, Reading, Well
from assay_importers.lookup.formats import FIELDS
from assay_importers.lookup.question import Question
from assay_importers.matrix import nearest
from assay_importers.wells import read_well

ANY = "*"
VALUE = "value"
_ONLY = "sample"
_WELLS_OF = "n_wells_for_sample"
_DECLARED = "header_declared_"
_NUMBER_OF = "n_"
_NUMBERED = re.compile(r"\d+\(\s*(?:(?P<plate>\d+)\s*[,;]\s*)?(?P<well>[A-Za-z]{1,2}\d{1,2})\s*\)")
_ROW_AND_COLUMN = re.compile(r"row(\d+)col(\d+)", re.IGNORECASE)


def find(run: ParsedRun, sample: str, analyte: str, field: str) -> list[Any]:
    """All that the run has under these three, in file order; texts as the file writes them, numbers of a matrix as
    numbers. More than one when a sample was measured more than once, none when the file does not say.
    """
    return Finder(run).find(sample, analyte, field)


class Finder:
    """Answers any number of questions about one run."""

    def __init__(self, run: ParsedRun) -> None:
        self.run = run
        self._own = FIELDS.get(run.format, {})

    def find(self, sample: str, analyte: str, field: str) -> list[Any]:
        """As the function `find`."""
        sample, analyte, field = sample.strip(), analyte.strip(), field.strip()
        own = self._own.get(field)
        found = [] if own is None else own(Question(self.run, sample, analyte))
        if not found and sample == analyte == ANY:
            found = self._whole_file(field)
        if not found and field == _WELLS_OF:
            found = [sum(_alike(well.sample or "", sample) for well in self._measured)]
        return found or [*self._cells(sample, analyte, field), *self._values(sample, analyte, field)]

    def quantities(self, sample: str, analyte: str) -> Iterator[str]:
        """What the run has of this analyte in this sample, the main quantity of a matrix first."""
        features = self.run.features
        names = [] if features is None else [features.value_type, *features.layers]
        names += dict.fromkeys(reading.quantity for reading in self.run.readings)
        names += dict.fromkeys(fact.name for fact in self.run.facts)
        return (name for name in dict.fromkeys(names) if self.find(sample, analyte, name))

    def _whole_file(self, field: str) -> list[Any]:
        words: Mapping[str, Callable[[], Any]] = {
            "n_wells": lambda: len(self._measured),
            "n_distinct_sample_names": lambda: len({well.sample for well in self._measured}),
            "n_rows": lambda: next((table.rows for table in self.run.tables), None),
            "columns": lambda: next((list(table.columns) for table in self.run.tables), None),
            "sheets": lambda: [table.name for table in self.run.tables],
            "n_sheets": lambda: len(self.run.tables),
            "n_grids_found": lambda: len(self.run.tables),
            "sample_ids": lambda: None if self.run.features is None else list(self.run.features.samples),
            "shape": lambda: None if self.run.features is None else list(self.run.features.shape),
        }
        stated = self.run.run.model_dump(exclude={"header"})
        header = {name.casefold(): text for name, text in self.run.run.header.items()}
        found = (
            [words[field]()]
            if field in words
            else [
                stated.get(field),
                header.get(field.removeprefix(_DECLARED).casefold()),
                self._cells_that_say(field.removeprefix(_NUMBER_OF)) if field.startswith(_NUMBER_OF) else None,
            ]
        )
        return [value for value in found if value is not None]

    def _cells_that_say(self, text: str) -> int | None:
        """How many cells hold this word in place of a number, such as `OVRFLW`."""
        return sum(reading.flag is not None and reading.raw.strip() == text for reading in self.run.readings) or None

    @cached_property
    def _measured(self) -> list[Well]:
        """The wells in which something was measured: in the first block, the one that defines the run."""
        readings = [reading for reading in self.run.readings if reading.location is not None]
        places = {(r.plate, r.location) for r in readings if r.quantity == readings[0].quantity}
        return [well for well in self.run.wells if not places or (well.plate, well.location) in places]

    def _cells(self, sample: str, analyte: str, field: str) -> Iterator[str]:
        """Readings and facts. A column may be asked for by its name as the field, or as the analyte with `value`."""
        column = analyte if field == VALUE else field
        analyte = self._renamed.get(analyte, analyte)
        items: Iterator[Reading | Fact] = chain(self.run.readings, self.run.facts)
        for item in items:
            name, text = (item.quantity, item.raw) if isinstance(item, Reading) else (item.name, item.text)
            of_analyte = (item.analyte or "").strip() == ("" if analyte == ANY else analyte)
            of_column = name.strip() == column
            if ((of_analyte and (of_column or field == VALUE)) or (of_column and not item.analyte)) and self._is(
                item, sample
            ):
                yield text

    def _is(self, item: Reading | Fact | Well, sample: str) -> bool:
        """Whether the item is of the sample: the whole name, or each of its parts, is one of the item's names."""
        if sample == ANY:
            return item.sample is None and item.location is None
        if _alike(item.sample or "", sample):
            return True
        names = [item.sample, item.plate, *self._named.get((item.plate, item.location), ())]
        return all(
            (item.location is not None and item.location in (part, read_well(part)))
            or any(_alike(name or "", part) for name in names)
            for part in parts(sample)
        )

    @cached_property
    def _renamed(self) -> dict[str, str]:
        """The analytes by their further names."""
        return {fact.text: fact.analyte for fact in self.run.facts if fact.name == OTHER_NAME and fact.analyte}

    @cached_property
    def _named(self) -> dict[tuple[str | None, str | None], list[str]]:
        """Other names of each well: what the file says about it."""
        found: dict[tuple[str | None, str | None], list[str]] = {}
        for fact in self.run.facts:
            if fact.location is not None and fact.analyte is None:
                found.setdefault((fact.plate, fact.location), []).append(fact.text)
        return found

    def _values(self, sample: str, analyte: str, field: str) -> Iterator[Any]:
        """Values and annotation of a matrix."""
        features = self.run.features
        if features is None:
            return
        rows = [] if analyte == ANY else self._rows.get(analyte, [])
        columns = [] if sample == ANY else self._columns(sample)
        if sample == ANY and len(features.samples) == 1:
            columns = [0]
        if sample == ANY and field in features.annotation:
            yield from (features.annotation[field][row] for row in rows)
        if analyte == ANY and field in features.sample_annotation:
            yield from (features.sample_annotation[field][column] for column in columns)
        layer = features.value_type if field == VALUE else field
        matrix = self.run.matrix
        if matrix is not None and layer in matrix.layers:
            yield from (matrix.value(layer, row, column) for row in rows for column in columns)

    @cached_property
    def _rows(self) -> dict[str, list[int]]:
        """The features by id and, where no id is so called, by what their annotation calls them."""
        features = self.run.features
        by_id: dict[str, list[int]] = {}
        by_name: dict[str, list[int]] = {}
        if features is not None:
            for row, name in enumerate(features.ids):
                by_id.setdefault(name.strip(), []).append(row)
            for texts in features.annotation.values():
                for row, text in enumerate(texts):
                    by_name.setdefault((text or "").strip(), []).append(row)
        return by_name | by_id

    def _columns(self, sample: str) -> list[int]:
        features = self.run.features
        if features is None:
            return []
        exact = [column for column, name in enumerate(features.samples) if _alike(name, sample)]
        if not exact and sample == _ONLY and len(features.samples) == 1:
            return [0]
        annotation = list(features.sample_annotation.values())
        return exact or [
            column
            for column, name in enumerate(features.samples)
            if all(
                any(_alike(text or "", part) for text in (name, *(texts[column] for texts in annotation)))
                for part in parts(sample)
            )
        ]


def parts(sample: str) -> list[str]:
    """The names that are joined in one: `1(1,A1)|Unknown1` is plate 1, well A1 and the sample Unknown1."""
    found: list[str] = []
    for part in (text.strip() for text in sample.split("|")):
        numbered, crossed = _NUMBERED.fullmatch(part), _ROW_AND_COLUMN.fullmatch(part)
        if numbered is not None:
            found += [text for text in (numbered["plate"], numbered["well"]) if text]
        elif crossed is not None and 0 < int(crossed[1]) <= 26:
            found.append(f"{chr(ord('A') + int(crossed[1]) - 1)}{int(crossed[2])}")
        else:
            found.append(part)
    return found


def _alike(name: str, asked: str) -> bool:
    """The same text or the same number: a workbook makes 146 of the sample `146.0`."""
    name = name.strip()
    return name == asked or _same_number(name, asked)


def _same_number(one: str, other: str) -> bool:
    if not (one[-1:].isdigit() and other[-1:].isdigit()):
        return False
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def same(expected: Any, found: Any) -> bool:
    """Whether what was found is what a manifest states.

    Texts without the blanks around them, character by character; a number as an exact decimal; a list or an object
    member by member; nothing and an empty text alike. A number of a matrix has no text but is compared as a number.
    """
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and expected.keys() == found.keys()
            and all(same(expected[key], found[key]) for key in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(same(one, other) for one, other in zip(expected, found, strict=True))
        )
    if isinstance(expected, int | float):
        try:
            return Decimal(str(found)) == Decimal(str(expected))
        except InvalidOperation:
            return False
    if isinstance(found, int | float):
        return _same_number(str(expected), str(found)) or nearest(str(expected)) == found
    return ("" if expected is None else str(expected)).strip() == ("" if found is None else str(found)).strip()
