"""Consent over the API: which form, which scopes, which one counts; and how studies and sites are set up."""

from datetime import timedelta

from tests.api.specimen_steps import NOW, TODAY, enrolled
from tests.withdrawing import request, withdraw


async def test_a_form_that_turns_up_late_does_not_replace_a_later_one(api):
    person = await enrolled(api, granted=("biobank_storage", "tissue"))
    late = {"version": "1.0", "signed_at": (NOW - timedelta(days=9)).isoformat(), "granted": []}
    seen = await api("coordinator").ok(f"/participants/{person}/consents", late)
    assert [(one["is_current"], one["granted"]) for one in seen["consents"]] == [
        (False, []),
        (True, ["biobank_storage", "tissue"]),
    ]
    newer = {"version": "1.0", "signed_at": NOW.isoformat(), "granted": ["tissue"], "denied": ["recontact"]}
    seen = await api("coordinator").ok(f"/participants/{person}/consents", newer)
    assert [one["is_current"] for one in seen["consents"]] == [True, False, False]


async def test_what_a_consent_refuses(api):
    person = await enrolled(api, granted=None)
    good = {"version": "1.0", "signed_at": NOW.isoformat(), "granted": ["tissue"]}
    for change, status, what in (
        ({"version": "9.9"}, 404, "not-found"),
        ({"signed_at": "2020-01-01T00:00:00Z"}, 422, "consent-form-not-approved"),
        ({"signed_at": (NOW + timedelta(days=1)).isoformat()}, 422, "invalid"),
        ({"denied": ["tissue"]}, 422, "invalid"),
        ({"granted": ["magic"]}, 422, "invalid"),
    ):
        response = await api("coordinator").post(f"/participants/{person}/consents", good | change)
        assert (response.status_code, response.json()["type"]) == (status, f"/problems/{what}"), response.text


async def test_what_enrolment_visits_and_withdrawal_refuse(api):
    body = {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY)}
    for change, status in (
        ({"cohort": "NONE"}, 404),
        ({"enrolled_on": "2999-01-01"}, 422),
        ({"enrolled_on": "2020-01-01", "year_of_birth": 2021}, 422),
    ):
        assert (await api("coordinator").post("/participants", body | change)).status_code == status
    person = await enrolled(api)
    visits = f"/participants/{person}/visits"
    for change, status in (
        ({"type": "NONE", "occurred_on": str(TODAY)}, 404),
        ({"type": "Y1", "occurred_on": "2999-01-01"}, 422),
        ({"type": "Y1", "occurred_on": str(TODAY - timedelta(days=3))}, 422),
        ({"type": "BASE", "occurred_on": str(TODAY)}, 409),
    ):
        assert (await api("coordinator").post(visits, change)).status_code == status
    later = await request(api("coordinator"), person, "no_contact", NOW + timedelta(days=1))
    assert (await api("coordinator").post(f"/participants/{person}/withdrawals", later)).status_code == 422
    await withdraw(api("coordinator"), person, "no_contact")
    seen = await api("coordinator").see(f"/participants/{person}")
    assert (seen["status"], [one["level"] for one in seen["withdrawals"]]) == ("enrolled", ["no_contact"])
    assert (await api("coordinator").get("/participants/TKQ7M3X9V7")).status_code == 422


async def test_studies_and_sites_are_set_up(api):
    study = {"code": "NEW-1", "title": "A new study"}
    assert (await api("manager").post("/studies", study)).status_code == 403
    assert (await api("administrator").ok("/studies", study))["sites"] == []
    assert (await api("administrator").post("/studies", study)).json()["type"] == "/problems/study-exists"
    site = {"code": "OSL", "name": "Oslo", "country": "NO", "timezone": "Europe/Oslo", "address": "1 Gate"}
    site |= {"contact": "Desk", "phone": "+47 555"}
    for code in ("NEW-1", "LLS"):  # the second time the site exists already
        joined = await api("administrator").ok(f"/studies/{code}/sites", site)
        assert "OSL" in [one["code"] for one in joined["sites"]]
    assert (await api("administrator").post("/studies/NEW-1/sites", site)).status_code == 409
    nowhere = await api("administrator").post("/studies/NEW-1/sites", site | {"timezone": "Mars/Olympus"})
    assert (nowhere.status_code, list(nowhere.json()["errors"])) == (422, ["timezone"])
    assert (await api("stranger").post("/studies/NEW-1/sites", site)).status_code == 404
    assert {one["code"] for one in await api("scientist").see("/studies")} == {"LLS"}
