"""Is what came the same as what went? Both are read back in the order of history and compared version by version.

Hashes are made of each side for itself: over everything of a version that anybody can see, bodies byte for byte.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from fhir_server.outcome import FhirError
from fhir_server.store.chain import EMPTY, Head
from fhir_server.store.migration.contract import Content, Hold, KeptVersion, Standing, Target
from fhir_server.store.migration.copying import Progress
from fhir_server.store.values import ChainReport

ALL = "All"
MOST_DIFFERENCES = 20


@dataclass(slots=True)
class Tally:
    """How many versions and current resources there are, and a hash over all versions in the order of history."""

    versions: int = 0
    current: int = 0
    _hash: Any = field(default_factory=sha256)

    def add(self, kept: KeptVersion, said: bytes) -> None:
        """Count a version that says this."""
        self.versions += 1
        self.current += kept.replaced_ms is None and not kept.version.deleted
        self._hash.update(said)

    @property
    def digest(self) -> str:
        return str(self._hash.hexdigest())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of what was compared: a resource type, an audit chain, or unique keys."""

    name: str
    source: tuple[int, int, str]
    target: tuple[int, int, str]

    @property
    def same(self) -> bool:
        return self.source == self.target


@dataclass(slots=True)
class Comparison:
    """What was found: the versions by type and in all, the audit chains, the unique keys, and what differs."""

    types: list[Row] = field(default_factory=list)
    chains: list[Row] = field(default_factory=list)
    holds: Row = field(default_factory=lambda: Row("", (0, 0, ""), (0, 0, "")))
    differences: list[str] = field(default_factory=list)

    def differs(self, text: str) -> None:
        """Something is not the same. The first of many are said."""
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(text)


async def compare(source: Content, target: Target, standing: Standing, progress: Progress) -> Comparison:
    """Compare everything. Raises `Unavailable` where the source cannot be read; what is wrong with the target is a
    difference."""
    found = Comparison()
    await _compare_versions(source, target, standing.versions, found, progress)
    await _compare_holds(source, target, found)
    await _compare_audit(standing.heads, target, found)
    return found


class _Side:
    """One of the two sides, read version by version."""

    def __init__(self, content: Content) -> None:
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._parts = content.versions()
        self._part: Sequence[KeptVersion] = ()
        self._next = 0

    async def next(self) -> tuple[KeptVersion, bytes] | None:
        """The next version, and all that it says; None at the end. Raises `Unavailable`."""
        if self._next == len(self._part):
            try:
                self._part, self._next = await anext(self._parts), 0
            except StopAsyncIteration:
                return None
        kept = self._part[self._next]
        self._next += 1
        said = _said(kept)
        self.tallies[kept.version.type].add(kept, said)
        self.tallies[ALL].add(kept, said)
        return kept, said


def _said(kept: KeptVersion) -> bytes:
    """All that a version says, so that two say the same only if they are the same."""
    version = kept.version
    known = (version.type, version.id, version.version, version.last_updated_ms, version.method, kept.replaced_ms)
    named = "\x1f".join(map(str, (*known, *version.patients))).encode()
    body = b"" if version.body is None else version.body
    return b"%d %d %b%b" % (len(named), -1 if version.body is None else len(body), named, body)


async def _compare_versions(
    source: Content, target: Content, total: int, found: Comparison, progress: Progress
) -> None:
    sides = _Side(source), _Side(target)
    done = 0
    while True:
        left = await sides[0].next()
        try:
            right = await sides[1].next()
        except FhirError as error:
            found.differs(f"target: {'; '.join(issue.diagnostics for issue in error.issues)}")
            break
        if left is None or right is None:
            if left is not None or right is not None:
                found.differs(f"{_place(left or right)} is in the {'target' if left is None else 'source'} alone")
            break
        if left[1] != right[1]:
            found.differs(_difference(left[0], right[0]))
        done += 1
        if done % 1_000 == 0:
            progress(done, total)
    progress(done, total)
    await _read_on(sides[0])
    for name in sorted({*sides[0].tallies, *sides[1].tallies}, key=lambda name: (name == ALL, name)):
        row = Row(name, _totals(sides[0].tallies[name]), _totals(sides[1].tallies[name]))
        found.types.append(row)
        if not row.same:
            found.differs(f"{name}: counts or hashes differ")


async def _read_on(side: _Side) -> None:
    """What is left of the source is counted too, so that the table says what is missing."""
    while await side.next() is not None:
        pass


def _totals(tally: Tally) -> tuple[int, int, str]:
    return tally.versions, tally.current, tally.digest


def _place(found: tuple[KeptVersion, bytes] | None) -> str:
    if found is None:
        return "nothing"
    version = found[0].version
    return f"{version.type}/{version.id}/_history/{version.version}"


def _difference(left: KeptVersion, right: KeptVersion) -> str:
    mine, other = _place((left, b"")), _place((right, b""))
    if mine != other:
        return f"{mine} of the source stands where {other} stands in the target"
    if left.version.body != right.version.body:
        return f"{mine}: the bodies differ"
    return f"{mine}: time, method, patients or what replaced it differ"


async def _compare_holds(source: Content, target: Content, found: Comparison) -> None:
    left, right = [await _tally_holds(content.holds()) for content in (source, target)]
    found.holds = Row("Unique keys", left, right)
    if left != right:
        found.differs("unique keys: counts or hashes differ")


async def _tally_holds(holds: AsyncIterator[Sequence[Hold]]) -> tuple[int, int, str]:
    count, digest = 0, sha256()
    async for part in holds:
        count += len(part)
        for each in part:
            digest.update(f"{each.key}\x1f{each.type}/{each.id}\x1e".encode())
    return count, count, digest.hexdigest()


async def _compare_audit(heads: Mapping[str, Head], target: Target, found: Comparison) -> None:
    """Each chain ends with the hash that it has in the source, and is walked from its start: so all of it is the
    same."""
    ends = await target.heads()
    reports = {report.chain: report for report in await target.verify_audit()}
    for chain in sorted({*heads, *ends}):
        report = reports.get(chain, ChainReport(chain, 0, "the chain is missing"))
        left, right = heads.get(chain, EMPTY), ends.get(chain, EMPTY)
        found.chains.append(Row(chain, _end(left), _end(right)))
        if left != right:
            found.differs(f"audit chain {chain}: it ends otherwise than in the source")
        if report.fault is not None:
            found.differs(f"audit chain {chain}: {report.fault} ({report.place or 'nowhere'})")


def _end(head: Head) -> tuple[int, int, str]:
    return head.sequence, head.sequence, head.hash.hex()
