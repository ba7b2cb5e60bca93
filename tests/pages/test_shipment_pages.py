"""The shipping clerk's pages without scripts: pack, hand over, receive, settle, close."""

import re
from uuid import uuid4

from tests.material import make_material
from tests.shipping import PARTY, draft, packed, shipped, step


def _version(text: str) -> str:
    found = re.search(r'name="row_version" value="(\d+)"', text)
    assert found is not None
    return found[1]


async def _do(clerk, code, path, **fields):
    """Send one form of the shipment's page as a browser would, with the row version that the page shows."""
    page = (await clerk.get(f"/shipments/{code}")).text
    data = {**({"row_version": _version(page)} if "row_version" in page else {}), **fields}
    done = await clerk.post(f"/shipments/{code}/{path}", data)
    assert done.status_code == 303, done.text
    return (await clerk.get(done.headers["location"])).text


async def test_a_clerk_takes_a_shipment_from_new_to_closed(browser, api, database, world):
    made = await make_material(database, world, tubes=3)
    clerk = await browser("clerk")
    assert "New shipment" in (await clerk.get("/shipments")).text
    form = await clerk.get("/shipments/new")
    assert "LLS/LAB" in form.text
    begun = await clerk.post("/shipments/new", {"from": "LLS/LAB", "to": "site/TOR", "purpose": "Assay"})
    code = begun.headers["location"].rsplit("/", 1)[1]
    package = {"refrigerant": "dry_ice", "dry_ice_net_kg": "4.5", "temperature_class": "-80"}
    page = await _do(clerk, code, "packages", **package)
    assert 'id="tube"' in page
    page = await _do(clerk, code, "packages/1", **{**package, "dry_ice_net_kg": "5"})
    assert "5\N{NARROW NO-BREAK SPACE}kg" in page
    page = await _do(clerk, code, "items", tube=made.tubes[0], package="1")
    assert "Finish packing 1 tubes" in page
    page = await _do(clerk, code, "items", tubes="\r\n".join(made.tubes[1:]), package="1")
    page = await _do(clerk, code, "unpack", tube=made.tubes[2])
    page = await _do(clerk, code, "items", tube=made.tubes[2], package="1")
    page = await _do(clerk, code, "finish-packing")
    assert "UN 1845, Carbon dioxide, solid (Dry ice), 9, 1 x 5 kg" in page
    page = await _do(clerk, code, "reopen", reason="one more look")
    page = await _do(clerk, code, "finish-packing")
    for kind, start in (("pdf", b"%PDF"), ("csv", b"shipment,"), ("json", b"{")):
        got = await clerk.get(f"/shipments/{code}/manifest.{kind}")
        assert got.content.startswith(start)
        assert got.headers["x-manifest-sha256"] in page
    page = await _do(clerk, code, "ship", courier="FedEx", tracking_no="7946 1234", tracking_again="79461234")
    assert "On the way" in page
    page = await _do(clerk, code, "receipts", tube=made.tubes[0], condition="received")
    assert "1 good" in page
    page = await _do(clerk, code, "receipts", tube=made.tubes[1], condition="thawed", note="warm to the touch")
    assert "warm to the touch" in page
    page = await _do(clerk, code, "missing", tubes=made.tubes[2])
    assert "1 good + 0 damaged + 1 thawed + 1 missing = 3 expected" in page
    page = await _do(clerk, code, "finish-receipt")
    assert "2 to resolve" in page
    page = await _do(clerk, code, "resolutions", tube=made.tubes[1], resolution="accepted_as_is")
    page = await _do(clerk, code, "resolutions", tube=made.tubes[2], resolution="found")
    page = await _do(clerk, code, "reconcile")
    assert "Nothing is left to do" in page
    listed = (await clerk.get("/shipments?status=reconciled&study=LLS&site=TOR")).text
    assert f"/shipments/{code}" in listed
    assert "status: reconciled" in listed
    assert "No such shipment" in (await clerk.get("/shipments?status=lost")).text


