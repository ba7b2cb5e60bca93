"""A process that uses the embedded server: ``python embedded_holder.py ROOT DATA [hold|write]``.

It prints one JSON line when it has started. ``hold`` then waits for the end of its input and stops; ``write`` inserts
rows, each in a transaction of its own, and prints the number of each once it is committed.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

root, data, task = sys.argv[1:]
sys.path.insert(0, root)

from biobank.embedded import EmbeddedServer, start  # noqa: E402 - found through the first argument


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201 - its output is what it is for


async def write(server: EmbeddedServer) -> None:
    import asyncpg

    connection = await asyncpg.connect(server.url("thread"))
    await connection.execute("CREATE TABLE tube (number integer PRIMARY KEY)")
    number = 0
    while True:
        await connection.execute("INSERT INTO tube VALUES ($1)", number)
        say(number=number)
        number += 1


begin = time.perf_counter()
with start(Path(data)) as server:
    seconds = time.perf_counter() - begin
    server.create_database("thread")
    pid = int((Path(data) / "postgresql" / "postmaster.pid").read_text().split()[0])
    say(seconds=seconds, url=server.url("thread"), server=pid, user=os.geteuid())
    if task == "write":
        asyncio.run(write(server))
    sys.stdin.read()
