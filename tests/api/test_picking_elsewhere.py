"""Claims at other desks: packing, plating, the axes of a tube's state, and a site's own words for them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from biobank.actor import SERVICE
from biobank.errors import Forbidden
from biobank.picking.commands import MakePickList, make
from biobank.picking.reserving import ReserveTubes, reserve
from biobank.tx import open_tx
from tests.bench import plan, plate_map
from tests.material import make_material
from tests.picklists import PURPOSE, listed, step, stored, verified
from tests.shipping import draft

SOURCES = Path(__file__).parents[2] / "biobank"


def problem(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert body["type"] == f"/problems/{code}", body
    return body


def reasons(response):
    return {one["tube"]: one["reason"] for one in problem(response, 409, "tubes-blocked")["blocked"]}


async def test_packing_keeps_out_what_somebody_else_claimed(api, database, world):
    made = await make_material(database, world, tubes=4)
    reserved, same, mine, on_list = made.tubes
    await api("scientist").ok("/reservations", {"tubes": [reserved], "purpose": "RNA of flares"})
    await api("scientist").ok("/reservations", {"tubes": [same], "purpose": "assay OF cytokines"})
    await api("clerk").ok("/reservations", {"tubes": [mine], "purpose": "Something of mine"})
    await listed(api("clerk"), [on_list])
    code = await draft(api("clerk"))
    refused = await api("clerk").post(f"/shipments/{code}/items", {"tubes": list(made.tubes)})
    assert reasons(refused) == {reserved: "reserved", on_list: "on_pick_list"}
    assert "is reserved by Scientist for RNA of flares until" in refused.json()["detail"]
    await api("clerk").ok(f"/shipments/{code}/items", {"tubes": [same, mine]})
    over = {row["tube"]: row["ending"] for row in (await api("clerk").see("/reservations", ended=True))["rows"]}
    assert over == {reserved: None, same: "fulfilled", mine: "fulfilled"}


async def test_a_pick_list_goes_into_a_package_in_one_deed(api, database, world, superuser):
    made = await stored(api, database, world)
    clerk = api("clerk_lab")
    await clerk.ok("/reservations", {"tubes": list(made.tubes), "purpose": PURPOSE})
    code = await verified(clerk, made.tubes, destination="packing")
    shipment = await draft(api("clerk"))
    packed = await clerk.ok(f"/shipments/{shipment}/pick-lists", {"pick_list": code})
    assert sorted(packed["tubes"]) == sorted(made.tubes)
    view = await clerk.see(f"/pick-lists/{code}")
    assert (view["status"], view["handed_for"]) == (
        "handed_over",
        f"Shipment {shipment[:4]}-{shipment[4:8]}-{shipment[8:]}",
    )
    assert {line["place"] for line in view["lines"]} == {"package"}
    again = await clerk.post(f"/shipments/{shipment}/pick-lists", {"pick_list": code})
    assert set(reasons(again).values()) == {"already_packed"}


async def test_the_gate_of_packing_holds_for_a_pick_list(api, database, world, superuser):
    """What consent does not let travel keeps the whole list back, and then the list is not handed over either."""
    made = await stored(api, database, world, tubes=2)
    clerk = api("clerk_lab")
    code = await verified(clerk, made.tubes, destination="packing")
    shipment = await draft(api("clerk"))
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("set session_replication_role = replica")  # consent is only added to
    await superuser.execute("delete from consent_decision where scope_code = 'international_transfer'")
    refused = await clerk.post(f"/shipments/{shipment}/pick-lists", {"pick_list": code})
    assert set(reasons(refused).values()) == {"not_consented"}
    assert (await clerk.see(f"/pick-lists/{code}"))["status"] == "verified"
    home = await draft(api("clerk"), to_site="CHI")
    await step(clerk, code, "hand-over", handed_for="The packing desk")
    await clerk.ok(f"/shipments/{home}/pick-lists", {"pick_list": code})


async def test_the_service_itself_neither_reserves_nor_picks(database, world):
    made = await make_material(database, world, tubes=1)
    deeds = (
        (reserve, ReserveTubes(tubes=made.tubes, purpose=PURPOSE)),
        (make, MakePickList(tubes=made.tubes, purpose=PURPOSE, destination="bench")),
    )
    for verb, command in deeds:
        async with open_tx(database, SERVICE) as tx:
            with pytest.raises(Forbidden, match="log in"):
                await verb(tx, command)


async def test_only_a_finished_list_is_packed(api, database, world):
    made = await stored(api, database, world, tubes=1)
    code = await listed(api("clerk_lab"), made.tubes)
    shipment = await draft(api("clerk"))
    problem(
        await api("clerk_lab").post(f"/shipments/{shipment}/pick-lists", {"pick_list": code}), 409, "pick-list-state"
    )
    nothing = await api("clerk_lab").post(f"/shipments/{shipment}/pick-lists", {"pick_list": "QKQ7M3X9VE"})
    assert nothing.status_code in {404, 422}


async def test_plating_keeps_out_what_somebody_else_claimed(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=4, name="r14")
    reserved, for_run, for_assay, on_list = bench.material.tubes
    assay = (await api("technician").see(f"/runs/{bench.run}"))["assay"]
    await api("scientist").ok("/reservations", {"tubes": [reserved], "purpose": "RNA of flares"})
    await api("scientist").ok("/reservations", {"tubes": [for_run], "purpose": "R14"})
    await api("scientist").ok("/reservations", {"tubes": [for_assay], "purpose": str(assay)})
    await listed(api("technician2"), [on_list])
    wells = {f"{row}1": tube for row, tube in zip("ABCD", bench.material.tubes, strict=True)}
    tech = api("technician")
    path, upload = f"/api/v1/runs/{bench.run}/plate-map", {"file": ("map.csv", plate_map(wells))}
    key = {"Idempotency-Key": "0b0f8f1e-7d0e-4a53-9a0a-6f9f0e6b1c12"}
    refused = await tech.client.post(path, files=upload, headers=key)
    rows = {row["well"]: row["problem"] for row in problem(refused, 422, "plate-map-refused")["rows"]}
    assert set(rows) == {"A1", "D1"}
    assert rows["A1"].startswith("the tube is reserved by Scientist for RNA of flares until")
    assert rows["D1"].startswith("the tube is on pick list Q")
    good = {"file": ("map.csv", plate_map({"B1": for_run, "C1": for_assay}))}
    key = {"Idempotency-Key": "0b0f8f1e-7d0e-4a53-9a0a-6f9f0e6b1c13"}
    assert (await tech.client.post(path, files=good, headers=key)).is_success
    over = {row["tube"]: row["ending"] for row in (await tech.see("/reservations", ended=True))["rows"]}
    assert over == {reserved: None, for_run: "fulfilled", for_assay: "fulfilled"}


async def test_the_axes_are_told_apart_wherever_a_tube_is_told(api, database, world):
    made = await stored(api, database, world, tubes=4)
    free, reserved, on_list, taken = made.tubes
    tech = api("technician")
    await tech.ok("/reservations", {"tubes": [reserved], "purpose": PURPOSE})
    code = await listed(tech, [on_list, taken])
    await tech.ok(f"/pick-lists/{code}/picks", {"tube": taken})
    wanted = {free: "free", reserved: "reserved", on_list: "listed", taken: "picked"}
    for tube, reservation in wanted.items():
        view = await tech.see(f"/specimens/{tube}")
        place = "holder" if tube == taken else "position"
        axes = (view["existence"], view["place"], view["quality"], view["reservation"])
        assert axes == ("exists", place, "acceptable", reservation)
        assert (await tech.see(f"/scan/{tube}"))["tube"]["reservation"] == reservation
        rows = (await tech.see("/specimens", reservation=reservation, participant=made.participant))["rows"]
        assert [row["code"] for row in rows] == [tube]
    answer = await tech.ok("/scan", {"text": reserved, "mode": "find"})
    assert "reserved" in answer["message"]
    found = await tech.see(f"/scan/{code}")
    assert (found["kind"], found["href"]) == ("pick list", f"/pick-lists/{code}")
    assert (await tech.see("/find", q=code))["href"] == f"/pick-lists/{code}"


LABEL = {"study": "LLS", "site": "LAB", "axis": "quality", "state": "quarantined", "label": "Haemolysed"}


async def test_a_site_names_its_states(api, database, world):
    made = await make_material(database, world, tubes=2)
    first, second = made.tubes
    manager, tech = api("manager"), api("technician")
    added = await manager.ok("/state-labels", {**LABEL, "colour": "stop"})
    assert (added["label"], added["state"], added["created_by"]) == ("Haemolysed", "quarantined", "Manager")
    await manager.ok("/state-labels", {**LABEL, "label": "Wrong fridge"})
    problem(await manager.post("/state-labels", {**LABEL, "label": "HAEMOLYSED"}), 409, "label-exists")
    # Choosing a word sets the state that it stands for.
    view = await tech.ok(f"/specimens/{first}/quality", {"label": "haemolysed", "reason": "Red after the spin"})
    assert (view["quality"], view["quality_label"], view["quality_colour"]) == ("quarantined", "Haemolysed", "stop")
    assert (await tech.see(f"/scan/{first}"))["tube"]["quality_label"] == "Haemolysed"
    assert "quarantined: Haemolysed" in (await tech.ok("/scan", {"text": first, "mode": "find"}))["message"]
    view = await tech.ok(f"/specimens/{first}/quality", {"label": "Wrong fridge", "reason": "Found it at 4 C"})
    assert (view["quality"], view["quality_label"]) == ("quarantined", "Wrong fridge")
    both = {"label": "Wrong fridge", "quality": "acceptable", "reason": "A contradiction"}
    problem(await tech.post(f"/specimens/{first}/quality", both), 422, "invalid")
    problem(await tech.post(f"/specimens/{first}/quality", {"reason": "Nothing said"}), 422, "invalid")
    problem(await tech.post(f"/specimens/{first}/quality", {"label": "Unheard", "reason": "No word"}), 404, "not-found")
    # Retired words stay readable, and cannot be chosen any more.
    retired = await manager.ok(
        "/state-labels/retire", {name: LABEL[name] for name in ("study", "site", "axis")} | {"label": "Wrong fridge"}
    )
    assert retired["retired_at"]
    assert (await tech.see(f"/specimens/{first}"))["quality_label"] == "Wrong fridge"
    problem(
        await tech.post(f"/specimens/{second}/quality", {"label": "Wrong fridge", "reason": "Too late"}),
        404,
        "not-found",
    )
    assert [row["label"] for row in await tech.see("/state-labels", study="LLS", site="LAB", axis="quality")] == [
        "Haemolysed"
    ]
    assert len(await tech.see("/state-labels", retired=True)) == 2
    # Another state without a word takes the word away.
    view = await tech.ok(f"/specimens/{first}/quality", {"quality": "acceptable", "reason": "Looked again"})
    assert (view["quality"], view["quality_label"]) == ("acceptable", None)
    # A word of another site is not to be chosen here.
    await manager.ok("/state-labels", {**LABEL, "site": "CHI", "label": "Only in Chicago"})
    problem(
        await tech.post(f"/specimens/{first}/quality", {"label": "Only in Chicago", "reason": "Elsewhere"}),
        404,
        "not-found",
    )


async def test_an_axis_that_nobody_sets_has_one_word_for_a_state(api, database, world):
    lost = {**LABEL, "axis": "existence", "state": "lost", "label": "Gone astray"}
    await api("manager").ok("/state-labels", lost)
    problem(await api("manager").post("/state-labels", {**lost, "label": "Mislaid"}), 409, "label-exists")
    problem(await api("manager").post("/state-labels", {**lost, "state": "rejected"}), 422, "invalid")
    problem(
        await api("manager").post(
            "/state-labels/retire", {**{n: lost[n] for n in ("study", "site", "axis")}, "label": "Nothing"}
        ),
        404,
        "not-found",
    )
    problem(await api("technician").post("/state-labels", lost), 403, "forbidden")
    problem(await api("stranger").post("/state-labels", lost), 404, "not-found")
    assert await api("stranger").see("/state-labels", retired=True) == []


@pytest.mark.parametrize("word", ["quality_label", "StateLabel", "state_label"])
def test_logic_never_looks_at_words(word):
    """Rules, gates and deeds know states only; the words are set, stored and shown by these files and no other."""
    allowed = {
        "specimen/models.py",
        "specimen/state_label.py",
        "specimen/wording.py",
        "specimen/upkeep.py",
        "specimen/doubt.py",
        "specimen/queries.py",
        "scan/queries.py",
        "scan/commands.py",
        "scan/finding.py",
        "overview/pages.py",
        "picking/rules.py",
        "constraints.py",
    }
    found = {
        str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py") if word in path.read_text(encoding="utf-8")
    }
    assert found <= allowed, found - allowed
    logic = [path for path in SOURCES.rglob("*.py") if path.name in {"rules.py", "gate.py", "blocks.py"}]
    assert not [path for path in logic if word in path.read_text(encoding="utf-8")]


async def test_work_on_a_tube_that_somebody_else_claimed_wants_a_reason(api, database, world):
    """Dividing, pooling, thawing, using up: each names who claimed the tube and what for. Looking at it does not."""
    made = await make_material(database, world, tubes=6)
    reserved, pooled, thawed, empty, on_list, mine = made.tubes
    await api("scientist").ok("/reservations", {"tubes": [reserved, pooled, thawed, empty], "purpose": "RNA of flares"})
    await listed(api("clerk_lab"), [on_list])
    await api("technician").ok("/reservations", {"tubes": [mine], "purpose": "Mine"})
    bench, now = api("technician"), datetime.now(UTC).isoformat()
    vials = {"specimen_type": "SER", "tube_type": "CRYO05", "quantities": ["50"], "started_at": now}
    parts = [{"specimen": one, "quantity": "50"} for one in (pooled, mine)]
    deeds = {
        f"/specimens/{reserved}/aliquots": vials,
        f"/specimens/{on_list}/aliquots": vials,
        "/pools": {"parents": parts, "tube_type": "CRYO05", "quantities": ["100"], "started_at": now},
        "/processing": {"type": "thaw", "specimens": [thawed, mine], "started_at": now},
        f"/specimens/{empty}/use-up": {"reason": "It is empty"},
    }
    for path, body in deeds.items():
        told = problem(await bench.post(path, body), 409, "tube-reserved")
        by = "Clerk_lab for Cytokine panel" if on_list in path else "Scientist for RNA of flares"
        assert by in told["detail"], told
        assert [one["tube"] for one in told["claimed"]] == [
            next(one for one in (reserved, on_list, pooled, thawed, empty) if one in str((path, body)))
        ]
    for path, body in deeds.items():
        assert (await bench.post(path, body | {"override": "x"})).status_code == 422
        await bench.ok(path, body | {"override": "The freezer failed"})
    await bench.ok(f"/specimens/{mine}/use-up", {"reason": "It is empty"})
    over = {row["tube"]: row["ending"] for row in (await bench.see("/reservations", ended=True))["rows"]}
    assert over == {reserved: None, pooled: None, thawed: None, empty: "tube_gone", mine: "tube_gone"}


async def test_a_spin_or_a_look_at_a_claimed_tube_needs_no_reason(api, database, world):
    made = await make_material(database, world, tubes=1)
    await api("scientist").ok("/reservations", {"tubes": list(made.tubes), "purpose": "RNA of flares"})
    now = datetime.now(UTC).isoformat()
    body = {"type": "transfer", "specimens": list(made.tubes), "started_at": now}
    await api("technician").ok("/processing", body)
    tube = made.tubes[0]
    await api("technician").ok(f"/specimens/{tube}/quality", {"quality": "quarantined", "reason": "It leaks"})
