"""Locks between processes: the fair queue for the write lock, and a worker's slot."""

import fcntl
import os
from pathlib import Path
from types import TracebackType


class WriteLock:
    """One writer at a time over all processes, in turn.

    Two files: who wants to write first takes the queue lock, then waits for the write lock, and only then lets the
    next one into the queue. A process that has just written therefore cannot overtake one that waits. Used as a
    context manager, by one thread at a time.
    """

    def __init__(self, database: Path) -> None:
        self._queue = open_lock_file(database.with_name(database.name + ".queue.lock"))
        self._write = open_lock_file(database.with_name(database.name + ".write.lock"))

    def __enter__(self) -> None:
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._write, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._write, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._queue)
        os.close(self._write)


class Slot:
    """The lowest free number of a worker, held until `close` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self.number = 0
        while True:
            self._file = open_lock_file(folder / f"w{self.number}.lock")
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._file)
                self.number += 1
            else:
                return

    def close(self) -> None:
        os.close(self._file)


def slots_taken(folder: Path, but: str | None = None) -> bool:
    """Whether a worker is running (but for the one of this chain)."""
    return any(_is_locked(path) for path in folder.glob("w*.lock") if path.stem != but)


def _is_locked(path: Path) -> bool:
    file = open_lock_file(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def open_lock_file(path: Path) -> int:
    """An open file to lock, for its owner only; not passed on to child processes."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
