"""The pages of tables of no known format, used as a browser without scripts uses them."""

import html
import re
from uuid import uuid4

from tests.bench import plan, plated, table, table_mapping

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
CHOSEN = re.compile(r'<select[^>]* name="([\w-]+)".*?<option value="([^"]*)" selected>', re.DOTALL)
TYPED = re.compile(r'<input(?=[^>]*\sname="(unit-\d+|header_line)")[^>]*\svalue="([^"]*)"')


def fields(text):
    """What a browser would send of the page's form as it stands."""
    form = text[text.index('enctype="multipart/form-data"') :]
    form = form[: form.index("</form>")]
    found = [*HIDDEN.findall(form), *CHOSEN.findall(form), *TYPED.findall(form)]
    return {name: html.unescape(value) for name, value in found if not name.startswith("_")}


async def send(browser, path, file=None, **values):
    form = {"_csrf_token": browser.client.cookies.get("csrftoken", ""), "_key": str(uuid4()), **values}
    parts = {name: (None, value) for name, value in form.items()}
    if file is not None:
        parts["file"] = file
    return await browser.client.post(path, files=parts)


async def ready(api, database, world, name):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, name=name, importer="generic_table")
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control high"})
    return f"/runs/{bench.plate}"


async def test_a_person_corrects_the_guess_sees_what_is_read_and_imports(browser, api, database, world):
    run = await ready(api, database, world, "run-1")
    technician = await browser("technician")
    shown = (await technician.get(run)).text
    assert "This assay takes any table" in shown
    assert "Any table of samples and values" in shown
    file = ("robot.csv", table({"A1": "s1", "B1": "=c"}))
    seen = await send(technician, f"{run}/preview", file=file)
    assert (seen.status_code, "Nobody has said yet what the columns of this table mean" in seen.text) == (200, True)
    assert "<td>1.50</td>" in seen.text
    form = fields(seen.text)
    assert [form[f"meaning-{at}"] for at in range(4)] == ["well", "sample", "value", "fact"]

    none = await send(technician, f"{run}/mapping", **{**form, "meaning-2": "ignored", "step": "look"})
    assert "at least one column must hold values" in none.text
    assert "Import with this mapping" not in none.text
    twice = await send(technician, f"{run}/mapping", **{**form, "meaning-3": "sample", "step": "import"})
    assert "only one column can be the sample, and these are: Sample, note" in twice.text
    unlooked = await send(technician, f"{run}/mapping", **{**form, "unit-2": "U/mL", "step": "import"})
    assert (unlooked.status_code, "You changed what the columns mean since" in unlooked.text) == (200, True)
    elsewhere = await send(technician, f"{run}/mapping", **{**form, "header_line": "2", "step": "look"})
    assert (fields(elsewhere.text)["header_line"], "what is shown here is not" in elsewhere.text) == ("2", False)
    nowhere = await send(technician, f"{run}/mapping", **{**form, "header_line": "x", "step": "look"})
    assert (nowhere.status_code, "is a number from 1" in nowhere.text) == (422, True)
    gone = await send(technician, f"{run}/mapping", **{**form, "header_line": "99", "step": "look"})
    assert "no column names stand here" in gone.text
    for damaged in ({"shown": "{"}, {"packed": "####"}, {"meaning-1": "horoscope"}, {"decimal": "'"}):
        bad = await send(technician, f"{run}/mapping", **{**form, **damaged, "step": "look"})
        assert bad.status_code == 422, damaged
    assert "Plated" in (await technician.get(run)).text

    ready_form = fields(unlooked.text)
    assert ready_form["unit-2"] == "U/mL"
    done = await send(technician, f"{run}/mapping", **{**ready_form, "step": "import"})
    assert (done.status_code, done.headers["location"]) == (303, run)
    text = (await technician.get(run)).text
    assert "Waits for review" in text
    assert re.search(r'href="/column-mappings/LLS/\w{64}">version 1 of the mapping', text)
    reviewer = await browser("reviewer")
    assert "Nothing would change" in (await send(reviewer, f"{run}/reading-again")).text


async def test_the_next_file_is_read_so_unless_somebody_corrects_it_meanwhile(browser, api, database, world):
    made = await api("technician").ok("/column-mappings", {"study": "LLS", "mapping": table_mapping()})
    path = f"/column-mappings/LLS/{made['signature']}"
    technician = await browser("technician")
    second = await ready(api, database, world, "run-2")
    known = await send(technician, f"{second}/preview", file=("next.csv", table({"A1": "s", "B1": "c"}, value="7")))
    assert "These columns are known" in known.text
    assert "version 1 of this mapping" in known.text
    assert fields(known.text)["unit-2"] == "U/mL"

    other = await browser("technician2")
    page = (await other.get(path)).text
    assert "In force" in page
    correct = {"known": "1", "meaning-3": "flag", "unit-2": "U/mL", "decimal": ".", "reason": "it is a call"}
    assert (await other.post(path, correct)).status_code == 303
    late = await send(technician, f"{second}/mapping", **{**fields(known.text), "meaning-3": "ignored", "step": "look"})
    stale = {**fields(late.text), "known": "1", "step": "import"}
    refused = await send(technician, f"{second}/mapping", **stale)
    assert (refused.status_code, "at version 2 by technician2, and you looked at version 1" in refused.text) == (
        409,
        True,
    )
    assert fields(refused.text)["known"] == "2", "the page that comes back knows the latest version"
    assert "Plated" in (await technician.get(second)).text


async def test_what_is_remembered_is_looked_at_corrected_and_withdrawn(browser, api):
    technician = await browser("technician")
    assert "Nothing is remembered yet" in (await technician.get("/column-mappings")).text
    made = await api("technician").ok("/column-mappings", {"study": "LLS", "mapping": table_mapping()})
    path = f"/column-mappings/LLS/{made['signature']}"
    assert path in (await technician.get("/column-mappings")).text
    wrong = await technician.post(path, {"known": "1", "meaning-2": "fact", "decimal": "."})
    assert (wrong.status_code, "at least one column must hold values" in wrong.text) == (422, True)
    late = await technician.post(path, {"known": "0", "meaning-3": "flag", "decimal": "."})
    assert (late.status_code, "you looked at version 0" in late.text) == (409, True)
    assert (await technician.post(f"{path}/withdraw", {"known": "1", "reason": ""})).status_code == 422
    assert (await technician.post(f"{path}/withdraw", {"known": "1", "reason": "robot changed"})).status_code == 303
    text = (await technician.get(path)).text
    assert "Withdrawn by technician: robot changed" in text
    assert "Withdraw mapping" not in text
    scientist = (await (await browser("scientist")).get(path)).text
    assert ("Remember as version" in scientist, "<td>Sample</td>" in scientist) == (False, True)
