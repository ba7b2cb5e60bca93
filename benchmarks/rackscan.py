"""Committing the scan of a rack of 96 and re-mapping a spilled box of 81 by the API, beside moving as many tubes in the
database alone, and beside what a commit costs on this disk.
"""

import asyncio
import json
import random
import statistics
import time
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from benchmarks import Report, say
from benchmarks.house import BOX, House, house
from benchmarks.pgbench import rate

RACK = 96
TIMES = 25
_COMMIT = "insert into bench_commit (text) values ('one row and its commit');\n"
_ROTATE = """
select set_config('biobank.actor', 'service', true), set_config('biobank.tx', gen_random_uuid()::text, true);
"""
_MOVE = """
update custody u set row = o.row, col = o.col, since = now()
  from (select specimen_id, lead(row, 1, first_row) over w as row, lead(col, 1, first_col) over w as col
          from (select *, first_value(row) over (order by specimen_id) as first_row,
                       first_value(col) over (order by specimen_id) as first_col from custody where container_id = $1) c
        window w as (order by specimen_id)) o
 where u.specimen_id = o.specimen_id
"""
_EVENT = {
    "verb": "box.remapped",
    "subject": "container",
    "subject_id": 1,
    "study_id": None,
    "site_id": None,
    "reason": None,
    "details": {},
}


def measure(aliquots: int, kept: Path | None = None) -> Report:
    """Latencies of `POST …/rack-scans/{number}/commit` and `POST …/remap` over one connection, in ms."""
    report = Report("rackscan")
    say(f"Making {aliquots:,} tubes in boxes …")
    with house(aliquots, kept) as made:
        spilled, racks, moved = asyncio.run(_measure(made))
        say("A bare insert and its commit in the database alone …")
        report.floors = {
            "commit_ms": round(1000 / _commits(made), 3),
            "move_81_ms": round(statistics.median(moved), 3),
        }
    report.figures = {**_figures("rack_96", racks), **_figures("remap_81", spilled)}
    report.ratios = {"remap_81_to_move_81": round(statistics.median(spilled) / statistics.median(moved), 3)}
    report.at_most("rack_96_p50_ms", report.figures["rack_96_p50_ms"], 100)
    report.at_most("remap_81_p50_ms", report.figures["remap_81_p50_ms"], 100)
    return report


async def _measure(made: House) -> tuple[list[float], list[float], list[float]]:
    connection = await asyncpg.connect(made.dsn)
    headers = {"Authorization": f"Bearer {made.token}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.port}/api/v1", headers=headers) as client:
            say("Re-mapping a box of 81 …")
            spilled = await _remap(client, connection)
            say("Moving 81 tubes in the database alone …")
            moved = await _moved(connection)
            say("Committing racks of 96 …")
            return spilled, await _racks(client, connection, made), moved
    finally:
        await connection.close()


async def _a_full_box(connection: asyncpg.Connection) -> tuple[int, str, list[str]]:
    row = await connection.fetchrow(
        "select c.id, c.code from container c join box_count b on b.container_id = c.id where b.tubes = $1 limit 1", BOX
    )
    tubes = await connection.fetch(
        "select s.code from custody u join specimen s on s.id = u.specimen_id where u.container_id = $1", row["id"]
    )
    return row["id"], row["code"], [tube["code"] for tube in tubes]


async def _post(client: httpx.AsyncClient, path: str, body: object) -> tuple[float, dict[str, str]]:
    began = time.perf_counter()
    response = await client.post(path, content=json.dumps(body), headers=_headers())
    took = (time.perf_counter() - began) * 1000
    response.raise_for_status()
    return took, response.json()


def _headers() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}


async def _remap(client: httpx.AsyncClient, connection: asyncpg.Connection) -> list[float]:
    _, code, tubes = await _a_full_box(connection)
    rng, times = random.Random(1), []  # noqa: S311  # made-up data
    for _ in range(TIMES):
        rng.shuffle(tubes)
        took, done = await _post(client, f"/containers/{code}/remap", {"scans": tubes})
        if done["missing"]:
            raise RuntimeError("a tube of the box was not found")
        times.append(took)
    return times[2:]


async def _racks(client: httpx.AsyncClient, connection: asyncpg.Connection, made: House) -> list[float]:
    """Racks of 96 tubes that come out of other boxes, each rack by a scan of its own."""
    await connection.execute("set session_replication_role = replica")
    kind = "select id from container_type where code = 'RACK96'"
    await connection.execute(f"update container set type_id = ({kind}) where code = any($1)", made.boxes)
    await connection.execute("set session_replication_role = origin")
    rng, times = random.Random(2), []  # noqa: S311  # made-up data
    places = [f"{'ABCDEFGH'[row]}{col + 1}" for row in range(8) for col in range(12)]
    for code in made.boxes[:TIMES]:
        chosen = rng.sample(made.codes, RACK)
        lines = ["Well,2D Barcode", *(f"{place},{tube}" for place, tube in zip(places, chosen, strict=True))]
        kept = await client.post(
            f"/containers/{code}/rack-scans",
            files={"file": ("scan.csv", "\n".join(lines).encode())},
            headers={"Idempotency-Key": str(uuid4())},
            timeout=30,
        )
        kept.raise_for_status()
        view = kept.json()
        path = f"/containers/{code}/rack-scans/{view['number']}/commit"
        took, _ = await _post(client, path, {"digest": view["digest"]})
        times.append(took)
    return times[2:]


async def _moved(connection: asyncpg.Connection) -> list[float]:
    """The least that re-mapping costs: one statement that moves 81 tubes, with its triggers and its commit."""
    box, _, _ = await _a_full_box(connection)
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        async with connection.transaction():
            await connection.execute(_ROTATE)
            await connection.execute(_MOVE, box)
            await connection.execute("select biobank_audit_close($1::jsonb)", json.dumps([_EVENT]))
        times.append((time.perf_counter() - began) * 1000)
    return times


def _figures(name: str, times: list[float]) -> dict[str, float | int]:
    ordered = sorted(times)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered), 3),
        f"{name}_p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 3),
        f"{name}_n": len(ordered),
    }


def _commits(made: House) -> float:
    return rate(made.bin, made.dsn, _COMMIT, clients=1, seconds=5)
