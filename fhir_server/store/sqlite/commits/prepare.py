"""A commit made ready outside the writer: its entries packed, its shape checked."""

from dataclasses import dataclass

from fhir_server.outcome import Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.sqlite.packing import Packed, pack
from fhir_server.store.values import Commit, Write


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit, the filter of its session, and the packed entries of each write (None for a deletion)."""

    commit: Commit
    access: AccessFilter
    packed: tuple[Packed | None, ...]


def prepare(commit: Commit, access: AccessFilter) -> Prepared:
    """The commit made ready. Raises `Invalid` where it writes one resource twice."""
    seen: set[tuple[str, str]] = set()
    for position, write in enumerate(commit.writes):
        if (write.type, write.id) in seen:
            raise Invalid(f"{write.type}/{write.id} is written twice in one commit", position=position)
        seen.add((write.type, write.id))
    if commit.depends_on and commit.basis is None:
        raise ValueError("a commit that depends on keys names the snapshot that it was decided upon")
    return Prepared(commit, access, tuple(_pack(write) for write in commit.writes))


def _pack(write: Write) -> Packed | None:
    if write.method == "delete":
        return None
    if write.body is None:
        raise ValueError(f"a {write.method} of {write.type}/{write.id} has no body")
    return pack(write.type, write.entries)
