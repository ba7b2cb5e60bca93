"""The page of fitness for use and the form of its rules."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from biobank.assay.fitness_pages import rule_lines
from biobank.errors import Invalid
from tests.bench import version
from tests.material import make_material

LINE = (
    "SER; quantity 200; thaws 2; spin 240; storage 480; measure rin 7; measure ph - 8; without haemolysis leaked; "
    "sprec 3 A C"
)


async def test_rules_are_written_as_lines_and_judge_pasted_tubes(browser, api, database, world):
    body = {"study": "LLS", "code": "BEADS", "title": "Bead panel", "platform": "Luminex", "version": version(["a"])}
    manager = await browser("manager")
    assert "No assays yet" in (await manager.get("/fitness")).text
    await api("manager").ok("/assays", body)
    assert "any material is taken" in (await manager.get("/fitness")).text
    wrong = await manager.post("/assays/BEADS/fitness", {"study": "LLS", "rules": "SER; colour red"})
    assert (wrong.status_code, "colour red" in wrong.text, "line 1" in wrong.text) == (422, True, True)
    made = await manager.post("/assays/BEADS/fitness", {"study": "LLS", "rules": f"\n{LINE}\nPL1"})
    assert made.status_code == 303
    text = (await manager.get("/fitness")).text
    assert (LINE in text, "version 2" in text) == (True, True)
    tubes = (await make_material(database, world, tubes=2)).tubes
    shown = await manager.get(f"/fitness?assay=LLS/BEADS&tubes={tubes[0]}%0A{tubes[1]},nonsense")
    assert (shown.status_code, "0 fit, 3 unfit" in shown.text, "is not measured" in shown.text) == (200, True, True)
    file = await manager.get(f"/fitness/table.csv?assay=LLS/BEADS&tubes={tubes[0]}+=cmd")
    assert (file.status_code, "'=cmd" in file.text) == (200, True)
    unknown = await manager.get("/fitness?assay=LLS/NONE&tubes=x")
    assert (unknown.status_code, "has no assay NONE" in unknown.text) == (422, True)
    assert "Change</summary>" not in (await (await browser("scientist")).get("/fitness")).text


async def test_tubes_for_an_assay_are_found_and_the_ticked_ones_picked(browser, api, database, world):
    body = {"study": "LLS", "code": "BEADS", "title": "Bead panel", "platform": "Luminex"}
    rules = {"fitness": [{"specimen_type": "SER", "min_quantity": "200"}]}
    technician = await browser("technician")
    assert "No assays yet" in (await technician.get("/fitness/tubes")).text
    await api("manager").ok("/assays", body | {"version": version(["a"]) | rules})
    made = await make_material(database, world, tubes=2)
    short = await make_material(database, world, tubes=1, quantity=Decimal(100))
    asked = {"assay": "LLS/BEADS", "site": "LAB", "participants": "", "visit": ""}
    page = (await technician.get(f"/fitness/tubes?{urlencode(asked)}")).text
    assert ("2 fit, 1 left out" in page, "holds 100 uL, the assay needs 200" in page) == (True, True)
    assert (f"take.{made.tubes[0]}" in page, f"take.{short.tubes[0]}" in page) == (True, False)
    ticked = {f"take.{made.tubes[0]}": "on"}
    forced = await technician.post("/fitness/pick-lists", asked | ticked | {f"take.{short.tubes[0]}": "on"})
    assert (forced.status_code, "is unfit for BEADS" in forced.text) == (409, True)
    picked = await technician.post("/fitness/pick-lists", asked | ticked)
    assert (picked.status_code, picked.headers["location"].startswith("/pick-lists/Q")) == (303, True)
    nothing = await technician.get(f"/fitness/tubes?{urlencode(asked | {'visit': 'Y1'})}")
    assert "No tube found" in nothing.text
    wrong = await technician.get(f"/fitness/tubes?{urlencode(asked | {'participants': 'x'})}")
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SER PL1; thaws 2", "begin with one material"),
        ("SER; without", "mean"),
        ("SER; measure rin", "mean"),
        ("SER; sprec 3", "mean"),
        ("SER; thaws many", "max_freeze_thaws"),
    ],
)
def test_lines_that_are_no_rule_are_named(text, said):
    with pytest.raises(Invalid) as refused:
        rule_lines(f"\n{text}")
    assert said in refused.value.detail
    assert refused.value.detail.startswith("Line 2")


def test_a_measurement_may_have_both_limits():
    (rule,) = rule_lines("SER;; measure rin 7 10")
    assert (rule.measurements[0].lowest, rule.measurements[0].highest) == (7, 10)
