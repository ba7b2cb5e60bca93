"""Tables of no known format: what their columns mean is shown, said by a person, remembered, and kept with the run."""

import json

from tests.bench import plan, plated, table, table_mapping, upload
from tests.importers.tables import book

SAID = json.dumps(table_mapping())
WELLS = {"A1": "s1", "B1": "control"}


def problem(response, status, code):
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{code}"), response.text
    return response.json()


async def ready(api, database, world, name="run-1"):
    """A run whose assay takes any table, with a tube and a control on its plate."""
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, name=name, importer="generic_table")
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control high"})
    return bench


async def look(api, bench, content, user="technician", **fields):
    return await upload(api, user, f"/runs/{bench.run}/table", content, **fields)


async def bring(api, bench, content, user="technician", **fields):
    return await upload(api, user, f"/runs/{bench.run}/import", content, **fields)


async def test_a_table_is_looked_at_corrected_imported_and_the_next_one_is_read_so(api, database, world):
    bench = await ready(api, database, world)
    file = table(WELLS)
    seen = (await look(api, bench, file)).json()
    assert [(one["name"], one["meaning"]) for one in seen["layout"]["columns"]] == [
        ("Well", "well"), ("Sample", "sample"), ("alpha", "value"), ("note", "fact"),
    ]  # fmt: skip
    assert (seen["known"], seen["remembered"], seen["problem"]) == (0, None, None)
    counts = {name: seen[name] for name in ("readings", "samples", "wells", "analytes", "facts")}
    assert counts == {"readings": 2, "samples": 2, "wells": 2, "analytes": 1, "facts": 2}
    assert seen["first"][0] == {
        "plate": None, "well": "A1", "sample": "s1", "analyte": "alpha", "quantity": "value", "value": "1.50",
        "unit": None, "flag": None, "raw": "1.50",
    }  # fmt: skip
    assert seen["preview"]["problems"] == []
    assert seen["rows"][1] == {"line": 2, "cells": ["A1", "s1", "1.50", "fine"]}

    needed = problem(await bring(api, bench, file), 422, "mapping-needed")
    assert "nobody has said" in needed["detail"]
    problem(await upload(api, "technician", f"/runs/{bench.run}/preview", file), 422, "mapping-needed")
    done = await bring(api, bench, file, mapping=SAID)
    assert done.status_code == 201, done.text
    run = done.json()
    signature = run["mapping"]["signature"]
    assert (run["importer"], run["mapping"]["number"], run["results"]) == ("generic_table", 1, {"preliminary": 1})
    assert json.loads(run["header"]["mapping"])["columns"][2]["unit"] == "U/mL"
    assert (await bring(api, bench, file, mapping=SAID)).status_code == 201, "the same bytes are no second import"
    other = json.dumps(table_mapping(note="ignored"))
    assert "by another mapping" in problem(await bring(api, bench, file, mapping=other), 409, "run-not-ready")["detail"]
    again = await api("reviewer").see(f"/runs/{bench.run}/reading-again")
    assert (again["changes"], again["problems"]) == ([], [])

    second = await ready(api, database, world, "run-2")
    moved = table(WELLS, value="9", above="made,by,a,robot\n\n")
    known = (await look(api, second, moved)).json()
    assert (known["known"], known["remembered"]["number"], known["remembered"]["made_by"]) == (1, 1, "technician")
    assert (known["layout"]["header_line"], known["first"][0]["unit"]) == (3, "U/mL")
    would = await upload(api, "technician", f"/runs/{second.run}/preview", moved)
    assert (would.json()["importer"], would.json()["problems"]) == ("generic_table", [])
    run = (await bring(api, second, moved)).json()
    assert run["mapping"] == {"signature": signature, "number": 1}
    again = await api("reviewer").see(f"/runs/{second.run}/reading-again")
    assert again["changes"] == [], "the mapping is kept with the line that it was used with"

    view = await api("technician").see(f"/column-mappings/LLS/{signature}")
    assert [(one["number"], one["runs"]) for one in view["versions"]] == [(1, ["run-1", "run-2"])]
    (row,) = (await api("scientist").see("/column-mappings"))["rows"]
    assert (row["columns"], row["withdrawn"]) == (["Well", "Sample", "alpha", "note"], False)
    deeds = [deed["verb"] for deed in (await api("auditor").see("/audit"))["rows"]]
    assert "column_mapping.remembered" in json.dumps(deeds)


