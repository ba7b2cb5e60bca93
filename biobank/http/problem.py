"""From errors to answers: the one place that knows status codes. RFC 9457 problem+json under `/api`, a page
elsewhere.
"""

import re
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException, ValidationException
from litestar.response import Redirect, Template
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError, IntegrityError

from biobank.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
)
from biobank.http.pages import FormRefused, page
from biobank.violations import Busy, ConstraintErrors, constraint_of, from_database

STATUS: Mapping[type[DomainError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}

_log = structlog.get_logger("biobank")
_KEY = re.compile(r"^[a-z_]+$")


class BadRequest(Invalid):
    code = "bad-request"
    title = "Not understood"


class MethodNotAllowed(Invalid):
    code = "method-not-allowed"
    title = "Not done this way"


class Unexpected(DomainError):
    code = "unexpected"
    title = "Something went wrong on our side"


def status_of(error: DomainError) -> HTTPStatus:
    """The status of an error by its kind: the nearest class in `STATUS`."""
    if isinstance(error, BadRequest):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, MethodNotAllowed):
        return HTTPStatus.METHOD_NOT_ALLOWED
    if isinstance(error, Busy):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


_SAID: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_too_long": "has more than {max_length} characters",
    "string_pattern_mismatch": "is not written as it has to be",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "decimal_parsing": "is no number",
    "decimal_type": "is no number",
    "finite_number": "is no number",
    "greater_than": "has to be greater than {gt}",
    "greater_than_equal": "has to be {ge} or more",
    "less_than": "has to be less than {lt}",
    "less_than_equal": "has to be {le} or less",
    "uuid_parsing": "is nothing that was offered",
    "literal_error": "has to be {expected}",
    "enum": "has to be {expected}",
    "date_from_datetime_parsing": "is no day",
    "date_parsing": "is no day",
    "datetime_from_date_parsing": "is no time",
    "datetime_parsing": "is no time",
    "timezone_aware": "has no time zone",
}
"""By kind of error, what a person is told of a field; of other kinds the library's own words."""


def _said(item: ErrorDetails) -> str:
    limits = item.get("ctx", {})
    if item["type"] == "string_too_short":
        return "is empty" if limits["min_length"] == 1 else f"has fewer than {limits['min_length']} characters"
    return _SAID[item["type"]].format(**limits) if item["type"] in _SAID else item["msg"]


def from_validation(error: ValidationError) -> Invalid:
    """Field messages of a pydantic model; the values that were sent are not repeated."""
    errors = {
        ".".join(str(part) for part in item["loc"]): _said(item)
        for item in error.errors(include_input=False, include_url=False)
    }
    return Invalid(
        "Some fields are not valid: " + "; ".join(f"{name}: {message}" for name, message in errors.items()),
        errors=errors,
    )


def as_domain_error(error: Exception, constraints: ConstraintErrors) -> DomainError | None:  # noqa: PLR0911  # one line a kind
    """What an exception means to the person who asked; None when it is a fault of ours."""
    match error:
        case DomainError():
            return error
        case ValidationError():
            return from_validation(error)
        case ValidationException():
            return _from_litestar(error)
        case NotAuthorizedException():
            return Unauthenticated("Log in, or send an API token.")
        case PermissionDeniedException():
            return Forbidden(str(error.detail) or "This is not allowed.")
        case HTTPException():
            return _from_status(error)
        case IntegrityError() | DBAPIError():
            return from_database(error, constraints)
    return None


def _from_litestar(error: ValidationException) -> Invalid:
    errors: dict[str, str] = {}
    for item in error.extra if isinstance(error.extra, list) else []:
        if isinstance(item, dict):
            errors[str(item.get("key") or item.get("source") or "body")] = str(item.get("message", "is not valid"))
    # Without fields it is a missing header or parameter, which litestar names itself.
    detail = "; ".join(f"{name}: {message}" for name, message in errors.items()) or str(error.detail)
    return Invalid(detail, errors=errors)


def _from_status(error: HTTPException) -> DomainError:
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this address.")
        case 405:
            return MethodNotAllowed("This address does not answer to this method.")
        case 413:
            return TooLarge("The upload is larger than this service accepts.")
        case 400 | 415:
            return BadRequest(str(error.detail))
    return Unexpected("The request could not be answered.")


def wants_json(request: Request[Any, Any, Any]) -> bool:
    return request.url.path.startswith("/api/") and request.url.path != "/api/docs"


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The app's one exception handler."""
    form = error if isinstance(error, FormRefused) else None
    if form is not None:
        error = form.error
    meant = as_domain_error(error, request.app.state.constraints)
    if meant is None:
        # A message may hold values of people, so only the type and the frames go to the log.
        _log.error(
            "unexpected",
            error=type(error).__name__,
            constraint=_constraint(error),
            frames=_frames(error),
            request_id=request.scope.get("request_id", ""),
        )
        meant = Unexpected("The service failed. Nothing was changed. Tell your administrator the request id.")
    if isinstance(meant, Unauthenticated) and not wants_json(request) and request.method in {"GET", "HEAD"}:
        return Redirect(f"/login?next={request.url.path}", status_code=303)
    if form is not None:
        return page(
            request,
            form.template,
            title=form.title,
            status_code=status_of(meant),
            **{**form.view, "errors": dict(getattr(meant, "errors", {})), "refused": meant.detail},
        )
    return render(request, meant)


def _constraint(error: Exception) -> str | None:
    return constraint_of(error) if isinstance(error, DBAPIError) else None


def _frames(error: Exception) -> list[str]:
    """Where it was raised, innermost last, without any value."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]


def problem_document(request: Request[Any, Any, Any], error: DomainError) -> dict[str, Any]:
    """The RFC 9457 members, the error's own fields, and `errors` by field name where there are any."""
    document: dict[str, Any] = {key: value for key, value in error.fields.items() if _KEY.match(key)}
    document |= {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": int(status_of(error)),
        "detail": error.detail,
        "request_id": request.scope.get("request_id", ""),
    }
    if isinstance(error, Invalid) and error.errors:
        document["errors"] = dict(error.errors)
    return document


def render(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
    status = status_of(error)
    headers = {"retry-after": str(error.retry_after)} if isinstance(error, TooMany) else {}
    if wants_json(request):
        return Response(
            problem_document(request, error), status_code=status, headers=headers, media_type="application/problem+json"
        )
    return error_page(request, error, status, headers)


def error_page(
    request: Request[Any, Any, Any], error: DomainError, status: HTTPStatus, headers: dict[str, str]
) -> Template:
    return page(
        request,
        "error.html",
        title=error.title,
        status_code=status,
        headers=headers,
        status=int(status),
        detail=error.detail,
        request_id=request.scope.get("request_id", ""),
        way_out={"label": "What this means", "href": f"/problems/{error.code}"},
    )
