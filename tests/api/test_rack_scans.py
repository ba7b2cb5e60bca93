"""Whole-rack scans: the difference before anything is stored, what is asked, and one deed that stores it."""

from biobank import ids
from tests.material import make_material
from tests.racks import filled, kept, layout, scan, scan_file
from tests.shelves import box, boxed, freezer, rack

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def kinds(view):
    """Positions by what they are found to be, without the dull ones."""
    found = {}
    for cell in view["cells"]:
        if cell["kind"] not in {"empty", "unchanged"}:
            found.setdefault(cell["kind"], []).append(cell["label"])
    return found


async def at(api, code):
    cells = (await api("technician").see(f"/containers/{code}/box"))["cells"]
    return {(cell["row"], cell["col"]): cell["code"] for cell in cells if cell["code"]}


def of(view):
    return f"/containers/{view['box']}/rack-scans/{view['number']}"


async def commit(person, view, **extra):
    return await person.post(f"{of(view)}/commit", {"digest": view["digest"], **extra})


async def test_a_rack_of_new_tubes_is_stored_as_one_deed(api, database, world, superuser):
    code, made = await boxed(api, kind="RACK96"), await make_material(database, world, tubes=96)
    tech, cells = api("technician"), layout(made.tubes)
    view = await kept(tech, code, scan_file(cells))
    assert (view["counts"], view["ready"], view["turned"], view["gone"]) == ({"new": 96}, True, None, [])
    assert (view["layout"], view["where"]) == ("fluidx", "Freezer 3 / Rack B / Box 12")
    again = await kept(tech, code, scan_file(cells), "another name.csv")
    assert again["number"] == view["number"], "the same bytes are the same scan"
    assert await at(api, code) == {}, "nothing is stored before the commit"
    done = (await commit(tech, view)).json()
    assert (done["status"], done["cells"]) == ("committed", [])
    assert await at(api, code) == cells
    verbs = await superuser.fetch(
        "select name, count(*) from audit_entry where kind = 'event' and name like 'rack%' group by 1"
    )
    assert {row["name"]: row["count"] for row in verbs} == {"rack_scan.read": 1, "rack_scan.committed": 1}
    assert (
        await superuser.fetchval("select count(distinct tx) from custody_history where container_id is not null") == 1
    )
    assert (await kept(tech, code, scan_file(cells)))["number"] == view["number"], "nothing to do: it is that scan"
    assert kind(await commit(tech, view)) == (409, "rack-scan-settled")
    await tech.ok("/storage/undo", {"undo": done["undo"]})
    assert await at(api, code) == {}
    assert (await kept(tech, code, scan_file(cells)))["number"] != view["number"], "the box is not as it says any more"
    listed = await tech.see(f"/containers/{code}/rack-scans")
    assert [row["status"] for row in listed] == ["open", "committed"]


