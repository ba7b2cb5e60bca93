"""Equipment of a site and scans at its benches, for tests."""

from typing import Any

from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.equipment.models import Equipment, EquipmentProgram, ProgramTubeType
from biobank.study.models import Site
from biobank.tx import open_tx

NEXT, CONFIRM, UNDO, PRINT, ACK = "CNXTCNXTCA", "CCNFRMCNFP", "CUNDUCUNDK", "CPRTCPRTCN", "CACKCACKAP"


async def centrifuge(database: Database, site: str = "CHI", code: str = "CF-1") -> None:
    """A centrifuge with a program for serum tubes and one for EDTA tubes, and a pipette beside it."""
    async with open_tx(database, SERVICE) as tx:
        site_id = (await tx.session.execute(select(Site.id).where(Site.code == site))).scalar_one()
        made = {"site_id": site_id, "title": "Bench centrifuge"}
        device, _ = await tx.insert(
            Equipment,
            [{**made, "code": code, "kind": "centrifuge"}, {**made, "code": f"{code}P", "kind": "pipette"}],
        )
        common = {"equipment_id": device, "minutes": 10, "celsius": 21, "brake": True}
        programs = await tx.insert(
            EquipmentProgram,
            [
                {**common, "code": "SERUM", "title": "Serum", "g_force": 1200},
                {**common, "code": "PLASMA", "title": "Plasma", "g_force": 1800},
            ],
        )
        await tx.insert(
            ProgramTubeType,
            [
                {"program_id": programs[0], "tube_type": "SST"},
                {"program_id": programs[1], "tube_type": "EDTA10"},
            ],
        )
        tx.record("equipment.made", subject="equipment", subject_id=device, site_id=site_id)


class Gun:
    """A scanner at a bench: it sends codes and keeps what the answers say is at hand."""

    def __init__(self, caller: Any, bench: str) -> None:
        self.caller, self.bench, self.at = caller, bench, {}
        self.last: dict[str, Any] = {}

    async def scan(self, text: str, *, sure: bool = False, key: str | None = None) -> dict[str, Any]:
        body = {"bench": self.bench, "text": text, "at": self.at, "sure": sure}
        self.last = await self.caller.ok("/bench/scan", body, key=key)
        self.at = self.last["at"]
        return self.last

    async def word(self, text: str, *, sure: bool = False) -> tuple[str, str]:
        answer = await self.scan(text, sure=sure)
        return answer["verdict"], answer["word"]

    async def said(self, text: str, *, sure: bool = False) -> str:
        answer = await self.scan(text, sure=sure)
        return f"{answer['verdict']}: {answer['title']} {answer['message']}"
