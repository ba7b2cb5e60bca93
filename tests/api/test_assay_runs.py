"""From planned run to released results over the API, with real instrument files."""

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

    done = await released(api, bench)
    assert (done["status"], done["results"]) == ("released", {"released": 24})
    well = await api("scientist").see(f"/runs/{bench.plate}/wells/1/A1")
    values = {(one["analyte"], one["quantity"]): one["value"] for one in well["readings"]}
    assert values["AG-alpha", "Median"] == "10921.5"
    assert (well["well"]["name_in_file"], well["well"]["code"]) == ("Unknown1", bench.material.tubes[0])
