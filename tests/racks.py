"""Files of rack scanners, and boxes of tubes to scan, for tests."""

from typing import Any
from uuid import uuid4

from biobank.specimen.custody import AtPosition, hand_over
from biobank.storage.queries import find_box
from biobank.tx import open_tx
from tests.material import Material, actor, make_material


def place(row: int, col: int) -> str:
    return f"{'ABCDEFGHIJKLMNOP'[row]}{col + 1}"


def scan_file(cells: dict[tuple[int, int], str], *, rows: int = 8, cols: int = 12, rack: str = "") -> bytes:
    """A file with every position of the rack: the codes given, and NO TUBE elsewhere."""
    lines = [f"Rack ID,{rack}"] if rack else []
    lines += ["Well,2D Barcode"]
    lines += [f"{place(row, col)},{cells.get((row, col), 'NO TUBE')}" for row in range(rows) for col in range(cols)]
    return "\n".join(lines).encode()


async def filled(
    database: Any, world: Any, box: str, count: int, *, cols: int = 12, first: int = 0, **extra: Any
) -> Material:
    """Tubes that stand in a box, along its rows."""
    made = await make_material(database, world, tubes=count, **extra)
    async with open_tx(database, await actor(database, world, "technician")) as tx:
        found, _ = await find_box(tx, box, "storage.store")  # type: ignore[arg-type]
        await hand_over(
            tx,
            [
                (tube, AtPosition(found.id, *divmod(first + number, cols), site_id=found.site_id))
                for number, tube in enumerate(made.tube_ids)
            ],
        )
        tx.record("test.filled", subject="container", subject_id=found.id)
    return made


def layout(tubes: Any, *, cols: int = 12) -> dict[tuple[int, int], str]:
    """Where `filled` put them."""
    return {divmod(number, cols): tube for number, tube in enumerate(tubes)}


async def scan(person: Any, box: str, content: bytes, name: str = "scan.csv") -> Any:
    """Hand in a file; the answer as it is."""
    return await person.client.post(
        f"/api/v1/containers/{box}/rack-scans",
        files={"file": (name, content)},
        headers={"Idempotency-Key": str(uuid4())},
    )


async def kept(person: Any, box: str, content: bytes, name: str = "scan.csv") -> Any:
    """Hand in a file that is read."""
    response = await scan(person, box, content, name)
    assert response.is_success, response.text
    return response.json()
