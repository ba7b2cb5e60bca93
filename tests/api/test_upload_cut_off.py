"""A client that is cut off in the middle of an upload, against a real server: nothing is stored, and the same request
can be sent again.
"""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from litestar import Litestar

from tests.bench import plan, plated, xponent

KEY = "7f0c5d3e-4a55-4e0a-9a53-0d7a2a0e4b12"
BOUNDARY = "a-part-of-the-form"


@pytest.fixture
async def port(app: Litestar) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


def multipart(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="run.csv"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def head(path: str, token: str, body: bytes) -> bytes:
    return (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: biobank\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
        f"Idempotency-Key: {KEY}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()


# The server's form parser leaves its temporary file to the garbage collector where a form ends early.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("kept", [0.3, 0.99], ids=["early", "at the end"])
async def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_repeated(
    api, database, world, port, superuser, capsys, kept
):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1)
    await plated(api, bench, {"A1": bench.material.tubes[0]})
    before = await superuser.fetchrow("select count(*), max(id) from audit_entry")
    body = multipart(xponent({"A1": "one"}, ["alpha"]))
    opening = head(f"/runs/{bench.run}/import", world.tokens["technician"], body)

    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(opening + body[: int(len(body) * kept)])
    await writer.drain()
    await asyncio.sleep(0.2)  # the server reads what there is, and waits for the rest
    writer.transport.abort()
    await asyncio.sleep(0.3)

    run = await api("technician").see(f"/runs/{bench.run}")
    assert (run["status"], run["file"]) == ("plated", None)
    assert await superuser.fetchrow("select count(*), max(id) from audit_entry") == before
    assert await superuser.fetchval("select count(*) from command_receipt where key = $1", KEY) == 0
    said = capsys.readouterr().out
    assert "status=499" in said
    assert "status=500" not in said
    assert "unexpected" not in said
    lingering = (
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in trans%'"
    )
    assert await superuser.fetchval(lingering) == 0

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(opening + body)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 201 "), answer[:300]
    assert (await api("technician").see(f"/runs/{bench.run}"))["status"] == "parsed"
