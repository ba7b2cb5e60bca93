"""The template environment: filters, asset addresses and what every page is given."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from biobank.exact import unit_words
from biobank.web.timeline import draw_timeline

WEB = Path(__file__).resolve().parent.parent / "web"
STATIC_BUILD = WEB / "static" / "build"
STATIC_BUILD_URL = "/static/build"

_HOUSE_ID = re.compile(r"[A-Z][0-9A-Z]{8}[0-9A-Z*]")
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
_TEMPERATURES = (
    # step from warm to cold, words, and the spellings of it in protocols and container types
    (1, "room temperature", {"RT", "AMBIENT", "ROOM", "ROOM TEMPERATURE"}),
    (2, "2 to 10 °C", {"4", "+4", "2-8", "2-10", "4C", "FRIDGE", "REFRIGERATED", "COLD"}),
    (3, "\N{MINUS SIGN}20 °C", {"-20", "-20C", "FREEZER", "MINUS20"}),
    (4, "\N{MINUS SIGN}80 °C", {"-80", "-80C", "ULT", "MINUS80"}),
    (
        5,
        "liquid nitrogen",
        {"LN2", "LN", "LN2V", "LN2L", "LN2 VAPOUR", "LN2 VAPOR", "LN2 LIQUID", "-150", "-196", "-190"},
    ),
)

# Words that the pages and the scan station's script share.
MAP_WORDS = {
    "state": {
        "full": "occupied",
        "just": "just stored",
        "next": "next",
        "take": "take this one",
        "pick": "of this list",
        "hold": "on hold",
        "reserved": "reserved",
        "free": "free",
    },
    "fill": {
        "row": "fill by row from A1",
        "row_from_right": "fill by row from the top right",
        "row_from_bottom": "fill by row from the bottom left",
        "row_serpentine": "fill by row from A1, to and fro",
        "column": "fill by column from A1",
        "column_from_right": "fill by column from the top right",
        "column_from_bottom": "fill by column from the bottom left",
        "column_serpentine": "fill by column from A1, down and up",
    },
    "temperature": [{"step": step, "words": words, "names": sorted(names)} for step, words, names in _TEMPERATURES],
}


class AssetsMissing(RuntimeError):
    """The scripts and styles were not built, or not this one."""


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation."""

    label: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class PageActor:
    """The person in the bar on top."""

    display_name: str
    username: str
    role_titles: tuple[str, ...] = ()
    site_title: str | None = None


@dataclass(frozen=True, slots=True)
class Flash:
    """A message that stays until it is dismissed. `kind` is ok, info, duplicate, warning or stop."""

    kind: str
    text: str


def page_context(
    *,
    page_title: str,
    request_path: str,
    csrf_token: str,
    site_tz: tzinfo | str,
    actor: PageActor | None = None,
    nav: Sequence[NavItem] = (),
    flashes: Sequence[Flash] = (),
) -> dict[str, object]:
    """What every page is given, whichever slice it belongs to; the slice adds its own `view`."""
    return {
        "page_title": page_title,
        "request_path": request_path,
        "csrf_token": csrf_token,
        "site_tz": site_tz,
        "actor": actor,
        "nav": nav,
        "flashes": flashes,
    }


def make_environment() -> Environment:
    """Autoescaping and strict: an undefined name is an error, never an empty place on a page."""
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        grouped=grouped,
        local_time=local_time,
        local_date=local_date,
        quantity=quantity,
        temperature_step=temperature_step,
        temperature_words=temperature_words,
        by_position=by_position,
        titled=titled,
    )
    environment.globals.update(asset_url=asset_url, draw_timeline=draw_timeline, flashes=(), MAP_WORDS=MAP_WORDS)
    return environment


def grouped(code: str) -> str:
    """`TKQ7M3X9V7` as `TKQ7-M3X9-V7`; a vendor's or legacy code stays as it is."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}" if _HOUSE_ID.fullmatch(code) else code


def titled(code: str, titles: Mapping[str, str]) -> str:
    """A code by its title in a code table; one that the table does not have is read as words."""
    return titles.get(code, code.replace("_", " "))


def local_time(moment: datetime, zone: tzinfo | str) -> str:
    """`2026-11-23 09:41 EST` in the given zone. A moment without a zone is an error in the program."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone, so it cannot be shown in {zone}")
    return moment.astimezone(_zone(zone)).strftime("%Y-%m-%d %H:%M %Z")


def local_date(moment: datetime | date, zone: tzinfo | str) -> str:
    """`2026-11-23`; a plain date is already local to where it was written down."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone, so it cannot be shown in {zone}")
    return moment.astimezone(_zone(zone)).date().isoformat()


def quantity(value: Decimal | int, unit: str | None = None) -> str:
    """`0.5 mL`: every digit that was stored, no exponent, a narrow space before the unit."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"a quantity is a Decimal or an int, not {type(value).__name__}: {value!r}")
    digits = f"{value:f}" if isinstance(value, Decimal) else str(value)
    digits = digits.replace("-", "\N{MINUS SIGN}")
    return f"{digits}{_NARROW_SPACE}{unit_words(unit)}" if unit else digits


class Positioned(Protocol):
    """A cell of a box or a well of a plate, counted from 0 at A1."""

    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...


_Cell = TypeVar("_Cell", bound=Positioned)


def by_position(cells: Iterable[_Cell]) -> dict[tuple[int, int], _Cell]:
    """Cells or wells by (row, column), so that a map is drawn in one pass."""
    return {(cell.row, cell.col): cell for cell in cells}


def temperature_step(temperature_class: str | None) -> int:
    """1 (room temperature) to 5 (liquid nitrogen); 0 for a class that is not one of the five."""
    return next((step for step, _, names in _TEMPERATURES if _temperature_key(temperature_class) in names), 0)


def temperature_words(temperature_class: str | None) -> str:
    """How people say it, such as "2 to 8 °C". A class that is not one of the five is shown as it is written."""
    key = _temperature_key(temperature_class)
    return next((words for _, words, names in _TEMPERATURES if key in names), temperature_class or "no class")


def _temperature_key(temperature_class: str | None) -> str:
    key = (temperature_class or "").upper().replace("\N{MINUS SIGN}", "-").replace("_", " ").strip()
    return key.removesuffix("°C").removesuffix(" C").strip()


def asset_url(name: str) -> str:
    """The address of a built asset by its stable name ("app.js"). The address never gets other content."""
    manifest = _manifest(STATIC_BUILD / "manifest.json")
    if name not in manifest:
        raise AssetsMissing(f"no asset is called {name!r}; the build knows {', '.join(sorted(manifest))}")
    return f"{STATIC_BUILD_URL}/{manifest[name]}"


@cache
def _manifest(path: Path) -> dict[str, str]:
    try:
        manifest: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        raise AssetsMissing(
            f"{path} is missing: the assets were not built. Set the project up again (make setup), "
            "or run python biobank/web/assets/build_hook.py"
        ) from None
    return manifest


def _zone(zone: tzinfo | str) -> tzinfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone
