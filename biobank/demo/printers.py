"""A label printer at every site, the rules that choose it, and a job in each state, through the verbs of printing."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from biobank.actor import SERVICE, Actor
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.chance import at, stream
from biobank.demo.house import House
from biobank.demo.people import Person
from biobank.demo.runs import Subject
from biobank.printer import commands, jobs, sending
from biobank.printer.models import PrintJob
from biobank.printer.wire import Outcome
from biobank.printing import commands as printing
from biobank.printing import ordering
from biobank.tx import Tx, open_tx
from labels import STOCKS, RollStock

NAME, FILE = "ZD-1", "SHEETS"
PORT = 9100
"""Where `biobank printer-simulator` listens: started on this machine it is the printer of the central laboratory."""
_JOBS = 7
_ROLL = next(
    name
    for name, stock in STOCKS.items()
    if isinstance(stock, RollStock) and stock.dpi == 203 and stock.label_width > 30 and stock.label_height > 12
)


async def go(database: Database, house: House, serum: Sequence[Subject], seed: int) -> int:
    """Register the printers and print further labels of tubes of serum; answers how many jobs there are."""
    work = _Printing(database, house, seed)
    await work.set_up()
    tubes = [one.tube.code for one in serum if one.person.withdrawn is None][: 2 * _JOBS]
    if len(tubes) < 2 * _JOBS:
        return 0
    await work.print_all([tubes[2 * index : 2 * index + 2] for index in range(_JOBS)])
    clinical = (one for one in serum if one.person.withdrawn is None and one.person.site.code != plan.CENTRAL.code)
    one = next((one for one in clinical if one.tube.code not in tubes), None)
    if one is None:
        return _JOBS
    await work.out_of_labels(one.person, [one.tube.code])
    return _JOBS + 1


class _Printing:
    def __init__(self, database: Database, house: House, seed: int) -> None:
        self.database = database
        self.house = house
        self.chance = stream(seed, "printing")

    def _tx(self, actor: Actor, minutes: int) -> AbstractAsyncContextManager[Tx]:
        moment: datetime = at(self.house.as_of - timedelta(days=1), plan.CENTRAL.timezone, minutes)
        return open_tx(self.database, actor, clock=lambda: moment, randomness=self.chance)

    async def set_up(self) -> None:
        """The central laboratory's printer stands beside the service, those of the clinics behind their firewalls."""
        async with self._tx(self.house.actors["manager"], 8 * 60) as tx:
            for site in plan.SITES:
                central = site.code == plan.CENTRAL.code
                spec = commands.AddPrinter(
                    site=site.code,
                    name=NAME,
                    kind="zpl_tcp" if central else "pull",
                    host="127.0.0.1" if central else f"printer.{site.code.lower()}.example",
                    port=PORT,
                    stock=_ROLL,
                )
                await commands.add_printer(tx, spec)
                rule = commands.RuleSpec(printer=NAME)
                await commands.set_rules(tx, commands.SetRules(site=site.code, rules=(rule,), seen=0))
            sheets = commands.AddPrinter(
                site=plan.CENTRAL.code, name=FILE, kind="download", dpi=600, stock="cryo-letter-85"
            )
            await commands.add_printer(tx, sheets)

    async def _order(self, tubes: Sequence[str], minutes: int, printer: str = NAME) -> UUID:
        async with self._tx(self.house.actors["technician"], minutes) as tx:
            spec = ordering.OrderLabels(codes=tuple(tubes), printer=f"{plan.CENTRAL.code}/{printer}", reason="damaged")
            return (await ordering.order_labels(tx, spec)).number

    async def _sent(self, number: UUID, minutes: int, outcome: Outcome) -> None:
        async with self._tx(SERVICE, minutes) as tx:
            job = (await tx.session.execute(select(PrintJob).where(PrintJob.number == number))).scalar_one()
            sending.sent(tx, job)
            await tx.session.flush()
            sending.ended(tx, job, outcome)

    async def print_all(self, tubes: Sequence[Sequence[str]]) -> None:
        """A job verified, one printed, one unknown, one told not to have come out, one cancelled, one to be downloaded,
        and one that waits: it is printed as soon as a printer answers.
        """
        technician = self.house.actors["technician"]
        printed, cut = Outcome("acknowledged"), Outcome("unknown", "cut_off", "ConnectionResetError")
        numbers = [await self._order(tubes[index], 9 * 60 + 10 * index) for index in range(5)]
        for index, outcome in enumerate((printed, printed, cut, cut)):
            await self._sent(numbers[index], 9 * 60 + 10 * index + 1, outcome)
        async with self._tx(technician, 10 * 60) as tx:
            for tube in tubes[0]:
                await printing.verify_label(tx, printing.VerifyLabel(code=tube))
            await jobs.settle(tx, numbers[3], jobs.SettleJob(outcome="not_printed"))
            await jobs.cancel(tx, numbers[4], jobs.CancelJob(reason="Ordered twice"))
        await self._order(tubes[5], 10 * 60 + 10, FILE)
        await self._order(tubes[6], 10 * 60 + 20)

    async def out_of_labels(self, person: Person, tubes: Sequence[str]) -> None:
        """A clinic's printer has no labels left; its print agent said so and gave the job back."""
        key = f"{person.site.code}/{NAME}"
        async with self._tx(self.house.actors["manager"], 10 * 60 + 30) as tx:
            spec = ordering.OrderLabels(codes=tuple(tubes), printer=key, reason="damaged")
            number = (await ordering.order_labels(tx, spec)).number
        async with self._tx(SERVICE, 10 * 60 + 31) as tx:
            job = (await tx.session.execute(select(PrintJob).where(PrintJob.number == number))).scalar_one()
            sending.waits(tx, job, "out_of_labels")
            await jobs.saw(tx, job.printer_id, "out_of_labels", tx.now)
