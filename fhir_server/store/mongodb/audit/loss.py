"""Accepting a loss: a chain that ends before its mirrored head, or differs from it, goes on with an entry that says
so. The numbers of what was lost are not used again."""

from pathlib import Path

from fhir_server.store.chain import EMPTY, Head, HeadFile, loss_after, mirrored_chains
from fhir_server.store.mongodb.audit.heads import fault_of
from fhir_server.store.mongodb.audit.links import document_of
from fhir_server.store.mongodb.collections import AUDIT
from fhir_server.store.mongodb.connection import DURABLE, Database


async def accept(database: Database, heads: Path, reason: str, now_ms: int) -> list[str]:
    """Record the loss in every chain that does not reach its mirrored head, and mirror its new head; these chains."""
    return [
        chain
        for chain in mirrored_chains(heads)
        if await _accept(database, HeadFile(heads, chain), chain, reason, now_ms)
    ]


async def _accept(database: Database, mirror: HeadFile, chain: str, reason: str, now_ms: int) -> bool:
    mirrored = _read(mirror)
    fault, end = await fault_of(database, mirrored or EMPTY, chain)
    if mirrored is not None and fault is None:
        return False
    link = loss_after(end, mirrored, reason, now_ms)
    await database.get_collection(AUDIT, write_concern=DURABLE).insert_one(document_of(chain, link))
    mirror.write(Head(link.sequence, link.hash))
    mirror.sync()
    mirror.close()
    return True


def _read(mirror: HeadFile) -> Head | None:
    try:
        return mirror.read()
    except ValueError:
        return None
