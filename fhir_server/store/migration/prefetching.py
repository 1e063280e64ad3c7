"""The next one is made ready while one is used."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

_Item = TypeVar("_Item")


async def ahead(items: AsyncIterator[_Item]) -> AsyncIterator[_Item]:
    """The same items; while the taker of one is busy, the next one is being made. Raises what making one raises."""
    nothing: list[_Item] = []

    async def following() -> list[_Item]:
        async for item in items:
            return [item]
        return nothing

    waiting = asyncio.create_task(following())
    try:
        while found := await waiting:
            waiting = asyncio.create_task(following())
            yield found[0]
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
