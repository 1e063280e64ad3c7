"""One of two workers dies: nothing acknowledged is lost, the other serves on, and the dead one is replaced."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.bench.server import RunningServer
from tests.crash.verify import faults_of_commands
from tests.stores import server_on

AGAIN_SECONDS = 10.0


def _put(server: RunningServer, number: int) -> httpx.Response:
    resource: dict[str, Any] = {"resourceType": "Patient", "id": f"p{number}", "active": True}
    return httpx.put(f"{server.address}/fhir/Patient/p{number}", json=resource, timeout=30)


@pytest.mark.xdist_group("kill")
def test_a_worker_that_dies_is_replaced_and_nothing_is_lost(on_both_stores: None, tmp_path: Path) -> None:
    with server_on(tmp_path, 2) as server:
        parent, *workers = server.processes()
        assert len(workers) == 2
        acknowledged = []
        for number in range(60):
            if number == 20:
                os.kill(workers[0], signal.SIGKILL)
            try:
                answer = _put(server, number)
            except httpx.TransportError:  # it was on its way to the worker that died
                assert number >= 20
                continue
            assert answer.status_code == 201
            acknowledged.append(number)
        assert len(acknowledged) > 40
        latest = time.monotonic() + AGAIN_SECONDS
        while len(server.processes()) < 3 and time.monotonic() < latest:
            time.sleep(0.1)
        assert server.processes()[0] == parent
        assert len(server.processes()) == 3
        for number in acknowledged:
            answer = httpx.get(f"{server.address}/fhir/Patient/p{number}")
            assert (answer.status_code, answer.json()["id"]) == (200, f"p{number}")
        assert faults_of_commands(server, ("audit", "index")) == []
