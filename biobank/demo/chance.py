"""Chance that repeats itself: every draw of the demo comes from a named stream of its seed."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from biobank import ids


def stream(seed: int, *names: object) -> random.Random:
    """The stream of this name. Streams are independent, so that one more participant leaves the others as they were."""
    return random.Random(":".join(map(str, (seed, *names))))  # noqa: S311  # made-up data, nothing secret


class Minter:
    """House ids from one stream, none twice. Among a million ids one pair is equal more often than not, so those
    given are kept.
    """

    def __init__(self, seed: int) -> None:
        self._random = stream(seed, "codes")
        self._given: set[str] = set()

    def __call__(self, kind: ids.Kind) -> str:
        while (code := ids.mint(kind, self._random)) in self._given:
            pass
        self._given.add(code)
        return code


def at(day: date, timezone: str, minutes: int) -> datetime:
    """A moment of a site's day, `minutes` after its midnight by the wall clock, in UTC."""
    local = datetime.combine(day, time(), ZoneInfo(timezone)) + timedelta(minutes=minutes)
    return local.astimezone(UTC)
