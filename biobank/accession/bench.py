"""What the intake, spin and aliquot benches share: a scan, its answer, and what is at hand. That comes with each scan
and goes back with each answer; no process keeps it.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from biobank.accession.commands import Command
from biobank.errors import DomainError
from biobank.tx import Tx

Outcome = TypeVar("Outcome")
Bench = Literal["intake", "spin", "aliquot"]
_LISTS = ("tubes", "labels")
Short = Annotated[str | None, Field(max_length=40)]


class AtBench(Command):
    """What a bench has at hand: the last tube, or centrifuge and tubes, or parent, yield and the
    pre-printed labels scanned for its vials. `held_celsius`, at which
    tubes were kept until they came to this bench, stays until another is said.
    """

    tube: Short = None
    equipment: Short = None
    program: Short = None
    tubes: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=200)] = ()
    parent: Short = None
    obtained: Annotated[str | None, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$")] = None
    unit: Short = None
    extra: Annotated[int, Field(ge=0, le=50)] = 0
    labels: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=100)] = ()
    namespace: Short = None
    held_celsius: Annotated[str | None, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$")] = None

    @property
    def held(self) -> Decimal | None:
        return None if self.held_celsius is None else Decimal(self.held_celsius)

    def cleared(self) -> "AtBench":
        """Nothing at hand; what is said once for the whole session stays."""
        return AtBench(namespace=self.namespace, held_celsius=self.held_celsius)


class BenchScan(Command):
    """One code read at a bench; `sure` answers the question that the same code led to with yes."""

    bench: Bench
    text: Annotated[str, Field(max_length=200)]
    at: AtBench = AtBench()
    sure: bool = False


class BenchAnswer(BaseModel):
    """The outcome of a scan. `confirm` is a question's yes in words; `command` is what the page does itself; `view` is
    the address of what is at hand, drawn.
    """

    model_config = ConfigDict(frozen=True)
    verdict: Literal["ok", "duplicate", "warning", "stop"]
    word: str
    code: str | None = None
    title: str | None = None
    message: str | None = None
    confirm: str | None = None
    command: str | None = None
    at: AtBench
    view: str


def answer(
    bench: Bench,
    at: AtBench,
    verdict: Literal["ok", "duplicate", "warning", "stop"],
    word: str,
    **said: str | None,
) -> BenchAnswer:
    return BenchAnswer(verdict=verdict, word=word, at=at, view=view_of(bench, at), **said)


def view_of(bench: Bench, at: AtBench) -> str:
    """The address of what a bench has at hand, drawn by the server."""
    given = {name: value for name, value in at.model_dump(exclude_defaults=True).items() if name not in _LISTS}
    pairs = [*given.items(), *((name, one) for name in _LISTS for one in getattr(at, name))]
    return f"/bench/{bench}/view?{urlencode(pairs)}"


async def attempt(tx: Tx, deed: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Do a deed whole or not at all: what a refused one had begun is rolled back while the transaction goes on."""
    before = len(tx.events)
    try:
        async with tx.session.begin_nested():
            return await deed()
    except DomainError:
        del tx.events[before:]
        raise


def question(command: BenchScan, code: str | None, title: str, message: str, yes: str) -> BenchAnswer:
    """A STOP that CONFIRM overrules."""
    return answer(command.bench, command.at, "stop", "Stop", code=code, title=title, message=message, confirm=yes)
