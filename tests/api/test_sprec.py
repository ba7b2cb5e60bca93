"""SPREC of tubes: computed from what was recorded, explained, kept with its history."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.shelves import box, freezer, rack

CHICAGO = ZoneInfo("America/Chicago")
DAY = (datetime.now(UTC) - timedelta(days=2)).astimezone(CHICAGO).date()
CLINIC = "technician_chi"


def at(clock: str, day=DAY) -> str:
    """A time of day at the clinic."""
    hour, minute = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHICAGO).isoformat()


@pytest.fixture
def when(app):
    """The service's clock set to a moment while something is done."""
    usual = app.state.clock

    @contextmanager
    def set_to(moment: str):
        app.state.clock = lambda: datetime.fromisoformat(moment).astimezone(UTC)
        try:
            yield
        finally:
            app.state.clock = usual

    yield set_to
    app.state.clock = usual


async def person(api, day=DAY):
    """A participant with consent and a visit on a day."""
    manager = api("manager")
    made = await manager.ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(day - timedelta(days=10))}
    )
    code = made["code"]
    signed = datetime(day.year, day.month, day.day, tzinfo=CHICAGO) - timedelta(days=9)
    await manager.ok(
        f"/participants/{code}/consents",
        {"version": "1.0", "signed_at": signed.isoformat(), "granted": ["biobank_storage", "future_research"]},
    )
    await manager.ok(f"/participants/{code}/visits", {"type": "BASE", "occurred_on": str(day)})
    return code


async def drawn(api, moment, specimen_type="BLD", tube_type="SST", quantity="8500", day=DAY):
    """A primary tube that was collected at a moment."""
    code = await person(api, day)
    tubes = [{"specimen_type": specimen_type, "tube_type": tube_type, "quantity": quantity}]
    made = await api(CLINIC).ok(
        f"/participants/{code}/collections", {"visit": "BASE", "collected_at": moment, "tubes": tubes}
    )
    return made["specimens"][0]["code"]


async def spun(api, tube, begin, end, **more):
    body = {"type": "centrifuge", "specimens": [tube], "started_at": begin, "ended_at": end}
    settings = {"g_force": "1500", "minutes": "10", "celsius": "21", "brake": True, "held_celsius": "21"}
    await api(CLINIC).ok("/processing", body | settings | more)


async def divided(api, tube, begin, end, *, into="SER", vial="CRYO05", quantity="500", **more):
    body = {"specimen_type": into, "tube_type": vial, "quantities": [quantity], "started_at": begin, "ended_at": end}
    made = await api(CLINIC).ok(f"/specimens/{tube}/aliquots", body | more)
    return made["made"][0]["code"]


async def clinic_box(api, *, temperature="-80", kind="ULT", name="Clinic freezer"):
    cold = await freezer(api, site="CHI", name=name, temperature=temperature, kind=kind)
    tower = await rack(api, cold, site="CHI", name=f"{name} rack")
    return await box(api, tower, site="CHI", name=f"{name} box")


@pytest.fixture
async def serum(api, when):
    """The vial of scenario 20: collected 09:12, spun 10:40, at -80 at 11:05; all at room temperature."""
    tube = await drawn(api, at("09:12"))
    await spun(api, tube, at("10:40"), at("10:50"))
    vial = await divided(api, tube, at("10:52"), at("11:01"), celsius="21", held_celsius="21")
    place = await clinic_box(api)
    with when(at("11:05")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    return vial


async def test_scenario_20_sprec(api, serum):
    """Collected 09:12, spun 10:40 (RT, 1,500 g, 10 min, brake), aliquoted and at -80 at 11:05 in 0.5 mL PP, SST
    tube.
    """
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-A-B-N-B-A"
    words = {one["number"]: one["words"] for one in seen["elements"]}
    assert words[3].startswith("collected 09:12, spun 10:40: 88 min at 21 °C")
    assert words[4] == "spun 10:40: 1,500 g, 10 min, 21 °C, with brake"
    assert words[6].startswith("spin ended 10:50, frozen or stored 11:05: 15 min at 21 °C")
    assert [one["verified"] for one in seen["elements"]] == [True, True, True, False, False, False, False]
    done = await api(CLINIC).ok(
        f"/specimens/{serum}/collection-time",
        {"collected_at": at("07:55"), "seen": at("09:12"), "reason": "the form said 07:55"},
    )
    assert (done["tubes"], done["sprecs"]) == (2, 2)
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-C-B-N-B-A"
    assert seen["elements"][2]["words"].startswith("collected 07:55, spun 10:40: 165 min at 21 °C")
    now, before = seen["kept"]
    assert (now["code"], now["superseded_at"]) == ("SER-SST-C-B-N-B-A", None)
    assert before["code"] == "SER-SST-A-B-N-B-A"
    assert before["superseded_because"] == "the collection time was corrected: the form said 07:55"


async def test_cold_after_the_spin_is_another_code(api, when):
    tube = await drawn(api, at("09:12"))
    await spun(api, tube, at("10:40"), at("10:50"))
    vial = await divided(api, tube, at("11:00"), at("11:04"), celsius="4", held_celsius="4")
    place = await clinic_box(api)
    with when(at("11:05")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    assert (await api("scientist").see(f"/specimens/{vial}/sprec"))["sprec"] == "SER-SST-A-B-N-A-A"
