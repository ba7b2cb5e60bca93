"""HDF5 files: opened so that a damaged one is a `FaultyFile`, and nothing in one leads out of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from assay_importers.contract import HDF5
from assay_importers.errors import FaultyFile, shorten


def names_parts(store: bytes, *names: str) -> bool:
    """Whether all these names stand anywhere in the file, where names of parts and attributes are."""
    return all(name.encode() in store for name in names)


def is_anndata(store: bytes) -> bool:
    """AnnData marks its parts; before it did, its two tables were single datasets."""
    return names_parts(store, "encoding-type", "obs", "var") or names_parts(store, "obs\0", "var\0")


@contextmanager
def opened(content: bytes) -> Iterator[Any]:
    """The file by h5py. What h5py, numpy, scipy or anndata raise within is a fault of the file."""
    if not content.startswith(HDF5):
        raise FaultyFile("this is no HDF5 file", expected="a file that begins as HDF5 does")
    try:
        with import_module("h5py").File(io.BytesIO(content), "r") as file:
            yield file
    except FaultyFile:
        raise
    except Exception as error:  # a damaged file raises whatever the library happens to raise
        raise FaultyFile(
            f"the file cannot be read: {type(error).__name__}: {shorten(str(error), 200)}",
            expected="an undamaged HDF5 file",
        ) from error


def texts(dataset: Any) -> list[str]:
    """A dataset of texts of fixed or variable length."""
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in dataset[()]]
