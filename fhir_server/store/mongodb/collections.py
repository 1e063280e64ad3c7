"""The collections, their indexes, and the versions of both. docs/store.md explains them by example."""

from typing import NamedTuple

from fhir_server.store.values import Method

SCHEMA_VERSION = 1
INDEX_FORMAT = 4
"""The format of `e` and `z` in documents; a change needs the index rebuilt."""

METHODS: tuple[Method, ...] = ("create", "update", "delete")
DELETE = 2

ORDER_BITS = 20
"""An order `o` is milliseconds and, in so many bits, a number within the millisecond."""


class Index(NamedTuple):
    """An index that must be there: its keys, each with its direction. None but that of `_id` admits one document only,
    since on a sharded cluster such an index would have to begin with the shard key."""

    name: str
    keys: tuple[tuple[str, int], ...]
    partial: dict[str, object] | None = None
    sparse: bool = False
    """Documents that have none of these have no key in it"""


RESOURCE, VERSION, DIRECTORY = "resource", "version", "directory"
CLAIM, HOLD, LOCK = "claim", "hold", "lock"
AUDIT, OUTBOX = "audit", "outbox"
META, SLOT, LEASE, SECRET, INDEX_JOB = "meta", "slot", "lease", "secret", "index_job"

SORTED = {"z.ddate.a": "earliest", "z.ddate.b": "latest", "z.sname.a": "name", "z.sfamily.a": "family"}
"""Values that many rows are sorted by, each with the index that has its order"""


def _by_value(name: str, field: str) -> Index:
    way = -1 if field.endswith(".b") else 1
    return Index(name, (("t", 1), (field, way), ("o", way), ("_id", way)), partial={field: {"$exists": True}})


INDEXES: dict[str, tuple[Index, ...]] = {
    RESOURCE: (
        Index("key", (("e.k", 1), ("t", 1), ("o", -1))),
        Index("type", (("t", 1), ("o", -1))),
        Index("order", (("o", -1),)),
        Index("date", (("e.d.f", 1), ("e.d.l", 1), ("e.d.h", 1)), sparse=True),
        Index("date_end", (("e.d.f", 1), ("e.d.h", 1)), sparse=True),
        Index("number", (("e.n.f", 1), ("e.n.l", 1)), sparse=True),
        Index("quantity", (("e.q.u", 1), ("e.q.l", 1)), sparse=True),
        *(_by_value(name, field) for field, name in SORTED.items()),
        Index("rules", (("t", 1), ("r", 1))),
        Index("index", (("x", 1),)),
        Index("deleted", (("t", 1), ("o", -1)), partial={"m": DELETE}),
    ),
    VERSION: (
        Index("instance", (("t", 1), ("i", 1), ("v", -1))),
        Index("type", (("t", 1), ("o", -1))),
        Index("order", (("o", -1),)),
        Index("index", (("x", 1),)),
    ),
    HOLD: (Index("holder", (("t", 1), ("i", 1))),),
    CLAIM: (Index("time", (("u", 1),)),),
    AUDIT: (
        Index("chain", (("c", 1), ("n", 1))),
        Index("time", (("u", -1), ("c", 1), ("n", -1))),
        Index("patient", (("p", 1), ("u", -1), ("c", 1), ("n", -1))),
    ),
    OUTBOX: (Index("sequence", (("s", 1),)), Index("unnumbered", (("o", 1),), partial={"s": {"$type": 10}})),
}
"""Beside `_id` of each."""

COLLECTIONS = (
    RESOURCE, VERSION, DIRECTORY, CLAIM, HOLD, LOCK, AUDIT, OUTBOX, META, SLOT, LEASE, SECRET, INDEX_JOB,
)  # fmt: skip
"""All of them; they are made at start, since a transaction makes none."""
