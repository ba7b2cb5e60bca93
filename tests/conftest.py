"""A real PostgreSQL for every test: one server for all workers, one database a worker (see `tests/workbench.py`)."""

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest
from hypothesis import settings
from litestar import Litestar

from biobank import embedded, migrate
from biobank.app import create_app
from biobank.db import Database
from biobank.settings import Settings
from tests.workbench import Workbench
from tests.world import World, build_world

ROLE = "biobank_app"

# How long an example takes says how busy the machine is, not whether it is right.
settings.register_profile("biobank", deadline=None)
settings.load_profile("biobank")

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system in memory, where there is one
_ROOM = 4 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    """Keep all that the tests write in memory: making and dropping databases is then ten times as quick."""
    if hasattr(config, "workerinput") or config.option.basetemp is not None or not os.access(MEMORY, os.W_OK):
        return
    for left in MEMORY.glob("biobank-tests-*"):
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(MEMORY).free > _ROOM:
        folder = MEMORY / f"biobank-tests-{os.getpid()}"
        config.option.basetemp = str(folder)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_finish() -> None:
    """What was imported and collected stays for good: the collector of cycles need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Any]:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with embedded.start(
        shared / "pg", options={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    ) as server:
        yield server


async def _statement(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def templates(postgres: Any, worker_id: str) -> tuple[str, str, World]:
    """Names of an empty migrated database and of one with the world in it, and the world."""
    empty, world = f"empty_{worker_id}", f"world_{worker_id}"

    async def make() -> World:
        await _statement(postgres.url("postgres"), f"create database {empty}")
        await migrate.upgrade(postgres.url(empty), role=ROLE)
        await _statement(postgres.url("postgres"), f"create database {world} template {empty}")
        return await build_world(postgres.url(world), ROLE)

    return empty, world, asyncio.run(make())


@asynccontextmanager
async def _clone(postgres: Any, template: str) -> AsyncIterator[str]:
    name = f"t_{uuid4().hex}"
    # Copying files is cheaper than logging every block; it needs a checkpoint, which costs nothing without fsync.
    make = f"create database {name} template {template} strategy file_copy"
    await _statement(postgres.url("postgres"), make)
    try:
        yield postgres.url(name)
    finally:
        await _statement(postgres.url("postgres"), f"drop database {name} with (force)")


@pytest.fixture(scope="session")
async def workbench(postgres: Any, templates: tuple[str, str, World]) -> AsyncIterator[Workbench]:
    opened = await Workbench(postgres, templates[1], ROLE).open()
    yield opened
    await opened.close()


@pytest.fixture
async def dsn(workbench: Workbench) -> AsyncIterator[str]:
    """A database with the world in it, as it was before the first test."""
    yield workbench.dsn
    await workbench.put_back()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Any]:
    from tests.chromium import launched  # half a second that only the tests in a browser need

    async with launched() as one:
        yield one


@pytest.fixture
async def empty_dsn(postgres: Any, templates: tuple[str, str, World]) -> AsyncIterator[str]:
    """A migrated database without any study, for one test."""
    async with _clone(postgres, templates[0]) as url:
        yield url


@pytest.fixture
def world(templates: tuple[str, str, World]) -> World:
    return templates[2]


@pytest.fixture
async def database(workbench: Workbench, dsn: str) -> Database:
    return workbench.database


@pytest.fixture
async def superuser(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past all grants, to look behind the service or to tamper with it."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def made_app(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The app, put together once: it keeps no state but the database in `app.state`, which each test replaces."""
    made = create_app(
        Settings(data=tmp_path_factory.mktemp("data"), pool_size=6), "postgresql://nowhere/none", "0" * 64
    )
    made.state.live.close()  # nothing runs beside the requests: a stream ends with its first message
    return made


@pytest.fixture
async def app(made_app: Litestar, database: Database) -> Litestar:
    made_app.state.database = database
    return made_app


class Api:
    """JSON calls of one user. Every deed gets a fresh idempotency key unless one is given."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(
            f"/api/v1{path}", params={key: value for key, value in params.items() if value is not None}
        )

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **extra: Any) -> httpx.Response:
        return await self.client.post(
            f"/api/v1{path}", json=body, headers={"Idempotency-Key": key or str(uuid4())}, **extra
        )

    async def ok(self, path: str, body: Any = None, **extra: Any) -> Any:
        """Post and insist on success."""
        response = await self.post(path, body, **extra)
        assert response.is_success, response.text
        return response.json() if response.content else None

    async def see(self, path: str, **params: Any) -> Any:
        """Get and insist on success."""
        response = await self.get(path, **params)
        assert response.is_success, response.text
        return response.json()


@pytest.fixture
async def api(app: Litestar, world: World) -> AsyncIterator[Any]:
    """Calls as a user of the world, `api("technician")`, or as nobody, `api(None)`."""
    clients: list[httpx.AsyncClient] = []

    def as_user(username: str | None) -> Api:
        headers = {} if username is None else {"Authorization": f"Bearer {world.tokens[username]}"}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://biobank.test", headers=headers
        )
        clients.append(client)
        return Api(client)

    yield as_user
    for client in clients:
        await client.aclose()


class Browser:
    """A logged-in browser without JavaScript: cookies, forms with their hidden fields, pages as text."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(
        self, path: str, data: dict[str, Any] | None = None, *, key: str | None = None, **extra: Any
    ) -> httpx.Response:
        form = {"_csrf_token": self.client.cookies.get("csrftoken", ""), "_key": key or str(uuid4()), **(data or {})}
        return await self.client.post(path, data=form, **extra)


@pytest.fixture
async def browser(app: Litestar, world: World) -> AsyncIterator[Any]:
    """Makes a browser with the named user logged in; with None nobody is."""
    clients: list[httpx.AsyncClient] = []

    async def as_user(username: str | None) -> Browser:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://biobank.test")
        clients.append(client)
        made = Browser(client)
        await made.get("/login")
        if username is not None:
            response = await made.post("/login", {"username": username, "password": world.password})
            assert response.status_code == 303, response.text
        return made

    yield as_user
    for client in clients:
        await client.aclose()