async def test_every_difference_is_named_and_settled(api, database, world, superuser):
    """moved, brought, new, gone, foreign, refused, unread, duplicate: all in one rack."""
    code = await boxed(api, kind="RACK96")
    other = await box(api, await rack(api, await freezer(api, name="Freezer 4")), name="Box 40")
    here = await filled(database, world, code, 8)
    there = await filled(database, world, other, 1, cols=9)
    hand = await make_material(database, world, tubes=2)
    tech, tubes = api("technician"), here.tubes
    await superuser.execute(CONTEXT)
    await superuser.execute(
        "insert into identifier (namespace, value, specimen_id) values ('azenta', 'FD001', $1)", hand.tube_ids[1]
    )
    cells = {
        (0, 0): tubes[0],  # unchanged
        (0, 2): tubes[1],  # moved, over the tube that stood there
        (0, 3): "NO READ",  # the tube that stands there
        (1, 0): there.tubes[0],  # brought
        (1, 1): hand.tubes[0].lower(),  # new
        (1, 2): "FR00000001",  # foreign
        (1, 3): tubes[4],  # twice
        (1, 4): tubes[4],
        (1, 5): "NO READ",  # nothing should stand there
        (1, 6): "FD001",  # new, by its maker's code
    }
    view = await kept(tech, code, scan_file(cells))
    assert kinds(view) == {
        "moved": ["A03"],
        "unread": ["A04", "B06"],
        "gone": ["A06", "A07", "A08"],
        "brought": ["B01"],
        "new": ["B02", "B07"],
        "foreign": ["B03"],
        "duplicate": ["B04", "B05"],
    }
    found = {cell["label"]: cell for cell in view["cells"]}
    assert found["B01"]["was"] == "Freezer 4 / Rack B / Box 40 / A1"
    assert found["A03"]["was"] == "Freezer 3 / Rack B / Box 12 / A02"
    assert (found["B03"]["tube"], found["B03"]["was"]) == (None, "not known here")
    gone = {tube["tube"]: tube for tube in view["gone"]}
    assert set(gone) == {tubes[2], tubes[3], tubes[5], tubes[6], tubes[7]}
    assert (gone[tubes[2]]["may_be_unread"], gone[tubes[3]]["may_be_unread"]) == (False, True)
    refused = await commit(tech, view)
    assert kind(refused) == (409, "rack-scan-unsettled")
    assert refused.json()["positions"] == ["A04", "B03", "B04", "B05", "B06"]
    assert len(refused.json()["tubes"]) == 5
    impossible = {"decisions": [{"tube": tubes[2], "decision": "unread"}]}
    assert kind(await tech.post(f"{of(view)}/settle", impossible)) == (409, "rack-scan-unsettled")
    stranger = {"decisions": [{"tube": tubes[0], "decision": "missing"}]}
    assert (await tech.post(f"{of(view)}/settle", stranger)).status_code == 404
    nowhere = {"answers": [{"position": "J1", "code": tubes[4]}]}
    assert kind(await tech.post(f"{of(view)}/settle", nowhere)) == (422, "unknown-position")
    settled = await tech.ok(
        f"{of(view)}/settle",
        {
            "answers": [
                {"position": "B03"},
                {"position": "B04", "code": ids.grouped(tubes[4])},
                {"position": "B05"},
                {"position": "B06", "code": tubes[5]},
            ],
            "decisions": [
                {"tube": tubes[2], "decision": "taken_out"},
                {"tube": tubes[3], "decision": "unread"},
                {"tube": tubes[6], "decision": "missing"},
                {"tube": tubes[7], "decision": "taken_out"},
            ],
        },
    )
    assert (settled["ready"], len(settled["gone"])) == (True, 4)
    assert kind(await commit(tech, view)) == (412, "box-changed"), "what was answered since is looked at first"
    done = await commit(tech, settled)
    assert done.is_success, done.text
    assert await at(api, code) == {
        (0, 0): tubes[0],
        (0, 2): tubes[1],
        (0, 3): tubes[3],
        (1, 0): there.tubes[0],
        (1, 1): hand.tubes[0],
        (1, 3): tubes[4],
        (1, 5): tubes[5],
        (1, 6): hand.tubes[1],
    }
    assert await at(api, other) == {}
    assert [(await tech.see(f"/specimens/{tube}"))["existence"] for tube in (tubes[6], tubes[7])] == [
        "missing",
        "exists",
    ]
    assert (await tech.see(f"/specimens/{tubes[2]}"))["place"] == "holder"


