"""From planned run to released results over the API, with real instrument files."""

from decimal import Decimal

from biobank.assay import reading
from tests.bench import imported, plan, plated, real_file, released, upload

EXAMPLE = "luminex_xPONENT_example02.csv"
WELLS = ("A1", "B1", "C1", "D1")


async def test_a_real_file_goes_from_plate_to_release(api, database, world):
    content = real_file(EXAMPLE)
    bench = await plan(api, database, world, analytes=["alpha", "bravo"], tubes=4)
    made = await plated(api, bench, dict(zip(WELLS, bench.material.tubes, strict=True)))
    assert (made["status"], made["wells"]) == ("plated", {"unknown": 4})

    response = await upload(api, "technician", f"/runs/{bench.run}/preview", content, EXAMPLE)
    assert response.status_code == 200, response.text
    seen = response.json()
    assert seen["problems"] == []
    assert (seen["wells_in_file"], seen["missing_wells"]) == (4, [])
    assert {one["quantity"]: one["units"] for one in seen["quantities"]} == {
        "Median": ["MFI"],
        "Net MFI": ["MFI"],
        "Count": [],
    }
    assert (await api("technician").see(f"/runs/{bench.run}"))["file"] is None

    parsed = await imported(api, bench, content, EXAMPLE)
    assert (parsed["status"], parsed["results"]) == ("parsed", {"preliminary": 24})
    assert parsed["software"] == "xPONENT FlexMAP 3D 4.3.229.0"
    again = await imported(api, bench, content, EXAMPLE)
    assert again == parsed

    reviewer = api("reviewer")
    unchanged = await reviewer.see(f"/runs/{bench.run}/reading-again")
    assert (unchanged["readings"], unchanged["changes"], unchanged["problems"]) == (24, [], [])
    assert (unchanged["version_then"], unchanged["version_now"]) == ("1", "1")

    done = await released(api, bench)
    assert (done["status"], done["results"]) == ("released", {"released": 24})
    well = await api("scientist").see(f"/runs/{bench.plate}/wells/1/A1")
    values = {(one["analyte"], one["quantity"]): one["value"] for one in well["readings"]}
    assert values["AG-alpha", "Median"] == "10921.5"
    assert (well["well"]["name_in_file"], well["well"]["code"]) == ("Unknown1", bench.material.tubes[0])


async def test_reading_again_tells_what_an_earlier_importer_read_otherwise(api, database, world, monkeypatch):
    bench = await plan(api, database, world, analytes=["alpha", "bravo"], tubes=4)
    reviewer = api("reviewer")
    assert (await reviewer.get(f"/runs/{bench.run}/reading-again")).status_code == 409
    content = real_file(EXAMPLE)
    roles = {"A1": "standard", **dict(zip(WELLS[1:], bench.material.tubes, strict=False))}
    await plated(api, bench, roles)

    async def earlier(*arguments, **options):
        parsed = await read(*arguments, **options)
        kept = [one for one in parsed.readings if (one.location, one.quantity) != ("B1", "Count")]
        changed = [
            one.model_copy(update={"value": Decimal(1)}) if one.location == "A1" and one.quantity == "Median" else one
            for one in kept
        ]
        return parsed.model_copy(update={"readings": tuple(changed), "importer_version": "0"})

    read = reading.read
    with monkeypatch.context() as then:
        then.setattr(reading, "read", earlier)
        await imported(api, bench, content, EXAMPLE)
    found = await reviewer.see(f"/runs/{bench.run}/reading-again")
    assert (found["version_then"], found["version_now"]) == ("0", "1")
    first = found["changes"][0]
    assert [first[name] for name in ("well", "analyte", "quantity")] == ["A1", "AG-alpha", "Median"]
    assert (first["before"], first["after"]) == ("1 MFI [10921.5]", "10921.5 MFI [10921.5]")
    assert [(one["well"], one["quantity"], one["before"]) for one in found["changes"]][2:] == [
        ("B1", "Count", None)
    ] * 2
    shown = await reviewer.client.post(f"/runs/{bench.run}/reading-again")
    assert "Readings that would change" in shown.text
    assert (await api("scientist").get(f"/runs/{bench.run}/reading-again")).status_code == 403
