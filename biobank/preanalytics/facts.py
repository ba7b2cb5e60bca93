"""What SPREC depends on and what comes of it, as plain values, and the words for moments, durations and degrees."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from biobank.exact import plain

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Step:
    """Work on a tube of the path, or a stay in a place that is no long-term storage (`type` is "stay").

    `celsius` is the range that the work was within, `by` who says so where it was not written down at the step;
    `held`: at which the tubes were kept until this began.
    """

    type: str
    started_at: datetime
    ended_at: datetime | None = None
    g: Decimal | None = None
    minutes: Decimal | None = None
    celsius: tuple[Decimal, Decimal] | None = None
    brake: bool | None = None
    held: Decimal | None = None
    by: str | None = None

    @property
    def end(self) -> datetime | None:
        """When it ended: as recorded, or after the minutes that it ran."""
        if self.ended_at is None and self.minutes is not None:
            return self.started_at + timedelta(microseconds=int(self.minutes * 60_000_000))
        return self.ended_at


@dataclass(frozen=True, slots=True)
class Stay:
    """The beginning of long-term storage in a temperature class."""

    since: datetime
    temperature_class: str
    title: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way from a collection to the tube: the primary container and all work on what it was made from.

    `container` is SPREC's code of the primary container, None where the make of tube has none. `stored_at`: when the
    tube, or what it was made from, first came into long-term storage.
    """

    container: str | None
    container_title: str
    collected_at: datetime | None
    timezone: str
    steps: tuple[Step, ...] = ()
    stored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What SPREC of a tube depends on. A pool has several ways."""

    sprec_type: str
    type_title: str
    family: str | None
    tube_title: str
    ways: tuple[Way, ...]
    stays: tuple[Stay, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """One of the seven: its code, what the table says of it, and why it is this one, in words."""

    number: int
    name: str
    code: str
    meaning: str
    verified: bool
    source: str
    words: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A SPREC with its elements. `doubts` say where the record and the table disagree."""

    version: str
    code: str
    elements: tuple[Element, ...]
    doubts: tuple[str, ...]


def minutes_between(begin: datetime, end: datetime) -> Decimal:
    """Minutes from one instant to another, whatever clocks did in between."""
    return Decimal((end - begin) // timedelta(microseconds=1)) / 60_000_000


def duration(minutes: Decimal) -> str:
    """`88 min`, `119 min 30 s`."""
    whole, rest = divmod(minutes, 1)
    seconds = int(rest * 60)
    return f"{whole:f} min {seconds} s" if seconds else f"{whole:f} min"


def degrees(celsius: tuple[Decimal, Decimal]) -> str:
    low, high = (f"{plain(bound):f}".replace("-", MINUS) for bound in celsius)
    return f"{low} °C" if low == high else f"{low} to {high} °C"


def clock(moment: datetime, way: Way) -> str:
    """The hour at the site of collection; the day where it is another than that of the collection, and the offset
    where clocks were changed since.
    """
    zone = ZoneInfo(way.timezone)
    local = moment.astimezone(zone)
    start = way.collected_at.astimezone(zone) if way.collected_at else None
    text = f"{local:%H:%M}" if start and start.date() == local.date() else f"{local:%Y-%m-%d %H:%M}"
    if start and start.utcoffset() != local.utcoffset():
        text += f" (UTC{local:%z})"
    return text