async def test_a_refused_scan_shows_the_page_again_with_the_reason(browser, api, database, world):
    made = await make_material(database, world, tubes=1, consented=False)
    code = await draft(api("clerk"))
    clerk = await browser("clerk")
    refused = await clerk.post(f"/shipments/{code}/items", {"tube": made.tubes[0], "package": "1"})
    assert refused.status_code == 422
    assert "consent does not cover biobank storage" in refused.text
    assert 'id="tube"' in refused.text
    assert made.participant not in refused.text
    empty = await clerk.post(f"/shipments/{code}/items", {"package": "1"})
    assert empty.status_code == 422
    kept = await clerk.post(f"/shipments/{code}/packages", {"refrigerant": "dry_ice", "temperature_class": "-80"})
    assert (kept.status_code, "is missing" in kept.text) == (422, True)
    old = await clerk.post(f"/shipments/{code}/finish-packing", {"row_version": "1"})
    assert (old.status_code, "Somebody else worked on this shipment" in old.text) == (422, True)


async def test_the_tracking_number_is_entered_twice(browser, api, database, world):
    made = await make_material(database, world, tubes=1)
    code = await packed(api("clerk"), made.tubes)
    clerk = await browser("clerk")
    form = {"row_version": _version((await clerk.get(f"/shipments/{code}")).text), "courier": "FedEx"}
    wrong = await clerk.post(
        f"/shipments/{code}/ship", {**form, "tracking_no": "79461234", "tracking_again": "79461235"}
    )
    assert (wrong.status_code, "is not the same as the first" in wrong.text) == (422, True)
    assert 'value="79461234"' in wrong.text
    page = await _do(clerk, code, "ship", courier="Ann Walker", hand_carried="true")
    assert "carried by hand" in page
    page = await _do(clerk, code, "lost", reason="no trace of it")
    assert "Lost" in page


async def test_a_form_sent_twice_is_one_deed(browser, api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    code = await draft(api("clerk"))
    clerk, key = await browser("clerk"), str(uuid4())
    for _ in range(2):
        done = await clerk.post(f"/shipments/{code}/items", {"tube": made.tubes[0], "package": "1"}, key=key)
        assert done.status_code == 303
    assert await superuser.fetchval("select count(*) from package_item") == 1
    page = await _do(clerk, code, "cancel", reason="not needed")
    assert "Cancelled" in page


async def test_external_laboratories(browser, api, database, world):
    clerk = await browser("clerk")
    assert "No external laboratories yet" in (await clerk.get("/shipments/parties")).text
    wrong = await clerk.post("/shipments/parties", {**PARTY, "country": "Canada"})
    assert (wrong.status_code, PARTY["name"] in wrong.text) == (422, True)
    assert (await clerk.post("/shipments/parties", PARTY)).status_code == 303
    assert PARTY["name"] in (await clerk.get("/shipments/parties")).text
    assert "party/ORACLE" in (await clerk.get("/shipments/new")).text
    unchosen = await clerk.post("/shipments/new", {"from": "LLS/LAB", "to": "", "purpose": "Assay"})
    assert unchosen.status_code == 422
    begun = await clerk.post("/shipments/new", {"from": "LLS/LAB", "to": "party/ORACLE", "purpose": "Assay"})
    assert PARTY["name"] in (await clerk.get(begun.headers["location"])).text
    made = await make_material(database, world, tubes=1)
    code = await shipped(api("clerk"), made.tubes, to_site=None, to_party="ORACLE")
    page = await _do(clerk, code, "delivery")
    assert "Reconciled" in page


async def test_each_sees_what_is_theirs(browser, api, database, world):
    made = await make_material(database, world, tubes=1)
    code = await packed(api("clerk"), made.tubes)
    other = await browser("clerk_chi")
    assert (await other.get(f"/shipments/{code}")).status_code == 404
    assert (await other.get(f"/shipments/{code}/manifest.pdf")).status_code == 404
    assert (await other.post(f"/shipments/{code}/items", {"tube": made.tubes[0], "package": "1"})).status_code == 404
    looker = await browser("coordinator_tor")
    assert "taken at the other end" in (await looker.get(f"/shipments/{code}")).text
    assert (await looker.get("/shipments/new")).status_code == 403
    assert "from or to" in (await (await browser("coordinator")).get("/shipments")).text.lower()
    extra = await make_material(database, world, study="OTH", site="LAB", tubes=1, holder="stranger")
    sent = await shipped(api("clerk"), (await make_material(database, world, tubes=1)).tubes)
    await api("clerk").ok(f"/shipments/{sent}/receipts", {"tube": extra.tubes[0]})
    seen = (await (await browser("manager")).get(f"/shipments/{sent}")).text
    assert "of another study" in seen
    assert extra.participant not in seen
    await step(api("clerk"), code, "reopen", reason="for the next test")
