"""Which tubes are fit for an assay: asked for any set, and checked when they are plated."""

from decimal import Decimal

import asyncpg
import pytest

from tests.api.specimen_steps import collected, tube, vials
from tests.bench import version
from tests.material import make_material

SERUM = {"specimen_type": "SER", "min_quantity": "200", "max_freeze_thaws": 2}


async def assay(api, *fitness, code="BEADS", **more):
    body = {"study": "LLS", "code": code, "title": "Bead panel", "platform": "Luminex"}
    return await api("manager").post("/assays", body | {"version": version(["a"]) | {"fitness": list(fitness)} | more})


async def run(api, name="run-1", code="BEADS"):
    body = {"study": "LLS", "site": "LAB", "assay": code, "name": name}
    return (await api("technician").ok("/runs", body))["code"]


async def test_scenario_8_an_assay_never_selects_the_partial_vial(api):
    """An assay that needs 200 uL: of 3.1 mL in six full vials and one of 0.1 mL, the six are fit."""
    assert (await assay(api, SERUM)).is_success
    _, (parent,) = await collected(api, tube(quantity="3100"))
    made = await api("technician_chi").ok(
        f"/specimens/{parent['code']}/aliquots", vials(*["0.5"] * 6, "0.1", unit="mL", nominal="0.5")
    )
    codes = [row["code"] for row in made["made"]]
    seen = await api("manager").see("/fitness", assay="BEADS", study="LLS", tube=codes)
    assert (seen["fit"], seen["unfit"]) == (6, 1)
    assert [one["fit"] for one in seen["tubes"]] == [True] * 6 + [False]
    assert seen["tubes"][-1]["reasons"] == ["holds 100 uL, the assay needs 200"]
    text = (await api("manager").get("/fitness/table.csv", assay="BEADS", study="LLS", tube=codes)).text.splitlines()
    assert text[0] == "tube,specimen_type,study,assay,version,fit,reasons"
    assert text[-1] == f'{codes[-1]},SER,LLS,BEADS,1,unfit,"holds 100 uL, the assay needs 200"'


async def test_an_unfit_tube_is_plated_only_by_a_person_with_a_reason(api, database, world):
    assert (await assay(api, SERUM)).is_success
    plate = await run(api)
    good = await make_material(database, world, tubes=1)
    short = await make_material(database, world, tubes=1, quantity=Decimal(50))
    other = await make_material(database, world, tubes=1, specimen_type="URN", quantity=Decimal(500))
    wells = [
        {"well": "A1", "code": good.tubes[0]},
        {"well": "A2", "code": short.tubes[0]},
        {"well": "A3", "code": other.tubes[0]},
    ]
    refused = (await api("technician").post(f"/runs/{plate}/wells", {"wells": wells})).json()
    assert refused["type"] == "/problems/plate-map-refused"
    assert [(row["well"], row["problem"]) for row in refused["rows"]] == [
        ("A2", "the tube is unfit: holds 50 uL, the assay needs 200"),
        ("A3", "the tube is unfit: Urine, spot (URN): the assay takes SER"),
    ]
    wells[1]["override"] = "the only one of this visit"
    done = await api("technician").ok(f"/runs/{plate}/wells", {"wells": wells[:2]})
    first, second = done["plates"][0]["wells"]
    assert (first["unfit"], first["override_reason"], first["overridden_by"]) == (None, None, None)
    assert (second["unfit"], second["override_reason"], second["overridden_by"], second["flag"]) == (
        "holds 50 uL, the assay needs 200",
        "the only one of this visit",
        "Technician",
        "unfit, overridden",
    )
    again = [{key: value for key, value in well.items() if key != "override"} for well in wells[:2]]
    kept = await api("technician").ok(f"/runs/{plate}/wells", {"wells": again, "replace": True})
    assert kept["plates"][0]["wells"][1]["override_reason"] == "the only one of this visit"
    moved = [{"well": "B1", "code": short.tubes[0]}]
    assert (await api("technician").post(f"/runs/{plate}/wells", {"wells": moved})).status_code == 422
    fine = [{"well": "B2", "code": good.tubes[0], "override": "not needed"}]
    plain = await api("technician").ok(f"/runs/{plate}/wells", {"wells": fine})
    assert plain["plates"][0]["wells"][-1]["override_reason"] is None


