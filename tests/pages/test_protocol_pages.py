"""The protocol on pages, without JavaScript: reading, comparing, drafting part by part, files, publishing."""

import re
from datetime import timedelta

from tests.api.specimen_steps import TODAY, days_since_the_visit, enrolled

HERE = "/studies/LLS/protocol"


def hidden(text, name):
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


async def post(page, path, **form):
    """Post a form of the draft as its page shows it now."""
    version = hidden((await page.get(f"{HERE}/draft")).text, "row_version")
    return await page.post(f"{HERE}/draft/{path}", {"row_version": version, **form})


async def drafting(browser):
    page = await browser("manager")
    started = await page.post(f"{HERE}/draft", {})
    assert (started.status_code, started.headers["location"]) == (303, f"{HERE}/draft")
    return page


async def test_everybody_reads_what_is_in_force_and_only_managers_see_the_editor(browser):
    reader = await browser("technician")
    assert "version 1 in force" in (await reader.get("/studies")).text
    shown = (await reader.get(HERE)).text
    for words in (
        "in force",
        "from 2023-01-01",
        "Clot, 30 to 60 min",
        "1100 to 1300 g, 18 to 25 °C, brake on",
        "begun within 120 min of the collection",
        "cohort PREV",
        "as at BASE",
        "day 335 to 410",
        "unscheduled, may repeat",
    ):
        assert words in shown, words
    assert "Start a draft" not in shown
    assert (await reader.get(f"{HERE}/draft")).status_code == 403
    assert "Start a draft" in (await (await browser("manager")).get(HERE)).text
    stranger = await browser("stranger")
    assert "LLS" not in (await stranger.get("/studies")).text
    assert (await stranger.get(HERE)).status_code == 404
    assert (await (await browser("manager")).get(f"{HERE}/draft")).status_code == 404


async def test_a_manager_writes_a_version_part_by_part_and_publishes_it(browser, api):
    await enrolled(api, visit=None)
    page = await drafting(browser)
    form = (await page.get(f"{HERE}/draft/part?add=visits")).text
    assert "Add a visit" in form
    added = await post(page, "part", at="", add="visits", code="Y2", title="Year 2", day="730", before="30", after="45")
    assert (added.status_code, added.headers["location"]) == (303, f"{HERE}/draft/part?at=visits.3")
    tube = {
        "code": "plasma",
        "specimen_type": "BLD",
        "tube_type": "EDTA10",
        "count": "2",
        "quantity": "10000",
        "unit": "uL",
    }
    added = await post(page, "part", at="visits.3", add="tubes", **tube, handling="Keep cold.\r\nInvert.")
    assert added.headers["location"] == f"{HERE}/draft/part?at=visits.3.tubes.0"
    step = {"type": "centrifuge", "within_minutes": "120", "min_g": "1500", "max_g": "2000", "brake": "false"}
    assert (await post(page, "part", at="visits.3.tubes.0", add="steps", **step)).status_code == 303
    vial = {
        "specimen_type": "PL1",
        "tube_type": "CRYO05",
        "count": "8",
        "quantity": "500",
        "unit": "uL",
        "store": "-80",
    }
    assert (await post(page, "part", at="visits.3.tubes.0", add="aliquots", **vial)).status_code == 303
    assert (await post(page, "part", at="", note="Second year", effective_from=str(TODAY))).status_code == 303
    shown = (await page.get(f"{HERE}/draft")).text
    for words in (
        "Second year",
        "Year 2",
        "Keep cold.",
        "Centrifuge, begun within 120 min",
        "brake off",
        "Plasma, single spun",
    ):
        assert words in shown, words
    held = (await page.get(f"{HERE}/draft/part?at=visits.3.tubes.0.steps.0")).text
    assert 'value="1500"' in held
    assert '<option value="false" selected>' in held
    changed = await post(page, "part", at="visits.3.tubes.0.steps.0", **(step | {"max_g": "1800"}))
    assert changed.headers["location"] == f"{HERE}/draft/part?at=visits.3.tubes.0"
    compared = (await page.get(f"{HERE}/comparison?earlier=1&later=2")).text
    assert "Visit Y2" in compared
    stated = (await page.get(f"{HERE}/publication?effective_from={TODAY}")).text
    assert "It can never be changed again" in stated
    assert "0 planned visits get another window, 1 are planned in addition, 2 stay as they are" in stated
    version = hidden(stated, "row_version")
    early = await page.post(f"{HERE}/publication", {"row_version": version, "effective_from": "2022-01-01"})
    assert (early.status_code, "is not after 2023-01-01" in early.text) == (422, True)
    none = await page.post(f"{HERE}/publication", {"row_version": version, "effective_from": "soon"})
    assert none.status_code == 422
    done = await page.post(f"{HERE}/publication", {"row_version": version, "effective_from": str(TODAY)})
    assert (done.status_code, done.headers["location"]) == (303, HERE)
    assert "Second year" in (await page.get(HERE)).text
    assert (await page.get(f"{HERE}/publication")).status_code == 404


