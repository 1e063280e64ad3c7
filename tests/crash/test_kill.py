"""Kills of a server with one worker and with two. `make crash` does many more.

On MongoDB the server is on a replica set of three: it is killed, its primary is killed, all members are killed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import campaign
from tests.crash.database import TROUBLES, Database
from tests.stores import kind

KILLS = {("sqlite", 1): 10, ("sqlite", 2): 10, ("mongodb", 1): 2, ("mongodb", 2): 4}
"""By the kind of store and the number of workers. Some of the kills come while the server starts, without a load."""
LEAST = 20
"""So many answers there must be for each kill: one that met no load would prove nothing"""


@pytest.fixture
def database(on_both_stores: None, tmp_path: Path) -> Iterator[Database | None]:
    """On MongoDB a replica set of three, ended afterwards; SQLite needs none."""
    database = Database(tmp_path) if kind() == "mongodb" else None
    try:
        yield database
    finally:
        if database is not None:
            database.stop()


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_server_has_lost_nothing(tmp_path: Path, workers: int, database: Database | None) -> None:
    kills = KILLS[kind(), workers]
    outcome = campaign.run(tmp_path, kills, workers, 20260301 + workers, database)
    assert outcome.faults == []
    assert outcome.kills >= kills
    assert outcome.requests > kills * LEAST
    assert outcome.in_doubt > 0
    assert database is None or set(database.struck) == set(TROUBLES[:kills])
