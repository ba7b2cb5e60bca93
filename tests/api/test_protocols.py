"""The protocol over the API: drafted, refused, published, compared, exported; and who may."""

from datetime import timedelta

import pytest

from tests.api.specimen_steps import TODAY
from tests.world import protocol_document

HERE = "/studies/LLS/protocol"


def content(**change):
    return protocol_document("LLS", **change).model_dump(mode="json")


async def started(api, by="manager"):
    return await api(by).ok(f"{HERE}/draft", {})


async def replaced(api, document, version=None):
    draft = version or await started(api)
    return await api("manager").post(
        f"{HERE}/draft/content", {"row_version": draft["head"]["row_version"], "document": document}
    )


async def published(api, draft, day, **more):
    body = {"row_version": draft["head"]["row_version"], "effective_from": str(day), **more}
    return await api("manager").post(f"{HERE}/draft/publication", body)


async def test_the_protocol_in_force_is_read_by_everybody_of_the_study(api):
    seen = await api("technician").see(HERE)
    assert (seen["in_force"], seen["draft"], len(seen["versions"])) == (1, None, 1)
    version = await api("scientist").see(f"{HERE}/versions/1")
    assert version["document"] == content(effective_from="2023-01-01")
    assert version["head"]["published_by"] is None
    for path in (HERE, f"{HERE}/versions/1", f"{HERE}/versions/1/file", f"{HERE}/comparison"):
        assert (await api("stranger").get(path, **{"from": 1, "to": 1})).status_code == 404
    assert (await api("manager").get(f"{HERE}/versions/9")).status_code == 404


async def test_a_draft_begins_as_a_copy_is_changed_and_published_for_ever(api):
    draft = await started(api)
    assert (draft["head"]["number"], draft["head"]["status"]) == (2, "draft")
    assert draft["document"] == content()
    twice = await api("manager").post(f"{HERE}/draft", {})
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/protocol-draft-exists")
    document = content(note="Longer baseline")
    document["visits"][0]["after"] = 60
    document["visits"][0]["tubes"][0]["steps"].pop()
    document["visits"][0]["tubes"].pop()
    document["visits"].append({"code": "Y2", "title": "Year 2", "day": 730, "same_tubes_as": "BASE"})
    changed = (await replaced(api, document, draft)).json()
    assert [visit["code"] for visit in changed["document"]["visits"]] == ["BASE", "Y1", "FLARE", "Y2"]
    stale = await replaced(api, content(), draft)
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale")
    early = await published(api, changed, "2023-01-01")
    assert (early.status_code, early.json()["type"]) == (422, "/problems/effective-day-too-early")
    made = (await published(api, changed, TODAY)).json()
    assert (made["head"]["number"], made["head"]["status"], made["head"]["in_force"]) == (2, "published", True)
    seen = await api("technician").see(HERE)
    assert [(one["number"], one["effective_to"]) for one in seen["versions"]] == [(2, None), (1, str(TODAY))]
    study = (await api("manager").see("/studies"))[0]
    assert [one["code"] for one in study["visit_types"]] == ["BASE", "Y1", "FLARE", "Y2"]
    gone = await replaced(api, content(), made)
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/no-protocol-draft")
    compared = await api("auditor").see(f"{HERE}/comparison", **{"from": 1, "to": 2})
    assert {"kind": "changed", "place": "Visit BASE", "field": "after", "before": "45", "after": "60"} in compared[
        "differences"
    ]


async def test_the_order_of_parts_is_kept_and_only_what_differs_is_written(api, superuser):
    draft = await started(api)
    document = draft["document"]
    document["visits"][0]["tubes"].reverse()
    document["visits"][0]["tubes"][0]["steps"].reverse()
    kept = await superuser.fetch("select id, code from planned_tube order by id")
    # Serum may not be spun before it has clotted within the time: the order alone is refused where it cannot be.
    changed = await replaced(api, document, draft)
    assert changed.status_code == 201, changed.text
    assert changed.json()["document"] == document
    assert await superuser.fetch("select id, code from planned_tube order by id") == kept


