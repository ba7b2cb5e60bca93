"""The words of sites for the states of tubes, over JSON and as the manager's page."""

from typing import Any

from litestar import Controller, Request, Router, get, post
from litestar.params import FromQuery, JSONBody, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.ids import new_uuid
from biobank.specimen import state_label
from biobank.specimen.state_label import AXES, StateLabelView
from biobank.study.queries import studies
from biobank.tx import ReadTx

READ = {"permission": Permission.SPECIMEN_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
Form = URLEncodedBody[dict[str, str]]
COLOURS = (
    ("ok", "Good, green"),
    ("warning", "Look, amber"),
    ("stop", "Stop, red"),
    ("duplicate", "Known, violet"),
    ("neutral", "Plain, grey"),
)


class StateLabelController(Controller):
    path = "/api/v1/state-labels"
    tags = ("Specimens",)

    @get(operation_id="listStateLabels", opt=READ)
    async def labels(
        self,
        tx: Reading,
        *,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        axis: FromQuery[str | None] = None,
        retired: FromQuery[bool] = False,
    ) -> list[StateLabelView]:
        """The words of the sites within reach; with `retired` also those that are not chosen any more."""
        return await state_label.labels(tx, study=study, site=site, axis=axis, retired=retired)

    @post(operation_id="addStateLabel", opt=MANAGE)
    async def add(self, tx: Writing, data: JSONBody[state_label.AddLabel], key: Key) -> StateLabelView:
        return await tx.once(key, data, StateLabelView, lambda: state_label.add(tx, data))

    @post("/retire", operation_id="retireStateLabel", opt=MANAGE)
    async def retire(self, tx: Writing, data: JSONBody[state_label.RetireLabel], key: Key) -> StateLabelView:
        return await tx.once(key, data, StateLabelView, lambda: state_label.retire(tx, data))


async def _shown(tx: ReadTx) -> dict[str, Any]:
    states = [
        (f"{axis}/{state}", f"{axis}: {state.replace('_', ' ')}") for axis, found in AXES.items() for state in found
    ]
    places = [
        (f"{study.code}/{site.code}", f"{study.code}: {site.name}")
        for study in await studies(tx)
        for site in study.sites
    ]
    return {
        "labels": await state_label.labels(tx, retired=True),
        "places": places,
        "states": states,
        "colours": COLOURS,
        "new_key": new_uuid,
    }


@get("/state-labels", operation_id="stateLabelsPage", opt=READ, include_in_schema=False)
async def labels_page(request: Request[Any, Any, Any], tx: Reading) -> Template:
    return page(request, "specimen/state_labels.html", title="Words for states", **await _shown(tx))


@post("/state-labels", operation_id="addStateLabelForm", opt=MANAGE, include_in_schema=False, status_code=303)
async def add_form(tx: Writing, data: Form) -> Redirect:
    """Place and state are chosen as STUDY/SITE and axis/state."""
    with shown_again("specimen/state_labels.html", title="Words for states", values=data, **await _shown(tx)):
        study, _, site = data.get("place", "").partition("/")
        axis, _, state = data.get("of", "").partition("/")
        command = parse_form(state_label.AddLabel, data, study=study, site=site, axis=axis, state=state)
        await tx.once(form_key(data), command, StateLabelView, lambda: state_label.add(tx, command))
    return Redirect("/state-labels", status_code=303)


@post("/state-labels/retire", operation_id="retireStateLabelForm", opt=MANAGE, include_in_schema=False, status_code=303)
async def retire_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("specimen/state_labels.html", title="Words for states", values=data, **await _shown(tx)):
        command = parse_form(state_label.RetireLabel, data)
        await tx.once(form_key(data), command, StateLabelView, lambda: state_label.retire(tx, command))
    return Redirect("/state-labels", status_code=303)


router = Router("/", route_handlers=[StateLabelController, labels_page, add_form, retire_form])
