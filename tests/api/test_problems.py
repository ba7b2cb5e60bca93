"""Errors as documents and pages: they name the thing, the place and the way out, and never a fault's innards."""

import json
from typing import Annotated, Literal

import httpx
import pytest
from litestar import get
from litestar.exceptions import HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import DBAPIError

from biobank.app import create_app
from biobank.errors import Invalid, NotFound
from biobank.http.problem import as_domain_error
from biobank.http.problem_docs import parse, problem_docs
from biobank.settings import Settings
from biobank.violations import from_database
from tests.shelves import boxed


async def test_an_unknown_address_is_a_problem_document_with_the_request_id(api):
    response = await api("technician").get("/nothing/here")
    body = response.json()
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == "/problems/not-found"
    assert body["request_id"] == response.headers["x-request-id"]


async def test_every_answer_carries_the_security_headers(api, browser):
    here = await browser(None)
    for response in (await here.get("/login"), await api("technician").get("/users/me"), await here.get("/nothing")):
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


async def test_a_request_id_that_was_sent_is_kept_and_a_strange_one_is_not(api):
    client = api("technician").client
    kept = await client.get("/health", headers={"X-Request-ID": "from-the-proxy-1"})
    assert kept.headers["x-request-id"] == "from-the-proxy-1"
    strange = await client.get("/health", headers={"X-Request-ID": "x" * 400})
    assert strange.headers["x-request-id"] != "x" * 400


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"study": 1}', 422),
        (b"", 422),
        (b'{"study": "LLS", "site": "CHI", "enrolled_on": "9999-99-99"}', 422),
    ],
)
async def test_malformed_bodies_are_the_senders_fault(api, content, status):
    client = api("coordinator").client
    headers = {"Content-Type": "application/json", "Idempotency-Key": "6b6f6f6f-0000-4000-8000-000000000000"}
    response = await client.post("/api/v1/participants", content=content, headers=headers)
    assert response.status_code in {status, 400, 422}
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_deed_without_its_key_is_refused(api):
    response = await api("coordinator").client.post("/api/v1/participants", json={})
    assert response.status_code in {400, 422}
    assert "dempotency" in response.text


async def test_a_body_larger_than_the_bound_is_refused(api):
    response = await api("manager").client.post(
        "/api/v1/users", content=b"x" * (33 * 1024 * 1024), headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")


async def test_a_wrong_method_is_said_to_be_one(api):
    response = await api("manager").client.delete("/api/v1/users")
    assert (response.status_code, response.json()["type"]) == (405, "/problems/method-not-allowed")


async def test_a_fault_of_ours_shows_no_message(dsn, capsys):
    @get("/api/v1/broken", opt={"permission": "public"})
    async def broken() -> None:
        raise RuntimeError("the participant's secret")

    broken_app = create_app(Settings(), dsn, "0" * 64)
    broken_app.register(broken)
    transport = httpx.ASGITransport(app=broken_app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://biobank.test") as client:
        response = await client.get("/api/v1/broken")
    await broken_app.state.database.close()
    assert response.status_code == 500
    assert "secret" not in capsys.readouterr().err
    assert "secret" not in response.text
    assert response.json()["type"] == "/problems/unexpected"


async def test_a_problem_page_is_served_for_people(browser):
    here = await browser(None)
    listed = await here.get("/problems")
    for doc in problem_docs():
        assert f"/problems/{doc.code}" in listed.text
    one = await here.get("/problems/not-found")
    assert one.status_code == 200
    assert (await here.get("/problems/unheard-of")).status_code == 404


def test_a_problem_page_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"docs/problems/x\.md"):
        parse("x", "no shape at all")


async def test_a_number_that_no_database_holds_is_a_bad_question_and_no_fault(api, browser):
    asked, huge = await browser("manager"), "9" * 20
    code = await boxed(api)
    for path in (
        f"/audit/{huge}",
        f"/specimens?after={huge}",
        f"/tube-searches?after={huge}",
        f"/storage/{code}/rack-scans/{huge}",
        f"/label-ranges/{huge}",
        f"/api/v1/containers?after={huge}",
    ):
        answer = await asked.get(path)
        assert (path, answer.status_code) == (path, 422)
        assert "larger than any" in answer.text


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=3)]
    reason: Annotated[str, Field(min_length=3)]
    copies: Annotated[int, Field(ge=1, le=50)]
    kind: Literal["a", "b"]
    since: AwareDatetime


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"name": ""}, {"name": "is empty"}),
        ({"name": "long"}, {"name": "has more than 3 characters"}),
        ({"reason": "x"}, {"reason": "has fewer than 3 characters"}),
        ({"copies": "1e3"}, {"copies": "is no whole number"}),
        ({"copies": "51"}, {"copies": "has to be 50 or less"}),
        ({"kind": "c"}, {"kind": "has to be 'a' or 'b'"}),
        ({"since": "2026-01-01T00:00"}, {"since": "has no time zone"}),
        ({"other": "1"}, {"other": "is not known here"}),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_words(sent, told):
    fine = {"name": "abc", "reason": "because", "copies": "1", "kind": "a", "since": "2026-01-01T00:00Z"}
    with pytest.raises(ValidationError) as refused:
        Form.model_validate({**fine, **sent})
    meant = as_domain_error(refused.value, {})
    assert meant is not None
    assert isinstance(meant, Invalid)
    assert meant.errors == told


class Lost(Exception):
    sqlstate = "40P01"


@pytest.mark.parametrize(("state", "code"), [("40P01", "busy"), ("57014", "busy")])
def test_lost_races_and_slow_statements_are_to_be_tried_again(state, code):
    cause = Lost()
    cause.sqlstate = state
    meant = from_database(DBAPIError("select", {}, cause), {})
    assert meant is not None
    assert meant.code == code


def test_what_is_not_understood_stays_a_fault_of_ours():
    assert as_domain_error(RuntimeError(), {}) is None
    assert from_database(DBAPIError("select", {}, Exception()), {}) is None
    strange = as_domain_error(HTTPException(status_code=418, detail="teapot"), {})
    assert strange is not None
    assert strange.code == "unexpected"
    assert isinstance(as_domain_error(NotFound("x"), {}), NotFound)


async def test_health_tells_version_database_and_migration(api, superuser):
    client = api(None).client
    ready = await client.get("/health")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["database"].startswith("PostgreSQL ")
    await superuser.execute("update alembic_version set version_num = 'other'")
    behind = await client.get("/health")
    assert (behind.status_code, behind.json()["status"], behind.json()["migration"]) == (503, "not ready", "other")
    await superuser.execute("drop table alembic_version")
    assert (await client.get("/health")).json()["database"] == "not migrated"


async def test_metrics_count_by_route_and_never_by_path(api):
    await api("technician").get("/participants/PAAAAAAAAA")
    text = (await api(None).client.get("/metrics")).text
    assert 'route="/api/v1/participants/{code}"' in text
    assert "PAAAAAAAAA" not in text


async def test_the_description_of_the_api_lists_every_operation(api):
    schema = (await api(None).client.get("/api/openapi.json")).json()
    assert "/api/v1/participants/{code}" in schema["paths"]
    page = await api(None).client.get("/api/docs")
    assert page.status_code == 200
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert (operation.get("summary") or operation["operationId"]) in page.text
    json.dumps(schema)
