"""Computing the SPREC of many tubes: a transaction for each few thousand, so that nobody waits for long."""

from collections.abc import Callable

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.preanalytics.commands import Kept, keep, tubes_to_keep
from biobank.tx import open_tx

TUBES_A_TRANSACTION = 4000


async def recompute(database: Database, *, everything: bool, progress: Callable[[str], None]) -> Kept:
    """Compute what is due, or everything, and keep what is new or different. May be stopped and begun again."""
    due = computed = first = superseded = last = 0
    while True:
        async with open_tx(database, SERVICE) as tx:
            ids = await tubes_to_keep(tx, last, TUBES_A_TRANSACTION, everything=everything)
            if not ids:
                return Kept(due=due, computed=computed, first=first, superseded=superseded)
            kept = await keep(tx, ids, "computed")
        last = ids[-1]
        due, computed = due + kept.due, computed + kept.computed
        first, superseded = first + kept.first, superseded + kept.superseded
        progress(f"{due:,} tubes, {first:,} codes new, {superseded:,} replaced")