async def test_a_mapping_is_superseded_and_withdrawn_by_those_who_saw_its_latest_version(api, database, world):
    mind = {"study": "LLS", "mapping": table_mapping()}
    made = await api("technician").ok("/column-mappings", mind)
    path = f"/column-mappings/LLS/{made['signature']}"
    assert (await api("technician").ok("/column-mappings", mind))["number"] == 1, "the same again is nothing new"
    other = {"study": "LLS", "mapping": table_mapping(note="flag")}
    late = problem(await api("technician2").post("/column-mappings", other), 409, "mapping-changed")
    assert "at version 1 by technician, and you looked at version 0" in late["detail"]
    view = await api("technician2").ok("/column-mappings", {**other, "known": 1, "reason": "it is a call"})
    assert [(one["number"], one["made_by"], one["reason"]) for one in view["versions"]] == [
        (2, "technician2", "it is a call"), (1, "technician", None),
    ]  # fmt: skip
    no = {"reason": "the robot has changed", "known": 1}
    problem(await api("technician").post(f"{path}/withdraw", no), 409, "mapping-changed")
    gone = await api("technician").ok(f"{path}/withdraw", {**no, "known": 2})
    assert (gone["number"], gone["withdrawn"], gone["versions"][0]["reason"]) == (3, True, "the robot has changed")
    twice = problem(await api("technician").post(f"{path}/withdraw", {**no, "known": 3}), 409, "mapping-changed")
    assert "technician withdrew this mapping already" in twice["detail"]
    bench = await ready(api, database, world)
    problem(await bring(api, bench, table(WELLS)), 422, "mapping-needed")
    seen = (await look(api, bench, table(WELLS))).json()
    assert (seen["known"], seen["remembered"]) == (3, None)
    stale = await bring(api, bench, table(WELLS), mapping=SAID, known="2")
    problem(stale, 409, "mapping-changed")
    assert (await api("technician").see(f"/runs/{bench.run}"))["status"] == "plated"
    back = await bring(api, bench, table(WELLS), mapping=SAID, known="3")
    assert back.json()["mapping"]["number"] == 4
    problem(await api("scientist").post(f"{path}/withdraw", {**no, "known": 4}), 403, "forbidden")
    problem(await api("technician").post(f"/column-mappings/LLS/{'0' * 64}/withdraw", no), 404, "not-found")
    problem(await api("technician").get(f"/column-mappings/LLS/{'0' * 64}"), 404, "not-found")
    problem(await api("stranger").get(path), 404, "not-found")
    assert (await api("stranger").see("/column-mappings"))["rows"] == []