async def test_rules_of_every_kind_are_stored_and_judged(api, database, world, superuser):
    everything = {
        **SERUM,
        "max_minutes_to_spin": 120,
        "max_minutes_to_storage": 240,
        "measurements": [
            {"quantity": "rin", "lowest": "7"},
            {"quantity": "viability", "lowest": "80", "highest": "100"},
        ],
        "deviations": ["haemolysis"],
        "sprec": [{"element": 3, "codes": ["A", "C"]}, {"element": 7, "codes": ["A"]}],
    }
    assert (await assay(api, everything, {"specimen_type": "PL1"})).is_success
    (shown,) = await api("scientist").see("/assays", study="LLS")
    assert shown["versions"][0]["fitness"][0] == {
        **everything,
        "measurements": [
            {"quantity": "rin", "title": "RNA integrity number", "lowest": "7", "highest": None},
            {"quantity": "viability", "title": "Viability", "lowest": "80", "highest": "100"},
        ],
    }
    made = await make_material(database, world, tubes=2)
    for name, value in (("rin", "6.5"), ("rin", "7.5"), ("viability", "79")):
        await superuser.execute(
            "select set_config('biobank.actor', 'service', false), "
            "set_config('biobank.tx', gen_random_uuid()::text, false)"
        )
        await superuser.execute(
            "insert into qc_measurement (specimen_id, quantity, value, raw_text, measured_at) "
            "values ($1, $2, $3, $4, clock_timestamp())",
            made.tube_ids[0],
            name,
            Decimal(value),
            value,
        )
    for kind in ("haemolysis", "broken", "low_volume"):
        await superuser.execute(
            "insert into deviation (specimen_id, type_code) values ($1, $2)", made.tube_ids[0], kind
        )
    seen = await api("scientist").see("/fitness", assay="BEADS", study="LLS", tube=made.tubes[0])
    assert seen["tubes"][0]["reasons"] == [
        "deviation: Broken, discard and do not ship",
        "Viability is 79, at least 80",
        "deviation: Haemolysis present",
        "collection to spin: the time is not recorded, at most 120 min",
        "collection to storage: the time is not recorded, at most 240 min",
        "SPREC element 3 is X, the assay takes A, C",
        "SPREC element 7 is X, the assay takes A",
    ]


BAD = {
    "twice the material": ([SERUM, SERUM], "fitness"),
    "no such material": ([{"specimen_type": "NONE"}], "fitness.specimen_type"),
    "no such quality": (
        [{"specimen_type": "SER", "measurements": [{"quantity": "x", "lowest": 1}]}],
        "fitness.measure",
    ),
    "no limit": ([{"specimen_type": "SER", "measurements": [{"quantity": "rin"}]}], "fitness.0.measurements"),
    "limits": (
        [{"specimen_type": "SER", "measurements": [{"quantity": "rin", "lowest": 9, "highest": 1}]}],
        "fitness.0.measurements",
    ),
    "quality twice": (
        [{"specimen_type": "SER", "measurements": [{"quantity": "rin", "lowest": 1}] * 2}],
        "fitness.0.measurements",
    ),
    "no such deviation": ([{"specimen_type": "SER", "deviations": ["x"]}], "fitness.deviations"),
    "code twice": ([{"specimen_type": "SER", "sprec": [{"element": 3, "codes": ["A", "A"]}]}], "fitness.0.sprec"),
    "element": ([{"specimen_type": "SER", "sprec": [{"element": 8, "codes": ["A"]}]}], "element"),
    "zero": ([{"specimen_type": "SER", "min_quantity": 0}], "min_quantity"),
}


async def test_rules_that_cannot_be_are_named_and_nothing_is_stored(api):
    for name, (fitness, field) in BAD.items():
        response = await assay(api, *fitness)
        assert response.status_code == 422, name
        assert field in " ".join(response.json()["errors"]), (name, response.json())
    assert await api("manager").see("/assays", study="LLS") == []


