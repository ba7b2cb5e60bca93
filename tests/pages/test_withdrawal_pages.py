"""Consent, withdrawal and disposal on pages, without JavaScript: what is read, signed, scanned and shown again."""

import hashlib
import re
from datetime import timedelta

from biobank.overview import queries as overview
from tests.api.specimen_steps import NOW, collected, enrolled
from tests.material import make_material
from tests.shelves import boxed
from tests.shipping import PARTY, packed, shipped
from tests.withdrawing import signature, withdraw


def local(moment):
    return moment.strftime("%Y-%m-%dT%H:%M")


def hidden(text, name):
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


async def test_a_withdrawal_is_read_then_signed_and_its_page_shows_what_is_open(browser, api):
    person, _ = await collected(api)
    page = await browser("coordinator")
    here = f"/participants/{person}/withdrawal"
    assert "What will happen" not in (await page.get(here)).text
    stated = (await page.get(f"{here}?level=no_further_use")).text
    for words in (
        "What will happen",
        "What will not happen",
        "1 tube in the house will be on hold",
        "No tube is destroyed",
    ):
        assert words in stated
    assert "stay usable" in (await page.get(f"{here}?level=no_contact")).text
    assert (await api("coordinator").see(f"/participants/{person}"))["withdrawals"] == []
    form = {
        "level": "no_further_use",
        "effective_at": local(NOW - timedelta(hours=20)),
        "statement_sha256": hidden(stated, "statement_sha256"),
        **signature(),
    }
    wrong = await page.post(here, {**form, "password": "not my password"})
    assert (wrong.status_code, "is wrong" in wrong.text, "not my password" in wrong.text) == (422, True, False)
    done = await page.post(here, form)
    assert done.status_code == 303, done.text
    shown = (await page.get(done.headers["location"])).text
    for words in ("1 tube to be put back", "Whole: it stands for what was signed", "Coordinator", "No further use"):
        assert words in shown
    listed = (await page.get("/withdrawals?status=open")).text
    assert person[:4] in listed
    assert "No withdrawal fits" in (await page.get("/withdrawals?status=closed")).text
    of_person = (await page.get(f"/participants/{person}")).text
    for words in ("Withdrawn:", f"/withdrawals?participant={person}", "History of consents"):
        assert words in of_person


async def test_a_statement_that_changed_is_read_again(browser, api, database, world, monkeypatch):
    made = await make_material(database, world, tubes=2)
    page = await browser("coordinator")
    here = f"/participants/{made.participant}/withdrawal"
    old = hidden((await page.get(f"{here}?level=destroy")).text, "statement_sha256")
    await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": await boxed(api)})
    form = {"level": "destroy", "effective_at": local(NOW - timedelta(hours=8)), "statement_sha256": old, **signature()}
    again = await page.post(here, form)
    assert (again.status_code, "Something changed since" in again.text) == (412, True)
    new = hidden(again.text, "statement_sha256")
    assert new != old
    assert "1 tube: Freezer 3, Central laboratory" in again.text
    assert (await page.post(here, {**form, "statement_sha256": new})).status_code == 303
    counted = re.compile(r'<b class="n">([^<]*)</b>[^\n]*tubes on hold')
    assert counted.search((await page.get("/")).text)[1] == "2"
    monkeypatch.setattr(overview, "MOST_COUNTED", 1)  # after so many the front page does not count on
    assert counted.search((await page.get("/")).text)[1] == "1+"


async def test_disposal_is_scanned_by_two_people_and_the_withdrawal_is_closed(browser, api, database, world):
    made = await make_material(database, world, tubes=2)
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    (disposal,) = case["disposals"]
    first, second = await browser("technician"), await browser("technician2")
    assert "Consent was withdrawn" in (await first.get("/disposals?status=open")).text
    url = f"/disposals/{disposal['number']}"
    for tube in made.tubes:
        scanned = await first.post(f"{url}/confirmations", {"tube": tube, "method": "incinerated", "found": "true"})
        assert scanned.status_code == 303, scanned.text
        shown = (await first.get(scanned.headers["location"])).text
        assert "Waits for the second person" in shown
        assert 'value="incinerated" selected' in shown
    alone = await first.post(f"{url}/confirmations", {"tube": made.tubes[0], "method": "incinerated", "found": "true"})
    assert (alone.status_code, "STOP" in alone.text, "a second, different person" in alone.text) == (409, True, True)
    for tube in made.tubes:
        assert (await second.post(f"{url}/confirmations", {"tube": tube, "found": "true"})).status_code == 303
    assert "Every tube is settled" in (await second.get(url)).text
    assert "Technicians and managers confirm" not in (await (await browser("clerk")).get(url)).text
    page = await browser("coordinator")
    here = f"/withdrawals/{case['number']}"
    assert "Nothing: everything is done" in (await page.get(here)).text
    closed = await page.post(f"{here}/close", {"row_version": "1", **signature("approval")})
    assert closed.status_code == 303, closed.text
    assert "Certificate, PDF" in (await page.get(here)).text
    pdf = await page.get(f"{here}/certificate/pdf")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")


