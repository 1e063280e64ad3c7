"""The audit chain: each entry's hash covers the one before it, and the last hash is kept outside the database too.

Whoever edits, deletes, inserts, swaps or cuts off entries breaks a hash, a number, or the mirrored head. Shared by all
stores: they keep `Link`s, and mirror a `Head` after each commit.
"""

import os
import struct
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from fhir_server.store.values import AuditEntry

EVENT = 0
"""An audit entry: shown as an AuditEvent."""
CHECKPOINT = 1
"""Ties another chain to this one: that chain's head at the time."""
LOSS = 2
"""An operator has accepted that entries before this one are lost, and says why."""

_FRAME = struct.Struct(">QBqI")


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain: its number (0: the chain is empty) and its hash."""

    sequence: int
    hash: bytes


EMPTY = Head(0, bytes(32))


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it stands in its chain. `patients` are ids, one on each line."""

    sequence: int
    kind: int
    recorded_ms: int
    patients: str
    body: bytes
    hash: bytes

    @property
    def entry(self) -> AuditEntry:
        return AuditEntry(self.body, self.recorded_ms, split_patients(self.patients))


class Checkpoint(msgspec.Struct, frozen=True):
    """The body of a `CHECKPOINT` entry: another chain and its head."""

    chain: str
    sequence: int
    hash: str


class Loss(msgspec.Struct, frozen=True):
    """The body of a `LOSS` entry: entries after `kept` up to `expected` are gone or not to be trusted, and why that was
    accepted. `hash` is that of the mirrored head."""

    reason: str
    kept: int
    expected: int
    hash: str


def is_of_commits(chain: str) -> bool:
    """Whether the entries of commits stand in this chain, and checkpoints that tie other chains to it: `store` of the
    embedded store, `c0`, `c1` … of MongoDB. A record that was moved has chains of both."""
    return chain == "store" or chain.startswith("c")


def split_patients(text: str | None) -> tuple[str, ...]:
    """The ids in a column of ids, one on each line."""
    return tuple(text.split("\n")) if text else ()


def link_after(head: Head, kind: int, entry: AuditEntry, sequence: int | None = None) -> Link:
    """The link of `entry` behind `head`. `sequence` is given where numbers were lost."""
    number = head.sequence + 1 if sequence is None else sequence
    patients = "\n".join(entry.patients)
    digest = link_hash(head.hash, number, kind, entry.recorded_ms, patients, entry.body)
    return Link(number, kind, entry.recorded_ms, patients, entry.body, digest)


def link_hash(previous: bytes, sequence: int, kind: int, recorded_ms: int, patients: str, body: bytes) -> bytes:
    """SHA-256 over the hash before, the number, and everything that the entry says."""
    named = patients.encode()
    return sha256(previous + _FRAME.pack(sequence, kind, recorded_ms, len(named)) + named + body).digest()


ADVICE = "restore a backup, or accept the loss with a reason, which is recorded in the chain"


def head_fault(mirrored: Head, end: Head, hash_at: Callable[[int], bytes | None]) -> str | None:
    """How a chain that ends with `end` differs from its mirrored head, or None; `hash_at` gives an entry's hash."""
    if end.sequence < mirrored.sequence:
        return f"ends at entry {end.sequence}, but entry {mirrored.sequence} had been written"
    if mirrored == EMPTY:
        return None
    if hash_at(mirrored.sequence) != mirrored.hash:
        return f"differs from its mirrored head at entry {mirrored.sequence}"
    return None


def loss_after(end: Head, mirrored: Head | None, reason: str, now_ms: int) -> Link:
    """The link that says that an operator accepts what is lost of a chain, and why: behind its last entry, and behind
    every number that the mirrored head (None: it is lost too) knows of."""
    known = EMPTY if mirrored is None else mirrored
    kept = end.sequence if end.sequence < known.sequence else 0
    expected = max(end.sequence, known.sequence)
    body = msgspec.json.encode(Loss(reason, kept, expected, known.hash.hex()))
    return link_after(end, LOSS, AuditEntry(body, now_ms), expected + 1)


@dataclass(slots=True)
class Verification:
    """What walking along a chain from its start has shown so far."""

    head: Head = EMPTY
    entries: int = 0
    fault: str | None = None
    place: int | None = None

    def walk(self, links: Iterable[Link]) -> None:
        """Go on along the chain; stops at the first fault."""
        for link in links:
            if self.fault is not None:
                return
            self._step(link)

    def _step(self, link: Link) -> None:
        if link.sequence != self.head.sequence + 1 and not self._lost_on_record(link):
            self._found("an entry is missing or out of order before this one", link.sequence)
            return
        if not self._fits(link):
            self._found("the entry does not fit its hash and the entry before it", link.sequence)
            return
        self.head = Head(link.sequence, link.hash)
        self.entries += 1

    def _fits(self, link: Link) -> bool:
        """Whether the entry has the hash that it must have; a column of another type never has."""
        known = (link.sequence, link.kind, link.recorded_ms, link.patients, link.body)
        try:
            return link_hash(self.head.hash, *known) == link.hash
        except (TypeError, ValueError, AttributeError, struct.error):
            return False

    def _lost_on_record(self, link: Link) -> bool:
        if link.kind != LOSS:
            return False
        loss = msgspec.json.decode(link.body, type=Loss)
        return self.head.sequence <= loss.expected and loss.expected + 1 == link.sequence

    def _found(self, fault: str, place: int) -> None:
        self.fault = fault
        self.place = place


_READS = 10
_READ_AGAIN_SECONDS = 0.02


class HeadFile:
    """The mirrored head of one chain: a small file, rewritten in place by one write.

    It is made, and made durable, before the chain has an entry, so a missing file is a sign of tampering or loss.
    """

    def __init__(self, folder: Path, chain: str) -> None:
        self.path = folder / f"{chain}.head"
        self._file: int | None = None

    def read(self) -> Head | None:
        """The mirrored head; None where there is no file. Raises ValueError for one that cannot be understood, however
        often it is read: another process may be writing it at this moment."""
        for _ in range(_READS - 1):
            try:
                return self._read()
            except ValueError:
                time.sleep(_READ_AGAIN_SECONDS)
        return self._read()

    def _read(self) -> Head | None:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        body, _, check = text.rstrip(b"\n").rpartition(b" ")
        if not body or b"%08x" % zlib.crc32(body) != check:
            raise ValueError(f"{self.path} does not hold the head of an audit chain")
        number, _, digest = body.partition(b" ")
        return Head(int(number), bytes.fromhex(digest.decode()))

    def write(self, head: Head) -> None:
        """Mirror the head."""
        if self._file is None:
            self._file = _open_durably(self.path)
        body = b"%020d %s" % (head.sequence, head.hash.hex().encode())
        os.pwrite(self._file, b"%s %08x\n" % (body, zlib.crc32(body)), 0)

    def sync(self) -> None:
        """Make the mirrored head survive a loss of power."""
        if self._file is not None:
            os.fdatasync(self._file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _open_durably(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return file


def mirrored_chains(folder: Path) -> list[str]:
    """The chains whose heads are mirrored in this folder."""
    return sorted(path.stem for path in folder.glob("*.head")) if folder.is_dir() else []
