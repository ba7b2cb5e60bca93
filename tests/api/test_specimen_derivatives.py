"""Derivatives with their measurements, short volumes, blind duplicates, and what is posted to the ledger."""

from datetime import timedelta

import pytest

from tests.api.specimen_steps import NOW, collected, collection, enrolled, tube, vials

AT = (NOW - timedelta(hours=18)).isoformat()


def derived(*contents, kind="DNA", into="CRYO05", **more):
    return {
        "specimen_type": kind,
        "tube_type": into,
        "started_at": AT,
        "vials": [{"quantity": quantity, "measurements": found} for quantity, found in contents],
        **more,
    }


def measured(**values):
    return [{"quantity": name, "text": text} for name, text in values.items()]


async def ledger(api, code, who="technician_chi"):
    seen = await api(who).see(f"/specimens/{code}")
    return [(row["reason"], row["delta"], row["basis"]) for row in seen["ledger"]]


async def test_scenario_8_short_volume(api):
    """Protocol 8 x 0.5 mL of serum and 3.1 mL obtained: 6 full vials and a partial one of 0.1 mL; the ledger balances
    to the recorded yield.
    """
    _, (blood,) = await collected(api, tube("BLD", "SST", "8500"))
    body = vials(*["500"] * 6, "100", nominal="500", obtained="3.1", unit=None)
    body |= {"unit": "mL", "quantities": ["0.5"] * 6 + ["0.1"], "nominal": "0.5", "basis": "measured"}
    made = await api("technician_chi").ok(f"/specimens/{blood['code']}/aliquots", body)
    assert [row["quantity"] for row in made["made"]] == ["500"] * 6 + ["100"]
    assert [row["is_partial"] for row in made["made"]] == [False] * 6 + [True]
    assert sum(int(row["quantity"]) for row in made["made"]) == 3100
    assert await ledger(api, blood["code"]) == [("initial", "8500", "nominal"), ("aliquoted", "-3100", "measured")]
    assert await ledger(api, made["made"][6]["code"]) == [("initial", "100", "measured")]
    # What was obtained is in the vials, or the deed is refused.
    short = await api("technician_chi").post(f"/specimens/{blood['code']}/aliquots", body | {"quantities": ["0.5"] * 6})
    assert (short.status_code, list(short.json()["errors"])) == (422, ["obtained"])


async def test_measured_content_that_differs_is_posted_by_its_name(api):
    for obtained, difference, left in (("3100", "-900", "0"), ("4200", "200", "1100")):
        _, (serum,) = await collected(api, tube("SER", "SST", "4000"))
        url = f"/specimens/{serum['code']}/aliquots"
        made = await api("technician_chi").ok(url, vials(*["500"] * 6, "100", nominal="500", obtained=obtained))
        assert made["parents"][0]["quantity"] == left
        assert await ledger(api, serum["code"]) == [
            ("initial", "4000", "nominal"),
            ("measured", difference, "measured"),
            ("aliquoted", "-3100", "nominal"),
        ]
    # A tube that was divided before is corrected with a reason, not by the way.
    again = await api("technician_chi").post(url, vials("500", obtained="1200"))
    assert (again.status_code, list(again.json()["errors"])) == (422, ["obtained"])
    assert (await api("technician_chi").post(url, vials("500", obtained="1100"))).status_code == 201
    full = await api("technician_chi").post(url, vials("500", obtained="9000"))
    assert (full.status_code, list(full.json()["errors"])) == (422, ["obtained"])


async def test_pbmc_are_made_with_their_count_and_viability(api):
    _, (cpt,) = await collected(api, tube("BLD", "CPT", "8000"))
    body = derived(
        ("10", measured(cell_count="10", viability="96.5")),
        ("4", measured(cell_count="4.1", viability="95")),
        kind="CEL",
        into="CRYO20",
        consumes="8000",
        nominal="10",
        work="ficoll",
        ended_at=NOW.isoformat(),
    )
    made = await api("technician_chi").ok(f"/specimens/{cpt['code']}/derivatives", body)
    assert [(row["level"], row["unit"], row["quantity"], row["is_partial"]) for row in made["made"]] == [
        ("derivative", "10*6", "10", False),
        ("derivative", "10*6", "4", True),
    ]
    assert made["parents"][0]["quantity"] == "0"
    seen = await api("scientist").see(f"/specimens/{made['made'][1]['code']}")
    assert [(row["quantity"], row["value"]) for row in seen["measurements"]] == [
        ("cell_count", "4.1"),
        ("viability", "95"),
    ]
    assert [(row["type"], row["role"]) for row in seen["processing"]] == [("ficoll", "made")]


