"""Enrolment, consent and visits over the API: what they do, what they refuse, and who may."""

from uuid import uuid4


async def test_enrolling_gives_a_pseudonym_that_others_of_the_study_find(api):
    made = await api("coordinator").ok(
        "/participants",
        {"study": "LLS", "site": "CHI", "cohort": "NEW", "enrolled_on": "2026-01-05", "year_of_birth": 1980},
    )
    assert made["code"].startswith("P")
    assert len(made["code"]) == 10
    seen = await api("scientist").see(f"/participants/{made['code'].lower()}")
    assert (seen["cohort"], seen["t0"], seen["status"]) == ("NEW", "2026-01-05", "enrolled")


async def test_the_same_key_enrols_once(api):
    key, body = str(uuid4()), {"study": "LLS", "site": "CHI", "enrolled_on": "2026-01-05"}
    first = await api("coordinator").ok("/participants", body, key=key)
    again = await api("coordinator").ok("/participants", body, key=key)
    assert first == again
    assert len((await api("manager").see("/participants"))["rows"]) == 1
    other = await api("coordinator").post("/participants", {**body, "enrolled_on": "2026-01-06"}, key=key)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_a_site_sees_only_its_own(api):
    made = await api("coordinator").ok("/participants", {"study": "LLS", "site": "CHI", "enrolled_on": "2026-01-05"})
    hidden = await api("coordinator_tor").get(f"/participants/{made['code']}")
    assert (hidden.status_code, hidden.json()["type"]) == (404, "/problems/not-found")
    refused = await api("coordinator").post(
        "/participants", {"study": "LLS", "site": "TOR", "enrolled_on": "2026-01-05"}
    )
    assert refused.status_code == 404


async def test_a_wrong_check_character_is_named(api):
    response = await api("manager").get("/participants/PAAAAAAAAA")
    assert response.status_code == 422
    assert "check character" in response.json()["detail"]
