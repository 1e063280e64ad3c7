"""What the store says of itself, in the one document of `meta`: its epoch, its index, the rules of its entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.outcome import Unavailable
from fhir_server.store.mongodb.collections import INDEX_FORMAT, META
from fhir_server.store.mongodb.connection import MAJORITY, Database
from fhir_server.store.options import StoreOptions

STORE = "store"
OUTBOX_COUNTER = "outbox"
"""`_id`s in `meta`. The counter of the outbox stands apart, so that numbering waits for nobody."""

MIGRATION, MIGRATED = "migration", "migrated"
"""In the document of the store: the marker of a migration into it that is not complete, and of one that was."""

BEGINNING = Timestamp(0, 0)


@dataclass(slots=True)
class Meta:
    """What stands in the document. `horizon`: decisions that rest on claims must be of a later cluster time."""

    epoch: str
    index: str
    rules: int
    horizon: Timestamp


def index_version(options: StoreOptions) -> str:
    """The version of the index that this program reads and writes."""
    return f"{INDEX_FORMAT}.{options.entries_version}"


def meta_of(document: Mapping[str, Any] | None) -> Meta:
    """The document read. Raises `Unavailable` where it is gone."""
    if document is None:
        raise Unavailable("the store is no longer in its database")
    return Meta(document["epoch"], document["index"], int(document["rules"]), document["horizon"])


async def read_meta(database: Database, session: AsyncClientSession | None = None) -> Meta:
    """The document as it stands now, or in the session's transaction."""
    collection = database[META] if session is not None else database.get_collection(META, read_concern=MAJORITY)
    return meta_of(await collection.find_one({"_id": STORE}, session=session))


@dataclass(slots=True)
class KnownIndex:
    """The version of the index that is wanted, and the one that was in the store when it was last looked at."""

    wanted: str
    stored: str

    def note(self, stored: str) -> str:
        """Remember what was read."""
        self.stored = stored
        return stored
