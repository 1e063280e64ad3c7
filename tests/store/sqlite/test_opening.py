"""Opening: made privately if new, upgraded if old, refused untouched if newer or damaged."""

import asyncio
import hashlib
import stat
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from fhir_server.outcome import NotFound, Unavailable
from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery, InCompartment, Query, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.open import StoreDamaged, StoreRefused, StoreTooNew, open_store
from fhir_server.store.sqlite import connection, schema
from fhir_server.store.sqlite.connection import open_connection
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.values import Version
from tests.store.conformance.commits import IN_P1, create, delete, update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


def fingerprints(folder: Path) -> dict[str, str]:
    """Every file's content, less the shared memory, which is no content."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", ".lock"))]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.stat().st_size}


async def test_folders_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/new/deep/store.db")
    await store.unbound_session().commit(commit_of(create("a")))
    for path in (tmp_path / "new").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    await store.close()


async def test_a_relative_path_and_one_with_odd_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///here.db", "sqlite:///a b%20?c#/x.db"):
        store = await open_store(url)
        await store.close()
    assert (tmp_path / "here.db").is_file()
    assert (tmp_path / "a b%20?c#" / "x.db").is_file()


async def test_a_newer_store_is_refused_untouched(place: UrlPlace, tmp_path: Path) -> None:
    await (await place.open()).unbound_session().commit(commit_of(create("a")))
    await place.close()
    database = open_connection(tmp_path / "store.db")
    schema.put(database, "schema", schema.SCHEMA_VERSION + 1)
    database.close()
    before = fingerprints(tmp_path)
    with pytest.raises(StoreTooNew, match="schema version 3, this program knows versions up to 2"):
        await place.open()
    assert fingerprints(tmp_path) == before


async def test_an_old_engine_is_refused(place: UrlPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST_ENGINE", (99, 0, 0))
    with pytest.raises(StoreRefused, match="99.0.0 or later is needed"):
        await place.open()
    monkeypatch.undo()
    monkeypatch.setattr(apsw, "compile_options", ("THREADSAFE=0",))
    with pytest.raises(StoreRefused, match="without thread safety"):
        await place.open()
    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_store_is_refused(place: UrlPlace, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database at all, just text" * 100)
    with pytest.raises(StoreDamaged, match="cannot be read"):
        await place.open()
    (tmp_path / "store.db").unlink()
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("CREATE TABLE customers(name)")
    other.close()
    with pytest.raises(StoreDamaged, match="is not a store of this program"):
        await place.open()


async def test_a_damaged_log_is_refused_and_kept(place: UrlPlace, tmp_path: Path) -> None:
    """SQLite drops what follows a damaged frame of its log without a word; the mirrored heads tell."""
    store = await place.open()
    for number in range(40):
        await store.unbound_session().commit(commit_of(create(f"a{number}")))
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tmp_path.glob("store.db*"):
        if path.is_file() and not path.name.endswith((".lock", "-shm")):
            (copy / path.name).write_bytes(path.read_bytes())
    (copy / "store.db.heads").mkdir()
    for path in (tmp_path / "store.db.heads").iterdir():
        (copy / "store.db.heads" / path.name).write_bytes(path.read_bytes())
    log = copy / "store.db-wal"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)
    with pytest.raises(StoreDamaged, match="the audit chain store ends at entry"):
        await open_store(f"sqlite:///{copy}/store.db")
    assert log.read_bytes() == content


async def test_stores_opened_at_once_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    stores = await asyncio.gather(*(asyncio.to_thread(SqliteStore, tmp_path / "store.db", _OPTIONS) for _ in range(4)))
    names = {store.worker.name for store in stores}
    assert names == {"w0", "w1", "w2", "w3"}
    keys = {store.secret("x", 16) for store in stores}
    assert len(keys) == 1
    for store in stores:
        await store.close()
    again = await open_store(url)
    assert isinstance(again, SqliteStore)
    assert again.worker.name == "w0"
    assert [report.fault for report in await again.verify_audit()] == [None] * 5
    await again.close()


async def test_an_upgrade_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    database = open_connection(tmp_path / "store.db")
    schema.create(database, 0, "epoch", "1.1")
    schema.put(database, "schema", 1)
    database.execute("CREATE TABLE numbers(n)")
    database.executemany("INSERT INTO numbers VALUES(?)", [(n,) for n in range(10)])
    done: list[int] = []

    def double(connection: apsw.Connection) -> bool:
        at = schema.get(connection, "doubled") or 0
        connection.execute("UPDATE numbers SET n=n*2 WHERE rowid>? AND rowid<=?", (at, at + 3))
        schema.put(connection, "doubled", at + 3)
        if len(done) == 2:
            done.append(-1)
            raise KeyboardInterrupt
        done.append(at)
        return bool(at + 3 >= 10)

    def rename(connection: apsw.Connection) -> bool:
        connection.execute("ALTER TABLE numbers RENAME TO doubled")
        return True

    steps: dict[int, schema.Step] = {1: double, 2: rename}
    with pytest.raises(KeyboardInterrupt):
        schema.upgrade(database, schema.check_version(database, "x", 3), steps)
    assert schema.check_version(database, "x", 3) == 1
    schema.upgrade(database, schema.check_version(database, "x", 3), steps)
    assert [n for (n,) in database.execute("SELECT n FROM doubled")] == [n * 2 for n in range(10)]
    assert schema.check_version(database, "x", 3) == 3
    assert done == [0, 3, -1, 6, 9]
    database.close()


OLD = Entries(tokens=(("code", "", "old"),), compartments=(("Patient", "p1"),))
NEW = Entries(tokens=(("code", "", "new"),), dates=(("date", 1, 2),), compartments=(("Patient", "p1"),))
P1 = AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)),))


VERSION_1 = """
DROP TABLE posting; DROP TABLE date; DROP TABLE string; DROP TABLE number; DROP TABLE position; DROP TABLE vocabulary;
DROP TABLE index_job;
CREATE VIRTUAL TABLE posting USING fts5(hashes, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE TABLE date(field TEXT, low INTEGER, vid INTEGER, high INTEGER, PRIMARY KEY(field, low, vid, high)) WITHOUT ROWID;
CREATE TABLE string(field TEXT, text TEXT, vid INTEGER, PRIMARY KEY(field, text, vid)) WITHOUT ROWID;
CREATE TABLE number(field TEXT, low REAL, high REAL, vid INTEGER, PRIMARY KEY(field, low, high, vid)) WITHOUT ROWID;
CREATE TABLE quantity(field TEXT, unit TEXT, vid INTEGER, PRIMARY KEY(field, unit, vid)) WITHOUT ROWID;
INSERT INTO date VALUES('Observation.date', 0, 1, 10);
"""
"""Makes the tables of version 1, which had an index in another format."""


async def test_a_store_of_version_1_gets_the_new_tables_and_its_index_is_rebuilt(
    place: UrlPlace, tmp_path: Path
) -> None:
    await (await place.open()).unbound_session().commit(commit_of(create("a3", entries=OLD), create("b", entries=NEW)))
    await place.close()
    database = open_connection(tmp_path / "store.db")
    connection.run_script(database, VERSION_1)
    schema.put(database, "schema", 1)
    schema.put(database, "index", "1.1")
    database.close()
    store = await place.open()
    assert isinstance(store, SqliteStore)
    assert store.needs_reindex()
    await refused_all(store)
    assert await store.reindex(new_entries) == 2
    found = await store.unbound_session().search(Query("Observation", (TokenIs(*NEW.tokens[0]),)))
    assert [version.id for version in found.versions] == ["b", "a3"]
    assert await store.verify_index(new_entries) == []


async def new_entries(version: Version) -> Entries:
    return NEW


async def test_an_index_by_other_rules_is_rebuilt_before_it_is_used(place: UrlPlace) -> None:
    old = await place.open()
    session = old.unbound_session()
    await session.commit(commit_of(*(create(f"a{n}", entries=OLD) for n in range(7)), create("gone", entries=OLD)))
    await session.commit(commit_of(update("a0", '"v":2', entries=OLD), delete("gone")))
    snapshot = await session.snapshot()
    place.options = replace(place.options, entries_version="2")
    store = await place.open()
    assert isinstance(store, SqliteStore)
    assert store.needs_reindex()
    await refused_all(store)
    with pytest.raises(Unavailable):
        await store.unbound_session().commit(commit_of(create("b", entries=NEW)))
    assert len((await store.unbound_session().history(HistoryQuery())).versions) == 10

    asked: list[str] = []

    async def interrupted(version: Version) -> Entries:
        asked.append(version.id)
        if len(asked) == 5:
            raise RuntimeError("killed")
        return NEW

    with pytest.raises(RuntimeError):
        await store.reindex(interrupted, batch=2)
    await refused_all(store)
    meanwhile = commit_of(create("b", entries=NEW), delete("a1"), update("a2", '"v":2', entries=NEW))
    await store.unbound_session().commit(meanwhile)
    assert await store.reindex(new_entries, batch=2) == 6
    assert await store.reindex(new_entries) == 0
    assert not store.needs_reindex()
    assert list(await store.verify_index(new_entries)) == []
    assert await store.session(P1).count(Query("Observation", (TokenIs("code", None, "new"),))) == 7
    assert await store.session(P1).count(Query("Observation", (TokenIs("code", None, "old"),))) == 0
    read = await store.session(P1).read("Observation", "a1")
    assert read is not None
    assert read.deleted
    assert len((await store.session(P1).history(HistoryQuery())).versions) == 13
    with pytest.raises(NotFound):
        await store.session(AccessFilter()).commit(commit_of(delete("a3")))
    for late in (session.search(Query("Observation", snapshot=snapshot)), session.commit(commit_of(create("c")))):
        with pytest.raises(Unavailable):
            await late


async def refused_all(store: Store) -> None:
    """Whatever rests on the index is refused while it is not whole."""
    for session in (store.session(EVERYTHING), store.session(P1)):
        with pytest.raises(Unavailable):
            await session.search(Query("Observation"))
        with pytest.raises(Unavailable):
            await session.count(Query("Observation"))
    hidden = store.session(P1)
    for question in (hidden.history(HistoryQuery()), hidden.read("Observation", "a3"), hidden.withheld("p1")):
        with pytest.raises(Unavailable):
            await question
    with pytest.raises(Unavailable):
        await hidden.commit(commit_of(create("z", entries=IN_P1)))


_OPTIONS = UrlPlace("").options