async def test_every_field_of_a_part_has_its_message(browser):
    page = await drafting(browser)
    serum, vials = "visits.0.tubes.0", "visits.0.tubes.0.aliquots.0"
    tube = {"code": "serum", "specimen_type": "BLD", "tube_type": "SST", "quantity": "8500", "unit": "uL"}
    vial = {
        "specimen_type": "SER",
        "tube_type": "CRYO05",
        "count": "8",
        "quantity": "500",
        "unit": "uL",
        "store": "-80",
    }
    visit = {"code": "Y1", "title": "Year 1", "day": "365", "before": "30", "after": "45"}
    cases = (
        ({"at": "visits.1", **visit, "day": "soon"}, "day-error"),
        ({"at": "visits.1", **visit, "day": "40"}, "day-error"),
        ({"at": "visits.1", **visit, "code": "y1"}, "code-error"),
        ({"at": "visits.1", **visit, "title": ""}, "title-error"),
        ({"at": "visits.1", **visit, "before": "-1"}, "before-error"),
        ({"at": "visits.1", **visit, "code": "FLARE"}, "code: there is a visit of this code before"),
        ({"at": "", "add": "visits", "code": "Y2", "title": "Two", "before": "3"}, "day-error"),
        ({"at": "visits.0", **visit, "code": "BASE", "day": "0", "same_tubes_as": "BASE"}, "same_tubes_as-error"),
        ({"at": serum, **tube, "tube_type": "XXX"}, "tube_type-error"),
        ({"at": serum, **tube, "unit": "mg"}, "unit-error"),
        ({"at": serum, **tube, "quantity": "9999"}, "quantity-error"),
        ({"at": serum, **tube, "quantity": "much"}, "quantity-error"),
        ({"at": serum, **tube, "cohort": "OLD"}, "cohort-error"),
        ({"at": serum, **tube, "consent_scope": "all"}, "consent_scope-error"),
        ({"at": serum, **tube, "store": "-40"}, "store-error"),
        ({"at": serum, **tube, "code": "Serum"}, "code-error"),
        ({"at": serum, **tube, "quantity": "1000"}, "the vials hold 4000 uL together"),
        ({"at": serum, **tube, "tube_type": "EDTA10"}, "cannot be made of BLD"),
        ({"at": vials, **vial, "specimen_type": "PL1"}, "specimen_type-error"),
        ({"at": vials, **vial, "blind_duplicates": "9"}, "blind_duplicates-error"),
        ({"at": vials, **vial, "count": "0"}, "count-error"),
        ({"at": f"{serum}.steps.0", "type": "clot", "min_minutes": "60", "max_minutes": "30"}, "min_minutes-error"),
        ({"at": f"{serum}.steps.0", "type": "clot", "brake": "true"}, "brake-error"),
        ({"at": f"{serum}.steps.0", "type": "dance"}, "type-error"),
        ({"at": "", "effective_from": "soon"}, "effective_from-error"),
    )
    for form, words in cases:
        response = await post(page, "part", **form)
        assert (response.status_code, words in response.text) == (422, True), (form, words)
        for name, value in form.items():
            if name in {"code", "title", "day", "before", "quantity", "count", "min_minutes", "max_minutes"}:
                assert value in response.text, (form, name)
    for at in ("visits.9", "visits.0.tubes.7", "visits.0.steps.0", "visits.0.tubes.0.tubes.0", "x", "visits.00000"):
        assert (await page.get(f"{HERE}/draft/part?at={at}")).status_code == 404, at
        assert (await post(page, "part", at=at, code="X")).status_code == 404, at
    for add in ("tubes", "steps", "nothing"):
        assert (await page.get(f"{HERE}/draft/part?add={add}")).status_code == 404


