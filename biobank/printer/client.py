"""The print agent: runs at a site behind its firewall, asks the service for jobs over HTTPS and prints them on the
site's own network.

It keeps one small file, so that whenever it is killed it knows whether the first byte of a job may have left: before
that the job is simply asked for again, after it the job is reported as unknown, and nothing is ever sent twice.
"""

import asyncio
import fcntl
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from biobank.printer.wire import Outcome, Patience, PrinterTrouble, link

WAIT = 25
_SLACK = 15
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
_SCHEMES = frozenset({"http", "https"})


class AgentError(Exception):
    """The agent cannot work as it was started; the message says why and what to do."""


class ServiceAway(Exception):
    """The service cannot be reached at this moment."""


class Refused(Exception):
    """The service answered, and refused."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Journal:
    """What is known for sure: `asking` and `starting` mean that nothing was sent, `sending` that paper may have come
    out, `done` that the outcome has still to be reported.
    """

    claim: str
    phase: Literal["asking", "starting", "sending", "done"] = "asking"
    job: str | None = None
    outcome: str | None = None
    trouble: str | None = None
    detail: str | None = None


class JournalFile:
    """The journal on disk: written aside, flushed and renamed, so that it is always whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Journal | None:
        try:
            return Journal(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise AgentError(
                f"{self._path} is damaged: look at the printer for labels of its last job, say on the job's page what "
                "came out, then remove the file."
            ) from None

    def write(self, journal: Journal) -> None:
        aside = self._path.with_name(self._path.name + ".new")
        with aside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(journal)))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)


