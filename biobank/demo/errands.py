"""Reservations and pick lists at the laboratory, through the verbs of the picking slice: one list was handed over, one
is being walked, one waits.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from biobank.actor import Actor
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.chance import at, stream
from biobank.demo.house import House
from biobank.demo.runs import ASSAYED, Subject
from biobank.picking import commands, lines, queries, reserving
from biobank.tx import Tx, open_tx

_HANDED, _WALKED, _WAITING, _RESERVED = 6, 8, 10, 12


async def go(database: Database, house: House, serum: Sequence[Subject], seed: int) -> int:
    """Make the lists from serum that nobody measures; answers how many there are. A small study may have none."""
    free = [
        one.tube.code
        for one in serum
        if one.visit.type not in ASSAYED
        and not one.person.denied
        and one.person.withdrawn is None
        and one.stored < house.as_of - timedelta(days=40)
    ]
    work = _Errands(database, house, seed)
    made = 0
    if len(free) >= _HANDED:
        await work.handed_over(free[:_HANDED])
        made += 1
    if len(free) >= _HANDED + _WALKED:
        await work.walked(free[_HANDED : _HANDED + _WALKED])
        made += 1
    rest = free[_HANDED + _WALKED :]
    if len(rest) >= _WAITING + _RESERVED:
        await work.waiting(rest[:_WAITING])
        await work.reserved(rest[_WAITING : _WAITING + _RESERVED])
        made += 1
    return made


class _Errands:
    def __init__(self, database: Database, house: House, seed: int) -> None:
        self.database = database
        self.house = house
        self.chance = stream(seed, "errands")

    def _moment(self, days: int, minutes: int) -> datetime:
        return at(self.house.as_of - timedelta(days=days), plan.CENTRAL.timezone, minutes)

    def _tx(self, actor: str, moment: datetime) -> AbstractAsyncContextManager[Tx]:
        return open_tx(self.database, self._actor(actor), clock=lambda: moment, randomness=self.chance)

    def _actor(self, name: str) -> Actor:
        return self.house.actors[name]

    async def _list(self, tubes: Sequence[str], purpose: str, destination: str, moment: datetime) -> str:
        spec = commands.MakePickList.model_validate(
            {"purpose": purpose, "destination": destination, "tubes": tuple(tubes)}
        )
        async with self._tx("technician", moment) as tx:
            return (await commands.make(tx, spec)).code

    async def _seen(self, tx: Tx, code: str) -> int:
        return (await queries.pick_list(tx, code)).row_version

    async def handed_over(self, tubes: Sequence[str]) -> None:
        """Yesterday's list: every tube was found, scanned again and given to the bench."""
        code = await self._list(tubes, "Cytokine pilot", "bench", self._moment(1, 13 * 60))
        async with self._tx("technician", self._moment(1, 14 * 60)) as tx:
            for tube in tubes:
                await lines.pick(tx, code, lines.PickTube(tube=tube))
        async with self._tx("technician", self._moment(1, 14 * 60 + 20)) as tx:
            again = commands.VerifyPicked(tubes=tuple(tubes), row_version=await self._seen(tx, code))
            seen = await commands.verify(tx, code, again)
            give = commands.HandOverPicked(handed_for="Cytokine bench", row_version=seen.row_version)
            await commands.hand_over(tx, code, give)

    async def walked(self, tubes: Sequence[str]) -> None:
        """Half of it is in hand, one tube was not where its record says, one was left; the rest is to be picked."""
        code = await self._list(tubes, "Complement study, first plate", "bench", self._moment(1, 15 * 60))
        half = len(tubes) // 2
        async with self._tx("technician", self._moment(1, 16 * 60)) as tx:
            for tube in tubes[:half]:
                await lines.pick(tx, code, lines.PickTube(tube=tube))
            missed = lines.NotFoundTube(tube=tubes[half], note="The position is empty")
            await lines.not_found(tx, code, missed)
            left = lines.SettleLine(tube=tubes[half + 1], note="Frosted to its neighbour, left for the defrost")
            await lines.skip(tx, code, left)

    async def waiting(self, tubes: Sequence[str]) -> None:
        await self._list(tubes, "Proteomics, second shipment", "packing", self._moment(1, 17 * 60))

    async def reserved(self, tubes: Sequence[str]) -> None:
        spec = reserving.ReserveTubes(tubes=tuple(tubes), purpose="Autoantibody validation", days=30)
        async with self._tx("scientist", self._moment(3, 11 * 60)) as tx:
            await reserving.reserve(tx, spec)
