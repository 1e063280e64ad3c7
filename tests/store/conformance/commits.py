"""Commits: what each kind of write does, what refuses it, and that nothing is written then."""

from dataclasses import replace

import pytest

from fhir_server.outcome import (
    Conflict,
    Contended,
    FhirError,
    Invalid,
    MethodNotAllowed,
    PreconditionFailed,
    Unprocessable,
)
from fhir_server.store.contract import Session, Store
from fhir_server.store.criteria import HistoryQuery, Query
from fhir_server.store.entries import Entries
from fhir_server.store.values import (
    AuditEntry,
    Commit,
    Committed,
    Required,
    Version,
    Write,
    Written,
)
from tests.store.places import Place
from tests.store.samples import audit_of, body, commit_of
from tests.store.scripts import START_MS

IN_P1 = Entries(compartments=(("Patient", "p1"),))


def create(id: str, content: str = "", *, type: str = "Observation", entries: Entries = IN_P1) -> Write:
    return Write("create", type, id, body(type, id, content), entries)


def update(id: str, content: str = "", *, type: str = "Observation", entries: Entries = IN_P1) -> Write:
    return Write("update", type, id, body(type, id, content), entries)


def delete(id: str, *, type: str = "Observation") -> Write:
    return Write("delete", type, id)


async def contents(store: Store) -> tuple[object, ...]:
    """Everything that a store shows: every version, every audit entry."""
    session = store.unbound_session()
    history = await session.history(HistoryQuery(count=1_000))
    counts = await store.counts()
    return history.versions, counts, len(await store.events(0, 1_000))


async def refused(store: Store, commit: Commit, kind: type[FhirError], session: Session | None = None) -> FhirError:
    """The error with which a commit is refused; it has changed nothing."""
    before = await contents(store)
    with pytest.raises(kind) as caught:
        await (session or store.unbound_session()).commit(commit)
    assert type(caught.value) is kind
    assert await contents(store) == before
    return caught.value


