"""Words for facts of expression files: totals of a matrix, and rows of the counters beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay_importers.lookup.question import Answer, Question
from assay_importers.text_matrix import repeated

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


def _split_header(key: str) -> Answer:
    def answer(asked: Question) -> list[Any]:
        text = asked.run.run.header.get(key)
        return [] if text is None else [text.split()]

    return answer


def _header(key: str) -> Answer:
    def answer(asked: Question) -> list[Any]:
        return [text for name, text in asked.run.run.header.items() if name == key]

    return answer


def _table_samples(asked: Question) -> list[Any]:
    return [len(table.columns) - 1 for table in asked.run.tables]


def _first_sample(asked: Question) -> list[Any]:
    return [table.columns[1] for table in asked.run.tables if len(table.columns) > 1]


def _table_header(asked: Question) -> list[Any]:
    """The header as a series matrix has it, every name in quotation marks; whole, and its first five columns."""
    columns = [[f'"{name}"' for name in table.columns] for table in asked.run.tables]
    return ["\t".join(names[:most]) for names in columns for most in (len(names), 5)]


def _table_rows(asked: Question) -> list[Any]:
    return [table.rows for table in asked.run.tables]


def _table_columns(asked: Question) -> list[Any]:
    return [len(table.columns) for table in asked.run.tables]


def _repeated_columns(asked: Question) -> list[Any]:
    return [sorted(repeated(table.columns)) for table in asked.run.tables]


def _lines(asked: Question) -> list[Any]:
    """The rows of the file of names."""
    return [table.rows for table in asked.run.tables]


def _first_line(asked: Question) -> list[Any]:
    features = asked.run.features
    if features is None or not asked.run.tables:
        return []
    if asked.run.tables[0].name == "barcodes":
        return list(features.samples[:1])
    return ["\t".join([features.ids[0], *(str(texts[0]) for texts in features.annotation.values())])]


def _dimensions(asked: Question) -> list[Any]:
    features, entries = asked.run.features, asked.run.run.header.get("entries")
    return [] if features is None else [[*(str(size) for size in features.shape), entries]]


def _turned_shape(asked: Question) -> list[Any]:
    """AnnData counts observations first."""
    return [] if asked.run.features is None else [list(asked.run.features.shape[::-1])]


def _observations(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else [list(asked.run.features.sample_annotation)]


def _variables(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else [list(asked.run.features.annotation)]


def _first_observation(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else list(asked.run.features.samples[:1])


def _first_variable(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else list(asked.run.features.ids[:1])


def _layer_names(asked: Question) -> list[Any]:
    return [] if asked.run.features is None else [list(asked.run.features.layers)]


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
GCT = {"declared_dims": _split_header("dimensions")}
SERIES_MATRIX = {
    "n_samples": _table_samples,
    "first_GSM": _first_sample,
    "table_header": _table_header,
    "n_data_rows": _table_rows,
}
SOFT = {
    "feature_count": _header("dataset_feature_count"),
    "sample_count": _header("dataset_sample_count"),
    "samples": _samples,
}
SDRF = {"n_columns": _table_columns, "duplicate_column_names": _repeated_columns}
TENX_MTX = {"n_lines": _lines, "first_line": _first_line, "dims features x cells x nnz": _dimensions}
H5AD = {
    "shape": _turned_shape,
    "obs_columns": _observations,
    "var_columns": _variables,
    "first_obs": _first_observation,
    "first_var": _first_variable,
    "X_sum": total("X"),
    "layers": _layer_names,
}
