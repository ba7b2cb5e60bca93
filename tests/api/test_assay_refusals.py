"""Assays, plate maps, files and reviews that are refused: clearly, wholly, and with nothing half done."""

from uuid import uuid4

import httpx
import pytest

from biobank import ids
from biobank.app import create_app
from biobank.settings import Settings
from tests.bench import imported, plan, plate_map, plated, released, upload, version, xponent
from tests.material import make_material
from tests.withdrawing import withdraw

ASSAY = {"study": "LLS", "code": "BEADS", "title": "Bead panel", "platform": "Luminex"}


def problem(response, status, code):
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{code}"), response.text
    return response.json()


async def ready(api, database, world, **more):
    """A run of one analyte with a tube, a control and an empty well."""
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2, **more)
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control high", "C1": "empty"})
    return bench


FILE = xponent({"A1": "s", "B1": "c"}, ["alpha"])


async def test_assays_are_set_up_once_and_grow_by_versions(api):
    manager = api("manager")
    made = await manager.ok("/assays", {**ASSAY, "version": version(["alpha"])})
    assert made["versions"][0]["analytes"][0]["code"] == "AG-alpha"
    problem(await manager.post("/assays", {**ASSAY, "version": version(["alpha"])}), 409, "assay-exists")
    grown = await manager.ok("/assays/BEADS/versions", {"study": "LLS", **version(["alpha", "beta"])})
    assert [one["number"] for one in grown["versions"]] == [1, 2]
    problem(await manager.post("/assays/NONE/versions", {"study": "LLS", **version(["a"])}), 404, "not-found")
    twice = {**version(["alpha"]), "analytes": version(["alpha"])["analytes"] * 2}
    problem(await manager.post("/assays/BEADS/versions", {"study": "LLS", **twice}), 422, "invalid")
    limits = {**version(["g"]), "analytes": [{"code": "G", "unit": "U", "lloq": "9", "uloq": "1"}]}
    assert (
        "lower limit"
        in problem(await manager.post("/assays/BEADS/versions", {"study": "LLS", **limits}), 422, "invalid")["detail"]
    )
    problem(await api("technician").post("/assays", {**ASSAY, "version": version(["a"])}), 403, "forbidden")
    problem(await manager.post("/assays", {**ASSAY, "study": "OTH", "version": version(["a"])}), 404, "not-found")
    assert await api("stranger").see("/assays") == []
    assert len(await api("technician").see("/assays", study="LLS")) == 1
    named = {"analytes": [{"code": "AG-alpha", "title": "other"}, {"code": "NEW", "title": "New", "uniprot": "P01375"}]}
    analytes = (await manager.ok("/analytes", named))["analytes"]
    assert {one["code"]: one["title"] for one in analytes} == {"AG-alpha": "alpha", "NEW": "New"}
    assert {"AG-alpha", "NEW"} <= {one["code"] for one in await api("technician").see("/analytes")}


async def test_runs_are_planned_within_reach_under_a_name_of_their_own(api):
    await api("manager").ok("/assays", {**ASSAY, "version": version(["alpha"])})
    await api("stranger").ok("/assays", {**ASSAY, "study": "OTH", "version": version(["alpha"])})
    body = {"study": "LLS", "site": "LAB", "assay": "BEADS", "name": "r1", "version": 1, "plates": 2, "plate_size": 384}
    made = await api("technician").ok("/runs", body)
    assert [len(plate["col_labels"]) for plate in made["plates"]] == [24, 24]
    assert {plate["code"][0] for plate in made["plates"]} == {"W"}
    by_second = await api("technician").see(f"/runs/{ids.grouped(made['plates'][1]['code']).lower()}")
    assert by_second["code"] == made["code"]
    problem(await api("technician").post("/runs", body), 409, "run-exists")
    problem(await api("technician").post("/runs", {**body, "name": "r2", "version": 9}), 404, "not-found")
    problem(
        await api("technician").post("/runs", {**body, "name": "r2", "assay": "NONE", "version": None}),
        404,
        "not-found",
    )
    problem(await api("technician").post("/runs", {**body, "name": ids.mint(ids.Kind.PLATE)}), 422, "invalid")
    problem(await api("technician_chi").post("/runs", {**body, "name": "r3"}), 404, "not-found")
    await api("stranger").ok("/runs", {**body, "study": "OTH"})
    assert (await api("technician").see("/runs/r1"))["study"] == "LLS"
    problem(await api("technician").get("/runs/r9"), 404, "not-found")
    rows = (await api("technician").see("/runs", study="LLS", status="planned"))["rows"]
    assert [row["name"] for row in rows] == ["r1"]
    await api("technician").ok("/runs", {**body, "name": "r4"})
    newest = await api("technician").see("/runs", limit=1)
    older = await api("technician").see("/runs", limit=1, before=newest["next"])
    assert [newest["rows"][0]["name"], older["rows"][0]["name"]] == ["r4", "r1"]


