"""A server that asks who is there: the rights that the documentation names are enough, and less is refused."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from fhir_server.store.criteria import AuditQuery, HistoryQuery, Query, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb.indexes import progress
from fhir_server.store.mongodb.own_mongod import OWN_SET
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.open import StoreRefused
from fhir_server.store.options import StoreOptions
from tests.mongod import Mongod, binary, initiate
from tests.store.conformance.commits import create, update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

# Who is refused leaves sockets to the garbage collector, as the driver has it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

ROOT, PASSWORD = "of-the-root-of-this-test", "of-a-user-of-this-test"
READ_WRITE = {"role": "readWrite", "db": "record"}
MONITOR = {"role": "clusterMonitor", "db": "admin"}
USERS = {"fhir": [READ_WRITE, MONITOR], "plain": [READ_WRITE], "reader": [{"role": "read", "db": "record"}, MONITOR]}


class SignedIn(Mongod):
    """A mongod that asks for a name and a password."""

    def _command(self) -> list[str]:
        key = self.folder / "key"
        if not key.exists():
            key.write_text(secrets.token_hex(64), encoding="ascii")
            key.chmod(0o400)
        return [*super()._command(), "--keyFile", str(key)]


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A server with the users."""
    folder = tmp_path_factory.mktemp("signed-in")
    member = SignedIn(binary(), folder)
    try:
        initiate([member])
        with member.client() as client:  # from this machine the first user may be made by nobody
            client.admin.command("createUser", "root", pwd=ROOT, roles=["root"])
        root = f"mongodb://root:{ROOT}@{member.address}/?authSource=admin&directConnection=true"
        signed: MongoClient[dict[str, Any]] = MongoClient(root)
        with signed:
            for name, roles in USERS.items():
                signed.admin.command("createUser", name, pwd=PASSWORD, roles=roles)
        yield member
    finally:
        member.kill()


def url_for(member: Mongod, user: str, password: str = PASSWORD) -> str:
    return f"mongodb://{user}:{password}@{member.address}/record?replicaSet={OWN_SET}&authSource=admin"


@pytest.fixture
async def place(member: Mongod, tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """The store of the user who may do what the page says."""
    place = UrlPlace(url_for(member, "fhir"), StoreOptions(heads=tmp_path / "heads"))
    yield place
    await place.close()
    root = f"mongodb://root:{ROOT}@{member.address}/?authSource=admin&directConnection=true"
    signed: MongoClient[dict[str, Any]] = MongoClient(root)
    with signed:
        signed.drop_database("record")


async def test_the_documented_rights_are_enough(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    assert isinstance(store, MongoStore)
    session = store.unbound_session()
    entries = Entries(tokens=(("code", "s", "x"),))
    await session.commit(commit_of(create("a", entries=entries)))
    await session.commit(commit_of(update("a", '"v":2', entries=entries)))
    found = await session.search(Query("Observation", (TokenIs("code", "s", "x"),)))
    assert [(version.id, version.version) for version in found.versions] == [("a", 2)]
    assert len((await session.history(HistoryQuery())).versions) == 2
    assert len((await session.search_audit(AuditQuery(count=10))).entries) == 2
    await store.clean(0)
    assert [report.fault for report in await store.verify_audit() if report.fault] == []
    await store.backup(tmp_path / "backup")
    assert await progress(store.database, "resource") is None
    assert await store.acquire_lease("job", "me", 5.0)


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("fhir", "wrong-password", "the database refuses this user: check the name, the password and authSource"),
        ("nobody", PASSWORD, "the database refuses this user: check the name, the password and authSource"),
        ("reader", PASSWORD, "may not do what the store needs: give it `readWrite` on record, and `clusterMonitor`"),
    ],
)
async def test_who_may_not_write_is_refused(
    member: Mongod, tmp_path: Path, user: str, password: str, said: str
) -> None:
    place = UrlPlace(url_for(member, user, password), StoreOptions(heads=tmp_path / "heads"))
    with pytest.raises(StoreRefused) as refused:
        await place.open()
    assert said in str(refused.value)
    assert password not in str(refused.value)


async def test_who_may_not_look_at_the_server_can_serve(member: Mongod, place: UrlPlace) -> None:
    """Then it is not known how long history is kept: MongoDB's default is taken."""
    place.url = url_for(member, "plain")
    store = await place.open()
    await store.unbound_session().commit(commit_of(create("a")))
    assert await store.unbound_session().read("Observation", "a") is not None
