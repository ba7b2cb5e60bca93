"""A protocol with more than one kind of tube, and visits of participants under it, for tests of the visit day and the
benches.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.tx import open_tx
from tests.world import protocol_document, publish_protocol

CHICAGO = ZoneInfo("America/Chicago")
SPIN = {"min_minutes": 10, "max_minutes": 15, "min_celsius": 18, "max_celsius": 25, "brake": True}


def _tubes() -> list[dict[str, Any]]:
    vial = {"tube_type": "CRYO05", "unit": "uL", "store": "-80"}
    blood = {"specimen_type": "BLD", "unit": "uL"}
    return [
        {
            "code": "serum",
            **blood,
            "tube_type": "SST",
            "count": 2,
            "quantity": "8500",
            "handling": "Invert 5 times, stand upright.",
            "steps": [
                {"type": "clot", "min_minutes": 30, "max_minutes": 60},
                {"type": "centrifuge", "within_minutes": 120, "min_g": 1100, "max_g": 1300, **SPIN},
                {"type": "aliquot", "within_minutes": 180},
            ],
            "aliquots": [{"specimen_type": "SER", "count": 8, "blind_duplicates": 1, "quantity": "500", **vial}],
        },
        {
            "code": "plasma",
            **blood,
            "tube_type": "EDTA10",
            "quantity": "10000",
            "steps": [{"type": "centrifuge", "within_minutes": 120, "min_g": 1500, "max_g": 2000, **SPIN}],
            "aliquots": [
                {"specimen_type": "PL1", "count": 4, "quantity": "500", **vial},
                {"specimen_type": "BFF", "count": 1, "quantity": "500", **vial},
            ],
        },
        {
            "code": "dna",
            **blood,
            "tube_type": "EDTA4",
            "quantity": "4000",
            "consent_scope": "genetic_wgs",
            "store": "-80",
        },
        {
            "code": "urine",
            "specimen_type": "URN",
            "tube_type": "URINE",
            "unit": "uL",
            "quantity": "50000",
            "store": "-80",
        },
    ]


def document(study: str = "LLS") -> Any:
    visits = [
        {"code": "BASE", "title": "Baseline", "day": 0, "before": 30, "after": 45, "tubes": _tubes()},
        {"code": "Y1", "title": "Year 1", "day": 365, "before": 30, "after": 45, "same_tubes_as": "BASE"},
        {"code": "FLARE", "title": "Flare", "same_tubes_as": "BASE"},
    ]
    return protocol_document(study, visits=visits)


async def publish(database: Database) -> None:
    """The protocol above, in force from 2024 on."""
    async with open_tx(database, SERVICE) as tx:
        await publish_protocol(tx, document(), date(2024, 1, 1))


@dataclass(frozen=True)
class Visit:
    """A visit that took place, and the address of its day."""

    participant: str
    path: str
    drawn_at: datetime


async def visit(
    api: Any, *, drawn: timedelta = timedelta(minutes=45), granted: tuple[str, ...] = ("biobank_storage",)
) -> Visit:
    """A consented participant of Chicago with a recorded baseline, to be drawn this long ago."""
    moment = datetime.now(UTC).replace(microsecond=0) - drawn
    day = moment.astimezone(CHICAGO).date()
    caller = api("manager")
    person = await caller.ok("/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(day)})
    code = person["code"]
    if granted:
        signed = (moment - timedelta(hours=1)).isoformat()
        await caller.ok(
            f"/participants/{code}/consents", {"version": "1.0", "signed_at": signed, "granted": list(granted)}
        )
    await caller.ok(f"/participants/{code}/visits", {"type": "BASE", "occurred_on": str(day)})
    return Visit(code, f"/participants/{code}/visits/BASE/1", moment)


def ref(planned: str, ordinal: int = 1, **more: Any) -> dict[str, Any]:
    return {"planned": planned, "ordinal": ordinal, **more}


ALL = (ref("serum", 1), ref("serum", 2), ref("plasma"), ref("urine"))


async def draw(api: Any, at: Visit, *tubes: dict[str, Any], by: str = "technician_chi", **more: Any) -> list[str]:
    """The codes of the tubes that were drawn, in the order of `tubes`."""
    body = {"collected_at": at.drawn_at.isoformat(), "tubes": list(tubes), **more}
    return list((await api(by).ok(f"{at.path}/draws", body))["tubes"])
