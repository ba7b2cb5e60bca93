"""The visit day as a browser without scripts sees it."""

from datetime import timedelta

import pytest

from tests.visits import CHICAGO, publish, visit


@pytest.fixture(autouse=True)
async def protocol(database):
    await publish(database)


def local(moment):
    return moment.astimezone(CHICAGO).strftime("%Y-%m-%dT%H:%M")


async def test_the_whole_day_on_one_page(browser, api):
    at = await visit(api)
    page = await browser("coordinator")
    shown = (await page.get(at.path)).text
    assert "Consent 1.0 is in force." in shown
    assert shown.count('type="checkbox"') == 4
    assert "consent does not cover genetic analysis" in shown
    drawn = {
        "slot.serum.1": "yes",
        "quantity.serum.1": "8000",
        "slot.serum.2": "yes",
        "slot.plasma.1": "yes",
        "quantity.urine.1": "50000",
        "collected_at": local(at.drawn_at),
        "fasting": "yes",
        "unplanned.0.specimen_type": "SAL",
        "unplanned.0.tube_type": "ORAGENE",
        "unplanned.0.quantity": "2000",
    }
    key = "33333333-3333-4333-8333-333333333333"
    done = await page.post(f"{at.path}/draw", drawn, key=key)
    assert (done.status_code, done.headers["location"]) == (303, f"{at.path}#labels"), done.text
    assert (await page.post(f"{at.path}/draw", drawn, key=key)).status_code == 303
    shown = (await page.get(at.path)).text
    assert "Print 4 labels" in shown
    assert "Unplanned tubes" in shown
    assert "Not accounted for: urine" in shown
    day = await api("coordinator").see(at.path)
    version = str(day["row_version"])
    refused = await page.post(f"{at.path}/finish", {"row_version": version})
    assert (refused.status_code, "Not accounted for: urine." in refused.text) == (409, True)
    empty = await page.post(f"{at.path}/not-collected", {"slot.urine.1": "yes"})
    assert empty.status_code == 422
    said = {"slot.urine.1": "yes", "reason": "attempted", "note": "later"}
    assert (await page.post(f"{at.path}/not-collected", said)).status_code == 303
    codes = " ".join(tube["code"] for tube in day["tubes"])
    assert (await page.post("/labels", {"codes": codes, "stock": "l4731", "start": "0"})).status_code == 200
    assert "All labels of this visit were printed." in (await page.get(at.path)).text
    version = str((await api("coordinator").see(at.path))["row_version"])
    assert (await page.post(f"{at.path}/finish", {"row_version": version})).status_code == 303
    shown = (await page.get(at.path)).text
    assert "by Coordinator" in shown
    assert "Participant attempted" in shown


async def test_a_planned_visit_is_recorded_from_its_day_with_its_window(browser, api):
    at = await visit(api)
    path = at.path.replace("BASE", "Y1")
    page = await browser("coordinator")
    shown = (await page.get(path)).text
    assert "days before the window" in shown
    today = at.drawn_at.astimezone(CHICAGO).date().isoformat()
    early = await page.post(f"{path}/record", {"occurred_on": today})
    assert (early.status_code, 'value="' + today in early.text) == (422, True)
    late = {"occurred_on": today, "outside_window_reason": "moves abroad", "fasting": "false"}
    assert (await page.post(f"{path}/record", late)).status_code == 303
    shown = (await page.get(path)).text
    assert "Reason: moves abroad" in shown
    assert "<dd>no</dd>" in shown


async def test_tubes_are_drawn_under_the_labels_that_are_on_them(browser, api):
    at, page = await visit(api), await browser("coordinator")
    assert "Pre-printed label" not in (await page.get(at.path)).text
    asked = {"study": "LLS", "count": 2, "purpose": "Kits", "site": "CHI"}
    first, second = [one["code"] for one in (await api("clerk").ok("/label-ranges", asked))["labels"]]
    assert 'name="label.serum.1"' in (await page.get(at.path)).text
    form = {"slot.serum.1": "yes", "slot.urine.1": "yes", "collected_at": local(at.drawn_at), "label.urine.1": second}
    twice = await page.post(f"{at.path}/draw", {**form, "label.serum.1": second})
    assert (twice.status_code, "each tube has a label of its own" in twice.text, second in twice.text) == (
        422,
        True,
        True,
    )
    assert (await page.post(f"{at.path}/draw", {**form, "label.serum.1": first.lower()})).status_code == 303
    tubes = {one["planned"]: one["tube"] for one in (await api("coordinator").see(at.path))["slots"] if one["tube"]}
    assert tubes == {"serum": first, "urine": second}
    shown = (await page.get(at.path)).text
    assert "All labels of this visit were printed" in shown
    assert 'name="label.' not in shown  # none are left


async def test_what_was_typed_stays_when_a_draw_is_refused(browser, api):
    at = await visit(api)
    page = await browser("coordinator")
    tomorrow = local(at.drawn_at + timedelta(days=1))
    form = {"slot.urine.1": "yes", "quantity.urine.1": "12345", "collected_at": tomorrow}
    refused = await page.post(f"{at.path}/draw", form)
    assert refused.status_code == 422
    assert 'value="12345"' in refused.text
    assert "lies in the future" in refused.text
    for broken in ({"slot.urine.x": "yes"}, {"slot..1": "yes"}, {"slot.urine.1": "yes", "quantity.urine.1": "x"}):
        response = await page.post(f"{at.path}/draw", {**broken, "collected_at": local(at.drawn_at)})
        assert response.status_code == 422, broken
    assert (await page.post(f"{at.path}/draw", {"slot.urine.1": "yes"})).status_code == 422


async def test_an_unscheduled_visit_and_one_without_a_plan(browser, api):
    at = await visit(api)
    today = at.drawn_at.astimezone(CHICAGO).date().isoformat()
    await api("coordinator").ok(f"/participants/{at.participant}/visits", {"type": "FLARE", "occurred_on": today})
    await api("coordinator").ok(f"/participants/{at.participant}/visits", {"type": "FLARE", "occurred_on": today})
    page = await browser("coordinator")
    shown = (await page.get(at.path.replace("BASE/1", "FLARE/2"))).text
    assert "Flare 2" in shown
    assert "unscheduled" in shown
    assert (await page.get(at.path.replace("BASE/1", "FLARE/3"))).status_code == 404
