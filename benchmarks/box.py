"""The map of a box, its page, and the capacity of a building of 500 freezers, beside the database's own time and a
constant page.
"""

import asyncio
import itertools
import time
from pathlib import Path

import asyncpg

from benchmarks import Report, say
from benchmarks.house import BOX, FREEZERS, House, house
from benchmarks.load import in_turn, middle

# What the kept ways and counts save: the tree walked, and every tube counted by the narrow index.
_WALKED = """
with recursive down as (
    select id from container where id = $1 union all select c.id from container c join down d on c.parent_id = d.id
) select count(*) filter (where t.level = 'box'), sum((select count(*) from custody u where u.container_id = down.id))
    from down join container c using (id) join container_type t on t.id = c.type_id
"""
_KEPT = """
select count(*) filter (where t.level = 'box'), sum(b.tubes)
  from container_path p join container c on c.id = p.container_id join container_type t on t.id = c.type_id
  left join (select container_id, sum(tubes) as tubes from box_count group by container_id) b using (container_id)
 where p.ancestors @> array[$1::bigint]
"""
_MAP = (
    "select u.row, u.col, s.code, s.specimen_type, s.hold, s.quality from custody u "
    "join specimen s on s.id = u.specimen_id where u.container_id = $1"
)


def measure(aliquots: int, kept: Path | None = None) -> Report:
    """Milliseconds, one request after the other, from the first byte sent to the last received."""
    report = Report("box")
    say(f"Making {aliquots:,} aliquots in {FREEZERS} freezers …")
    with house(aliquots, kept) as made:
        box, building = asyncio.run(_codes(made))
        asked = {
            "box_map": f"/api/v1/containers/{box}/box",
            "box_page": f"/storage/{box}",
            "subtree": f"/api/v1/containers/{building}/capacity",
            "building": f"/api/v1/containers/{building}",
            "building_page": f"/storage/{building}",
            "find_space": "/api/v1/space?site=LAB&temperature_class=-80&count=50",
        }
        for name, path in asked.items():
            say(f"{path} …")
            report.figures |= middle(name, in_turn(made.port, made.token, itertools.repeat(path)))
        report.floors |= middle("constant", in_turn(made.port, made.token, itertools.repeat("/health/constant")))
        say("The same statements in the database alone …")
        report.floors |= asyncio.run(_database(made))
    report.figures["aliquots"] = aliquots
    report.ratios = {
        "box_map_to_database": round(report.figures["box_map_p50_ms"] / float(report.floors["map_rows_p50_ms"]), 1),
        "subtree_to_kept_count": round(report.figures["subtree_p50_ms"] / float(report.floors["kept_count_p50_ms"]), 1),
        "walking_to_kept_count": round(
            float(report.floors["walk_and_count_p50_ms"]) / float(report.floors["kept_count_p50_ms"]), 1
        ),
    }
    report.at_most("box_map_p50_ms", report.figures["box_map_p50_ms"], 20)
    report.at_most("box_page_p50_ms", report.figures["box_page_p50_ms"], 20)
    report.at_most("subtree_p50_ms", report.figures["subtree_p50_ms"], 50)
    return report


async def _codes(made: House) -> tuple[str, str]:
    """A full box and the building."""
    connection = await asyncpg.connect(made.dsn)
    try:
        full = "select c.code from container c join box_count b on b.container_id = c.id where b.tubes = $1 limit 1"
        building = "select code from container where parent_id is null"
        return await connection.fetchval(full, BOX), await connection.fetchval(building)
    finally:
        await connection.close()


async def _database(made: House) -> dict[str, float | int]:
    connection = await asyncpg.connect(made.dsn, server_settings={"jit": "off", "random_page_cost": "1.1"})
    found: dict[str, float | int] = {}
    box, building = await _codes(made)
    keys = {
        code: await connection.fetchval("select id from container where code = $1", code) for code in (box, building)
    }
    asked = {
        "map_rows": (_MAP, keys[box]),
        "kept_count": (_KEPT, keys[building]),
        "walk_and_count": (_WALKED, keys[building]),
    }
    for name, (statement, key) in asked.items():
        took = []
        for _ in range(20):
            began = time.perf_counter()
            await connection.fetch(statement, key)
            took.append((time.perf_counter() - began) * 1000)
        found |= middle(name, took[2:])
    await connection.close()
    return found
