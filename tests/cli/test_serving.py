"""`serve`: two processes on one database, a stop that waits for a request under way, and an address that is taken."""

import json
import socket
from urllib.parse import urlsplit

import httpx
from commandline import CommandLine

REQUEST = json.dumps({"name": "second", "days": 1}).encode()


def begin(address: str, token: str) -> socket.socket:
    """A request of which half is sent."""
    where = urlsplit(address)
    connection = socket.create_connection((where.hostname, where.port), timeout=60)
    head = (
        f"POST /api/v1/tokens HTTP/1.1\r\nHost: biobank\r\nAuthorization: Bearer {token}\r\n"
        "Idempotency-Key: 7f0c5d3e-4a55-4e0a-9a53-0d7a2a0e4b11\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(REQUEST)}\r\n\r\n"
    )
    connection.sendall(head.encode() + REQUEST[:10])
    return connection


def finish(connection: socket.socket) -> bytes:
    connection.sendall(REQUEST[10:])
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    connection.close()
    return answer


def test_two_processes_serve_one_database_and_stop_when_the_last_answer_is_given(server, folder):
    line = CommandLine(data=server.data, seal_seconds=1)
    with line.serve() as one, line.serve() as two:
        line("user", "create", "served", "--name", "Served", "--no-password", "--role", "administrator")
        made = line("token", "create", "served", "first")
        token = made.stdout.strip()
        assert "shown only now" in made.stderr
        headers = {"Authorization": f"Bearer {token}"}
        assert one.address != two.address
        for service in (one, two):
            health = httpx.get(f"{service.address}/health").json()
            assert (health["status"], health["migration"]) == ("ready", health["migration_needed"])
            me = httpx.get(f"{service.address}/api/v1/users/me", headers=headers)
            assert (me.status_code, me.json()["username"]) == (200, "served")
        assert httpx.get(f"{one.address}/api/v1/users/me").status_code == 401

        taken = CommandLine(data=server.data, port=urlsplit(two.address).port)("serve", status=1).stderr
        assert f"{two.address} cannot be served" in taken

        under_way = begin(one.address, token)
        httpx.get(f"{one.address}/health")  # what was sent before has arrived by now
        one.terminate()
        two.terminate()
        assert two.ended() == 0
        assert one.process.poll() is None
        answer = finish(under_way)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b'"name":"second"' in answer.replace(b'": "', b'":"')
        assert one.ended() == 0
        assert one.said[-1] == two.said[-1] == "Stopped.\n"
    assert line("audit", "verify").stdout.startswith("sound: ")
