"""What moved says the same as where it came from: over HTTP, by the contract of the store, and on its way back."""

import json

import pytest

from tests.migration.commands import migrated, on
from tests.migration.conftest import Places
from tests.migration.records import answers, application, broken_chains, fill, kept

WAYS = [("sqlite", "mongodb"), ("mongodb", "sqlite")]


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_every_answer_is_the_same(places: Places, here: str, there: str) -> None:
    source, target = places(here, "source"), places(there, "target")
    async with application(source) as client:
        await fill(client)
    done = migrated(source, target, "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["complete"], report["differences"], report["renumbered"]) == (True, [], 0)
    assert all(row["same"] for row in [*report["types"], *report["chains"], report["unique_keys"]])
    before, after = await kept(source), await kept(target)
    assert report["copied"] == len(before["versions"]) > 80
    assert after == before
    assert await broken_chains(target) == []
    async with application(source) as client:
        expected = await answers(client)
    async with application(target) as client:
        assert await answers(client) == expected
    assert on(target, "index", "verify").stdout == "The index equals what the resources say.\n"
    assert on(target, "audit", "verify").returncode == 0


async def test_there_and_back_again(places: Places) -> None:
    first, second, third = places("sqlite", "first"), places("mongodb", "second"), places("sqlite", "third")
    async with application(first) as client:
        await fill(client)
    assert migrated(first, second).returncode == 0
    before = await kept(first)
    # Those who serve in between write entries of their own, which come along.
    async with application(second) as client:
        await client.get("Patient/p1")
    done = migrated(second, third, "--format", "json")
    assert done.returncode == 0, done.stderr
    after = await kept(third)
    own = [each for each in after["audit"] if each.id.startswith(("c", "r"))]
    assert len(own) == 1
    assert {**after, "audit": [each for each in after["audit"] if each not in own]} == before
    assert await broken_chains(third) == []
    async with application(first) as client:
        expected = await answers(client)
    async with application(third) as client:
        assert await answers(client) == expected
        await client.put({"resourceType": "Basic", "id": "afterwards", "code": {"text": "it goes on"}})
        assert (await client.get("Basic/afterwards")).status_code == 200
    assert await broken_chains(third) == []


@pytest.mark.parametrize("kind", ["sqlite", "mongodb"])
async def test_to_the_same_kind(places: Places, kind: str) -> None:
    source, target = places(kind, "source"), places(kind, "target")
    async with application(source) as client:
        await fill(client)
    done = migrated(source, target)
    assert done.returncode == 0, done.stderr
    assert await kept(target) == await kept(source)
    assert await broken_chains(target) == []


async def test_an_empty_store_moves_too(places: Places) -> None:
    source, target = places("sqlite", "source"), places("mongodb", "target")
    async with application(source):
        pass
    done = migrated(source, target)
    assert done.returncode == 0, done.stderr
    async with application(target) as client:
        assert (await client.put({"resourceType": "Basic", "id": "first", "code": {"text": "x"}})).status_code == 201
    assert await broken_chains(target) == []
