"""The access filter: what may not be seen does not exist, is not counted, not named, not changed."""

from dataclasses import replace

import pytest
from msgspec import structs

from fhir_server.outcome import Conflict, FhirError, Forbidden, NotFound, Unprocessable
from fhir_server.store.access import NOTHING, AccessFilter, Rule
from fhir_server.store.contract import Session, Store
from fhir_server.store.criteria import (
    AuditQuery,
    HistoryQuery,
    InCompartment,
    Query,
    ReferenceTo,
    SortKey,
    StringIs,
    TokenIs,
)
from fhir_server.store.entries import Entries
from fhir_server.store.values import AuditEntry, Commit, Required, Write
from tests.store.conformance.commits import create, delete, refused, update
from tests.store.places import Clock, Place
from tests.store.samples import audit_of, commit_of
from tests.store.scripts import Script

P1 = AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)),))
MINE = Entries(compartments=(("Patient", "p1"),), targets=(("Patient", "p1"),))
OTHERS = Entries(compartments=(("Patient", "p2"),), targets=(("Patient", "p1"),))


class AccessRules:
    """See the module; the oracle's tests run every question under every filter."""

    async def test_the_holder_of_a_key_is_told_only_to_whom_may_see_it(self, place: Place) -> None:
        store = await place.open()
        mine = replace(create("mine", entries=MINE), holds=("key-1", "key-2"))
        others = replace(create("others", entries=OTHERS), holds=("key-3",))
        await store.unbound_session().commit(commit_of(mine, others))
        keys = ["key-1", "key-2", "key-3", "key-4", "key-1"]
        own = {"key-1": (mine.type, "mine"), "key-2": (mine.type, "mine")}
        assert await store.session(P1).holders(keys) == own
        assert await store.unbound_session().holders(keys) == own | {"key-3": (others.type, "others")}
        assert await store.session(NOTHING).holders(keys) == {}
        assert await store.unbound_session().holders([]) == {}
        changed = replace(update("mine", '"v":2', entries=MINE), holds=("key-2",))
        await store.unbound_session().commit(commit_of(changed))
        assert await store.session(P1).holders(keys) == {"key-2": (mine.type, "mine")}
        await store.unbound_session().commit(commit_of(delete("mine")))
        assert await store.session(P1).holders(keys) == {}

    async def test_a_write_of_what_may_not_be_seen_is_as_of_nothing(self, place: Place) -> None:
        store = await place.open()
        await store.unbound_session().commit(
            commit_of(create("hidden", entries=OTHERS), create("gone", entries=OTHERS))
        )
        await store.unbound_session().commit(commit_of(delete("gone")))
        session = store.session(P1)
        for id in ("hidden", "gone"):
            for write in (
                create(id, entries=MINE),
                update(id, entries=MINE),
                delete(id),
                replace(update(id, entries=MINE), if_match=1),
                replace(delete(id), if_match=7),
                replace(update(id, entries=MINE), if_absent=True),
                replace(update(id, entries=MINE), based_on=3),
            ):
                assert (await refused(store, commit_of(write), NotFound, session)).position == 0

    async def test_nobody_writes_what_he_could_not_see(self, place: Place) -> None:
        store = await place.open()
        session = store.session(P1)
        await session.commit(commit_of(create("a", entries=MINE)))
        for write in (create("b", entries=OTHERS), update("a", '"v":2', entries=OTHERS)):
            assert (await refused(store, commit_of(create("c", entries=MINE), write), Forbidden, session)).position == 1
        await refused(store, commit_of(create("c", entries=MINE)), Forbidden, store.session(NOTHING))

    async def test_a_hidden_target_is_not_there(self, place: Place) -> None:
        store = await place.open()
        await store.unbound_session().commit(commit_of(create("p2", type="Patient", entries=OTHERS)))
        session = store.session(P1)
        messages = set()
        for id in ("p2", "p3"):
            needs = (Required("Patient", id, "Observation.subject", 0),)
            error = await refused(
                store, Commit((create("a", entries=MINE),), audit_of, required=needs), Unprocessable, session
            )
            messages.add(str(error).replace(id, "X"))
        assert len(messages) == 1

    async def test_hidden_referrers_forbid_without_being_named(self, place: Place) -> None:
        store = await place.open()
        await store.unbound_session().commit(
            commit_of(create("p1", type="Patient", entries=MINE), create("hidden", entries=OTHERS))
        )
        drop = replace(delete("p1", type="Patient"), refuse_if_referenced=True)
        error = await refused(store, commit_of(drop), Conflict, store.session(P1))
        assert "hidden" not in str(error)
        assert "other resources refer to it" in str(error)
        await store.session(P1).commit(commit_of(create("mine", entries=MINE)))
        error = await refused(store, commit_of(drop), Conflict, store.session(P1))
        assert "Observation/mine" in str(error)
        assert "hidden" not in str(error)

    async def test_moved_out_of_sight_takes_its_past_along(self, place: Place) -> None:
        """Access is of now: old pages and old versions too."""
        store = await place.open()
        everything, session = store.unbound_session(), store.session(P1)
        await everything.commit(commit_of(create("a", entries=MINE), create("b", entries=MINE)))
        before = await session.search(Query("Observation", count=1))
        await everything.commit(commit_of(update("a", '"v":2', entries=OTHERS)))
        assert await session.read_version("Observation", "a", 1) is None
        assert [v.id for v in (await session.history(HistoryQuery())).versions] == ["b"]
        again = await session.search(Query("Observation", snapshot=before.snapshot))
        assert [v.id for v in again.versions] == ["b"]
        await everything.commit(commit_of(update("a", '"v":3', entries=MINE)))
        versions = [v.version for v in (await session.history(HistoryQuery("Observation", "a"))).versions]
        assert versions == [3, 1]
        assert await session.read_version("Observation", "a", 2) is None

    async def test_a_deletion_is_known_to_those_who_knew_the_resource(self, place: Place) -> None:
        store = await place.open()
        await store.unbound_session().commit(commit_of(create("a", entries=MINE), create("b", entries=OTHERS)))
        await store.unbound_session().commit(commit_of(delete("a"), delete("b")))
        session = store.session(P1)
        mine = await session.read("Observation", "a")
        assert mine is not None
        assert mine.deleted
        assert await session.read("Observation", "b") is None
        assert [(v.id, v.version) for v in (await session.history(HistoryQuery())).versions] == [("a", 2), ("a", 1)]

    async def test_masked_elements_are_neither_shown_nor_searched(self, place: Place) -> None:
        store = await place.open()
        entries = Entries(strings=(("address", "leeds"),), compartments=(("Patient", "p1"),))
        content = '"text":{"div":"lives in Leeds"},"address":[{"city":"Leeds"}],"gender":"female"'
        await store.unbound_session().commit(commit_of(create("p1", content, type="Patient", entries=entries)))
        masking = AccessFilter((Rule(None, (), frozenset(("Patient.address",))),))
        session = store.session(masking)
        read = await session.read("Patient", "p1")
        assert read is not None
        assert read.body is not None
        assert b"Leeds" not in read.body
        assert b'"gender":"female"' in read.body
        assert read.masked == {"Patient.address", "Patient.text"}
        city = StringIs("address", "leeds", elements=("Patient.address.city",))
        assert await session.count(Query("Patient", (city,))) == 0
        assert await store.unbound_session().count(Query("Patient", (city,))) == 1
        assert await session.withheld("p1")
        assert not await store.unbound_session().withheld("p1")
        both = AccessFilter((*masking.allow, Rule(None, (InCompartment("Patient", "p1"),))))
        assert await store.session(both).count(Query("Patient", (city,))) == 1

    async def test_a_way_into_a_compartment_that_is_masked_leads_nowhere(self, place: Place) -> None:
        store = await place.open()
        for name, params in (("a", ("performer",)), ("b", ("performer", "subject"))):
            references = tuple((param, "Patient", "p1") for param in params)
            entries = Entries(references=references, compartments=(("Patient", "p1"),))
            await store.unbound_session().commit(commit_of(create(name, entries=entries)))
        ways = tuple(ReferenceTo(each, "Patient", "p1", (f"Observation.{each}",)) for each in ("performer", "subject"))
        inside = InCompartment("Patient", "p1", ("Observation.performer", "Observation.subject"), ways)

        async def found(*masked: str) -> list[str]:
            session = store.session(AccessFilter((Rule(None, (), frozenset(masked)),)))
            page = await session.search(Query("Observation", (inside,), (SortKey("_id"),)))
            assert await session.count(Query("Observation", (inside,))) == len(page.versions)
            return [version.id for version in page.versions]

        assert await found() == ["a", "b"]
        assert await found("Observation.status") == ["a", "b"]
        assert await found("Observation.performer") == ["b"]
        assert await found("Observation.subject") == ["a", "b"]
        assert await found("Observation.subject", "Observation.performer") == []

    async def test_audit_entries_are_seen_by_the_patients_they_name(self, place: Place) -> None:
        store = await place.open()
        session = store.session(AccessFilter((Rule(frozenset(("AuditEvent",)), (InCompartment("Patient", "p1"),)),)))
        await store.unbound_session().record(AuditEntry(b"1", 10, ("p1", "p2")))
        await store.unbound_session().record(AuditEntry(b"2", 11, ("p2",)))
        page = await session.search_audit(AuditQuery())
        assert [item.entry for item in page.entries] == [AuditEntry(b"1", 10, ("p1", "p2"))]
        assert await session.read_audit(page.entries[0].id) == page.entries[0]
        everything = await store.unbound_session().search_audit(AuditQuery())
        assert len(everything.entries) == 2
        for other in (NOTHING, AccessFilter((Rule(None, (TokenIs("_security", None, "N"),)),))):
            assert (await store.session(other).search_audit(AuditQuery())).entries == ()
            assert await store.session(other).read_audit(page.entries[0].id) is None

    @pytest.mark.parametrize("seed", range(3))
    async def test_what_is_hidden_has_no_influence(self, place: Place, other_place: Place, seed: int) -> None:
        """The same script, on a store with others' resources and on one without, gets the same answers."""
        answers = []
        for hidden, where in ((True, place), (False, other_place)):
            store = await where.open()
            answers.append(await _play(Script(seed), store, where.clock, hidden=hidden))
        assert answers[0] == answers[1]
        assert len({repr(answer) for answer in answers[0]}) > 20


