"""The audit chain and the files that mirror its head."""

import os
import stat
import tempfile
from pathlib import Path
from threading import Timer
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.store import chain
from fhir_server.store.chain import EMPTY, EVENT, Head, HeadFile, Link, Verification, link_after, mirrored_chains
from fhir_server.store.values import AuditEntry

ENTRIES = st.lists(
    st.builds(
        AuditEntry,
        st.binary(max_size=20),
        st.integers(-(2**40), 2**40),
        st.lists(st.text("ab-1", min_size=1, max_size=3), max_size=2).map(tuple),
    ),
    min_size=1,
    max_size=6,
)


def chain_of(entries: list[AuditEntry]) -> list[Link]:
    head, links = EMPTY, []
    for entry in entries:
        links.append(link_after(head, EVENT, entry))
        head = Head(links[-1].sequence, links[-1].hash)
    return links


def verified(links: list[Link]) -> Verification:
    walk = Verification()
    walk.walk(links)
    return walk


@given(ENTRIES)
def test_a_chain_verifies_and_gives_back_its_entries(entries: list[AuditEntry]) -> None:
    links = chain_of(entries)
    walk = verified(links)
    assert (walk.fault, walk.place, walk.entries) == (None, None, len(entries))
    assert walk.head == Head(len(entries), links[-1].hash)
    assert [link.entry for link in links] == entries


@given(ENTRIES, st.data())
def test_no_part_of_an_entry_can_be_changed(entries: list[AuditEntry], data: st.DataObject) -> None:
    links = chain_of(entries)
    at = data.draw(st.integers(0, len(links) - 1))
    link = links[at]
    changed = data.draw(
        st.sampled_from(
            [
                Link(link.sequence, link.kind, link.recorded_ms, link.patients, link.body + b"x", link.hash),
                Link(link.sequence, link.kind, link.recorded_ms + 1, link.patients, link.body, link.hash),
                Link(link.sequence, link.kind, link.recorded_ms, link.patients + "x", link.body, link.hash),
                Link(link.sequence, link.kind + 1, link.recorded_ms, link.patients, link.body, link.hash),
                Link(link.sequence, link.kind, link.recorded_ms, link.patients, link.body, bytes(32)),
                Link(link.sequence + 1, link.kind, link.recorded_ms, link.patients, link.body, link.hash),
            ]
        )
    )
    walk = verified([*links[:at], changed, *links[at + 1 :]])
    assert walk.fault is not None
    assert walk.place == changed.sequence


def test_bytes_cannot_wander_between_patients_and_body() -> None:
    one, two = AuditEntry(b"23", 1, ("1",)), AuditEntry(b"3", 1, ("12",))
    assert link_after(EMPTY, EVENT, one).hash != link_after(EMPTY, EVENT, two).hash


def test_a_head_is_mirrored_in_one_small_file_for_its_owner(tmp_path: Path) -> None:
    mirror = HeadFile(tmp_path, "store")
    assert mirror.read() is None
    assert mirrored_chains(tmp_path) == []
    for head in (EMPTY, Head(12, bytes(range(32))), Head(2**63, bytes(32))):
        mirror.write(head)
        assert mirror.read() == head
        assert HeadFile(tmp_path, "store").read() == head
    mirror.sync()
    mirror.close()
    assert mirrored_chains(tmp_path) == ["store"]
    assert stat.S_IMODE((tmp_path / "store.head").stat().st_mode) == 0o600
    assert mirrored_chains(tmp_path / "nowhere") == []


def test_a_rewrite_is_one_write_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = HeadFile(tmp_path, "store")
    mirror.write(EMPTY)
    calls: list[tuple[int, int]] = []
    real = os.pwrite

    def counted(file: int, content: bytes, at: int) -> int:
        calls.append((len(content), at))
        return real(file, content, at)

    monkeypatch.setattr(os, "pwrite", counted)
    mirror.write(Head(1, bytes(32)))
    mirror.write(Head(10**15, bytes(32)))
    assert calls == [(95, 0), (95, 0)]
    mirror.close()


@given(st.integers(0, 94), st.integers(1, 255))
def test_a_torn_or_edited_head_is_noticed(at: int, change: int) -> None:
    with tempfile.TemporaryDirectory() as name, patch.object(chain, "_READ_AGAIN_SECONDS", 0):
        mirror = HeadFile(Path(name), "store")
        mirror.write(Head(12, bytes(range(32))))
        content = bytearray(mirror.path.read_bytes())
        if at == len(content) - 1:
            return
        content[at] ^= change
        mirror.path.write_bytes(content)
        with pytest.raises(ValueError, match="does not hold the head"):
            mirror.read()
        mirror.close()


def test_a_head_that_is_being_written_is_read_again(tmp_path: Path) -> None:
    """Another process has made the file, and writes into it a moment later."""
    file = tmp_path / "store.head"
    file.touch()
    head = Head(7, bytes(32))
    writing = Timer(0.05, lambda: HeadFile(tmp_path, "store").write(head))
    writing.start()
    assert HeadFile(tmp_path, "store").read() == head
    writing.join()
