"""What a store gives when its record moves out of it, and what it takes when one moves in.

A target is a store only when it is complete: until then a `Marker` stands in it, by which opening it is refused, and by
which a migration that was stopped goes on. Every batch of versions is written together with the marker that says so.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from fhir_server.store.chain import Head, Link
from fhir_server.store.contract import Store
from fhir_server.store.entries import Entries
from fhir_server.store.options import StoreRefused
from fhir_server.store.values import ChainReport, IndexJob, Version

MOST_VERSIONS, MOST_BYTES = 500, 4 << 20
"""How much is read and written at a time: so many versions, or about so many bytes of bodies."""
MOST_LINKS, MOST_HOLDS = 2_000, 5_000


class MigrationRefused(StoreRefused):
    """The migration cannot begin or go on. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as a store keeps it.

    `place`: a number that rises in the order of history. `replaced_ms`: lastUpdated of the version after it, None for
    the newest one. `event`: its number in the outbox, None where it was never read from there.
    """

    place: int
    version: Version
    replaced_ms: int | None
    event: int | None


Indexed = tuple[KeptVersion, Entries]
"""A version with its index entries; those of a deletion are the ones of the version before it, and are not given."""


class Hold(msgspec.Struct, frozen=True):
    """A unique key and the resource that holds it."""

    key: str
    type: str
    id: str


class Marker(msgspec.Struct, frozen=True):
    """Stands in a target as long as it is not complete.

    `kind`, `epoch` and `name` say which store the record comes from; `index` and `rules` by which rules its entries are
    made, `changes` how often its search parameters had changed by then. Versions are copied up to `place` of the
    source, which is `reached` here: `versions` of them, of which `renumbered` have another number in the outbox.
    """

    kind: str
    epoch: str
    name: str
    index: str
    rules: int
    changes: int
    began_ms: int
    place: int = -1
    reached: int = 0
    versions: int = 0
    renumbered: int = 0

    def text(self) -> str:
        """The marker as a store keeps it."""
        return msgspec.json.encode(self).decode()


def advanced(marker: Marker, batch: Sequence[Indexed], reached: int, renumbered: int = 0) -> Marker:
    """The marker once this batch is written too, up to this place of the target; so many of it have another number in
    the outbox."""
    return msgspec.structs.replace(
        marker,
        place=batch[-1][0].place,
        reached=reached,
        versions=marker.versions + len(batch),
        renumbered=marker.renumbered + renumbered,
    )


def overtaken(name: str) -> MigrationRefused:
    """Why a migration ends whose marker is not the one that it wrote."""
    return MigrationRefused(f"another process is migrating into {name}: let one of them end")


def read_marker(text: str | None) -> Marker | None:
    """The marker in a store, None where there is none."""
    return None if text is None else msgspec.json.decode(text, type=Marker)


def unfinished(name: str, marker: Marker) -> StoreRefused:
    """Why a store that holds a part of a record is not opened."""
    return StoreRefused(
        f"{name} holds a part of the record of {marker.name}, whose migration was not completed: run the same"
        " `fhir-server migrate` again, it goes on where it was stopped"
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """What is in the place that a URL names. `in_use`: another process has it open, or had a moment ago. `migrated`:
    the marker under which a store was once filled."""

    kind: str
    name: str
    state: Literal["nothing", "store", "unfinished"]
    epoch: str = ""
    marker: Marker | None = None
    migrated: Marker | None = None
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How much a store holds: the place of its last version, how many there are, the heads of its audit chains, the
    number of the rules of its index."""

    place: int
    versions: int
    heads: Mapping[str, Head]
    rules: int


class Content(Protocol):
    """What a store keeps, read in a fixed order: for copying, and for comparing afterwards."""

    async def standing(self) -> Standing:
        """How much there is now."""

    async def heads(self) -> Mapping[str, Head]:
        """The last entry of each audit chain that has entries."""

    def versions(self, after: int = -1) -> AsyncIterator[Sequence[KeptVersion]]:
        """All versions behind a place, in the order of history, in parts that fit into memory; what stands at one place
        is never cut apart. Raises `Unavailable` for a body that is not what was written."""

    def holds(self) -> AsyncIterator[Sequence[Hold]]:
        """All unique keys that are held, in the order of the keys."""

    async def links(self, chain: str, after: int, count: int) -> Sequence[Link]:
        """The next entries of an audit chain behind a number."""

    async def index_jobs(self) -> Sequence[IndexJob]:
        """The latest indexing job of each source, oldest first."""

    async def close(self) -> None:
        """Let go of it."""


class Source(Content, Protocol):
    """The store that a record moves out of: open, and left as it is."""

    @property
    def store(self) -> Store: ...

    async def in_use(self) -> bool:
        """Whether another process has it open."""


class Target(Content, Protocol):
    """The place that a record moves into."""

    @property
    def index(self) -> str:
        """The version of the index that is written here."""

    async def begin(self, marker: Marker) -> None:
        """Make the place ready, or go on where this marker stands already. Raises `MigrationRefused` where another
        migration has begun here meanwhile."""

    async def write(self, batch: Sequence[Indexed], before: Marker) -> Marker:
        """Write versions and, in the same transaction, the marker that says so in the place of the one before; that
        marker. Raises `MigrationRefused` where another process has changed it, or a version cannot be kept here."""

    async def append(self, chain: str, links: Sequence[Link]) -> None:
        """Write the next entries of an audit chain as they are."""

    async def hold(self, holds: AsyncIterator[Sequence[Hold]]) -> None:
        """Write these unique keys and their holders in the place of all that are here."""

    async def settle(self, rules: int, jobs: Sequence[IndexJob], heads: Mapping[str, Head]) -> None:
        """Write what belongs to the whole: the rules of the index and its jobs, indexes, the mirrored heads."""

    async def verify_audit(self) -> Sequence[ChainReport]:
        """Recompute every chain, and compare each with its mirrored head."""

    async def mirrored(self) -> Mapping[str, Head]:
        """The heads of audit chains that lie in the folder for those of the target."""

    async def complete(self) -> None:
        """Tie the carried chains into the one that goes on here, and make it a store: the marker goes."""


@dataclass(slots=True)
class Part:
    """Versions that are read or written together."""

    versions: list[KeptVersion] = field(default_factory=list)
    size: int = 0

    def takes(self, kept: KeptVersion) -> bool:
        """Whether there is room for this version, which comes next; it is taken then. One place is not cut apart."""
        full = len(self.versions) >= MOST_VERSIONS or self.size >= MOST_BYTES
        if full and kept.place != self.versions[-1].place:
            return False
        self.versions.append(kept)
        self.size += len(kept.version.body or b"")
        return True
