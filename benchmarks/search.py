"""Searching by the beginning of a code or a name, and the last page of a long list, beside what the database itself
takes and beside the first page.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Iterable
from pathlib import Path

import asyncpg

from benchmarks import Report, say
from benchmarks.house import FREEZERS, House, house
from benchmarks.load import ROUNDS, in_turn, middle

_PREFIX = (
    "select i.value, s.code from identifier i join specimen s on s.id = i.specimen_id "
    "where i.value like $1 order by i.value using ~<~, i.id limit 201"
)
_PAGE = (
    "select s.id, s.code, s.quantity, p.code from specimen s join custody u on u.specimen_id = s.id "
    "join participant p on p.id = s.participant_id where s.id > $1 and u.specimen_id > $1 order by s.id limit 51"
)


def measure(aliquots: int, kept: Path | None = None) -> Report:
    """Milliseconds, one request after the other; each search asks for another beginning."""
    report = Report("search")
    say(f"Making {aliquots:,} aliquots …")
    with house(aliquots, kept) as made:
        rng = random.Random(1)  # noqa: S311  # made-up data
        starts = [rng.choice(made.codes) for _ in range(ROUNDS * 2)]
        last, middle_of = asyncio.run(_deep(made))
        code, search = itertools.cycle(made.codes[:5000]), "/api/v1/search?q="
        asked: dict[str, Iterable[str]] = {
            "prefix_3": (f"{search}{start[:3]}" for start in starts),
            "prefix_5": (f"{search}{start[:5]}" for start in starts),
            "whole_code": (f"{search}{next(code)}" for _ in starts),
            "place": (f"{search}Freezer%20{number}" for number in range(100, 100 + FREEZERS)),
            "search_page": (f"/find?q={start[:5]}" for start in starts),
            "first_page": itertools.repeat("/api/v1/specimens"),
            "middle_page": itertools.repeat(f"/api/v1/specimens?after={middle_of}"),
            "last_page": itertools.repeat(f"/api/v1/specimens?after={last}"),
        }
        for name, paths in asked.items():
            say(f"{name} …")
            report.figures |= middle(name, in_turn(made.port, made.token, paths))
        report.floors |= middle("constant", in_turn(made.port, made.token, itertools.repeat("/health/constant")))
        say("The same in the database alone …")
        report.floors |= asyncio.run(_database(made, starts, last))
    report.figures["aliquots"] = aliquots
    first = float(report.figures["first_page_p50_ms"])
    report.ratios = {
        "prefix_5_to_database": round(
            report.figures["prefix_5_p50_ms"] / float(report.floors["prefix_rows_p50_ms"]), 1
        ),
        "middle_page_to_first": round(report.figures["middle_page_p50_ms"] / first, 2),
        "last_page_to_first": round(report.figures["last_page_p50_ms"] / first, 2),
    }
    for name in ("prefix_3", "prefix_5", "whole_code", "place"):
        report.at_most(f"{name}_p50_ms", report.figures[f"{name}_p50_ms"], 20)
    report.at_most("middle_page_to_first", report.ratios["middle_page_to_first"], 1.15)
    report.at_most("last_page_to_first", report.ratios["last_page_to_first"], 1.15)
    return report


async def _deep(made: House) -> tuple[int, int]:
    """The key before the last page of tubes, and one in the middle."""
    connection = await asyncpg.connect(made.dsn)
    try:
        most = await connection.fetchval("select max(id) from specimen")
    finally:
        await connection.close()
    return most - 50, most // 2


async def _database(made: House, starts: list[str], last: int) -> dict[str, float | int]:
    connection = await asyncpg.connect(made.dsn, server_settings={"jit": "off", "random_page_cost": "1.1"})
    found: dict[str, float | int] = {}
    try:
        asked: dict[str, tuple[str, Iterable[str | int]]] = {
            "prefix_rows": (_PREFIX, (f"{start[:5]}%" for start in starts)),
            "page_rows": (_PAGE, itertools.repeat(last, ROUNDS)),
        }
        for name, (statement, values) in asked.items():
            took = []
            for value in values:
                began = time.perf_counter()
                await connection.fetch(statement, value)
                took.append((time.perf_counter() - began) * 1000)
            found |= middle(name, took[5:])
    finally:
        await connection.close()
    return found
