"""Walking along a whole audit chain, and the comparison of what was met with its mirrored head and with checkpoints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from fhir_server.store.chain import CHECKPOINT, EMPTY, LOSS, Checkpoint, Head, HeadFile, Link, Loss, Verification
from fhir_server.store.values import ChainReport

Fault = tuple[str, int | None]
"""What is wrong, and at which entry."""
HEAD_MISSING = "the mirrored head is missing"


@dataclass(slots=True)
class Walk:
    """What a walk along one chain has gathered."""

    verification: Verification = field(default_factory=Verification)
    hashes: dict[int, str] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def take(self, batch: Sequence[Link], wanted: Mapping[int, str]) -> None:
        """Go on along the chain; remember the hashes of the entries that are wanted."""
        self.verification.walk(batch)
        for link in batch:
            if link.sequence in wanted:
                self.hashes[link.sequence] = link.hash.hex()
            self._take_body(link)

    def _take_body(self, link: Link) -> None:
        try:
            if link.kind == CHECKPOINT:
                self.checkpoints.append(msgspec.json.decode(link.body, type=Checkpoint))
            elif link.kind == LOSS:
                self.losses.append(msgspec.json.decode(link.body, type=Loss))
        except msgspec.MsgspecError:
            return  # an edited body, which the hash shows

    def is_lost(self, sequence: int) -> bool:
        """Whether an operator has accepted that this entry is gone."""
        return any(loss.kept < sequence <= loss.expected for loss in self.losses)

    def report(self, name: str, faults: Iterable[Fault]) -> ChainReport:
        """What is said of the chain: its first fault, or else the first of these."""
        found = self.verification
        if found.fault is not None:
            return ChainReport(name, found.entries, found.fault, f"{name}-{found.place}")
        for text, place in faults:
            return ChainReport(name, found.entries, text, None if place is None else f"{name}-{place}")
        return ChainReport(name, found.entries)


def read_mirror(mirror: HeadFile) -> tuple[Head | None, str | None]:
    """The mirrored head, read before the chain, which may grow meanwhile; or what is wrong with it."""
    try:
        head = mirror.read()
    except ValueError:
        return None, "the mirrored head cannot be read"
    return head, HEAD_MISSING if head is None else None


def head_faults(walk: Walk, mirrored: Head | None, fault: str | None) -> Iterable[Fault]:
    """How the chain differs from its mirrored head; `fault`: what is wrong with that itself."""
    end = walk.verification.head.sequence
    if fault is not None and end > 0:
        yield fault, None
    if mirrored is None or mirrored == EMPTY:
        return
    if mirrored.sequence > end:
        yield f"the chain ends here, but entry {mirrored.sequence} had been written", end + 1
    elif walk.hashes.get(mirrored.sequence) != mirrored.hash.hex():
        yield "the entry differs from the mirrored head", mirrored.sequence


def tied_faults(walk: Walk, tied: Mapping[int, str]) -> Iterable[Fault]:
    """Where the chain differs from the hashes that checkpoints in another chain say its entries have."""
    for sequence, digest in sorted(tied.items()):
        if walk.hashes.get(sequence) != digest and not walk.is_lost(sequence):
            yield "the entry differs from a checkpoint in the chain of the store", sequence


def tied_by(walks: Iterable[Walk]) -> dict[str, dict[int, str]]:
    """For each chain the hashes that the checkpoints in these say its entries have."""
    tied: dict[str, dict[int, str]] = {}
    for walk in walks:
        for checkpoint in walk.checkpoints:
            tied.setdefault(checkpoint.chain, {})[checkpoint.sequence] = checkpoint.hash
    return tied