async def test_other_rules_are_those_of_a_new_version_and_a_used_one_never_changes(api, superuser):
    assert (await assay(api)).is_success
    revised = await api("manager").ok("/assays/BEADS/fitness", {"study": "LLS", "fitness": [SERUM]})
    assert [(one["number"], len(one["fitness"])) for one in revised["versions"]] == [(1, 0), (2, 1)]
    assert revised["versions"][0]["analytes"] == revised["versions"][1]["analytes"]
    await run(api)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    used = "ck_fitness_rule_version_was_used"
    for statement, constraint in (
        ("insert into fitness_rule (assay_version_id, specimen_type) select max(id), 'PL1' from assay_version", used),
        ("insert into fitness_sprec (fitness_rule_id, element, code) select id, 3, 'A' from fitness_rule", used),
        ("insert into fitness_deviation (fitness_rule_id, type_code) select id, 'leaked' from fitness_rule", used),
        ("update fitness_rule set min_quantity = 1", "ck_fitness_rule_append_only"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == constraint, statement
    missing = await api("manager").post("/assays/NONE/fitness", {"study": "LLS", "fitness": []})
    assert missing.status_code == 404


async def test_what_cannot_be_looked_up_is_told(api, database, world):
    assert (await assay(api, SERUM)).is_success
    here = await make_material(database, world, tubes=1)
    foreign = await make_material(database, world, tubes=1, study="OTH", site="LAB", holder="technician")
    seen = await api("manager").see(
        "/fitness", assay="BEADS", study="LLS", tube=[here.tubes[0].lower(), "TAAAAAAAAA", foreign.tubes[0], "x"]
    )
    assert [one["fit"] for one in seen["tubes"]] == [True, False, False, False]
    assert "check character" in seen["tubes"][1]["reasons"][0]
    assert seen["tubes"][2]["reasons"][0].startswith("there is no tube")
    ask = api("manager").get
    assert (await ask("/fitness", assay="BEADS", study="LLS")).status_code == 422
    assert (await ask("/fitness", assay="BEADS", study="LLS", tube=["x"] * 501)).status_code == 422
    assert (await ask("/fitness", assay="NONE", study="LLS", tube="x")).status_code == 404
    assert (await ask("/fitness", assay="BEADS", study="LLS", tube="x", version=7)).status_code == 404
    assert (await ask("/fitness", assay="BEADS", study="OTH", tube="x")).status_code == 404
    await api("technician").ok(f"/specimens/{here.tubes[0]}/quality", {"quality": "quarantined", "reason": "to see"})
    seen = await ask("/fitness", assay="BEADS", study="LLS", tube=here.tubes[0], version=1)
    assert seen.json()["tubes"][0]["reasons"] == ["the tube is quarantined"]


async def test_what_finds_and_lists_tubes_for_an_assay_tells_why_others_are_left_out(api, database, world):
    """State, claims of others, consent to research and the fitness rules; a list is made of none that has a reason."""
    assert (await assay(api, SERUM)).is_success
    good = await make_material(database, world, tubes=4)
    other = await make_material(database, world, tubes=1, specimen_type="URN")
    foreign = await make_material(database, world, tubes=1, study="OTH", site="LAB", holder="technician")
    await api("technician").ok(f"/specimens/{good.tubes[1]}/quality", {"quality": "quarantined", "reason": "to see"})
    await api("scientist").ok("/reservations", {"tubes": [good.tubes[2]], "purpose": "proteomics"})
    await api("scientist").ok("/reservations", {"tubes": [good.tubes[3]], "purpose": "beads"})

    find = {"study": "LLS", "assay": "BEADS", "site": "LAB"}
    seen = await api("technician").see("/fitness/tubes", **find)
    told = {one["tube"]["code"]: one["reasons"] for one in seen["tubes"]}
    assert (seen["fit"], seen["left_out"], seen["next"]) == (2, 2, None)
    assert {code for code, why in told.items() if not why} == {good.tubes[0], good.tubes[3]}
    assert told[good.tubes[1]] == ["the tube is quarantined"]
    assert "reserved by Scientist for proteomics" in told[good.tubes[2]][0]
    whose = await api("technician").see("/fitness/tubes", **find, participant=good.participant, visit="BASE")
    assert len(whose["tubes"]) == 4
    assert (await api("technician").see("/fitness/tubes", **find, visit="Y1"))["tubes"] == []
    assert (await api("technician").get("/fitness/tubes", **find, participant="x")).status_code == 422
    assert (await api("technician").get("/fitness/tubes", **find | {"site": "NONE"})).status_code == 404

    every = [*good.tubes, other.tubes[0], foreign.tubes[0]]
    pick = api("technician")
    refused = (await pick.post("/fitness/BEADS/pick-lists", {"study": "LLS", "tubes": every})).json()
    assert refused["type"] == "/problems/tubes-blocked"
    assert {one["tube"]: one["reason"] for one in refused["blocked"]} == {
        good.tubes[1]: "quarantined",
        good.tubes[2]: "reserved",
        other.tubes[0]: "unfit",
        foreign.tubes[0]: "unknown",
    }
    none = {"study": "LLS", "tubes": [other.tubes[0]], "leave_out": True}
    assert (await pick.post("/fitness/BEADS/pick-lists", none)).status_code == 409
    made = await pick.ok("/fitness/BEADS/pick-lists", {"study": "LLS", "tubes": every, "leave_out": True})
    assert {one["tube"] for one in made["pick_list"]["lines"]} == {good.tubes[0], good.tubes[3]}
    assert (made["pick_list"]["purpose"], len(made["left_out"])) == ("BEADS", 4)
    assert (await pick.post("/fitness/BEADS/pick-lists", {"study": "LLS"})).status_code == 422
    crossed = {"study": "LLS", "tubes": [foreign.tubes[0]]}
    grant = {"role": "technician", "study": "OTH", "site": "LAB"}
    await api("administrator").ok("/users/technician/grants", grant)
    told = (await pick.post("/fitness/BEADS/pick-lists", crossed)).json()
    assert [one["reason"] for one in told["blocked"]] == ["other_study"]


async def test_tubes_without_consent_to_research_are_left_out_of_an_assay(api):
    assert (await assay(api, SERUM)).is_success
    _, (kept,) = await collected(api, tube(tube_type="CRYO05", quantity="500"))
    seen = await api("technician_chi").see("/fitness/tubes", study="LLS", assay="BEADS", site="CHI")
    assert [one["reasons"] for one in seen["tubes"]] == [["there is no consent to future research"]]
    wanted = {"study": "LLS", "tubes": [kept["code"]]}
    refused = (await api("technician_chi").post("/fitness/BEADS/pick-lists", wanted)).json()
    assert [one["reason"] for one in refused["blocked"]] == ["not_consented"]
