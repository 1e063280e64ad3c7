"""Writing what was decided: version, body, index, holds, claims and audit entry, inside the group's transaction."""

from dataclasses import dataclass

import apsw

from fhir_server.store.chain import EVENT, Head
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.commits.decide import Change, Decision
from fhir_server.store.sqlite.commits.keys import write_claims, write_holds
from fhir_server.store.sqlite.commits.vocabulary import Vocabulary
from fhir_server.store.sqlite.index_jobs import add_jobs
from fhir_server.store.sqlite.packing import Packed
from fhir_server.store.sqlite.queries.reads import checksum
from fhir_server.store.sqlite.schema import DELETE, FOREVER, METHODS
from fhir_server.store.values import Commit

_VERSION = """INSERT INTO version(vid, version, method, indexed, from_commit, until_commit, last_updated, type, id,
 patients, tokens, keys, spans) VALUES(?,?,?,1,?,?,?,?,?,?,?,?,?)"""
_DELETION = """INSERT INTO version(vid, version, method, indexed, from_commit, until_commit, last_updated, type, id,
 patients, tokens, keys, spans)
 SELECT ?,?,?,0,?,?,?, type, id, patients, tokens, keys, spans FROM version WHERE vid=?"""
_BODY = "INSERT INTO body(vid, last_updated, method, checksum, patients, bytes) VALUES(?,?,?,?,?,?)"
_SUPERSEDE = "UPDATE version SET until_commit=?, replaced=? WHERE vid=?"
_POSTING = "INSERT INTO posting(rowid, hashes) VALUES(?,?)"
_ROWS = {
    "date": "INSERT INTO date(field, low, high, vid) VALUES(?,?,?,?)",
    "string": "INSERT INTO string(field, text, vid) VALUES(?,?,?)",
    "number": "INSERT INTO number(field, unit, low, high, vid) VALUES(?,?,?,?,?)",
    "position": "INSERT INTO position(field, latitude, longitude, vid) VALUES(?,?,?,?)",
}
_TERM = "INSERT OR IGNORE INTO vocabulary(field, text) VALUES(?,?)"


@dataclass(slots=True)
class Group:
    """The commits of one transaction: they share a commit number; times, row numbers and the chain go on."""

    connection: apsw.Connection
    sequence: int
    time_ms: int
    next_vid: int
    head: Head
    vocabulary: Vocabulary
    changed: bool = False

    def write(self, commit: Commit, decision: Decision) -> None:
        """Write one commit. An error here fails the whole group."""
        changed = [change for change in decision.changes if change.writes]
        for change in changed:
            self._write_version(change, decision.time_ms)
        if changed:
            self.changed = True
            self.time_ms = decision.time_ms
            write_holds(self.connection, decision.holdings)
            write_claims(self.connection, commit.carries, self.sequence)
            add_jobs(self.connection, commit.index_jobs, self.next_vid - 1)
        self.head = links.append(self.connection, self.head, EVENT, [decision.audit])

    def _write_version(self, change: Change, time_ms: int) -> None:
        vid, self.next_vid = self.next_vid, self.next_vid + 1
        write = change.write
        if change.current is not None:
            self.connection.execute(_SUPERSEDE, (self.sequence, time_ms, change.current.vid))
        if change.packed is None:
            self._write_deletion(change, vid, time_ms)
        else:
            self._write_resource(change, change.packed, vid, time_ms)
        method = METHODS.index(write.method)
        body = None if write.body is None or change.packed is None else write.body.at(change.version, time_ms)
        check = checksum(write.type, write.id, change.version, body)
        patients = "\n".join(change.patients) or None
        self.connection.execute(_BODY, (vid, time_ms, method, check, patients, body))

    def _write_deletion(self, change: Change, vid: int, time_ms: int) -> None:
        """A deletion keeps the entries of the version before it: they decide who may know of it."""
        if change.current is None:
            raise AssertionError("a deletion follows a version")
        row = (vid, change.version, DELETE, self.sequence, FOREVER, time_ms, change.current.vid)
        self.connection.execute(_DELETION, row)

    def _write_resource(self, change: Change, packed: Packed, vid: int, time_ms: int) -> None:
        write = change.write
        method, patients = METHODS.index(write.method), "\n".join(packed.patients) or None
        known = (vid, change.version, method, self.sequence, FOREVER, time_ms, write.type, write.id, patients)
        self.connection.execute(_VERSION, (*known, packed.tokens, packed.keys, packed.spans))
        write_index(self.connection, vid, packed, self.vocabulary)


def write_index(connection: apsw.Connection, vid: int, packed: Packed, vocabulary: Vocabulary | None = None) -> None:
    """Write the rows by which searches find a version; `vocabulary` knows which terms need not be written."""
    if packed.postings:
        connection.execute(_POSTING, (vid, packed.postings))
    for table, rows in packed.rows.items():
        connection.executemany(_ROWS[table], [(*row, vid) for row in rows])
    terms = packed.terms if vocabulary is None else vocabulary.unknown(packed.terms)
    if terms:
        connection.executemany(_TERM, terms)
