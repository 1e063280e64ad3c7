"""Reading audit entries of all chains, newest first.

Each chain is read backwards; where several have entries left, the one recorded last comes first. A snapshot names the
last entry of every chain, a cursor the next one to be looked at, so pages never shift while others write.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from heapq import merge
from itertools import islice
from pathlib import Path

import apsw

from fhir_server.outcome import Invalid
from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.chain import EVENT, Link
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.entries import Entries
from fhir_server.store.matching import Row, visible
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.queries.budget import deadline
from fhir_server.store.sqlite.state import is_number
from fhir_server.store.values import AuditPage, RecordedAudit, Snapshot

Positions = dict[str, int]
"""For each chain the number of an entry."""


def chain_files(folder: Path) -> dict[str, Path]:
    """The files of the workers' chains, and of those that came from another store, by chain."""
    return {path.stem: path for path in sorted(folder.glob("*.db"))}


@contextmanager
def all_chains(main: apsw.Connection, folder: Path, seconds: float) -> Iterator[Mapping[str, apsw.Connection]]:
    """Connections to every chain; those to the workers' files are closed at the end."""
    with ExitStack() as stack:
        chains = {links.STORE_CHAIN: main}
        for name, path in chain_files(folder).items():
            connection = open_chain_file(path)
            if connection is None:
                continue
            stack.callback(connection.close)
            stack.enter_context(deadline(connection, seconds))
            chains[name] = connection
        yield chains


def search_audit(
    chains: Mapping[str, apsw.Connection], access: AccessFilter, query: AuditQuery, now_ms: int
) -> AuditPage:
    """One page of the entries that match and may be seen."""
    snapshot = query.snapshot or _snapshot(chains, now_ms)
    start = _positions(query.after or snapshot.value)
    streams = [
        _stream(name, connection, access, query, start[name]) for name, connection in chains.items() if name in start
    ]
    found = list(islice(merge(*streams, key=lambda item: (-item[1].recorded_ms, item[0])), query.count + 1))
    page = found[: query.count]
    entries = tuple(RecordedAudit(f"{name}-{link.sequence}", link.entry) for name, link in page)
    if len(found) == len(page) or not page:
        return AuditPage(entries, snapshot)
    following = start | {name: link.sequence - 1 for name, link in page}
    return AuditPage(entries, snapshot, _written(following))


def read_audit(chains: Mapping[str, apsw.Connection], access: AccessFilter, id: str) -> RecordedAudit | None:
    """One entry by the id of its AuditEvent."""
    name, _, number = id.rpartition("-")
    if name not in chains or not is_number(number):
        return None
    link = links.link_at(chains[name], int(number))
    if link is None or link.kind != EVENT or not _may_see(access, name, link):
        return None
    return RecordedAudit(f"{name}-{link.sequence}", link.entry)


def _stream(
    name: str, connection: apsw.Connection, access: AccessFilter, query: AuditQuery, start: int
) -> Iterator[tuple[str, Link]]:
    low = -(2**62) if query.low_ms is None else query.low_ms
    high = 2**62 if query.high_ms is None else query.high_ms
    for link in links.events_before(connection, start, query.patient, low, high):
        if _may_see(access, name, link):
            yield name, link


def _may_see(access: AccessFilter, name: str, link: Link) -> bool:
    """An entry is an AuditEvent in the compartments of the patients that it names. Its body is no FHIR yet, so a rule
    that would mask a part of it lets none of it through."""
    if access is EVERYTHING:
        return True
    whole = tuple(rule for rule in access.allow if not any(path.startswith("AuditEvent") for path in rule.masked))
    compartments = tuple(("Patient", patient) for patient in link.entry.patients)
    row = Row("AuditEvent", f"{name}-{link.sequence}", link.recorded_ms, Entries(compartments=compartments))
    return visible(AccessFilter(whole, access.deny), row)


def _snapshot(chains: Mapping[str, apsw.Connection], now_ms: int) -> Snapshot:
    return Snapshot(_written({name: links.tail(connection).sequence for name, connection in chains.items()}), now_ms)


def _written(positions: Positions) -> str:
    return ",".join(f"{name}:{sequence}" for name, sequence in positions.items())


def _positions(text: str) -> Positions:
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(name and is_number(number) for name, _, number in pairs):
        raise Invalid("this page link holds no place in the audit")
    return {name: int(number) for name, _, number in pairs}
