from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import web_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from biobank.http import templating
from biobank.http.templating import (
    AssetsMissing,
    asset_url,
    grouped,
    local_date,
    local_time,
    quantity,
    temperature_step,
    temperature_words,
)
from biobank.web.timeline import draw_timeline


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("TKQ7M3X9V7", "TKQ7-M3X9-V7"),
        ("0043542104", "0043542104"),
        ("TKQ7M3X9V", "TKQ7M3X9V"),
        ("tkq7m3x9v7", "tkq7m3x9v7"),
        ("TKQ7-M3X9-V7", "TKQ7-M3X9-V7"),
        ("", ""),
    ],
)
def test_only_house_ids_are_grouped(code: str, shown: str) -> None:
    assert grouped(code) == shown


@given(st.text())
def test_grouping_adds_separators_and_nothing_else(code: str) -> None:
    assert grouped(code).replace("-", "") == code.replace("-", "")


def test_times_are_those_of_the_site() -> None:
    moment = datetime(2026, 7, 1, 3, 30, tzinfo=UTC)
    assert local_time(moment, "America/New_York") == "2026-06-30 23:30 EDT"
    assert local_time(moment, ZoneInfo("Europe/Berlin")) == "2026-07-01 05:30 CEST"
    assert local_date(moment, "America/New_York") == "2026-06-30"
    assert local_date(date(2026, 7, 1), "America/New_York") == "2026-07-01"


@pytest.mark.parametrize("show", [local_time, local_date])
def test_a_time_without_a_zone_is_refused(show: object) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        show(datetime(2026, 7, 1), "UTC")  # type: ignore[operator]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (Decimal("0.500"), "mL", "0.500\N{NARROW NO-BREAK SPACE}mL"),
        (Decimal("1E+3"), None, "1000"),
        (Decimal("1E-7"), None, "0.0000001"),
        (Decimal("-2.5"), None, "\N{MINUS SIGN}2.5"),
        (12, "tubes", "12\N{NARROW NO-BREAK SPACE}tubes"),
    ],
)
def test_quantity_shows_every_digit(value: Decimal | int, unit: str | None, shown: str) -> None:
    assert quantity(value, unit) == shown


@pytest.mark.parametrize("value", [0.5, True, "0.5"])
def test_quantity_is_never_a_float(value: object) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        quantity(value)  # type: ignore[arg-type]


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_quantity_reads_back_as_the_same_number(value: Decimal) -> None:
    assert Decimal(quantity(value).replace("\N{MINUS SIGN}", "-")) == value


def test_temperature_classes_are_told_in_any_spelling() -> None:
    assert [temperature_step(name) for name in ("RT", "2-8", "-20", "\N{MINUS SIGN}80 °C", "ln2_vapour")] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert temperature_words("ULT") == "\N{MINUS SIGN}80 °C"
    assert (temperature_step("dry ice"), temperature_words("dry ice")) == (0, "dry ice")
    assert (temperature_step(None), temperature_words(None)) == (0, "no class")


def test_missing_assets_say_how_to_build_them(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(templating, "STATIC_BUILD", tmp_path)
    with pytest.raises(AssetsMissing, match="build_hook"):
        asset_url("app.js")
    (tmp_path / "manifest.json").write_text('{"app.css": "app-1.css"}')
    assert asset_url("app.css") == "/static/build/app-1.css"
    with pytest.raises(AssetsMissing, match=r"'app.js'.*app\.css"):
        asset_url("app.js")


@given(
    st.lists(
        st.builds(
            samples.Event,
            st.dates(date(1990, 1, 1), date(2060, 1, 1)),
            st.sampled_from(["visit", "specimen", "result"]),
            st.text(max_size=40),
        ),
        max_size=40,
    )
)
def test_timeline_keeps_order_and_stays_inside(events: list[samples.Event]) -> None:
    drawing = draw_timeline(events)
    if drawing is None:
        assert events == []
        return
    assert len(drawing.marks) == len(events)
    places = [mark.x for mark in drawing.marks]
    assert places == sorted(places)
    assert all(drawing.left <= x <= drawing.right for x in [*places, *(tick.x for tick in drawing.ticks)])
    assert all(0 < mark.y < drawing.axis for mark in drawing.marks)
    assert len(drawing.ticks) <= 12


@pytest.mark.parametrize("days", [0, 1, 59, 61, 400, 1094, 1096, 9000])
def test_timeline_axis_names_dates_for_any_span(days: int) -> None:
    first = date(2023, 12, 31)
    span = [samples.Event(first, "visit", "a"), samples.Event(first + timedelta(days), "visit", "b")]
    drawing = draw_timeline(span)
    assert drawing is not None
    assert drawing.ticks
    assert len({tick.label for tick in drawing.ticks}) == len(drawing.ticks)
