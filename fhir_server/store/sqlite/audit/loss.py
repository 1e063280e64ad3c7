"""Accepting a loss: a chain that ends before its mirrored head, or differs from it, goes on with an entry that says
so. The numbers of what was lost are not used again."""

import apsw

from fhir_server.store.chain import EMPTY, Head, HeadFile, loss_after
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.connection import roll_back

BATCH = 1_000


def accept(connection: apsw.Connection, mirror: HeadFile, reason: str, now_ms: int) -> bool:
    """Record the loss in this chain and mirror its new head; False where nothing was lost."""
    end = links.tail(connection)
    mirrored = _read(mirror)
    if mirrored is not None and links.head_fault(connection, mirrored, end) is None:
        return False
    if mirrored is None and end == EMPTY:
        return False
    link = loss_after(end, mirrored, reason, now_ms)
    connection.execute("BEGIN IMMEDIATE")
    try:
        links.insert(connection, [link])
        _index_anew(connection)
        connection.execute("COMMIT")
    finally:
        roll_back(connection)
    mirror.write(Head(link.sequence, link.hash))
    return True


def _index_anew(connection: apsw.Connection) -> None:
    """The index of patients may name entries that are gone."""
    connection.execute("INSERT INTO audit_patient(audit_patient) VALUES('delete-all')")
    last = 0
    while batch := links.links_after(connection, last, BATCH):
        links.index_patients(connection, batch)
        last = batch[-1].sequence


def _read(mirror: HeadFile) -> Head | None:
    try:
        return mirror.read()
    except ValueError:
        return None
