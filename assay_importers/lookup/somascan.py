"""Words for facts of ADAT files."""

from __future__ import annotations

from collections import Counter
from typing import Any

from assay_importers.lookup.question import Question


def _analytes(asked: Question) -> list[Any]:
    features = asked.run.features
    return [] if features is None else [features.shape[0]]


def _sample_types(asked: Question) -> list[Any]:
    features = asked.run.features
    return [] if features is None else [dict(Counter(features.sample_annotation.get("SampleType", ())))]


FIELDS = {"n_seqids": _analytes, "sample_types": _sample_types}
