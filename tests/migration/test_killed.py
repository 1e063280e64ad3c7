"""A migration that is killed costs nothing: what is half done is not served, and the same command goes on."""

import signal
import subprocess
import sys
import time

import pytest

from tests.migration.commands import migrated, on
from tests.migration.conftest import Places
from tests.migration.records import Place, answers, application, broken_chains, change_more, fill, kept
from tests.public_data import ROOT

WAYS = [("sqlite", "mongodb"), ("mongodb", "sqlite")]
POINTS = [("begun", 1), ("within", 3), ("written", 20), ("begun", 2), ("audit", 2), ("settled", 1), ("compared", 1)]

pytestmark = pytest.mark.timeout(400)


def killed_at(source: Place, target: Place, point: str, times: int = 1) -> None:
    """Migrate until the process kills itself at this point."""
    named = [source.url, target.url, str(source.heads), str(target.heads), point, str(times)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.migration.child", *named],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, (point, done.returncode, done.stderr)


def is_refused(target: Place) -> None:
    """No command uses the half of a record, and each says what to do."""
    for command in (("serve", "--auth", "off"), ("backup", "somewhere")):
        done = on(target, *command)
        assert (done.returncode, done.stdout) == (3, "")
        assert "whose migration was not completed: run the same `fhir-server migrate` again" in done.stderr


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_killed_at_every_point_it_goes_on(places: Places, here: str, there: str) -> None:
    source, target = places(here, "source"), places(there, "target")
    async with application(source) as client:
        await fill(client)
    for point, times in POINTS:
        killed_at(source, target, point, times)
        if point in ("within", "compared"):
            is_refused(target)
    done = migrated(source, target)
    assert done.returncode == 0, done.stderr
    assert "It went on where it was stopped" in done.stdout
    assert await kept(target) == await kept(source)
    assert await broken_chains(target) == []
    async with application(source) as client:
        expected = await answers(client)
    async with application(target) as client:
        assert await answers(client) == expected
    assert on(target, "index", "verify").stdout == "The index equals what the resources say.\n"


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_killed_when_it_was_complete_it_is_a_store(places: Places, here: str, there: str) -> None:
    source, target = places(here, "source"), places(there, "target")
    async with application(source) as client:
        await fill(client)
        await client.get("Patient/p1")
    # The heads of the chains that came are mirrored one by one; the last one is that of the chain that goes on.
    mirrors = {("sqlite", "mongodb"): 3, ("mongodb", "sqlite"): 4}
    killed_at(source, target, "completed", mirrors[here, there])
    assert await broken_chains(target) == []
    again = migrated(source, target)
    assert again.returncode == 1
    assert "has the record of" in again.stderr
    assert "already: that migration is complete, serve it" in again.stderr


async def test_killed_from_outside_at_any_time(places: Places) -> None:
    source, target = places("sqlite", "source"), places("mongodb", "target")
    async with application(source) as client:
        await fill(client)
    named = [source.url, target.url, str(source.heads), str(target.heads), "begun", "1000000"]
    kills = 0
    for step in range(40):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.migration.child", *named],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(1.0 + step * 0.3)
        child.kill()
        said = child.communicate()[1]
        if child.returncode == 0 or "that migration is complete" in said:  # the last one was killed after its end
            break
        assert child.returncode < 0, said
        kills += 1
    else:
        raise AssertionError("it was never complete")
    assert kills > 0
    assert await kept(target) == await kept(source)
    assert await broken_chains(target) == []


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_what_the_source_gained_meanwhile_comes_too(places: Places, here: str, there: str) -> None:
    source, target = places(here, "source"), places(there, "target")
    async with application(source) as client:
        await fill(client)
    killed_at(source, target, "settled")
    async with application(source) as client:
        await change_more(client)
    done = migrated(source, target)
    assert done.returncode == 0, done.stderr
    assert await kept(target) == await kept(source)
    async with application(source) as client:
        expected = await answers(client)
    async with application(target) as client:
        assert await answers(client) == expected
    assert on(target, "index", "verify").stdout == "The index equals what the resources say.\n"