async def test_every_problem_of_a_document_is_named(api):
    document = content()
    document["visits"][1]["day"] = 40
    tube = document["visits"][0]["tubes"][0]
    tube |= {"tube_type": "EDTA10", "unit": "mL", "cohort": "OLD"}
    refused = await replaced(api, document)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/protocol-refused")
    assert [(one["kind"], one["path"]) for one in refused.json()["problems"]] == [
        ("other-unit", "visits[0].tubes[0].unit"),
        ("unknown-cohort", "visits[0].tubes[0].cohort"),
        ("impossible-material", "visits[0].tubes[0].aliquots[0].specimen_type"),
        ("windows-overlap", "visits[1].day"),
    ]
    shape = await replaced(api, {"study": "LLS", "visits": [{"code": "b"}]}, {"head": {"row_version": 1}})
    assert (shape.status_code, shape.json()["type"]) == (422, "/problems/invalid")


async def test_an_empty_protocol_is_not_published_and_a_discarded_draft_stays_on_record(api):
    empty = await api("manager").ok(f"{HERE}/draft", {"empty": True})
    assert empty["document"]["visits"] == []
    refused = await published(api, empty, TODAY)
    assert (refused.status_code, refused.json()["errors"]) == (422, {"visits": "are missing"})
    gone = await api("manager").ok(
        f"{HERE}/draft/discarded", {"row_version": empty["head"]["row_version"], "reason": "Begun in error"}
    )
    assert gone["head"]["status"] == "discarded"
    assert (await started(api))["head"]["number"] == 3
    events = (await api("auditor").see("/audit", study="LLS"))["rows"]
    assert any("Begun in error" in str(event) for event in events)


async def test_a_file_comes_in_and_goes_out_the_same(api):
    text = (await api("technician").client.get(f"/api/v1{HERE}/versions/1/file")).content
    upload = {"file": ("protocol.yaml", text)}
    key = {"Idempotency-Key": "11111111-1111-4111-8111-111111111111"}
    client = api("manager").client
    first = await client.post(f"/api/v1{HERE}/draft/file", files=upload, headers=key)
    assert first.status_code == 201, first.text
    assert first.json()["document"] == content(effective_from="2023-01-01")
    again = await client.post(f"/api/v1{HERE}/draft/file", files=upload, headers=key)
    assert again.json() == first.json()
    out = (await api("manager").client.get(f"/api/v1{HERE}/versions/2/file")).content
    assert out.split(b"\n", 1)[1] == text.split(b"\n", 1)[1]
    bad = {"file": ("protocol.yaml", text.replace(b"unit: uL", b"unit: L").replace(b"day: 365", b"day: soon"))}
    other = {"Idempotency-Key": "44444444-4444-4444-8444-444444444444"}
    refused = await client.post(f"/api/v1{HERE}/draft/file", files=bad, headers=other)
    problems = refused.json()["problems"]
    assert (refused.status_code, len(problems)) == (422, 5)
    assert all(one["line"] > 1 and one["column"] > 1 for one in problems)
    stale = await client.post(
        f"/api/v1{HERE}/draft/file",
        files=upload,
        data={"row_version": "1"},
        headers={"Idempotency-Key": "22222222-2222-4222-8222-222222222222"},
    )
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale")


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 422, "protocol-refused"),
        (b"\x00\xff", 422, "protocol-refused"),
        (b"study: LLS\nvisits: [" + b"[" * 5000, 422, "protocol-refused"),
        (b"#" * 300_000, 413, "protocol-file-too-large"),
        (b"study: OTH\n", 422, "protocol-refused"),
    ],
)
async def test_a_worthless_file_changes_nothing(api, content, status, kind):
    client = api("manager").client
    key = {"Idempotency-Key": "33333333-3333-4333-8333-333333333333"}
    refused = await client.post(f"/api/v1{HERE}/draft/file", files={"file": ("x.yaml", content)}, headers=key)
    assert (refused.status_code, refused.json()["type"]) == (status, f"/problems/{kind}")
    missing = await client.post(f"/api/v1{HERE}/draft/file", data={"row_version": "1"}, headers=key)
    assert missing.status_code in {400, 422}
    assert (await api("manager").see(HERE))["draft"] is None


