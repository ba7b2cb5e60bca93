"""Login, the home of each role, the finder and the audit page, without JavaScript."""

import re

import pytest

from biobank.overview import searching
from biobank.storage.commands import StoreTube, store
from biobank.tx import open_tx
from tests import shelves
from tests.material import actor, make_material
from tests.world import USERS


@pytest.mark.parametrize(
    "username", ["technician", "clerk", "scientist", "coordinator", "reviewer", "manager", "auditor", "administrator"]
)
async def test_every_role_has_a_home_and_only_links_it_may_follow(browser, username):
    here = await browser(username)
    home = await here.get("/")
    assert home.status_code == 200
    assert username.capitalize() in home.text
    for href in sorted(set(re.findall(r'href="(/[a-z][^"#]*)"', home.text)) - {"/static"}):
        if not href.startswith("/static"):
            response = await here.get(href)
            assert response.status_code in {200, 303}, (
                f"{USERS[username][0]} is offered {href} and gets {response.status_code}"
            )


async def test_nobody_is_sent_to_the_login_and_back(browser):
    here = await browser(None)
    asked = await here.get("/audit")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/audit")
    entered = await here.post("/login", {"username": "auditor", "password": "correct horse battery", "next": "/audit"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/audit")
    outside = await browser(None)
    led = await outside.post(
        "/login", {"username": "auditor", "password": "correct horse battery", "next": "//evil.test/"}
    )
    assert led.headers["location"] == "/"


async def test_a_wrong_password_says_nothing_about_the_user_and_locks_after_five(browser, superuser):
    here = await browser(None)
    texts = set()
    for username in ["nobody.here", *["clerk"] * 5]:
        refused = await here.post("/login", {"username": username, "password": "wrong"})
        assert refused.status_code == 422
        texts.add(re.search(r"User name or password is wrong[^<]*", refused.text).group())
    assert len(texts) == 1
    right = await here.post("/login", {"username": "clerk", "password": "correct horse battery"})
    assert right.status_code == 422
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute("update app_user set locked_until = now() - interval '1 second' where username = 'clerk'")
    assert (await here.post("/login", {"username": "clerk", "password": "correct horse battery"})).status_code == 303


async def test_a_form_without_its_token_is_refused(browser):
    here = await browser("technician")
    refused = await here.client.post("/logout", data={})
    assert refused.status_code == 403
    forged = await here.client.post("/logout", data={"_csrf_token": "0" * 128})
    assert forged.status_code == 403


async def test_logging_out_ends_the_session_on_the_server(browser):
    here = await browser("technician")
    cookie = here.client.cookies.get("biobank")
    assert (await here.post("/logout")).status_code == 303
    here.client.cookies.set("biobank", cookie)
    assert (await here.get("/")).status_code == 303


async def test_the_finder_opens_what_a_code_names(browser, database, world):
    made = await make_material(database, world, tubes=1)
    here = await browser("technician")
    for typed in (
        made.tubes[0],
        made.tubes[0].lower(),
        f"{made.tubes[0][:4]}-{made.tubes[0][4:8]}-{made.tubes[0][8:]}",
    ):
        found = await here.client.get("/find", params={"q": typed})
        assert (found.status_code, found.headers["location"]) == (303, f"/specimens/{made.tubes[0]}")
    nothing = await here.client.get("/find", params={"q": "<b>nothing</b>"})
    assert nothing.status_code == 404
    assert "<b>nothing" not in nothing.text


async def test_the_beginning_of_a_code_or_name_lists_what_is_within_reach(browser, api, database, world, monkeypatch):
    made = await make_material(database, world, tubes=3)
    other = await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")
    box = await shelves.boxed(api)
    await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": box})
    for number, tube in enumerate((*made.tubes, *other.tubes)):
        who = "technician" if tube in made.tubes else "stranger"
        await api(who).ok(f"/specimens/{tube}/codes", {"namespace": "azenta", "value": f"FR_0{number}"})
    here = await browser("technician")
    shown = (await here.get("/find?q=fr_0")).text
    assert [f"/specimens/{tube}" in shown for tube in (*made.tubes, *other.tubes)] == [True, True, True, False]
    begun = (await here.get(f"/find?q={made.tubes[1][:4]}")).text
    assert f"/specimens/{made.tubes[1]}" in begun
    named = (await here.get("/find?q=box%201")).text
    assert [words in named for words in (f"/storage/{box}", "Freezer 3 / Rack B</td>")] == [True, True]
    assert 'href="/specimens?type=SER"' in (await here.get("/find?q=serum")).text
    assert 'href="/specimens?visit=BASE"' in (await here.get("/find?q=basel")).text
    assert "Serum" in begun
    assert (await here.client.get("/find", params={"q": "f_"})).status_code == 404
    assert (await here.client.get("/find", params={"q": "fr%0"})).status_code == 404
    # Page after page, each code once, whatever is out of reach between them.
    monkeypatch.setattr(searching, "_LOOKED_AT", 1)
    seen, after = [], None
    for _ in range(5):
        extra = {} if after is None else {"after": after}
        page = await api("technician").see("/search", q="FR_0", **extra)
        seen += [hit["name"] for hit in page["codes"]]
        after = page["next"]
        if after is None:
            break
    assert (seen, after) == (list(made.tubes), None)
    assert (await api("technician").get("/search", q="FR_0", after="x")).status_code == 422
    assert (await api("technician").get("/search", q="F")).status_code == 422
    listed = (await here.get(f"/specimens?container={box}&visit=BASE")).text
    assert [f"/specimens/{tube}" in listed for tube in made.tubes] == [True, False, False]
    assert f"/specimens/{made.tubes[0]}" not in (await here.get(f"/specimens?container={box}&visit=Y1")).text


async def test_the_auditor_sees_deeds_and_their_changes_within_reach(browser, api, database, world):
    await make_material(database, world, tubes=1)
    here = await browser("auditor")
    trail = await here.get("/audit?verb=material")
    assert trail.status_code == 200
    number = re.search(r'href="/audit/(\d+)"', trail.text).group(1)
    deed = await here.get(f"/audit/{number}")
    assert "quantity ledger" in deed.text
    assert made_code_is_kept_apart(deed.text)
    assert "quantity ledger" not in (await (await browser("stranger")).get(f"/audit/{number}")).text
    assert (await api("technician").get("/audit")).status_code == 403


def made_code_is_kept_apart(text: str) -> bool:
    """Participants' pseudonyms stand in no audit entry."""
    return "kept apart" in text and "year of birth" not in text.replace("year_of_birth", "")


async def test_the_page_of_a_tube_tells_its_whole_story(browser, database, world):
    made = await make_material(database, world, tubes=1)
    here = await browser("technician")
    shown = await here.get(f"/specimens/{made.tubes[0]}")
    assert shown.status_code == 200
    for words in ("in the hands of technician", "material made", "500", "Serum", "Quantity ledger"):
        assert words.lower() in shown.text.lower(), words
    reader = await (await browser("scientist")).get(f"/specimens/{made.tubes[0]}")
    assert "Who touched it" not in reader.text
    assert (await (await browser("stranger")).get(f"/specimens/{made.tubes[0]}")).status_code == 404
    story = await here.get(f"/api/v1/specimens/{made.tubes[0]}/story")
    assert [stay["kind"] for stay in story.json()["stays"]] == ["holder"]


async def test_a_tube_in_a_crowd_is_told_its_own_deeds(api, database, world):
    """22 tubes stored in one transaction: 21 of its deeds are none of this tube's."""
    made = await make_material(database, world, tubes=22)
    box = await shelves.box(api, await shelves.rack(api, await shelves.freezer(api)))
    async with open_tx(database, await actor(database, world, "technician")) as tx:
        for tube in made.tubes:
            await store(tx, StoreTube(tube=tube, box=box))
    story = (await api("technician").get(f"/specimens/{made.tubes[3]}/story")).json()
    assert [deed["thing"] for deed in story["deeds"] if deed["verb"] == "tube.stored"] == [made.tubes[3]]
    # Its making was no deed to the tube itself, and the only one of its transaction: it is told all the same.
    assert [deed["verb"] for deed in story["deeds"]] == ["tube.stored", "material.made"]
