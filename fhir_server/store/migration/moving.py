"""A migration from its first check to its last: what is refused, what goes on, and when it is complete."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from fhir_server.store.migration.comparing import Comparison, compare
from fhir_server.store.migration.contract import Condition, Marker, MigrationRefused, Source, Standing, Target
from fhir_server.store.migration.copying import EntriesOf, Progress, copy_audit, copy_versions

Phase = Callable[[str], AbstractContextManager[Progress]]
"""Begins a phase of this name, and gives what is told how far it has come."""

_STOP = "stop what serves it, wait a minute, and run this again"


@dataclass(slots=True)
class Moved:
    """What a migration did: the comparison at its end, the marker with its counts, how many seconds each phase took,
    and whether it went on with one that had been stopped."""

    marker: Marker
    resumed: bool
    seconds: dict[str, float] = field(default_factory=dict)
    copied: int = 0
    comparison: Comparison = field(default_factory=Comparison)
    gained: str | None = None

    @property
    def complete(self) -> bool:
        return not self.comparison.differences and self.gained is None


def require_movable(source: Condition, target: Condition) -> None:
    """Raise `MigrationRefused` unless a record can move from the one to the other; nothing has been opened yet."""
    if source.state == "nothing":
        raise MigrationRefused(f"there is no store at {source.name}: give the one that has the record as --from")
    if source.state == "unfinished":
        raise MigrationRefused(
            f"{source.name} holds a part of a record itself, whose migration was not completed: complete that one first"
        )
    if source.epoch == target.epoch:
        raise MigrationRefused("--from and --to name the same store, or copies of one: give an empty place as --to")
    if source.in_use:
        raise MigrationRefused(f"another process has {source.name} open, or was killed within the last minute: {_STOP}")
    if target.state == "store":
        raise MigrationRefused(_taken(source, target))
    if target.marker is not None and target.marker.epoch != source.epoch:
        raise MigrationRefused(
            f"{target.name} holds a part of the record of {target.marker.name}, not of {source.name}: go on with that"
            " migration, or empty the target"
        )


def _taken(source: Condition, target: Condition) -> str:
    if target.migrated is not None and target.migrated.epoch == source.epoch:
        return f"{target.name} has the record of {source.name} already: that migration is complete, serve it"
    return f"there is a store at {target.name} already: give an empty place as --to; records are not merged"


class Migration:
    """One run. `tell` begins a phase for whoever looks on."""

    def __init__(self, source: Source, target: Target, conditions: tuple[Condition, Condition], tell: Phase) -> None:
        self._source = source
        self._target = target
        self._from, self._to = conditions
        self._tell = tell

    async def run(self, entries_of: EntriesOf, now_ms: int) -> Moved:
        """Copy what is missing, compare, and complete the target where nothing differs. Raises `MigrationRefused`."""
        standing = await self._source.standing()
        marker = await self._begun(standing, now_ms)
        moved = Moved(marker, self._to.marker is not None)
        before = marker.versions

        async def versions(progress: Progress) -> None:
            total = standing.versions
            moved.marker = await copy_versions(self._source, self._target, marker, entries_of, total, progress)

        await self._phase(moved, "Versions", versions)
        moved.copied = moved.marker.versions - before
        await self._phase(moved, "Audit", lambda progress: copy_audit(self._source, self._target, standing, progress))
        await self._phase(moved, "Indexes", lambda progress: self._settle(standing))
        await self._phase(moved, "Verifying", lambda progress: self._compare(moved, standing, progress))
        moved.gained = await self._gained(standing)
        if moved.complete:
            await self._target.complete()
        return moved

    async def _phase(self, moved: Moved, name: str, work: Callable[[Progress], Awaitable[None]]) -> None:
        begin = time.monotonic()
        with self._tell(name) as progress:
            await work(progress)
        moved.seconds[name] = time.monotonic() - begin

    async def _begun(self, standing: Standing, now_ms: int) -> Marker:
        """The marker in the target: that of the migration which goes on, or a new one."""
        marker = self._to.marker
        if self._source.store.needs_reindex():
            raise MigrationRefused(
                f"the index of {self._from.name} is of another version of the program: run `fhir-server index build` on"
                " it first"
            )
        await self._require_heads()
        changes = await self._changes(standing)
        if marker is None:
            await self._require_whole_audit()
            known = self._from
            began = Marker(known.kind, known.epoch, known.name, self._target.index, standing.rules, changes, now_ms)
            await self._target.begin(began)
            return began
        if (marker.index, marker.changes) != (self._target.index, changes):
            raise MigrationRefused(
                f"the search parameters of {self._from.name}, or the program, have changed since the migration began:"
                f" empty {self._to.name} and begin again"
            )
        await self._target.begin(marker)
        return marker

    async def _changes(self, standing: Standing) -> int:
        """How often search parameters have changed. The number of the rules rises by that, and when a job is complete;
        entries are the same before and after the second."""
        return standing.rules - sum(job.complete for job in await self._source.index_jobs())

    async def _require_whole_audit(self) -> None:
        with self._tell("Audit of the source"):
            reports = await self._source.store.verify_audit()
        broken = [f"{report.chain}: {report.fault}" for report in reports if report.fault is not None]
        if broken:
            raise MigrationRefused(
                f"the audit of {self._from.name} is broken ({'; '.join(broken)}), and stays so wherever it goes:"
                " restore a backup first"
            )

    async def _require_heads(self) -> None:
        """The folder for the heads of the target must hold no others than those of the source."""
        for chain, head in (await self._target.mirrored()).items():
            if head.sequence == 0:
                continue
            links = await self._source.links(chain, head.sequence - 1, 1)
            if not links or links[0].hash != head.hash:
                raise MigrationRefused(
                    f"the folder for the audit heads of {self._to.name} holds those of another store (chain {chain}):"
                    " name an empty one as --to-heads"
                )

    async def _settle(self, standing: Standing) -> None:
        await self._target.hold(self._source.holds())
        await self._target.settle(standing.rules, await self._source.index_jobs(), standing.heads)

    async def _compare(self, moved: Moved, standing: Standing, progress: Progress) -> None:
        moved.comparison = await compare(self._source, self._target, standing, progress)

    async def _gained(self, standing: Standing) -> str | None:
        """What shows that somebody has written to the source meanwhile, or is about to."""
        if await self._source.standing() != standing:
            return f"{self._from.name} was written to meanwhile: {_STOP}; it goes on with what is new"
        if await self._source.in_use():
            return f"another process has opened {self._from.name} meanwhile: {_STOP}"
        return None
