"""Connections made ready for scans before anybody scans.

The first scan on a new connection takes the database some 100 ms, for it learns the types, the triggers and the plans
of the statements; the next five take 15 ms longer than later ones, for PostgreSQL plans a statement anew five times
before it keeps a plan. Twenty stations that begin at once would wait for each other for a second.
"""

from contextlib import AsyncExitStack, suppress

from biobank.actor import SERVICE, Permission
from biobank.db import Database
from biobank.scan.queries import RESOLVE
from biobank.specimen.custody import hand_over_nothing
from biobank.storage.looking import look_at_nothing
from biobank.tx import open_tx

_UNTIL_PLANNED = 6


class _RolledBack(Exception):  # no error: the way to leave a transaction without a commit
    """Nothing was to be kept."""


async def warm(database: Database, connections: int) -> None:
    """Let so many connections do what a scan does, with no tube; nothing is changed and no row is locked."""
    with suppress(_RolledBack):
        async with AsyncExitStack() as held:
            for _ in range(connections):
                tx = await held.enter_async_context(open_tx(database, SERVICE))
                reach = tx.scope(Permission.SPECIMEN_READ).arrays()
                for _ in range(_UNTIL_PLANNED):
                    await tx.fetchrow(RESOLVE, "", *reach)
                    await look_at_nothing(tx)
                    await hand_over_nothing(tx)
            raise _RolledBack
