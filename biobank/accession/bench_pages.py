"""The benches on pages: intake, centrifuge, worksheet and aliquots, and the codes that lie beside the scanner."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template

from biobank.accession import codes, intake, queries, rules, vials, worksheet
from biobank.accession.bench import AtBench, view_of
from biobank.actor import Permission
from biobank.errors import DomainError, NotFound
from biobank.http.deps import Reading
from biobank.http.pages import page
from biobank.identifier.command_codes import BENCH_VERBS, COMMANDS
from biobank.preanalytics.versions import version_of, versions
from biobank.printer.pages import workstation_of
from biobank.printing.api import pdf
from biobank.printing.pages import printer_choice
from biobank.specimen import queries as specimens
from biobank.specimen.rules import in_unit
from biobank.stock import queries as stocks
from biobank.study.queries import timezone_of
from biobank.template.queries import house_template
from biobank.tx import ReadTx
from labels import STOCKS, Item, render_pdf

Here = Request[Any, Any, Any]
Tubes = Annotated[list[str] | None, QueryParameter(name="tubes", required=False)]
Scanned = Annotated[list[str] | None, QueryParameter(name="labels", required=False)]
_BENCH = {"permission": Permission.SPECIMEN_PROCESS}
BENCHES = {
    "intake": ("Intake bench", "Scan each tube as it arrives."),
    "spin": ("Centrifuge", "Scan the centrifuge, the tubes that go into it, and the centrifuge again."),
    "aliquot": ("Aliquot bench", "Scan the tube to divide, type or scan its yield, confirm, scan each vial."),
}
YIELDS = tuple(range(100, 8600, 100))
"""Yields in uL that have a code on the sheet."""


@get("/bench", operation_id="benchPage", opt=_BENCH, include_in_schema=False)
async def hub(request: Here, tx: Reading) -> Template:
    return page(
        request,
        "accession/hub.html",
        title="Bench",
        waiting=await intake.waiting(tx),
        sheet=await worksheet.worksheet(tx),
    )


@get("/bench/worksheet", operation_id="worksheetPage", opt=_BENCH, include_in_schema=False)
async def worksheet_page(request: Here, tx: Reading, whose: FromQuery[str] = "mine") -> Template:
    whole = whose == "all"
    sheet = await worksheet.worksheet(tx, "all" if whole else "mine")
    return page(
        request, "accession/worksheet.html", title="Bench worksheet", sheet=sheet, whole=whole, site_tz=sheet.timezone
    )


@get("/bench/codes", operation_id="benchCodesPage", opt=_BENCH, include_in_schema=False)
async def codes_page(request: Here, tx: Reading) -> Template:
    return page(request, "accession/codes.html", title="Bench codes", groups=await _codes(tx))


@get("/bench/codes.pdf", operation_id="benchCodesPdf", opt=_BENCH, include_in_schema=False)
async def codes_pdf(tx: Reading) -> Response[bytes]:
    """Commands, deviations and yields to lay beside the scanner: gloved hands scan them."""
    printed = [Item.lined(code, (words,)) for _, group in await _codes(tx) for code, words in group]
    badge = await house_template(tx, "badge")
    return pdf(await asyncio.to_thread(render_pdf, printed, badge, STOCKS["l7163"]), "bench-codes")


async def _codes(tx: ReadTx) -> list[tuple[str, list[tuple[str, str]]]]:
    known = await queries.deviation_types(tx)
    return [
        (
            "Commands",
            [(one.code, one.title.partition(": ")[0]) for one in COMMANDS if one.verb in BENCH_VERBS],
        ),
        ("Deviations of the tube scanned last", [(codes.deviation_code(one), title) for one, title in known.items()]),
        ("Kept until now at", [*await _temperatures(tx), (codes.NOT_KNOWN, "not known")]),
        ("Extra vials", [(f"EXTRA{count}", f"{count} extra") for count in range(1, 5)]),
        ("Yields", [(codes.quantity_code(one), f"{one // 1000}.{one % 1000 // 100} mL") for one in YIELDS]),
    ]


@get("/bench/{bench:str}", operation_id="oneBenchPage", opt=_BENCH, include_in_schema=False)
async def bench_page(request: Here, tx: Reading, bench: FromPath[str], at: FromQuery[str] = "") -> Template:
    """A bench, empty or with the tube at hand that `at` names."""
    if bench not in BENCHES:
        raise NotFound(f"There is no bench {bench[:20]}.", bench=bench[:20])
    title, hint = BENCHES[bench]
    held = AtBench(**({"parent": at} if bench == "aliquot" else {"tube": at})) if at and bench != "spin" else AtBench()
    return page(
        request,
        "accession/bench.html",
        title=title,
        bench=bench,
        hint=hint,
        at=held.model_dump_json(),
        view=view_of(bench, held),  # type: ignore[arg-type]  # one of BENCHES
        commands=[one for one in COMMANDS if one.verb in BENCH_VERBS],
        **await _drawn(request, tx, bench, held),
    )


@get("/bench/{bench:str}/view", operation_id="benchView", opt=_BENCH, include_in_schema=False)
async def bench_view(
    request: Here,
    tx: Reading,
    bench: FromPath[str],
    *,
    tube: FromQuery[str | None] = None,
    equipment: FromQuery[str | None] = None,
    program: FromQuery[str | None] = None,
    tubes: Tubes = None,
    parent: FromQuery[str | None] = None,
    obtained: FromQuery[str | None] = None,
    unit: FromQuery[str | None] = None,
    extra: FromQuery[int] = 0,
    labels: Scanned = None,
    namespace: FromQuery[str | None] = None,
    held_celsius: FromQuery[str | None] = None,
) -> Template:
    """What a bench has at hand, as a part of its page."""
    if bench not in BENCHES:
        raise NotFound(f"There is no bench {bench[:20]}.", bench=bench[:20])
    held = AtBench(
        tube=tube,
        equipment=equipment,
        program=program,
        tubes=tuple(tubes or ()),
        parent=parent,
        obtained=obtained,
        labels=tuple(labels or ()),
        unit=unit,
        extra=extra,
        namespace=namespace,
        held_celsius=held_celsius,
    )
    return page(request, f"accession/_{bench}.html", title="", **await _drawn(request, tx, bench, held))


async def _drawn(request: Here, tx: ReadTx, bench: str, at: AtBench) -> dict[str, Any]:
    if bench == "intake":
        seen = await intake.intake_of(tx, at.tube) if at.tube else None
        return {
            "seen": seen,
            "last": at.tube,
            "waiting": () if seen else await intake.waiting(tx),
            "site_tz": seen.timezone if seen else await timezone_of(tx, Permission.SPECIMEN_PROCESS),
        }
    if bench == "spin":
        sheet = await worksheet.worksheet(tx)
        loaded = [task for group in sheet.groups for task in group.tasks if task.tube.code in at.tubes]
        return {
            "sheet": sheet,
            "loaded": loaded,
            "held": at,
            "temperatures": await _temperatures(tx),
            "site_tz": sheet.timezone,
        }
    here = await vials.parent(tx, at.parent) if at.parent else None
    unprinted = await queries.unprinted(tx, [vial.tube for vial in here.vials]) if here else ()
    return {
        "here": here,
        "held": at,
        "split": await _split(tx, here, at),
        "unprinted": unprinted,
        "makers": [
            (codes.maker_code(name), title, name == at.namespace) for name, title in await specimens.namespaces(tx)
        ],
        "site_tz": here.tube.timezone if here else await timezone_of(tx, Permission.SPECIMEN_PROCESS),
        "sheet": None if here else await worksheet.worksheet(tx),
        "temperatures": await _temperatures(tx),
        "stocks": await stocks.choices(tx),
        **await printer_choice(tx, workstation_of(request), "T"),
    }


async def _temperatures(tx: ReadTx) -> list[tuple[str, str]]:
    """The usual temperatures between steps by their codes: one for each range that the code table tells apart."""
    table = version_of(tx.now.date(), await versions(tx)).table
    return [(codes.held_code(usual), f"{usual:f} °C ({one.low:f} to {one.high:f} °C)") for usual, one in table.kept_at]


async def _split(tx: ReadTx, here: vials.Parent | None, at: AtBench) -> Any:
    """The vials that a yield would fill; none where it cannot be divided: the verdict has said why."""
    line = None if here is None else here.open_line
    if line is None or at.obtained is None:
        return None
    read = codes.quantity(at.obtained, at.unit or line.unit)
    if read is None:
        return None
    kind = await specimens.kind(tx, line.specimen_type)
    try:
        nominal = in_unit(line.nominal, line.unit, kind, "nominal")
        divided = rules.split(in_unit(read[0], at.unit, kind, "obtained"), nominal, line.left + at.extra)
    except DomainError:
        return None
    return {
        "line": line,
        "vials": divided.quantities(nominal),
        "left": divided.left,
        "unit": kind.unit,
        "full": nominal,
    }


router = Router("/", route_handlers=[hub, worksheet_page, codes_page, codes_pdf, bench_page, bench_view])
