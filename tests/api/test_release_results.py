"""Pulling results by participant: what comes out, for whom, and that it stays what it was."""

import csv
import hashlib
import io
import json

from biobank import ids
from tests.bench import DATA, imported, plan, plated, real_file, released, xponent
from tests.material import make_material
from tests.withdrawing import withdraw


async def download(api, view, user="scientist"):
    response = await api(user).client.get(view["href"])
    assert response.status_code == 200, response.text
    assert hashlib.sha256(response.content).hexdigest() == view["sha256"]
    assert response.headers["content-type"].startswith("text/csv")
    return response.text


async def pull(api, user="scientist", **body):
    return await api(user).ok("/results/pulls", {"study": "LLS", **body})


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def checks_of(name):
    real_file(name)
    manifest = json.loads((DATA.parent / "MANIFEST.json").read_text())
    return next(one["checks"] for one in manifest if one["path"] == f"luminex_xponent/{name}")


async def run_real_file(api, database, world, name, analytes, wells):
    content = real_file(name)
    bench = await plan(api, database, world, analytes=analytes, tubes=len(wells))
    await plated(api, bench, dict(zip(wells, bench.material.tubes, strict=True)))
    await imported(api, bench, content, name)
    await released(api, bench)
    return bench


async def assert_every_check_is_in(text, name, analyte_of):
    rows = rows_of(text)
    cells = {
        (f"{row['well']}|{row['instrument_sample']}", row["analyte"], row["quantity"]): row["raw_text"] for row in rows
    }
    compared = 0
    for check in checks_of(name):
        sample, analyte, field, expected = (check[key] for key in ("sample", "analyte", "field", "expected"))
        if "(" in sample:
            place = sample.split(",", 1)[1].replace(")", "", 1)
            assert cells[place, analyte_of(analyte), field] == expected, check
            compared += 1
        elif field in {"program", "build"}:
            assert all(expected in row["software"] for row in rows)
        elif field in {"serial_number", "batch"}:
            assert all(expected == row[field] for row in rows)
    assert compared > 20


async def test_every_value_of_a_real_file_is_in_the_pull(api, database, world):
    name = "luminex_xPONENT_example02.csv"
    bench = await run_real_file(api, database, world, name, ["alpha", "bravo"], ["A1", "B1", "C1", "D1"])
    view = await pull(api, participants=[bench.material.participant])
    assert (view["rows"], view["matched"], view["unmatched"], view["withdrawn"]) == (24, 1, [], [])
    text = await download(api, view)
    await assert_every_check_is_in(text, name, lambda analyte: f"AG-{analyte}")
    row = rows_of(text)[0]
    assert (row["visit"], row["study_day"], row["specimen_type"], row["freeze_thaw"]) == ("BASE", "0", "SER", "0")
    assert (row["assay"], row["assay_version"], row["run"], row["kit_lot"]) == ("BEADS", "1", "run-1", "LOT-7")
    assert (row["dilution"], row["plate"], row["status"]) == ("50", bench.plate, "released")
    assert text.splitlines()[1].startswith(
        f'"{bench.material.participant}","BASE",0,"{row["aliquot"]}","SER",0,f,"BEADS",1'
    )


async def test_not_a_number_stays_the_text_it_was(api, database, world):
    name = "luminex_xPONENT_NaN_and_not_reported_values.csv"
    wells = [f"{row}{col}" for col in range(1, 13) for row in "ABCDEFGH"]
    await run_real_file(api, database, world, name, ["analyte1", "analyte2", "analyte3"], wells)
    view = await pull(api)
    text = await download(api, view)
    await assert_every_check_is_in(text, name, lambda analyte: f"AG-{analyte}")
    missing = [row for row in rows_of(text) if row["raw_text"] == "NaN"]
    assert missing
    assert {(row["value"], row["flag"]) for row in missing} == {("", "not_a_number")}


async def ready(api, database, world, *, value="-7.50", tubes=2, analytes=("alpha", "bravo")):
    """A released run of made-up values on the tubes of one participant."""
    bench = await plan(api, database, world, analytes=list(analytes), tubes=tubes)
    wells = [f"A{number}" for number in range(1, tubes + 1)]
    await plated(api, bench, dict(zip(wells, bench.material.tubes, strict=True)))
    await imported(
        api, bench, xponent({well: f"=cmd|' /C calc'!{well}" for well in wells}, list(analytes), value=value)
    )
    await released(api, bench)
    return bench


