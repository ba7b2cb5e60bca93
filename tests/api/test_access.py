"""Users, roles, tokens and rate limits: what each may do, and that nobody gives away more than they hold."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

from biobank import ids
from biobank.access import passwords, rules
from biobank.access.commands import CreateUser
from biobank.access.limits import RateLimit, take
from biobank.access.passwords import verify_password
from biobank.actor import Grant, Permission, Scope
from biobank.errors import Forbidden, Invalid, TooMany

NEW = {"username": "newcomer", "display_name": "New Comer", "password": "a long enough secret"}


async def test_a_manager_makes_a_user_who_can_log_in_and_has_no_role_yet(api, browser):
    made = await api("manager").ok("/users", NEW)
    assert (made["username"], made["grants"]) == ("newcomer", [])
    assert "password" not in str(made)
    here = await browser(None)
    assert (await here.post("/login", {"username": "newcomer", "password": NEW["password"]})).status_code == 303
    assert (await here.get("/audit")).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "x" * 300}, "password"),
        ({"password": "newcomer-newcomer"}, "password"),
        ({"username": "No Good"}, "username"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_bad_users_are_refused_by_field(api, change, field):
    refused = await api("manager").post("/users", {**NEW, **change})
    assert refused.status_code == 422
    assert field in refused.json()["errors"]
    assert "a long enough secret" not in refused.text


async def test_a_user_name_is_taken_once(api):
    await api("manager").ok("/users", {**NEW, "password": None})
    again = await api("manager").post("/users", NEW)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/user-exists")


async def test_roles_are_granted_within_reach_and_ended(api):
    manager = api("manager")
    await manager.ok("/users", NEW)
    grant = {"role": "technician", "study": "LLS", "site": "LAB"}
    assert await manager.ok("/users/newcomer/grants", grant) == grant
    twice = await manager.post("/users/newcomer/grants", grant)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/already-granted")
    listed = await manager.see("/users")
    assert next(user for user in listed if user["username"] == "newcomer")["grants"] == [grant]
    assert (await manager.post("/users/newcomer/grants/end", grant)).status_code == 204
    assert (await manager.post("/users/newcomer/grants/end", grant)).status_code == 404


async def test_a_manager_sees_users_within_reach_and_those_without_a_role(api):
    await api("manager").ok("/users", NEW)
    seen = {user["username"]: user["grants"] for user in await api("manager").see("/users")}
    assert {"clerk", "newcomer"} <= set(seen)
    assert not {"stranger", "administrator"} & set(seen)
    assert {grant["study"] for grants in seen.values() for grant in grants} == {"LLS"}
    assert {"stranger", "administrator", "clerk"} <= {
        user["username"] for user in await api("administrator").see("/users")
    }


@pytest.mark.parametrize(
    ("grant", "status"),
    [
        ({"role": "administrator"}, 403),
        ({"role": "technician"}, 403),
        ({"role": "technician", "study": "OTH"}, 403),
        ({"role": "wizard", "study": "LLS"}, 422),
        ({"role": "technician", "study": "NONE"}, 404),
        ({"role": "technician", "study": "OTH", "site": "CHI"}, 404),
    ],
)
async def test_nobody_grants_more_than_they_hold(api, grant, status):
    await api("manager").ok("/users", NEW)
    assert (await api("manager").post("/users/newcomer/grants", grant)).status_code == status


async def test_an_administrator_makes_administrators_and_only_of_all_studies(api):
    await api("administrator").ok("/users", NEW)
    await api("administrator").ok("/users/newcomer/grants", {"role": "administrator"})
    refused = await api("administrator").post("/users/newcomer/grants", {"role": "technician"})
    assert (refused.status_code, refused.json()["errors"]) == (422, {"study": "is missing"})
    missing = await api("administrator").post("/users/nobody/grants", {"role": "administrator"})
    assert missing.status_code == 404


async def test_a_token_works_until_it_is_revoked_and_its_name_stays_taken(api, world, superuser):
    me = api("scientist")
    made = await me.ok("/tokens", {"name": "notebook", "days": 30})
    assert made["token"].startswith("bbk_")
    assert made["token"] not in str(await superuser.fetch("select * from api_token, audit_entry"))
    world.tokens["with-token"] = made["token"]
    assert (await api("with-token").see("/users/me"))["username"] == "scientist"
    again = await me.post("/tokens", {"name": "notebook"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/token-name-taken")
    assert (await me.ok("/tokens/notebook/revoke"))["revoked_at"]
    assert (await api("with-token").get("/users/me")).status_code == 401
    assert (await me.post("/tokens/notebook/revoke")).status_code == 404
    assert [token["name"] for token in await me.see("/tokens")] == ["test", "notebook"]


async def test_only_who_manages_users_makes_tokens_for_others(database, world):
    from biobank.access.commands import CreateToken, create_token
    from biobank.tx import open_tx
    from tests.material import actor

    async with open_tx(database, await actor(database, world, "manager")) as tx:
        assert (await create_token(tx, "clerk", CreateToken(name="robot"))).name == "robot"
    with pytest.raises(Forbidden):
        async with open_tx(database, await actor(database, world, "clerk")) as tx:
            await create_token(tx, "manager", CreateToken(name="robot"))


async def test_an_inactive_user_can_do_nothing(api, browser, superuser):
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute("update app_user set is_active = false where username = 'clerk'")
    assert (await api("clerk").get("/users/me")).status_code == 401
    here = await browser(None)
    refused = await here.post("/login", {"username": "clerk", "password": "correct horse battery"})
    assert refused.status_code == 422


async def test_a_session_ends_after_idle_time_and_is_kept_alive_by_use(browser, superuser):
    here = await browser("technician")
    await superuser.execute("update login_session set last_seen_at = now() - interval '5 minutes'")
    assert (await here.get("/")).status_code == 200
    assert await superuser.fetchval("select now() - last_seen_at < interval '1 minute' from login_session")
    await superuser.execute("update login_session set last_seen_at = now() - interval '5 minutes'")
    assert (await here.get(f"/api/v1/containers/{ids.mint(ids.Kind.BOX)}/live")).status_code == 404
    # What a page that was left open asks by itself is no use of it.
    assert not await superuser.fetchval("select now() - last_seen_at < interval '1 minute' from login_session")
    await superuser.execute("update login_session set last_seen_at = now() - interval '2 hours'")
    assert (await here.get("/")).status_code == 303


async def test_limits_count_in_the_database_for_all_processes(database):
    limit = RateLimit("test", 2, 60)
    await take(database, limit, "somebody")
    await take(database, limit, "somebody")
    await take(database, limit, "somebody else")
    with pytest.raises(TooMany) as refused:
        await take(database, limit, "somebody")
    assert 1 <= refused.value.retry_after <= 60


async def test_a_limited_answer_says_when_to_come_back(browser, superuser):
    here = await browser(None)
    for _ in range(21):
        answer = await here.post("/login", {"username": "nobody", "password": "wrong"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_an_account_locks_at_the_last_attempt():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert rules.locked_until(4, 5, 15, now) is None
    assert rules.locked_until(5, 5, 15, now) == now + timedelta(minutes=15)


def test_scopes_reach_what_their_grants_name():
    grants = (
        Grant("technician", frozenset({Permission.SPECIMEN_READ}), 1, 10),
        Grant("scientist", frozenset({Permission.SPECIMEN_READ}), 2, None),
    )
    reach = Scope()
    for grant in grants:
        reach = grant.widen(reach)
    assert reach.covers(1, 10)
    assert not reach.covers(1, 11)
    assert not reach.covers(1, None)
    assert reach.covers(2, 99)
    assert reach.arrays() == (False, [2], [1], [10])
    assert Grant("administrator", frozenset(), None, None).widen(reach).covers(3)
    assert not Scope()


def test_grants_of_roles_that_are_gone_grant_nothing():
    (grant,) = rules.grants_of(["wizard"], [1], [None])
    assert grant.permissions == frozenset()


async def test_a_stored_hash_that_is_none_or_broken_verifies_nothing():
    assert not await verify_password("anything", None)
    assert not await verify_password("anything", "not a hash")


async def test_nobody_has_a_hash_as_costly_as_that_of_somebody():
    assert extract_parameters(passwords._NOBODY) == extract_parameters(await passwords.hash_password("anything"))
    with pytest.raises(VerifyMismatchError):
        passwords._HASHER.verify(passwords._NOBODY, "anything")


def test_a_password_never_shows_in_a_command():
    assert "secret" not in repr(CreateUser(username="abc", display_name="A", password="a secret of mine"))


def test_short_passwords_are_refused_with_the_least_length():
    with pytest.raises(Invalid, match="at least 12"):
        rules.check_password("eleven char", "abc")