async def test_every_bad_row_of_a_plate_map_is_named_and_nothing_is_stored(api, database, world, superuser):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=4)
    good, held, poor, gone = bench.material.tubes
    context = (
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(context)
    await superuser.execute("update specimen set hold = 'identity_doubt' where code = $1", held)
    await superuser.execute("update specimen set quality = 'quarantined' where code = $1", poor)
    await superuser.execute(
        "update custody c set holder_id = null, terminal = 'lost' from specimen s "
        "where s.id = c.specimen_id and s.code = $1",
        gone,
    )
    unwilling = await make_material(database, world, tubes=1, consented=False)
    withdrawn = await make_material(database, world, tubes=1)
    await withdraw(api("coordinator"), withdrawn.participant)
    foreign = await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")
    misread = good[:-1] + ("A" if good[-1] != "A" else "B")
    wells = {
        "A1": good,
        "B1": held,
        "C1": poor,
        "D1": gone,
        "E1": unwilling.tubes[0],
        "F1": withdrawn.tubes[0],
        "G1": foreign.tubes[0],
        "H1": misread,
        "A2": "VENDOR-77",
    }
    response = await upload(api, "technician", f"/runs/{bench.run}/plate-map", plate_map(wells))
    rows = {row["well"]: (row["line"], row["problem"]) for row in problem(response, 422, "plate-map-refused")["rows"]}
    assert rows.pop("H1")[1].endswith("the check character is wrong: a character was misread or two were swapped")
    assert rows == {
        "B1": (3, "the tube is on hold: identity doubt"),
        "C1": (4, "the tube is quarantined"),
        "D1": (5, "the tube is lost"),
        "E1": (6, "there is no consent to future research"),
        "F1": (7, "the tube is on hold: consent withdrawn"),
        "G1": (8, f"there is no tube {ids.grouped(foreign.tubes[0])}"),
        "A2": (10, "there is no tube VENDOR77"),
    }
    run = await api("technician").see(f"/runs/{bench.run}")
    assert (run["status"], run["wells"]) == ("planned", {})


async def test_a_tube_is_known_by_any_of_its_codes(api, database, world, superuser):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "insert into namespace (code, title) values ('v1', 'Vendor'), ('v2', 'Vendor') on conflict do nothing"
    )
    for namespace, value, tube in (("v1", "4711-a", 0), ("v1", "same", 0), ("v2", "same", 1)):
        await superuser.execute(
            "insert into identifier (namespace, value, specimen_id) values ($1, $2, $3)",
            namespace,
            value,
            bench.material.tube_ids[tube],
        )
    run = await plated(api, bench, {"A1": "4711-a", "B1": ids.grouped(bench.material.tubes[1]).lower()})
    assert [well["code"] for well in run["plates"][0]["wells"]] == list(bench.material.tubes)
    refused = await upload(api, "technician", f"/runs/{bench.run}/plate-map", plate_map({"A1": "same"}))
    assert "several tubes" in problem(refused, 422, "plate-map-refused")["detail"]


