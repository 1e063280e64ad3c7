"""Entries of the audit as documents, and documents as links of their chain."""

from collections.abc import Mapping
from typing import Any

import msgspec
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.chain import CHECKPOINT, EMPTY, Checkpoint, Head, Link, link_after
from fhir_server.store.mongodb.collections import AUDIT
from fhir_server.store.mongodb.connection import MAJORITY, Database
from fhir_server.store.values import AuditEntry

Document = dict[str, Any]

COMMITS, READS = "c", "r"
"""What the names of chains begin with; the number of a slot follows."""


def entry_id(chain: str, sequence: int) -> str:
    """The `_id` of an entry, which is also the id of its AuditEvent."""
    return f"{chain}-{sequence}"


def document_of(chain: str, link: Link) -> Document:
    """The document that keeps a link."""
    return {
        "_id": entry_id(chain, link.sequence),
        "c": chain,
        "n": link.sequence,
        "k": link.kind,
        "u": link.recorded_ms,
        "p": [*link.entry.patients],
        "b": link.body,
        "h": link.hash,
    }


def link_of(document: Mapping[str, Any]) -> Link:
    """The link that a document of this program keeps."""
    patients = "\n".join(document["p"])
    return Link(document["n"], document["k"], document["u"], patients, document["b"], document["h"])


def checkpoint_after(head: Head, chain: str, other: Head, time_ms: int) -> Link:
    """The link that ties another chain's head into this chain."""
    body = msgspec.json.encode(Checkpoint(chain, other.sequence, other.hash.hex()))
    return link_after(head, CHECKPOINT, AuditEntry(body, time_ms))


async def tail(database: Database, chain: str, session: AsyncClientSession | None = None) -> Head:
    """The last entry of a chain."""
    audit = database[AUDIT] if session is not None else database.get_collection(AUDIT, read_concern=MAJORITY)
    found = await audit.find_one({"c": chain}, {"n": 1, "h": 1}, sort=[("n", -1)], session=session)
    return EMPTY if found is None else Head(int(found["n"]), found["h"])


async def hash_at(database: Database, chain: str, sequence: int) -> bytes | None:
    """The hash of one entry, None where there is none."""
    audit = database.get_collection(AUDIT, read_concern=MAJORITY)
    found = await audit.find_one({"_id": entry_id(chain, sequence)}, {"h": 1})
    return None if found is None else found["h"]
