"""A site coordinator's day on pages, without JavaScript: enrol, consent, visit, withdraw, and refusals."""

from datetime import timedelta

from tests.api.specimen_steps import NOW, TODAY, enrolled
from tests.withdrawing import signature


def local(moment):
    return moment.strftime("%Y-%m-%dT%H:%M")


async def test_a_coordinator_enrols_consents_and_records_the_visit(browser, api):
    page = await browser("coordinator")
    assert "Enrol a participant" in (await page.get("/participants")).text
    form = await page.get("/participants/new")
    assert "LLS/CHI" in form.text
    made = await page.post("/participants/new", {"place": "LLS/CHI", "cohort": "NEW", "enrolled_on": str(TODAY)})
    assert made.status_code == 303, made.text
    here = made.headers["location"]
    assert "Nothing may be collected before" in (await page.get(here)).text
    assert "Storage of samples" in (await page.get(f"{here}/consent")).text
    signed = local(NOW - timedelta(hours=30))
    decided = {"form": "1.0/en", "signed_at": signed, "scope.biobank_storage": "granted", "scope.recontact": "denied"}
    decided["scope.tissue"] = "not_asked"
    assert (await page.post(f"{here}/consent", decided)).status_code == 303
    assert "Year 1" in (await page.get(f"{here}/visit")).text
    assert (await page.post(f"{here}/visit", {"type": "BASE", "occurred_on": str(TODAY)})).status_code == 303
    shown = (await page.get(here)).text
    assert "Granted: Storage of samples" in shown
    assert "Denied: Being contacted again" in shown
    assert "Baseline" in shown
    person = await api("coordinator").see(f"/participants{here.removeprefix('/participants')}")
    assert (person["cohort"], person["consents"][0]["granted"]) == ("NEW", ["biobank_storage"])
    assert person["consents"][0]["signed_at"].endswith("Z")
    assert here.removeprefix("/participants/")[:4] in (await page.get("/participants?site=CHI&cohort=NEW")).text
    assert "No participant fits" in (await page.get("/participants?status=deceased&study=LLS")).text


async def test_the_same_form_twice_enrols_once(browser, api):
    page = await browser("coordinator")
    key = "11111111-1111-4111-8111-111111111111"
    form = {"place": "LLS/CHI", "enrolled_on": str(TODAY)}
    first = await page.post("/participants/new", form, key=key)
    assert (await page.post("/participants/new", form, key=key)).headers["location"] == first.headers["location"]
    assert len((await api("coordinator").see("/participants"))["rows"]) == 1


async def test_refused_forms_come_back_with_what_was_typed(browser, api):
    person = await enrolled(api)
    page = await browser("coordinator")
    here = f"/participants/{person}"
    future = local(NOW + timedelta(days=2))
    signed = {"statement_sha256": "0" * 64, **signature()}
    cases = (
        ("/participants/new", {"place": "LLS/CHI", "enrolled_on": "2999-01-01", "year_of_birth": "1980"}, "1980"),
        ("/participants/new", {"place": "LLS/CHI", "enrolled_on": str(TODAY), "year_of_birth": "2099"}, "2099"),
        (f"{here}/consent", {"form": "1.0/en", "signed_at": "yesterday"}, "is not a time"),
        (f"{here}/consent", {"form": "1.0/en", "signed_at": future}, "lies in the future"),
        (f"{here}/consent", {"form": "1.0/en", "signed_at": "2022-05-05T10:00"}, "was not approved on the day"),
        (
            f"{here}/consent",
            {"form": "1.0/en", "signed_at": local(NOW - timedelta(hours=30)), "scope.magic": "granted"},
            "does not ask for",
        ),
        (f"{here}/visit", {"type": "Y1", "occurred_on": "1999-01-01"}, "lies before the enrolment"),
        (f"{here}/withdrawal", {"level": "destroy", "effective_at": future, **signed}, "lies in the future"),
        (f"{here}/withdrawal", {"level": "maybe", "effective_at": local(NOW), **signed}, "Show what this does"),
    )
    for path, form, words in cases:
        response = await page.post(path, form)
        assert (response.status_code, words in response.text) == (422, True), (path, form)
    again = await page.post(f"{here}/visit", {"type": "BASE", "occurred_on": str(TODAY)})
    assert (again.status_code, "recorded already" in again.text) == (409, True)
    lost = await page.post(f"{here}/visit", {"type": "BASE", "occurred_on": str(TODAY), "_key": "no key"})
    assert (lost.status_code, "load the page again" in lost.text.lower()) == (422, True)


async def test_pages_of_another_sites_participant_do_not_exist(browser, api):
    person = await enrolled(api)
    page = await browser("coordinator_tor")
    for path in ("", "/consent", "/withdrawal", "/visit", "/collect"):
        assert (await page.get(f"/participants/{person}{path}")).status_code == 404
    scientist = await browser("scientist")
    assert f"/results?participant={person}" in (await scientist.get(f"/participants/{person}")).text
    assert (await scientist.get(f"/participants/{person}/consent")).status_code == 403


async def test_a_long_list_goes_on_after_its_last_row(browser, api):
    for _ in range(51):
        await api("coordinator").ok("/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY)})
    page = await browser("coordinator")
    first = (await page.get("/participants?site=CHI")).text
    assert 'href="/participants?site=CHI&amp;after=50"' in first
    assert "1 participant" in (await page.get("/participants?site=CHI&after=50")).text
