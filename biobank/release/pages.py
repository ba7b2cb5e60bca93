"""The scientist's page: whose results, which, what was matched, and the CSV of it."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from biobank.access.limits import EXPORT
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.release import commands, queries, table
from biobank.release.commands import Pull, PullView
from biobank.release.queries import ResultRow
from biobank.study.queries import studies, study_by_code
from biobank.tx import ReadTx

Web = Request[Any, Any, Any]
READ = {"permission": Permission.RESULT_READ}
SHOWN = 200


@get("/results", operation_id="resultsPage", opt=READ, include_in_schema=False)
async def results_page(
    request: Web, tx: Reading, study: FromQuery[str | None] = None, participant: FromQuery[str | None] = None
) -> Template:
    """With a participant in the address it shows their results at once: other pages link to that."""
    view = await _choices(tx, study)
    if participant and view["study"]:
        command = Pull(study=view["study"], participants=(participant,))
        view |= {"asked": command, **await _look(tx, command)}
    return page(request, "release/results.html", title="Results", **view)


@post("/results", operation_id="lookAtResults", opt=READ, include_in_schema=False, status_code=200)
async def look_form(request: Web, tx: Writing) -> Template:
    """Shows what a pull would give: counts, who was not matched, and the first rows. Nothing is recorded."""
    form = await request.form()
    values = {"study": form.get("study", ""), "participants": form.get("participants", "")}
    values |= {"analytes": form.getall("analytes", []), "quantities": form.get("quantities", "")}
    view = await _choices(tx, values["study"])
    with shown_again("release/results.html", title="Results", values=values, **view):
        command = _command(values)
        view |= {"asked": command, "values": values, **await _look(tx, command)}
    return page(request, "release/results.html", title="Results", **view)


@post(
    "/results/pulls",
    operation_id="pullForm",
    opt={"permission": Permission.RESULT_EXPORT, "rate": EXPORT},
    include_in_schema=False,
    status_code=303,
)
async def pull_form(request: Web, tx: Writing) -> Redirect:
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    values = {**data, "analytes": [line for line in data.get("analytes", "").splitlines() if line]}
    with shown_again("release/results.html", title="Results", values=values, **await _choices(tx, data.get("study"))):
        command = _command(values)
        made = await tx.once(form_key(data), command, PullView, lambda: commands.pull(tx, command))
    return Redirect(made.href, status_code=303)


def _command(values: dict[str, Any]) -> Pull:
    """The pull that the form means. No id at all means everybody within reach."""
    if not values.get("study"):
        raise Invalid("Choose a study.", errors={"study": "is missing"})
    texts = values.get("participants", "").replace(",", "\n").replace(";", "\n").split("\n")
    wanted = [text.strip() for text in texts if text.strip()]
    return parse_form(
        Pull,
        {"study": values["study"]},
        participants=tuple(wanted) or None,
        analytes=tuple(values["analytes"]),
        quantities=tuple(part.strip() for part in values.get("quantities", "").split(",") if part.strip()),
    )


async def _choices(tx: ReadTx, study: str | None) -> dict[str, Any]:
    known = await studies(tx)
    chosen = next((one.code for one in known if one.code == study), known[0].code if len(known) == 1 else None)
    analytes: list[str] = []
    if chosen:
        analytes = await queries.measured_analytes(tx, chosen)
    return {
        "studies": [(one.code, f"{one.code}: {one.title}") for one in known],
        "study": chosen,
        "analytes": analytes,
        "asked": None,
    }


async def _look(tx: ReadTx, command: Pull) -> dict[str, Any]:
    found = await study_by_code(tx, command.study, Permission.RESULT_READ)
    choice = await queries.choose(tx, found.id, Permission.RESULT_READ, command.participants)
    wanted = commands.filter_of(found.id, choice, command, tx)
    total, people = await table.count(tx, wanted)
    rows = [ResultRow(**dict(row)) for row in await table.first(tx, wanted, limit=SHOWN)]
    return {"choice": choice, "total": total, "people": people, "rows": rows}


router = Router("/", route_handlers=[results_page, look_form, pull_form])
