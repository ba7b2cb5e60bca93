"""Equipment, deviations, measurements and derivatives before their people, at a desk and on a phone."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.specimen_steps import centrifuge, collected, day, tube
from tests.browser.test_pages_on_a_phone import look

pytestmark = pytest.mark.browser


async def test_the_pages_of_condition_fit_a_desk_and_a_phone(api, sit):
    await centrifuge(api, calibration_due=day(-30))
    for code, kind, due in (("BA-1", "bioanalyzer", day(20)), ("CF-2", "centrifuge", day(200))):
        device = {"site": "CHI", "code": code, "title": code, "kind": kind, "calibration_due": due}
        await api("manager").ok("/equipment", device)
    lot = {"site": "CHI", "reagent": "Lymphoprep", "lot": "L-2291", "expires_on": day(90)}
    await api("technician_chi").ok("/reagent-lots", lot)
    _, (one, blood) = await collected(api, tube(), tube("BLD", "CPT", "8000"))
    url = f"/specimens/{one['code']}"
    spun = {
        "type": "centrifuge",
        "specimens": [one["code"]],
        "started_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
        "equipment": "CF-1",
        "program": "SERUM",
        "reagents": [{"reagent": "Lymphoprep", "lot": "L-2291"}],
    }
    await api("technician_chi").ok("/processing", spun)
    for kind in ("haemolysis", "broken"):
        body = {"type": kind, "specimens": [one["code"]], "comment": "Seen at the bench"}
        await api("technician_chi").ok("/deviations", body)
    values = [{"quantity": "haemolysis_index", "text": text} for text in ("2", "3.0")]
    await api("technician_chi").ok(f"{url}/measurements", {"measurements": values})
    pages = (
        "/equipment",
        "/equipment/CHI/CF-1",
        url,
        f"/specimens/{blood['code']}/derive",
        f"/specimens/process?codes={blood['code']}",
        f"/specimens/deviations?codes={blood['code']}",
        "/specimens/measurements",
    )
    wide = await sit("manager", "desktop")
    narrow = await sit("technician_chi", "phone")
    faults = []
    for path in pages:
        await wide.open(path)
        faults += [f"{path} {fault}" for fault in await look(narrow, path)]
    assert not faults, "\n".join(faults)
    assert not wide.faults + narrow.faults
