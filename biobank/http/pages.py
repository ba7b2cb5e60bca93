"""Rendering a page: what every template is given, and forms that are shown again with what is wrong in them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from litestar import Request
from litestar.response import Template
from litestar.utils.scope.state import ScopeState
from pydantic import BaseModel, ValidationError

from biobank.actor import Actor, Permission
from biobank.errors import DomainError, Invalid
from biobank.http.templating import Flash, NavItem, PageActor, page_context
from biobank.ids import new_uuid

CommandModel = TypeVar("CommandModel", bound=BaseModel)

NAVIGATION: tuple[tuple[str, str, Permission], ...] = (
    ("Scan", "/scan", Permission.SPECIMEN_READ),
    ("Participants", "/participants", Permission.PARTICIPANT_READ),
    ("Visits", "/visits", Permission.PARTICIPANT_READ),
    ("Bench", "/bench", Permission.SPECIMEN_PROCESS),
    ("Storage", "/storage", Permission.STORAGE_READ),
    ("Printing", "/labels", Permission.LABEL_PRINT),
    ("Picking", "/pick-lists", Permission.SPECIMEN_READ),
    ("Shipments", "/shipments", Permission.SHIPMENT_READ),
    ("Assays", "/runs", Permission.ASSAY_READ),
    ("Results", "/results", Permission.RESULT_READ),
    ("Studies", "/studies", Permission.STUDY_READ),
    ("Audit", "/audit", Permission.AUDIT_READ),
)

BESIDE: Mapping[str, tuple[str, ...]] = {
    "/runs": ("/assays", "/column-mappings", "/fitness"),
    "/storage": ("/space", "/container-types", "/tube-searches"),
    "/labels": (
        "/print-jobs",
        "/printers",
        "/printer-rules",
        "/deliveries",
        "/label-ranges",
        "/label-templates",
        "/label-stocks",
    ),
}
"""By entry of the navigation, where else its pages are."""

ROLE_TITLES: Mapping[str, str] = {
    "technician": "Technician",
    "shipping_clerk": "Shipping clerk",
    "scientist": "Scientist",
    "site_coordinator": "Site coordinator",
    "assay_reviewer": "Assay reviewer",
    "manager": "Manager",
    "auditor": "Auditor",
    "administrator": "Administrator",
    "print_agent": "Print agent",
}


def page(
    request: Request[Any, Any, Any],
    template: str,
    *,
    title: str,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    flashes: tuple[Flash, ...] = (),
    of_nobody: bool = False,
    **view: Any,
) -> Template:
    """A page with the bar, the navigation that this person may use, and a fresh form key. With `of_nobody` it is the
    page of no person, such as browsers may keep.
    """
    actor: Actor | None = None if of_nobody else request.scope.get("user")
    path = request.url.path
    context = page_context(
        page_title=title,
        request_path=path,
        csrf_token="" if of_nobody else csrf_of(request),
        site_tz=str(request.scope.get("site_tz", "UTC")),
        actor=None
        if actor is None
        else PageActor(actor.display_name, actor.username, tuple(ROLE_TITLES.get(role, role) for role in actor.roles)),
        nav=[]
        if actor is None
        else [
            NavItem(label, href, current=_is_under(path, href, *BESIDE.get(href, ())))
            for label, href, permission in NAVIGATION
            if actor.may(permission)
        ],
        flashes=flashes,
    )
    context |= {
        "title": title,
        "form_key": str(new_uuid()),
        "may": actor.may if actor else _may_nothing,
        "Permission": Permission,
        "errors": {},
        "values": {},
        "refused": None,
    }
    return Template(
        template_name=template, context=context | view, status_code=status_code, headers=dict(headers or {})
    )


def csrf_of(request: Request[Any, Any, Any]) -> str:
    """The token that forms and scripts of this browser send along; empty where a program asks."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else ""


def _is_under(path: str, *hrefs: str) -> bool:
    return any(path == href or path.startswith(href + "/") for href in hrefs)


def _may_nothing(_permission: Permission) -> bool:
    return False


class FormRefused(Exception):
    """A form that is shown again, with messages at its fields. The transaction is rolled back because this is raised
    through it.
    """

    def __init__(
        self, error: DomainError | ValidationError | Exception, template: str, title: str, view: Mapping[str, Any]
    ) -> None:
        self.error = error
        self.template = template
        self.title = title
        self.view = view
        super().__init__(str(error))


@contextmanager
def shown_again(template: str, *, title: str, values: Mapping[str, Any], **view: Any) -> Iterator[None]:
    """Within it, an error of the domain or of the database shows `template` again at 422 with `errors` and what was
    typed.
    """
    try:
        yield
    except FormRefused:
        raise
    except Exception as error:
        raise FormRefused(error, template, title, {**view, "values": dict(values)}) from error


def parse_form(model: type[CommandModel], data: Mapping[str, Any], **given: Any) -> CommandModel:
    """The command that a form means: its fields by name, empty ones as absent, `given` on top.

    Raises:
        Invalid: with a message for each field.
    """
    fields = {name: value for name, value in data.items() if name in model.model_fields and value not in ("", None)}
    return model.model_validate({**fields, **given})


def form_key(data: Mapping[str, Any]) -> UUID:
    """The UUID that the form was rendered with: posting it twice is one deed."""
    try:
        return UUID(str(data.get("_key", "")))
    except ValueError:
        raise Invalid("The form is incomplete: load the page again.", errors={"_key": "is missing"}) from None
