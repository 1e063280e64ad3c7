"""The outbox: what was committed and nothing else, each change once, in an order that never changes afterwards.

Whoever delivers changes to others reads on from the last number that it has dealt with. So a number that was seen
stays, and nothing may appear below it later.
"""

import asyncio
from collections.abc import Sequence

from fhir_server.outcome import Conflict
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery
from fhir_server.store.values import Committed, Event
from tests.store.conformance.commits import create, delete, update
from tests.store.places import Place
from tests.store.samples import commit_of

Change = tuple[str, str, int, str]


def changes(events: Sequence[Event]) -> list[Change]:
    """What the entries tell."""
    return [(event.type, event.id, event.version, event.method) for event in events]


async def drained(store: Store, after: int = 0, count: int = 3) -> list[Event]:
    """All entries after a number, read a few at a time as a subscriber does."""
    found: list[Event] = []
    while page := await store.events(found[-1].sequence if found else after, count):
        assert len(page) <= count
        found += page
    return found


async def history(store: Store) -> list[Change]:
    """Every version that there is, oldest first."""
    found = await store.unbound_session().history(HistoryQuery(count=10_000))
    return [(each.type, each.id, each.version, each.method) for each in reversed(found.versions)]


class OutboxRules:
    """See the module."""

    async def test_each_change_is_told_once_in_the_order_of_the_writes(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        assert await store.events(0, 10) == []
        await session.commit(commit_of(create("b"), create("p", type="Patient"), create("a")))
        await session.commit(commit_of(update("a", '"v":2'), delete("b")))
        await session.commit(commit_of(update("b", '"v":3')))
        told = [
            ("Observation", "b", 1, "create"),
            ("Patient", "p", 1, "create"),
            ("Observation", "a", 1, "create"),
            ("Observation", "a", 2, "update"),
            ("Observation", "b", 2, "delete"),
            ("Observation", "b", 3, "update"),
        ]
        events = await drained(store)
        assert changes(events) == told
        assert [event.sequence for event in events] == sorted({event.sequence for event in events})
        assert events[0].sequence > 0
        for number, event in enumerate(events):
            assert await store.events(event.sequence, 100) == events[number + 1 :]
        assert await store.events(0, 0) == []

    async def test_what_changes_nothing_is_not_told(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a", '"v":1')))
        told = await drained(store)
        await session.commit(commit_of(update("a", '"v":1'), delete("never")))
        await session.commit(commit_of())
        assert await drained(store) == told

    async def test_of_a_refused_commit_nothing_is_told(self, place: Place) -> None:
        session = (store := await place.open()).unbound_session()
        await session.commit(commit_of(create("taken")))
        commits = [
            commit_of(create(f"first{number}"), create("taken" if number % 3 == 0 else f"second{number}"))
            for number in range(12)
        ]
        answers = await asyncio.gather(*map(session.commit, commits), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Committed, Conflict}
        there = {f"{name}{number}" for number in range(12) if number % 3 for name in ("first", "second")}
        events = await drained(store)
        assert {event.id for event in events} == there | {"taken"}
        assert changes(events) == await history(store)

    async def test_numbers_stay_for_every_reader_and_after_opening_again(self, place: Place) -> None:
        stores = [await place.open(), await place.open()]
        for number in range(10):
            await (
                stores[number % 2]
                .unbound_session()
                .commit(commit_of(create(f"a{number}"), update("b", f'"v":{number}')))
            )
        told = await asyncio.gather(*(drained(stores[number % 2]) for number in range(6)))
        assert all(each == told[0] for each in told)
        assert len(told[0]) == 20
        await stores[1].unbound_session().commit(commit_of(create("late")))
        await place.close()
        again = await drained(await place.open())
        assert again[:-1] == told[0]
        assert again[-1].id == "late"

    async def test_who_reads_on_while_others_write_misses_nothing(self, place: Place) -> None:
        """Writers of two processes, and a reader in each: both are told the same, in the same order; what is told can
        be read already; nobody is told half of a commit; the versions of a resource come in their order."""
        stores = [await place.open(), await place.open()]
        done = asyncio.Event()

        async def write(writer: int) -> None:
            session = stores[writer % 2].unbound_session()
            for number in range(15):
                await session.commit(
                    commit_of(create(f"w{writer}-{number}"), update("shared", f'"v":"{writer}/{number}"'))
                )

        async def follow(store: Store, count: int) -> list[Event]:
            seen: list[Event] = []
            while True:
                last = done.is_set()
                news = await store.events(seen[-1].sequence if seen else 0, count)
                if len(news) < count:
                    ids = [event.id for event in (*seen, *news)]
                    assert 2 * ids.count("shared") == len(ids)
                for event in news:
                    assert await store.unbound_session().read_version(event.type, event.id, event.version) is not None
                seen += news
                if last and not news:
                    return seen
                await asyncio.sleep(0)

        readers = [asyncio.create_task(follow(store, count)) for store, count in zip(stores, (7, 1_000), strict=True)]
        await asyncio.gather(*(write(writer) for writer in range(6)))
        done.set()
        told = await asyncio.gather(*readers)
        assert told[0] == told[1]
        assert sorted(changes(told[0])) == sorted(await history(stores[0]))
        assert [event.version for event in told[0] if event.id == "shared"] == list(range(1, 91))
        assert await drained(stores[1]) == told[0]
