"""The labels of a tube and whose it is, over JSON and as a page: replaced, found on two tubes, a doubt settled."""

from typing import Any

from litestar import Controller, Request, Router, get, post
from litestar.params import FromPath, JSONBody, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.ids import grouped, new_uuid
from biobank.signature.forms import signature_of, typed
from biobank.signature.rules import MEANING_TITLES
from biobank.specimen import doubt, queries, relabelling
from biobank.specimen.doubt import DoubtView, RegisterDuplicate, SettleDoubt
from biobank.specimen.queries import SpecimenView
from biobank.specimen.relabelling import ReplaceLabel
from biobank.tx import ReadTx

READ = {"permission": Permission.SPECIMEN_READ}
PRINT = {"permission": Permission.LABEL_PRINT}
PROCESS = {"permission": Permission.SPECIMEN_PROCESS}
SETTLE = {"permission": Permission.DISPOSAL_PLAN}
Form = URLEncodedBody[dict[str, str]]
TEMPLATE = "specimen/identity.html"


class IdentityController(Controller):
    path = "/api/v1/specimens/{code:str}"
    tags = ("Specimens",)

    @post("/labels", operation_id="replaceLabel", opt=PRINT)
    async def replace(self, tx: Writing, code: FromPath[str], data: JSONBody[ReplaceLabel], key: Key) -> SpecimenView:
        """Another code for the same tube, whose label is damaged or lost. Both lead to it."""
        return await tx.once(key, data, SpecimenView, lambda: relabelling.replace_label(tx, code, data), of=code)

    @post("/duplicates", operation_id="registerDuplicate", opt=PROCESS)
    async def duplicate(
        self, tx: Writing, code: FromPath[str], data: JSONBody[RegisterDuplicate], key: Key
    ) -> SpecimenView:
        """A second tube carries this label: it gets an id of its own, and is in doubt."""
        return await tx.once(key, data, SpecimenView, lambda: doubt.register_duplicate(tx, code, data), of=code)

    @get("/identity", operation_id="listIdentityDoubts", opt=READ)
    async def doubts(self, tx: Reading, code: FromPath[str]) -> list[DoubtView]:
        """Every doubt that there was about whose the tube is, the newest first."""
        return list(await doubt.doubts(tx, code))

    @post("/identity", operation_id="settleIdentity", opt=SETTLE)
    async def settle(self, tx: Writing, code: FromPath[str], data: JSONBody[SettleDoubt], key: Key) -> SpecimenView:
        return await tx.once(key, data, SpecimenView, lambda: doubt.settle_doubt(tx, code, data), of=code)


async def _shown(tx: ReadTx, code: str) -> dict[str, Any]:
    tube = await queries.specimen(tx, code)
    found = await doubt.doubts(tx, tube.code)
    return {
        "specimen": tube,
        "doubts": found,
        "form_keys": [str(new_uuid()) for _ in range(3)],
        "meanings": [(key, MEANING_TITLES[key]) for key in ("responsibility", "approval")],
        "site_tz": tube.timezone,
    }


def _title(tube: SpecimenView) -> str:
    return f"Label of tube {grouped(tube.code)}"


@get("/specimens/{code:str}/identity", operation_id="identityPage", opt=READ, include_in_schema=False)
async def identity_page(request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Template:
    view = await _shown(tx, code)
    return page(request, TEMPLATE, title=_title(view["specimen"]), **view)


async def _deed(tx: Any, code: str, data: dict[str, str], model: Any, verb: Any, **given: Any) -> str:
    """Do what a form of the page says; the id of the tube that it came to."""
    view = await _shown(tx, code)
    with shown_again(TEMPLATE, title=_title(view["specimen"]), values=typed(data), **view):
        command = parse_form(model, data, **given)
        done = await tx.once(form_key(data), command, SpecimenView, lambda: verb(tx, code, command), of=code)
    return str(done.code)


@post(
    "/specimens/{code:str}/labels", operation_id="replaceLabelForm", opt=PRINT, include_in_schema=False, status_code=303
)
async def replace_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = await _deed(tx, code, data, ReplaceLabel, relabelling.replace_label)
    return Redirect(f"/specimens/{tube}/identity", status_code=303)


@post(
    "/specimens/{code:str}/duplicates",
    operation_id="registerDuplicateForm",
    opt=PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def duplicate_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = await _deed(tx, code, data, RegisterDuplicate, doubt.register_duplicate)
    return Redirect(f"/specimens/{tube}/identity", status_code=303)


@post(
    "/specimens/{code:str}/identity",
    operation_id="settleIdentityForm",
    opt=SETTLE,
    include_in_schema=False,
    status_code=303,
)
async def settle_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = await _deed(tx, code, data, SettleDoubt, doubt.settle_doubt, signature=signature_of(data))
    return Redirect(f"/specimens/{tube}", status_code=303)


router = Router("/", route_handlers=[IdentityController, identity_page, replace_form, duplicate_form, settle_form])