async def test_parts_are_ordered_and_removed(browser, api):
    page = await drafting(browser)

    async def order():
        draft = (await api("manager").see(f"{HERE}/versions/2"))["document"]["visits"]
        return [one["code"] for one in draft], [one["code"] for one in draft[0]["tubes"]]

    assert (await post(page, "arrangement", at="visits.2", deed="up")).status_code == 303
    assert await order() == (["BASE", "FLARE", "Y1"], ["serum", "serum_prevalent"])
    moved = await post(page, "arrangement", at="visits.0.tubes.0", deed="down")
    assert moved.headers["location"] == f"{HERE}/draft/part?at=visits.0"
    assert await order() == (["BASE", "FLARE", "Y1"], ["serum_prevalent", "serum"])
    assert (await post(page, "arrangement", at="visits.0", deed="up")).status_code == 303
    assert (await post(page, "arrangement", at="visits.0.tubes.0", deed="remove")).status_code == 303
    assert await order() == (["BASE", "FLARE", "Y1"], ["serum"])
    refused = await post(page, "arrangement", at="visits.0", deed="remove")
    assert (refused.status_code, "no visit of this protocol has this code" in refused.text) == (422, True)
    for form in ({"at": "", "deed": "remove"}, {"at": "visits.9", "deed": "up"}):
        assert (await post(page, "arrangement", **form)).status_code == 404
    assert (await post(page, "arrangement", at="visits.0", deed="burn")).status_code == 422
    stale = await page.post(f"{HERE}/draft/arrangement", {"row_version": "1", "at": "visits.0", "deed": "down"})
    assert (stale.status_code, "look at it again" in stale.text) == (412, True)


async def test_a_renamed_visit_is_followed_by_those_that_share_its_tubes(browser, api):
    page = await drafting(browser)
    form = {"at": "visits.0", "code": "START", "title": "Start", "day": "0", "before": "30", "after": "45"}
    assert (await post(page, "part", **form)).status_code == 303
    visits = (await api("manager").see(f"{HERE}/versions/2"))["document"]["visits"]
    assert [(one["code"], one["same_tubes_as"]) for one in visits] == [
        ("START", None),
        ("Y1", "START"),
        ("FLARE", "START"),
    ]
    assert len(visits[0]["tubes"]) == 2


async def test_a_file_is_put_into_the_draft_or_comes_back_with_lines_and_columns(browser, api):
    page = await browser("manager")
    text = (await api("manager").client.get(f"/api/v1{HERE}/versions/1/file")).content
    assert "becomes the draft" in (await page.get(f"{HERE}/file")).text
    bad = text.replace(b"unit: uL", b"unit: mL", 1).replace(b"day: 365", b"day: soon")
    refused = await page.post(f"{HERE}/file", {}, files={"file": ("protocol.yaml", bad)})
    assert refused.status_code == 422
    for words in ("visits[0].tubes[0].unit", "BLD is measured in uL", "visits[1].day", "Nothing was stored"):
        assert words in refused.text, words
    assert (await page.post(f"{HERE}/file", {}, files={"other": ("x", b"y")})).status_code == 422
    done = await page.post(f"{HERE}/file", {}, files={"file": ("protocol.yaml", text)})
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}/draft")
    assert "is replaced by the file" in (await page.get(f"{HERE}/file")).text
    version = hidden((await page.get(f"{HERE}/file")).text, "row_version")
    once_more = await page.post(f"{HERE}/file", {"row_version": version}, files={"file": ("protocol.yaml", text)})
    assert once_more.status_code == 303
    stale = await page.post(f"{HERE}/file", {"row_version": "1"}, files={"file": ("protocol.yaml", text)})
    assert stale.status_code == 412


async def test_a_draft_is_given_up_with_a_reason(browser):
    page = await drafting(browser)
    assert (await post(page, "discarded", reason="no")).status_code == 422
    assert (await post(page, "discarded", reason="Begun in error")).status_code == 303
    assert "discarded" in (await page.get(HERE)).text


