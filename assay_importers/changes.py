"""What would change if the same file were read again, by a newer version of its importer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from assay_importers.contract import Fact, Features, ParsedRun, Reading, Well, plain


class Change(BaseModel):
    """One difference. `before` is null for what is new, `after` for what is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    where: str
    before: str | None
    after: str | None

    def line(self) -> str:
        """One line for a person."""
        if self.before is None:
            return f"new      {self.what} {self.where}: {self.after}"
        if self.after is None:
            return f"gone     {self.what} {self.where}: {self.before}"
        return f"changed  {self.what} {self.where}: {self.before} -> {self.after}"


def changes(before: ParsedRun, after: ParsedRun) -> tuple[Change, ...]:
    """Every difference between two readings of one file, in the order of the file.

    What is compared of a matrix is what its description holds: names, annotation, shape and the first values; all of
    its values where both runs have them at hand.
    """
    return tuple(_changes(before, after))


def _changes(before: ParsedRun, after: ParsedRun) -> Iterator[Change]:
    yield from _compare("importer", {"format": before.format}, {"format": after.format})
    yield from _compare("run", _run(before), _run(after))
    yield from _compare("well", _keyed(before.wells, _place, _well), _keyed(after.wells, _place, _well))
    yield from _compare("reading", _keyed(before.readings, _measured, said), _keyed(after.readings, _measured, said))
    yield from _compare("fact", _keyed(before.facts, _stated, _text), _keyed(after.facts, _stated, _text))
    yield from _compare("features", _features(before.features), _features(after.features))
    if before.matrix is not None and after.matrix is not None and before.matrix != after.matrix:
        yield Change(what="features", where="values", before="as they were read", after="others")
    for name in ("unread", "notes"):
        old, new = Counter(getattr(before, name)), Counter(getattr(after, name))
        yield from (Change(what=name, where="", before=text, after=None) for text in (old - new).elements())
        yield from (Change(what=name, where="", before=None, after=text) for text in (new - old).elements())


def said(reading: Reading) -> str:
    """A reading in words: value with comparator and unit, the flag, and the original text."""
    return words(reading.value, reading.comparator, reading.unit, reading.flag, reading.raw)


def words(value: Decimal | None, comparator: str | None, unit: str | None, flag: str | None, raw: str) -> str:
    """What `said` says, of the parts of a reading. Equal decimals of other writing are told apart by the text alone."""
    number = "" if value is None else plain(value.normalize())
    parts = ((comparator or "") + number, unit or "", f"({flag})" if flag else "", f"[{raw}]")
    return " ".join(part for part in parts if part)


def _compare(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for where in dict.fromkeys((*old, *new)):
        if old.get(where) != new.get(where):
            yield Change(what=what, where=where, before=old.get(where), after=new.get(where))


def _keyed(items: Iterable[Any], key: Any, text: Any) -> dict[str, str]:
    """Each item by its key; one that stands again by its key and a number."""
    seen: Counter[Hashable] = Counter()
    found: dict[str, str] = {}
    for item in items:
        name = key(item)
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = text(item)
    return found


def _place(item: Well | Reading | Fact) -> str:
    return " ".join(part for part in (item.plate, item.location) if part)


def _measured(reading: Reading) -> str:
    return " ".join(part for part in (_place(reading), reading.sample, reading.analyte, reading.quantity) if part)


def _stated(fact: Fact) -> str:
    return " ".join(part for part in (_place(fact), fact.sample, fact.analyte, fact.name) if part)


def _text(fact: Fact) -> str:
    return fact.text


def _well(well: Well) -> str:
    dilution = "" if well.dilution is None else f", diluted {plain(well.dilution)}"
    return f"{well.sample or 'no sample'}, {well.role}{dilution}"


def _run(run: ParsedRun) -> dict[str, str]:
    named = {name: text for name, text in run.run.model_dump(exclude={"header"}).items() if text is not None}
    return {**named, **{f"header {name}": text for name, text in run.run.header.items()}}


def _features(features: Features | None) -> dict[str, str]:
    if features is None:
        return {}
    return {
        "value type": features.value_type,
        "unit": features.unit or "none",
        "shape": f"{features.shape[0]} x {features.shape[1]}",
        "layers": ", ".join(features.layers),
        **{f"id {row + 1}": name for row, name in enumerate(features.ids)},
        **{f"sample {column + 1}": name for column, name in enumerate(features.samples)},
        **{f"{name} of {features.ids[row]}": text for name, row, text in _annotated(features.annotation)},
        **{f"{name} of {features.samples[row]}": text for name, row, text in _annotated(features.sample_annotation)},
        "first values": str(features.head),
    }


def _annotated(annotation: Mapping[str, tuple[str | None, ...]]) -> Iterator[tuple[str, int, str]]:
    return ((name, row, text) for name, texts in annotation.items() for row, text in enumerate(texts) if text)
