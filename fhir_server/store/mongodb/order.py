"""The clock of a process: times that never go back, and orders that no two versions share.

Within a millisecond each slot has numbers of its own, so that processes whose clocks agree do not meet.
"""

from collections.abc import Callable

from fhir_server.store.mongodb.collections import ORDER_BITS

REGION_BITS = 14
"""So many bits of numbers belong to one slot before it moves on to the next millisecond."""
_REGIONS = 1 << (ORDER_BITS - REGION_BITS)


class Orders:
    """Gives out times and orders; `met` moves it on past orders of other processes."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._time_ms = 0
        self._last = -1
        self._region = 0

    def use_slot(self, number: int) -> None:
        """From now on with the numbers of this slot."""
        self._region = (number % _REGIONS) << REGION_BITS
        self._time_ms += self._last >= 0

    def met(self, order: int) -> None:
        """What comes after is later than this."""
        self._time_ms = max(self._time_ms, (order >> ORDER_BITS) + 1)

    def now(self) -> int:
        """The earliest time of the next commit, in milliseconds."""
        begin = self._time_ms << ORDER_BITS | self._region
        full = self._last >= begin + (1 << REGION_BITS) - 1
        return max(self._clock(), self._time_ms + full)

    def take(self, time_ms: int, count: int) -> int:
        """The first of so many consecutive orders at this time, which `now` gave or which is later."""
        first = max(time_ms << ORDER_BITS | self._region, self._last + 1)
        self._last = first + count - 1
        self._time_ms = max(self._time_ms, time_ms)
        return first
