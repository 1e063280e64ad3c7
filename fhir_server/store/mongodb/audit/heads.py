"""The heads that this machine has mirrored, compared with the database.

The chain of a slot may have been begun, and gone on with, on another machine: so a head that is not mirrored here is
no sign of anything. One that is mirrored must be in the database.
"""

from pathlib import Path

from fhir_server.store.chain import ADVICE, EMPTY, Head, HeadFile, head_fault, mirrored_chains
from fhir_server.store.mongodb.audit.links import hash_at, tail
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.options import StoreDamaged


async def require_mirrored_heads(database: Database, folder: Path) -> None:
    """Raise `StoreDamaged` unless every chain has the entry that its mirrored head names."""
    for chain in mirrored_chains(folder):
        await require_head(database, HeadFile(folder, chain), chain)


async def require_head(database: Database, mirror: HeadFile, chain: str) -> Head:
    """The last entry of the chain. Raises `StoreDamaged` unless it has the one that its mirrored head names."""
    try:
        mirrored = mirror.read() or EMPTY
    except ValueError as error:
        raise StoreDamaged(f"{error}: {ADVICE}") from error
    fault, end = await fault_of(database, mirrored, chain)
    if fault is not None:
        raise StoreDamaged(f"the audit chain {chain} {fault}: {ADVICE}")
    return end


async def fault_of(database: Database, mirrored: Head, chain: str) -> tuple[str | None, Head]:
    """How the chain differs from a head of it that was mirrored, or None; and its last entry."""
    known = await hash_at(database, chain, mirrored.sequence)
    end = await tail(database, chain)
    return head_fault(mirrored, end, lambda _: known), end
