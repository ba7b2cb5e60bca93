"""A printer that prints pictures: takes ZPL over TCP, answers `~HS`, and shows its labels on a small local page.

It can be told to be out of labels, open, paused, slow, to hang up in the middle of a job, or to take everything and say
nothing. It ships with the demonstration and the tests, and imitates a printer with a buffer: what it took it keeps, and
prints when it can.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from biobank.printer.status import HostStatus, written
from biobank.printer.zpl_picture import ZplError, draw_zpl

CONDITIONS = ("ready", "out_of_labels", "out_of_ribbon", "head_open", "paused", "slow", "cut_off", "silent", "nonsense")
_KEPT = 200
_END = b"^XZ"
_ASK = b"~HS"


@dataclass
class SimulatedPrinter:
    """Set `condition` to one of CONDITIONS at any time. `labels` are the formats that were printed, each once a copy.

    `cut_after` is the number of bytes of a job after which a `cut_off` printer hangs up; after `ends_after` labels the
    roll is at its end; a `stuck` printer that is slow prints nothing more.
    """

    dpi: int = 203
    condition: str = "ready"
    cut_after: int = 40
    ends_after: int | None = None
    stuck: bool = False
    pictures: Path | None = None
    printed: list[bytes] = field(default_factory=list)
    _buffer: list[bytes] = field(default_factory=list)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _count: int = 0

    async def start(self, port: int = 0, *, host: str = "127.0.0.1") -> int:
        """Listen for jobs; answers the port."""
        server = await asyncio.start_server(self._serve, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def start_page(self, port: int = 0, *, host: str = "127.0.0.1") -> int:
        """Show the page with the labels; answers the port."""
        server = await asyncio.start_server(self._show, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        for server in self._servers:
            server.close()

    def become(self, condition: str) -> None:
        """Be in this condition from now on; what waits in the buffer is printed as soon as that is possible."""
        self.condition = condition
        self._print()

    @property
    def status(self) -> HostStatus:
        return HostStatus(
            paper_out=self.condition == "out_of_labels",
            paused=self.condition == "paused",
            head_open=self.condition == "head_open",
            ribbon_out=self.condition == "out_of_ribbon",
            waiting=min(999, len(self._buffer)),
        )

    def _print(self) -> None:
        most = {"ready": len(self._buffer), "slow": 0 if self.stuck else 1}.get(self.condition, 0)
        for _ in range(min(most, len(self._buffer))):
            if self.ends_after is not None and self._count >= self.ends_after:
                self.condition = "out_of_labels"
                return
            label = self._buffer.pop(0)
            self.printed.append(label)
            self._count += 1
            if self.pictures is not None:
                with suppress(ZplError):
                    (self.pictures / f"label-{self._count:06d}.png").write_bytes(draw_zpl(label, self.dpi))
        del self.printed[:-_KEPT]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = b""
        got = 0
        with suppress(OSError):
            while chunk := await reader.read(65536):
                asked, chunk = chunk.count(_ASK), chunk.replace(_ASK, b"")
                taken += chunk
                got += len(chunk)
                if self.condition == "cut_off" and got > self.cut_after:
                    break
                taken = self._take(taken)
                for _ in range(asked):
                    await self._answer(writer)
                    self._print()
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if self.condition == "silent":
            return
        writer.write(b"\x02hello\x03\r\n" * 3 if self.condition == "nonsense" else written(self.status))
        await writer.drain()

    def _take(self, taken: bytes) -> bytes:
        while (end := taken.find(_END)) >= 0:
            label, taken = taken[: end + len(_END)].strip(), taken[end + len(_END) :]
            self._buffer += [label] * _copies(label)
            self._print()
        return taken

    async def _show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(5):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                verb, path, *_ = head.split(" ", 2)
                writer.write(self._page(verb, path))
                await writer.drain()
        writer.close()

    def _page(self, verb: str, path: str) -> bytes:
        if verb == "POST" and path.startswith("/condition?"):
            wanted = parse_qs(path.partition("?")[2]).get("is", [""])[0]
            if wanted in CONDITIONS:
                self.become(wanted)
            return b"HTTP/1.1 303 See Other\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        if path.startswith("/labels/") and path.endswith(".png"):
            number = path.removeprefix("/labels/").removesuffix(".png")
            if number.isdigit() and int(number) < len(self.printed):
                with suppress(ZplError):
                    return _response(draw_zpl(self.printed[int(number)], self.dpi), "image/png")
            return _response(b"There is no such label.", "text/plain", "404 Not Found")
        return _response(self._html().encode(), "text/html; charset=utf-8")

    def _html(self) -> str:
        buttons = "".join(
            f'<form method="post" action="/condition?is={name}"><button{" disabled" if name == self.condition else ""}>'
            f"{escape(name.replace('_', ' '))}</button></form>"
            for name in CONDITIONS
        )
        numbers = range(len(self.printed) - 1, -1, -1)
        shown = "".join(f'<p><img src="/labels/{number}.png" alt="Label {number + 1}"></p>' for number in numbers)
        condition = escape(self.condition.replace("_", " "))
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>"
            "<title>Simulated printer</title>"
            "<style>body{font:16px sans-serif;margin:2em}form{display:inline}img{border:1px solid #999}</style>"
            f"<h1>Simulated printer</h1><p>It is <b>{condition}</b>, {len(self._buffer)} labels wait, "
            f"{self._count} were printed.</p><p>{buttons}</p>{shown}</html>"
        )


def _copies(label: bytes) -> int:
    found = label.rpartition(b"^PQ")[2]
    digits = bytes(byte for byte in found.split(b"^")[0].split(b",")[0] if 0x30 <= byte <= 0x39)
    return min(1000, max(1, int(digits or b"1"))) if b"^PQ" in label else 1


def _response(body: bytes, media: str, status: str = "200 OK") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body


def run_simulator(
    port: int, page_port: int | None, pictures: Path | None, dpi: int, condition: str, say: Callable[[str], object]
) -> None:
    """Be a printer until interrupted."""

    async def work() -> None:
        printer = SimulatedPrinter(dpi=dpi, condition=condition, pictures=pictures)
        say(f"The simulated printer takes ZPL at 127.0.0.1:{await printer.start(port)}")
        if page_port is not None:
            say(f"It shows its labels at http://127.0.0.1:{await printer.start_page(page_port)}")
        await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(work())
