"""What the SQLite store costs on this machine: `python -m tests.store.cost [RESOURCES]`. Figures, not assertions."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

import apsw
import uvloop

from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.contract import Session, Store
from fhir_server.store.criteria import (
    AnyOf,
    Chained,
    DateIs,
    IdIs,
    InCompartment,
    InGroup,
    IsPresent,
    Not,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    StringIs,
    SystemQuery,
    TermIs,
    TokenIs,
)
from fhir_server.store.entries import CANONICAL
from fhir_server.store.open import open_store
from fhir_server.store.values import AuditEntry
from tests.store.samples import DAY, SNOMED, commit_of, observation, patient, rich_observation

CLIENTS = 32
ENTRY = AuditEntry(b'{"interaction":"read","outcome":"0","agent":"abc"}' * 4, 1_700_000_000_000, ("p17",))


async def main(resources: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = await open_store(f"sqlite:///{folder}/store.db")
        try:
            session = store.session(EVERYTHING)
            await write_figures(session, resources)
            await read_figures(store, resources)
            await search_figures(session, resources)
            await record_figures(session)
            await linked_figures(session, resources)
            room_figures(Path(folder) / "store.db")
        finally:
            await store.close()


async def write_figures(session: Session, resources: int) -> None:
    """Single creates by 32 clients, then commits of 100 until there are enough."""
    singles = min(8_000, resources // 2)
    plain = iter([commit_of(observation(n, f"p{n % 500}")) for n in range(singles)])

    async def one(_: int) -> None:
        await session.commit(next(plain))

    await rate("single creates, 32 clients", one, singles)
    starts = range(singles, resources, 100)
    large = iter([commit_of(*(observation(n, f"p{n % 500}") for n in range(s, s + 100))) for s in starts])

    async def hundred(_: int) -> None:
        await session.commit(next(large))

    seconds = await elapsed(hundred, len(starts), clients=2)
    say(f"{'commits of 100 creates, 2 clients':44} {len(starts) * 100 / seconds:10,.0f} resources/s")


async def read_figures(store: Store, resources: int) -> None:
    """Point reads, by a session that sees everything and by one that is bound to a patient."""
    ids = [observation(number, "").id for number in range(0, resources, max(resources // 1000, 1))]
    bound = AccessFilter((Rule(None, (InCompartment("Patient", "p0"),)),))
    for name, access in (("everything", EVERYTHING), ("one patient", bound)):
        session = store.session(access)
        for _ in range(3):
            start = time.perf_counter()
            for id in ids * 10:
                await session.read("Observation", id)
            seconds = time.perf_counter() - start
        say(f"{f'point read, {name}':44} {seconds / len(ids) / 10 * 1e6:10.2f} µs")


async def search_figures(session: Session, resources: int) -> None:
    """The shapes of search that a record needs."""
    code, rare = TokenIs("code", SNOMED, "0000007"), ReferenceTo("subject", "Patient", "p7")
    category, status = TokenIs("category", None, "vital-signs"), TokenIs("status", None, "final")
    newest = (SortKey("date", descending=True, type="date"),)
    month = DateIs("date", "ge", 300 * DAY, 301 * DAY), DateIs("date", "lt", 330 * DAY, 331 * DAY)
    queries = {
        "patient, code, newest by date": Query("Observation", (rare, code), newest, 10),
        "patient": Query("Observation", (rare,), (), 50),
        "code (2 %)": Query("Observation", (code,), (), 50),
        "code (2 %), newest by date": Query("Observation", (code,), newest, 50),
        "code (2 %), one month, status": Query("Observation", (code, status, *month), newest, 50),
        "category, status (all), newest by date": Query("Observation", (category, status), newest, 50),
        "category, status (all)": Query("Observation", (category, status), (), 50),
        "all, newest first": Query("Observation", (), (), 50),
    }
    for name, query in queries.items():
        times = [await elapsed(lambda _, q=query: session.search(q), 1, 1) for _ in range(40)]  # type: ignore[misc]
        say(f"{f'search: {name}':44} {spread(times)}")
    for name in ("code (2 %)", "category, status (all)", "patient"):
        times = [await elapsed(lambda _, q=queries[name]: session.count(q), 1, 1) for _ in range(10)]  # type: ignore[misc]
        say(f"{f'count: {name}':44} {spread(times)}")


async def linked_figures(session: Session, resources: int) -> None:
    """Observations with every kind of entry, their patients, and the searches that lead from one to the other."""
    patients = max(resources // 40, 100)
    people = [commit_of(*map(patient, range(start, min(start + 100, patients)))) for start in range(0, patients, 100)]
    starts = range(10_000_000, 10_000_000 + resources, 100)
    large = [commit_of(*(rich_observation(n, f"p{n % patients}") for n in range(s, s + 100))) for s in starts]
    commits = iter(people + large)

    async def hundred(_: int) -> None:
        await session.commit(next(commits))

    seconds = await elapsed(hundred, len(people) + len(large), clients=2)
    say(f"{'the same with every kind of entry':44} {(patients + resources) / seconds:10,.0f} resources/s")
    page = IdIs(tuple(rich_observation(number, "").id for number in range(10_000_000, 10_001_000)))
    code, newest = TokenIs("code", SNOMED, "0000007"), (SortKey("date", descending=True, type="date"),)
    heavy = QuantityIs("value-quantity", "gt", "k95000", "k95000", CANONICAL, "g")
    family, female = StringIs("family", "family7", "equals"), TokenIs("gender", None, "female")
    queries = {
        "chain, by family name": Query("Observation", (Chained("subject", "Patient", (family,)),), newest),
        "chain, by gender (half), and code": Query(
            "Observation", (Chained("subject", "Patient", (female,)), code), newest
        ),
        "_has, by code (2 %)": Query("Patient", (ReverseChained("Observation", "subject", (code,)),)),
        "_include of a page of 1,000": Query("Patient", (ReverseChained("Observation", None, (page,)),), count=1_000),
        "_revinclude of 100": Query("Observation", (_to_some(100),), count=1_000),
        "quantity in base units, and code": Query("Observation", (heavy, code)),
        "composite": Query("Observation", (InGroup("code-value-quantity", (_first(code), _second(heavy))),), newest),
        "text, a part of it": Query("Observation", (TermIs("code:text", "measurement 7", "contains"),), newest),
        "missing": Query("Observation", (Not(IsPresent("subject")),), newest),
        "sort by value": Query("Observation", (), (SortKey("value-quantity", descending=True, type="quantity"),)),
        "two types, newest first": SystemQuery((Query("Observation"), Query("Patient"))),
    }
    for name, query in queries.items():
        times = [await elapsed(lambda _, q=query: session.search(q), 1, 1) for _ in range(20)]  # type: ignore[misc]
        say(f"{f'search: {name}':44} {spread(times)}")
    everything = Query("Observation")
    times = [await elapsed(lambda _: session.estimate(everything), 1, 1) for _ in range(20)]
    say(f"{'estimate of all':44} {spread(times)}")


def _to_some(patients: int) -> AnyOf:
    return AnyOf(tuple(ReferenceTo("subject", "Patient", f"p{number}") for number in range(patients)))


def _first(code: TokenIs) -> TokenIs:
    return replace(code, param="1")


def _second(value: QuantityIs) -> QuantityIs:
    return replace(value, param="2")


def room_figures(database: Path) -> None:
    """How much room each part takes for each version, as `dbstat` has it."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    versions = connection.execute("SELECT count(*) FROM version").get
    sizes = dict(connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    bodies, audit = sizes.pop("body"), sum(size for name, size in sizes.items() if name.startswith("audit"))
    say(f"{'bytes per version: body':44} {bodies / versions:10,.0f}")
    say(f"{'bytes per version: index, all of it':44} {(sum(sizes.values()) - audit) / versions:10,.0f}")
    for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:8]:
        say(f"{f'bytes per version: {name}':44} {size / versions:10,.0f}")
    connection.close()


async def record_figures(session: Session) -> None:
    """Audit entries of reads, by 32 that wait and by one."""

    async def record(_: int) -> None:
        await session.record(ENTRY)

    await rate("audited record(), 32 waiting", record, 40_000)
    await rate("audited record(), 1 waiting", record, 2_000, clients=1)


async def rate(name: str, action: Callable[[int], Awaitable[object]], times: int, clients: int = CLIENTS) -> None:
    seconds = await elapsed(action, times, clients)
    say(f"{name:44} {times / seconds:10,.0f} /s")


async def elapsed(action: Callable[[int], Awaitable[object]], times: int, clients: int) -> float:
    """How long it takes that many clients to do it so many times in all."""

    async def client(share: int) -> None:
        for number in range(share):
            await action(number)

    start = time.perf_counter()
    await asyncio.gather(*(client(len(range(part, times, clients))) for part in range(clients)))
    return time.perf_counter() - start


def spread(times: list[float]) -> str:
    ordered = quantiles(times, n=100)
    return f"{ordered[49] * 1000:10.2f} ms (p99 {ordered[98] * 1000:.2f})"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000))
