"""AnnData files of every age, read by anndata: observations become samples, variables features."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from assay_importers.contract import Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.hdf5 import is_anndata, opened
from assay_importers.matrix import Matrix

_MAIN = "X"
_OTHERS = ("obsm", "varm", "obsp", "varp", "uns")


class H5ad(Importer):
    """`X` and the layers, features by samples, with the annotation of both."""

    key = "h5ad"
    title = "AnnData"
    version = "1"
    extensions = (".h5ad",)
    technique = "single-cell RNA sequencing"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.store is None:
            return Finding(Verdict.NO, "not HDF5")
        if b"MuData" in head.store:
            return Finding(Verdict.NO, "HDF5 of MuData, several AnnData in one")
        if is_anndata(head.store):
            return Finding(Verdict.YES, "HDF5 with the parts of AnnData")
        return Finding(Verdict.NO, "HDF5 without the parts of AnnData")

    def parse(self, file: SourceFile) -> ParsedRun:
        with opened(file.content), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layouts that are old: that is why anndata reads them
            data = import_module("anndata").read_h5ad(io.BytesIO(file.content))
            layers = dict(_layers(data))
            if not layers:
                raise FaultyFile("the file holds no values", expected="a matrix X, or layers")
            matrix = Matrix(layers)
            features = Features.of(
                matrix,
                samples=[str(name) for name in data.obs_names],
                ids=[str(name) for name in data.var_names],
                annotation=_texts(data.var),
                sample_annotation=_texts(data.obs),
            )
            unread = tuple(_unread(data))
            tables = (
                Table(name="obs", columns=tuple(str(name) for name in data.obs.columns), rows=data.n_obs),
                Table(name="var", columns=tuple(str(name) for name in data.var.columns), rows=data.n_vars),
            )
            header = {name: str(text) for name, text in data.uns.items() if isinstance(text, str | int | float | bool)}
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(software="anndata", header=header),
            tables=tables,
            features=features,
            matrix=matrix,
            unread=unread,
        )


def _layers(data: Any) -> Iterator[tuple[str, Any]]:
    numpy = import_module("numpy")
    for name, values in ((_MAIN, data.X), *data.layers.items()):
        if values is None:
            continue
        turned = values.T
        if not isinstance(turned, numpy.ndarray):
            turned = import_module("scipy.sparse").csc_array(turned)
            turned.check_format(full_check=True)
        if turned.dtype.kind not in "iufb":
            raise FaultyFile(f"{name} holds no numbers", value=str(turned.dtype), expected="numbers")
        yield str(name), turned


def _texts(frame: Any) -> dict[str, list[str | None]]:
    """Each column as texts; what is missing is missing."""
    return {
        str(name): [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
        for name, column in frame.items()
    }


def _unread(data: Any) -> Iterator[str]:
    for name in _OTHERS:
        parts = [str(key) for key, value in getattr(data, name).items() if not isinstance(value, str | int | float)]
        if parts:
            yield f"{name}: {', '.join(parts)}"
    if data.raw is not None:
        yield f"raw: {data.raw.shape[0]:,} x {data.raw.shape[1]:,} values as they were before"
