"""What a rack scan is, whoever made the scanner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

State = Literal["code", "no_tube", "no_read"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RackCell(_Frozen):
    """One position of the file. `row` and `col` count from 0 at A1; `position` and `raw` are as written.

    `code` is the tube's code when `state` is `code`. `no_tube` says that nothing stands there, `no_read` that something
    does whose code could not be read: never the same.
    """

    row: int
    col: int
    position: str
    state: State
    code: str | None
    raw: str
    line: int

    @model_validator(mode="after")
    def _a_code_is_there_or_not(self) -> Self:
        if (self.code is None) == (self.state == "code"):
            raise ValueError("a cell has a code exactly when its state is `code`")
        return self


class Duplicate(_Frozen):
    """One code that the scanner read at more than one position: at most one of them is right."""

    code: str
    positions: tuple[str, ...]


class RackScan(_Frozen):
    """Everything that was read from a file, cells along rows from A1, and in `unread` everything that was not.

    `rack_code` is the code of the rack itself where the file has one. `scanned_at` is date and time as written, with a
    zone only where the file has one. `rows` and `cols` are the smallest usual rack that holds every position of the
    file. `header` holds what stands above the table under the file's own names.
    """

    format: Literal["rack_scan"] = "rack_scan"
    layout: str
    version: str
    rack_code: str | None = None
    scanner: str | None = None
    scanned_at: str | None = None
    rows: int
    cols: int
    cells: tuple[RackCell, ...]
    duplicates: tuple[Duplicate, ...] = ()
    header: Mapping[str, str] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
