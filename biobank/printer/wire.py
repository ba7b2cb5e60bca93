"""Speaking ZPL to a printer over TCP, with a time limit on everything. It knows no database: the service and the print
agent both use it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from biobank.printer import status as host_status
from biobank.printer.status import HostStatus, UnreadableStatus

_ASK = b"~HS"
_CHUNK = 64 * 1024
_MOST_STATUS = 4096


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds: to connect and be answered, for a printer to take a chunk of a job, and until it has
    printed what it took. `pause` lies between two questions.
    """

    answer: float = 5.0
    take: float = 30.0
    done: float = 120.0
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """`acknowledged`, or `unknown` with the trouble."""

    status: str
    trouble: str | None = None
    detail: str | None = None


class PrinterTrouble(Exception):
    """Nothing was sent: the printer is not ready. `condition` is a status of a printer."""

    def __init__(self, condition: str, detail: str = "") -> None:
        self.condition = condition
        self.detail = detail
        super().__init__(f"{condition}: {detail}" if detail else condition)


class Link:
    """One connection to a printer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Patience) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience

    async def status(self) -> HostStatus:
        """Ask the printer how it is.

        Raises:
            PrinterTrouble: it does not answer in time, hangs up, or answers something else.
        """
        answer = b""
        try:
            async with asyncio.timeout(self._patience.answer):
                self._writer.write(_ASK)
                await self._writer.drain()
                while not host_status.whole(answer):
                    got = await self._reader.read(_MOST_STATUS)
                    if not got:
                        raise PrinterTrouble("unreachable", "it closed the connection")
                    answer += got
                    if len(answer) > _MOST_STATUS:
                        break
            return host_status.parse(answer)
        except TimeoutError:
            raise PrinterTrouble("unreachable", f"no answer in {self._patience.answer:g} s") from None
        except OSError as error:
            raise PrinterTrouble("unreachable", type(error).__name__) from None
        except UnreadableStatus as error:
            raise PrinterTrouble("unreadable", str(error)) from None

    async def ready(self) -> None:
        """Raises:
        PrinterTrouble: the printer could not print now, or has still to print what another sent.
        """
        said = await self.status()
        if said.condition != "ready":
            raise PrinterTrouble(said.condition)
        if not said.is_idle:
            raise PrinterTrouble("busy", "it has still to print what it was sent before")

    async def print(self, content: bytes, told: Callable[[str | None], Awaitable[None]]) -> Outcome:
        """Send a job and wait until the printer says that nothing of it is left. `told` is called with each new trouble
        on the way, and with None when it is over. From the first byte on paper may come out, so nothing here is tried
        twice.
        """
        try:
            for start in range(0, len(content), _CHUNK):
                self._writer.write(content[start : start + _CHUNK])
                async with asyncio.timeout(self._patience.take):
                    await self._writer.drain()
        except TimeoutError:
            return Outcome("unknown", "no_answer", f"it took nothing more for {self._patience.take:g} s")
        except OSError as error:
            return Outcome("unknown", "cut_off", type(error).__name__)
        return await self._finished(told)

    async def _finished(self, told: Callable[[str | None], Awaitable[None]]) -> Outcome:
        """Wait as long as the printer gets on, or says itself what it is waiting for: it keeps what it was sent and
        goes on when a person has put in labels or closed it.
        """
        clock = asyncio.get_running_loop().time
        trouble: str | None = None
        left, moved = -1, clock()
        idle = 0
        while True:
            try:
                said = await self.status()
            except PrinterTrouble as error:
                return Outcome("unknown", "cut_off", error.detail)
            idle = idle + 1 if said.condition == "ready" and said.is_idle else 0
            if idle == 2:
                return Outcome("acknowledged")
            now = None if said.condition in ("ready", "busy") else said.condition
            if now != trouble:
                trouble = now
                await told(trouble)
            if trouble is not None or said.waiting + said.remaining != left:
                left, moved = said.waiting + said.remaining, clock()
            elif clock() - moved > self._patience.done:
                return Outcome(
                    "unknown", "no_answer", f"{left} labels were left, and none came out for {self._patience.done:g} s"
                )
            await asyncio.sleep(self._patience.pause)


@asynccontextmanager
async def link(host: str, port: int, patience: Patience) -> AsyncIterator[Link]:
    """A connection to the printer at an address, closed at the end.

    Raises:
        PrinterTrouble: nothing answers there in time.
    """
    try:
        async with asyncio.timeout(patience.answer):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise PrinterTrouble("unreachable", f"no connection in {patience.answer:g} s") from None
    except OSError as error:
        raise PrinterTrouble("unreachable", error.strerror or type(error).__name__) from None
    try:
        yield Link(reader, writer, patience)
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(patience.answer):
                await writer.wait_closed()
