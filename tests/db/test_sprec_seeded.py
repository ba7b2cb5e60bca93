"""The code tables that come with the service: whole, and right at both sides of every limit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.catalogue.models import TemperatureClass, TubeType
from biobank.preanalytics.facts import Facts, Stay, Step, Way
from biobank.preanalytics.rules import compute
from biobank.preanalytics.table import FAMILIES, problems
from biobank.preanalytics.versions import version_of, versions
from biobank.tx import open_read

D = Decimal
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SECOND = D(1) / 60


@pytest.fixture
async def seeded(database):
    async with open_read(database, SERVICE) as tx:
        return await versions(tx)


async def test_both_versions_are_whole_and_side_by_side(database, seeded):
    async with open_read(database, SERVICE) as tx:
        classes = (await tx.session.execute(select(TemperatureClass.code))).scalars().all()
        families = set((await tx.session.execute(select(TubeType.sprec_family))).scalars()) - {None}
    assert [one.code for one in seeded] == ["3.0", "4.0"]
    assert families <= set(FAMILIES)
    for one in seeded:
        assert problems(one.table.lines, classes, FAMILIES) == []
    older, newer = (one.table for one in seeded)
    for element, code in ((1, "SWT"), (2, "CPH"), (2, "CIF")):
        assert (older.of_code(element, code), newer.of_code(element, code) is not None) == (None, True)


async def test_a_tube_is_coded_by_the_version_of_its_day(seeded):
    day = lambda text: datetime.fromisoformat(text).date()  # noqa: E731
    assert [
        version_of(one, seeded).code
        for one in (day("2010-01-01"), day("2018-01-01"), day("2024-12-31"), day("2025-01-01"), None)
    ] == ["3.0", "3.0", "3.0", "4.0", "4.0"]


WARM, QUARTER = D(21), D(15)


def tube(before, after=QUARTER, celsius=WARM, cold_after=None, spin=None, family="pp_500_2000", stays=("-80",)):
    """A tube that was spun and stored after delays in minutes."""
    held = D(21) if cold_after is None else cold_after
    spun = START + timedelta(seconds=int(before * 60))
    ended = spun + timedelta(minutes=10)
    stored = ended + timedelta(seconds=int(after * 60))
    settings = {"g": D(1500), "minutes": D(10), "celsius": (D(21), D(21)), "brake": True} | (spin or {})
    centrifuge = Step("centrifuge", spun, ended, held=celsius, **settings)
    aliquot = Step("aliquot", stored - timedelta(microseconds=1), stored, celsius=(held, held), held=held)
    steps = (centrifuge, aliquot) if after else (centrifuge, replace(aliquot, started_at=ended))
    way = Way("SST", "SST", START, "UTC", steps, stored)
    kept = tuple(Stay(stored + timedelta(days=n), one, one) for n, one in enumerate(stays))
    return Facts("SER", "Serum", family, "Vial", (way,), kept)


HOURS = {"room": (D(21), "ACEGIKM"), "cold": (D(4), "BDFHJLN")}
LIMITS = (2, 4, 8, 12, 24)


@pytest.mark.parametrize("where", sorted(HOURS))
async def test_element_3_at_both_sides_of_every_limit(seeded, where):
    celsius, letters = HOURS[where]
    expected = [(D(0), letters[0])]
    for index, hours in enumerate(LIMITS):
        expected += [(D(hours * 60) - SECOND, letters[index]), (D(hours * 60), letters[index + 1])]
    expected += [(D(48 * 60), letters[5]), (D(48 * 60) + SECOND, letters[6]), (D(10_000), letters[6])]
    for version in seeded:
        found = [compute(tube(minutes, celsius=celsius), version.table).elements[2].code for minutes, _ in expected]
        assert found == [code for _, code in expected]


AFTER = {"room": (D(21), "BDFHJO"), "cold": (D(4), "ACEGIM")}


@pytest.mark.parametrize("where", sorted(AFTER))
async def test_element_6_at_both_sides_of_every_limit(seeded, where):
    celsius, letters = AFTER[where]
    expected = [(SECOND, letters[0])]
    for index, hours in enumerate((1, 2, 8, 24)):
        expected += [(D(hours * 60) - SECOND, letters[index]), (D(hours * 60), letters[index + 1])]
    expected += [(D(48 * 60), letters[4]), (D(48 * 60) + SECOND, letters[5])]
    for version in seeded:
        found = [
            compute(tube(D(30), minutes, cold_after=celsius), version.table).elements[5].code for minutes, _ in expected
        ]
        assert found == [code for _, code in expected]


@pytest.mark.parametrize(
    ("celsius", "minutes", "code"),
    [
        (36, 119, "O"),
        (36, 120, "Z"),
        (15, 10, "Z"),
        (18, 10, "A"),
        (28, 10, "A"),
        (29, 10, "Z"),
        (2, 10, "B"),
        (10, 10, "B"),
    ],
)
async def test_element_3_by_temperature(seeded, celsius, minutes, code):
    assert compute(tube(D(minutes), celsius=D(celsius)), seeded[1].table).elements[2].code == code


@pytest.mark.parametrize(
    ("g", "minutes", "celsius", "brake", "code"),
    [
        (1500, 10, 21, False, "A"),
        (2999, 15, 21, True, "B"),
        (1500, 9, 21, True, "Z"),
        (1500, 16, 21, True, "Z"),
        (1500, 10, 4, False, "C"),
        (1500, 10, 4, True, "D"),
        (3000, 10, 21, True, "E"),
        (5999, 60, 4, False, "F"),
        (6000, 10, 21, True, "G"),
        (10000, 10, 4, True, "H"),
        (10001, 10, 21, True, "I"),
        (10001, 10, 4, True, "J"),
        (999, 30, 21, False, "M"),
        (999, 30, 21, True, "Z"),
        (1000, 30, 21, False, "Z"),
        (1500, 10, 15, True, "Z"),
    ],
)
async def test_element_4_by_setting(seeded, g, minutes, celsius, brake, code):
    spin = {"g": D(g), "minutes": D(minutes), "celsius": (D(celsius), D(celsius)), "brake": brake}
    assert compute(tube(D(30), spin=spin), seeded[0].table).elements[3].code == code


@pytest.mark.parametrize(
    ("family", "stays", "code"),
    [
        ("pp_500_2000", ["-80"], "A"),
        ("pp_500_2000", ["-20"], "B"),
        ("pp_500_2000", ["-80", "LN2V"], "V"),
        ("pp_5000", ["-80"], "J"),
        ("pp_5000", ["-20"], "K"),
        ("pp_5000", ["LN2L"], "Z"),
        ("pp_40_500", ["-80"], "S"),
        ("pp_40_500", ["-20"], "T"),
        ("pp_40_500", ["LN2L"], "W"),
        ("cryotube", ["LN2V"], "C"),
        ("cryotube", ["-80"], "D"),
        ("cryotube", ["-80", "LN2L"], "N"),
        ("cryotube", ["-20", "LN2L"], "Z"),
        ("straw", ["LN2V"], "F"),
        ("straw", ["-80"], "G"),
        ("straw", ["-20"], "H"),
        ("straw", ["-80", "LN2V"], "O"),
        ("microplate", ["-80"], "L"),
        ("microplate", ["-20"], "M"),
        ("paraffin", ["RT"], "P"),
        ("paraffin", ["-20"], "U"),
        ("bag", ["LN2V"], "Q"),
        ("dry_medium", ["RT"], "R"),
        ("original", ["-20"], "Y"),
        ("original", ["-80"], "Z"),
        ("original", [], "X"),
    ],
)
async def test_element_7_by_container_and_storage(seeded, family, stays, code):
    assert compute(tube(D(30), family=family, stays=stays), seeded[1].table).elements[6].code == code