async def test_readers_read_and_only_a_manager_of_the_whole_study_writes(api, superuser, world):
    for who in ("technician", "coordinator", "auditor"):
        assert (await api(who).post(f"{HERE}/draft", {})).status_code == 403
    assert (await api("stranger").post(f"{HERE}/draft", {})).status_code == 404
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "insert into role_grant (user_id, role, study_id, site_id, valid_from) "
        "select $1, 'manager', s.id, t.id, now() - interval '1 day' from study s, site t "
        "where s.code = 'LLS' and t.code = 'CHI'",
        world.user_ids["coordinator"],
    )
    refused = await api("coordinator").post(f"{HERE}/draft", {})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")


async def test_publishing_says_before_what_it_does_after(api):
    early = await api("coordinator").ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY - timedelta(days=500))}
    )
    late = await api("coordinator").ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY - timedelta(days=10))}
    )
    none = await api("manager").get(f"{HERE}/draft/publication", effective_from=str(TODAY))
    assert none.status_code == 404
    document = content()
    base, year, flare = document["visits"]
    document["visits"] = [base, {**year, "day": 380}, flare, {"code": "Y2", "title": "Year 2", "day": 730}]
    draft = (await replaced(api, document)).json()
    shown = await api("manager").see(f"{HERE}/draft/publication", effective_from=str(TODAY))
    assert {one["code"]: (one["added"], one["moved"], one["kept"], one["dropped"]) for one in shown["visits"]} == {
        "BASE": (0, 0, 1, 0),
        "Y1": (0, 1, 0, 0),
        "Y2": (2, 0, 0, 0),
    }
    assert (await published(api, draft, TODAY, reason="Amendment 2")).is_success
    plans = [
        {
            visit["type"]: (visit["planned_on"], visit["version"])
            for visit in (await api("coordinator").see(f"/participants/{person['code']}"))["visits"]
        }
        for person in (early, late)
    ]
    # The windows of the first were over when the version began: they stay with the version before.
    began = TODAY - timedelta(days=500)
    assert plans[0] == {
        "BASE": (str(began), 1),
        "Y1": (str(began + timedelta(days=365)), 1),
        "Y2": (str(began + timedelta(days=730)), 2),
    }
    began = TODAY - timedelta(days=10)
    assert plans[1] == {
        "BASE": (str(began), 2),
        "Y1": (str(began + timedelta(days=380)), 2),
        "Y2": (str(began + timedelta(days=730)), 2),
    }


async def test_a_visit_that_a_version_drops_is_cancelled_and_comes_back_with_a_later_one(api):
    person = await api("coordinator").ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY - timedelta(days=10))}
    )
    document = content()
    document["visits"] = [document["visits"][0]]
    draft = (await replaced(api, document)).json()
    assert (await published(api, draft, TODAY - timedelta(days=1))).is_success
    (year,) = [
        one
        for one in (await api("coordinator").see(f"/participants/{person['code']}"))["visits"]
        if one["type"] == "Y1"
    ]
    assert (year["status"], year["status_reason"]) == (
        "cancelled",
        "Version 2 of the protocol does not have this visit",
    )
    refused = await api("coordinator").post(
        f"/participants/{person['code']}/visits", {"type": "FLARE", "occurred_on": str(TODAY - timedelta(days=1))}
    )
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/visit-not-in-protocol")
    before = await api("coordinator").post(
        f"/participants/{person['code']}/visits", {"type": "FLARE", "occurred_on": str(TODAY - timedelta(days=3))}
    )
    assert before.is_success
    draft = (await replaced(api, content())).json()
    assert (await published(api, draft, TODAY)).is_success
    visits = (await api("coordinator").see(f"/participants/{person['code']}"))["visits"]
    assert {(one["type"], one["status"], one["version"]) for one in visits} == {
        ("BASE", "planned", 3),
        ("Y1", "planned", 3),
        ("FLARE", "done", 1),
    }
