"""Storing a tube by the API and by scan, with its audit entries and its idempotency receipt, beside what a commit costs
on this disk; and twenty scan stations at once.
"""

import asyncio
import itertools
import json
import time
from pathlib import Path
from uuid import uuid4

import asyncpg

from benchmarks import Report, say, stations
from benchmarks.house import BOX, House, house
from benchmarks.load import Load, drive, request
from benchmarks.pgbench import rate

SECONDS = 10
MANY = 16
ALONE = 1000
"""Scans of one station, each as soon as the one before is answered."""
STATIONS, A_SECOND, STATION_SECONDS = 20, 5, 50
_COMMIT = "insert into bench_commit (text) values ('one row and its commit');\n"


def measure(aliquots: int, kept: Path | None = None) -> Report:
    """Rates and latencies of `POST /api/v1/storage/placements` with 1 and 16 connections, each into a box of its
    own; then of `POST /api/v1/scan` from one station and from twenty, among `aliquots` tubes.
    """
    report = Report("store")
    each = A_SECOND * STATION_SECONDS
    say(f"Making {aliquots:,} tubes, and empty boxes for those on the bench …")
    with house(aliquots, kept) as made:
        tubes, boxes = list(made.held), list(made.boxes)
        say("One station …")
        alone = stations.run(made, tubes, boxes, stations=1, each=ALONE, per_second=None)
        commits = asyncio.run(_commit_times(made.dsn))
        say(f"{STATIONS} stations with {A_SECOND} scans a second each, for {STATION_SECONDS} s …")
        many_at_once = stations.run(made, tubes, boxes, stations=STATIONS, each=each, per_second=A_SECOND)
        codes, open_boxes = iter(tubes), _Boxes(boxes)

        def store() -> bytes:
            body = json.dumps({"tube": next(codes), "box": open_boxes.next()}).encode()
            key = f"Idempotency-Key: {uuid4()}\r\n"
            return request("POST", "/api/v1/storage/placements", made.token, body, key)

        say("Storing over one connection …")
        one = drive(made.port, made.server, 1, SECONDS, store, b"HTTP/1.1 201")
        say("Storing over 16 connections …")
        many = drive(made.port, made.server, MANY, SECONDS, store, b"HTTP/1.1 201")
        say("A bare insert and its commit in the database alone …")
        report.floors = {
            "commit_1_per_second": round(_commits(made, 1), 1),
            "commit_16_per_second": round(_commits(made, MANY), 1),
            "commit_1_p50_ms": round(_at(commits, 0.5), 3),
            "commit_1_p99_ms": round(_at(commits, 0.99), 3),
        }
    report.figures = {
        "aliquots": aliquots,
        **_figures("store_1", one),
        **_figures("store_16", many),
        **_scans("station_1", alone),
        **_scans(f"stations_{STATIONS}", many_at_once),
    }
    report.ratios = {
        "store_to_commit_1": round(one.rate / float(report.floors["commit_1_per_second"]), 3),
        "store_to_commit_16": round(many.rate / float(report.floors["commit_16_per_second"]), 3),
    }
    report.at_most("failed", one.failed + many.failed, 0)
    report.at_most("station_1_beyond_commit_p50_ms", alone.at(0.5) - _at(commits, 0.5), 10)
    report.at_most("station_1_beyond_commit_p99_ms", alone.at(0.99) - _at(commits, 0.99), 30)
    report.at_most(f"stations_{STATIONS}_p99_ms", many_at_once.at(0.99), 150)
    for name in ("refused", "replays_told_otherwise", "lost", "doubled", "reordered"):
        report.at_most(f"scans_{name}", getattr(alone, name) + getattr(many_at_once, name), 0)
    return report


def _scans(name: str, run: stations.Run) -> dict[str, float | int]:
    return {
        f"{name}_scans": len(run.times),
        f"{name}_p50_ms": round(run.at(0.5), 3),
        f"{name}_p99_ms": round(run.at(0.99), 3),
    }


async def _commit_times(dsn: str) -> list[float]:
    """What one row and its commit take in the database alone, in milliseconds, over one connection."""
    connection = await asyncpg.connect(dsn)
    times = []
    try:
        for _ in range(ALONE):
            began = time.perf_counter()
            await connection.execute(_COMMIT)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        await connection.close()
    return sorted(times)


def _at(times: list[float], share: float) -> float:
    return times[int(len(times) * share)]


class _Boxes:
    """Boxes in turn, each used for as many tubes as it has places; 16 are open at a time, as at 16 stations."""

    def __init__(self, codes: list[str]) -> None:
        self._left = [(code, BOX) for code in reversed(codes)]
        self._open: list[tuple[str, int]] = [self._left.pop() for _ in range(MANY)]
        self._turn = itertools.cycle(range(MANY))

    def next(self) -> str:
        at = next(self._turn)
        code, places = self._open[at]
        self._open[at] = (code, places - 1) if places > 1 else self._left.pop()
        return code


def _figures(name: str, load: Load) -> dict[str, float | int]:
    return {
        f"{name}_per_second": round(load.rate, 1),
        f"{name}_p50_ms": round(load.p50, 3),
        f"{name}_p99_ms": round(load.p99, 3),
        f"{name}_server_cpu_us": round(load.cpu_us, 1),
        f"{name}_failed": load.failed,
    }


def _commits(made: House, clients: int) -> float:
    return rate(made.bin, made.dsn, _COMMIT, clients=clients, seconds=SECONDS)
