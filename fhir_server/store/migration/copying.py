"""Carrying a record over: versions with their index entries in the order of history, audit chains, unique keys."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from msgspec import structs

from fhir_server.store.chain import EMPTY
from fhir_server.store.entries import NO_ENTRIES, Entries
from fhir_server.store.migration.contract import (
    MOST_LINKS,
    Indexed,
    KeptVersion,
    Marker,
    MigrationRefused,
    Source,
    Standing,
    Target,
)
from fhir_server.store.migration.prefetching import ahead
from fhir_server.store.values import Version

EntriesOf = Callable[[Version], Awaitable[Entries]]
"""Makes the index entries of a version anew."""

Progress = Callable[[int, int], None]
"""Is told how many are done, of how many."""


async def copy_versions(
    source: Source, target: Target, marker: Marker, entries_of: EntriesOf, total: int, progress: Progress
) -> Marker:
    """Copy the versions behind the place of the marker; the marker then. The next batch is made ready while one is
    written."""

    async def indexed() -> AsyncIterator[Sequence[Indexed]]:
        async for part in source.versions(marker.place):
            yield [(kept, await _entries(kept, entries_of)) for kept in part]

    progress(marker.versions, total)
    async for batch in ahead(indexed()):
        marker = await target.write(batch, marker)
        progress(marker.versions, total)
    return marker


async def _entries(kept: KeptVersion, entries_of: EntriesOf) -> Entries:
    """The entries of a version. It stays in the Patient compartments in which it is: to whom a logical reference led
    was decided when it was written."""
    version = kept.version
    if version.deleted:
        return NO_ENTRIES
    entries = await entries_of(version)
    patients = tuple(("Patient", id) for id in version.patients)
    found = tuple(each for each in entries.compartments if each[0] == "Patient")
    if tuple(dict.fromkeys(found)) == patients:
        return entries
    others = tuple(each for each in entries.compartments if each[0] != "Patient")
    return structs.replace(entries, compartments=(*patients, *others))


async def copy_audit(source: Source, target: Target, standing: Standing, progress: Progress) -> None:
    """Copy what the target lacks of each audit chain. Raises `MigrationRefused` where its chain is another one."""
    there = await target.heads()
    total = sum(head.sequence for head in standing.heads.values())
    done = sum(head.sequence for head in there.values())
    progress(done, total)
    for chain in sorted(standing.heads):
        last = there.get(chain, EMPTY)
        if last != EMPTY:
            await _require_same(source, chain, last.sequence, last.hash)
        place = last.sequence
        while links := await source.links(chain, place, MOST_LINKS):
            await target.append(chain, links)
            place = links[-1].sequence
            done += len(links)
            progress(done, total)


async def _require_same(source: Source, chain: str, sequence: int, digest: bytes) -> None:
    links = await source.links(chain, sequence - 1, 1)
    if not links or links[0].sequence != sequence or links[0].hash != digest:
        raise MigrationRefused(
            f"the audit chain {chain} differs from that of the source at entry {sequence}: empty the target and begin"
            " again"
        )
