"""What an importer is and what it gives: the whole contract between a file format and the rest of the product."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from assay_importers.matrix import Matrix

HEAD_BYTES = 64 * 1024
HEAD_ROWS = 60
# How a workbook begins: xlsx and its kin as a zip, xls as a compound file.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
HDF5 = b"\x89HDF\r\n\x1a\n"

# The name of a fact that holds a further name of an analyte: `R25` of the bead that carries IL-6.
OTHER_NAME = "other name"

Flag = Literal["below_range", "above_range", "not_reported", "not_a_number", "too_few_beads", "masked"]
Comparator = Literal["<", "<=", ">", ">="]
Role = Literal["unknown", "standard", "control", "blank", "empty"]
Maturity = Literal["stable", "beta", "experimental"]


def plain(value: Decimal) -> str:
    """The decimal written out without an exponent: `1E+3` becomes `1000`, `2.50` stays `2.50`."""
    return format(value, "f")


Exact = Annotated[Decimal, Field(strict=True), PlainSerializer(plain, return_type=str, when_used="json")]


class Verdict(StrEnum):
    """Whether a file is of a format."""

    YES = "YES"
    NO = "NO"
    MAYBE = "MAYBE"


class Finding(NamedTuple):
    """An importer's answer to a file: the verdict and why, in words for the person who has to choose."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Head:
    """All that recognition may look at: the file's name, its first 64 KiB, its size in bytes, and of a workbook the
    first rows of its sheets, which a file format of archives and indexes keeps anywhere but at its beginning. For the
    same reason all of an HDF5 file is in `store`, to look for the names of its parts.

    Text and sheets are read once for all importers that ask.
    """

    name: str
    data: bytes
    size: int
    book: bytes | None = field(default=None, repr=False, compare=False)
    store: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """Whether `data` is the whole file."""
        return len(self.data) == self.size

    @cached_property
    def text(self) -> str | None:
        """The beginning of the file as text; None for one that is no text."""
        try:
            return import_module("assay_importers.text").decode(self.data, cut=not self.complete).text  # type: ignore[no-any-return]
        except import_module("assay_importers.errors").FaultyFile:
            return None

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """The sheets of a workbook, at most 60 rows of each; none for a file that is no workbook or a damaged one."""
        if self.book is None:
            return ()
        try:
            return import_module("assay_importers.workbook").read_workbook(self.book, HEAD_ROWS)  # type: ignore[no-any-return]
        except import_module("assay_importers.errors").FaultyFile:
            return ()


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its title, and its cells as texts from the first row and column on; a blank cell is an
    empty text.

    A number is the shortest decimal that is the stored one, without `.0`: a workbook stores no other original text.
    A date or time is ISO 8601.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SourceFile:
    """A file as it was handed in, unpacked. `companions` are the other files of a run that consists of several."""

    name: str
    content: bytes
    companions: tuple[SourceFile, ...] = ()

    @property
    def head(self) -> Head:
        """What recognition gets to see."""
        book = self.content if self.content.startswith(WORKBOOKS) else None
        store = self.content if self.content.startswith(HDF5) else None
        return Head(self.name, self.content[:HEAD_BYTES], len(self.content), book, store)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(_Frozen):
    """One importer's verdict on the file."""

    format: str
    verdict: Verdict
    reason: str


class Run(_Frozen):
    """The run as the file describes it. `started_at` is ISO 8601 local time, null when the text is ambiguous.

    `header` holds every header field under the name and with the text that the file gives it, those above included.
    """

    instrument: str | None = None
    software: str | None = None
    serial_number: str | None = None
    batch: str | None = None
    operator: str | None = None
    started_at: str | None = None
    protocol: str | None = None
    kit_lot: str | None = None
    header: Mapping[str, str] = Field(default_factory=dict)


class Well(_Frozen):
    """A well of the file. `role` is a hint from the file; the plate map of the laboratory decides."""

    plate: str | None
    location: str
    sample: str | None
    role: Role
    dilution: Exact | None = None


