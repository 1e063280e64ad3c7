"""The demo data in a running server: it loads whole, loads again without a second copy, and the three commands work."""

import subprocess
from pathlib import Path
from typing import Any

import httpx

from fhir_server.demo import demo_commands, profile, residents
from tests.demo.written import ENCODER, TODAY
from tests.running import BASE, JSON, Client

SEED, COUNT = 1, 3


async def load(fhir: Client) -> list[tuple[str, str]]:
    """Send every Bundle; the status and the version (ETag) of every entry."""
    done = []
    for bundle in residents(SEED, COUNT, TODAY):
        answer = await fhir.http.post("", content=ENCODER.encode(bundle), headers=JSON)
        assert answer.status_code == 200, answer.text[:500]
        done += [(entry["response"]["status"][:3], entry["response"]["etag"]) for entry in answer.json()["entry"]]
    return done


async def counted(fhir: Client) -> dict[str, int]:
    """How many resources of each type of the demo the server has."""
    totals = {}
    for kind in profile(SEED, COUNT, TODAY):
        totals[kind] = (await fhir.get(f"{kind}?_summary=count")).json()["total"]
    return totals


async def test_loading_twice_makes_no_second_copy(fhir: Client) -> None:
    first = await load(fhir)
    assert set(first) == {("201", 'W/"1"')}
    assert await counted(fhir) == profile(SEED, COUNT, TODAY)
    assert set(await load(fhir)) == {("200", 'W/"1"')}
    assert await counted(fhir) == profile(SEED, COUNT, TODAY)


async def test_what_is_read_is_what_was_generated(fhir: Client) -> None:
    await load(fhir)
    for bundle in residents(SEED, 1, TODAY):
        for entry in bundle["entry"]:
            answer = await fhir.get(entry["request"]["url"])
            kept = without_server_meta(answer.content)
            assert kept == ENCODER.encode(entry["resource"]), entry["request"]["url"]


def without_server_meta(body: bytes) -> bytes:
    """The bytes of a resource without what the server put into `meta`, everything else untouched."""
    start = body.index(b'"versionId"')
    end = body.index(b'"source"', start)
    return body[:start] + body[end:]


async def test_the_three_commands_work_in_their_order(fhir: Client, tmp_path: Path) -> None:
    await load(fhir)
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", "utf-8")
    curl.chmod(0o755)
    answers = [await sent(fhir, command.line, tmp_path) for command in demo_commands(BASE, SEED)]
    assert [answer.status_code for answer in answers] == [200, 201, 200]
    found, recorded, latest = (answer.json() for answer in answers)
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["demo1-0001"]
    assert recorded["subject"] == {"reference": "Patient/demo1-0001"}
    assert '"value": 36.80' in answers[1].text
    read = [entry["resource"] for entry in latest["entry"]]
    assert read[0] == recorded
    assert len(read) == 3
    assert all(one["subject"] == {"reference": "Patient/demo1-0001"} for one in read)


async def sent(fhir: Client, line: str, curl: Path) -> httpx.Response:
    """The answer to a command as a shell would send it."""
    environment = {"PATH": f"{curl}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-euc", line], env=environment, capture_output=True, text=True, check=True)
    address, *options = done.stdout.splitlines()
    given: dict[str, Any] = dict(zip(options[::2], options[1::2], strict=True))
    if "-d" not in given:
        return await fhir.http.get(address)
    name, value = given["-H"].split(": ")
    return await fhir.http.post(address, content=given["-d"].encode(), headers={name: value})
