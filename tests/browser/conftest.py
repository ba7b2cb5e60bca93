"""The service as a process of its own over a test's database, and people before it in a real browser."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from tests.browser.desk import SIZES, Desk
from tests.world import World

STARTS_WITHIN = 120  # seconds, on a machine that is busy; one that ended is not waited for

Sit = Callable[..., Awaitable[Desk]]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def written(log: Path) -> str:
    return log.read_text(encoding="utf-8")


async def answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the service is ready; what it wrote is the message when it never is."""
    async with httpx.AsyncClient() as client:
        for _ in range(STARTS_WITHIN * 10):
            try:
                if (await client.get(f"{url}/health")).is_success:
                    return
            except httpx.TransportError:
                pass
            if process.poll() is not None:
                break
            await asyncio.sleep(0.1)
    pytest.fail(f"the service does not answer:\n{written(log)}")


@contextmanager
def started(environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "biobank.cli", "serve"], env=environment, stdout=output, stderr=output
        ) as process,
    ):
        yield process  # leaving waits until it has ended


@pytest.fixture
async def server(dsn: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of `biobank serve` over this test's database."""
    port, log = free_port(), tmp_path / "server.log"
    settings = {
        "BIOBANK_DATABASE_URL": dsn,
        "BIOBANK_DATA": str(tmp_path / "data"),
        "BIOBANK_PORT": str(port),
        "BIOBANK_POOL_SIZE": "4",
        "BIOBANK_LOG_FORMAT": "text",
    }
    with started(os.environ | settings, log) as process:
        try:
            await answers(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert "Traceback" not in written(log)


@pytest.fixture
async def sit(server: str, chromium: Browser, world: World) -> AsyncIterator[Sit]:
    """Makes desks: each call signs in the named user of the world. At the end nobody may have seen a fault."""
    desks: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def seated(username: str, size: str = "desktop") -> Desk:
            width, height = SIZES[size]
            context = await chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
            context.set_default_timeout(10_000)
            stack.push_async_callback(context.close)
            desk = Desk(await context.new_page(), server, username)
            desks.append(desk)
            await desk.sign_in(world.password)
            return desk

        yield seated
    assert "\n".join(fault for desk in desks for fault in desk.faults) == ""
