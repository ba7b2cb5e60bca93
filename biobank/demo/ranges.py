"""Pre-printed labels: a range at the laboratory, of which some are on tubes whose labels were damaged, and kits that
are on their way to a clinic.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from biobank.actor import Actor
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.chance import at, stream
from biobank.demo.house import House
from biobank.demo.runs import Subject
from biobank.labelling import commands as labelling
from biobank.printing.range_commands import PrintRange, print_range
from biobank.specimen.relabelling import ReplaceLabel, replace_label
from biobank.tx import Tx, open_tx

_STOCK = "cryo-letter-85"
_LABELS, _KITS, _PER_KIT, _REPLACED = 20, 24, 8, 3
RANGES = 2


async def go(database: Database, house: House, serum: Sequence[Subject], seed: int) -> int:
    """Mint, print, issue and use labels; answers how many ranges there are."""
    work = _Labels(database, house, seed)
    tubes = [one.tube.code for one in serum if one.person.withdrawn is None][-_REPLACED:]
    await work.at_the_laboratory(tubes)
    await work.kits_for_a_clinic()
    return RANGES


class _Labels:
    def __init__(self, database: Database, house: House, seed: int) -> None:
        self.database = database
        self.house = house
        self.chance = stream(seed, "label ranges")

    def _tx(self, user: str, minutes: int) -> AbstractAsyncContextManager[Tx]:
        moment: datetime = at(self.house.as_of - timedelta(days=1), plan.CENTRAL.timezone, minutes)
        actor: Actor = self.house.actors[user]
        return open_tx(self.database, actor, clock=lambda: moment, randomness=self.chance)

    async def at_the_laboratory(self, tubes: Sequence[str]) -> None:
        """Labels for tubes whose own are damaged: some are used, and the last of the sheet is torn."""
        central = plan.CENTRAL.code
        async with self._tx("manager", 11 * 60) as tx:
            spec = labelling.MintRange(
                study=plan.STUDY, count=_LABELS, purpose="Spare labels of the repository", site=central, warn_below=5
            )
            made = await labelling.mint(tx, spec)
            await print_range(tx, made.number, PrintRange(stock=_STOCK))
        labels = [label.code for label in made.labels]
        async with self._tx("technician", 11 * 60 + 10) as tx:
            await labelling.receive(tx, made.number, labelling.ReceiveRange(label=labels[0]))
            for tube, label in zip(tubes, labels, strict=False):
                await replace_label(tx, tube, ReplaceLabel(reason="damaged", label=label))
        async with self._tx("manager", 11 * 60 + 20) as tx:
            await labelling.void(tx, made.number, labelling.VoidLabels(labels=(labels[-1],), reason="Torn"))

    async def kits_for_a_clinic(self) -> None:
        async with self._tx("manager", 11 * 60 + 30) as tx:
            clinic = next(site.code for site in plan.SITES if site.code != plan.CENTRAL.code)
            spec = labelling.MintRange(
                study=plan.STUDY, count=_KITS, purpose="Kits of the baseline visit", per_kit=_PER_KIT
            )
            made = await labelling.mint(tx, spec)
            await print_range(tx, made.number, PrintRange(stock=_STOCK))
            await labelling.issue(tx, made.number, labelling.IssueRange(site=clinic, warn_below=30))
