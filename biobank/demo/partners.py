"""What the repository sends to laboratories outside the house, through the verbs of the shipment slice: one
arrived, one is on its way.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from biobank.actor import Permission
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.chance import at, stream
from biobank.demo.house import House
from biobank.demo.runs import Subject
from biobank.shipment import commands, queries, receipt
from biobank.tx import open_tx

TUBES = 24


async def send_out(database: Database, house: House, plasma: Sequence[Subject], seed: int) -> int:
    """Send plasma of participants who may be sent: to one laboratory weeks ago, to the other just now. Answers how
    many consignments left.
    """
    free = [one for one in plasma if one.person.withdrawn is None and "international_transfer" not in one.person.denied]
    sent = 0
    for number, (party, *_) in enumerate(reversed(plan.PARTIES)):
        ready = house.as_of - timedelta(days=16 if number == 0 else 4)
        tubes = [one.tube.code for one in free if one.stored < ready][number :: len(plan.PARTIES)][:TUBES]
        if tubes:
            day = at(ready, plan.CENTRAL.timezone, 9 * 60)
            await _send(database, house, party, tubes, day, delivered=number == 0, seed=seed)
            sent += 1
    return sent


async def _send(
    database: Database, house: House, party: str, tubes: list[str], day: datetime, *, delivered: bool, seed: int
) -> None:
    clerk, chance = house.actors["clerk"], stream(seed, "party", party)

    def after(minutes: int) -> datetime:
        return day + timedelta(minutes=minutes)

    async with open_tx(database, clerk, clock=lambda: after(0), randomness=chance) as tx:
        spec = commands.CreateShipment(
            study=plan.STUDY,
            from_site=plan.CENTRAL.code,
            to_party=party,
            purpose="Measurement by the partner laboratory",
            classification=plan.CLASSIFICATION,
        )
        code = (await commands.create_shipment(tx, spec)).code
        await commands.add_package(
            tx,
            code,
            commands.PackageSpec(refrigerant="dry_ice", dry_ice_net_kg=plan.DRY_ICE_KG, temperature_class="-80"),
        )
        await commands.pack_items(tx, code, commands.PackItems(tubes=tuple(tubes)))
    async with open_tx(database, clerk, clock=lambda: after(45), randomness=chance) as tx:
        version = (await queries.find_shipment(tx, code, Permission.SHIPMENT_PACK)).row_version
        seen = await commands.finish_packing(tx, code, commands.Finish(row_version=version))
    async with open_tx(database, clerk, clock=lambda: after(7 * 60), randomness=chance) as tx:
        ship = commands.Ship(
            row_version=seen.row_version, courier=plan.COURIER, tracking_no=f"PC{code}", tracking_again=f"PC{code}"
        )
        seen = await commands.ship(tx, code, ship)
    if delivered:
        async with open_tx(database, clerk, clock=lambda: after(30 * 60), randomness=chance) as tx:
            await receipt.confirm_delivery(tx, code, commands.Finish(row_version=seen.row_version))