class Reading(_Frozen):
    """One cell of the file: its exact decimal, or null and a flag, and always the original text.

    With a limit (`<1.2`) `value` holds the limit and `comparator` the sign. `location` is null for a quantity that the
    file gives for a sample as a whole, `analyte` for one that belongs to no analyte.
    """

    plate: str | None
    location: str | None
    sample: str | None
    analyte: str | None
    quantity: str
    value: Exact | None
    comparator: Comparator | None = None
    raw: str
    unit: str | None = None
    flag: Flag | None = None

    @model_validator(mode="after")
    def _missing_is_flagged(self) -> Self:
        if self.value is None and self.flag is None:
            raise ValueError("a reading without a value needs a flag that says why")
        if self.comparator is not None and self.flag not in {"below_range", "above_range"}:
            raise ValueError("a comparator goes with below_range or above_range")
        return self


class Fact(_Frozen):
    """A cell of the file that is no measured quantity: a call, a class, a name, a lot, a time, an annotation.

    It belongs to a well, a sample, an analyte, or to several of them; with none it is about the whole run. `name` is
    the column or key as the file writes it, `text` the cell as it stands there. Names may repeat, in file order.
    """

    plate: str | None = None
    location: str | None = None
    sample: str | None = None
    analyte: str | None = None
    name: str
    text: str


class Table(_Frozen):
    """A table, grid or sheet that was found in the file: its title, column names as written, and rows of data."""

    name: str
    columns: tuple[str, ...]
    rows: int


class Layer(_Frozen):
    """A further value of every feature in every sample: its unit, and its first rows and columns."""

    unit: str | None
    head: tuple[tuple[int | float | None, ...], ...]


class Features(_Frozen):
    """A matrix of features by samples without its values: names, shape, and in `head` at most its first 5 x 5.

    `annotation` has a text for each feature, `sample_annotation` one for each sample. The values themselves are in
    `ParsedRun.matrix`.
    """

    value_type: str
    unit: str | None
    samples: tuple[str, ...]
    ids: tuple[str, ...]
    annotation: Mapping[str, tuple[str | None, ...]]
    shape: tuple[int, int]
    head: tuple[tuple[int | float | None, ...], ...]
    sample_annotation: Mapping[str, tuple[str | None, ...]] = Field(default_factory=dict)
    layers: Mapping[str, Layer] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        *,
        samples: Sequence[str],
        ids: Sequence[str],
        units: Mapping[str, str | None] | None = None,
        annotation: Mapping[str, Sequence[str | None]] | None = None,
        sample_annotation: Mapping[str, Sequence[str | None]] | None = None,
    ) -> Features:
        """Describe a matrix. Its first layer gives `value_type`; `units` are by the names of the layers.

        Raises `ValueError` when names and annotations do not fit the matrix: a fault of the importer.
        """
        rows, columns = matrix.shape
        named = {**(annotation or {}), "ids": ids}
        sampled = {**(sample_annotation or {}), "samples": samples}
        for texts, count in ((named, rows), (sampled, columns)):
            for name, values in texts.items():
                if len(values) != count:
                    raise ValueError(f"{name} has {len(values)} texts for a matrix of {rows} x {columns}")
        units = units or {}
        first, *others = matrix.layers
        return cls(
            value_type=first,
            unit=units.get(first),
            samples=tuple(samples),
            ids=tuple(ids),
            annotation={name: tuple(values) for name, values in (annotation or {}).items()},
            shape=matrix.shape,
            head=matrix.head(first),
            sample_annotation={name: tuple(values) for name, values in (sample_annotation or {}).items()},
            layers={name: Layer(unit=units.get(name), head=matrix.head(name)) for name in others},
        )


class ParsedRun(_Frozen):
    """Everything that was read from a file, and in `unread` everything that was not, each with its line.

    `matrix` holds the values that `features` describes. It is no part of the JSON: see `assay_importers.export`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    format: str
    importer_version: str
    match: tuple[Match, ...] = ()
    run: Run
    wells: tuple[Well, ...] = ()
    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    features: Features | None = None
    matrix: Matrix | None = Field(default=None, exclude=True, repr=False)
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Importer(ABC):
    """Reads one file format. Stateless: one instance serves any number of files, in any thread."""

    key: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    technique: ClassVar[str]
    maturity: ClassVar[Maturity]
    several: ClassVar[bool] = False
    """Whether several files may be one run: counts of many samples, a matrix and the names of its rows."""

    @abstractmethod
    def sniff(self, head: Head) -> Finding:
        """Say whether the file is of this format, from its name and first 64 KiB alone. Never raises."""

    @abstractmethod
    def parse(self, file: SourceFile) -> ParsedRun:
        """Read the whole file. Raises `FaultyFile`, and nothing else, for anything that cannot be read."""
