"""Signing: the password again, the lock, what an auditor sees, and what tampering looks like."""

from tests.material import make_material
from tests.withdrawing import request, signature, withdraw

UNCHAIN = "set session_replication_role = replica"


async def test_wrong_passwords_lock_the_account_although_each_deed_is_rolled_back(
    api, browser, database, world, superuser
):
    made = await make_material(database, world, tubes=1)
    url = f"/participants/{made.participant}/withdrawals"
    body = await request(api("coordinator"), made.participant, "no_further_use")
    wrong = body | {"signature": signature(password="wrong wrong wrong")}
    for _ in range(4):
        refused = await api("coordinator").post(url, wrong)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/signature-refused")
        assert refused.json()["errors"] == {"password": "is wrong"}
        assert "wrong wrong" not in refused.text
    # A right password in between begins the count anew.
    assert await superuser.fetchval("select failed_logins from app_user where username = 'coordinator'") == 4
    assert await superuser.fetchval("select count(*) from withdrawal") == 0
    await api("coordinator").post(url, wrong)
    locked = await superuser.fetchval("select locked_until from app_user where username = 'coordinator'")
    assert locked is not None
    refused = await api("coordinator").post(url, body)
    assert (refused.status_code, "locked" in refused.json()["detail"]) == (422, True)
    nobody = await browser(None)
    at_login = await nobody.post("/login", {"username": "coordinator", "password": world.password})
    assert at_login.status_code == 422
    verbs = [
        row["name"] for row in await superuser.fetch("select name from audit_entry where kind = 'event' order by id")
    ]
    assert verbs.count("signature.refused") == 4
    assert verbs.count("user.locked") == 1


async def test_a_good_signature_begins_the_count_anew(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    body = await request(api("coordinator"), made.participant, "no_further_use")
    url = f"/participants/{made.participant}/withdrawals"
    await api("coordinator").post(url, body | {"signature": signature(password="wrong wrong wrong")})
    await api("coordinator").ok(url, body)
    assert await superuser.fetchval("select failed_logins from app_user where username = 'coordinator'") == 0


async def test_who_has_no_password_does_not_sign(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    body = await request(api("coordinator"), made.participant, "no_contact")
    await superuser.execute(UNCHAIN)
    await superuser.execute("update app_user set password_hash = null where username = 'coordinator'")
    refused = await api("coordinator").post(f"/participants/{made.participant}/withdrawals", body)
    assert (refused.status_code, refused.json()["errors"]) == (422, {"password": "you have none"})


async def test_an_auditor_sees_what_was_signed_and_tampering_shows(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    case = await withdraw(api("coordinator"), made.participant)
    number = case["signature"]["number"]
    seen = await api("auditor").see(f"/signatures/{number}")
    assert (seen["intact"], seen["printed_name"], seen["meaning"]) == (True, "Coordinator", "responsibility")
    assert case["statement"]["sha256"] in seen["content"]
    assert (await api("coordinator").get(f"/signatures/{number}")).status_code == 403
    assert (await api("auditor").get("/signatures/nonsense")).status_code == 404
    await superuser.execute(UNCHAIN)
    for change, words in (
        ("update signature set printed_name = 'Somebody Else'", "name, meaning"),
        ("update signature set content = replace(content, 'no_further_use', 'no_contact')", "not the one"),
        (
            "update signature set content_sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')",
            "audit trail knows",
        ),
    ):
        await superuser.execute(change)
        seen = await api("auditor").see(f"/signatures/{number}")
        assert not seen["intact"]
        assert any(words in fault for fault in seen["faults"]), (words, seen["faults"])


async def test_a_record_that_was_changed_breaks_its_signature(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    case = await withdraw(api("coordinator"), made.participant)
    await superuser.execute(UNCHAIN)
    await superuser.execute("update withdrawal set level = 'no_contact'")
    seen = await api("coordinator").see(f"/withdrawals/{case['number']}")
    assert seen["signature"]["faults"] == ["what was signed was changed since"]


async def test_a_signature_page_shows_name_meaning_and_moment(browser, api, database, world):
    made = await make_material(database, world, tubes=1)
    case = await withdraw(api("coordinator"), made.participant)
    page = await browser("auditor")
    text = (await page.get(f"/signatures/{case['signature']['number']}")).text
    for words in ("Coordinator", "I am responsible for this", "Whole: it stands for what was signed", made.participant):
        assert words in text
    assert "Whole" in (await page.get(f"/withdrawals/{case['number']}")).text