async def test_notices_are_sent_and_answered_on_the_page(browser, api, database, world):
    await api("clerk").ok("/parties", PARTY)
    made = await make_material(database, world, tubes=2)
    await shipped(api("clerk"), made.tubes, to_site=None, to_party="ORACLE")
    case = await withdraw(api("coordinator"), made.participant, "no_further_use")
    page = await browser("coordinator")
    here = f"/withdrawals/{case['number']}"
    text = (await page.get(here)).text
    assert "send them back to us" in text
    assert made.participant not in re.search(r"<pre>(.*?)</pre>", text, re.DOTALL)[1]
    refused = await page.post(f"{here}/notices/1/answer", {"row_version": "1", "outcome": "kept", "words": "no"})
    assert refused.status_code == 422
    early = await page.post(
        f"{here}/notices/1/answer", {"row_version": "1", "outcome": "kept", "words": "They keep it"}
    )
    assert (early.status_code, "how and when" in early.text) == (409, True)
    sent = await page.post(f"{here}/notices/1/sent", {"row_version": "1", "how": "Letter to the desk"})
    assert sent.status_code == 303, sent.text
    answer = {"row_version": "2", "outcome": "kept", "words": "Blinded by now", f"tube.{made.tubes[0]}": "used_up"}
    assert (await page.post(f"{here}/notices/1/answer", answer)).status_code == 303
    text = (await page.get(here)).text
    for words in ("Blinded by now", "used up", "Nothing: everything is done"):
        assert words in text
    assert (await page.post(f"{here}/returned", {"row_version": "3"})).status_code == 422


async def test_tubes_are_put_back_by_two_scans(browser, api, database, world):
    made = await make_material(database, world, tubes=2)
    await packed(api("clerk"), made.tubes)
    await withdraw(api("coordinator"), made.participant)
    page = await browser("technician")
    place = await boxed(api)
    assert made.tubes[0][:4] in (await page.get("/put-backs")).text
    done = await page.post("/put-backs", {"tube": made.tubes[0], "box": place})
    assert done.status_code == 303, done.text
    shown = (await page.get(done.headers["location"])).text
    assert "Freezer 3 / Rack B / Box 12 / A1" in shown
    assert f'value="{place}"' in shown
    wrong = await page.post("/put-backs", {"tube": made.tubes[0], "box": place})
    assert (wrong.status_code, "STOP" in wrong.text) == (404, True)


async def test_consents_are_recorded_late_corrected_and_asked_about(browser, api):
    person = await enrolled(api)
    page = await browser("coordinator")
    here = f"/participants/{person}/consents"
    assert "in force now" in (await page.get(here)).text
    asked = f"{here}?in_force_at={local(NOW - timedelta(days=3))}&believed_at={local(NOW)}"
    assert "None was known then" in (await page.get(asked)).text
    short = await page.post(f"{here}/1/entered-in-error", {"reason": "x"})
    assert short.status_code == 422
    done = await page.post(f"{here}/1/entered-in-error", {"reason": "The form of somebody else"})
    assert done.status_code == 303, done.text
    text = (await page.get(here)).text
    assert "The form of somebody else" in text
    assert "entered in error" in text
    again = await page.post(f"{here}/1/entered-in-error", {"reason": "The form of somebody else"})
    assert (again.status_code, "marked as entered in error already" in again.text) == (409, True)
    assert (await page.post(f"{here}/9/entered-in-error", {"reason": "The form of"})).status_code == 404
    form = {"form": "1.0/en", "signed_at": local(NOW - timedelta(hours=30)), "scope.tissue": "granted"}
    ended = {**form, "effective_from": local(NOW - timedelta(hours=50)), "effective_to": local(NOW)}
    refused = await page.post(f"/participants/{person}/consent", ended)
    assert (refused.status_code, "lies before the signature" in refused.text) == (422, True)
    assert (await page.post(f"/participants/{person}/consent", form)).status_code == 303
    assert "Granted: Use of tissue" in (await page.get(here)).text


