"""A commit made ready outside the writer: its entries packed, its shape checked."""

from dataclasses import dataclass

from fhir_server.store.access import AccessFilter
from fhir_server.store.deciding import check_shape
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
    check_shape(commit)
    return Prepared(commit, access, tuple(_pack(write) for write in commit.writes))


def _pack(write: Write) -> Packed | None:
    return None if write.method == "delete" else pack(write.type, write.entries)
