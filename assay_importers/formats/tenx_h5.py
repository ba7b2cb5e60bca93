"""10x Genomics' HDF5 matrices: of Cell Ranger 3 and later, and of 2 with a group for each genome."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from assay_importers.contract import Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.hdf5 import is_anndata, names_parts, opened, texts
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import repeated

_PARTS = ("barcodes", "data", "indices", "indptr", "shape")
_OLD = ("genes", "gene_names")


class TenxH5(Importer):
    """Features by barcodes, with everything that is said of the features."""

    key = "tenx_h5"
    title = "10x HDF5 matrix"
    version = "1"
    extensions = (".h5",)
    technique = "single-cell RNA sequencing"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.store is None:
            return Finding(Verdict.NO, "not HDF5")
        if is_anndata(head.store):
            return Finding(Verdict.NO, "HDF5 of AnnData")
        if names_parts(head.store, "barcodes", "indptr", "indices"):
            return Finding(Verdict.YES, "HDF5 with the parts of a 10x matrix")
        return Finding(Verdict.NO, "HDF5 without the parts of a 10x matrix")

    def parse(self, file: SourceFile) -> ParsedRun:
        with opened(file.content) as source:
            groups = {
                name: group
                for name, group in source.items()
                if hasattr(group, "keys") and all(part in group for part in _PARTS)
            }
            if not groups:
                raise FaultyFile("the file holds no 10x matrix", expected=f"a group with {', '.join(_PARTS)}")
            barcodes = {name: texts(group["barcodes"]) for name, group in groups.items()}
            samples = next(iter(barcodes.values()))
            if any(others != samples for others in barcodes.values()):
                raise FaultyFile(
                    f"the genomes {', '.join(groups)} have other barcodes each", expected="one matrix in a file"
                )
            parts = [_matrix(group) for group in groups.values()]
            values = parts[0] if len(parts) == 1 else import_module("scipy.sparse").vstack(parts).tocsc()
            ids, annotation = _features(groups)
            header = {name: _text(value) for name, value in source.attrs.items()}
            unread = [f"/{name}: no part of the matrix" for name in source if name not in groups]
        matrix = Matrix({"count": values})
        twice = repeated(ids)
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(software="Cell Ranger", protocol=header.get("chemistry_description"), header=header),
            tables=tuple(
                Table(name=name, columns=(), rows=int(group.shape[0])) for name, group in _sized(groups, parts)
            ),
            features=Features.of(matrix, samples=samples, ids=ids, units={"count": "UMI"}, annotation=annotation),
            matrix=matrix,
            unread=tuple(unread),
            notes=((f"{len(twice):,} id(s) stand more than once, {twice[0]} first",) if twice else ()),
        )


def _sized(groups: dict[str, Any], parts: list[Any]) -> list[tuple[str, Any]]:
    return list(zip(groups, parts, strict=True))


def _matrix(group: Any) -> Any:
    """Columns are barcodes, compressed. Checked whole: an index beyond the shape would be read from anywhere."""
    rows, columns = (int(size) for size in group["shape"][()])
    parts = tuple(group[name][()] for name in ("data", "indices", "indptr"))
    values = import_module("scipy.sparse").csc_array(parts, shape=(rows, columns))
    values.check_format(full_check=True)
    if len(group["barcodes"]) != columns:
        raise FaultyFile(
            f"the matrix has {columns:,} columns", expected=f"{len(group['barcodes']):,}, one for each barcode"
        )
    return values


def _features(groups: dict[str, Any]) -> tuple[list[str], dict[str, list[str]]]:
    """Ids and annotation of all groups one below another."""
    ids: list[str] = []
    annotation: dict[str, list[str]] = {}
    for name, group in groups.items():
        if "features" in group:
            source = group["features"]
            own = texts(source["id"])
            along = {key: source[key] for key in source if key != "id"}
            found = {key: texts(part) for key, part in along.items() if getattr(part, "shape", ()) == (len(own),)}
        else:
            own = texts(group[_OLD[0]])
            found = {"name": texts(group[_OLD[1]]), "genome": [name] * len(own)}
        ids += own
        for key, values in found.items():
            annotation.setdefault(key, []).extend(values)
    return ids, annotation


def _text(value: Any) -> str:
    """An attribute as text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    several = value if isinstance(value, list) else [value]
    return ", ".join(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in several)
