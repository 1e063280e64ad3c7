"""Questions that several callers have at the same time, asked as one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

AT_ONCE = 2
"""So many questions are under way; who comes meanwhile shares the next one"""


class Gathering(Generic[_Key, _Value]):
    """Asks for the values of keys, up to `most` of them at once. A question is sent after all who share it have come,
    so each has an answer that is no older than the moment it asked.

    A command costs the driver and the database more than what it brings: one for many is several times cheaper.
    """

    def __init__(self, ask: Callable[[Sequence[_Key]], Awaitable[Mapping[_Key, _Value]]], most: int = 100) -> None:
        self._ask = ask
        self._most = most
        self._waiting: list[tuple[_Key, asyncio.Future[_Value | None]]] = []
        self._asking = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: _Key) -> _Value | None:
        """The value of the key, None where there is none. Raises what asking raises."""
        answer: asyncio.Future[_Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._asking < AT_ONCE:
            self._asking += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self) -> None:
        """Ask until nobody waits. Whoever comes after that finds that this one no longer asks, at once: a task is done
        for others only a moment after its end, and who relied on it in that moment would wait for ever."""
        try:
            await self._ask_all()
        finally:
            self._asking -= 1

    async def _ask_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                found = await self._ask(list(dict.fromkeys(key for key, _ in group)))
            except Exception as error:
                for _, answer in group:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for key, answer in group:
                    if not answer.done():
                        answer.set_result(found.get(key))