async def test_wrong_mappings_are_refused_with_their_reason_and_leave_nothing(api, database, world, superuser):
    bench = await ready(api, database, world)
    file = table(WELLS)
    for mapping, said in (
        (table_mapping(alpha="fact"), "at least one column must hold values"),
        (table_mapping(note="sample"), "only one column can be the sample, and these are: Sample, note"),
        (table_mapping(Well="fact", Sample="fact"), "a column must name the sample or the well"),
        ({**table_mapping(), "shape": "long"}, "a long table has a column of analytes"),
        ({**table_mapping(), "columns": table_mapping()["columns"] * 2}, "only one column can be the well"),
        ({**table_mapping(), "header_line": 0}, "header_line"),
    ):
        refused = problem(await bring(api, bench, file, mapping=json.dumps(mapping)), 422, "invalid")
        assert said in refused["detail"]
    problem(await bring(api, bench, file, mapping="{"), 422, "invalid")
    foreign = json.dumps(table_mapping()).replace("note", "remark")
    columns = problem(await bring(api, bench, file, mapping=foreign), 422, "file-not-readable")
    assert ("line 1: the columns are not those of the mapping" in columns["detail"], columns["line"]) == (True, 1)
    seen = (await look(api, bench, file, mapping=foreign)).json()
    assert (seen["problem"]["line"], seen["preview"]) == (1, None)
    torn = table({"A1": "s1", "Z99": "s2"})
    problem_at = (await look(api, bench, torn, mapping=SAID)).json()["problem"]
    assert (problem_at["line"], problem_at["column"], problem_at["value"]) == (3, "Well", "Z99")
    off = (await look(api, bench, file, header_line="77", delimiter=",")).json()
    assert ("no column names stand here" in off["problem"]["message"], off["layout"]) == (True, None)
    second = (await look(api, bench, file, header_line="2", delimiter=",")).json()
    assert [one["name"] for one in second["layout"]["columns"]] == ["A1", "s1", "1.50", "fine"]
    problem(await look(api, bench, file, header_line="1", delimiter="#"), 422, "invalid")
    unseen = (await look(api, bench, b"a,b\nc,d\n")).json()
    assert ("no table can be seen" in unseen["problem"]["message"], unseen["layout"]) == (True, None)
    problem(await look(api, bench, b""), 422, "file-not-readable")
    problem(await look(api, bench, b"\x00\x01"), 422, "file-not-readable")
    strange = table({"A1": "s", "H12": "t"})
    does_not_fit = problem(await bring(api, bench, strange, mapping=SAID), 422, "file-does-not-fit-run")
    assert "The plate map says nothing of H12" in does_not_fit["detail"]
    long_name = json.dumps(table_mapping()).replace("note", "n" * 501)
    wide = table(WELLS).replace(b"note", b"n" * 501)
    assert "at most 400 columns" in problem(await bring(api, bench, wide, mapping=long_name), 422, "invalid")["detail"]
    assert await superuser.fetchval("select count(*) from column_mapping") == 0
    assert await superuser.fetchval("select count(*) from raw_file") == 0

    beads = await plan(api, database, world, analytes=["alpha"], tubes=1, code="BEADS2", name="beads")
    only = problem(await bring(api, beads, file, mapping=SAID), 422, "invalid")
    assert "A mapping is for tables" in only["detail"]
    wrong = await bring(api, beads, file, mapping=SAID, format="generic_table")
    problem(wrong, 422, "file-of-another-format")
    seen = (await look(api, beads, file)).json()
    assert "The assay takes files of: Luminex xPONENT CSV" in seen["preview"]["problems"][0]


async def test_a_long_table_in_a_sheet_and_one_with_decimal_commas_are_other_headers(api, database, world):
    bench = await ready(api, database, world)
    rows = [
        ("Well", "Sample", "Test", "Result", "Unit"),
        ("A1", "s1", "alpha", 2.5, "IU"),
        ("B1", "c", "alpha", 7, "IU"),
    ]
    sheet = book({"notes": [("by", "us")], "results of May": rows})
    seen = (await look(api, bench, sheet)).json()
    assert (seen["mapping"]["shape"], seen["mapping"]["sheet"], seen["readings"]) == ("long", "results of May", 2)
    done = await bring(api, bench, sheet, mapping=json.dumps(seen["mapping"]))
    assert done.json()["results"] == {"preliminary": 1}
    well = await api("technician").see(f"/runs/{bench.run}/wells/1/A1")
    assert [(one["quantity"], one["value"], one["unit"]) for one in well["readings"]] == [("Result", "2.5", "IU")]
    second = await ready(api, database, world, "run-2")
    next_month = book({"results of June": [("made", "by", "hand"), rows[0], ("A1", "s1", "alpha", 3, "IU")]})
    known = (await look(api, second, next_month)).json()
    assert (known["remembered"]["number"], known["mapping"]["sheet"], known["mapping"]["header_line"]) == (
        1,
        "results of June",
        2,
    )
    commas = "\n".join(";".join(str(cell).replace(".", ",") for cell in row) for row in rows).encode()
    other = (await look(api, second, commas)).json()
    assert (other["known"], other["mapping"]["decimal"], other["first"][0]["value"]) == (0, ",", "2.5")
