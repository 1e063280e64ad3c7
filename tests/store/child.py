"""A process of its own that uses a store, for tests of several processes and of sudden death.

`python -m tests.store.child MODE URL NAME NUMBER [HEADS]`; each line that it writes names something that the store has
acknowledged.
"""

import asyncio
import itertools
import sys
from dataclasses import replace
from pathlib import Path

from fhir_server.outcome import PreconditionFailed
from fhir_server.store.contract import Store
from fhir_server.store.entries import Entries
from fhir_server.store.open import StoreOptions, open_store
from fhir_server.store.values import AuditEntry, Write
from tests.store.samples import body, commit_of, observation


def say(line: str) -> None:
    """One line, out of the process at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def count_up(store: Store, name: str, times: int) -> None:
    """Add one to a shared counter so many times, by read, update with If-Match, and again where another was first."""
    session = store.unbound_session()
    for _ in range(times):
        while True:
            current = await session.read("Basic", "counter")
            version = 0 if current is None else current.version
            write = Write("update", "Basic", "counter", body("Basic", "counter", f'"by":"{name}","n":{version + 1}'))
            write = replace(write, if_match=version) if version else replace(write, if_absent=True)
            try:
                await session.commit(commit_of(write))
            except PreconditionFailed:
                continue
            break
    say("done")


async def write_forever(store: Store, name: str, clients: int) -> None:
    """Creates, updates, deletions and commits of three, by so many clients, until killed; each is told once it is
    acknowledged."""
    session = store.unbound_session()
    numbers = itertools.count()

    async def client(own: int) -> None:
        for step in itertools.count():
            number = next(numbers)
            id = f"{name}-{own}-{step // 4}"
            if step % 4 == 3:
                trio = [replace(observation(number, "p1"), id=f"{id}-{part}") for part in range(3)]
                committed = await session.commit(commit_of(*(_renamed(write) for write in trio)))
            elif step % 4 == 2 and step % 8 == 6:
                committed = await session.commit(commit_of(Write("delete", "Observation", id)))
            else:
                write = replace(observation(number, "p1"), id=id, method="update")
                committed = await session.commit(commit_of(_renamed(write)))
            await session.record(AuditEntry(b"{}", number, ("p1",)))
            say(" ".join(f"{written.id}/{written.version}" for written in committed.written))

    await asyncio.gather(*(client(own) for own in range(clients)))


def _renamed(write: Write) -> Write:
    number = int.from_bytes(write.id.encode(), "big") % 100_000
    return replace(write, body=body(write.type, write.id, f'"n":{number},"for":"{write.entries.identifiers[0][2]}"'))


async def write_rows(store: Store, name: str, times: int) -> None:
    """So many commits of two resources each, with the number of the commit in both."""
    session = store.unbound_session()
    for number in range(times):
        entries = Entries(tokens=(("code", "", "x"),), identifiers=(("identifier", name, str(number)),))
        pair = [Write("create", "Flag", f"{name}-{number}-{side}", body("Flag", "x"), entries) for side in "ab"]
        await session.commit(commit_of(*pair))
    say("done")


MODES = {"count": count_up, "forever": write_forever, "rows": write_rows}


async def main(mode: str, url: str, name: str, number: str, heads: str = "") -> None:
    store = await open_store(url, StoreOptions(heads=Path(heads) if heads else None))
    say("open")
    try:
        await MODES[mode](store, name, int(number))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
