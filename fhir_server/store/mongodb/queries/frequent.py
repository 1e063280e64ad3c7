"""Sources of a search that have many rows. They are counted once in a while instead of for every search."""

from collections import OrderedDict
from collections.abc import Mapping
from time import monotonic
from typing import Any

KEPT_SECONDS = 60.0
MOST_KEPT = 10_000


class Frequent:
    """Which sources had at least so many rows a moment ago. Only the way that a search takes depends on it, never what
    it finds: where many have become few meanwhile, an index is walked that had better been left."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def has(self, index: str, condition: Mapping[str, Any], rows: int) -> bool:
        """Whether the source was seen to have at least so many rows."""
        found = self._seen.get(f"{index} {condition}")
        return found is not None and found[0] >= rows and monotonic() - found[1] < KEPT_SECONDS

    def note(self, index: str, condition: Mapping[str, Any], rows: int) -> None:
        """The source has been seen to have at least so many rows."""
        name = f"{index} {condition}"
        self._seen[name] = rows, monotonic()
        self._seen.move_to_end(name)
        if len(self._seen) > MOST_KEPT:
            self._seen.popitem(last=False)
