"""What handlers are given. There is exactly one generator dependency in the whole app: two would be closed
concurrently.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, SkipValidation

from biobank.actor import SERVICE, Actor
from biobank.tx import ReadTx, Tx, open_read, open_tx

Reading: TypeAlias = NamedDependency[SkipValidation[ReadTx]]
Writing: TypeAlias = NamedDependency[SkipValidation[Tx]]
Key: TypeAlias = Annotated[
    UUID,
    HeaderParameter(
        name="Idempotency-Key", description="A UUID of your making; the same one again returns the first outcome."
    ),
]

_SAFE = frozenset({"GET", "HEAD"})


async def provide_tx(request: Request[Any, Any, Any]) -> AsyncGenerator[ReadTx, None]:
    """A read-only transaction for GET and HEAD, a writing one otherwise, committed when the handler has returned."""
    actor: Actor = request.scope.get("user") or SERVICE
    state = request.app.state
    if request.method in _SAFE:
        async with open_read(state.database, actor, clock=state.clock) as read:
            yield read
    else:
        async with open_tx(
            state.database,
            actor,
            request_id=str(request.scope.get("request_id", "")),
            clock=state.clock,
            randomness=state.randomness,
            lockout=state.settings.lockout,
        ) as tx:
            yield tx
