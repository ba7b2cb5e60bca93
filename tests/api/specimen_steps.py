"""Steps that tests of tubes share: a consented participant with a visit, and tubes collected at it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NOW = datetime.now(UTC).replace(microsecond=0)
COLLECTED = NOW - timedelta(hours=20)
# The day of the visit, told at the westernmost site: whatever the hour of a test, it has not ended before COLLECTED.
CHICAGO = ZoneInfo("America/Chicago")
TODAY = COLLECTED.astimezone(CHICAGO).date()


def days_since_the_visit():
    """How many midnights have passed at the clinic since TODAY: 0 or 1, by the hour of the test."""
    return (datetime.now(CHICAGO).date() - TODAY).days


DEVICE = {"site": "CHI", "code": "CF-1", "title": "Centrifuge 1", "kind": "centrifuge", "serial_no": "SN 77"}
SPIN = {
    "code": "SERUM",
    "title": "Serum",
    "g_force": "1300",
    "minutes": "10",
    "celsius": "20",
    "brake": True,
    "tube_types": ["SST"],
}


def day(days):
    """A day from today, as JSON writes it."""
    return (NOW.date() + timedelta(days=days)).isoformat()


async def centrifuge(api, **more):
    """A centrifuge CF-1 at the clinic with the program SERUM, which is meant for SST tubes."""
    await api("manager").ok("/equipment", DEVICE | more)
    return await api("manager").ok("/equipment/CHI/CF-1/programs", SPIN)


async def enrolled(api, *, site="CHI", by="manager", granted=("biobank_storage",), visit="BASE"):
    """The code of a participant with the given consent and a visit that took place yesterday."""
    caller = api(by)
    person = await caller.ok("/participants", {"study": "LLS", "site": site, "enrolled_on": str(TODAY)})
    code = person["code"]
    if granted is not None:
        signed = (NOW - timedelta(days=1)).isoformat()
        await caller.ok(
            f"/participants/{code}/consents", {"version": "1.0", "signed_at": signed, "granted": list(granted)}
        )
    if visit:
        await caller.ok(f"/participants/{code}/visits", {"type": visit, "occurred_on": str(TODAY)})
    return code


def tube(specimen_type="SER", tube_type="SST", quantity="4000", **more):
    return {"specimen_type": specimen_type, "tube_type": tube_type, "quantity": quantity, **more}


def collection(*tubes, visit="BASE", collected_at=None, **more):
    moment = (collected_at or COLLECTED).isoformat()
    return {"visit": visit, "collected_at": moment, "tubes": list(tubes), **more}


async def collected(api, *tubes, by="technician_chi", **more):
    """A participant and the rows of tubes collected from them."""
    code = await enrolled(api, **more)
    made = await api(by).ok(f"/participants/{code}/collections", collection(*(tubes or (tube(),))))
    return code, made["specimens"]


def vials(*quantities, specimen_type="SER", tube_type="CRYO05", started_at=None, **more):
    moment = (started_at or NOW - timedelta(hours=18)).isoformat()
    return {
        "specimen_type": specimen_type,
        "tube_type": tube_type,
        "quantities": list(quantities),
        "started_at": moment,
        **more,
    }