async def test_due_visits_are_listed_and_lead_to_their_deeds(browser, api):
    late = await api("manager").ok(
        "/participants",
        {"study": "LLS", "site": "CHI", "enrolled_on": str(TODAY - timedelta(days=100)), "cohort": "NEW"},
    )
    person = late["code"]
    page = await browser("coordinator")
    shown = (await page.get("/visits")).text
    late_by = f"\u2212{55 + days_since_the_visit()}"
    for words in (
        "overdue",
        "Chicago clinic",
        "Baseline",
        f"/participants/{person}/visits/BASE/1",
        "Begin the visit",
        late_by,
    ):
        assert words in shown, words
    assert "No visit fits" in (await page.get("/visits?state=upcoming&ahead=0")).text
    assert f"{person}," in (await page.get("/visits.csv?state=overdue")).text
    assert (await page.get("/visits?state=never")).status_code == 422
    assert 'value="BASE" selected' in (await page.get(f"/participants/{person}/visit?type=BASE")).text
    outside = await page.post(f"/participants/{person}/visit", {"type": "BASE", "occurred_on": str(TODAY)})
    assert (outside.status_code, "outside_window_reason-error" in outside.text) == (422, True)
    here = f"/participants/{person}/visit-plan"
    assert "It was missed" in (await page.get(f"{here}?visit=BASE/1")).text
    assert (await page.post(here, {"visit": "BASE/1", "reason": "Moved away"})).status_code == 422
    assert (await page.post(here, {"visit": "BASE/1", "deed": "missed", "reason": "Moved away"})).status_code == 303
    assert "Moved away" in (await page.get(f"/participants/{person}")).text
    again = {"visit": "BASE/1", "deed": "reopened", "reason": "Came back"}
    assert (await page.post(here, again)).status_code == 303
    early = await page.post(here, {"visit": "Y1/1", "deed": "missed", "reason": "Moved away"})
    assert (early.status_code, "cancel it if it is not to" in early.text) == (409, True)
    assert (await page.get(f"{here}?visit=Y7/1")).status_code == 404
    done = {"type": "BASE", "occurred_on": str(TODAY), "outside_window_reason": "Was abroad", "fasting": "true"}
    begun = await page.post(f"/participants/{person}/visit", done)
    assert (begun.status_code, begun.headers["location"]) == (303, f"/participants/{person}/visits/BASE/1#tubes")
    shown = (await page.get(f"/participants/{person}")).text
    assert "Outside its window: Was abroad" in shown
    assert "Nothing else becomes of it" in (await page.get(f"{here}?visit=BASE/1")).text
    for where in ("/", "/visits", f"/participants/{person}"):
        assert "Collect and finish" in (await page.get(where)).text
    assert "Nothing is due" in (await page.get("/visits")).text
    for reader in ("auditor", "clerk"):
        assert "Collect and finish" not in (await (await browser(reader)).get("/")).text
    seen = (await (await browser("auditor")).get("/visits")).text
    assert ("See the visit" in seen, "Not held" in seen) == (True, False)


async def test_cohort_and_t0_are_changed_on_their_pages(browser, api):
    person = await enrolled(api, visit=None)
    page = await browser("coordinator")
    here = f"/participants/{person}"
    assert "in no cohort so far" in (await page.get(f"{here}/cohort")).text
    move = {"cohort": "PREV", "from_on": str(TODAY), "reason": "As the board said"}
    assert (await page.post(f"{here}/cohort", move)).status_code == 303
    refused = await page.post(f"{here}/cohort", move | {"cohort": "NEW", "from_on": "1999-01-01"})
    assert (refused.status_code, "from_on-error" in refused.text) == (422, True)
    assert "2 planned visits are planned anew" in (await page.get(f"{here}/t0")).text
    t0 = {"t0": str(TODAY - timedelta(days=5)), "reason": "Day of diagnosis"}
    assert (await page.post(f"{here}/t0", t0)).status_code == 303
    refused = await page.post(f"{here}/t0", {"t0": "1999-01-01", "reason": "A slip"})
    assert (refused.status_code, "t0-error" in refused.text) == (422, True)
    other = await browser("coordinator_tor")
    for path in ("cohort", "t0", "visit-plan?visit=BASE/1"):
        assert (await other.get(f"{here}/{path}")).status_code == 404
