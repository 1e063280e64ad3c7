"""What the conformance suite needs of an implementation: a place where a store can be opened, again and again."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from fhir_server.store.contract import Store
from fhir_server.store.open import open_store
from fhir_server.store.options import DEFAULT_OPTIONS, StoreOptions
from tests.store.scripts import START_MS


@dataclass(slots=True)
class Clock:
    """A clock that only moves when it is told to."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def pass_ms(self, milliseconds: int) -> None:
        self.now_ms += milliseconds


class Place(Protocol):
    """One store, open or not."""

    clock: Clock

    async def open(self) -> Store:
        """Open the store, as one more process would."""

    async def close(self) -> None:
        """Close all that were opened."""


@dataclass(slots=True)
class UrlPlace:
    """A store that has a URL."""

    url: str
    options: StoreOptions = DEFAULT_OPTIONS
    clock: Clock = field(default_factory=Clock)
    opened: list[Store] = field(default_factory=list)

    async def open(self) -> Store:
        store = await open_store(self.url, replace(self.options, clock=self.clock))
        self.opened.append(store)
        return store

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()
