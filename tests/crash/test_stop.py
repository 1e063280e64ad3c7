"""A stop under load: what was begun is finished and answered, nothing is lost, the server ends with 0."""

import random
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.crash import verify
from tests.crash.clients import Client
from tests.stores import server_on

CLIENTS = 6


def _markers(client: Client) -> set[str]:
    """The markers of the request whose answer never came."""
    attempt = client.ledger.in_doubt
    return {effect.marker for effect in attempt.effects if effect.marker} if attempt else set()


@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_answers_what_it_began(on_both_stores: None, tmp_path: Path, workers: int) -> None:
    server = server_on(tmp_path, workers)
    server.start()
    began, began_at = datetime.now(UTC), time.monotonic()
    clients = [Client(number, seed=31 + workers) for number in range(CLIENTS)]
    stopping = threading.Event()
    threads = [
        threading.Thread(target=client.work, args=(server.port, stopping, threading.Event())) for client in clients
    ]
    for thread in threads:
        thread.start()
    while sum(len(client.ledger.requests) for client in clients) <= 100:
        assert time.monotonic() < began_at + 60
        time.sleep(0.05)
    stopping.set()
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 20
    for thread in threads:
        thread.join()
    assert "Traceback" not in server.last_words()

    unanswered = set().union(*(_markers(client) for client in clients))
    server.start()
    with httpx.Client(base_url=f"{server.address}/fhir", timeout=60) as http:
        seen, _ = verify.read_history(http, None)
        stored = {marker for versions in seen.values() for marker in versions.values()}
        assert unanswered & stored == set(), "a write was carried out and never answered"
        assert verify.faults_of_history(clients, seen) == []
        assert verify.faults_of_reads(http, clients, random.Random(1)) == []
        assert verify.faults_of_audit(http, clients, began) == []
    assert server.stop() == 0
    assert verify.faults_of_commands(server, ("audit", "index")) == []