async def test_pasted_ids_are_matched_or_named(api, database, world):
    bench = await ready(api, database, world)
    other = await make_material(database, world, tubes=1)
    wrong = bench.material.participant[:-1] + ("A" if bench.material.participant[-1] != "A" else "B")
    unknown = ids.mint(ids.Kind.PARTICIPANT)
    view = await pull(
        api,
        participants=[
            f" {ids.grouped(bench.material.participant).lower()} ",
            bench.material.participant,
            other.participant,
            wrong,
            unknown,
            bench.material.tubes[0],
            "",
        ],
    )
    assert (view["matched"], view["rows"]) == (2, 12)
    problems = {one["text"]: one["problem"] for one in view["unmatched"]}
    assert set(problems) == {wrong, unknown, bench.material.tubes[0]}
    assert "check character" in problems[wrong]
    assert problems[unknown] == "there is no such participant"


async def test_formulas_are_defused_and_negative_numbers_are_not(api, database, world):
    await ready(api, database, world)
    rows = rows_of(await download(api, await pull(api, quantities=["Median"])))
    assert {row["value"] for row in rows} == {"-7.50"}
    assert {row["raw_text"] for row in rows} == {"-7.50"}
    assert all(row["instrument_sample"].startswith("'=cmd") for row in rows)


async def test_filters_narrow_the_pull_and_the_list(api, database, world):
    bench = await ready(api, database, world)
    rows = rows_of(await download(api, await pull(api, analytes=["AG-alpha"], quantities=["Count"])))
    assert {(row["analyte"], row["quantity"]) for row in rows} == {("AG-alpha", "Count")}
    assert len(rows) == 2
    assert (await pull(api, statuses=["verified"]))["rows"] == 0
    first = await api("scientist").see("/results", study="LLS", participant=[bench.material.participant], limit=10)
    rest = await api("scientist").see("/results", study="LLS", after=first["next"], limit=10)
    assert (len(first["rows"]), len(rest["rows"]), rest["next"]) == (10, 2, None)
    assert first["rows"][0]["value"] == "-7.50"
    assert "id" not in first["rows"][0]
    one = await api("scientist").see("/results", study="LLS", analyte=["AG-bravo"], quantity=["Median"])
    assert len(one["rows"]) == 2


async def test_who_withdrew_is_in_no_new_pull_and_an_old_one_stays_what_it_was(api, database, world):
    bench = await ready(api, database, world)
    before = await pull(api)
    text = await download(api, before)
    await withdraw(api("coordinator"), bench.material.participant)
    after = await pull(api, participants=[bench.material.participant])
    assert (after["rows"], after["matched"], after["withdrawn"]) == (0, 0, [bench.material.participant])
    assert rows_of(await download(api, after)) == []
    assert (await api("scientist").see("/results", study="LLS"))["rows"] == []
    assert await download(api, before) == text


async def test_a_pull_is_repeated_as_of_then_although_a_result_was_corrected_since(api, database, world):
    bench = await ready(api, database, world)
    before = await pull(api)
    text = await download(api, before)
    await api("reviewer").ok(
        f"/runs/{bench.run}/corrections",
        {
            "well": "A1",
            "analyte": "AG-alpha",
            "quantity": "Median",
            "value": "12.0",
            "raw_text": "12.0",
            "reason": "Column shifted",
        },
    )
    assert await download(api, before) == text
    rows = rows_of(await download(api, await pull(api, analytes=["AG-alpha"], quantities=["Median"])))
    assert sorted((row["value"], row["result_version"]) for row in rows) == [("-7.50", "1"), ("12.0", "2")]
    old = rows_of(await download(api, await pull(api, statuses=["corrected"])))
    assert [(row["value"], row["status"]) for row in old] == [("-7.50", "corrected")]


async def test_bytes_that_would_differ_are_not_given_out(api, database, world, superuser):
    await ready(api, database, world)
    view = await pull(api)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update visit set occurred_on = occurred_on + 1")
    response = await api("scientist").client.get(view["href"])
    assert (response.status_code, response.json()["type"]) == (409, "/problems/pull-changed")


async def test_a_pull_is_out_of_reach_where_its_participants_are(api, database, world):
    await ready(api, database, world)
    view = await pull(api)
    stranger = await api("stranger").client.get(view["href"])
    assert (stranger.status_code, stranger.json()["type"]) == (404, "/problems/not-found")
    assert (await api("stranger").post("/results/pulls", {"study": "LLS"})).status_code == 404
    assert (await api("technician").post("/results/pulls", {"study": "LLS"})).status_code == 403
    assert (await api("scientist").client.get("/api/v1/results/pulls/1.csv")).status_code == 404
    listed = await api("manager").see("/results/pulls")
    assert [one["number"] for one in listed] == [view["number"]]
    assert await api("stranger").see("/results/pulls") == []


async def test_a_pull_is_made_once_for_a_key(api, database, world):
    await ready(api, database, world)
    key = "6b7d2f0e-4d5a-4c7e-9a55-0d7f3b6f2a10"
    first = await api("scientist").ok("/results/pulls", {"study": "LLS"}, key=key)
    assert await api("scientist").ok("/results/pulls", {"study": "LLS"}, key=key) == first
    assert len(await api("scientist").see("/results/pulls")) == 1