async def _play(script: Script, store: Store, clock: Clock, *, hidden: bool) -> list[object]:
    """What a session of patient p1 gets to see, while (or not) others write about other patients."""
    session, everything = store.session(P1), store.unbound_session()
    answers: list[object] = []
    for step in range(40):
        clock.pass_ms(1_000)
        noise = _about(script.commit(), "p2", f"h{step % 7}-")
        if hidden:
            await everything.commit(noise)
        clock.pass_ms(1_000)
        answers.append(await _try(session, _about(script.commit(), "p1", "")))
        answers += await _look(script, session)
    return answers


def _about(commit: Commit, patient: str, prefix: str) -> Commit:
    """The commit with everything in this patient's compartment, under ids of its own."""
    writes = tuple(_in_compartment(write, patient, prefix) for write in commit.writes)
    return replace(commit, writes=writes)


def _in_compartment(write: Write, patient: str, prefix: str) -> Write:
    entries = structs.replace(write.entries, compartments=(("Patient", patient),))
    return replace(write, id=prefix + write.id, entries=entries)


async def _try(session: Session, commit: Commit) -> object:
    try:
        return (await session.commit(commit)).written
    except FhirError as error:
        return type(error), error.issues


async def _look(script: Script, session: Session) -> list[object]:
    query, history = script.query(), script.history()
    page = await session.search(query)
    past = await session.history(history)
    read = await session.read(query.type, script.random.choice("abcdefgh"))
    answers = [page.versions, page.next is None, past.versions, past.next is None, read]
    return [*answers, await session.count(query), await session.count_history(history)]
