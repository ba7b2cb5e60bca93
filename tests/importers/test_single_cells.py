"""Matrices of single cells: 10x in text and HDF5, AnnData."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from assay_importers.contract import Importer, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.h5ad import H5ad
from assay_importers.formats.tenx_h5 import TenxH5
from assay_importers.formats.tenx_mtx import TenxMtx
from assay_importers.lookup import find
from tests.importers.real_files import missed


def file(content: str | bytes, name: str = "x", *more: SourceFile) -> SourceFile:
    return SourceFile(name, content.encode() if isinstance(content, str) else content, more)


def verdict(importer: Importer, content: str | bytes) -> Verdict:
    return importer.sniff(file(content).head).verdict


def test_every_check_of_the_real_files_holds(data: Path, manifest: list[dict[str, Any]]) -> None:
    folders = ("10x_mtx_v3", "10x_h5", "h5ad")
    importers: list[Importer] = [TenxMtx(), TenxH5(), H5ad()]
    assert missed(data, manifest, {f"transcriptomics/{folder}" for folder in folders}, importers) == []


MARKET = "%%MatrixMarket matrix coordinate integer general\n"
MATRIX = MARKET + '%metadata_json: {"software_version": "8"}\n%\n% by hand\n3 5 4\n1 1 5\n3 1 1\n2 4 7\n3 5 2\n'
FEATURES = "ENSG00000000003\tTSPAN6\tGene Expression\nENSG00000000005\tTNMD\tGene Expression\n"
FEATURES += "CD3\tCD3\tAntibody Capture\n"
GENES = "".join(f"ENSG{number:011d}\tG{number}\n" for number in range(5))
BARCODES = "".join(f"AAACCCAAGGAGAG{pair}-1\n" for pair in ("AA", "AC", "AG", "AT", "CC"))


def test_the_three_files() -> None:
    run = TenxMtx().parse(file(MATRIX, "m", file(FEATURES, "f"), file(BARCODES, "b")))
    assert run.features is not None
    assert run.matrix is not None
    assert run.features.shape == (3, 5)
    assert run.features.samples[0] == "AAACCCAAGGAGAGAA-1"
    assert run.features.annotation["feature_type"] == ("Gene Expression", "Gene Expression", "Antibody Capture")
    assert run.matrix.layers["count"].toarray().tolist() == [[5, 0, 0, 0, 0], [0, 0, 0, 7, 0], [1, 0, 0, 0, 2]]
    assert run.run.header["software_version"] == "8"
    assert run.run.header["comment"] == "by hand"
    assert run.notes == ()
    assert [table.rows for table in run.tables] == [3, 5]


def test_each_file_alone() -> None:
    genes = TenxMtx().parse(file(GENES))
    assert genes.features is not None
    assert (genes.features.shape, list(genes.features.annotation)) == ((5, 0), ["name"])
    assert find(genes, "*", "*", "first_line") == ["ENSG00000000000\tG0"]
    assert "the matrix is not among the files: there are names, but no values" in genes.notes
    alone = TenxMtx().parse(file(MATRIX.replace("%metadata_json: {", "%metadata_json: [")))
    assert alone.features is not None
    assert (alone.features.ids, alone.features.samples) == (("1", "2", "3"), ("1", "2", "3", "4", "5"))
    assert find(alone, "*", "*", "dims features x cells x nnz") == [["3", "5", "4"]]
    assert find(alone, "*", "*", "first_line") == []
    wide = "".join(f"g\tn\tGene Expression\tchr1\t1\t2\t{number}\n" for number in range(5))
    more = TenxMtx().parse(file(wide))
    assert more.features is not None
    assert list(more.features.annotation)[-2:] == ["end", "column 7"]
    assert "1 id(s) stand more than once, g first" in more.notes
    for text in (MATRIX, GENES, wide, BARCODES, BARCODES * 4000):
        assert verdict(TenxMtx(), text) is Verdict.YES


def test_barcodes_of_any_kind_beside_a_matrix() -> None:
    names = "cell_1\ncell_2\ncell_3\ncell_4\ncell_5\n"
    assert verdict(TenxMtx(), names) is Verdict.MAYBE
    run = TenxMtx().parse(file(MATRIX, "m", file(names, "b")))
    assert run.features is not None
    assert run.features.samples[4] == "cell_5"


def test_a_matrix_of_barcodes_by_features_is_turned() -> None:
    turned = MARKET + "5 3 1\n1 3 9\n"
    run = TenxMtx().parse(file(turned, "m", file(FEATURES, "f"), file(BARCODES, "b")))
    assert run.matrix is not None
    assert run.matrix.value("count", 2, 0) == 9
    assert "turned" in run.notes[0]


@pytest.mark.parametrize(
    "text",
    ["\x00", "%%MatrixMarket matrix array real general\n", "a b\n", "a\tb\n" * 9, "a\tb\tc\n" * 9, "a\tb\t1\td\n" * 9],
)
def test_what_is_no_part(text: str) -> None:
    assert verdict(TenxMtx(), text) is Verdict.NO
    with pytest.raises(FaultyFile):
        TenxMtx().parse(file(text))


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ((MATRIX, MATRIX), "m and 1 are both matrix"),
        ((MATRIX, BARCODES * 2), "the matrix is 3 x 5"),
        ((MATRIX.replace("3 5 4", "3 5"),), "the size of the matrix is missing"),
        ((MARKET,), "the size of the matrix is missing"),
        ((MATRIX.replace("3 5 4", "3 5 400"),), "was cut off"),
        ((MATRIX.replace("3 5 4", "3 99999999 4"),), "was cut off"),
        ((MATRIX.replace("3 5 2", "9 5 2"),), "cannot be read"),
        ((MATRIX.replace("integer", "complex").replace("1 1 5", "1 1 5 5"),), r"cannot be read|neither whole"),
        ((MARKET.replace("integer", "complex") + "1 1 1\n1 1 5 5\n",), "neither whole numbers nor fractions"),
        ((FEATURES + "a\tb\n",), "no part of a 10x matrix"),
        ((FEATURES + "a\tb\tPeaks\td\n",), "the row has 4 cells"),
    ],
)
def test_what_does_not_fit_is_refused(files: tuple[str, ...], problem: str) -> None:
    first, *others = files
    with pytest.raises(FaultyFile, match=problem):
        TenxMtx().parse(file(first, "m", *(file(text, str(number)) for number, text in enumerate(others, 1))))


VALUES = scipy.sparse.csc_array(np.array([[1, 0], [0, 2], [3, 0]], dtype=np.int32))


def hdf5(fill: Callable[[h5py.File], None]) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as source:
        fill(source)
    return out.getvalue()


def group(source: Any, name: str, *, old: bool, barcodes: tuple[bytes, ...] = (b"AA-1", b"AC-1")) -> None:
    made = source.create_group(name)
    for part in ("data", "indices", "indptr"):
        made[part] = getattr(VALUES, part)
    made["shape"] = VALUES.shape
    made["barcodes"] = list(barcodes)
    ids = [b"G1", b"G2", b"G2"]
    if old:
        made["genes"], made["gene_names"] = ids, [b"A", b"B", b"C"]
    else:
        features = made.create_group("features")
        features["id"], features["name"], features["_all_tag_keys"] = ids, [b"A", b"B", b"C"], [b"genome"]


def test_hdf5_of_10x() -> None:
    def fill(source: Any) -> None:
        group(source, "matrix", old=False)
        source["other"] = 1
        source.attrs["chemistry_description"] = "v3"
        source.attrs["library_ids"] = np.array([b"L1"])

    content = hdf5(fill)
    run = TenxH5().parse(file(content))
    assert run.features is not None
    assert run.matrix is not None
    assert run.matrix.layers["count"].toarray().tolist() == VALUES.toarray().tolist()
    assert run.features.annotation == {"name": ("A", "B", "C")}
    assert (run.run.protocol, run.run.header["library_ids"]) == ("v3", "L1")
    assert run.unread == ("/other: no part of the matrix",)
    assert run.notes == ("1 id(s) stand more than once, G2 first",)
    assert verdict(TenxH5(), content) is Verdict.YES
    assert verdict(TenxH5(), "x") is verdict(TenxH5(), hdf5(lambda source: None)) is Verdict.NO


def test_hdf5_of_two_genomes() -> None:
    def fill(source: Any) -> None:
        group(source, "hg19", old=True)
        group(source, "mm10", old=True)

    run = TenxH5().parse(file(hdf5(fill)))
    assert run.features is not None
    assert run.features.shape == (6, 2)
    assert run.features.annotation["genome"][2:4] == ("hg19", "mm10")


@pytest.mark.parametrize(
    ("fill", "problem"),
    [
        (lambda source: None, "holds no 10x matrix"),
        (
            lambda source: (group(source, "a", old=True), group(source, "b", old=True, barcodes=(b"x", b"y"))),
            "other barcodes each",
        ),
        (lambda source: group(source, "a", old=True, barcodes=(b"x",)), "the matrix has 2 columns"),
        (
            lambda source: (
                group(source, "a", old=True),
                source["a/indices"].write_direct(np.array([9, 9, 9], dtype="i4")),
            ),
            "cannot be read",
        ),
    ],
)
def test_hdf5_that_is_no_matrix_is_refused(fill: Callable[[h5py.File], None], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        TenxH5().parse(file(hdf5(fill)))
    with pytest.raises(FaultyFile, match="no HDF5 file"):
        TenxH5().parse(file("x"))
    with pytest.raises(FaultyFile, match="cannot be read"):
        TenxH5().parse(file(hdf5(fill)[:600]))


def written(data: anndata.AnnData) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as source:
        anndata.io.write_elem(source, "/", data)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_anndata_of_today() -> None:
    obs = pd.DataFrame({"dose": [1.5, np.nan], "arm": pd.Categorical(["a", "b"])}, index=["c1", "c2"])
    var = pd.DataFrame({"symbol": ["A", "B", "C"]}, index=["g1", "g2", "g3"])
    data = anndata.AnnData(VALUES.T.tocsr().astype(np.float32), obs=obs, var=var, uns={"title": "T", "deep": {"a": 1}})
    data.layers["dense"] = np.array([[1, 2, 3], [4, 5, 6]])
    content = written(data)
    run = H5ad().parse(file(content))
    assert run.features is not None
    assert run.features.head == ((1, 0), (0, 2), (3, 0))
    assert run.features.layers["dense"].head == ((1, 4), (2, 5), (3, 6))
    assert run.features.sample_annotation == {"dose": ("1.5", None), "arm": ("a", "b")}
    assert run.features.annotation == {"symbol": ("A", "B", "C")}
    assert run.run.header == {"title": "T"}
    assert run.unread == ("uns: deep",)
    assert find(run, "*", "*", "var_columns") == [["symbol"]]
    assert verdict(H5ad(), content) is Verdict.YES
    assert verdict(TenxH5(), content) is Verdict.NO
    large = anndata.AnnData(np.random.default_rng(1).random((300, 200)))
    assert verdict(H5ad(), written(large)) is Verdict.YES, "the names of its parts stand behind its values"
    del data.layers["dense"]
    data.X = None
    with pytest.raises(FaultyFile, match="no values"):
        H5ad().parse(file(written(data)))


@pytest.mark.parametrize("content", [b"x", hdf5(lambda source: None), hdf5(lambda source: None) + b"MuData"])
def test_what_is_no_anndata(content: bytes) -> None:
    assert verdict(H5ad(), content) is Verdict.NO


def test_anndata_of_texts_is_refused() -> None:
    def fill(source: Any) -> None:
        anndata.io.write_elem(source, "/", anndata.AnnData(np.array([[1.0]])))
        del source["X"]
        source["X"] = [[b"x"]]

    with pytest.raises(FaultyFile):
        H5ad().parse(file(hdf5(fill)))
