"""Keyset paging: a page ends at a key and the next begins after it, so that no row is skipped or shown twice while
others arrive.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Row = TypeVar("Row")


class Page(BaseModel, Generic[Row]):
    """Some rows and the key to ask for more with; `next` is None on the last page."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[Row, ...]
    next: int | None


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], int]) -> Page[Row]:
    """A page from one row more than it holds: ask the database for `limit + 1`."""
    kept = tuple(rows[:limit])
    return Page[Row](rows=kept, next=key(kept[-1]) if len(rows) > limit else None)
