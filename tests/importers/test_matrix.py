"""Matrices of features: their values, their way between processes, and the files they are written to."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import anndata
import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.sparse

from assay_importers.contract import Features, ParsedRun, Run
from assay_importers.errors import CannotExport
from assay_importers.export import write_features
from assay_importers.matrix import Matrix, dump, load

DENSE = Matrix(
    {
        "npx": np.array([[0.1, np.nan, 2.0], [1e-7, 5.25, 0.0]], dtype=np.float32),
        "count": np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int64),
    }
)
SPARSE = Matrix({"count": scipy.sparse.csc_array(np.array([[0, 3], [0, 0], [7, 0]]))})


def features(matrix: Matrix) -> Features:
    rows, columns = matrix.shape
    return Features.of(
        matrix,
        samples=[f"P{number}" for number in range(columns)],
        ids=[f"G{number}" for number in range(rows)],
        units={"npx": "NPX"},
        annotation={"gene/name": [None] * rows},
        sample_annotation={"plate": ["1"] * columns},
    )


def run(matrix: Matrix | None) -> ParsedRun:
    described = None if matrix is None else features(matrix)
    return ParsedRun(format="f", importer_version="1", run=Run(), features=described, matrix=matrix)


def test_a_matrix_is_described_by_its_first_values() -> None:
    described = features(DENSE)
    assert (described.value_type, described.unit, described.shape) == ("npx", "NPX", (2, 3))
    assert described.head == ((0.1, None, 2.0), (1e-07, 5.25, 0.0)), "a float32 is its own shortest decimal"
    assert described.layers["count"].head == ((1, 2, 3), (4, 5, 6))
    assert described.layers["count"].unit is None
    assert features(SPARSE).head == ((0, 3), (0, 0), (7, 0))


def test_the_head_is_five_by_five() -> None:
    head = features(Matrix({"count": np.arange(70).reshape(7, 10)})).head
    assert [len(row) for row in head] == [5] * 5
    assert head[4][4] == 44


@pytest.mark.parametrize("layers", [{}, {"a": np.zeros(3)}, {"a": np.zeros((1, 2)), "b": np.zeros((2, 1))}])
def test_layers_have_one_shape(layers: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="layers of one shape"):
        Matrix(layers)


@pytest.mark.parametrize("wrong", [{"samples": ["P"]}, {"ids": []}, {"annotation": {"gene": ["a"]}}])
def test_names_fit_the_matrix(wrong: dict[str, object]) -> None:
    names = {"samples": ["P0", "P1"], "ids": ["G0", "G1", "G2"]} | wrong
    with pytest.raises(ValueError, match="for a matrix of 3 x 2"):
        Features.of(SPARSE, **names)  # type: ignore[arg-type]


@pytest.mark.parametrize("matrix", [DENSE, SPARSE])
def test_values_survive_the_way_between_processes(matrix: Matrix) -> None:
    again = load(dump(matrix))
    assert list(again.layers) == list(matrix.layers)
    for name, layer in matrix.layers.items():
        assert again.layers[name].dtype == layer.dtype
        for column in range(matrix.shape[1]):
            np.testing.assert_array_equal(again.column(name, column), matrix.column(name, column))


def test_half_a_matrix_is_none() -> None:
    whole = dump(SPARSE)
    for cut in (3, 8, 12, 30, len(whole) - 1):
        with pytest.raises(ValueError, match=r"."):
            load(whole[:cut])


def test_a_pickle_is_not_read() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        load(struct.pack("<cI", b"D", 1) + b"x" + buffer.getvalue())


@pytest.mark.parametrize("matrix", [DENSE, SPARSE])
def test_parquet_holds_everything(tmp_path: Path, matrix: Matrix) -> None:
    target = tmp_path / "m.parquet"
    write_features(run(matrix), target)
    table = pq.read_table(target)
    assert table.column("id").to_pylist() == list(features(matrix).ids)
    first = next(iter(matrix.layers))
    assert table.schema.metadata[b"value_type"] == first.encode()
    for column in range(matrix.shape[1]):
        expected = [None if np.isnan(value) else value for value in matrix.column(first, column).tolist()]
        assert table.column(f"P{column}").to_pylist() == expected
    assert ("count/P2" in table.column_names) is (matrix is DENSE)


def test_a_name_that_stands_twice_is_numbered(tmp_path: Path) -> None:
    described = features(DENSE).model_copy(update={"samples": ("P", "P", "P")})
    write_features(run(DENSE).model_copy(update={"features": described}), tmp_path / "m.parquet")
    assert pq.read_table(tmp_path / "m.parquet").column_names[2:5] == ["P", "P#2", "P#3"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("matrix", [DENSE, SPARSE])
def test_anndata_holds_everything(tmp_path: Path, matrix: Matrix) -> None:
    target = tmp_path / "m.h5ad"
    write_features(run(matrix), target)
    data = anndata.read_h5ad(target)
    assert list(data.obs_names) == list(features(matrix).samples)
    assert list(data.var_names) == list(features(matrix).ids)
    assert list(data.obs["plate"]) == ["1"] * matrix.shape[1]
    assert list(data.layers) == list(matrix.layers)[1:]
    values = data.X if isinstance(data.X, np.ndarray) else data.X.toarray()
    main = next(iter(matrix.layers))
    for column in range(matrix.shape[1]):
        np.testing.assert_array_equal(values[column], matrix.column(main, column))


@pytest.mark.parametrize(
    ("matrix", "name", "problem"),
    [
        (DENSE, "m.xlsx", "written as one of"),
        (None, "m.h5ad", "no matrix"),
        (DENSE, "none/m.parquet", "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, matrix: Matrix | None, name: str, problem: str) -> None:
    with pytest.raises(CannotExport, match=problem):
        write_features(run(matrix), tmp_path / name)
