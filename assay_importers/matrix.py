"""The values of a matrix of features by samples, as the file has them: whole numbers, float32 or float64, dense or
sparse, in one or more layers.

numpy and scipy are imported where a matrix is at hand and not before: recognising a file or reading a plate needs
neither.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

HEAD = 5
_DENSE, _SPARSE = b"D", b"S"


@dataclass(frozen=True, eq=False)
class Matrix:
    """`layers` are numpy arrays or scipy sparse arrays of one shape, features by samples; the first is the main one.

    A value that the file does not give is NaN, which no reader takes for a number; a matrix with such values is of
    floats.
    """

    layers: Mapping[str, Any]

    def __post_init__(self) -> None:
        shapes = {layer.shape for layer in self.layers.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"a matrix needs layers of one shape, features by samples, and has {sorted(shapes)}")

    def __eq__(self, other: object) -> bool:
        """The same layers with the same values, NaN like NaN."""
        return isinstance(other, Matrix) and dump(self) == dump(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def shape(self) -> tuple[int, int]:
        """Features, samples."""
        rows, columns = next(iter(self.layers.values())).shape
        return int(rows), int(columns)

    def value(self, layer: str, row: int, column: int) -> int | float | None:
        """One value; None for one that the file does not give."""
        return plain(self.layers[layer][row, column])

    def head(self, layer: str) -> tuple[tuple[int | float | None, ...], ...]:
        """The first values of a layer, at most 5 x 5."""
        rows, columns = (min(HEAD, size) for size in self.shape)
        return tuple(tuple(self.value(layer, row, column) for column in range(columns)) for row in range(rows))

    def column(self, layer: str, column: int) -> Any:
        """The values of one sample as a dense numpy array."""
        values = self.layers[layer][:, [column]]
        return (values if isinstance(values, import_module("numpy").ndarray) else values.toarray()).ravel()


def plain(value: Any) -> int | float | None:
    """A numpy number as Python has it. Of a float32 the shortest decimal that is that float32."""
    kind = value.dtype.kind
    if kind in "iub":
        return int(value)
    return None if value != value else float(str(value))  # noqa: PLR0124 - NaN alone differs from itself


def nearest(text: str) -> float | None:
    """The number of a matrix that a text, perhaps of more digits, becomes; None for one that is no number."""
    try:
        return float(text)
    except ValueError:
        return None


def dump(matrix: Matrix) -> bytes:
    """The layers as bytes that `load` reads. Not a pickle: it comes from a process that read a foreign file."""
    numpy = import_module("numpy")
    out = io.BytesIO()
    for name, layer in matrix.layers.items():
        title = name.encode()
        dense = isinstance(layer, numpy.ndarray)
        out.write(struct.pack("<cI", _DENSE if dense else _SPARSE, len(title)) + title)
        if dense:
            numpy.save(out, layer, allow_pickle=False)
        else:
            columns = layer.tocsc()
            out.write(struct.pack("<QQ", *columns.shape))
            for part in (columns.data, columns.indices, columns.indptr):
                numpy.save(out, part, allow_pickle=False)
    return out.getvalue()


def load(data: bytes) -> Matrix:
    """What `dump` wrote. Raises `ValueError` for anything else."""
    numpy = import_module("numpy")
    source = io.BytesIO(data)
    layers: dict[str, Any] = {}
    size = struct.calcsize("<cI")
    while source.tell() < len(data):
        try:
            kind, length = struct.unpack("<cI", source.read(size))
            name = source.read(length).decode()
            if kind == _DENSE:
                layers[name] = numpy.load(source, allow_pickle=False)
            else:
                shape = struct.unpack("<QQ", source.read(16))
                values, indices, starts = (numpy.load(source, allow_pickle=False) for _ in range(3))
                layers[name] = import_module("scipy.sparse").csc_array((values, indices, starts), shape=shape)
        except (struct.error, EOFError) as error:
            raise ValueError(f"the matrix ends within a layer: {error}") from error
    return Matrix(layers)