class Service:
    """The two calls that an agent makes."""

    def __init__(self, url: str, token: str, *, slack: float = _SLACK) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise AgentError(f"{url} is no address of a service: it begins with https://")
        self._url = url.rstrip("/") + "/api/v1/print-agent"
        self._token = token
        self._slack = slack
        self._context = ssl.create_default_context()

    async def claim(self, claim: str, wait: int) -> dict[str, Any]:
        return await self._post("/claims", {"claim": claim, "wait": wait}, wait + self._slack)

    async def report(self, job: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._post(f"/jobs/{UUID(job)}/reports", body, self._slack)

    async def _post(self, path: str, body: dict[str, Any], limit: float) -> dict[str, Any]:
        """Raises:
        ServiceAway: nothing answers, or only something between the agent and the service.
        Refused: the service refused it.
        """
        return await asyncio.to_thread(self._ask, path, body, limit)

    def _ask(self, path: str, body: dict[str, Any], limit: float) -> dict[str, Any]:
        asked = urllib.request.Request(  # noqa: S310  # http and https only, checked above
            self._url + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=limit, context=self._context) as answer:  # noqa: S310  # as above
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(65536)
            if error.code >= 500 or error.code == 429:
                raise ServiceAway(f"the service answered {error.code}") from None
            raise Refused(error.code, _detail(said)) from None
        except (OSError, ValueError) as error:
            raise ServiceAway(str(error) or type(error).__name__) from None


def _detail(said: bytes) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return "the answer is not that of this service"


class Agent:
    """Takes one job after another. `say` is told what a person at the site should read."""

    def __init__(
        self,
        service: Service,
        journal: JournalFile,
        *,
        patience: Patience,
        say: Callable[[str], None],
        wait: int = WAIT,
        pauses: tuple[float, ...] = _PAUSES,
    ) -> None:
        self._service = service
        self._journal = journal
        self._patience = patience
        self._say = say
        self._wait = wait
        self._pauses = pauses
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped. A service that is away is asked again, ever less often.

        Raises:
            AgentError: the token is refused, or the journal is damaged.
        """
        while not stop.is_set():
            pause = 0.0
            try:
                if await self.step() is False:
                    pause = self._pauses[0]
                self._failures = 0
            except ServiceAway as error:
                pause = self._pauses[min(self._failures, len(self._pauses) - 1)]
                self._failures += 1
                self._say(f"The service cannot be reached ({error}): trying again in {pause:g} s")
            except Refused as error:
                if error.status in (401, 403):
                    raise AgentError(
                        f"The service refuses the token: {str(error).rstrip('.')}. Make a new one for a user "
                        "with the role print_agent."
                    ) from None
                pause = self._pauses[min(2, len(self._pauses) - 1)]
                self._say(f"The service refused: {error}")
            if pause:
                try:
                    await asyncio.wait_for(stop.wait(), pause)
                except TimeoutError:
                    continue

    async def step(self) -> bool:
        """Settle what was under way, or take one job and print it. False where the printer is not ready."""
        journal = self._journal.read()
        if journal is None:
            journal = Journal(str(uuid4()))
            self._journal.write(journal)
        if journal.phase == "sending":
            journal = Journal(journal.claim, "done", journal.job, "unknown", "interrupted")
            self._journal.write(journal)
        if journal.phase == "done":
            await self._settle(journal)
            return True
        found = await self._service.claim(journal.claim, 0 if journal.phase == "starting" else self._wait)
        if found["job"] is None:
            if journal.phase == "starting":
                self._journal.clear()
            return True
        return await self._print(Journal(journal.claim, "starting", found["job"]), found)

    async def _print(self, journal: Journal, found: dict[str, Any]) -> bool:
        self._journal.write(journal)
        where = f"{found['printer']} at {found['host']}:{found['port']}"
        try:
            async with link(found["host"], found["port"], self._patience) as connected:
                await connected.ready()
                if not await self._may_send(journal):
                    return True
                self._journal.write(Journal(journal.claim, "sending", journal.job))

                async def told(trouble: str | None) -> None:
                    self._say(f"{where}: {trouble or 'goes on'}")
                    await self._hold(journal, trouble)

                outcome = await connected.print(found["zpl"].encode(), told)
        except PrinterTrouble as trouble:
            self._say(f"{where} is not ready: {trouble}")
            await self._give_back(journal, trouble)
            return False
        done = Journal(journal.claim, "done", journal.job, outcome.status, outcome.trouble, outcome.detail)
        self._journal.write(done)
        self._say(f"{where}: job {str(journal.job)[:8]} is {_words(outcome)}")
        await self._settle(done)
        return True

    async def _may_send(self, journal: Journal) -> bool:
        try:
            answer = await self._service.report(str(journal.job), {"claim": journal.claim, "outcome": "sending"})
        except Refused as error:
            if error.status in (401, 403):
                raise
            self._journal.clear()
            return False
        if not answer["go"]:
            self._journal.clear()
        return bool(answer["go"])

    async def _hold(self, journal: Journal, trouble: str | None) -> None:
        """What the printer waits for is told if the service can be reached; the job goes on all the same."""
        body = {"claim": journal.claim, "outcome": "holding", "trouble": trouble}
        try:
            await self._service.report(str(journal.job), body)
        except (ServiceAway, Refused) as error:
            self._say(f"Not told to the service: {error}")

    async def _give_back(self, journal: Journal, trouble: PrinterTrouble) -> None:
        body = {
            "claim": journal.claim,
            "outcome": "waiting",
            "trouble": trouble.condition,
            "detail": trouble.detail[:200] or None,
        }
        try:
            await self._service.report(str(journal.job), body)
        except Refused as error:
            if error.status in (401, 403):
                raise
        self._journal.clear()

    async def _settle(self, journal: Journal) -> None:
        """Report the outcome until the service has heard it."""
        body = {
            "claim": journal.claim,
            "outcome": journal.outcome,
            "trouble": journal.trouble,
            "detail": journal.detail and journal.detail[:200],
        }
        try:
            await self._service.report(str(journal.job), body)
        except Refused as error:
            if error.status in (401, 403):
                raise
            self._say(f"The service did not take the report: {error}")
        self._journal.clear()


def _words(outcome: Outcome) -> str:
    return "printed" if outcome.status == "acknowledged" else f"unknown ({outcome.trouble}): look at the printer"


def run_agent(
    url: str, token: str, journal: Path, *, answer: float, done: float, once: bool, say: Callable[[str], None]
) -> None:
    """Work until interrupted.

    Raises:
        AgentError: another agent uses the journal, or the agent cannot work as it was started.
    """
    agent = Agent(Service(url, token), JournalFile(journal), patience=Patience(answer=answer, done=done), say=say)

    async def work() -> None:
        if once:
            await agent.step()
        else:
            await agent.run(asyncio.Event())

    with alone(journal.with_name(journal.name + ".lock")), suppress(KeyboardInterrupt):
        try:
            asyncio.run(work())
        except (ServiceAway, Refused) as error:
            raise AgentError(f"The service did not answer as it should: {error}") from None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One agent a journal: two would each think that a job is theirs.

    Raises:
        AgentError: another one is at work.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AgentError(f"Another print agent uses {path.with_suffix('')}: give each its own --journal.") from None
        yield
