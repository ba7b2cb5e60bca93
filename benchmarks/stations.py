"""Scan stations under load: each sends its scans in order at its own pace, and afterwards the database is asked where
every tube is.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg

from benchmarks.house import BOX, House
from benchmarks.load import request

_EVERY = 25
"""One scan in so many is sent a second time under its key, as after a lost answer."""


@dataclass
class Run:
    """What so many stations did. Times in milliseconds, from the moment at which the hand scanned."""

    times: list[float] = field(default_factory=list)
    refused: int = 0
    replays_told_otherwise: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0

    def at(self, share: float) -> float:
        return sorted(self.times)[int(len(self.times) * share)]


@dataclass(frozen=True)
class _Station:
    tubes: list[str]
    boxes: list[str]

    def scans(self) -> list[tuple[str, str]]:
        return [(tube, self.boxes[number // BOX]) for number, tube in enumerate(self.tubes)]


def run(made: House, tubes: list[str], boxes: list[str], *, stations: int, each: int, per_second: float | None) -> Run:
    """So many stations store `each` tubes into boxes of their own; without a pace each goes as fast as it is answered.

    Tubes and boxes are taken off the lists.
    """
    here = -(-each // BOX)
    benches = [
        _Station([tubes.pop() for _ in range(each)], [boxes.pop() for _ in range(here)]) for _ in range(stations)
    ]
    done = Run()
    asyncio.run(_all(made, benches, per_second, done))
    return done


async def _all(made: House, benches: list[_Station], per_second: float | None, done: Run) -> None:
    pause = 1 / per_second if per_second else 0.0
    began = time.perf_counter() + 0.2
    starts = [began + pause * number / len(benches) for number in range(len(benches))]
    await asyncio.gather(*(_work(made, one, start, pause, done) for one, start in zip(benches, starts, strict=True)))
    await _check(made.dsn, benches, done)


async def _work(made: House, station: _Station, start: float, pause: float, done: Run) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    try:
        for number, (tube, box) in enumerate(station.scans()):
            due = start + number * pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            body = json.dumps({"text": tube, "mode": "store", "box": box}).encode()
            sent = request("POST", "/api/v1/scan", made.token, body, f"Idempotency-Key: {uuid4()}\r\n")
            scanned = due if pause else time.perf_counter()
            answer = await _ask(reader, writer, sent)
            done.times.append((time.perf_counter() - scanned) * 1000)
            done.refused += b'"word":"Stored"' not in answer
            if number % _EVERY == 0:
                done.replays_told_otherwise += await _ask(reader, writer, sent) != answer
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> bytes:
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    return await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))


async def _check(dsn: str, benches: list[_Station], done: Run) -> None:
    """Lost: not in its box. Doubled: moved more than once. Reordered: not behind the one that was scanned before it."""
    connection = await asyncpg.connect(dsn)
    try:
        for station in benches:
            rows = await connection.fetch(
                "select s.code, c.code as box, u.row * 9 + u.col as place, "
                "(select count(*) from custody_history h where h.specimen_id = s.id) as moves "
                "from specimen s join custody u on u.specimen_id = s.id left join container c on c.id = u.container_id "
                "where s.code = any($1::text[])",
                station.tubes,
            )
            found = {row["code"]: row for row in rows}
            for number, (tube, box) in enumerate(station.scans()):
                row = found[tube]
                done.lost += row["box"] != box
                done.doubled += row["moves"] != 2
                done.reordered += row["place"] != number % BOX
    finally:
        await connection.close()
