"""Recomputing every audit chain, and comparing it with its mirrored head and with the checkpoints of other chains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import apsw
import msgspec

from fhir_server.store.chain import (
    CHECKPOINT,
    EMPTY,
    LOSS,
    Checkpoint,
    Head,
    HeadFile,
    Link,
    Loss,
    Verification,
    mirrored_chains,
)
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.connection import run_script
from fhir_server.store.values import ChainReport

BATCH = 1_000

_WORDS = """PRAGMA query_only=OFF;
CREATE VIRTUAL TABLE IF NOT EXISTS temp.audit_words USING fts5vocab('main', 'audit_patient', 'instance')"""


@dataclass(slots=True)
class Walk:
    """What a walk along one chain has gathered."""

    verification: Verification = field(default_factory=Verification)
    hashes: dict[int, str] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    named: int = 0

    def take(self, batch: Sequence[Link], wanted: Mapping[int, str]) -> None:
        """Go on along the chain; remember the hashes of the entries that are wanted."""
        self.verification.walk(batch)
        for link in batch:
            if link.sequence in wanted:
                self.hashes[link.sequence] = link.hash.hex()
            self._take_body(link)
            words = links.patient_words(link.patients).split() if link.patients else ()
            self.named = (self.named + fingerprint(link.sequence, words)) % 2**64

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


def verify_chains(main: apsw.Connection, audit_folder: Path, heads: Path) -> list[ChainReport]:
    """One report for each chain that there is, or that something says there is."""
    store, report = verify_chain(main, links.STORE_CHAIN, HeadFile(heads, links.STORE_CHAIN), {})
    tied: dict[str, dict[int, str]] = {}
    for checkpoint in store.checkpoints:
        tied.setdefault(checkpoint.chain, {})[checkpoint.sequence] = checkpoint.hash
    names = sorted({*chain_files(audit_folder), *tied, *mirrored_chains(heads)} - {links.STORE_CHAIN})
    return [
        report,
        *(_verify_file(name, audit_folder / f"{name}.db", HeadFile(heads, name), tied.get(name, {})) for name in names),
    ]


def _verify_file(name: str, path: Path, mirror: HeadFile, tied: dict[int, str]) -> ChainReport:
    try:
        connection = open_chain_file(path)
    except apsw.Error:
        return ChainReport(name, 0, "the file of this chain cannot be read")
    if connection is None:
        mirrored, fault = _mirrored(mirror)
        nothing = mirrored == EMPTY and not tied
        return ChainReport(name, 0, None if nothing else fault or "the file of this chain is missing")
    try:
        return verify_chain(connection, name, mirror, tied)[1]
    finally:
        connection.close()


def verify_chain(
    connection: apsw.Connection, name: str, mirror: HeadFile, tied: dict[int, str]
) -> tuple[Walk, ChainReport]:
    """Walk along one chain. `tied` are the hashes that checkpoints elsewhere say its entries have."""
    walk = Walk()
    try:
        mirrored, fault = _mirrored(mirror)
        last, wanted = 0, tied if mirrored is None else {**tied, mirrored.sequence: ""}
        while batch := links.links_after(connection, last, BATCH):
            walk.take(batch, wanted)
            last = batch[-1].sequence
        index = _index_fault(connection, walk)
    except apsw.Error:
        return walk, ChainReport(name, walk.verification.entries, "the chain cannot be read")
    found = walk.verification
    if found.fault is not None:
        return walk, ChainReport(name, found.entries, found.fault, f"{name}-{found.place}")
    for text, place in (*_head_faults(walk, mirrored, fault), *_tied_faults(walk, tied), *index):
        return walk, ChainReport(name, found.entries, text, None if place is None else f"{name}-{place}")
    return walk, ChainReport(name, found.entries)


Fault = tuple[str, int | None]


def _mirrored(mirror: HeadFile) -> tuple[Head | None, str | None]:
    """The mirrored head, read before the chain, which may grow meanwhile; or what is wrong with it."""
    try:
        head = mirror.read()
    except ValueError:
        return None, "the mirrored head cannot be read"
    return head, "the mirrored head is missing" if head is None else None


def _head_faults(walk: Walk, mirrored: Head | None, fault: str | None) -> Iterable[Fault]:
    end = walk.verification.head.sequence
    if fault is not None and end > 0:
        yield fault, None
    if mirrored is None or mirrored == EMPTY:
        return
    if mirrored.sequence > end:
        yield f"the chain ends here, but entry {mirrored.sequence} had been written", end + 1
    elif walk.hashes.get(mirrored.sequence) != mirrored.hash.hex():
        yield "the entry differs from the mirrored head", mirrored.sequence


def _tied_faults(walk: Walk, tied: dict[int, str]) -> Iterable[Fault]:
    for sequence, digest in sorted(tied.items()):
        if walk.hashes.get(sequence) != digest and not walk.is_lost(sequence):
            yield "the entry differs from a checkpoint in the chain of the store", sequence


def _index_fault(connection: apsw.Connection, walk: Walk) -> list[Fault]:
    """The index of patients must say what the entries say; an entry that cannot be found is as good as cut out."""
    indexed = 0
    end = walk.verification.head.sequence
    run_script(connection, _WORDS)
    for word, sequence in connection.execute("SELECT term, doc FROM temp.audit_words WHERE doc<=?", (end,)):
        indexed = (indexed + fingerprint(sequence, (word,))) % 2**64
    return [] if indexed == walk.named else [("the index of patients differs from the entries", None)]


def fingerprint(sequence: int, words: Iterable[str]) -> int:
    """A sum over (entry, word of a patient), the same in whatever order they are met."""
    return sum(
        int.from_bytes(blake2b(f"{sequence} {word}".encode(), digest_size=8).digest()) for word in dict.fromkeys(words)
    )
