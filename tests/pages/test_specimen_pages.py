"""A technician's bench on pages, without JavaScript: collect, spin, divide, and what is refused."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from biobank.errors import Invalid
from biobank.specimen.pages import vials
from tests.api.specimen_steps import COLLECTED, NOW, collected, enrolled, tube

CHICAGO = ZoneInfo("America/Chicago")


def local(moment):
    return moment.astimezone(CHICAGO).strftime("%Y-%m-%dT%H:%M")


async def test_collect_spin_and_divide_lead_to_labels(browser, api):
    person = await enrolled(api)
    page = await browser("technician_chi")
    form = await page.get(f"/participants/{person}/collect")
    assert 'value="BASE/1"' in form.text
    rows = {
        "visit": "BASE/1",
        "collected_at": local(COLLECTED),
        "tubes.0.specimen_type": "SER",
        "tubes.0.tube_type": "SST",
        "tubes.0.quantity": "4",
        "tubes.0.unit": "mL",
        "tubes.3.specimen_type": "URN",
        "tubes.3.tube_type": "URINE",
        "tubes.3.quantity": "50000",
    }
    made = await page.post(f"/participants/{person}/collect", rows)
    assert made.status_code == 303, made.text
    listed = await page.get(made.headers["location"])
    codes = made.headers["location"].partition("=")[2].split(",")
    assert (len(codes), f"/labels?codes={','.join(codes)}" in listed.text) == (2, True)
    assert "in hand, CHI" in listed.text

    assert codes[0] in (await page.get(f"/specimens/process?codes={codes[0]}")).text
    spin = {"specimens": codes[0], "type": "centrifuge", "g_force": "1300", "minutes": "10", "brake": "false"}
    spun = await page.post(
        "/specimens/process",
        {
            **spin,
            "started_at": local(COLLECTED + timedelta(hours=1)),
            "ended_at": local(COLLECTED + timedelta(hours=2)),
        },
    )
    assert spun.status_code == 303, spun.text

    assert "Serum" in (await page.get(f"/specimens/{codes[0]}/aliquot")).text
    divide = {
        "specimen_type": "SER",
        "tube_type": "CRYO05",
        "count": "7",
        "nominal": "0.5",
        "rest": "0.1",
        "unit": "mL",
        "started_at": local(COLLECTED + timedelta(hours=3)),
    }
    key = "22222222-2222-4222-8222-222222222222"
    done = await page.post(f"/specimens/{codes[0]}/aliquot", divide, key=key)
    assert done.status_code == 303, done.text
    again = await page.post(f"/specimens/{codes[0]}/aliquot", divide, key=key)
    assert again.headers["location"] == done.headers["location"]
    vial_page = (await page.get(done.headers["location"])).text
    assert "(P, partial)" in vial_page
    assert "Print labels" in vial_page
    seen = await api("scientist").see(f"/specimens/{codes[0]}")
    assert (seen["quantity"], len(seen["children"])) == ("400", 8)
    assert [row["type"] for row in seen["processing"]] == ["centrifuge", "aliquot"]
    shown = (await page.get(f"/participants/{person}")).text
    assert "10" in shown
    assert "usable" in shown
    assert len((await page.get(f"/specimens?participant={person}&type=SER&hold=")).text) > 1000
    assert "No tube fits" in (await page.get("/specimens?hold=any")).text


async def test_more_rows_keep_what_was_typed(browser, api):
    person = await enrolled(api)
    page = await browser("technician_chi")
    form = {"rows": "6", "more": "yes", "tubes.0.specimen_type": "SER", "tubes.0.quantity": "123", "visit": "BASE/1"}
    shown = await page.post(f"/participants/{person}/collect", form)
    assert shown.status_code == 200
    assert 'value="123"' in shown.text
    assert 'name="tubes.11.quantity"' in shown.text
    for rows in ("1000000", "x", "-1"):
        assert (await page.post(f"/participants/{person}/collect", {**form, "rows": rows})).status_code == 200


async def test_refused_forms_come_back_with_what_was_typed(browser, api):
    person, (one,) = await collected(api)
    page = await browser("technician_chi")
    collect = f"/participants/{person}/collect"
    row = {"visit": "BASE/1", "tubes.0.specimen_type": "SER", "tubes.0.tube_type": "SST", "tubes.0.quantity": "9.5"}
    now = {"collected_at": local(COLLECTED)}
    aliquot = f"/specimens/{one['code']}/aliquot"
    vial = {"specimen_type": "SER", "tube_type": "CRYO05", "started_at": local(NOW)}
    spin = {"type": "clot", "started_at": local(NOW)}
    cases = (
        (collect, {**row, "collected_at": ""}, 422, "is not a time"),
        (collect, {**now, "visit": "BASE/1"}, 422, "at least 1 item"),
        (collect, {**row, **now, "tubes.0.quantity": "-3"}, 422, "greater than 0"),
        (collect, {**row, **now, "visit": "FLARE/1"}, 404, "record the visit first"),
        (aliquot, {**vial, "count": "x"}, 422, "number from 0 to 100"),
        (aliquot, {**vial, "count": "9", "nominal": "500"}, 409, "holds 4000 uL"),
        (aliquot, {**vial, "count": "1", "nominal": "501"}, 422, "more than the 500 uL"),
        ("/specimens/process", {**spin, "specimens": "nonsense"}, 422, "a house id has 10 characters"),
        ("/specimens/process", {**spin, "specimens": one["code"], "started_at": ""}, 422, "is not a time"),
        ("/specimens/process", {**spin, "specimens": ""}, 422, "specimens"),
    )
    for path, form, status, words in cases:
        response = await page.post(path, form)
        assert (response.status_code, words in response.text) == (status, True), (path, form, response.text[-3000:])
    assert len((await api("manager").see("/specimens"))["rows"]) == 1


async def test_the_tubes_own_forms(browser, api):
    _, (one,) = await collected(api)
    page = await browser("technician_chi")
    here = f"/specimens/{one['code']}"
    for path, form in (
        ("/quantity", {"quantity": "3990", "seen": "4000", "cause": "spill", "reason": "Dropped"}),
        ("/quality", {"quality": "quarantined", "reason": "Label is torn"}),
        ("/codes", {"namespace": "azenta", "value": "SA1"}),
        ("/use-up", {"reason": "Empty"}),
    ):
        done = await page.post(here + path, form)
        assert (done.status_code, done.headers.get("location")) == (303, here), done.text
    refused = await page.post(f"{here}/use-up", {"reason": "Empty"})
    assert (refused.status_code, "consumed" in refused.text) == (409, True)
    seen = await api("manager").see(here)
    assert (seen["existence"], seen["codes"][0]["value"], len(seen["ledger"])) == ("consumed", "SA1", 3)


async def test_who_may_not_work_sees_no_forms(browser, api):
    person, (one,) = await collected(api, tube())
    page = await browser("scientist")
    assert (await page.get(f"/specimens/{one['code']}/aliquot")).status_code == 403
    assert (await page.get(f"/participants/{person}/collect")).status_code == 403
    assert "Collect tubes" not in (await page.get(f"/participants/{person}")).text
    assert (await page.get("/specimens/made")).status_code == 200


def test_vials_are_counted_before_they_are_made():
    assert vials({"count": "2", "nominal": "500", "rest": "90"}) == ["500", "500", "90"]
    assert vials({"rest": "90"}) == ["90"]
    for data, field in (
        ({"count": "101", "nominal": "5"}, "count"),
        ({"count": "9999999999", "nominal": "5"}, "count"),
        ({"count": "-1", "nominal": "5"}, "count"),
        ({"count": "2"}, "nominal"),
        ({}, "count"),
        ({"count": "1", "nominal": "NaN"}, "nominal"),
        ({"rest": "some"}, "rest"),
        ({"rest": "0"}, "rest"),
    ):
        with pytest.raises(Invalid) as refused:
            vials(data)
        assert list(refused.value.errors) == [field]
