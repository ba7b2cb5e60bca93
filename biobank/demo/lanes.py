"""Work side by side: one source gives out pieces in order, and as many hands as there are connections do them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Piece = TypeVar("Piece")
WRITERS = 2
"""A connection keeps one core of the database busy."""


async def side_by_side(source: AsyncIterator[Piece], work: Callable[[Piece], Awaitable[None]]) -> None:
    """Do `work` on every piece of `source`, several at a time, and get one more ready meanwhile.

    The source runs in order and alone, so that what it draws from chance is the same whoever is quicker. The first
    failure stops all.
    """
    waiting: asyncio.Queue[Piece | None] = asyncio.Queue(maxsize=1)

    async def hand() -> None:
        while (piece := await waiting.get()) is not None:
            await work(piece)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(hand())
            async for piece in source:
                await waiting.put(piece)
            for _ in range(WRITERS):
                await waiting.put(None)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def each(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    """A source of pieces that stand already."""
    for piece in pieces:
        yield piece