async def test_forms_and_their_policy_are_entered_by_a_manager(browser, api):
    manager = await browser("manager")
    here = "/studies/LLS/consent-forms"
    assert "1.0 (en)" in (await manager.get(here)).text
    token = manager.client.cookies.get("csrftoken", "")
    form = {
        "_csrf_token": token,
        "_key": "33333333-3333-4333-8333-333333333333",
        "version": "2.0",
        "language": "en",
        "approved_from": "2026-01-01",
        "scopes": ["biobank_storage", "tissue"],
    }
    made = await manager.client.post(here, data=form, files={"file": ("form.pdf", b"%PDF-1.7 approved")})
    assert made.status_code == 303, made.text
    text = (await manager.get(here)).text
    assert hashlib.sha256(b"%PDF-1.7 approved").hexdigest() in text
    bad = await manager.client.post(
        here, data={**form, "approved_to": "2020-01-01", "_key": "44444444-3333-4333-8333-333333333333"}
    )
    assert (bad.status_code, "lies before the beginning" in bad.text) == (422, True)
    end = f"{here}/2.0/en/end"
    assert (await manager.post(end, {"approved_to": "2020-01-01", "row_version": "1"})).status_code == 422
    assert (await manager.post(end, {"approved_to": "2026-12-31", "row_version": "1"})).status_code == 303
    policy = f"{here}/2.0/policy"
    text = (await manager.get(policy)).text
    chosen = dict(re.findall(r'name="(\w+\.\w+)" value="(\w+)"', text))
    for name in re.findall(r'<select name="(\w+\.\w+)"', text):
        options = text[text.index(f'name="{name}"') :]
        chosen[name] = re.search(r'value="(\w+)" selected', options)[1]
    assert len(chosen) == 28
    chosen["back-destroy.stored_tubes"] = "false"
    assert (await manager.post(policy, {**chosen, "destroy.stored_tubes": "hold"})).status_code == 303
    assert "Its own policy" in (await manager.get(policy)).text
    wrong = await manager.post(policy, {**chosen, "no_contact.stored_tubes": "dispose"})
    assert wrong.status_code == 422
    signed = await manager.get(f"{here}/1.0/policy")
    assert "The house&#39;s policy" in signed.text
    coordinator = await browser("coordinator")
    assert (await coordinator.post(policy, chosen)).status_code == 403
    person = await enrolled(api)
    chosen_form = (await coordinator.get(f"/participants/{person}/consent?form=2.0/en")).text
    assert "Use of tissue" in chosen_form
    assert "Commercial use" not in chosen_form


async def test_a_general_list_is_made_and_a_tube_taken_off(browser, api, database, world):
    made = await make_material(database, world, tubes=2)
    manager = await browser("manager")
    assert "Kept longer" in (await manager.get("/disposals/new")).text
    form = {"place": "LLS/LAB", "reason": "expired", "words": "Ten years are over", "tubes": "\n".join(made.tubes)}
    bad = await manager.post("/disposals/new", {**form, "tubes": "nonsense"})
    assert (bad.status_code, "Ten years are over" in bad.text) == (422, True)
    done = await manager.post("/disposals/new", form)
    assert done.status_code == 303, done.text
    here = done.headers["location"]
    assert (await manager.post(f"{here}/strikes", {"tube": made.tubes[0], "reason": "Wanted"})).status_code == 303
    assert "Struck off" in (await manager.get(here)).text
    refused = await manager.post(f"{here}/strikes", {"tube": made.tubes[0], "reason": "Wanted"})
    assert (refused.status_code, "is settled" in refused.text) == (409, True)
    unknown = await manager.post(f"{here}/confirmations", {"tube": "nonsense", "found": "true"})
    assert unknown.status_code == 422
    missing = await manager.post(f"{here}/confirmations", {"tube": made.tubes[1], "found": "false"})
    assert "Not found by the first person" in (await manager.get(missing.headers["location"])).text
    assert "No list fits" in (await manager.get("/disposals?status=done&site=CHI")).text


async def test_a_manager_reads_what_comes_back_and_takes_a_withdrawal_back(browser, api, database, world):
    made = await make_material(database, world, tubes=2)
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    path = f"/withdrawals/{case['number']}"
    assert "Recorded by mistake?" not in (await (await browser("coordinator")).get(path)).text
    manager = await browser("manager")
    assert "Recorded by mistake?" in (await manager.get(path)).text
    text = (await manager.get(f"{path}/rescission")).text
    assert "2 tubes will come off hold and can be used again." in text
    form = {"statement_sha256": hidden(text, "statement_sha256"), "meaning": "approval", "password": world.password}
    short = await manager.post(f"{path}/rescission", form | {"reason": "no"})
    assert (short.status_code, world.password in short.text) == (422, False)
    done = await manager.post(f"{path}/rescission", form | {"reason": "It was meant for somebody else"})
    assert (done.status_code, done.headers["location"]) == (303, path)
    text = (await manager.get(path)).text
    assert "What came back" in text
    assert "It was meant for somebody else" in text
    assert "rescinded" in (await manager.get("/withdrawals")).text
    assert "Recorded by mistake and rescinded" in (await manager.get(f"/participants/{made.participant}")).text
    assert (await manager.get(f"{path}/rescission")).status_code == 409