async def test_scenario_5_rack_rotated(api, database, world):
    code = await boxed(api, kind="RACK96")
    here, tech = await filled(database, world, code, 93), api("technician")
    straight = layout(here.tubes)
    for turned, how in (
        ({(7 - row, 11 - col): tube for (row, col), tube in straight.items()}, "turned"),
        ({divmod(col * 8 + row, 12): tube for (row, col), tube in straight.items()}, "counted"),
        ({((row * 12 + col) % 8, (row * 12 + col) // 8): tube for (row, col), tube in straight.items()}, "counted"),
    ):
        view = await kept(tech, code, scan_file(turned))
        assert (view["turned"], view["agree"], view["of"], view["ready"]) == (how, 93, 93, False)
        refused = await commit(tech, view)
        assert kind(refused) == (409, "rack-turned")
        assert "93 of 93 tubes stand where they would" in refused.json()["detail"]
    assert "turned by 180°" in (await commit(tech, await kept(tech, code, scan_file({(7 - r, 11 - c): t for (r, c), t in straight.items()})))).json()["detail"]  # fmt: skip  # noqa: E501
    assert await at(api, code) == straight
    square = await box(api, await rack(api, await freezer(api, name="F5")), kind="BOX25")
    five = await filled(database, world, square, 9, cols=5)
    crossed = {(col, row): tube for (row, col), tube in layout(five.tubes, cols=5).items()}
    assert (await kept(tech, square, scan_file(crossed, rows=5, cols=5)))["turned"] == "transposed"


async def test_scenario_4_spilled_box(api, database, world, superuser):
    code, tech = await boxed(api), api("technician")
    home = await box(api, await rack(api, await freezer(api, name="Freezer 4")), name="Box 40")
    here, alien = await filled(database, world, code, 81, cols=9), await filled(database, world, home, 1, cols=9)
    before = await superuser.fetchrow("select * from container where code = $1", code)
    scanned = [*reversed(here.tubes[2:]), alien.tubes[0], "-"]
    done = await tech.ok(f"/containers/{code}/remap", {"scans": scanned})
    assert done["unchanged"] + len(done["moved"]) == 79
    assert {tube["tube"]: (tube["was"], tube["now"]) for tube in done["moved"]}[here.tubes[80]] == ("I9", "A1")
    assert [(tube["tube"], tube["was"], tube["now"]) for tube in done["missing"]] == [
        (here.tubes[0], "A1", None),
        (here.tubes[1], "A2", None),
    ]
    assert done["foreign"] == [
        {
            "code": alien.tubes[0],
            "tube": alien.tubes[0],
            "position": "I8",
            "home": "Freezer 4 / Rack B / Box 40 / A1",
        }
    ]
    assert await at(api, code) == {divmod(number, 9): tube for number, tube in enumerate(scanned[:79])}
    assert await at(api, home) == {(0, 0): alien.tubes[0]}, "it is taken to its true home, and nothing is guessed"
    assert {(await tech.see(f"/specimens/{tube}"))["existence"] for tube in here.tubes[:2]} == {"missing"}
    found = (await tech.see("/tube-searches"))["rows"]
    assert {(one["tube"], one["expected"], one["pick_list"]) for one in found} == {
        (here.tubes[0], "Freezer 3 / Rack B / Box 12 / A1", None),
        (here.tubes[1], "Freezer 3 / Rack B / Box 12 / A2", None),
    }
    assert await superuser.fetchrow("select * from container where code = $1", code) == before
    history = await superuser.fetch(
        "select row, col, until is null as now from custody_history "
        "where specimen_id = $1 and container_id = $2 order by id",
        here.tube_ids[80],
        before["id"],
    )
    assert [tuple(row) for row in history] == [(8, 8, False), (0, 0, True)]
    events = await superuser.fetch("select name from audit_entry where kind = 'event' and name like 'box.%'")
    assert [row["name"] for row in events] == ["box.remapped"]
    await tech.ok("/storage/undo", {"undo": done["undo"]})
    assert await at(api, code) == layout(here.tubes, cols=9)
    assert (await tech.see("/tube-searches"))["rows"] == []


async def test_what_cannot_be_remapped_changes_nothing(api, database, world, superuser):
    code, tech = await boxed(api, kind="BOX25"), api("technician")
    here = await filled(database, world, code, 3, cols=5)
    first, second, third = here.tubes
    path = f"/containers/{code}/remap"
    for scans in ([first, second, first], [first, ids.grouped(first)], ["-"], ["X"] * 26, []):
        assert (await tech.post(path, {"scans": scans})).status_code == 422, scans
    await superuser.execute(CONTEXT)
    coded = "insert into identifier (namespace, value, specimen_id) values ('azenta', 'FD9', $1)"
    await superuser.execute(coded, here.tube_ids[0])
    assert "Two scans name one tube" in (await tech.post(path, {"scans": [first, "FD9"]})).json()["detail"]
    stale = await tech.post(path, {"scans": [third, first], "digest": "0" * 64})
    assert kind(stale) == (412, "box-changed")
    assert (await api("technician_chi").post(path, {"scans": [third]})).status_code == 404
    assert (await tech.post("/containers/B23456789A/remap", {"scans": [third]})).status_code == 422
    assert await at(api, code) == layout(here.tubes, cols=5)
    looked = await tech.ok(path, {"scans": [third, "-", "unknown-code"]})
    assert [(one["position"], one["home"]) for one in looked["foreign"]] == [("A3", "not known here")]


async def test_tubes_out_of_reach_are_neither_named_nor_moved(api, database, world):
    code, tech = await boxed(api, kind="BOX25"), api("technician")
    others = await filled(database, world, code, 2, cols=5, study="OTH", site="LAB", consented=False)
    elsewhere = await make_material(database, world, tubes=1, study="OTH", site="LAB", consented=False)
    view = await kept(tech, code, scan_file(layout([*others.tubes, elsewhere.tubes[0]], cols=5), rows=5, cols=5))
    assert [(cell["kind"], cell["tube"]) for cell in view["cells"][:3]] == [
        ("unchanged", None),
        ("unchanged", None),
        ("foreign", None),
    ]
    view = await kept(tech, code, scan_file({(0, 0): others.tubes[1]}, rows=5, cols=5))
    assert [gone["tube"] for gone in view["gone"]] == [None]
    settled = await tech.ok(f"{of(view)}/settle", {})
    refused = await commit(tech, settled)
    assert kind(refused) == (409, "box-holds-others")
    assert not any(tube in refused.text or ids.grouped(tube) in refused.text for tube in others.tubes)
    assert kind(await tech.post(f"/containers/{code}/remap", {"scans": [others.tubes[1]]})) == (409, "box-holds-others")


async def test_a_tube_with_two_labels_and_one_that_may_not_be_stored_are_asked_about(api, database, world, superuser):
    code, tech = await boxed(api, kind="BOX25"), api("technician")
    other = await box(api, await rack(api, await freezer(api, name="Freezer 4")), kind="BOX25", name="Box 40")
    there = await filled(database, world, other, 1, cols=5)
    gone, away, lost = [await make_material(database, world, tubes=1) for _ in range(3)]
    await superuser.execute(CONTEXT)
    await superuser.execute(
        "insert into label_print "
        "(identifier_id, copy_no, reason, template, template_version, stock, printed_by, printed_at) "
        "select i.id, n, case n when 1 then 'first' else 'reprint_damaged' end, t.template, t.number, 'CRYO', 1, now() "
        "from identifier i, generate_series(1, 2) n, "
        "(select template, number from label_template_version where status = 'published' limit 1) t "
        "where i.specimen_id = $1",
        there.tube_ids[0],
    )
    for terminal, tube in (("consumed", gone), ("lost", lost)):
        await superuser.execute(
            "update custody set holder_id = null, terminal = $2 where specimen_id = $1", tube.tube_ids[0], terminal
        )
    await superuser.execute(
        "with p as (insert into external_party (code, name, country, address, contact, phone) "
        "values ('X', 'X', 'DE', 'x', 'x', 'x') returning id) "
        "update custody set holder_id = null, site_id = null, external_party_id = p.id from p where specimen_id = $1",
        away.tube_ids[0],
    )
    cells = {(0, 0): there.tubes[0], (0, 1): gone.tubes[0], (0, 2): away.tubes[0], (0, 3): lost.tubes[0]}
    view = await kept(tech, code, scan_file(cells, rows=5, cols=5))
    assert kinds(view) == {"two_labels": ["A1"], "refused": ["A2"], "foreign": ["A3"], "new": ["A4"]}
    said = {cell["label"]: cell["was"] for cell in view["cells"]}
    assert "was used up" in said["A2"]
    assert said["A3"] == "not known here", "a tube that left the house is out of the laboratory's reach"
    assert said["A4"] == "was lost"
    answers = [{"position": "A1", "code": there.tubes[0]}, {"position": "A2"}, {"position": "A3"}]
    settled = await tech.ok(f"{of(view)}/settle", {"answers": answers})
    assert (kinds(settled), settled["ready"]) == ({"brought": ["A1"], "new": ["A4"]}, True)
    assert (await commit(tech, settled)).is_success
    assert await at(api, code) == {(0, 0): there.tubes[0], (0, 3): lost.tubes[0]}
    assert (await tech.see(f"/specimens/{lost.tubes[0]}"))["existence"] == "exists"


async def test_a_file_that_does_not_belong_here_is_refused(api, database, world):
    tower = await rack(api, await freezer(api))
    code, other = await box(api, tower, kind="BOX25"), await box(api, tower, kind="RACK96", name="Other")
    tech, made = api("technician"), await make_material(database, world, tubes=1)
    one = {(0, 0): made.tubes[0]}
    assert kind(await scan(tech, code, scan_file(one))) == (409, "rack-does-not-fit")
    wrong = await scan(tech, code, scan_file(one, rows=5, cols=5, rack=ids.grouped(other)))
    assert (kind(wrong), wrong.json()["rack"]) == ((409, "rack-does-not-fit"), other)
    assert (await scan(tech, code, scan_file(one, rows=5, cols=5, rack=code))).is_success
    assert (await scan(tech, code, scan_file(one, rows=5, cols=5, rack="0249"))).is_success
    broken = await scan(tech, code, b"Well,2D Barcode\nA1,1.2E+9")
    assert kind(broken) == (422, "rack-file-refused")
    assert (broken.json()["line"], broken.json()["column"]) == (2, "2D Barcode")
    assert (await scan(tech, code, b"x" * 1_100_000)).status_code == 413
    assert kind(await scan(tech, code, b"")) == (422, "rack-file-refused")
    assert (await scan(tech, code, b"A1,x", name="")).status_code in {400, 422}
    assert (await scan(tech, tower, scan_file(one))).status_code == 409
    assert (await scan(api("technician_chi"), code, scan_file(one))).status_code == 404
    assert (await tech.get(f"/containers/{code}/rack-scans/999999")).status_code == 404


async def test_a_scan_is_discarded_for_good(api, database, world, superuser):
    code, tech = await boxed(api, kind="BOX25"), api("technician")
    made = await make_material(database, world, tubes=1)
    content = scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5)
    view = await kept(tech, code, content)
    done = await tech.ok(f"{of(view)}/discard", {"reason": "the wrong rack"})
    assert (done["status"], done["cells"], done["ready"]) == ("discarded", [], False)
    for step, body in (("settle", {}), ("discard", {}), ("commit", {"digest": "0" * 64})):
        assert kind(await tech.post(f"{of(view)}/{step}", body)) == (409, "rack-scan-settled")
    assert (await kept(tech, code, content))["number"] != view["number"]
    row = await superuser.fetchrow("select content, sha256, read_by from rack_scan where id = $1", view["number"])
    assert row["content"] == content


async def test_a_box_that_is_too_warm_asks_for_a_reason(api, database, world, superuser):
    warm = await box(api, await rack(api, await freezer(api, kind="FRIDGE", temperature="4")), kind="BOX25")
    made, tech = await make_material(database, world, tubes=1), api("technician")
    view = await kept(tech, warm, scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5))
    assert kind(await commit(tech, view)) == (409, "too-warm")
    assert (await commit(tech, view, override_reason="the freezer failed")).is_success
    more = await make_material(database, world, tubes=1)
    view = await kept(tech, warm, scan_file({(0, 0): made.tubes[0], (0, 1): more.tubes[0]}, rows=5, cols=5))
    await superuser.execute(CONTEXT)
    await superuser.execute("update container set status = 'alarm' where name = 'Freezer 3'")
    assert kind(await commit(tech, view, override_reason="the freezer failed")) == (409, "container-closed")


async def test_a_position_that_is_reserved_is_used_under_its_number_only(api, database, world, superuser):
    code, tech = await boxed(api, kind="BOX25"), api("technician")
    made = await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    number = await superuser.fetchval(
        "with r as (insert into storage_reservation (number, name, site_id, reserved_by, reserved_at, expires_at) "
        "select gen_random_uuid(), 'Shipment of May', site_id, 1, now(), now() + interval '1 day' from container "
        "where code = $1 returning id, site_id, number) "
        "insert into reserved_position (reservation_id, site_id, container_id, row, col) "
        "select r.id, r.site_id, c.id, 0, 0 from r, container c where c.code = $1 returning (select number from r)",
        code,
    )
    view = await kept(tech, code, scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5))
    assert kind(await commit(tech, view)) == (409, "position-reserved")
    assert (await commit(tech, view, reservation=str(number))).is_success
