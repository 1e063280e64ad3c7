"""Recomputing every audit chain, and comparing it with its mirrored head and with the checkpoints of other chains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import apsw

from fhir_server.store.chain import EMPTY, HeadFile, Link, is_of_commits, mirrored_chains
from fhir_server.store.chain_walk import HEAD_MISSING, Fault, Walk, head_faults, read_mirror, tied_by, tied_faults
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.connection import run_script
from fhir_server.store.values import ChainReport

BATCH = 1_000

_WORDS = """PRAGMA query_only=OFF;
CREATE VIRTUAL TABLE IF NOT EXISTS temp.audit_words USING fts5vocab('main', 'audit_patient', 'instance')"""


@dataclass(slots=True)
class _NamedWalk(Walk):
    """A walk that also sums up which patients the entries name."""

    named: int = 0

    def take(self, batch: Sequence[Link], wanted: Mapping[int, str]) -> None:
        Walk.take(self, batch, wanted)
        for link in batch:
            words = links.patient_words(link.patients).split() if link.patients else ()
            self.named = (self.named + fingerprint(link.sequence, words)) % 2**64


def verify_chains(main: apsw.Connection, audit_folder: Path, heads: Path) -> list[ChainReport]:
    """One report for each chain that there is, or that something says there is."""
    done = [verify_chain(main, links.STORE_CHAIN, HeadFile(heads, links.STORE_CHAIN), {})]
    tied = tied_by(walk for walk, _ in done)
    names = {*chain_files(audit_folder), *tied, *mirrored_chains(heads)} - {links.STORE_CHAIN}
    # Those of another kind of store, from which the record came: what ties others first.
    for group in (sorted(filter(is_of_commits, names)), sorted(names - {*filter(is_of_commits, names)})):
        tied = tied_by(walk for walk, _ in done)
        done += [
            _verify_file(name, audit_folder / f"{name}.db", HeadFile(heads, name), tied.get(name, {})) for name in group
        ]
    return [report for _, report in done]


def _verify_file(name: str, path: Path, mirror: HeadFile, tied: dict[int, str]) -> tuple[Walk, ChainReport]:
    # Read before the file is looked at: its owner may be making it, and writes the head last.
    mirrored, fault = read_mirror(mirror)
    try:
        connection = open_chain_file(path)
    except apsw.Error:
        return Walk(), ChainReport(name, 0, "the file of this chain cannot be read")
    if connection is None:
        nothing = not tied and (mirrored == EMPTY or fault == HEAD_MISSING)
        return Walk(), ChainReport(name, 0, None if nothing else fault or "the file of this chain is missing")
    try:
        return verify_chain(connection, name, mirror, tied)
    finally:
        connection.close()


def verify_chain(
    connection: apsw.Connection, name: str, mirror: HeadFile, tied: dict[int, str]
) -> tuple[Walk, ChainReport]:
    """Walk along one chain. `tied` are the hashes that checkpoints elsewhere say its entries have."""
    walk = _NamedWalk()
    try:
        mirrored, fault = read_mirror(mirror)
        last, wanted = 0, tied if mirrored is None else {**tied, mirrored.sequence: ""}
        while batch := links.links_after(connection, last, BATCH):
            walk.take(batch, wanted)
            last = batch[-1].sequence
        index = _index_fault(connection, walk)
    except apsw.Error:
        return walk, ChainReport(name, walk.verification.entries, "the chain cannot be read")
    faults = (*head_faults(walk, mirrored, fault), *tied_faults(walk, tied), *index)
    return walk, walk.report(name, faults)


def _index_fault(connection: apsw.Connection, walk: _NamedWalk) -> list[Fault]:
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
