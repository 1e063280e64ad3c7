"""One transaction of the writer: a group of commits, or one task. Called with the write lock held."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import apsw

from fhir_server.fault import described
from fhir_server.outcome import FhirError, Unavailable
from fhir_server.store.access import EVERYTHING
from fhir_server.store.chain import Head, HeadFile
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.worker import WorkerChain
from fhir_server.store.sqlite.commits.apply import Group
from fhir_server.store.sqlite.commits.decide import decide
from fhir_server.store.sqlite.commits.jobs import Job, Task
from fhir_server.store.sqlite.commits.prepare import Prepared
from fhir_server.store.sqlite.commits.vocabulary import Vocabulary
from fhir_server.store.sqlite.connection import refusal, roll_back
from fhir_server.store.sqlite.index_state import index_version, require_index, require_writable
from fhir_server.store.values import Committed

CHECKPOINT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Transactions:
    """Runs groups on the writer's connection.

    After an error of the disk nothing more is written: what such a commit left behind is not known, and a flush that
    failed once may seem to succeed the second time.
    """

    def __init__(
        self, connection: apsw.Connection, options: StoreOptions, mirror: HeadFile, worker: WorkerChain
    ) -> None:
        self._connection = connection
        self._clock = options.clock
        self._index = index_version(options)
        self._mirror = mirror
        self._worker = worker
        self._checkpointed = links.checkpointed(connection, worker.name)
        self._checkpoint_time = 0.0
        self._vocabulary = Vocabulary()
        self.stopped = False
        self.full = False

    def commits(self, jobs: Sequence[Job]) -> None:
        """Answer these commits: together, or one by one where the group as a whole fails."""
        try:
            self._group(jobs)
            self.full = False
        except Exception as error:
            self._failed(jobs, error)
            if len(jobs) > 1 and not self.stopped:
                for job in jobs:
                    self.commits([job])

    def task(self, job: Job, task: Task) -> None:
        """Answer one task."""
        try:
            self._begin()
            job.answer = task(self._connection)
            self._finish(None)
        except Exception as error:
            self._failed([job], error)

    def checkpoint(self) -> None:
        """Tie this process's chain into the store's, outside any commit."""
        if self._worker.head != self._checkpointed:
            self._checkpoint_time = 0.0
            self.commits([])

    def _group(self, jobs: Sequence[Job]) -> None:
        self._begin()
        group = self._open_group()
        indexed = require_writable(self._connection, self._index)
        for job in jobs:
            job.answer = self._one(group, job, indexed)
        if group.changed:
            self._connection.execute("INSERT INTO commits VALUES(?,?)", (group.sequence, group.time_ms))
        tied = self._append_checkpoint(group)
        self._finish(group.head)
        self._vocabulary.done()
        if tied is not None:
            self._checkpointed, self._checkpoint_time = tied, time.monotonic()

    def _open_group(self) -> Group:
        connection = self._connection
        sequence, time_ms = connection.execute("SELECT seq, time_ms FROM commits ORDER BY seq DESC LIMIT 1").get
        last = connection.execute("SELECT max(vid) FROM version").get or 0
        return Group(connection, sequence + 1, time_ms, last + 1, links.tail(connection), self._vocabulary)

    def _one(self, group: Group, job: Job, indexed: bool) -> Any:
        prepared = job.work
        if not isinstance(prepared, Prepared):
            raise TypeError("a task is no commit")
        try:
            if prepared.access is not EVERYTHING:
                require_index(self._index if indexed else "", self._index)
            decision = decide(self._connection, prepared, max(self._clock(), group.time_ms))
        except FhirError as error:
            return error
        except apsw.Error:
            raise
        except Exception as error:  # the caller's own functions run in there: their faults are the caller's
            return error
        group.write(prepared.commit, decision)
        return Committed(decision.written, decision.time_ms)

    def _append_checkpoint(self, group: Group) -> Head | None:
        head = self._worker.head
        if head == self._checkpointed or time.monotonic() - self._checkpoint_time < CHECKPOINT_SECONDS:
            return None
        group.head = links.append_checkpoint(self._connection, group.head, self._worker.name, head, self._clock())
        return head

    def _begin(self) -> None:
        if self.stopped:
            raise Unavailable("the store stopped writing after an error of the disk; restart the server")
        self._connection.execute("BEGIN IMMEDIATE")

    def _finish(self, head: Head | None) -> None:
        try:
            self._connection.execute("COMMIT")
            if head is not None:
                self._mirror.write(head)
        except (apsw.IOError, OSError):
            self.stopped = True
            raise

    def _failed(self, jobs: Sequence[Job], error: Exception) -> None:
        if not isinstance(error, FhirError):
            _log.error("a transaction of the store failed: %s", described(error))
        self.full = isinstance(error, apsw.FullError)
        self._vocabulary.undone()
        for job in jobs:
            job.answer = refusal(error) if isinstance(error, apsw.Error | OSError | FhirError) else error
        try:
            roll_back(self._connection)
        except apsw.Error:
            self.stopped = True
