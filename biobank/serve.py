"""Serving: database, migrations, the demo study where it is asked for, then the web server until it is told to stop."""

import asyncio
import gc
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from biobank import migrate
from biobank.app import create_app
from biobank.audit.seal import seal
from biobank.db import Database
from biobank.errors import OperationFailed
from biobank.live import Hub
from biobank.logs import configure_logging
from biobank.progress import Progress, ProgressBar, say
from biobank.runtime import Running, csrf_secret, is_empty, running
from biobank.scan.warming import warm
from biobank.settings import Settings

if TYPE_CHECKING:
    from biobank.demo import DemoSummary

LOGINS = "demo-logins.txt"
_GRACE_SECONDS = 30


class NotServed(OperationFailed):
    """The web server did not start; the message says where and why."""


class _Server(uvicorn.Server):
    """Says where it answers once it does: a port of 0 is known only then. Ends the streams of pages that look at a
    place before it waits for requests under way: they would last. All connections for writing but two are made
    ready for scans meanwhile; the two answer who is there already.
    """

    def __init__(self, config: uvicorn.Config, live: Hub, database: Database, connections: int) -> None:
        super().__init__(config)
        self._live = live
        self._database = database
        self._connections = connections
        self._warming: asyncio.Task[None] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._warming is not None:
            self._warming.cancel()
        self._live.close()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            say(f"\nBiobank answers at http://{shown}:{port}  (Ctrl-C stops it)")
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        with suppress(SQLAlchemyError, OSError):  # whoever comes next finds out, and is told
            await warm(self._database, self._connections)


def serve(settings: Settings) -> None:
    """Serve until interrupted. Requests under way are answered before the database is let go."""
    say("Starting the database …")
    with running(settings) as database:
        migrate.prepare(database.dsn, role=settings.database_role)
        if settings.demo and asyncio.run(is_empty(database.dsn)):
            fill_demo(settings, database, participants=60, seed=1)
        serve_prepared(settings, database)


def fill_demo(settings: Settings, database: Running, *, participants: int, seed: int) -> "DemoSummary":
    """Make the demo study under a password of this installation alone, and keep the logins beside the data."""
    from biobank.demo import fill

    say(f"Making the demo study with {participants:,} made-up participants …")
    password = "-".join(secrets.token_hex(3) for _ in range(3))
    progress = ProgressBar()

    async def work() -> "DemoSummary":
        async with Database.open(database.dsn, role=settings.database_role, size=4) as opened:
            made = await fill(opened, participants=participants, seed=seed, password=password, progress=progress)
        await settle(database.dsn, progress)
        return made

    # Millions of small objects are made and none in a cycle: looking for cycles took a fifth of this process's time.
    gc.disable()
    try:
        summary = asyncio.run(work())
    finally:
        gc.enable()
    lines = [f"{login.username:<16} {password}   {login.title}" for login in summary.logins]
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / LOGINS
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return summary


# By itself vacuum keeps to a small ring of buffers and waits for the disk each time round. PostgreSQL 15 has no choice.
_ALL_BUFFERS = """
select set_config(name, '0', false) from pg_settings where name = 'vacuum_buffer_usage_limit'
"""


async def settle(dsn: str, progress: Progress) -> None:
    """Seal what was written, and let the database learn what its tables hold: pages are quick from the first one on."""
    # No seal waits for the disk: it says what can be said anew after a crash.
    settings = {"timezone": "UTC", "synchronous_commit": "off"}
    sealing, tidying = [await asyncpg.connect(dsn, server_settings=settings) for _ in range(2)]
    try:
        await tidying.execute(_ALL_BUFFERS)
        total = await sealing.fetchval("select count(*) from audit_entry")
        async with asyncio.TaskGroup() as group:
            group.create_task(seal(sealing, progress=lambda sealed: progress("audit entries", sealed, total)))
            group.create_task(tidying.execute("vacuum (analyze)"))
    finally:
        await sealing.close()
        await tidying.close()


def show_logins(data: Path) -> None:
    path = data / LOGINS
    if path.is_file():
        say("\nDemo logins (user name, password, role):")
        for line in path.read_text(encoding="utf-8").splitlines():
            say(f"  {line}")


def serve_prepared(settings: Settings, database: Running) -> None:
    configure_logging(settings)
    app = create_app(settings, database.dsn, asyncio.run(csrf_secret(database.dsn)))
    show_logins(settings.data)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        lifespan="on",
    )
    # What is made once stays for good: the collector need not look at it again and again while requests come.
    # Most requests leave few cycles behind, so a pass after every 700 objects finds next to nothing; one after 50,000
    # takes as long as a page does (30 to 85 ms, measured).
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    server = _Server(config, app.state.live, app.state.database, settings.pool_size - 2)
    try:
        with suppress(KeyboardInterrupt):  # the server stops in order on a signal, and raises it again when it is done
            server.run()
    except SystemExit:  # the server's way to say that the address cannot be had; the log says why
        raise NotServed(
            f"http://{settings.host}:{settings.port} cannot be served: is something there already?"
        ) from None
    if not server.started:
        raise NotServed("The service did not start: the lines above say why.")
    say("Stopped.")
