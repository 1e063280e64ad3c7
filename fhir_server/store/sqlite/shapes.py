"""What questions of one shape have cost, to know which may be answered on the event loop.

A hop into a thread costs a quarter of a millisecond where both want the interpreter, more than most searches take. A
question that turns out dear is given up there after a few milliseconds, and asked again in a thread.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence

from fhir_server.store.criteria import AllOf, AnyOf, Criterion, HistoryQuery, Not, Query, SystemQuery

CHEAP_SECONDS = 0.003
"""On the average. At half of that, the slowest `_include`s took half as long again: the event loop waits for a thread
that wants the interpreter, too."""
DEAR_SECONDS = 0.006
"""What one took that counts at once"""
_MOST_SHAPES = 2_000
_WEIGHT = 0.2
_MOST_PARTS = 16

Shape = Hashable


class Shapes:
    """Processor seconds by shape: a moving average, which a dear one raises at once."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[Shape, float] = OrderedDict()

    def is_cheap(self, shape: Shape) -> bool:
        """Whether such questions have been answered so fast that nobody has to wait for one. Unknown ones are not."""
        return self._seconds.get(shape, CHEAP_SECONDS) < CHEAP_SECONDS

    def took(self, shape: Shape, seconds: float) -> None:
        """Note what one has cost."""
        before = self._seconds.get(shape)
        known = seconds if before is None or seconds > DEAR_SECONDS else before + _WEIGHT * (seconds - before)
        self._seconds[shape] = known
        self._seconds.move_to_end(shape)
        if len(self._seconds) > _MOST_SHAPES:
            self._seconds.popitem(last=False)


def shape_of(query: Query | SystemQuery | HistoryQuery, *, counted: bool = False) -> Shape | None:
    """What questions of about the same cost have in common: all but the values. None: it may cost anything."""
    match query:
        case Query():
            parts = _parts(query.criteria)
            return None if parts is None else (counted, query.type, parts, *_page(query))
        case SystemQuery():
            types = [(part.type, _parts(part.criteria)) for part in query.parts[:_MOST_PARTS]]
            if len(query.parts) > _MOST_PARTS or any(parts is None for _, parts in types):
                return None
            return (counted, tuple(types), *_page(query))
        case HistoryQuery():
            narrow = (query.type is None, query.id is None, query.since_ms is None, query.at is None)
            return "history", counted, *narrow, query.count.bit_length(), query.after is None


def _page(query: Query | SystemQuery) -> tuple[Hashable, ...]:
    order = tuple((key.param, key.descending) for key in query.sort)
    return order, query.count.bit_length(), query.after is None, query.before is None


def _parts(criteria: Sequence[Criterion]) -> tuple[Hashable, ...] | None:
    if len(criteria) > _MOST_PARTS:
        return None
    found: list[Hashable] = []
    for criterion in criteria:
        match criterion:
            case AllOf(criteria=parts) | AnyOf(criteria=parts):
                inner = _parts(parts)
                if inner is None:
                    return None
                found.append((type(criterion), inner))
            case Not(criterion=part):
                found.append((Not, _parts((part,))))
            case _:
                found.append((type(criterion), getattr(criterion, "param", None)))
    return tuple(found)