async def test_wells_are_set_one_scan_at_a_time_and_never_overwritten_by_one(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    first, second = bench.material.tubes
    scan = api("technician")
    path = f"/runs/{bench.run}/wells"
    await scan.ok(path, {"wells": [{"well": "A1", "code": first, "dilution": "2.5"}]})
    await scan.ok(path, {"wells": [{"well": "A1", "code": first, "dilution": "2.5"}]})
    taken = problem(await scan.post(path, {"wells": [{"well": "a01", "code": second}]}), 422, "plate-map-refused")
    assert "set it to empty first" in taken["detail"]
    await scan.ok(path, {"wells": [{"well": "A1", "role": "empty"}]})
    done = await scan.ok(
        path, {"wells": [{"well": "A1", "code": second}, {"well": "H12", "role": "blank", "name": "B"}]}
    )
    assert done["wells"] == {"unknown": 1, "blank": 1}
    bad = [
        {"well": "A2"},
        {"well": "A3", "role": "control", "code": first},
        {"well": "A13", "code": first},
        {"well": "A4", "role": "blank"},
        {"well": "A4", "role": "blank"},
    ]
    rows = problem(await scan.post(path, {"wells": bad}), 422, "plate-map-refused")["rows"]
    assert [row["problem"] for row in rows] == [
        "the code of the tube is missing",
        "a control has a name, not the code of a tube",
        "the plate has no well A13",
        "the well is named twice",
    ]
    problem(await scan.post(path, {"plate": 2, "wells": [{"well": "A1", "role": "blank"}]}), 404, "not-found")
    problem(await scan.post(path, {"wells": [{"well": "A1", "role": "blank", "dilution": "0"}]}), 422, "invalid")
    replaced = await plated(api, bench, {"A1": first})
    assert replaced["wells"] == {"unknown": 1, "empty": 1}


async def test_a_tube_of_another_study_of_ones_own(api, database, world, superuser):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    other = await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "insert into role_grant (user_id, role, study_id, valid_from) select u.id, 'technician', s.id, now() "
        "from app_user u, study s where u.username = 'technician' and s.code = 'OTH'"
    )
    body = {"wells": [{"well": "A1", "code": other.tubes[0]}]}
    refused = problem(await api("technician").post(f"/runs/{bench.run}/wells", body), 422, "plate-map-refused")
    assert "another study" in refused["detail"]
    assay = {**ASSAY, "study": "OTH", "version": version(["alpha"])}
    await api("stranger").ok("/assays", assay)
    await api("stranger").ok("/runs", {"study": "OTH", "site": "LAB", "assay": "BEADS", "name": bench.run})
    assert (
        "use the code of the plate"
        in problem(await api("technician").get(f"/runs/{bench.run}"), 422, "invalid")["detail"]
    )


