"""The API's description as it was agreed, and that no quantity leaves the house as a binary fraction.

After a change of the API that is meant: `python -m tests.contracts.test_openapi` writes the snapshot anew. Its
difference belongs into the same commit.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from biobank.app import create_app
from biobank.settings import Settings
from tests.bench import imported, plan, plated, released, xponent

SNAPSHOT = Path(__file__).with_name("openapi.json")
REGENERATE = "python -m tests.contracts.test_openapi"
# Bodies of requests: a decimal is sent as a string or as a number, and read digit by digit either way.
SENT = {
    ("CollectedTube", "quantity"),
    ("CorrectQuantity", "quantity"),
    ("MakeVials", "obtained"),
    ("PoolPart", "quantity"),
    ("Vial", "quantity"),
    ("WellSpec", "dilution"),
}


def described() -> dict[str, Any]:
    """The document without the version of the service and without examples, which are made up anew by each process."""
    app = create_app(Settings(), "postgresql://nowhere/none", "0" * 64)
    document: dict[str, Any] = json.loads(json.dumps(app.openapi_schema.to_schema(), default=str))
    del document["info"]["version"]
    return dict(_without_examples(document))


def _without_examples(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _without_examples(value)
            for key, value in part.items()
            if not (key == "examples" and isinstance(value, list))
        }
    return [_without_examples(value) for value in part] if isinstance(part, list) else part


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences(kept: Any, found: Any, where: str = "") -> Iterator[str]:
    """The places where two documents differ, as JSON pointers."""
    if isinstance(kept, dict) and isinstance(found, dict):
        for key in sorted(kept.keys() | found.keys()):
            place = f"{where}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in found:
                yield f"{place} is gone"
            elif key not in kept:
                yield f"{place} is new"
            else:
                yield from differences(kept[key], found[key], place)
    elif kept != found:
        yield f"{where}: {json.dumps(kept)[:100]} became {json.dumps(found)[:100]}"


def test_the_description_is_the_one_that_was_agreed():
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    changed = list(differences(kept, described()))
    assert not changed, "\n".join([*changed[:40], f"If this is meant, run: {REGENERATE}"])
    assert SNAPSHOT.read_text(encoding="utf-8") == text_of(kept), f"Not as it is written by: {REGENERATE}"


def numbers(schema: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of every schema that allows a JSON number other than an integer."""
    if isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "number" or (isinstance(kind, list) and "number" in kind) or schema.get("format") == "double":
            yield where
        for key, value in schema.items():
            yield from numbers(value, (*where, key))
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from numbers(value, (*where, str(index)))


def test_no_answer_holds_a_number_that_is_not_an_integer():
    document = described()
    found = {(path[0], path[2]) for path in numbers(document["components"]["schemas"])}
    assert found <= SENT, f"decimals in answers are strings: {sorted(found - SENT)}"
    assert not list(numbers(document["paths"]))
    answers = json.dumps([operation["responses"] for item in document["paths"].values() for operation in item.values()])
    for name, _ in SENT:
        assert f'/{name}"' not in answers, f"{name} is sent, not answered"


def floats(answer: Any, where: str = "") -> Iterator[str]:
    """The places of an answer where a number is not an integer, or a quantity is not a string."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from floats(value, f"{where}/{key}")
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from floats(value, f"{where}/{index}")
    elif isinstance(answer, float):
        yield f"{where}: {answer}"


async def test_values_and_quantities_are_exact_strings_in_answers(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, quantity=Decimal("500.1"))
    (tube,) = bench.material.tubes
    await plated(api, bench, {"A1": tube})
    await imported(api, bench, xponent({"A1": tube}, ["alpha"], value="0.1"))
    await released(api, bench)
    scientist = api("scientist")
    specimen = await scientist.see(f"/specimens/{tube}")
    results = await scientist.see("/results", study="LLS", participant=bench.material.participant)
    well = await scientist.see(f"/runs/{bench.run}/wells/1/A1")
    assert specimen["quantity"] == "500.1"
    assert {row["value"] for row in results["rows"] if row["raw_text"] == "0.1"} == {"0.1"}
    answers = {
        "specimen": specimen,
        "results": results,
        "well": well,
        "story": await scientist.see(f"/specimens/{tube}/story"),
        "specimens": await scientist.see("/specimens"),
        "run": await scientist.see(f"/runs/{bench.run}"),
        "assays": await scientist.see("/assays"),
    }
    assert not list(floats(answers))


if __name__ == "__main__":
    SNAPSHOT.write_text(text_of(described()), encoding="utf-8")
