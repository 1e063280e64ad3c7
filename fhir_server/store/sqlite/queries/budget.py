"""A bound on the work of one query: SQLite reports every so many steps, and is stopped when they are used up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from fhir_server.outcome import TooCostly

STEPS_PER_REPORT = 50_000


class UsedUp(Exception):
    """A trial was stopped because it used up its share."""


@contextmanager
def deadline(connection: apsw.Connection, seconds: float) -> Iterator[None]:
    """Raise `TooCostly` where the statements inside take longer than this in all."""
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, STEPS_PER_REPORT, id="deadline")
    try:
        yield
    except apsw.InterruptError as error:
        raise TooCostly("the search would take too much work; ask for less, or say more exactly what for") from error
    finally:
        connection.set_progress_handler(None, STEPS_PER_REPORT, id="deadline")


@contextmanager
def trial(connection: apsw.Connection, steps: int) -> Iterator[None]:
    """Raise `UsedUp` where the statements inside take more than about this many steps in all. Trials may be nested."""
    reports = 0

    def used_up() -> bool:
        nonlocal reports
        reports += 1
        return reports * STEPS_PER_REPORT > steps

    connection.set_progress_handler(used_up, STEPS_PER_REPORT, id=used_up)
    try:
        yield
    except apsw.InterruptError as error:
        if reports * STEPS_PER_REPORT > steps:
            raise UsedUp from error
        raise
    finally:
        connection.set_progress_handler(None, STEPS_PER_REPORT, id=used_up)
