"""Time, passed in and never asked for globally, so that a test can stand at any moment."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The present moment, always with a time zone."""
        ...


def system_clock() -> datetime:
    return datetime.now(UTC)
