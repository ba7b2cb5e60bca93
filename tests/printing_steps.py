"""Steps of tests that print: printers, simulated ones, and a sender that looks when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from biobank.db import Database
from biobank.printer.sending import Sender
from biobank.printer.simulator import SimulatedPrinter
from biobank.printer.wire import Patience
from labels import STOCKS, RollStock
from tests.withdrawing import signature

ROLL = next(
    name
    for name, stock in STOCKS.items()
    if isinstance(stock, RollStock) and stock.dpi == 203 and stock.label_width > 30 and stock.label_height > 12
)
QUICK = Patience(answer=0.3, take=0.3, done=0.05, pause=0.0)


def settling(outcome: str = "as_labelled", reason: str = "genotyped") -> dict[str, Any]:
    """The body that settles whose a tube is."""
    return {"outcome": outcome, "reason": reason, "signature": signature()}


@asynccontextmanager
async def simulated(condition: str = "ready") -> AsyncIterator[tuple[SimulatedPrinter, int]]:
    """A printer on this machine and its port."""
    printer = SimulatedPrinter(condition=condition)
    port = await printer.start()
    try:
        yield printer, port
    finally:
        await printer.stop()


async def add_printer(api: Any, port: int, *, kind: str = "zpl_tcp", name: str = "ZD-1", site: str = "LAB") -> str:
    """Register a printer; answers its key."""
    address = {} if kind == "download" else {"host": "127.0.0.1", "port": port}
    body = {"site": site, "name": name, "kind": kind, "stock": ROLL, **address}
    made = await api("manager").ok("/printers", body)
    return f"{made['site']}/{made['name']}"


async def order(api: Any, codes: Any, printer: str, **more: Any) -> str:
    """Queue labels as a technician; answers the number of the job."""
    made = await api("technician").ok("/labels/orders", {"codes": list(codes), "printer": printer, **more})
    return str(made["number"])


async def send(database: Database, patience: Patience = QUICK) -> None:
    """One look of a sender for work, until it is done with."""
    sender = Sender(database, seconds=1, patience=patience)
    await sender.look()
    await sender.quiet()


async def job(api: Any, number: str) -> dict[str, Any]:
    found: dict[str, Any] = await api("technician").see(f"/print-jobs/{number}")
    return found


async def until_trouble(api: Any, number: str, trouble: str) -> dict[str, Any]:
    """Wait until a job that is being printed has this trouble."""
    for _ in range(2000):
        found = await job(api, number)
        if found["trouble"] == trouble:
            return found
        await asyncio.sleep(0)
    raise AssertionError(f"the job never was {trouble}: {found}")
