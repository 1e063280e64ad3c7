"""What waits for the writer, and the answers that go back to the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from fhir_server.store.sqlite.commits.prepare import Prepared

Task = Callable[[apsw.Connection], Any]
"""Writes in a transaction of its own, which is committed when it returns."""


@dataclass(eq=False, slots=True)
class Job:
    """A commit or a task that waits, and the future of whoever asked for it."""

    work: Prepared | Task
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    future: "asyncio.Future[Any]" = field(init=False)
    answer: Any = None

    def __post_init__(self) -> None:
        self.future = self.loop.create_future()


def deliver(jobs: Sequence[Job]) -> None:
    """Hand the answers to their callers: one call into each event loop."""
    for loop in {job.loop for job in jobs}:
        answered = [job for job in jobs if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, answered)


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if isinstance(job.answer, BaseException):
            job.future.set_exception(job.answer)
        else:
            job.future.set_result(job.answer)
