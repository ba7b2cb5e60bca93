"""The page that tells which tubes are fit for an assay and why others are not, and the form of the rules."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from pydantic import ValidationError

from biobank.actor import Permission
from biobank.assay import commands, fitting, queries
from biobank.assay.commands import ReviseFitness
from biobank.assay.fitness_commands import FitnessSpec
from biobank.assay.views import AssayView, FitnessView
from biobank.errors import DomainError, Invalid
from biobank.exact import plain
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.preanalytics.api import csv_file
from biobank.tx import ReadTx

Web = Request[Any, Any, Any]
READ = {"permission": Permission.ASSAY_READ}
MANAGE = {"permission": Permission.ASSAY_MANAGE}


@get("/fitness", operation_id="fitnessPage", opt=READ, include_in_schema=False)
async def fitness_page(request: Web, tx: Reading, assay: FromQuery[str] = "", tubes: FromQuery[str] = "") -> Template:
    """`assay` is STUDY/CODE; without it the page asks."""
    view: dict[str, Any] = {"report": None, "problem": None, **await _choices(tx)}
    texts = _texts(tubes)
    if assay and texts:
        try:
            view["report"] = await _report(tx, assay, texts)
        except DomainError as error:
            view["problem"] = str(error)
    status = 422 if view["problem"] else 200
    return page(
        request,
        "assay/fitness.html",
        title="Fitness for use",
        status_code=status,
        chosen=assay,
        tubes=tubes,
        listed=" ".join(texts),
        **view,
    )


@get("/fitness/table.csv", operation_id="fitnessFile", opt=READ, include_in_schema=False)
async def fitness_file(tx: Reading, assay: FromQuery[str] = "", tubes: FromQuery[str] = "") -> Response[bytes]:
    found = await _report(tx, assay, _texts(tubes))
    return csv_file(fitting.as_csv(found), f"fitness-{found.assay}-{found.version}.csv")


def _texts(tubes: str) -> list[str]:
    return list(dict.fromkeys(tubes.replace(",", " ").replace(";", " ").split()))


async def _report(tx: ReadTx, assay: str, texts: list[str]) -> fitting.FitnessReport:
    study, _, code = assay.partition("/")
    return await fitting.report(tx, study, code, texts)


async def _choices(tx: ReadTx) -> dict[str, Any]:
    found = await queries.assays(tx)
    return {
        "assays": found,
        "options": [(f"{one.study}/{one.code}", f"{one.code}: {one.title} ({one.study})") for one in found],
        "rules": {f"{one.study}/{one.code}": [rule_line(rule) for rule in one.versions[-1].fitness] for one in found},
    }


@post(
    "/assays/{assay:str}/fitness",
    operation_id="reviseFitnessForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def revise_form(tx: Writing, assay: FromPath[str], data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The rules as lines; they are those of a new version."""
    view = {"report": None, "problem": None, "chosen": "", "tubes": "", "listed": "", **await _choices(tx)}
    with shown_again("assay/fitness.html", title="Fitness for use", values=data | {"revised": assay}, **view):
        command = parse_form(ReviseFitness, data, fitness=rule_lines(data.get("rules", "")))
        await tx.once(form_key(data), command, AssayView, lambda: commands.revise_fitness(tx, assay, command), of=assay)
    return Redirect("/fitness#rules", status_code=303)


def rule_line(rule: FitnessView) -> str:
    """A rule as a person writes it: `SER; quantity 200; thaws 3; measure rin 7; without haemolysis; sprec 3 A C`."""
    parts = [rule.specimen_type]
    for word, value in (
        ("quantity", rule.min_quantity),
        ("thaws", rule.max_freeze_thaws),
        ("spin", rule.max_minutes_to_spin),
        ("storage", rule.max_minutes_to_storage),
    ):
        if value is not None:
            parts.append(f"{word} {value:f}" if word == "quantity" else f"{word} {value}")
    for one in rule.measurements:
        low = "-" if one.lowest is None else f"{plain(one.lowest):f}"
        high = "" if one.highest is None else f" {plain(one.highest):f}"
        parts.append(f"measure {one.quantity} {low}{high}")
    if rule.deviations:
        parts.append(f"without {' '.join(rule.deviations)}")
    parts += [f"sprec {one.element} {' '.join(one.codes)}" for one in rule.sprec]
    return "; ".join(parts)


def rule_lines(text: str) -> tuple[FitnessSpec, ...]:
    """The rules that lines mean; the inverse of `rule_line`.

    Raises:
        Invalid: naming the line and what was not understood.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = [part.split() for part in line.split(";")]
        if not any(parts):
            continue
        fields: dict[str, Any] = {"measurements": [], "sprec": []}
        if len(parts[0]) != 1:
            raise _unclear(number, "begin with one material, such as SER")
        fields["specimen_type"] = parts[0][0]
        for words in parts[1:]:
            if words and not _read(words, fields):
                raise _unclear(number, f"what does {' '.join(words)[:60]!r} mean?")
        try:
            found.append(FitnessSpec.model_validate(fields))
        except ValidationError as error:
            raise _unclear(number, _first(error)) from None
    return tuple(found)


_NUMBERS = {
    "quantity": "min_quantity",
    "thaws": "max_freeze_thaws",
    "spin": "max_minutes_to_spin",
    "storage": "max_minutes_to_storage",
}


def _read(words: list[str], fields: dict[str, Any]) -> bool:
    match words:
        case [word, number] if word in _NUMBERS:
            fields[_NUMBERS[word]] = number
        case ["measure", quantity, low]:
            fields["measurements"].append({"quantity": quantity, "lowest": None if low == "-" else low})
        case ["measure", quantity, low, high]:
            lowest = None if low == "-" else low
            fields["measurements"].append({"quantity": quantity, "lowest": lowest, "highest": high})
        case ["without", *types] if types:
            fields["deviations"] = types
        case ["sprec", element, *codes] if codes:
            fields["sprec"].append({"element": element, "codes": codes})
        case _:
            return False
    return True


def _first(error: ValidationError) -> str:
    one = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"


def _unclear(number: int, message: str) -> Invalid:
    return Invalid(f"Line {number}: {message}", errors={"rules": f"line {number}: {message}"})


router = Router("/", route_handlers=[fitness_page, fitness_file, revise_form])
