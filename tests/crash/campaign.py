"""Start, load, kill, start again, verify: a number of times on one store."""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from fhir_server.bench.server import RunningServer
from tests.crash import verify
from tests.crash.clients import Client
from tests.crash.database import Database

CLIENTS = 6
SHORTEST, LONGEST = 0.15, 1.0
LEAST, LATEST = 30, 30.0
"""So many answers there are at least before a kill, for one that met no load would prove nothing; but the load lasts no
longer than so many seconds."""
AFTERWARDS = 1.0
"""So many seconds the load goes on while a database is in trouble."""
EARLY_EVERY = 5
"""Every so many rounds the server is killed a second time, while it recovers from the first."""


@dataclass(slots=True)
class Outcome:
    """What a campaign did and found."""

    kills: int = 0
    requests: int = 0
    versions: int = 0
    in_doubt: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def run(folder: Path, kills: int, workers: int, seed: int, database: Database | None = None) -> Outcome:
    """Kill a server with so many workers, or what its database runs on, so many times on one store; the first faults
    end it."""
    campaign = _Campaign(folder, workers, seed, database)
    try:
        campaign.server.start()
        while campaign.outcome.kills < kills and not campaign.outcome.faults:
            campaign.round(left=kills - campaign.outcome.kills)
    finally:
        campaign.close()
    return campaign.outcome


class _Campaign:
    def __init__(self, folder: Path, workers: int, seed: int, database: Database | None) -> None:
        self.choice = random.Random(seed)
        self.clients = [Client(number, seed) for number in range(CLIENTS)]
        self.database = database
        self.server = (
            RunningServer(folder / "record.sqlite", workers, folder / "server.log")
            if database is None
            else RunningServer(database.url, workers, folder / "server.log", settings=database.settings)
        )
        self.outcome = Outcome()
        self.since: str | None = None
        self.began = time.monotonic()

    def close(self) -> None:
        """End the server, and count."""
        self.server.kill()
        self.outcome.versions = sum(
            len(versions) for client in self.clients for versions in client.ledger.versions.values()
        )
        self.outcome.seconds = time.monotonic() - self.began

    def round(self, left: int) -> None:
        """One kill under load, and everything that must hold after it. `left` is how many kills are still due."""
        started, last = datetime.now(UTC), left == 1
        server_killed = self._load_and_kill()
        if self.database is not None:
            self.database.recover()
        if server_killed:
            if left > 2 and self.outcome.kills % EARLY_EVERY == 0:
                self._kill_while_starting()
            self.server.start()
        self.server.await_ready()
        self.outcome.requests += self._answers()
        self.outcome.in_doubt += sum(client.ledger.in_doubt is not None for client in self.clients)
        with httpx.Client(base_url=f"{self.server.address}/fhir", timeout=60) as http:
            self.outcome.faults = self._faults(http, started, last)
        for client in self.clients:
            client.ledger.next_round()

    def _answers(self) -> int:
        """How many requests of this round were answered."""
        return sum(len(client.ledger.requests) for client in self.clients)

    def _load_and_kill(self) -> bool:
        """Whether it was the server that was killed."""
        killed, over = threading.Event(), threading.Event()
        threads = [
            threading.Thread(target=client.work, args=(self.server.port, killed, over), daemon=True)
            for client in self.clients
        ]
        for thread in threads:
            thread.start()
        time.sleep(self.choice.uniform(SHORTEST, LONGEST))
        latest = time.monotonic() + LATEST
        while self._answers() < LEAST and time.monotonic() < latest:
            time.sleep(0.01)
        killed.set()
        server_killed = self.database is None or not self.database.strike(self.choice)
        if server_killed:
            self.server.kill()
        self.outcome.kills += 1
        time.sleep(0 if self.database is None else AFTERWARDS)
        over.set()
        for thread in threads:
            thread.join()
        return server_killed

    def _kill_while_starting(self) -> None:
        """A second kill, at some moment of the recovery."""
        self.server.launch()
        time.sleep(self.choice.uniform(0.05, 1.0))
        self.server.kill()
        self.outcome.kills += 1

    def _faults(self, http: httpx.Client, started: datetime, last: bool) -> list[str]:
        seen, following = verify.read_history(http, None if last else self.since)
        faults = verify.faults_of_history(self.clients, seen)
        faults += verify.faults_of_reads(http, self.clients, self.choice)
        faults += verify.faults_of_audit(http, self.clients, started)
        faults += verify.faults_of_commands(self.server, ("audit", "index"))
        if last:
            faults += verify.faults_of_search(http, self.clients)
            faults += self._faults_of_all(seen)
        self.since = following
        return faults

    def _faults_of_all(self, seen: verify.Seen) -> list[str]:
        """At the end the whole history is what all rounds together were told."""
        told = {key: versions for client in self.clients for key, versions in client.ledger.versions.items()}
        faults = [] if told == seen else [f"the whole history differs at {sorted(set(told) ^ set(seen))[:10]}"]
        return faults + verify.faults_of_outbox(verify.read_outbox(self.server), seen)
