"""Words for facts of expression files: totals of a matrix, and rows of the counters beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay_importers.lookup.question import Answer, Question

_PLACES = (6, 3, 2)


def total(layer: str | None = None) -> Answer:
    """The sum of a layer, of the first where none is named, over the sample or all samples; of fractions as written to
    six, three and two places.
    """

    def answer(asked: Question) -> list[Any]:
        features, matrix = asked.run.features, asked.run.matrix
        if features is None or matrix is None:
            return []
        name = layer or features.value_type
        if name not in matrix.layers:
            return []
        wanted = [column for column, sample in enumerate(features.samples) if asked.sample in {"*", sample.strip()}]
        parts = [matrix.column(name, column) for column in wanted]
        if all(part.dtype.kind in "iu" for part in parts):
            return [sum(int(part.sum()) for part in parts)]
        whole = math.fsum(value for part in parts for value in part.tolist() if not math.isnan(value))
        return [round(whole, places) for places in _PLACES]

    return answer


def _raws(asked: Question, quantity: Callable[[str], bool]) -> list[str]:
    return [reading.raw for reading in asked.run.readings if quantity(reading.quantity)]


def _strands(asked: Question) -> list[Any]:
    """The totals that STAR gives for each strand, in its order."""
    return [_raws(asked, lambda quantity: quantity.startswith(f"{asked.analyte}: "))]


def _row(asked: Question) -> list[Any]:
    """The counts of one status, sample by sample."""
    return [_raws(asked, lambda quantity: quantity == asked.analyte)]


def _counter(asked: Question) -> list[Any]:
    return list(_raws(asked, lambda quantity: quantity == asked.analyte))


def _header_line(asked: Question) -> list[Any]:
    return ["\t".join(table.columns) for table in asked.run.tables]


def _status_line(asked: Question) -> list[Any]:
    return ["\t".join([asked.analyte, *_raws(asked, lambda quantity: quantity == asked.analyte)])]


def _samples(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else [list(asked.run.features.samples)]


def _annotation_columns(asked: Question) -> list[Any]:
    """The column of ids and the annotation beside it."""
    return [] if asked.run.features is None else [1 + len(asked.run.features.annotation)]


STAR = {
    "unstranded/stranded1/stranded2": _strands,
    "sum_unstranded": total("unstranded"),
    "sum_forward": total("forward"),
    "sum_reverse": total("reverse"),
}
HTSEQ = {"special": _counter, "total_assigned": total()}
FEATURECOUNTS = {
    "sample_columns_raw": _samples,
    "n_annotation_columns": _annotation_columns,
    "sum_counts": total(),
    "row": _row,
    "line1": _header_line,
    "line2": _status_line,
}
SALMON = {"sum_NumReads": total("NumReads"), "sum_TPM": total("TPM")}
KALLISTO = {"sum_est_counts": total("est_counts"), "sum_tpm": total("tpm")}
RSEM = {"sum_expected_count": total("expected_count"), "sum_TPM": total("TPM"), "sum_FPKM": total("FPKM")}
