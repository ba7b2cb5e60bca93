"""The composition root: the routers, the one dependency, the one guard and the one exception handler, put together
explicitly.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from litestar import Litestar, Router
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from biobank import __version__
from biobank.access import api as access_api
from biobank.access import pages as access_pages
from biobank.access.limits import rate_guard
from biobank.access.queries import authenticate
from biobank.accession import api as accession_api
from biobank.accession import bench_pages
from biobank.accession import pages as accession_pages
from biobank.actor import SERVICE
from biobank.assay import api as assay_api
from biobank.assay import fitness_pages, mapping_api, mapping_pages, selecting_pages
from biobank.assay import pages as assay_pages
from biobank.audit.seal import seal
from biobank.clock import Clock, system_clock
from biobank.constraints import CONSTRAINTS
from biobank.db import Database
from biobank.delivery import api as delivery_api
from biobank.delivery import pages as delivery_pages
from biobank.disposal import api as disposal_api
from biobank.disposal import pages as disposal_pages
from biobank.equipment import api as equipment_api
from biobank.equipment import pages as equipment_pages
from biobank.http import service
from biobank.http.deps import provide_tx
from biobank.http.envelope import Envelope
from biobank.http.problem import handle
from biobank.http.security import PUBLIC, Authentication, Csrf, guard, refuse_unguarded
from biobank.http.templating import make_environment
from biobank.ids import SYSTEM_RANDOM, Randomness
from biobank.labelling import api as labelling_api
from biobank.labelling import pages as labelling_pages
from biobank.live import Hub
from biobank.migrate import head
from biobank.overview import api as overview_api
from biobank.overview import pages as overview_pages
from biobank.participant import api as participant_api
from biobank.participant import consent_pages, visits_api, visits_pages
from biobank.participant import pages as participant_pages
from biobank.picking import api as picking_api
from biobank.picking import pages as picking_pages
from biobank.preanalytics import api as preanalytics_api
from biobank.preanalytics import pages as preanalytics_pages
from biobank.preanalytics.commands import keep_due
from biobank.printer import api as printer_api
from biobank.printer import pages as printer_pages
from biobank.printer.sending import Sender
from biobank.printer.wire import Patience
from biobank.printing import api as printing_api
from biobank.printing import applying_pages, draft_pages, template_api, template_pages
from biobank.printing import pages as printing_pages
from biobank.printing import ranges as printing_ranges
from biobank.protocol import api as protocol_api
from biobank.protocol import pages as protocol_pages
from biobank.rackscan import api as rackscan_api
from biobank.rackscan import pages as rackscan_pages
from biobank.release import api as release_api
from biobank.release import pages as release_pages
from biobank.scan import api as scan_api
from biobank.scan import pages as scan_pages
from biobank.scan.in_hand import out_of_the_cold
from biobank.settings import Settings
from biobank.shipment import api as shipment_api
from biobank.shipment import pages as shipment_pages
from biobank.signature import api as signature_api
from biobank.signature import pages as signature_pages
from biobank.specimen import api as specimen_api
from biobank.specimen import condition_pages, identity, wording
from biobank.specimen import pages as specimen_pages
from biobank.stock import api as stock_api
from biobank.stock import pages as stock_pages
from biobank.storage import api as storage_api
from biobank.storage import live_api, past_api, past_pages, search_api, search_pages, space_pages, type_pages
from biobank.storage import pages as storage_pages
from biobank.study import api as study_api
from biobank.study import form_pages
from biobank.tx import open_tx
from biobank.withdrawal import api as withdrawal_api
from biobank.withdrawal import pages as withdrawal_pages

ROUTERS = (
    service.router,
    service.assets,
    access_api.router,
    access_pages.router,
    signature_api.router,
    signature_pages.router,
    study_api.router,
    equipment_api.router,
    equipment_pages.router,
    protocol_api.router,
    form_pages.router,
    protocol_pages.router,
    participant_api.router,
    participant_pages.router,
    consent_pages.router,
    visits_api.router,
    visits_pages.router,
    shipment_api.router,
    shipment_pages.router,
    specimen_api.router,
    specimen_pages.router,
    wording.router,
    identity.router,
    condition_pages.router,
    overview_api.router,
    overview_pages.router,
    stock_api.router,
    stock_pages.router,
    delivery_api.router,
    delivery_pages.router,
    rackscan_api.router,
    rackscan_pages.router,
    storage_api.router,
    storage_pages.router,
    search_api.router,
    search_pages.router,
    live_api.router,
    past_api.router,
    past_pages.router,
    space_pages.router,
    type_pages.router,
    disposal_api.router,
    disposal_pages.router,
    withdrawal_api.router,
    withdrawal_pages.router,
    scan_api.router,
    scan_api.station,
    scan_pages.router,
    preanalytics_api.router,
    preanalytics_pages.router,
    picking_api.router,
    picking_pages.router,
    printer_api.router,
    printer_pages.router,
    labelling_api.router,
    labelling_pages.router,
    printing_api.router,
    printing_pages.router,
    printing_ranges.router,
    applying_pages.router,
    template_api.router,
    template_pages.router,
    draft_pages.router,
    accession_api.router,
    accession_pages.router,
    bench_pages.router,
    assay_api.router,
    assay_pages.router,
    mapping_api.router,
    mapping_pages.router,
    fitness_pages.router,
    selecting_pages.router,
    release_api.router,
    release_pages.router,
)

_log = structlog.get_logger("biobank")
# Nobody replays a scan of last month; receipts hold answers, which are not kept longer than they are of use.
_FORGET = "delete from command_receipt where received_at < now() - interval '14 days'"


def create_app(
    settings: Settings,
    dsn: str,
    csrf_secret: str,
    *,
    clock: Clock = system_clock,
    randomness: Randomness = SYSTEM_RANDOM,
) -> Litestar:
    """The service as an ASGI app. It keeps no state of its own: N processes on N machines serve one database.

    Args:
        settings: of this process.
        dsn: the database.
        csrf_secret: shared by all processes, from `service_secret`.
        clock: asked for the time of every request.
        randomness: mints identifiers.
    """
    database = Database(dsn, role=settings.database_role, size=settings.pool_size)

    csrf = CSRFConfig(secret=csrf_secret, cookie_secure=settings.secure_cookies, cookie_httponly=True)
    app = Litestar(
        route_handlers=list(ROUTERS),
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers={Exception: handle},
        middleware=[DefineMiddleware(Csrf, config=csrf), Authentication],
        template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(make_environment())),
        openapi_config=OpenAPIConfig(
            title="Biobank",
            version=__version__,
            description="Samples and lab-assay inventory of prospective studies. Everything the pages do is here.",
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="An API token.")}
            ),
            security=[{"token": []}],
            use_handler_docstrings=True,
            openapi_router=Router(
                "/api/schema", route_handlers=[], include_in_schema=False, opt={"permission": PUBLIC}
            ),
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        state=State(
            {
                "settings": settings,
                "migration_head": head(),
                "database": database,
                "live": Hub(database),
                "clock": clock,
                "randomness": randomness,
                "constraints": CONSTRAINTS,
                "authenticate": authenticate,
                "out_of_the_cold": out_of_the_cold,
                "gate": gate,
                "session_cookie": "__Host-biobank" if settings.secure_cookies else "biobank",
            }
        ),
        lifespan=[_lifespan],
        request_max_body_size=settings.upload_bytes,
        debug=False,
        logging_config=None,
    )
    refuse_unguarded(app)
    app.asgi_handler = Envelope(app.asgi_handler)
    return app


async def gate(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """What every request passes: permission first, then the rate limit of handlers that have one."""
    await guard(connection, handler)
    if "rate" in handler.opt:
        await rate_guard(connection, handler)


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    """Seals the audit trail, keeps SPREC codes, sends print jobs and hears of changes while the service runs. Closes
    the database after the last request is answered.
    """
    stop = asyncio.Event()
    seconds = app.state.settings.seal_seconds
    sealer = asyncio.create_task(_seal_until(stop, app.state.database, seconds))
    keeper = asyncio.create_task(_keep_until(stop, app.state.database, seconds))
    settings = app.state.settings
    sender = Sender(
        app.state.database,
        seconds=settings.print_seconds,
        patience=Patience(answer=settings.printer_answer_seconds, done=settings.printer_done_seconds),
        clock=app.state.clock,
    )
    printing = asyncio.create_task(sender.run(stop))
    live = asyncio.create_task(app.state.live.run())
    try:
        yield
    finally:
        stop.set()
        app.state.live.close()
        await live
        await sealer
        await keeper
        await printing
        await app.state.database.close()


async def _seal_until(stop: asyncio.Event, database: Database, seconds: int) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        try:
            connection = await database.connect()
            try:
                await seal(connection)
                await connection.execute(_FORGET)
            finally:
                await connection.close()
        except Exception as error:  # noqa: BLE001  # the sealer outlives a database that is away; the next round seals what was missed
            _log.warning("seal_failed", error=type(error).__name__)


# A backlog never crowds out people's requests: few at a time, since a request waits for the round it falls into; the
# seconds between two rounds while there is more to do.
_KEPT_AT_ONCE = 8
_PAUSE = 0.25


async def _keep_until(stop: asyncio.Event, database: Database, seconds: int) -> None:
    """Computes the SPREC of tubes that were stored, moved or worked on since the last round."""
    wait: float = seconds
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)
        try:
            async with open_tx(database, SERVICE) as tx:
                kept = await keep_due(tx, _KEPT_AT_ONCE)
            wait = _PAUSE if kept and kept.due == _KEPT_AT_ONCE else seconds
        except Exception as error:  # noqa: BLE001  # as with the sealer
            wait = seconds
            _log.warning("sprec_failed", error=type(error).__name__)
