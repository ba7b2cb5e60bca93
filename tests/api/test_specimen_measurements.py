"""Measured qualities of tubes, one by one and in bulk."""

from datetime import timedelta

import pytest

from tests.api.specimen_steps import COLLECTED, NOW, centrifuge, collected, tube


async def measure(api, code, *values, who="technician_chi"):
    body = {"measurements": [{"quantity": quantity, "text": text} for quantity, text in values]}
    return await api(who).ok(f"/specimens/{code}/measurements", body)


async def test_what_was_read_is_kept_and_the_latest_counts(api):
    await centrifuge(api)
    _, (one,) = await collected(api)
    earlier = (NOW - timedelta(hours=2)).isoformat()
    url = f"/specimens/{one['code']}/measurements"
    first = {"quantity": "rin", "text": " 8.70 ", "measured_at": earlier, "equipment": "CF-1"}
    await api("technician_chi").ok(url, {"measurements": [first]})
    seen = await measure(api, one["code"], ("rin", "8.4"), ("a260_280", "2.05"))
    found = [(row["quantity"], row["value"], row["raw_text"], row["latest"]) for row in seen["measurements"]]
    assert found == [
        ("a260_280", "2.05", "2.05", True),
        ("rin", "8.4", "8.4", True),
        ("rin", "8.7", "8.70", False),
    ]
    assert [row["equipment"] for row in seen["measurements"]] == [None, None, "CF-1"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"quantity": "rin", "text": "10.1"}, "at most 10"),
        ({"quantity": "rin", "text": "0.9"}, "at least 1"),
        ({"quantity": "haemolysis_index", "text": "5"}, "at most 4"),
        ({"quantity": "rin", "text": "8,7"}, "not a number"),
        ({"quantity": "rin", "text": "1e99"}, "not a number"),
        ({"quantity": "rin", "text": "NaN"}, "not a number"),
        ({"quantity": "viability", "text": "95", "unit": "10*6"}, "measured in %"),
        ({"quantity": "rin", "text": "8", "unit": "%"}, "has no unit"),
        ({"quantity": "colour", "text": "8"}, "no quantity colour"),
        ({"quantity": "rin", "text": "8", "equipment": "BA-1"}, "no equipment BA-1"),
        ({"quantity": "rin", "text": "8", "measured_at": (NOW + timedelta(hours=1)).isoformat()}, "future"),
        ({"quantity": "rin", "text": "8", "measured_at": (COLLECTED - timedelta(hours=1)).isoformat()}, "not exist"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(api, body, words):
    _, (one,) = await collected(api)
    good = {"quantity": "viability", "text": "95"}
    refused = await api("technician_chi").post(f"/specimens/{one['code']}/measurements", {"measurements": [good, body]})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/measurements-refused")
    (row,) = refused.json()["rows"]
    assert words in row["problem"]
    assert (await api("technician_chi").see(f"/specimens/{one['code']}"))["measurements"] == []


async def test_a_table_is_recorded_whole_or_every_bad_row_is_named(api):
    _, (one, two) = await collected(api, tube(), tube())
    lines = [
        "\ufeffSpecimen;Quantity;Value;Measured_at",
        f"{one['code']};rin;8.7;",
        f"{two['code'].lower()};rin;7.9;",
        "",
        f"{one['code']};a260_280;2.1;{NOW.isoformat()}",
    ]
    done = await api("technician_chi").ok("/measurements/csv", {"text": "\r\n".join(lines)})
    assert (done["values"], set(done["specimens"])) == (3, {one["code"], two["code"]})
    bad = [
        *lines,
        "TAAAAAAAAA;rin;8;",
        f"{one['code']};rin;eleven;",
        f"{one['code']};rin;8.1;yesterday",
        f"{one['code']};a260_280;2.1;{NOW.isoformat()}",
        f"{one['code']};rin;8.2;;;",
        ";;;x",
    ]
    refused = await api("technician_chi").post("/measurements/csv", {"text": "\n".join(bad)})
    assert refused.status_code == 422
    assert [row["line"] for row in refused.json()["rows"]] == [6, 7, 8, 9, 10, 11]
    assert "line 5 already" in refused.json()["rows"][3]["problem"]
    assert len((await api("technician_chi").see(f"/specimens/{one['code']}"))["measurements"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("specimen,quantity\nT1,rin", "text is missing"),
        ("specimen,quantity,value,colour\nT1,rin,8,red", "colour is not one of"),
        ("specimen,quantity,value,text\nT1,rin,8,8", "text is named twice"),
        ("specimen,quantity,value", "no rows"),
        ('specimen,quantity,value\nT1,rin,"8', "no CSV"),
        (" ", "no rows"),
        ("specimen,quantity,value\n" + "T1,rin,8\n" * 20_001, "At most 20000"),
    ],
)
async def test_what_is_no_table_is_refused(api, text, words):
    refused = await api("technician_chi").post("/measurements/csv", {"text": text})
    assert refused.status_code == 422, refused.text
    assert words in refused.json()["detail"]


async def test_many_tubes_by_json_and_nobody_elses(api):
    _, (one,) = await collected(api)
    row = {"specimen": one["code"], "quantity": "rin", "text": "8.7"}
    assert (await api("technician_chi").ok("/measurements", {"rows": [row]}))["values"] == 1
    for who, status in (("stranger", 422), ("technician", 422), ("scientist", 403)):
        assert (await api(who).post("/measurements", {"rows": [row]})).status_code == status
    refused = await api("stranger").post("/measurements", {"rows": [row]})
    assert refused.json()["rows"][0]["problem"] == "there is no such tube"
    misread = await api("technician_chi").post("/measurements", {"rows": [row | {"specimen": "lost"}]})
    assert misread.json()["rows"][0] == {
        "line": 1,
        "specimen": "lost",
        "quantity": "rin",
        "problem": "this is no tube's id",
    }
    listed = await api("scientist").see("/qc-quantities")
    assert {one["code"]: one["highest"] for one in listed}["rin"] == "10"
