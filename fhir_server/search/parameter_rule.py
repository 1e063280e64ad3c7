"""What a commit that writes SearchParameter resources must obey, and what it makes necessary: indexing anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.outcome import Unprocessable
from fhir_server.search.custom_parameters import TYPE, faults, is_active, read, types_of
from fhir_server.store.values import IndexJob, Write

_decode = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Checked:
    """The writes of a commit, all of them allowed, and what is to be indexed anew because of them."""

    writes: tuple[Write, ...]
    index_jobs: tuple[IndexJob, ...] = ()


@dataclass(frozen=True, slots=True)
class ParametersMustWork:
    """The rule. `standard`: the definitions without additions; `active`: the additions that take effect now. The store
    compares the number of their state at the commit, so a rival that came meanwhile is never missed."""

    standard: Definitions
    active: Mapping[str, SearchParameter]

    def __call__(self, writes: Sequence[Write]) -> Checked:
        """Check the writes. Raises `Unprocessable` with everything that is wrong with one of them."""
        changed = [(place, write) for place, write in enumerate(writes) if write.type == TYPE]
        if not changed:
            return Checked(tuple(writes))
        active = dict(self.active)
        for _, write in changed:
            active.pop(f"{TYPE}/{write.id}", None)
        jobs: list[IndexJob] = []
        for place, write in changed:
            source = f"{TYPE}/{write.id}"
            wanted = self._wanted(write, active, place)
            if wanted is not None:
                active[source] = wanted
            types = self._types(self.active.get(source), wanted)
            if types:
                jobs.append(IndexJob(source, types))
        return Checked(tuple(writes), tuple(jobs))

    def _wanted(self, write: Write, others: Mapping[str, SearchParameter], place: int) -> SearchParameter | None:
        """The search parameter that takes effect by this write; None where none does."""
        resource = None if write.body is None else _decode(write.body.at(0, 0))
        if resource is None or not is_active(resource):
            return None
        wanted = read(resource, write.id)
        issues = faults(wanted, self.standard, list(others.values()))
        if issues:
            raise Unprocessable(issues, position=place)
        return wanted

    def _types(self, before: SearchParameter | None, after: SearchParameter | None) -> tuple[str, ...]:
        """The resource types to be indexed anew; none where it finds what it found before."""
        if before is not None and after is not None and replace(before, indexed=True) == replace(after, indexed=True):
            return ()
        named = [types_of(each, self.standard) for each in (before, after) if each is not None]
        return tuple(sorted({name for names in named for name in names}))
