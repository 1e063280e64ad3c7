"""How a store is opened, and the reasons for which opening one is refused."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def wall_clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What may be chosen when a store is opened.

    `heads`: the folder in which the heads of the audit chains are mirrored; best on another disk. None: beside the
    store. `snapshot_seconds`: how long a page link stays good. `reader_threads`: searches that run at a time.
    `clock`: milliseconds since 1970 UTC. `commit_inline`: whether audit entries of reads are committed on the event
    loop; None: measured when the store is opened. `search_seconds`: after this long a search is `TooCostly`.
    `queue_seconds`: a commit that waits longer than this for its turn is given up (`Unavailable`, nothing written).
    `max_pages`: the most pages that a database may have, None for as many as the disk holds. `entries_version`: names
    the rules by which index entries are made; where it differs from the one in the store, the index is rebuilt.
    """

    heads: Path | None = None
    snapshot_seconds: float = 3600.0
    reader_threads: int = 2
    clock: Callable[[], int] = wall_clock_ms
    commit_inline: bool | None = None
    search_seconds: float = 10.0
    queue_seconds: float = 30.0
    max_pages: int | None = None
    entries_version: str = "1"


DEFAULT_OPTIONS = StoreOptions()


class StoreRefused(Exception):
    """The store cannot be opened safely. The message says why and what to do; nothing was changed."""


class StoreTooNew(StoreRefused):
    """The store was written by a newer version of this program."""


class StoreDamaged(StoreRefused):
    """The store has lost something that it had acknowledged, or cannot be read."""


class RestoreRefused(StoreRefused):
    """A backup cannot be restored: it is damaged, older than what is known to have been written, or the place is
    taken."""
