"""The audit: every entry in a chain, found by patient and time, in pages that hold still."""

from fhir_server.store.contract import Session
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.values import AuditEntry, AuditPage, Commit
from tests.store.conformance.commits import create
from tests.store.places import Place
from tests.store.samples import commit_of


def entry(number: int, *patients: str) -> AuditEntry:
    return AuditEntry(b'{"n":%d}' % number, number, patients)


async def all_of(session: Session, query: AuditQuery) -> list[AuditEntry]:
    """The entries of all pages."""
    page: AuditPage = await session.search_audit(query)
    found = list(page.entries)
    while page.next is not None:
        page = await session.search_audit(
            AuditQuery(query.patient, query.low_ms, query.high_ms, query.count, page.snapshot, page.next)
        )
        found += page.entries
    assert len({item.id for item in found}) == len(found)
    return [item.entry for item in found]


class AuditRules:
    """See the module."""

    async def test_entries_are_found_by_patient_and_time_over_all_chains(self, place: Place) -> None:
        one, two = await place.open(), await place.open()
        for number in range(20):
            store = one if number % 3 else two
            named = ("p1",) if number % 2 else ("p2", "p3")
            await store.unbound_session().record(entry(number, *named))
        await one.unbound_session().commit(Commit((create("a"),), lambda written, time: entry(20, "p1")))
        session = two.unbound_session()
        expected = [entry(n, *(("p1",) if n % 2 or n == 20 else ("p2", "p3"))) for n in range(20, -1, -1)]
        for count in (1, 4, 100):
            assert await all_of(session, AuditQuery(count=count)) == expected
            assert await all_of(session, AuditQuery("p1", count=count)) == [e for e in expected if "p1" in e.patients]
        assert await all_of(session, AuditQuery("p3", 3, 9)) == [entry(n, "p2", "p3") for n in (8, 6, 4)]
        assert await all_of(session, AuditQuery("p4")) == []

    async def test_pages_hold_still_while_entries_are_added(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        for number in range(5):
            await session.record(entry(number))
        page = await session.search_audit(AuditQuery(count=2))
        found = [item.entry for item in page.entries]
        while page.next is not None:
            await session.record(entry(99))
            await session.commit(commit_of(create(f"a{len(found)}")))
            page = await session.search_audit(AuditQuery(count=2, snapshot=page.snapshot, after=page.next))
            found += [item.entry for item in page.entries]
        assert found == [entry(number) for number in (4, 3, 2, 1, 0)]

    async def test_each_entry_has_an_id_by_which_it_is_read(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.record(entry(1, "p1"))
        await session.commit(commit_of(create("a")))
        for item in (await session.search_audit(AuditQuery())).entries:
            assert await session.read_audit(item.id) == item
        for unknown in ("", "-", "x-1", "store-", "store-0", "store-99", "store-1x", "w0-" + "9" * 40, "store--1"):
            assert await session.read_audit(unknown) is None

    async def test_chains_verify_with_entries_of_every_kind(self, place: Place) -> None:
        one, two = await place.open(), await place.open()
        for number in range(5):
            await one.unbound_session().record(entry(number, "p1", "p1", "p2"))
            await two.unbound_session().record(entry(number))
            await two.unbound_session().commit(commit_of(create(f"a{number}")))
        reports = await one.verify_audit()
        assert len(reports) > 2
        assert [report.fault for report in reports] == [None] * len(reports)
        await place.close()
        store = await place.open()
        reports = await store.verify_audit()
        assert [report.fault for report in reports] == [None] * len(reports)
        assert sum(report.entries for report in reports) >= 15
        assert await all_of(store.unbound_session(), AuditQuery("p2")) == [
            entry(n, "p1", "p1", "p2") for n in (4, 3, 2, 1, 0)
        ]
