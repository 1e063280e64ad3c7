"""The compact audit entry: who asked what of whom, when, and how it ended.

Kept small because one is written for every request. Names follow AuditEvent; `audit_event.py` shows one in full.
https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from fhir_server.store.values import AuditEntry

Action = Literal["C", "R", "U", "D", "E"]


class Compact(msgspec.Struct, frozen=True, omit_defaults=True, rename={"recorded_ms": "t", "interaction": "i"}):
    """One entry as stored. `resources` are `Type/id` or `Type/id/_history/n`; `query` is the raw query string."""

    recorded_ms: int
    interaction: str
    action: str
    status: int
    who: str
    why: str
    request_id: str
    method: str
    path: str
    query: str = ""
    correlation_id: str | None = None
    network_address: str | None = None
    client: str | None = None
    resources: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()


class Compactor:
    """Encodes and decodes entries. One per process."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Compact).decode

    def pack(self, entry: Compact) -> AuditEntry:
        """The entry as the store takes it."""
        return AuditEntry(self._encode(entry), entry.recorded_ms, entry.patients)

    def unpack(self, body: bytes) -> Compact:
        """The entry of stored bytes; raises `msgspec.MsgspecError` for bytes that are none."""
        return self._decode(body)


def names(resources: Sequence[tuple[str, str, int]]) -> tuple[str, ...]:
    """(type, id, version) as versioned relative references."""
    return tuple(f"{type_}/{id_}/_history/{version}" for type_, id_, version in resources)
