"""Equipment, its calibrations and programs, and reagent lots."""

import asyncpg
import pytest

from tests.api.specimen_steps import DEVICE, SPIN, centrifuge, day

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


async def test_equipment_is_registered_and_found_at_its_site(api):
    made = await api("manager").ok("/equipment", DEVICE | {"calibration_due": day(90)})
    assert (made["status"], made["calibration"], made["programs"]) == ("in_service", "valid", [])
    assert await api("technician_chi").see("/equipment/CHI/CF-1") == made
    assert [one["code"] for one in await api("scientist").see("/equipment", site="CHI")] == ["CF-1"]
    assert await api("scientist").see("/equipment", site="LAB") == []
    again = await api("manager").post("/equipment", DEVICE)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/equipment-exists")
    assert (await api("manager").ok("/equipment", DEVICE | {"site": "LAB"}))["site"] == "LAB"


async def test_only_a_manager_of_the_site_manages_its_equipment(api):
    for who, status in (("technician_chi", 403), ("scientist", 403), ("stranger", 404)):
        assert (await api(who).post("/equipment", DEVICE)).status_code == status, who
    await api("manager").ok("/equipment", DEVICE)
    assert (await api("stranger").get("/equipment/CHI/CF-1")).status_code == 404
    assert await api("stranger").see("/equipment") == []
    for what, body in (
        ("programs", SPIN),
        ("calibrations", {"calibrated_on": day(0), "calibration_due": day(9), "certificate": "C", "row_version": 1}),
        ("status", {"status": "retired", "reason": "mine now", "row_version": 1}),
        ("programs/SERUM/withdraw", {"reason": "mine now"}),
    ):
        assert (await api("stranger").post(f"/equipment/CHI/CF-1/{what}", body)).status_code == 404, what


async def test_due_calibrations_come_first_and_what_is_retired_last(api):
    for code, due in (("A", None), ("B", day(300)), ("C", day(20)), ("D", day(-3)), ("E", day(-9)), ("F", day(-20))):
        await api("manager").ok("/equipment", DEVICE | {"code": code, "calibration_due": due})
    await api("manager").ok(
        "/equipment/CHI/F/status", {"status": "retired", "reason": "Motor is gone", "row_version": 1}
    )
    found = await api("manager").see("/equipment")
    assert [(one["code"], one["calibration"]) for one in found] == [
        ("E", "overdue"),
        ("D", "overdue"),
        ("C", "soon"),
        ("A", "none"),
        ("B", "valid"),
        ("F", "none"),
    ]


async def test_a_calibration_moves_the_day_that_is_due(api):
    await api("manager").ok("/equipment", DEVICE | {"calibration_due": day(-3)})
    good = {"calibrated_on": day(-1), "calibration_due": day(364), "certificate": "DKD 4711", "row_version": 1}
    url = "/equipment/CHI/CF-1/calibrations"
    for change, field in (
        ({"calibrated_on": day(3)}, "calibrated_on"),
        ({"calibration_due": day(-1)}, "calibration_due"),
        ({"certificate": ""}, "certificate"),
    ):
        refused = await api("manager").post(url, good | change)
        assert (refused.status_code, list(refused.json()["errors"])) == (422, [field]), refused.text
    stale = await api("manager").post(url, good | {"row_version": 7})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/equipment-changed")
    done = await api("manager").ok(url, good)
    assert (done["calibration_due"], done["calibration"], done["row_version"]) == (day(364), "valid", 2)


async def test_programs_are_added_and_withdrawn_and_never_change(api, superuser):
    await api("manager").ok("/equipment", DEVICE)
    made = await api("manager").ok("/equipment/CHI/CF-1/programs", SPIN)
    (program,) = made["programs"]
    assert program == SPIN | {"is_active": True}
    again = await api("manager").post("/equipment/CHI/CF-1/programs", SPIN)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/equipment-exists")
    for change in ({"tube_types": ["NOPE"]}, {"tube_types": ["SST", "SST"]}, {"g_force": "0"}, {"code": "a b"}):
        refused = await api("manager").post("/equipment/CHI/CF-1/programs", SPIN | {"code": "OTHER"} | change)
        assert refused.status_code == 422, refused.text
    url = "/equipment/CHI/CF-1/programs/SERUM/withdraw"
    gone = await api("manager").ok(url, {"reason": "New SOP asks for more force"})
    assert [one["is_active"] for one in gone["programs"]] == [False]
    twice = await api("manager").post(url, {"reason": "once more"})
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/equipment-not-usable")
    unknown = await api("manager").post("/equipment/CHI/CF-1/programs/NONE/withdraw", {"reason": "once more"})
    assert (unknown.status_code, list(unknown.json()["errors"])) == (422, ["program"])
    await superuser.execute(CONTEXT)
    for change in ("g_force = 900", "minutes = 9", "celsius = 30", "brake = not brake", "code = 'PLASMA'"):
        with pytest.raises(asyncpg.CheckViolationError) as kept:
            await superuser.execute(f"update equipment_program set {change}")
        assert kept.value.constraint_name == "ck_equipment_program_never_changes"


async def test_retired_equipment_stays_retired(api, superuser):
    await api("manager").ok("/equipment", DEVICE)
    url = "/equipment/CHI/CF-1/status"
    away = await api("manager").ok(url, {"status": "out_of_service", "reason": "Rotor imbalance", "row_version": 1})
    back = await api("manager").ok(url, {"status": "in_service", "reason": "Repaired", "row_version": 2})
    assert (away["status"], back["status"]) == ("out_of_service", "in_service")
    await api("manager").ok(url, {"status": "retired", "reason": "Sold", "row_version": 3})
    refused = await api("manager").post(url, {"status": "in_service", "reason": "Bought back", "row_version": 4})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/equipment-not-usable")
    assert (await api("manager").get("/equipment/CHI/NONE")).status_code == 404
    gone = await api("manager").post(
        "/equipment/CHI/NONE/status", {"status": "retired", "reason": "?!?", "row_version": 1}
    )
    assert gone.status_code == 404
    await superuser.execute(CONTEXT)
    for status in ("in_service", "out_of_service"):
        with pytest.raises(asyncpg.CheckViolationError) as kept:
            await superuser.execute("update equipment set status = $1", status)
        assert kept.value.constraint_name == "ck_equipment_retired_is_final"


async def test_lots_are_registered_by_those_who_use_them(api):
    lot = {"site": "CHI", "reagent": "Lymphoprep", "lot": "L-1", "expires_on": day(-3)}
    for change in ({}, {"lot": "L-2", "expires_on": day(30)}, {"lot": "L-3", "expires_on": None}):
        await api("technician_chi").ok("/reagent-lots", lot | change)
    found = await api("technician_chi").see("/reagent-lots")
    assert [(one["lot"], one["is_expired"]) for one in found] == [("L-3", False), ("L-2", False), ("L-1", True)]
    again = await api("technician_chi").post("/reagent-lots", lot)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/equipment-exists")
    assert (await api("technician_chi").post("/reagent-lots", lot | {"site": "LAB"})).status_code == 404
    assert (await api("scientist").post("/reagent-lots", lot)).status_code == 403
    assert await api("stranger").see("/reagent-lots") == []
    assert await api("manager").see("/reagent-lots", site="LAB") == []


@pytest.mark.parametrize("column", ["g_force", "minutes", "celsius"])
async def test_the_database_keeps_the_settings_of_a_program(api, superuser, column):
    await centrifuge(api)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(Exception, match="never change"):
        await superuser.execute(f"update equipment_program set {column} = 99")
