"""Collecting tubes at a visit: what is registered, and everything that refuses."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.api.specimen_steps import COLLECTED, NOW, TODAY, collected, collection, enrolled, tube
from tests.withdrawing import withdraw


async def test_tubes_get_ids_ordinals_contents_and_a_holder(api):
    person = await enrolled(api)
    made = await api("technician_chi").ok(
        f"/participants/{person.lower()}/collections",
        collection(tube(), tube(quantity="4.1", unit="mL"), tube("URN", "URINE", "50", unit="mL")),
    )
    rows = made["specimens"]
    assert [(row["specimen_type"], row["ordinal"], row["quantity"], row["unit"]) for row in rows] == [
        ("SER", 1, "4000", "uL"),
        ("SER", 2, "4100", "uL"),
        ("URN", 1, "50000", "uL"),
    ]
    assert {(row["level"], row["existence"], row["place"], row["at_site"]) for row in rows} == {
        ("primary", "exists", "holder", "CHI")
    }
    assert all(row["code"].startswith("T") and row["participant"] == person for row in rows)
    assert made["timezone"] == "America/Chicago"


async def test_a_straggler_joins_the_same_visit_and_its_ordinal_follows(api):
    person, _ = await collected(api, tube(), tube())
    later = await api("technician_chi").ok(f"/participants/{person}/collections", collection(tube()))
    assert [row["ordinal"] for row in later["specimens"]] == [3]
    assert len((await api("scientist").see("/specimens", participant=person))["rows"]) == 3


async def test_the_same_key_collects_once(api):
    person = await enrolled(api)
    key = str(uuid4())
    first = await api("coordinator").ok(f"/participants/{person}/collections", collection(tube()), key=key)
    assert await api("coordinator").ok(f"/participants/{person}/collections", collection(tube()), key=key) == first
    assert len((await api("coordinator").see("/specimens"))["rows"]) == 1


async def test_another_sites_participant_does_not_exist(api):
    person = await enrolled(api)
    for stranger in ("coordinator_tor", "technician", "stranger"):
        response = await api(stranger).post(f"/participants/{person}/collections", collection(tube()))
        assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found"), stranger


@pytest.mark.parametrize("level", ["no_further_use", "destroy"])
async def test_after_a_withdrawal_nothing_is_collected(api, level):
    person = await enrolled(api)
    await withdraw(api("coordinator"), person, level)
    response = await api("technician_chi").post(f"/participants/{person}/collections", collection(tube()))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/participant-withdrawn")


@pytest.mark.parametrize("granted", [None, ("future_research",)])
async def test_without_consent_to_storage_nothing_is_collected(api, granted):
    person = await enrolled(api, granted=granted)
    response = await api("technician_chi").post(f"/participants/{person}/collections", collection(tube()))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/consent-missing")
    assert (await api("manager").see("/specimens"))["rows"] == []


async def test_a_visit_that_is_not_recorded_or_not_done_has_no_tubes(api):
    person = await enrolled(api, visit=None)
    response = await api("technician_chi").post(
        f"/participants/{person}/collections", collection(tube(), visit="FLARE")
    )
    assert (response.status_code, response.json()["number"]) == (404, 1)
    response = await api("technician_chi").post(f"/participants/{person}/collections", collection(tube()))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/visit-not-done")


async def test_the_days_of_the_site_decide(api):
    person = await enrolled(api)
    url = f"/participants/{person}/collections"
    assert (await api("technician_chi").post(url, collection(tube(), collected_at=NOW))).is_success
    early = await api("manager").ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY - timedelta(days=9))}
    )
    await api("manager").ok(
        f"/participants/{early['code']}/consents",
        {"version": "1.0", "signed_at": NOW.isoformat(), "granted": ["biobank_storage"]},
    )
    await api("manager").ok(f"/participants/{early['code']}/visits", {"type": "BASE", "occurred_on": str(TODAY)})
    response = await api("technician_chi").post(
        f"/participants/{early['code']}/collections", collection(tube(), collected_at=COLLECTED - timedelta(days=4))
    )
    assert (response.status_code, response.json()["errors"]) == (422, {"collected_at": "lies before the visit"})
    for moment, words in (
        (NOW + timedelta(hours=1), "lies in the future"),
        (COLLECTED - timedelta(days=3), "lies before the enrolment"),
    ):
        response = await api("technician_chi").post(url, collection(tube(), collected_at=moment))
        assert (response.status_code, response.json()["errors"]) == (422, {"collected_at": words})


BAD = {
    "no tubes": (collection(), "tubes"),
    "zero": (collection(tube(quantity="0")), "quantity"),
    "negative": (collection(tube(quantity="-1")), "quantity"),
    "enormous": (collection(tube(quantity="1" + 30 * "0")), "quantity"),
    "not a number": (collection(tube(quantity="NaN")), "quantity"),
    "words": (collection(tube(quantity="much")), "quantity"),
    "too exact": (collection(tube(quantity="0.00000001")), "quantity"),
    "overfull": (collection(tube(quantity="8501")), "tubes.0.quantity"),
    "unknown type": (collection(tube(), tube("XXX")), "tubes.1.specimen_type"),
    "unknown tube": (collection(tube(tube_type="BUCKET")), "tubes.0.tube_type"),
    "wrong unit": (collection(tube(unit="mg")), "tubes.0.unit"),
    "no zone": (collection(tube()) | {"collected_at": "2026-01-05T09:00:00"}, "collected_at"),
    "extra field": (collection(tube(), colour="red"), "colour"),
}


async def test_bad_input_names_its_field_and_registers_nothing(api):
    person = await enrolled(api)
    for name, (body, field) in BAD.items():
        response = await api("technician_chi").post(f"/participants/{person}/collections", body)
        assert response.status_code == 422, name
        assert field in " ".join(response.json()["errors"]), name
    assert (await api("manager").see("/specimens"))["rows"] == []
