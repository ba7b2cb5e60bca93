"""Assays and runs for tests: a real or made-up file, its plate map, and a run that is ready for it."""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biobank.db import Database
from tests.material import Material, make_material
from tests.world import World

DATA = Path(os.environ.get("CORPUS", Path(__file__).parents[2] / "shared" / "data")) / "luminex_xponent"


def real_file(name: str) -> bytes:
    """An instrument's file of the corpus; the test is skipped where there is no corpus, unless this is CI."""
    path = DATA / name
    if not path.is_file():
        message = f"{path} is missing: CORPUS names the folder with the instrument files"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path.read_bytes()


def xponent(wells: dict[str, str], analytes: list[str], *, value: str = "100", batch: str = "made up") -> bytes:
    """A small export: sample names by well, every analyte with the same value and 50 beads."""
    out = io.StringIO()
    write = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow
    for line in (
        ["Program", "xPONENT", "", "MAGPIX"],
        ["Build", "4.2.1324.0"],
        ["Date", "3/23/2024", "5:36 AM"],
        ["SN", "MAGPX00000001"],
        ["Batch", batch],
        ["Operator", "someone"],
        ["ProtocolName", "made up"],
        ["Samples", str(len(wells)), "Min Events", "50", "Per Bead"],
    ):
        write(line)
    out.write('\r\n"Results"\r\n')
    for kind, text in (("Median", value), ("Net MFI", value), ("Count", "50")):
        out.write("\r\n")
        write(["DataType:", kind])
        write(["Location", "Sample", *analytes, "Total Events"])
        for number, (well, sample) in enumerate(wells.items(), start=1):
            write([f"{number}(1,{well})", sample, *([text] * len(analytes)), "900"])
    return out.getvalue().encode()


def plate_map(rows: dict[str, str], dilution: str = "50") -> bytes:
    """A plate map: codes, or the words control, standard, blank and empty, by well."""
    return "\n".join(["well,code,dilution", *(f"{well},{code},{dilution}" for well, code in rows.items())]).encode()


def table_mapping(**meant: str) -> dict[str, Any]:
    """What the columns of `table` mean, with corrections by the name of the column."""
    means = {"Well": "well", "Sample": "sample", "alpha": "value", "note": "fact"} | meant
    return {
        "shape": "long" if "analyte" in means.values() else "wide",
        "delimiter": ",",
        "decimal": ".",
        "header_line": 1,
        "columns": [
            {"name": name, "meaning": meaning, "unit": "U/mL" if meaning == "value" else None}
            for name, meaning in means.items()
        ],
    }


def table(wells: dict[str, str], *, value: str = "1.50", note: str = "fine", above: str = "") -> bytes:
    """A table of no known format: a value and a remark by well, below lines of anything."""
    rows = "".join(f"{well},{sample},{value},{note}\n" for well, sample in wells.items())
    return f"{above}Well,Sample,alpha,note\n{rows}".encode()


def version(analytes: list[str], unit: str = "MFI", importer: str = "luminex_xponent") -> dict[str, Any]:
    return {
        "method": "Multiplex beads",
        "importer": importer,
        "analytes": [{"code": f"AG-{name}", "title": name, "name_in_file": name, "unit": unit} for name in analytes],
    }


@dataclass(frozen=True)
class Bench:
    """A planned run and the tubes to put on it."""

    run: str
    plate: str
    material: Material


async def plan(
    api: Any,
    database: Database,
    world: World,
    *,
    analytes: list[str],
    tubes: int,
    code: str = "BEADS",
    name: str = "run-1",
    importer: str = "luminex_xponent",
    **material: Any,
) -> Bench:
    """An assay of these analytes, a run of it that the technician planned, and a participant's tubes."""
    await api("manager").post(
        "/assays",
        {
            "study": "LLS",
            "code": code,
            "title": "Bead panel",
            "platform": "Luminex",
            "version": version(analytes, importer=importer),
        },
    )
    made = await api("technician").ok(
        "/runs", {"study": "LLS", "site": "LAB", "assay": code, "name": name, "kit_lot": "LOT-7"}
    )
    return Bench(name, made["code"], await make_material(database, world, tubes=tubes, **material))


async def upload(api: Any, user: str, path: str, content: bytes, name: str = "file.csv", **fields: Any) -> Any:
    """Post a file as a form; gives the response."""
    client = api(user).client
    from uuid import uuid4

    return await client.post(
        f"/api/v1{path}",
        files={"file": (name, content, "text/csv")},
        data=fields,
        headers={"Idempotency-Key": fields.pop("key", None) or str(uuid4())},
    )


async def plated(api: Any, bench: Bench, wells: dict[str, str]) -> Any:
    response = await upload(api, "technician", f"/runs/{bench.run}/plate-map", plate_map(wells), "map.csv")
    assert response.is_success, response.text
    return response.json()


async def imported(api: Any, bench: Bench, content: bytes, name: str = "export.csv") -> Any:
    response = await upload(api, "technician", f"/runs/{bench.run}/import", content, name)
    assert response.is_success, response.text
    return response.json()


async def released(api: Any, bench: Bench, reason: str | None = "made up, no controls needed") -> Any:
    await api("reviewer").ok(f"/runs/{bench.run}/verify", {"reason": reason})
    return await api("reviewer").ok(f"/runs/{bench.run}/release", {})
