"""References at the time of a commit: targets that must exist, and referrers that forbid a deletion."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.deciding import (
    MOST_LOOKED_AT,
    NAMED_REFERRERS,
    check_found_in,
    does_not_exist,
    still_referred_to,
)
from fhir_server.store.mongodb.collections import DELETE, RESOURCE
from fhir_server.store.mongodb.commits.view import Document, Found, View, may_see
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.forms import TARGET, key
from fhir_server.store.values import Required, Write

BATCH = 50


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A resource that this commit writes: the keys that it has afterwards, None where it is then gone."""

    type: str
    id: str
    keys: frozenset[str] | None


Written = Mapping[Found, Rewritten]


def require(view: View, access: AccessFilter, required: Required, written: Written) -> None:
    """Raise `Unprocessable` unless the target exists and may be seen once the commit is done; `Contended` where it is
    not the version any more that it was found in."""
    own = written.get((required.type, required.id))
    if own is not None:
        exists = own.keys is not None
    else:
        current = view.current(required.type, required.id)
        usable = current if current is not None and not current.deleted and current.may_be_seen(access) else None
        exists = usable is not None
        check_found_in(required, 0 if usable is None else usable.version)
    if not exists:
        raise does_not_exist(required)


@dataclass(frozen=True, slots=True)
class Referrers:
    """Asks who refers to a resource: in the transaction, and among what the commits before in the group left.

    `rewritten`: the newest versions that the group has made so far, by `_id`.
    """

    database: Database
    session: AsyncClientSession
    rewritten: Mapping[str, Document]

    async def refuse(self, access: AccessFilter, write: Write, position: int, written: Written) -> None:
        """Raise `Conflict` where a resource that is left after the commit refers to what the write deletes.

        The first referrers that the session may see are named; others forbid the deletion without being named.
        """
        target = key(TARGET, write.type, write.id)
        names = [f"{own.type}/{own.id}" for own in written.values() if own.keys is not None and target in own.keys]
        hidden = looked_at = 0
        async for document in self._referrers(target, with_entries=access is not EVERYTHING):
            if (document["t"], document["i"]) in written:
                continue
            looked_at += 1
            if may_see(access, document):
                names.append(f"{document['t']}/{document['i']}")
            else:
                hidden += 1
            if len(names) >= NAMED_REFERRERS or looked_at >= MOST_LOOKED_AT:
                break
        if names or hidden:
            raise still_referred_to(write, names, position)

    async def _referrers(self, target: str, *, with_entries: bool) -> AsyncIterator[Document]:
        """Current resources with this key, those of a type in the order of their orders, which an index has."""
        shown = {"t": 1, "i": 1, "u": 1, **({"e": 1} if with_entries else {})}
        cursor = self.database[RESOURCE].find(
            {"e.k": target, "m": {"$ne": DELETE}},
            shown,
            sort=[("t", -1), ("o", 1)],
            hint="key",
            batch_size=BATCH,
            session=self.session,
        )
        async with cursor:
            async for document in cursor:
                if document["_id"] not in self.rewritten:
                    yield document
        for document in self.rewritten.values():
            if document["m"] != DELETE and target in document["e"].get("k", ()):
                yield document
