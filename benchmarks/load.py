"""A lean HTTP/1.1 load: keep-alive connections on bare sockets, so that what is measured is the server."""

import asyncio
import http.client
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import psutil

ROUNDS = 60
_WARM = 5


@dataclass(frozen=True)
class Load:
    """What a run measured. Latencies in milliseconds; `cpu_us` is the server's processor time a request, in
    microseconds.
    """

    requests: int
    seconds: float
    rate: float
    p50: float
    p99: float
    cpu_us: float
    failed: int


def request(method: str, path: str, token: str | None = None, body: bytes = b"", headers: str = "") -> bytes:
    lines = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    if token:
        lines += f"Authorization: Bearer {token}\r\n"
    if body:
        lines += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (lines + headers + "\r\n").encode() + body


async def _connection(port: int, requests: Iterator[bytes], until: float, expected: bytes, times: list[float]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    failed = 0
    try:
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            at = head.lower().index(b"content-length:") + 15
            await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
            times.append(time.perf_counter() - began)
            failed += not head.startswith(expected)
    finally:
        writer.close()
    return failed


def drive(
    port: int,
    server: psutil.Process,
    connections: int,
    seconds: float,
    make: Callable[[], bytes],
    expected: bytes = b"HTTP/1.1 200",
) -> Load:
    """Send what `make` makes over `connections` for `seconds`, after a second of warming up."""

    def endless() -> Iterator[bytes]:
        while True:
            yield make()

    async def all_connections(duration: float, times: list[float]) -> int:
        until = time.perf_counter() + duration
        return sum(
            await asyncio.gather(*(_connection(port, endless(), until, expected, times) for _ in range(connections)))
        )

    asyncio.run(all_connections(1.0, []))
    times: list[float] = []
    before, began = _cpu(server), time.perf_counter()
    failed = asyncio.run(all_connections(seconds, times))
    elapsed, used = time.perf_counter() - began, _cpu(server) - before
    times.sort()
    return Load(
        requests=len(times),
        seconds=elapsed,
        rate=len(times) / elapsed,
        p50=times[len(times) // 2] * 1000,
        p99=times[int(len(times) * 0.99)] * 1000,
        cpu_us=used / len(times) * 1e6,
        failed=failed,
    )


def _cpu(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def in_turn(port: int, token: str, paths: Iterable[str]) -> list[float]:
    """Milliseconds of `ROUNDS` requests, one after the other, from the first byte sent to the last received."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    for _, path in zip(range(ROUNDS + _WARM), paths, strict=False):
        headers = {"Authorization": f"Bearer {token}", "Accept": "*/*" if "/api/" in path else "text/html"}
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    connection.close()
    return took[_WARM:]


def middle(name: str, took: Sequence[float]) -> dict[str, float | int]:
    ordered = sorted(took)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered), 2),
        f"{name}_p95_ms": round(ordered[int(len(ordered) * 0.95) - 1], 2),
    }
