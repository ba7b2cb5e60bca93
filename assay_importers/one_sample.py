"""Files of one sample each, as pipelines write them: the name of the sample, and many of them as one matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any

from assay_importers.contract import Features, Importer, ParsedRun, Reading, Run, Table
from assay_importers.errors import FaultyFile
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import repeated
from assay_importers.values import read_value

_EXTENSION = re.compile(r"\.(?:txt|tsv|tab|csv|out|sf|results|counts?)$", re.IGNORECASE)
_FOLDER = re.compile(r"[._-](?:quant|quants|salmon|kallisto|rsem|star|htseq)$", re.IGNORECASE)


def sample_name(path: str, ending: re.Pattern[str]) -> str:
    """The name of the sample in a path: that of the file without what the pipeline puts behind it; where every file is
    called alike, that of its folder.
    """
    parts = PurePosixPath(path.replace("\\", "/"))
    name, count = ending.subn("", parts.name)
    if not count:
        name = _EXTENSION.sub("", parts.name)
    name = name.strip("._- ")
    if not name and parts.parent.name:
        name = _FOLDER.sub("", parts.parent.name)
    return name or parts.name


@dataclass(frozen=True, eq=False)
class Sample:
    """What one file says: an id for each feature, numbers in layers, texts in annotation."""

    name: str
    ids: Sequence[str]
    layers: Mapping[str, Any]
    annotation: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Part:
    """Everything of one file: its sample, and what is no matrix."""

    sample: Sample
    table: Table
    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Joined:
    """Samples as one matrix."""

    features: Features
    matrix: Matrix
    notes: tuple[str, ...]


def run_of(importer: Importer, run: Run, parts: Sequence[Part], units: Mapping[str, str | None]) -> ParsedRun:
    """The run that these files are. Notes of one file among several begin with the name of its sample."""
    joined = join([part.sample for part in parts], units)
    several = len(parts) > 1
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=run,
        readings=tuple(reading for part in parts for reading in part.readings),
        tables=tuple(part.table for part in parts),
        features=joined.features,
        matrix=joined.matrix,
        notes=(
            *(f"{part.sample.name}: {note}" if several else note for part in parts for note in part.notes),
            *joined.notes,
        ),
    )


def count_of(sample: str, quantity: str, raw: str, unit: str | None = "reads") -> Reading:
    """A number that the file gives for a sample as a whole."""
    value = read_value(raw)
    return Reading(
        plate=None,
        location=None,
        sample=sample,
        analyte=None,
        quantity=quantity,
        value=value.value,
        comparator=value.comparator,
        raw=raw,
        unit=unit,
        flag=value.flag,
    )


def join(samples: Sequence[Sample], units: Mapping[str, str | None]) -> Joined:
    """One matrix of all samples: the union of the ids in the order of the first file, NaN where a file lacks one.

    Raises `FaultyFile` for two files of one sample, for files with different columns, and for ids that stand twice in
    files that list different ones.
    """
    twice = repeated([sample.name for sample in samples])
    if twice:
        raise FaultyFile(
            f"two files are of the sample {twice[0]}", expected="files, or folders, that are called after their samples"
        )
    first = samples[0]
    for sample in samples:
        if set(sample.layers) != set(first.layers):
            raise FaultyFile(
                f"{sample.name} has the columns {', '.join(sample.layers)}, {first.name} {', '.join(first.layers)}",
                expected="files of one run of one program",
            )
    alike = all(sample.ids == first.ids for sample in samples)
    ids, notes = (list(first.ids), []) if alike else _union(samples)
    doubled = repeated(ids)
    if doubled:
        notes.append(f"{len(doubled):,} id(s) stand more than once, {doubled[0]} first")
    numpy = import_module("numpy")
    annotation: dict[str, Sequence[str | None]]
    if alike:
        layers = {name: numpy.column_stack([sample.layers[name] for sample in samples]) for name in first.layers}
        annotation = dict(first.annotation)
    else:
        rows = {name: row for row, name in enumerate(ids)}
        places = [numpy.array([rows[name] for name in sample.ids], dtype=numpy.int64) for sample in samples]
        layers = {name: _spread([sample.layers[name] for sample in samples], places, len(ids)) for name in first.layers}
        annotation = _annotated(samples, ids)
    matrix = Matrix(layers)
    features = Features.of(
        matrix, samples=[sample.name for sample in samples], ids=ids, units=units, annotation=annotation
    )
    return Joined(features, matrix, tuple(notes))


def _union(samples: Sequence[Sample]) -> tuple[list[str], list[str]]:
    ids: dict[str, None] = {}
    for sample in samples:
        twice = repeated(sample.ids)
        if twice:
            raise FaultyFile(
                f"{sample.name} has the id {twice[0]} more than once and other ids than {samples[0].name}",
                expected="files with the same ids, or each id once",
            )
        ids.update(dict.fromkeys(sample.ids))
    notes = [
        f"{sample.name} lacks {len(ids) - len(sample.ids):,} of the {len(ids):,} ids of all files"
        for sample in samples
        if len(sample.ids) < len(ids)
    ]
    return list(ids), notes


def _spread(columns: Sequence[Any], places: Sequence[Any], rows: int) -> Any:
    numpy = import_module("numpy")
    whole = all(len(place) == rows for place in places)
    kind = numpy.result_type(*columns) if whole else numpy.float64
    values = numpy.full((rows, len(columns)), 0 if whole else numpy.nan, dtype=kind, order="F")
    for number, (column, place) in enumerate(zip(columns, places, strict=True)):
        values[place, number] = column
    return values


def _annotated(samples: Sequence[Sample], ids: Sequence[str]) -> dict[str, Sequence[str | None]]:
    """The annotation of the first file that has the id."""
    found: dict[str, dict[str, str]] = {}
    for sample in reversed(samples):
        for name, texts in sample.annotation.items():
            found.setdefault(name, {}).update(zip(sample.ids, texts, strict=True))
    return {name: [texts.get(feature) for feature in ids] for name, texts in found.items()}
