"""What the service says of itself: health, metrics, the API's description, problem pages and built assets."""

from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath
from litestar.response import Template
from litestar.static_files import create_static_files_router
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from biobank import __version__
from biobank.errors import NotFound
from biobank.http.pages import page
from biobank.http.problem_docs import problem_doc, problem_docs
from biobank.http.security import PUBLIC
from biobank.http.templating import STATIC_BUILD, STATIC_BUILD_URL

# For programs: no login, and nothing is changed, so no CSRF cookie either. Each handler says why it is open.
_OPEN = {"permission": PUBLIC, "exclude_from_csrf": True}
_FOR_EVER = "public, max-age=31536000, immutable"


class HealthView(BaseModel):
    """`status` is "ready" when the database answers and has the schema of this version; `alive` is always true in an
    answer.
    """

    model_config = ConfigDict(frozen=True)
    status: str
    alive: bool
    version: str
    database: str
    migration: str | None
    migration_needed: str


@get("/health", operation_id="health", opt=_OPEN, tags=["Service"])  # a load balancer has no login
async def health(request: Request[Any, Any, Any]) -> Response[HealthView]:
    """Whether this process can serve. 200 when ready, 503 when not; a restart helps only when nothing answers at
    all.
    """
    needed: str = request.app.state.migration_head
    found, database = None, "away"
    try:
        async with request.app.state.database.reader.connect() as connection:
            found = (await connection.execute(text("select version_num from alembic_version"))).scalar_one_or_none()
            version = (await connection.execute(text("show server_version"))).scalar_one()
            database = f"PostgreSQL {str(version).split()[0]}"
    except DBAPIError:
        database = "not migrated"
    except (SQLAlchemyError, OSError):
        pass  # away: said in the answer
    ready = found == needed
    view = HealthView(
        status="ready" if ready else "not ready",
        alive=True,
        version=__version__,
        database=database,
        migration=found,
        migration_needed=needed,
    )
    return Response(view, status_code=200 if ready else 503)


@get("/health/constant", operation_id="constant", opt=_OPEN, include_in_schema=False)  # the floor of the scan benchmark
async def constant() -> dict[str, str]:
    """A constant answer: what a request costs before it asks for anything."""
    return {"status": "alive"}


@get(
    "/metrics", operation_id="metrics", opt=_OPEN, include_in_schema=False
)  # counts by route only; the proxy keeps it inside
async def metrics() -> Response[bytes]:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@get("/api/openapi.json", operation_id="openapi", opt=_OPEN, include_in_schema=False)  # a description, no data
async def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return request.app.openapi_schema.to_schema()


@get("/api/docs", operation_id="apiDocs", opt={"permission": PUBLIC}, include_in_schema=False)  # a description, no data
async def api_docs(request: Request[Any, Any, Any]) -> Template:
    schema = request.app.openapi_schema.to_schema()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, item in sorted(schema["paths"].items())
        for method, operation in item.items()
        if isinstance(operation, dict)
    ]
    tags = sorted({tag for operation in operations for tag in operation.get("tags", ["Other"])})
    return page(
        request,
        "service/api.html",
        title="API",
        operations=operations,
        tags=tags,
        schemas=schema.get("components", {}).get("schemas", {}),
    )


@get(
    "/problems", operation_id="problems", opt={"permission": PUBLIC}, include_in_schema=False
)  # help with errors needs no login
async def problems(request: Request[Any, Any, Any]) -> Template:
    return page(request, "service/problems.html", title="Problems", problems=problem_docs())


@get(
    "/problems/{code:str}", operation_id="problem", opt={"permission": PUBLIC}, include_in_schema=False
)  # help with errors needs no login
async def problem(request: Request[Any, Any, Any], code: FromPath[str]) -> Template:
    doc = problem_doc(code)
    if doc is None:
        raise NotFound("There is no problem of this code.")
    return page(request, "problem.html", title=doc.title, problem=doc)


def _cache_for_ever(response: Response[Any]) -> Response[Any]:
    """The name of a built asset holds the digest of its content, so it never changes under its address."""
    response.headers["cache-control"] = _FOR_EVER
    return response


assets = create_static_files_router(
    path=STATIC_BUILD_URL,
    directories=[STATIC_BUILD],
    opt=_OPEN,
    after_request=_cache_for_ever,
    include_in_schema=False,
)

router = Router("/", route_handlers=[health, constant, metrics, openapi, api_docs, problems, problem])
