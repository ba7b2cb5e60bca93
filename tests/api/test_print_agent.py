"""The print agent: takes jobs over the API, prints them on its own network, and prints none twice whatever happens."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest

from biobank.printer import client
from biobank.printer.client import Agent, AgentError, Journal, JournalFile, Refused, Service, ServiceAway
from tests.material import make_material
from tests.printing_steps import QUICK, add_printer, job, order, send, simulated


class Killed(BaseException):
    """The process is gone: nothing after this line happens."""


class Line:
    """The service as an agent reaches it, over the app itself. `fails` are errors for the next calls: before the
    service heard of it, or after.
    """

    def __init__(self, api):
        self.api = api
        self.before, self.after = [], []

    async def claim(self, claim, wait):
        return await self._post("/claims", {"claim": claim, "wait": 0})

    async def report(self, number, body):
        return await self._post(f"/jobs/{number}/reports", body)

    async def _post(self, path, body):
        if self.before and (error := self.before.pop(0)):
            raise error
        answer = await self.api("agent").client.post(f"/api/v1/print-agent{path}", json=body)
        if self.after and (error := self.after.pop(0)):
            raise error
        if not answer.is_success:
            raise Refused(answer.status_code, answer.json()["detail"])
        return answer.json()


@pytest.fixture
async def tubes(database, world):
    return (await make_material(database, world, tubes=2)).tubes


@pytest.fixture
def line(api):
    return Line(api)


@pytest.fixture
def agent(line, tmp_path):
    """Makes an agent on the journal of this test: a second one is the first one started again."""
    said = []

    def make():
        made = Agent(line, JournalFile(tmp_path / "journal"), patience=QUICK, say=said.append, pauses=(0.0,))
        made.said = said
        return made

    return make


async def test_an_agent_prints_what_waits_and_reports_it(api, tubes, agent):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        assert await agent().step()
        assert len(printer.printed) == 2
        assert (await job(api, number))["status"] == "acknowledged"
        assert await agent().step(), "nothing waits"
        assert len(printer.printed) == 2


@pytest.mark.parametrize("condition", ["out_of_labels", "head_open", "paused", "silent"])
async def test_a_printer_that_is_not_ready_gives_the_job_back(api, tubes, agent, condition):
    async with simulated(condition) as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        assert not await agent().step()
        waiting = await job(api, number)
        expected = "unreachable" if condition == "silent" else condition
        assert (waiting["status"], waiting["trouble"], printer.printed) == ("queued", expected, [])
        printer.become("ready")
        await agent().step()
        assert ((await job(api, number))["status"], len(printer.printed)) == ("acknowledged", 2)


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("way", ["before", "after"])
async def test_calls_that_are_lost_on_the_way_lose_no_job_and_print_none_twice(api, tubes, agent, line, lost, way):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        getattr(line, way).extend([None] * lost + [ServiceAway("the network is gone")])
        with pytest.raises(ServiceAway):
            await agent().step()
        for _ in range(3):
            await agent().step()
        assert (len(printer.printed), (await job(api, number))["status"]) == (2, "acknowledged")


@pytest.mark.parametrize(
    ("lost", "way", "status", "printed"),
    [
        (0, "after", "acknowledged", 2),
        (1, "before", "acknowledged", 2),
        (1, "after", "acknowledged", 2),
        (2, "before", "acknowledged", 2),
        (2, "after", "acknowledged", 2),
    ],
)
async def test_an_agent_that_is_killed_prints_no_job_twice(api, tubes, agent, line, lost, way, status, printed):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        getattr(line, way).extend([None] * lost + [Killed()])
        with pytest.raises(Killed):
            await agent().step()
        for _ in range(3):
            await agent().step()
        assert ((await job(api, number))["status"], len(printer.printed)) == (status, printed)


async def test_killed_while_the_printer_prints_leaves_the_job_unknown(api, tubes, agent, line, monkeypatch):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))

        async def killed(self, content, told):
            self._writer.write(content)
            raise Killed

        monkeypatch.setattr("biobank.printer.wire.Link.print", killed)
        with pytest.raises(Killed):
            await agent().step()
        monkeypatch.undo()
        await agent().step()
        left = await job(api, number)
        assert (left["status"], left["trouble"]) == ("unknown", "interrupted")
        await agent().step()
        assert len(printer.printed) == 2
        done = await api("technician").ok(f"/print-jobs/{number}/settle", {"outcome": "came_out"})
        assert done["status"] == "acknowledged"


async def test_an_agent_that_is_never_heard_of_again_leaves_the_job_unknown(
    api, database, tubes, superuser, agent, line
):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        line.before.extend([None, None, Killed()])
        with pytest.raises(Killed):
            await agent().step()
        await send(database)
        assert (await job(api, number))["status"] == "sent"
        await superuser.execute(
            "select set_config('biobank.actor', 'service', false), "
            "set_config('biobank.tx', gen_random_uuid()::text, false)"
        )
        await superuser.execute("update print_job set claimed_until = now() - interval '1 second'")
        await send(database)
        assert (await job(api, number))["status"] == "unknown"
        assert len(printer.printed) == 2
        await agent().step()
        assert (await job(api, number))["status"] == "acknowledged", "the agent came back and knew"


async def test_a_job_that_was_cancelled_meanwhile_is_not_printed(api, tubes, agent, line):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        claim = str(uuid4())
        taken = await line.claim(claim, 0)
        assert taken["job"] == number
        assert (await line.claim(str(uuid4()), 0))["job"] is None, "one agent has it in hand"
        await api("technician").ok(f"/print-jobs/{number}/cancel", {"reason": "wrong tubes"})
        with pytest.raises(Refused, match="no longer this agent's"):
            await line.report(number, {"claim": claim, "outcome": "sending"})
        line.before.append(None)
        number = await order(api, tubes, "LAB/ZD-1", reason="not_printed")
        original = line.report

        async def cancelled(which, body):
            await api("technician").post(f"/print-jobs/{number}/cancel", {"reason": "wrong tubes"})
            return await original(which, body)

        line.report = cancelled
        assert await agent().step()
        assert (printer.printed, (await job(api, number))["status"]) == ([], "cancelled")


async def test_trouble_on_the_way_is_told_even_when_the_service_is_away(api, tubes, agent, line):
    async with simulated() as (printer, port):
        number = await order(api, tubes, await add_printer(api, port, kind="pull"))
        printer.ends_after = 1
        line.before.extend([None, None, ServiceAway("gone")])
        at_work = agent()
        step = asyncio.create_task(at_work.step())
        for _ in range(2000):
            if any("Not told" in text for text in at_work.said):
                break
            await asyncio.sleep(0.002)
        printer.ends_after = None
        printer.become("ready")
        await step
        assert (len(printer.printed), (await job(api, number))["status"]) == (2, "acknowledged")
        held = {"claim": str(uuid4()), "outcome": "holding", "trouble": "head_open"}
        refused = await api("agent").client.post(f"/api/v1/print-agent/jobs/{number}/reports", json=held)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/print-claim-lost")


async def test_an_agent_goes_on_when_the_service_is_away_and_ends_when_its_token_is_refused(agent, line):
    at_work = agent()
    line.before.extend([ServiceAway("gone"), Refused(404, "none"), ServiceAway("gone"), Refused(401, "log in first")])
    with pytest.raises(AgentError, match="refuses the token"):
        await at_work.run(asyncio.Event())
    assert len(at_work.said) == 3


async def test_an_agent_sees_and_does_nothing_else(api, tubes):
    key = await add_printer(api, 9, kind="pull", site="CHI")
    made = await api("coordinator").ok("/labels/orders", {"codes": list(tubes), "printer": key})
    for path in (f"/print-jobs/{made['number']}", "/printers", f"/specimens/{tubes[0]}", "/print-jobs"):
        assert (await api("agent").get(path)).status_code == 403
    claimed = await api("agent").post("/print-agent/claims", {"claim": str(uuid4()), "wait": 0})
    assert claimed.json()["job"] is None, "a job of another site"
    body = {"claim": str(uuid4()), "outcome": "sending"}
    assert (await api("agent").post(f"/print-agent/jobs/{made['number']}/reports", body)).status_code == 404
    too_long = await api("agent").post("/print-agent/claims", {"claim": str(uuid4()), "wait": 26})
    assert too_long.status_code == 422


async def test_an_agent_waits_for_a_job_no_longer_than_it_said(api, tubes, monkeypatch):
    monkeypatch.setattr("biobank.printer.agents._BETWEEN", 0.01)
    key = await add_printer(api, 9, kind="pull")
    waiting = asyncio.create_task(api("agent").post("/print-agent/claims", {"claim": str(uuid4()), "wait": 20}))
    number = await order(api, tubes, key)
    assert (await waiting).json()["job"] == number


def test_a_damaged_journal_stops_the_agent(tmp_path):
    file = JournalFile(tmp_path / "journal")
    file.write(Journal("a", "sending", "b"))
    assert file.read() == Journal("a", "sending", "b")
    (tmp_path / "journal").write_text("{")
    with pytest.raises(AgentError, match="is damaged"):
        file.read()
    with (
        client.alone(tmp_path / "lock"),
        pytest.raises(AgentError, match="Another print agent"),
        client.alone(tmp_path / "lock"),
    ):
        pass


async def test_the_service_is_reached_over_http_and_its_answers_are_understood():
    answers = {"/1": (200, b"{}"), "/2": (503, b""), "/3": (401, b'{"detail": "Log in first"}'), "/4": (200, b"<html>")}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, body = answers["/" + self.path.rpartition("/")[2]]
            assert self.headers["authorization"] == "Bearer secret"
            assert json.loads(self.rfile.read(int(self.headers["content-length"]))) == {}
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        service = Service(f"http://127.0.0.1:{server.server_port}/", "secret", slack=2)
        assert await service._post("/1", {}, 2) == {}
        with pytest.raises(Refused, match="Log in first"):
            await service._post("/3", {}, 2)
        for path in ("/2", "/4"):
            with pytest.raises(ServiceAway):
                await service._post(path, {}, 2)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(ServiceAway):
        await service._post("/1", {}, 2)
    with pytest.raises(AgentError, match="begins with https"):
        Service("ftp://biobank.test", "secret")
