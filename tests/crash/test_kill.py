"""Twenty kills: ten of a server with one worker, ten of one with two. `make crash` does two hundred."""

from pathlib import Path

import pytest

from tests.crash import campaign

KILLS = 10


@pytest.mark.timeout(240)
@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_server_has_lost_nothing(tmp_path: Path, workers: int) -> None:
    outcome = campaign.run(tmp_path, KILLS, workers, seed=20260301 + workers)
    assert outcome.faults == []
    assert outcome.kills >= KILLS
    # Kills that met no load would prove nothing.
    assert outcome.requests > KILLS * 20
    assert outcome.in_doubt > 0
