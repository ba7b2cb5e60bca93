"""The modes of the scan station over HTTP: each does what its page or use case does, and says the same."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from biobank import ids
from biobank.identifier.command_codes import BY_CODE
from biobank.scan import rules
from tests.material import make_material
from tests.printing_steps import add_printer
from tests.shelves import box, boxed, freezer, rack
from tests.shipping import draft, shipped

MODES = set(rules.MODES)


async def events(superuser, name):
    return await superuser.fetchval("select count(*) from audit_entry where kind = 'event' and name = $1", name)


async def test_moving_asks_nothing_and_undo_of_a_box_takes_all_back(api, database, world):
    tech, made = api("technician"), await make_material(database, world, tubes=3)
    first, second = await boxed(api), await box(api, await rack(api, await freezer(api, name="F1")), name="Box 40")
    for tube in made.tubes:
        await tech.ok("/scan", {"text": tube, "mode": "store", "box": first})
    moved = [await tech.ok("/scan", {"text": tube, "mode": "move", "box": second}) for tube in made.tubes]
    assert [(one["word"], one["position"], one["mode"]) for one in moved] == [
        ("Moved", position, "move") for position in ("A1", "A2", "A3")
    ]
    assert moved[2]["free"][:2] == ["A4", "A5"]
    # One was moved on since: it stays, and is named; the others go back.
    await tech.ok("/storage/removals", {"tube": made.tubes[1]})
    done = await tech.ok("/scan/undo-box", {"box": second, "undos": [one["undo"] for one in moved]})
    assert (done["verdict"], done["title"]) == ("warning", "2 tubes are where they were before.")
    assert ids.grouped(made.tubes[1]) in done["message"]
    assert done["box"]["occupied"] == 0
    assert (await tech.see(f"/containers/{first}/box"))["occupied"] == 2
    # A tube that was put in, taken out and put back goes all the way, and counts once.
    chain = [
        await tech.ok("/scan", {"text": made.tubes[0], "mode": mode, "box": second})
        for mode in ("move", "check_out", "return")
    ]
    assert [one["word"] for one in chain] == ["Moved", "In hand", "Stored"]
    whole = await tech.ok("/scan/undo-box", {"box": second, "undos": [one["undo"] for one in chain]})
    assert (whole["verdict"], whole["title"]) == ("ok", "1 tube is where it was before.")
    assert (await tech.see(f"/containers/{first}/box"))["occupied"] == 2
    again = await tech.ok("/scan/undo-box", {"box": second, "undos": [moved[0]["undo"]]})
    assert (again["word"], again["verdict"]) == ("Nothing undone", "warning")
    assert (
        await api("technician_chi").post("/scan/undo-box", {"box": second, "undos": [str(uuid4())]})
    ).status_code == 404


async def test_a_tube_is_checked_out_and_returned_to_its_own_place(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (tube, other) = api("technician"), made.tubes
    never = await tech.ok("/scan", {"text": tube, "mode": "return"})
    assert (never["verdict"], never["title"]) == ("stop", "It came from no box")
    await tech.ok("/storage/placements", {"tube": tube, "box": code, "position": "C4"})
    out = await tech.ok("/scan", {"text": tube, "mode": "check_out", "reason": "To be divided"})
    assert (out["word"], out["box"]["occupied"], out["look"]) == ("In hand", 0, True)
    assert out["message"] == "Out of Freezer 3 / Rack B / Box 12 / C4."
    assert "To be divided" in await superuser.fetchval("select body from audit_entry where name = 'tube.taken_out'")
    twice = await tech.ok("/scan", {"text": tube, "mode": "check_out"})
    assert (twice["verdict"], twice["word"]) == ("duplicate", "In hand already")
    back = await tech.ok("/scan", {"text": tube, "mode": "return"})
    assert (back["word"], back["position"], back["look"]) == ("Returned", "C4", True)
    again = await tech.ok("/scan", {"text": tube, "mode": "return"})
    assert (again["verdict"], again["position"]) == ("duplicate", "C4")
    # Its place was taken meanwhile: it is not put anywhere, and a scanned box takes it.
    out = await tech.ok("/scan", {"text": tube, "mode": "check_out"})
    await tech.ok("/storage/placements", {"tube": other, "box": code, "position": "C4"})
    taken = await tech.ok("/scan", {"text": tube, "mode": "return"})
    assert (taken["verdict"], taken["title"]) == ("stop", "This position is taken")
    placed = await tech.ok("/scan", {"text": tube, "mode": "return", "box": code})
    assert (placed["word"], placed["position"]) == ("Stored", "A1")
    undone = await tech.ok("/scan/undo", {"undo": placed["undo"]})
    assert undone["title"] == "It is in hand again."
    assert (await tech.ok("/scan", {"text": code, "mode": "check_out"}))["word"] == "Box"
    refused = await tech.ok("/scan", {"text": made.participant, "mode": "check_out"})
    assert refused["verdict"] == "stop"


async def test_training_answers_as_ever_and_keeps_nothing(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    before = await superuser.fetchval("select count(*) from audit_entry")
    for _ in range(2):
        seen = await tech.ok("/scan", {"text": tube, "mode": "store", "box": code, "dry_run": True})
        assert (seen["word"], seen["position"], seen["undo"]) == ("Stored", "A1", None)
    assert await superuser.fetchval("select count(*) from audit_entry") == before
    assert await superuser.fetchval("select count(*) from custody where container_id is not null") == 0
    assert await superuser.fetchval("select count(*) from command_receipt where outcome like '%Stored%'") == 0
    assert (await tech.ok("/scan", {"text": tube, "mode": "store", "box": code}))["position"] == "A1"


async def test_a_scan_that_waited_goes_where_the_hand_put_it_or_is_refused(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=3)
    tech, (one, two, three) = api("technician"), made.tubes
    earlier = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    late = {"mode": "store", "box": code, "made_by": "technician"}
    done = await tech.ok("/scan", {"text": one, "position": "B2", "scanned_at": earlier, **late})
    assert (done["word"], done["position"]) == ("Stored", "B2")
    assert await events(superuser, "scan.sent_late") == 1
    taken = await tech.ok("/scan", {"text": two, "position": "B2", "scanned_at": earlier, **late})
    assert (taken["verdict"], taken["title"]) == ("stop", "This position is taken")
    # Somebody else moved it after the scan: what they did is newer. One's own later deed is no obstacle.
    await api("manager").ok("/storage/placements", {"tube": three, "box": code, "position": "C1"})
    other = await box(api, await rack(api, await freezer(api, name="F1")), name="Box 40")
    overtaken = await tech.ok("/scan", {"text": three, "scanned_at": earlier, **late, "mode": "move", "box": other})
    assert (overtaken["verdict"], overtaken["title"]) == ("stop", "Somebody moved this tube after the scan")
    mine = await tech.ok("/scan", {"text": one, "scanned_at": earlier, **late, "mode": "move", "box": other})
    assert mine["word"] == "Moved"
    for moment in (datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(days=8)):
        refused = await tech.ok("/scan", {"text": two, "scanned_at": moment.isoformat(), **late})
        assert (refused["verdict"], refused["title"]) == ("stop", "Not valid")
    stranger = await api("manager").post("/scan", {"text": two, **late})
    assert (stranger.status_code, stranger.json()["type"]) == (403, "/problems/scan-of-another")
    undo = await api("manager").post("/scan/undo", {"undo": mine["undo"], "made_by": "technician"})
    assert undo.status_code == 403


async def test_a_dropped_scan_and_the_start_of_a_station_are_on_record(api, database, world, superuser):
    tech, now = api("technician"), datetime.now(UTC)
    dropped = {"text": "T1", "mode": "store", "scanned_at": now.isoformat(), "refusal": "Taken", "reason": "Put back"}
    await tech.ok("/station/dropped", dropped)
    assert await superuser.fetchval("select body::jsonb ->> 'reason' from audit_entry where name = 'scan.dropped'") == (
        "Put back"
    )
    await tech.ok("/station/started", {"way": "hand", "workstation": "BENCH-2"})
    assert (await tech.ok("/station/started", {"way": "scanner"}))["words"] == "tested by its symbol"
    assert await events(superuser, "station.started") == 2


async def test_frozen_tubes_in_hand_are_timed_and_nobody_leaves_with_them_without_a_word(
    api, database, world, superuser, browser
):
    code, made = await boxed(api), await make_material(database, world, tubes=3)
    tech, (fresh, amber, red) = api("technician"), made.tubes
    for tube in (amber, red):
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
        await tech.ok("/storage/removals", {"tube": tube})
    await superuser.execute("set session_replication_role = replica")
    for tube, minutes in ((amber, 12), (red, 31)):
        await superuser.execute(
            "update custody set since = now() - make_interval(mins => $2) where specimen_id = "
            "(select id from specimen where code = $1)",
            tube,
            minutes,
        )
    seen = {row["code"]: (row["minutes"], row["cold"], row["tone"]) for row in await tech.see("/station/in-hand")}
    assert seen == {fresh: (0, False, "ok"), amber: (12, True, "warning"), red: (31, True, "stop")}
    assert await api("manager").see("/station/in-hand") == []
    desk = await browser("technician")
    for fields in ({}, {"reason": " x "}):
        asked = await desk.post("/logout", fields)
        assert asked.status_code == 200
        assert ids.grouped(red) in asked.text
        assert ids.grouped(fresh) not in asked.text
    assert (await desk.post("/logout", {"reason": "On dry ice until the night shift"})).status_code == 303
    said = "select body::jsonb ->> 'reason' from audit_entry where name = 'user.logged_out'"
    assert await superuser.fetchval(said) == "On dry ice until the night shift"


async def test_a_package_is_packed_and_received_by_scan(api, database, world):
    made = await make_material(database, world, tubes=3)
    clerk, tech, (one, two, three) = api("clerk"), api("technician"), made.tubes
    code = await draft(clerk)
    package = (await clerk.see(f"/shipments/{code}"))["packages"][0]["code"]
    assert (await clerk.ok("/scan", {"text": one, "mode": "pack"}))["title"] == "No package"
    for text in (package, code):
        opened = await clerk.ok("/scan", {"text": text, "mode": "pack"})
        assert (opened["word"], opened["context"]["code"]) == ("Package", text)
    inside = [await clerk.ok("/scan", {"text": tube, "mode": "pack", "context": package}) for tube in (one, two)]
    assert [(answer["word"], answer["unpack"]) for answer in inside] == [("Packed", True)] * 2
    again = await clerk.ok("/scan", {"text": one, "mode": "pack", "context": package})
    assert again["verdict"] == "stop"
    out = await clerk.ok("/scan/undo", {"tube": two, "context": package})
    assert (out["word"], out["code"]) == ("Unpacked", two)
    assert (await clerk.ok("/scan/undo", {"tube": two, "context": package}))["verdict"] == "stop"
    assert (await tech.ok("/scan", {"text": one, "mode": "pack", "context": package}))["title"] == "Not allowed"
    # Nor does the command begin the mode: the hand would think that it packs.
    begun = await tech.ok("/scan", {"text": "CPCKCPCKCB", "mode": "find"})
    assert (begun["verdict"], begun["title"], begun["mode"]) == ("stop", "Not allowed", "find")
    assert (await clerk.ok("/scan", {"text": "CPCKCPCKCB", "mode": "find"}))["mode"] == "pack"
    assert (await clerk.ok("/scan", {"text": made.participant, "mode": "pack"}))["verdict"] == "stop"
    await clerk.ok(f"/shipments/{code}/packages", {"refrigerant": "none", "temperature_class": "RT"})
    several = await clerk.ok("/scan", {"text": three, "mode": "pack", "context": code})
    assert "2 packages" in several["message"]

    sent = await shipped(clerk, [three])
    manager = api("manager")
    assert (await manager.ok("/scan", {"text": three, "mode": "receive"}))["title"] == "No shipment"
    arrived = await manager.ok("/scan", {"text": sent, "mode": "receive"})
    assert (arrived["word"], arrived["context"]["code"]) == ("Shipment", sent)
    came = await manager.ok("/scan", {"text": three, "mode": "receive", "context": sent})
    assert (came["word"], came["final"], came["message"][:7]) == ("Received", True, "0 still")
    extra = await manager.ok("/scan", {"text": two, "mode": "receive", "context": sent})
    assert (extra["verdict"], extra["word"]) == ("warning", "Not expected")
    foreign = await make_material(database, world, tubes=1, study="OTH", site="LAB", holder="stranger")
    hidden = await manager.ok("/scan", {"text": foreign.tubes[0], "mode": "receive", "context": sent})
    assert "another study" in hidden["message"]
    for text in (ids.mint(ids.Kind.TUBE), ids.mint(ids.Kind.BOX), "T123"):
        assert (await manager.ok("/scan", {"text": text, "mode": "receive", "context": sent}))["verdict"] == "stop"


async def test_what_came_damaged_or_thawed_is_said_by_scan(api, database, world):
    made = await make_material(database, world, tubes=3)
    clerk, manager, (one, two, three) = api("clerk"), api("manager"), made.tubes
    sent = await shipped(clerk, [one, two, three])
    receive = {"mode": "receive", "context": sent}
    for tube, code, word in ((one, "ARRIVEDDAMAGED", "Damaged"), (two, "ARRIVEDTHAWED", "Thawed")):
        assert (await manager.ok("/scan", {"text": tube, **receive}))["word"] == "Received"
        said = await manager.ok("/scan", {"text": code, "last": tube, **receive})
        assert (said["verdict"], said["word"], said["code"]) == ("warning", word, tube)
    counts = (await manager.see(f"/shipments/{sent}"))["counts"]
    assert (counts["damaged"], counts["thawed"], counts["waiting"]) == (1, 1, 1)
    assert (await manager.see(f"/scan/{two}"))["tube"]["freeze_thaw_count"] == 1
    again = await manager.ok("/scan", {"text": "ARRIVEDTHAWED", "last": two, **receive})
    assert again["verdict"] == "stop"
    assert (await manager.ok("/scan", {"text": three, **receive}))["word"] == "Received"
    leaked = await manager.ok("/scan", {"text": "DEVLEAKED", "last": three, **receive})
    assert (leaked["word"], leaked["title"]) == ("Deviation", "Leaked or spilled")
    assert [one["type"] for one in (await manager.see(f"/specimens/{three}"))["deviations"]] == ["leaked"]
    for text, more, title in (
        ("ARRIVEDTHAWED", {}, "Which tube?"),
        ("DEVLEAKED", {}, "Which tube?"),
        ("ARRIVEDGREEN", {"last": one}, "Unknown condition"),
        ("DEVGREEN", {"last": one}, "Unknown deviation"),
    ):
        assert (await manager.ok("/scan", {"text": text, **receive, **more}))["title"] == title
    assert (await manager.ok("/scan", {"text": "ARRIVEDTHAWED", "mode": "store"}))["title"] == "A code of Receive"
    for text in ("ARRIVEDTHAWED", "DEVLEAKED"):
        refused = await api("scientist").ok("/scan", {"text": text, "last": three, **receive})
        assert refused["title"] == "Not allowed"


async def test_why_tubes_leave_their_box_is_scanned(api, database, world, superuser):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    tech = api("technician")
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": code})
    said = await tech.ok("/scan", {"text": "BECAUSEDIVIDE", "mode": "check_out"})
    assert (said["verdict"], said["reason"]) == ("ok", "to be divided")
    out = {"text": made.tubes[0], "mode": "check_out", "reason": said["reason"]}
    assert (await tech.ok("/scan", out))["word"] == "In hand"
    event = "select body::jsonb ->> 'reason' from audit_entry where name = 'tube.taken_out'"
    assert await superuser.fetchval(event) == "to be divided"
    wrong = await tech.ok("/scan", {"text": "BECAUSEDIVIDE", "mode": "store"})
    assert (wrong["verdict"], wrong["title"]) == ("stop", "A reason of Check out")
    assert (await tech.ok("/scan", {"text": "BECAUSENOT", "mode": "check_out"}))["title"] == "Unknown reason"


async def test_a_label_is_printed_by_scan_and_again_with_its_reason(api, database, world):
    box, made = await boxed(api), await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    asked = await tech.ok("/scan", {"text": tube, "mode": "print"})
    assert (asked["verdict"], asked["word"]) == ("warning", "Which printer?")
    await add_printer(api, 9)
    await add_printer(api, 9, name="ZD-2")
    at_hand = await tech.ok("/scan", {"text": "printer-lab-zd1", "mode": "print"})
    assert (at_hand["word"], at_hand["context"]) == ("Printer", {"code": "LAB/ZD-1", "words": "ZD-1 at LAB"})
    here = {"mode": "print", "context": "LAB/ZD-1"}
    rehearsed = await tech.ok("/scan", {"text": tube, **here, "dry_run": True})
    assert rehearsed["word"] == "Ordered", rehearsed
    done = await tech.ok("/scan", {"text": tube, **here})
    assert (done["word"], done["final"], done["message"][:16]) == ("Ordered", True, "At ZD-1, LAB. St"), done
    again = await tech.ok("/scan", {"text": tube, **here})
    assert (again["verdict"], again["word"]) == ("warning", "Printed before")
    why = await tech.ok("/scan", {"text": "BECAUSEDAMAGED", **here})
    copy = await tech.ok("/scan", {"text": tube, **here, "reason": why["reason"]})
    assert ("copy 2" in copy["message"], copy["reason"]) == (True, "")
    large = await tech.ok("/scan", {"text": box, **here})  # vial labels are in this printer
    assert (large["verdict"], large["code"], large["title"]) == ("stop", box, "Not valid")
    jobs = await tech.see("/print-jobs")
    assert [row["first_code"] for row in jobs["rows"]] == [tube, tube]
    for text, mode, title in (
        ("PRINTERLABZD1", "store", "This is a printer"),
        ("PRINTERNONE", "print", "Unknown printer"),
    ):
        assert (await tech.ok("/scan", {"text": text, "mode": mode}))["title"] == title
    paused = await api("manager").see("/printers/LAB/ZD-2")
    stop = {"paused": True, "reason": "new ribbon", "row_version": paused["row_version"]}
    await api("manager").ok("/printers/LAB/ZD-2/pause", stop)
    waits = await tech.ok("/scan", {"text": "PRINTERLABZD2", "mode": "print"})
    assert (waits["verdict"], waits["context"]["code"]) == ("warning", "LAB/ZD-2")
    unreached = await api("scientist").ok("/scan", {"text": "PRINTERLABZD1", "mode": "print"})
    assert unreached["title"] == "Unknown printer"


async def test_what_a_tube_holds_is_recorded(api, database, world):
    made = await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    at_hand = await tech.ok("/scan", {"text": tube, "mode": "quantity"})
    assert (at_hand["context"]["code"], at_hand["word"]) == (tube, "Tube")
    done = await tech.ok("/scan", {"text": "0.45 mL", "mode": "quantity", "context": tube})
    assert (done["word"], done["final"]) == ("Recorded", True)
    assert (await tech.see(f"/scan/{tube}"))["tube"]["quantity"] == "450"
    same = await tech.ok("/scan", {"text": "450", "mode": "quantity", "context": tube})
    assert same["verdict"] == "stop"
    for text in (made.participant, "NOTHING"):
        assert (await tech.ok("/scan", {"text": text, "mode": "quantity", "context": tube}))["verdict"] == "stop"
    odd = await tech.ok("/scan", {"text": "1234567890123", "mode": "quantity", "context": tube})
    assert (odd["title"], ids.grouped(tube) in odd["message"]) == ("No quantity", True)
    long = await tech.ok("/scan", {"text": "A" * 201, "mode": "find"})
    assert (long["verdict"], long["title"], len(long["code"])) == ("stop", "Too long for a code", 40)
    wrong = await api("manager").ok(
        "/scan", {"text": made.participant, "mode": "quantity", "context": made.participant}
    )
    assert wrong["verdict"] == "stop"


async def test_work_goes_on_at_the_bench_and_at_the_disposal_list(api, database, world):
    made = await make_material(database, world, tubes=1)
    tech, manager, tube = api("technician"), api("manager"), made.tubes[0]
    led = await tech.ok("/scan", {"text": tube, "mode": "aliquot"})
    assert (led["go"], led["href"]) == (True, f"/bench/aliquot?at={tube}")
    assert (await tech.ok("/scan", {"text": tube, "mode": "discard"}))["title"] == "On no disposal list"
    plan = await manager.ok("/scan", {"text": tube, "mode": "discard"})
    assert plan["href"] == f"/disposals/new?tubes={tube}"
    body = {"study": "LLS", "site": "LAB", "reason": "surplus", "words": "Too many", "tubes": [tube]}
    listed = await manager.ok("/disposals", body)
    assert (await tech.ok("/scan", {"text": tube, "mode": "discard"}))["href"] == f"/disposals/{listed['number']}"
    assert (await api("scientist").ok("/scan", {"text": tube, "mode": "discard"}))["title"] == "Not allowed"
    for mode in ("aliquot", "discard"):
        assert (await manager.ok("/scan", {"text": made.participant, "mode": mode}))["verdict"] == "stop"


async def test_every_mode_has_its_code_and_refuses_who_may_not(api, database, world):
    tech, made = api("technician"), await make_material(database, world, tubes=1)
    answers = {verb.verb: await tech.ok("/scan", {"text": code}) for code, verb in BY_CODE.items()}
    assert {verb for verb, answer in answers.items() if answer["command"] is None} == MODES
    assert {answers[mode]["mode"] for mode in MODES} == MODES - {"pack"}, "a technician does not pack"
    for mode in MODES - {"find", "discard", "remap"}:
        said = await api("scientist").ok("/scan", {"text": made.tubes[0], "mode": mode, "box": "B"})
        assert (said["title"], said["mode"]) == ("Not allowed", mode)
    assert (await tech.post("/scan", {"text": "T", "mode": "nothing"})).status_code == 422


@pytest.mark.parametrize("mode", ["store", "move", "check_out", "return"])
async def test_another_sites_tube_is_unknown_in_every_mode(api, database, world, mode):
    code, made = await boxed(api), await make_material(database, world, tubes=1)
    said = await api("stranger").ok("/scan", {"text": made.tubes[0], "mode": mode, "box": code})
    assert (said["verdict"], said["title"]) == ("stop", "Unknown code")


async def test_labels_are_verified_at_the_station_parent_first(api, database, world):
    made = await make_material(database, world, tubes=2)
    tech, (parent, other) = api("technician"), made.tubes
    started = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    vials = {"specimen_type": "SER", "tube_type": "CRYO05", "started_at": started, "quantities": ["100", "50"]}
    mine = [row["code"] for row in (await tech.ok(f"/specimens/{parent}/aliquots", vials))["made"]]
    await tech.post("/labels", {"codes": mine, "stock": "l7163"})
    opened = await tech.ok("/scan", {"text": parent, "mode": "verify"})
    assert (opened["word"], opened["context"]["code"]) == ("Parent", parent)
    assert opened["message"] == "2 of 2 labels wait for their scan."
    wrong = await tech.ok("/scan", {"text": other, "mode": "verify", "context": parent})
    assert (wrong["verdict"], wrong["title"]) == ("stop", "This label is not of that parent")
    words = [(await tech.ok("/scan", {"text": one, "mode": "verify", "context": parent}))["message"] for one in mine]
    assert words[0].endswith("1 to go.")
    assert words[1].endswith("then the next parent.")
    twice = await tech.ok("/scan", {"text": mine[0], "mode": "verify", "context": parent})
    assert twice["verdict"] == "duplicate"
    assert (await tech.ok("/scan", {"text": parent, "mode": "verify"}))["word"] == "Verified already"


async def test_a_spilled_box_is_remapped_by_scan_after_a_look(api, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=4)
    tech, (one, two, three, foreign) = api("technician"), made.tubes
    for tube in (one, two, three):
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
    body = {"text": code, "mode": "remap", "box": code, "codes": [two, "-", one, foreign]}
    asked = await tech.ok("/scan", body)
    assert (asked["word"], asked["confirm"]) == ("Re-map it?", "remap")
    assert f"Missing: {ids.grouped(three)} of A3." in asked["message"]
    assert ids.grouped(foreign) in asked["message"]
    done = await tech.ok("/scan", {**body, "digest": asked["digest"]})
    assert (done["word"], done["verdict"], done["box"]["occupied"]) == ("Re-mapped", "warning", 2)
    assert (await tech.see(f"/scan/{one}"))["tube"]["position"] == "A3"
    stale = await tech.ok("/scan", {**body, "digest": asked["digest"]})
    assert stale["verdict"] == "stop"
    assert (await tech.ok("/scan/undo", {"undo": done["undo"]}))["title"] == "3 tubes are where they were before."
    assert (await tech.see(f"/scan/{one}"))["tube"]["position"] == "A1"
    assert (await tech.ok("/scan", {"text": code, "mode": "remap"}))["word"] == "Box"