async def test_dna_is_made_with_concentration_yield_and_ratios(api):
    _, (edta,) = await collected(api, tube("BLD", "EDTA4", "4000"))
    found = measured(concentration="102.5", a260_280="1.85", a260_230="2.1", **{"yield": "5125"})
    body = derived(("50", found), ("50", found), consumes="4000", work="extract")
    made = await api("technician_chi").ok(f"/specimens/{edta['code']}/derivatives", body)
    seen = await api("scientist").see(f"/specimens/{made['made'][0]['code']}")
    assert {row["quantity"]: row["value"] for row in seen["measurements"]} == {
        "concentration": "102.5",
        "a260_280": "1.85",
        "a260_230": "2.1",
        "yield": "5125",
    }


@pytest.mark.parametrize(
    ("contents", "kind", "field", "words"),
    [
        (("50", measured(concentration="100", **{"yield": "9000"})), "DNA", None, "5000 ng"),
        (("10", measured(cell_count="20")), "CEL", None, "20 million cells"),
        (("50", measured(rin="11")), "RNA", None, "at most 10"),
        (("50", []), "NONE", "specimen_type", "no specimen type"),
        (("99999", []), "DNA", "quantities", "holds 500 uL"),
    ],
)
async def test_what_contradicts_itself_is_refused_and_nothing_is_made(api, contents, kind, field, words):
    _, (blood,) = await collected(api, tube("BLD", "EDTA4", "4000"))
    url = f"/specimens/{blood['code']}/derivatives"
    refused = await api("technician_chi").post(url, derived(contents, kind=kind, consumes="4000"))
    assert refused.status_code == 422, refused.text
    assert words in refused.json()["detail"]
    if field:
        assert list(refused.json()["errors"]) == [field]
    seen = await api("technician_chi").see(f"/specimens/{blood['code']}")
    assert (seen["quantity"], seen["children"], seen["processing"]) == ("4000", [], [])


async def test_derivatives_cannot_use_more_than_there_is(api):
    _, (blood,) = await collected(api, tube("BLD", "EDTA4", "4000"))
    url = f"/specimens/{blood['code']}/derivatives"
    refused = await api("technician_chi").post(url, derived(("50", []), consumes="4001"))
    assert (refused.status_code, refused.json()["balance"]) == (409, "4000")


# --- blind duplicates -------------------------------------------------------------------------------------------------


@pytest.fixture
async def blind(api):
    """A participant whose serum was divided into three vials, the last of them a blind duplicate."""
    person = await enrolled(api, granted=("biobank_storage", "future_research"))
    made = await api("technician_chi").ok(f"/participants/{person}/collections", collection(tube()))
    (serum,) = made["specimens"]
    body = vials("500", "500", "500", blind_duplicates=1)
    done = await api("technician_chi").ok(f"/specimens/{serum['code']}/aliquots", body)
    return person, serum["code"], [row["code"] for row in done["made"]]


async def test_whose_a_blind_duplicate_is_stays_hidden_from_those_who_measure(api, blind):
    person, parent, codes = blind
    for who in ("technician_chi", "scientist"):
        seen = await api(who).see(f"/specimens/{codes[2]}")
        assert (seen["blind"], seen["is_blind_duplicate"]) == (True, True)
        hidden = ("participant", "visit", "visit_number", "visit_on", "ordinal", "collected_at")
        assert [seen[name] for name in hidden] == [None] * 6
        assert (seen["parents"], [node["code"] for node in seen["lineage"]]) == ([], [codes[2]])
        assert seen["processing"] == []
        twins = await api(who).see(f"/specimens/{parent}")
        assert twins["children"] == codes[:2]
        listed = await api(who).see("/specimens", participant=person)
        assert codes[2] not in [row["code"] for row in listed["rows"]]
        for path in (f"/specimens/{codes[2]}", f"/participants/{person}", f"/specimens?participant={person}"):
            page = (await api(who).client.get(path)).text
            assert (person in page) != (codes[2] in page) or "value=" in page, (who, path)
    known = await api("manager").see(f"/specimens/{codes[2]}")
    assert (known["participant"], known["parents"], known["blind"]) == (person, [parent], False)
    assert (await api("manager").see(f"/specimens/{parent}"))["children"] == codes


async def test_every_vial_cannot_be_blind(api):
    _, (serum,) = await collected(api)
    url = f"/specimens/{serum['code']}/aliquots"
    refused = await api("technician_chi").post(url, vials("500", "500", blind_duplicates=2))
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["blind_duplicates"])
    alone = {"quantity": "50", "is_blind_duplicate": True}
    body = {"specimen_type": "SER", "tube_type": "CRYO05", "started_at": AT, "vials": [alone]}
    assert (await api("technician_chi").post(f"/specimens/{serum['code']}/derivatives", body)).status_code == 422
