"""Equipment by site with what is due, one device with its programs, and the lots of reagents."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy import select

from biobank.actor import Permission
from biobank.catalogue.models import TubeType
from biobank.equipment import commands, queries
from biobank.equipment.queries import EquipmentView, LotView
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.study.queries import sites_within
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]

KINDS = [
    ("centrifuge", "Centrifuge"),
    ("controlled_rate_freezer", "Controlled-rate freezer"),
    ("incubator", "Incubator"),
    ("cell_counter", "Cell counter"),
    ("spectrophotometer", "Spectrophotometer"),
    ("bioanalyzer", "Bioanalyzer"),
    ("extractor", "Extractor"),
    ("pipette", "Pipette"),
    ("balance", "Balance"),
    ("other", "Other"),
]
STATUSES = [("in_service", "In service"), ("out_of_service", "Out of service"), ("retired", "Retired")]
_MANAGE = {"permission": Permission.EQUIPMENT_MANAGE}


async def _list(tx: ReadTx, site: str | None) -> dict[str, Any]:
    return {
        "found": await queries.equipment(tx, site=site or None),
        "lots": await queries.reagent_lots(tx, site=site or None),
        "site": site or "",
        "site_options": [(one.code, one.title) for one in await sites_within(tx, Permission.SPECIMEN_READ)],
        "managed_sites": [(one.code, one.title) for one in await sites_within(tx, Permission.EQUIPMENT_MANAGE)],
        "lot_sites": [(one.code, one.title) for one in await sites_within(tx, Permission.SPECIMEN_PROCESS)],
        "kinds": KINDS,
        "kind_words": dict(KINDS),
    }


@get("/equipment", operation_id="equipmentPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def equipment_page(request: Here, tx: Reading, site: FromQuery[str | None] = None) -> Template:
    return page(request, "equipment/list.html", title="Equipment", **await _list(tx, site))


@post("/equipment", operation_id="addEquipmentForm", opt=_MANAGE, include_in_schema=False, status_code=303)
async def add_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("equipment/list.html", title="Equipment", values=data, **await _list(tx, None)):
        command = parse_form(commands.AddEquipment, data)
        made = await tx.once(form_key(data), command, EquipmentView, lambda: commands.add_equipment(tx, command))
    return Redirect(f"/equipment/{made.site}/{made.code}", status_code=303)


@post(
    "/equipment/lots",
    operation_id="addReagentLotForm",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
    status_code=303,
)
async def add_lot_form(tx: Writing, data: Form) -> Redirect:
    lot_values = {f"lot_{name}": value for name, value in data.items()}
    with shown_again("equipment/list.html", title="Equipment", values=lot_values, **await _list(tx, None)):
        command = parse_form(commands.AddReagentLot, data)
        await tx.once(form_key(data), command, LotView, lambda: commands.add_reagent_lot(tx, command))
    return Redirect(f"/equipment?site={command.site}#lots", status_code=303)


async def _item(tx: ReadTx, site: str, code: str) -> dict[str, Any]:
    tubes = await tx.session.execute(select(TubeType.code, TubeType.title).order_by(TubeType.title))
    return {
        "item": await queries.equipment_item(tx, site, code),
        "kind_words": dict(KINDS),
        "statuses": STATUSES,
        "tube_options": [(row.code, row.title) for row in tubes],
    }


@get(
    "/equipment/{site:str}/{code:str}",
    operation_id="equipmentItemPage",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def item_page(request: Here, tx: Reading, site: FromPath[str], code: FromPath[str]) -> Template:
    view = await _item(tx, site, code)
    return page(request, "equipment/item.html", title=view["item"].title, **view)


async def _deed(tx: Writing, site: str, code: str, data: dict[str, str], model: type[Any], verb: Any) -> Redirect:
    view = await _item(tx, site, code)
    with shown_again("equipment/item.html", title=view["item"].title, values=data, **view):
        command = parse_form(model, data)
        await tx.once(
            form_key(data), command, EquipmentView, lambda: verb(tx, site, code, command), of=f"{site} {code}"
        )
    return Redirect(f"/equipment/{site}/{code}", status_code=303)


@post(
    "/equipment/{site:str}/{code:str}/calibrations",
    operation_id="calibrateForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def calibrate_form(tx: Writing, site: FromPath[str], code: FromPath[str], data: Form) -> Redirect:
    return await _deed(tx, site, code, data, commands.Calibrate, commands.calibrate)


@post(
    "/equipment/{site:str}/{code:str}/status",
    operation_id="equipmentStatusForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def status_form(tx: Writing, site: FromPath[str], code: FromPath[str], data: Form) -> Redirect:
    return await _deed(tx, site, code, data, commands.SetStatus, commands.set_status)


@post(
    "/equipment/{site:str}/{code:str}/programs",
    operation_id="addProgramForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def program_form(tx: Writing, site: FromPath[str], code: FromPath[str], data: Form) -> Redirect:
    view = await _item(tx, site, code)
    with shown_again("equipment/item.html", title=view["item"].title, values=data, **view):
        command = parse_form(
            commands.AddProgram,
            data,
            code=data.get("program", ""),
            title=data.get("program_title", ""),
            tube_types=[name for name, _ in view["tube_options"] if data.get(f"tube.{name}")],
        )
        await tx.once(
            form_key(data),
            command,
            EquipmentView,
            lambda: commands.add_program(tx, site, code, command),
            of=f"{site} {code}",
        )
    return Redirect(f"/equipment/{site}/{code}", status_code=303)


@post(
    "/equipment/{site:str}/{code:str}/programs/{program:str}/withdraw",
    operation_id="withdrawProgramForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def withdraw_program_form(
    tx: Writing, site: FromPath[str], code: FromPath[str], program: FromPath[str], data: Form
) -> Redirect:
    async def verb(tx: Writing, site: str, code: str, command: commands.WithdrawProgram) -> EquipmentView:
        return await commands.withdraw_program(tx, site, code, program, command)

    return await _deed(tx, site, code, data, commands.WithdrawProgram, verb)


router = Router(
    "/",
    route_handlers=[
        equipment_page,
        add_form,
        add_lot_form,
        item_page,
        calibrate_form,
        status_form,
        program_form,
        withdraw_program_form,
    ],
)