async def test_faulty_plate_maps_name_line_and_column(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    for content, words in (
        (b"", "empty"),
        (b"well,code\nA1,control\nA1,blank\n", "line 3"),
        (b"well,code\nQ77,control\n", "line 2"),
        (b"\x00\x01\x02", "plate map"),
    ):
        response = await upload(api, "technician", f"/runs/{bench.run}/plate-map", content)
        assert words in problem(response, 422, "file-not-readable")["detail"]
    large = await upload(api, "technician", f"/runs/{bench.run}/plate-map", b"well,code\n" + b"A1,control\n" * 100_000)
    problem(large, 413, "file-too-large")
    missing = await api("technician").client.post(
        f"/api/v1/runs/{bench.run}/plate-map", data={"plate": "1"}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert missing.status_code in {400, 422}


@pytest.mark.parametrize("step", ["preview", "import"])
async def test_files_that_are_not_what_they_say(api, database, world, step):
    bench = await ready(api, database, world)
    path = f"/runs/{bench.run}/{step}"
    for content, status, code in (
        (b"", 422, "file-not-readable"),
        (b"\x00\x01 no export at all", 422, "file-format-unclear"),
        (b"PK\x03\x04 no whole archive", 422, "file-not-readable"),
        (FILE[: len(FILE) // 2].rsplit(b'"Count"')[0][:400], 422, "file-not-readable"),
    ):
        found = problem(await upload(api, "technician", path, content), status, code)
        assert "Nothing was stored" in found["detail"]
    named = await upload(api, "technician", path, FILE, format="no_such_format")
    problem(named, 422, "file-format-unclear")
    faulty = FILE.replace(b'"1(1,A1)","s","100"', b'"nowhere","s","100"', 1)
    found = problem(await upload(api, "technician", path, faulty), 422, "file-not-readable")
    assert (found["column"], found["value"]) == ("Location", "nowhere")
    assert found["line"] > 10
    problem(await upload(api, "technician", "/runs/none/" + step, FILE), 404, "not-found")
    problem(await upload(api, "scientist", path, FILE), 403, "forbidden")
    assert (await api("technician").see(f"/runs/{bench.run}"))["status"] == "plated"


async def test_an_upload_over_the_limit_is_refused(dsn, tmp_path, world):
    app = create_app(Settings(data=tmp_path, upload_bytes=20_000), dsn, "0" * 64)
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {world.tokens['technician']}", "Idempotency-Key": str(uuid4())}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://biobank.test", headers=headers) as client:
            for path in ("/api/v1/runs/r/import", "/api/v1/runs/r/preview", "/api/v1/runs/r/plate-map"):
                response = await client.post(path, files={"file": ("big.csv", bytes(30_000))})
                problem(response, 413, "too-large")
    finally:
        await app.state.database.close()


async def test_wells_and_analytes_that_do_not_fit_are_all_named(api, database, world):
    bench = await ready(api, database, world)
    stray = xponent({"A1": "s", "B1": "c", "H7": "?"}, ["alpha", "gamma"])
    seen = (await upload(api, "technician", f"/runs/{bench.run}/preview", stray)).json()
    assert (seen["unknown_wells"], seen["unknown_analytes"]) == (["H7"], ["gamma"])
    refused = problem(await upload(api, "technician", f"/runs/{bench.run}/import", stray), 422, "file-does-not-fit-run")
    assert refused["problems"] == seen["problems"]
    assert (await api("technician").see(f"/runs/{bench.run}"))["file"] is None
    partly = await upload(api, "technician", f"/runs/{bench.run}/preview", xponent({"A1": "s"}, ["alpha"]))
    assert (partly.json()["missing_wells"], partly.json()["problems"]) == (["B1"], [])


async def test_a_file_of_another_format_than_the_assays(api, database, world):
    await api("manager").ok(
        "/assays", {**ASSAY, "code": "OTHER", "version": {**version(["alpha"]), "importer": "gen5"}}
    )
    bench = await ready(api, database, world, code="OTHER")
    seen = (await upload(api, "technician", f"/runs/{bench.run}/preview", FILE)).json()
    assert "of this format: Luminex xPONENT CSV. The assay takes files of: Gen5 export (BioTek)" in seen["problems"][0]
    problem(await upload(api, "technician", f"/runs/{bench.run}/import", FILE), 422, "file-of-another-format")


async def test_limits_controls_and_odd_texts_are_kept_as_they_are(api, database, world):
    bench = await ready(api, database, world)
    run = await imported(api, bench, xponent({"A1": "s", "B1": "c", "C1": ""}, ["alpha"], value="<1.20"))
    assert (run["results"], run["control_readings"]) == ({"preliminary": 3}, 6)
    well = await api("technician").see(f"/runs/{bench.run}/wells/1/A1")
    median = next(one for one in well["readings"] if one["quantity"] == "Median")
    assert {key: median[key] for key in ("value", "comparator", "limit_kind", "raw_text", "flag", "unit")} == {
        "value": "1.20",
        "comparator": "<",
        "limit_kind": "LLOQ",
        "raw_text": "<1.20",
        "flag": "below_range",
        "unit": "MFI",
    }
    assert run["plates"][0]["wells"][0]["flag"] == "2 readings flagged"
    control = await api("technician").see(f"/runs/{bench.run}/wells/1/B1")
    assert {one["status"] for one in control["readings"]} == {None}
    assert control["well"]["name"] == "control high"


async def test_the_same_bytes_count_once(api, database, world):
    bench = await ready(api, database, world)
    first = await imported(api, bench, FILE)
    assert await imported(api, bench, FILE, "renamed.csv") == first
    again = (await upload(api, "technician", f"/runs/{bench.run}/preview", FILE)).json()
    assert again["problems"] == []
    changed = xponent({"A1": "s", "B1": "c"}, ["alpha"], value="7")
    problem(await upload(api, "technician", f"/runs/{bench.run}/import", changed), 409, "run-not-ready")
    seen = (await upload(api, "technician", f"/runs/{bench.run}/preview", changed)).json()
    assert "has imported another file already" in seen["problems"][0]
    other = await ready(api, database, world, name="run-2")
    seen = (await upload(api, "technician", f"/runs/{other.run}/preview", FILE)).json()
    assert seen["problems"][0] == "Run run-1 imported this file already."
    refused = problem(await upload(api, "technician", f"/runs/{other.run}/import", FILE), 409, "file-already-imported")
    assert refused["run"] == "run-1"
    await api("reviewer").ok(f"/runs/{bench.run}/fail", {"reason": "wrong plate map"})
    assert (await imported(api, other, FILE))["status"] == "parsed"


async def test_plates_are_closed_once_a_file_is_in(api, database, world):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    refused = await upload(api, "technician", f"/runs/{bench.run}/plate-map", plate_map({"A1": "blank"}))
    assert "only a run that is planned or plated" in problem(refused, 409, "run-not-ready")["detail"]


async def test_review_takes_its_steps_in_order(api, database, world):
    bench = await ready(api, database, world)
    reviewer = api("reviewer")
    problem(await reviewer.post(f"/runs/{bench.run}/verify", {}), 409, "run-not-ready")
    await imported(api, bench, FILE)
    problem(await reviewer.post(f"/runs/{bench.run}/release", {}), 409, "run-not-ready")
    problem(await api("technician").post(f"/runs/{bench.run}/verify", {}), 403, "forbidden")
    problem(await api("manager").post(f"/runs/{bench.run}/verify", {}), 403, "forbidden")
    done = await released(api, bench, reason=None)
    assert done["released_by"] == "reviewer"
    problem(await reviewer.post(f"/runs/{bench.run}/release", {}), 409, "run-not-ready")
    problem(await reviewer.post(f"/runs/{bench.run}/fail", {"reason": "too late"}), 409, "run-not-ready")


async def test_a_run_without_controls_is_verified_with_a_reason_only(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    await plated(api, bench, {"A1": bench.material.tubes[0]})
    await imported(api, bench, xponent({"A1": "s"}, ["alpha"]))
    problem(await api("reviewer").post(f"/runs/{bench.run}/verify", {}), 409, "run-without-controls")
    await released(api, bench, "controls were on the sister plate")


async def test_results_of_who_withdrew_before_the_release_are_withheld(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    other = await make_material(database, world, tubes=1)
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": other.tubes[0], "C1": "control"})
    await imported(api, bench, xponent({"A1": "s", "B1": "t", "C1": "c"}, ["alpha"]))
    await withdraw(api("coordinator"), other.participant)
    done = await released(api, bench, None)
    assert (done["status"], done["results"]) == ("released", {"released": 3, "verified": 3})
    listed = await api("scientist").see("/results", study="LLS")
    assert {row["participant"] for row in listed["rows"]} == {bench.material.participant}


async def test_a_failed_run_keeps_its_readings_as_cancelled(api, database, world):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    failed = await api("reviewer").ok(f"/runs/{bench.run}/fail", {"reason": "bubbles"})
    assert (failed["status"], failed["results"]) == ("failed", {"cancelled": 3})
    well = await api("technician").see(f"/runs/{bench.run}/wells/1/A1")
    assert {(one["status"], one["reason"]) for one in well["readings"]} == {("cancelled", "bubbles")}


CORRECTION = {
    "well": "A1",
    "analyte": "AG-alpha",
    "quantity": "Median",
    "value": "5.50",
    "raw_text": "5.50",
    "reason": "columns were swapped",
}


async def test_a_correction_is_a_new_version_with_a_reason(api, database, world):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    path = f"/runs/{bench.run}/corrections"
    problem(await api("reviewer").post(path, CORRECTION), 409, "result-not-released")
    await released(api, bench, None)
    well = await api("reviewer").ok(path, CORRECTION)
    now = next(one for one in well["readings"] if one["quantity"] == "Median")
    assert (now["value"], now["version"], now["status"], now["unit"]) == ("5.50", 2, "released", "MFI")
    (before,) = well["earlier"]
    assert (before["value"], before["status"], before["reason"]) == ("100", "corrected", "columns were swapped")
    limit = {**CORRECTION, "value": "9", "comparator": ">", "flag": "above_range", "unit": "U/mL", "raw_text": ">9"}
    third = await api("reviewer").ok(path, limit)
    assert [one["limit_kind"] for one in third["readings"] if one["version"] == 3] == ["ULOQ"]
    for wrong, status, code in (
        ({"value": None}, 422, "invalid"),
        ({"value": None, "flag": "masked", "comparator": "<"}, 422, "invalid"),
        ({"well": "A9"}, 404, "not-found"),
        ({"well": "??"}, 404, "not-found"),
        ({"quantity": "Mean"}, 404, "not-found"),
        ({"reason": ""}, 422, "invalid"),
    ):
        problem(await api("reviewer").post(path, {**CORRECTION, **wrong}), status, code)
    await withdraw(api("coordinator"), bench.material.participant)
    refused = problem(await api("reviewer").post(path, CORRECTION), 409, "conflict")
    assert "consent was withdrawn" in refused["detail"]
