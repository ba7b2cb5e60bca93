"""A matrix of features written as a file that other tools read: Parquet or AnnData."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any

from assay_importers.contract import Features, ParsedRun
from assay_importers.errors import CannotExport
from assay_importers.matrix import Matrix

SUFFIXES = (".parquet", ".h5ad")


def write_features(run: ParsedRun, path: Path) -> None:
    """Write the run's matrix, with names, annotation and layers, in the form that the end of the path names.

    Parquet: a row for each feature: `id`, its annotation, a column for each sample, and for each further layer a column
    `LAYER/SAMPLE` for each sample. AnnData: samples are observations, features are variables, layers are layers.
    Raises `CannotExport`.
    """
    if path.suffix not in SUFFIXES:
        raise CannotExport(f"{path.name}: a matrix is written as one of {', '.join(SUFFIXES)}")
    if run.features is None or run.matrix is None:
        raise CannotExport(f"the file is {run.format} and holds no matrix of features")
    write = parquet if path.suffix == ".parquet" else h5ad
    try:
        path.write_bytes(write(run.features, run.matrix))
    except OSError as error:
        raise CannotExport(f"{path} cannot be written: {error.strerror}") from error


def parquet(features: Features, matrix: Matrix) -> bytes:
    """The bytes of a Parquet file. Its metadata holds value type and unit."""
    arrow = import_module("pyarrow")
    columns: dict[str, Any] = {"id": arrow.array(features.ids, arrow.string())}
    for name, texts in features.annotation.items():
        columns[_free(name, columns)] = arrow.array(texts, arrow.string())
    for number, layer in enumerate(matrix.layers):
        for index, sample in enumerate(features.samples):
            name = sample if number == 0 else f"{layer}/{sample}"
            columns[_free(name, columns)] = arrow.array(matrix.column(layer, index), from_pandas=True)
    table = arrow.table(columns).replace_schema_metadata(
        {"value_type": features.value_type, "unit": features.unit or ""}
    )
    out = io.BytesIO()
    import_module("pyarrow.parquet").write_table(table, out, compression="zstd")
    return out.getvalue()


def _free(name: str, taken: dict[str, Any]) -> str:
    """The name, numbered where a column has it already: samples and genes are given twice in real files."""
    number = 2
    found = name
    while found in taken:
        found = f"{name}#{number}"
        number += 1
    return found


def h5ad(features: Features, matrix: Matrix) -> bytes:
    """The bytes of an AnnData file."""
    frame = import_module("pandas").DataFrame
    anndata = import_module("anndata")
    main, *others = (layer.T for layer in matrix.layers.values())
    names = list(matrix.layers)[1:]
    data = anndata.AnnData(
        X=main,
        obs=_frame(frame, features.sample_annotation, features.samples),
        var=_frame(frame, features.annotation, features.ids),
        layers=dict(zip(names, others, strict=True)),
        uns={"value_type": features.value_type, "unit": features.unit or ""},
    )
    out = io.BytesIO()
    with import_module("h5py").File(out, "w") as file:
        import_module("anndata.io").write_elem(file, "/", data)
    return out.getvalue()


def _frame(frame: Any, columns: Any, index: tuple[str, ...]) -> Any:
    """An AnnData reader takes no slash in a name, and no missing text."""
    texts = {name.replace("/", "_"): [text or "" for text in values] for name, values in columns.items()}
    return frame(texts, index=list(index), dtype=str)
