"""The page of goods-in: deliveries of coded tubes, a new one, and which studies take no other codes."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.delivery import commands, queries
from biobank.delivery.api import PRINT, content_of, listed
from biobank.delivery.queries import DeliveryView, RuleView
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.study.queries import studies
from biobank.tx import ReadTx

Here = Request[Any, Any, Any]
TEMPLATE = "delivery/list.html"
TITLE = "Goods-in: tubes with codes of their maker"


async def _view(tx: ReadTx) -> dict[str, Any]:
    known = await studies(tx)
    return {
        "deliveries": await queries.deliveries(tx),
        "rules": await queries.code_rules(tx),
        "makers": await queries.makers(tx),
        "places": await queries.places(tx),
        "studies": [(study.code, study.code) for study in known],
    }


@get("/deliveries", operation_id="deliveriesPage", opt=PRINT, include_in_schema=False)
async def deliveries_page(request: Here, tx: Reading) -> Template:
    return page(request, TEMPLATE, title=TITLE, **await _view(tx))


@post(
    "/deliveries",
    operation_id="registerCodesForm",
    opt={**PRINT, "rate": UPLOAD},
    include_in_schema=False,
    status_code=303,
)
async def register_form(request: Here, tx: Writing) -> Redirect:
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    with shown_again(TEMPLATE, title=TITLE, values=data, **await _view(tx)):
        name, content = await content_of(form.get("file"))
        study, _, site = data.get("place", "").partition("/")
        command = parse_form(
            commands.RegisterCodes,
            data,
            study=study,
            site=site,
            file_name=name,
            sha256=commands.digest(content),
        )
        codes = listed(name, content)
        await tx.once(form_key(data), command, DeliveryView, lambda: commands.register(tx, command, codes))
    return Redirect("/deliveries", status_code=303)


@post(
    "/deliveries/rules",
    operation_id="codeRuleForm",
    opt={"permission": Permission.STUDY_MANAGE},
    include_in_schema=False,
    status_code=303,
)
async def rule_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    with shown_again(TEMPLATE, title=TITLE, values=data, **await _view(tx)):
        command = parse_form(commands.SetCodeRule, data, required=data.get("required") == "yes")
        await tx.once(form_key(data), command, RuleView, lambda: commands.set_rule(tx, command))
    return Redirect("/deliveries", status_code=303)


router = Router("/", route_handlers=[deliveries_page, register_form, rule_form])