class CommitRules:
    """See the module."""

    async def test_a_create_is_read_as_it_was_sent_with_its_version_and_time(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        committed = await session.commit(commit_of(create("a", '"value":1.10')))
        assert committed == Committed((Written("Observation", "a", 1, START_MS, "created", ("p1",)),), START_MS)
        expected = (
            b'{"resourceType":"Observation","id":"a","meta":{"versionId":"1",'
            b'"lastUpdated":"2023-11-14T22:13:20.000Z"},"value":1.10}'
        )
        version = Version("Observation", "a", 1, START_MS, expected, "create", ("p1",))
        assert await session.read("Observation", "a") == version
        assert await session.read_version("Observation", "a", 1) == version
        assert await session.read_version("Observation", "a", 2) is None
        assert await session.read_version("Observation", "a", 0) is None
        assert await session.read_version("Observation", "a", 2**70) is None
        assert await session.read("Patient", "a") is None

    async def test_an_update_makes_the_next_version_at_least_a_millisecond_later(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a", '"v":1')))
        committed = await session.commit(commit_of(update("a", '"v":2')))
        assert committed.written == (Written("Observation", "a", 2, START_MS + 1, "updated", ("p1",)),)
        read = await session.read("Observation", "a")
        assert read is not None
        assert (read.version, read.last_updated_ms, read.method) == (2, START_MS + 1, "update")
        earlier = await session.read_version("Observation", "a", 1)
        assert earlier is not None
        assert earlier.body is not None
        assert b'"v":1' in earlier.body

    async def test_an_update_that_changes_nothing_makes_no_version(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a", '"v":1')))
        before = await contents(store)
        place.clock.pass_ms(5_000)
        committed = await session.commit(commit_of(update("a", '"v":1')))
        assert committed.written == (Written("Observation", "a", 1, START_MS, "unchanged", ("p1",)),)
        assert await contents(store) == before
        await session.commit(commit_of(update("a", '"v": 1')))
        assert len((await session.history(HistoryQuery())).versions) == 2

    async def test_a_deletion_is_a_version_and_an_update_brings_it_back(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        deleted = await session.commit(commit_of(delete("a")))
        assert deleted.written == (Written("Observation", "a", 2, START_MS + 1, "deleted", ("p1",)),)
        assert await session.read("Observation", "a") == Version(
            "Observation", "a", 2, START_MS + 1, None, "delete", ("p1",)
        )
        assert (await session.search(Query("Observation"))).versions == ()
        again = await session.commit(commit_of(delete("a"), delete("never")))
        assert [(w.version, w.outcome) for w in again.written] == [(2, "absent"), (0, "absent")]
        back = await session.commit(commit_of(replace(update("a"), create_if_absent=False)))
        assert [(w.version, w.outcome) for w in back.written] == [(3, "created")]
        assert [v.version for v in (await session.search(Query("Observation"))).versions] == [3]

    async def test_the_whole_commit_has_one_time_and_one_state(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        before = await session.snapshot()
        committed = await session.commit(commit_of(create("b"), update("a", '"v":2'), delete("never")))
        assert {w.last_updated_ms for w in committed.written if w.outcome != "absent"} == {committed.time_ms}
        then = await session.search(Query("Observation", snapshot=before))
        assert [(v.id, v.version) for v in then.versions] == [("a", 1)]
        now = await session.search(Query("Observation"))
        assert {(v.id, v.version) for v in now.versions} == {("a", 2), ("b", 1)}

    async def test_an_id_that_is_taken_cannot_be_created(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a"), create("gone")))
        await session.commit(commit_of(delete("gone")))
        assert (await refused(store, commit_of(create("b"), create("a")), Conflict)).position == 1
        assert (await refused(store, commit_of(create("gone")), Conflict)).position == 0

    async def test_an_update_of_nothing_needs_leave_to_create(self, place: Place) -> None:
        store = await place.open()
        commit = commit_of(replace(update("a"), create_if_absent=False))
        assert (await refused(store, commit, MethodNotAllowed)).position == 0
        committed = await store.unbound_session().commit(commit_of(update("a")))
        assert committed.written[0].outcome == "created"

    async def test_if_match_and_if_absent(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a"), create("gone")))
        await session.commit(commit_of(delete("gone")))
        for write in (
            replace(update("a", '"v":2'), if_match=2),
            replace(delete("a"), if_match=9),
            replace(update("never"), if_match=1),
            replace(update("gone"), if_match=2),
            replace(update("a", '"v":2'), if_absent=True),
        ):
            assert (await refused(store, commit_of(create("b"), write), PreconditionFailed)).position == 1
        await session.commit(
            commit_of(replace(update("a", '"v":2'), if_match=1), replace(update("gone"), if_absent=True))
        )
        await session.commit(commit_of(replace(delete("a"), if_match=2)))

    async def test_what_has_changed_since_it_was_read_is_contended(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        for write in (replace(update("a", '"v":2'), based_on=2), replace(update("b"), based_on=1)):
            assert (await refused(store, commit_of(write), Contended)).position == 0
        assert (await refused(store, commit_of(replace(update("a"), based_on=0)), Contended)).position == 0
        await session.commit(commit_of(replace(delete("a"), based_on=1), replace(create("b"), based_on=0)))
        await session.commit(commit_of(replace(update("a"), based_on=0)))

    async def test_a_resource_is_written_once_in_a_commit(self, place: Place) -> None:
        store = await place.open()
        assert (await refused(store, commit_of(create("a"), update("a")), Invalid)).position == 1

    async def test_a_required_resource_must_exist_when_the_commit_happens(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("p1", type="Patient"), create("gone", type="Patient")))
        await session.commit(commit_of(delete("gone", type="Patient")))

        def needing(id: str, *writes: Write) -> Commit:
            return Commit(writes, audit_of, required=(Required("Patient", id, "Observation.subject", 3),))

        for id, *writes in (
            ("p2", create("a")),
            ("gone", create("a")),
            ("p1", create("a"), delete("p1", type="Patient")),
        ):
            error = await refused(store, needing(id, *writes), Unprocessable)
            assert error.position == 3
            assert error.issues[0].expression == ("Observation.subject",)
        await session.commit(needing("p1", create("a")))
        await session.commit(needing("p2", create("b"), create("p2", type="Patient")))
        await session.commit(needing("p2", create("c"), update("p2", type="Patient")))

    async def test_a_required_resource_may_have_to_be_the_version_that_was_found(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()

        def needing(version: int, *writes: Write) -> Commit:
            return Commit(writes, audit_of, required=(Required("Patient", "p", "Observation.subject", 3, version),))

        await refused(store, needing(1, create("a")), Contended)
        await session.commit(commit_of(create("p", type="Patient")))
        await session.commit(needing(1, create("a")))
        await session.commit(commit_of(update("p", "other", type="Patient")))
        error = await refused(store, needing(1, create("b")), Contended)
        assert error.position == 3
        await session.commit(needing(2, create("b")))
        await session.commit(commit_of(delete("p", type="Patient")))
        for version in (2, 3):
            await refused(store, needing(version, create("c")), Contended)
        assert await session.count(Query("Observation")) == 2

    async def test_what_others_refer_to_is_not_deleted(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        refers = Entries(targets=(("Patient", "p1"),), references=(("subject", "Patient", "p1"),))
        itself = Entries(targets=(("Patient", "p1"),))
        await session.commit(commit_of(create("p1", type="Patient", entries=itself)))
        await session.commit(commit_of(*(create(f"o{n}", entries=refers) for n in range(7))))
        drop = replace(delete("p1", type="Patient"), refuse_if_referenced=True)
        error = await refused(store, commit_of(create("x"), drop), Conflict)
        assert error.position == 1
        assert [name in str(error) for name in (f"Observation/o{n}" for n in range(7))] == [True] * 5 + [False] * 2
        everyone = [delete(f"o{n}") for n in range(5)]
        loose = [update(f"o{n}", '"v":2') for n in (5, 6)]
        new = create("new", entries=refers)
        assert "Observation/new" in str(await refused(store, commit_of(drop, *everyone, *loose, new), Conflict))
        assert "Observation/o6" in str(await refused(store, commit_of(drop, *everyone, loose[0]), Conflict))
        await session.commit(commit_of(drop, *everyone, *loose))

    async def test_a_deletion_that_does_not_ask_is_not_refused(self, place: Place) -> None:
        store = await place.open()
        refers = Entries(targets=(("Patient", "p1"),))
        await store.unbound_session().commit(commit_of(create("p1", type="Patient"), create("a", entries=refers)))
        done = await store.unbound_session().commit(commit_of(delete("p1", type="Patient")))
        assert [(written.outcome, written.version) for written in done.written] == [("deleted", 2)]

    async def test_a_unique_key_has_one_holder(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()

        def holding(write: Write, *keys: str) -> Write:
            return replace(write, holds=keys)

        await session.commit(commit_of(holding(create("a"), "plan-1")))
        assert (await refused(store, commit_of(create("x"), holding(create("b"), "plan-1")), Conflict)).position == 1
        both = commit_of(holding(create("b"), "plan-2"), holding(create("c"), "plan-2"))
        assert (await refused(store, both, Conflict)).position == 1
        swap = (holding(create("b"), "plan-1"), holding(update("a", '"v":2'), "plan-2"))
        await session.commit(commit_of(*swap))
        assert (await refused(store, commit_of(holding(create("c"), "plan-2")), Conflict)).position == 0
        await session.commit(commit_of(holding(update("b", '"v":2'), "plan-1")))
        await session.commit(commit_of(delete("b"), update("a", '"v":3')))
        await session.commit(commit_of(holding(create("c"), "plan-1", "plan-2")))

    async def test_a_commit_without_writes_records_its_audit_entry(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        before = await session.snapshot()
        committed = await session.commit(Commit((), lambda written, time: AuditEntry(b"{}", time, ("p9",))))
        assert committed == Committed((), START_MS)
        assert await session.snapshot() == before

    async def test_a_fault_in_making_the_audit_entry_writes_nothing(self, place: Place) -> None:
        store = await place.open()

        def faulty(written: object, time_ms: int) -> AuditEntry:
            raise LookupError("no such agent")

        before = await contents(store)
        with pytest.raises(LookupError):
            await store.unbound_session().commit(Commit((create("a"),), faulty))
        assert await contents(store) == before

    async def test_times_never_fall_when_the_clock_does(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        times, seen = [], await session.snapshot()
        for step in range(30):
            place.clock.pass_ms(-3_600_000 if step == 10 else 7)
            committed = await session.commit(commit_of(update(f"o{step % 3}", f'"v":{step}')))
            assert committed.time_ms >= seen.time_ms
            news = await session.history(HistoryQuery(since_ms=seen.time_ms))
            assert (news.versions[0].id, news.versions[0].version) == (f"o{step % 3}", step // 3 + 1)
            seen = await session.snapshot()
            times.append(committed.time_ms)
        assert times == sorted(times)

    async def test_counts_and_events_tell_what_was_committed(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a"), create("p", type="Patient")))
        await session.commit(commit_of(update("a", '"v":2'), delete("p", type="Patient"), create("b")))
        assert (await store.counts()).by_type == {"Observation": 2}
        events = await store.events(0, 100)
        assert [(e.type, e.id, e.version, e.method) for e in events] == [
            ("Observation", "a", 1, "create"),
            ("Patient", "p", 1, "create"),
            ("Observation", "a", 2, "update"),
            ("Patient", "p", 2, "delete"),
            ("Observation", "b", 1, "create"),
        ]
        assert [e.sequence for e in events] == sorted({e.sequence for e in events})
        assert list(await store.events(events[1].sequence, 2)) == list(events[2:4])

    async def test_what_was_committed_is_there_after_opening_again(self, place: Place) -> None:
        store = await place.open()
        await store.unbound_session().commit(commit_of(create("a"), create("b")))
        await store.unbound_session().commit(commit_of(update("a", '"v":2')))
        before = await contents(store)
        await place.close()
        assert await contents(await place.open()) == before
