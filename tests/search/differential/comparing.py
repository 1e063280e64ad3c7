"""The same question to the server and to the reference."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.running import BASE, Client
from tests.search.differential import reference
from tests.search.differential.resources import KINDS, resources
from tests.search.differential.world import Json, World

COUNT = 1000


@dataclass(frozen=True)
class Question:
    """A search of a type; `refused`: the server must answer 400."""

    type: str
    parameters: tuple[tuple[str, str], ...]
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.type}?" + "&".join(f"{name}={value}" for name, value in self.parameters)

    def url(self, *more: tuple[str, str]) -> str:
        """The path and query, percent-encoded."""
        return f"{self.type}?{urlencode([*self.parameters, *more])}"


@dataclass(frozen=True)
class Difference:
    """Where the two answers differ."""

    question: Question
    said: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


async def loaded(client: Client, random: Random) -> World:
    """A world that the server holds, read back from it."""
    made = resources(random, BASE)
    people = [each for each in made if each["resourceType"] == "Patient"]
    for part in (people, [each for each in made if each["resourceType"] != "Patient"]):
        await _load(client, part)
    stored = [each for name in KINDS for each in await everything(client, name)]
    assert len(stored) == len(made)
    return World(stored, BASE, time.time_ns() // 1000)


async def _load(client: Client, part: Sequence[Json]) -> None:
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}} for each in part
    ]
    answer = await client.post({"resourceType": "Bundle", "type": "transaction", "entry": entries}, "")
    assert answer.status_code == 200, answer.text


async def everything(client: Client, resource_type: str) -> list[Json]:
    """All resources of a type, decimals exact."""
    answer = await client.get(f"{resource_type}?_count={COUNT}")
    return [each["resource"] for each in decoded(answer.content).get("entry", [])]


def decoded(body: bytes) -> Any:
    """JSON with exact decimals."""
    return msgspec.json.Decoder(float_hook=Decimal).decode(body)


async def compare(client: Client, world: World, question: Question) -> tuple[Difference | None, bool]:
    """Where the answers to a question differ, and whether the answer is interesting: neither nothing nor all."""
    answer = await client.get(question.url(("_count", str(COUNT))), prefer="handling=strict")
    if question.refused:
        wrong = answer.status_code != 400
        return (Difference(question, f"{answer.status_code} where 400 was due") if wrong else None), False
    wanted = reference.found(world, question.type, question.parameters)
    if answer.status_code != 200:
        return Difference(question, f"{answer.status_code}: {answer.text}"), False
    got = [each["resource"]["id"] for each in answer.json().get("entry", [])]
    interesting = 0 < len(wanted) < len(world.of_type(question.type))
    if set(got) == wanted and len(got) == len(wanted):
        return None, interesting
    missing, extra = wanted - set(got), set(got) - wanted
    said = "other resources" if missing or extra else "a resource twice"
    return Difference(question, said, tuple(sorted(missing)), tuple(sorted(extra))), interesting
