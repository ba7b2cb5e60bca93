"""Storing a tube by the API, with its audit entries and its idempotency receipt, beside what a commit costs on this
disk.
"""

import itertools
import json
from uuid import uuid4

from benchmarks import Report, say
from benchmarks.house import BOX, House, house
from benchmarks.load import Load, drive, request
from benchmarks.pgbench import rate

SECONDS = 10
MANY = 16
# Far more tubes than both runs can store; each is stored once, into the next free position of a box.
_TUBES_MOST = 60_000
_COMMIT = "insert into bench_commit (text) values ('one row and its commit');\n"


def measure(aliquots: int) -> Report:
    """Rates and latencies of `POST /api/v1/storage/placements` with 1 and 16 connections, each into a box of its
    own.
    """
    report = Report("store")
    tubes = min(aliquots, _TUBES_MOST)
    say(f"Making {tubes:,} tubes on a bench, and empty boxes …")
    with house(tubes, empty_boxes=tubes // BOX + MANY + 2, in_hand=True) as made:
        codes, boxes = iter(made.codes), _Boxes(made.boxes)

        def store() -> bytes:
            body = json.dumps({"tube": next(codes), "box": boxes.next()}).encode()
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
        }
    report.figures = {**_figures("store_1", one), **_figures("store_16", many)}
    report.ratios = {
        "store_to_commit_1": round(one.rate / float(report.floors["commit_1_per_second"]), 3),
        "store_to_commit_16": round(many.rate / float(report.floors["commit_16_per_second"]), 3),
    }
    report.at_most("failed", one.failed + many.failed, 0)
    return report


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
