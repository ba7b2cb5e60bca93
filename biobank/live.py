"""Who looks at a place now, and that something changed in it: told between all processes of the service by notices of
the database (`migrations/sql/live.sql` sends those of changes).
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from biobank.db import Database
from biobank.ids import new_uuid

CHANGES = "biobank_place"
PEOPLE = "biobank_people"
EVERYTHING = "*"
BEAT_SECONDS = 20
"""How often a person who looks at a place is named again to the other processes."""
GONE_AFTER = 3 * BEAT_SECONDS
_AGAIN_SECONDS = 1
_log = structlog.get_logger("biobank.live")


@dataclass(slots=True)
class News:
    """What happened since the last look: content changed, containers came or went, other people came or went."""

    changed: bool = False
    moved: bool = False
    people: bool = False


@dataclass(eq=False)
class Watch:
    """One screen that shows a place. `places` are the ids of the container and of all in it."""

    place: int
    name: str
    places: frozenset[int]
    key: UUID = field(default_factory=new_uuid)
    news: News = field(default_factory=News)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, *, changed: bool = False, moved: bool = False, people: bool = False) -> None:
        self.news.changed |= changed
        self.news.moved |= moved
        self.news.people |= people
        self.woken.set()

    async def wait(self, seconds: float) -> News:
        """What is new, at once when something is, else nothing after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), seconds)
        self.woken.clear()
        news, self.news = self.news, News()
        return news


class Hub:
    """The watches of this process, and its ear at the database. `run` keeps the connection for as long as the service
    runs; when it is lost, every screen looks again once it is back.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: set[Watch] = set()
        self._people: dict[int, dict[str, tuple[str, float]]] = {}
        self._outbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(1000)
        self.closing = asyncio.Event()

    @contextmanager
    def watch(self, place: int, name: str, places: frozenset[int]) -> Iterator[Watch]:
        """Look at a container: `name` is shown to the others who look at it."""
        watch = Watch(place, name, places)
        self._watches.add(watch)
        self._say(watch, "ask")
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            self._say(watch, "gone")

    def others(self, watch: Watch) -> tuple[str, ...]:
        """The other people who look at this place, in the order of their names."""
        recent = time.monotonic() - GONE_AFTER
        here = self._people.get(watch.place, {})
        return tuple(sorted({name for key, (name, at) in here.items() if key != str(watch.key) and at > recent}))

    def close(self) -> None:
        """The service stops: `run` and every stream end by themselves."""
        self.closing.set()
        self._wake()
        for watch in self._watches:
            watch.woken.set()

    async def run(self) -> None:
        while not self.closing.is_set():
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("live_lost", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.closing.wait(), _AGAIN_SECONDS)

    async def _listen(self) -> None:
        connection = await self._database.connect()
        connection.add_termination_listener(lambda _: self._wake())
        try:
            await connection.add_listener(CHANGES, self._changed)
            await connection.add_listener(PEOPLE, self._met)
            self._forget()
            for watch in self._watches:
                watch.tell(changed=True, moved=True, people=True)
                self._say(watch, "ask")
            await self._speak(connection)
        finally:
            await connection.close(timeout=2)

    async def _speak(self, connection: asyncpg.Connection) -> None:
        """Send what is said here, and name those who are here again from time to time."""
        beat = time.monotonic() + BEAT_SECONDS
        while not self.closing.is_set():
            if connection.is_closed():
                raise ConnectionError("the database closed the connection")
            if time.monotonic() >= beat:
                beat = time.monotonic() + BEAT_SECONDS
                self._forget()
                for watch in self._watches:
                    self._say(watch, "here")
            with suppress(TimeoutError):
                hello = await asyncio.wait_for(self._outbox.get(), max(0.0, beat - time.monotonic()))
                if hello is not None:
                    await connection.execute("select pg_notify($1, $2)", PEOPLE, json.dumps(hello))

    def _wake(self) -> None:
        with suppress(asyncio.QueueFull):  # then it is awake
            self._outbox.put_nowait(None)

    def _say(self, watch: Watch, kind: str) -> None:
        with suppress(asyncio.QueueFull):  # the next beat says it again
            self._outbox.put_nowait({"kind": kind, "place": watch.place, "key": str(watch.key), "name": watch.name})

    def _changed(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if payload == EVERYTHING:
            for watch in self._watches:
                watch.tell(changed=True, moved=True)
            return
        kind, place = payload[0], int(payload[1:])
        for watch in self._watches:
            if place in watch.places:
                watch.tell(changed=True, moved=kind == "c")

    def _met(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        hello: Mapping[str, Any] = json.loads(payload)
        place, key = int(hello["place"]), str(hello["key"])
        here = self._people.setdefault(place, {})
        known = key in here
        if hello["kind"] == "gone":
            here.pop(key, None)
        else:
            here[key] = (str(hello["name"]), time.monotonic())
        for watch in self._watches:
            if watch.place != place:
                continue
            if hello["kind"] == "ask" and str(watch.key) != key:
                self._say(watch, "here")
            if known != (key in here):
                watch.tell(people=True)

    def _forget(self) -> None:
        """Of a process that was killed nobody says that its people are gone."""
        recent = time.monotonic() - GONE_AFTER
        for place, here in list(self._people.items()):
            left = {key: seen for key, seen in here.items() if seen[1] > recent}
            if left:
                self._people[place] = left
            else:
                del self._people[place]
            if len(left) != len(here):
                for watch in self._watches:
                    if watch.place == place:
                        watch.tell(people=True)
