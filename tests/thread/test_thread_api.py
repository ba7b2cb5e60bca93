"""The main job once through on real input, over the API alone: enrol, collect, aliquot, label, store, ship, receive,
run, import, review, release, and the results of those participants as CSV.
"""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pypdfium2
import zxingcpp

from biobank.audit.seal import seal
from biobank.audit.verify import verify
from tests.thread.samples import NAME, real_file

SCOPES = ["biobank_storage", "future_research", "genetic_wgs"]


def hours_ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def read_codes(pdf: bytes) -> list[str]:
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        found += [symbol.text for symbol in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
    return found


async def enrolled(api: Any, day: str) -> str:
    coordinator = api("coordinator")
    made = await coordinator.ok("/participants", {"study": "LLS", "site": "CHI", "cohort": "NEW", "enrolled_on": day})
    consent = {"version": "1.0", "signed_at": hours_ago(30), "granted": SCOPES, "denied": ["commercial_use"]}
    await coordinator.ok(f"/participants/{made['code']}/consents", consent)
    await coordinator.ok(f"/participants/{made['code']}/visits", {"type": "BASE", "occurred_on": day})
    return str(made["code"])


async def aliquoted(api: Any, participant: str) -> list[str]:
    """A serum tube drawn, spun and divided into three vials."""
    technician = api("technician_chi")
    drawn = {
        "visit": "BASE",
        "collected_at": hours_ago(5),
        "tubes": [{"specimen_type": "BLD", "tube_type": "SST", "quantity": "8500"}],
    }
    collected = await technician.ok(f"/participants/{participant}/collections", drawn)
    parent = collected["specimens"][0]["code"]
    spin = {"type": "centrifuge", "specimens": [parent], "started_at": hours_ago(4), "ended_at": hours_ago(3.8)}
    await technician.ok("/processing", {**spin, "g_force": "1300", "minutes": "12", "celsius": "21", "brake": True})
    divided = {
        "specimen_type": "SER",
        "tube_type": "CRYO05",
        "quantities": ["500", "500", "300"],
        "nominal": "500",
        "consumes": "8500",
        "started_at": hours_ago(3.5),
    }
    made = await technician.ok(f"/specimens/{parent}/aliquots", divided)
    children = [child["code"] for child in made["made"]]
    seen = await technician.see(f"/specimens/{children[2]}")
    assert (seen["quantity"], seen["is_partial"], seen["parents"]) == ("300", True, [parent])
    return children


async def freezer_box(api: Any, site: str) -> str:
    """A freezer down to an empty box of 81 places."""
    parent = None
    for kind, name in (
        ("FACILITY", f"{site} store"),
        ("ULT", "Freezer 1"),
        ("SHELF", "Shelf 1"),
        ("RACK", "Rack A"),
        ("BOX81", "Box 1"),
    ):
        body = {"type": kind, "name": name, "site": site, "parent": parent, "temperature_class": "-80"}
        parent = (await api("manager").ok("/containers", body))["code"]
    return str(parent)


async def stored_by_scan(api: Any, box: str, tubes: list[str]) -> None:
    technician = api("technician_chi")
    opened = await technician.ok("/scan", {"text": box, "mode": "store", "box": None, "move": False})
    assert (opened["verdict"], opened["next"]) == ("ok", "A1")
    for tube, position in zip(tubes, ("A1", "A2", "A3", "A4", "A5", "A6"), strict=False):
        typed = f"]d2{tube[:4].lower()}-{tube[4:8]}-{tube[8:]}\r\n"  # as a gun and a keyboard would write it
        answer = await technician.ok("/scan", {"text": typed, "mode": "store", "box": box, "move": False})
        assert (answer["verdict"], answer["position"]) == ("ok", position)
    again = await technician.ok("/scan", {"text": tubes[-1], "mode": "store", "box": box, "move": False})
    assert again["verdict"] == "duplicate"
    looked_up = await technician.see(f"/scan/{tubes[0]}")
    assert [step["name"] for step in looked_up["path"]] == ["CHI store", "Freezer 1", "Shelf 1", "Rack A", "Box 1"]
    assert looked_up["tube"]["position"] == "A1"


async def shipped(api: Any, tubes: list[str]) -> str:
    clerk = api("clerk_chi")
    made = await clerk.ok(
        "/shipments", {"study": "LLS", "from_site": "CHI", "to_site": "LAB", "purpose": "Autoantibody panel"}
    )
    path = f"/shipments/{made['code']}"
    await clerk.ok(f"{path}/packages", {"refrigerant": "dry_ice", "dry_ice_net_kg": "5", "temperature_class": "-80"})
    await clerk.ok(f"{path}/items", {"tubes": tubes})
    packed = await clerk.ok(f"{path}/finish-packing", {"row_version": (await clerk.see(path))["row_version"]})
    pdf = (await clerk.get(f"{path}/manifest.pdf")).content
    assert set(read_codes(pdf)) >= {made["code"]}
    rows = list(csv.DictReader(io.StringIO((await clerk.get(f"{path}/manifest.csv")).text)))
    assert sorted(value for row in rows for value in row.values() if value in tubes) == sorted(tubes)
    sent = {
        "row_version": packed["row_version"],
        "courier": "FedEx",
        "tracking_no": "7712 3456 7890",
        "tracking_again": "771234567890",
    }
    assert (await clerk.ok(f"{path}/ship", sent))["status"] == "shipped"
    return str(made["code"])


async def received(api: Any, shipment: str, tubes: list[str]) -> None:
    receiver, path = api("technician"), f"/shipments/{shipment}"
    for tube in tubes:
        await receiver.ok(f"{path}/receipts", {"tube": tube})
    done = await receiver.ok(f"{path}/finish-receipt", {"row_version": (await receiver.see(path))["row_version"]})
    assert (await receiver.ok(f"{path}/reconcile", {"row_version": done["row_version"]}))["status"] == "reconciled"


async def assayed(api: Any, tubes: list[str], content: bytes) -> str:
    """The vials on the wells of the real file; imported by one person, verified and released by another."""
    version = {
        "method": "Addressable laser bead immunoassay",
        "importer": "luminex_xponent",
        "analytes": [{"code": name.upper(), "name_in_file": name, "unit": "{MFI}"} for name in ("alpha", "bravo")],
    }
    await api("manager").ok(
        "/assays",
        {"study": "LLS", "code": "ALBIA", "title": "Autoantibodies", "platform": "Luminex", "version": version},
    )
    technician = api("technician")
    run = await technician.ok(
        "/runs", {"study": "LLS", "site": "LAB", "assay": "ALBIA", "name": "R-118", "kit_lot": "LOT-7"}
    )
    path = f"/runs/{run['code']}"
    plate_map = "well,code,dilution\n" + "".join(
        f"{well},{tube},1:50\n" for well, tube in zip(("A1", "B1", "C1", "D1"), tubes, strict=True)
    )
    key = {"Idempotency-Key": str(uuid4())}
    sent = await technician.client.post(
        f"/api/v1{path}/plate-map", files={"file": ("plate.csv", plate_map.encode())}, headers=key
    )
    assert sent.is_success, sent.text
    preview = await technician.client.post(f"/api/v1{path}/preview", files={"file": (NAME, content)})
    assert preview.is_success, preview.text
    key = {"Idempotency-Key": str(uuid4())}
    done = await technician.client.post(f"/api/v1{path}/import", files={"file": (NAME, content)}, headers=key)
    assert done.is_success, done.text
    alone = await api("manager").post(f"{path}/verify", {"reason": "no control on this plate"})
    assert alone.status_code == 403  # a manager does not review
    await api("reviewer").ok(f"{path}/verify", {"reason": "no control on this plate"})
    assert (await api("reviewer").ok(f"{path}/release", {}))["status"] == "released"
    return str(run["code"])


def hold(check: dict[str, Any], rows: list[dict[str, str]], header: dict[str, str]) -> bool:
    """Whether what the manifest says stands in the pulled table; what is about the file as a whole is counted from its
    rows.
    """
    field, expected = check["field"], check["expected"]
    if check["sample"] != "*":
        well = check["sample"].split(",")[1].split(")")[0]
        found = [
            row
            for row in rows
            if (row["well"], row["analyte"], row["quantity"]) == (well, check["analyte"].upper(), field)
        ]
        return [row["raw_text"] for row in found] == [expected]
    counted: dict[str, object] = {
        "n_wells": len({(row["plate"], row["well"]) for row in rows}),
        "n_distinct_sample_names": len({row["instrument_sample"] for row in rows}),
        "serial_number": rows[0]["serial_number"],
        "batch": rows[0]["batch"],
        "header_declared_Samples": int(header["Samples"]),
        "data_types": sorted(name.removeprefix("DataType: ") for name in header if name.startswith("DataType: ")),
    }
    if field in {"program", "build"}:
        return any(
            word in rows[0]["software"] + " " + rows[0]["instrument"] for word in (expected, expected.split()[-1])
        )
    if field == "rows_per_data_block":
        measured = {
            name: len({row["well"] for row in rows if row["quantity"] == name})
            for name in {row["quantity"] for row in rows}
        }
        return {
            name: int(header[f"DataType: {name}"]) for name in expected
        } == expected and measured.items() <= expected.items()
    return counted[field] == expected


async def test_the_thread(api: Any, dsn: str) -> None:
    content, checks = real_file()
    # The day of the visit as it is in Chicago when the tube is drawn, whatever the hour of this test.
    day = (datetime.now(UTC) - timedelta(hours=5)).astimezone(ZoneInfo("America/Chicago")).date().isoformat()
    participants = [await enrolled(api, day) for _ in range(2)]
    tubes = [tube for participant in participants for tube in await aliquoted(api, participant)]

    sheet = await api("technician_chi").post("/labels", {"codes": tubes, "stock": "l4731"})
    assert sheet.headers["content-type"] == "application/pdf"
    assert sorted(read_codes(sheet.content)) == sorted(tubes)

    await stored_by_scan(api, await freezer_box(api, "CHI"), tubes)
    full = [tubes[0], tubes[1], tubes[3], tubes[4]]
    await received(api, await shipped(api, full), full)
    run = await assayed(api, full, content)

    pull = await api("scientist").ok("/results/pulls", {"study": "LLS", "participants": participants})
    assert (pull["matched"], pull["unmatched"], pull["withdrawn"]) == (2, [], [])
    text = (await api("scientist").client.get(pull["href"])).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["participant"] for row in rows} == set(participants)
    assert {row["aliquot"] for row in rows} == set(full)
    header = (await api("scientist").see(f"/runs/{run}"))["header"]
    missed = [check for check in checks if not hold(check, rows, header)]
    assert not missed
    assert len(checks) > 30

    connection = await asyncpg.connect(dsn)
    await seal(connection)
    verdict = await verify(connection)
    assert verdict.sound, verdict.faults
    await connection.execute("set session_replication_role = replica")
    changed = await connection.fetchval(
        "update result_version set value = value + 1 where id = (select max(id) from result_version) returning id"
    )
    assert f"result_version {changed}" in {fault.where for fault in (await verify(connection)).faults}
    await connection.close()
