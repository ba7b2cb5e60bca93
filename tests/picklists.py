"""Steps of picking that many tests take, over the API."""

from typing import Any

from tests.material import Material, make_material
from tests.shelves import boxed

PURPOSE = "Cytokine panel"


async def stored(api: Any, database: Any, world: Any, *, tubes: int = 3, who: str = "technician") -> Material:
    """Tubes of one participant that stand in a box at the laboratory, from A1 on."""
    made = await make_material(database, world, tubes=tubes)
    box = await boxed(api)
    for tube in made.tubes:
        await api("manager").ok("/storage/placements", {"tube": tube, "box": box})
    return made


async def listed(who: Any, tubes: Any, **given: Any) -> str:
    """The code of a fresh pick list."""
    body = {"purpose": PURPOSE, "destination": "bench", "tubes": list(tubes), **given}
    return str((await who.ok("/pick-lists", body))["code"])


async def seen(who: Any, code: str) -> int:
    return int((await who.see(f"/pick-lists/{code}"))["row_version"])


async def step(who: Any, code: str, name: str, **body: Any) -> Any:
    """A finishing step on the list as it stands."""
    return await who.ok(f"/pick-lists/{code}/{name}", {"row_version": await seen(who, code), **body})


async def picked(who: Any, tubes: Any, **given: Any) -> str:
    """A list of which every tube is in hand."""
    code = await listed(who, tubes, **given)
    for tube in tubes:
        await who.ok(f"/pick-lists/{code}/picks", {"tube": tube})
    return code


async def verified(who: Any, tubes: Any, **given: Any) -> str:
    code = await picked(who, tubes, **given)
    await step(who, code, "verify", tubes=list(tubes))
    return code


def statuses(view: Any) -> dict[str, str]:
    return {line["tube"]: line["status"] for line in view["lines"]}
