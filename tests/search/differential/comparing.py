"""The same question to the server and to the reference, and to the server on each kind of store."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import httpx
import msgspec

from fhir_server.store.options import StoreOptions
from tests import stores
from tests.access.asking import comparable
from tests.running import BASE, Client, running
from tests.search.differential import reference
from tests.search.differential.ordering import misplaced
from tests.search.differential.resources import KINDS, earlier, gone, resources
from tests.search.differential.world import Json, World

COUNT = 1000
NOW_MS = 1_790_000_000_000
PARTS = 5
"""Commits by which a world is written, so that its resources differ in `_lastUpdated`"""


@dataclass(frozen=True)
class Question:
    """A search of one type or several, in a compartment (`Patient/1`) or in none. `contained`: with `true` or `both` it
    is for what lies inside others. `sort` is asked of its order, `page` is how many results a page holds; `posted`: it
    comes by POST; `refused`: the server must answer 400."""

    types: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    compartment: str = ""
    contained: str = ""
    sort: str = ""
    includes: tuple[tuple[str, str], ...] = ()
    page: int = 0
    posted: bool = False
    refused: bool = False

    def __str__(self) -> str:
        return f"{self._path()}?" + "&".join(f"{name}={value}" for name, value in self._asked())

    def url(self, count: int) -> str:
        """The path and query, percent-encoded."""
        return f"{self._path()}?{urlencode([*self._asked(), ('_count', str(count)), ('_total', 'accurate')])}"

    def wanted(self, world: World) -> set[str]:
        """What the reference finds."""
        return reference.found(world, self.types, self.parameters, self.compartment, self.contained)

    def all(self, world: World) -> int:
        """How many resources could be found."""
        return sum(self.contained != "" or each["resourceType"] in self.types for each in world.by_place.values())

    def _path(self) -> str:
        one = self.types[0] if len(self.types) == 1 else "*" if self.compartment else ""
        return f"{self.compartment}/{one}" if self.compartment else one

    def _asked(self) -> list[tuple[str, str]]:
        several = [("_type", ",".join(self.types))] if len(self.types) > 1 else []
        inside = [("_contained", self.contained)] if self.contained else []
        return [*several, *self.parameters, *inside, *self.includes, *([("_sort", self.sort)] if self.sort else [])]


@dataclass(frozen=True)
class Difference:
    """Where the two answers differ. `store`: on which the server was, or which two answer unlike."""

    question: Question
    said: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    store: str = ""


Clients = dict[str, Client]
"""By the kind of store"""


class Clock:
    """The time of a world, which stands still but between commits: `ap` on dates goes by it, and a seed that gave one
    world gives the same again."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@asynccontextmanager
async def a_world(folder: Path, random: Random) -> AsyncIterator[tuple[Client, World]]:
    """A server on a new store, of the kind that the test runs on, that holds a world of resources."""
    clock = Clock()
    with (
        patch("fhir_server.app.clock_ms", clock),
        patch("fhir_server.app.StoreOptions", partial(StoreOptions, clock=clock)),
    ):
        async with running(folder, max_page_size=COUNT) as client:
            yield client, await _loaded(client, random, clock)


@asynccontextmanager
async def one_world(folder: Path, random: Random, kinds: Sequence[str]) -> AsyncIterator[tuple[Clients, World]]:
    """A server on a new store of each of these kinds; all hold the same world. Fails where what they hold differs."""
    clients: Clients = {}
    worlds: list[World] = []
    before = random.getstate()
    async with AsyncExitStack() as stack:
        for kind in kinds:
            random.setstate(before)
            stack.enter_context(stores.on(kind))
            (folder / kind).mkdir()
            clients[kind], world = await stack.enter_async_context(a_world(folder / kind, random))
            worlds.append(world)
        assert all(world.by_place == worlds[0].by_place for world in worlds), "the stores hold different worlds"
        yield clients, worlds[0]


async def _loaded(client: Client, random: Random, clock: Clock) -> World:
    """A world that the server holds, read back from it."""
    made = resources(random, BASE)
    people = [each for each in made if each["resourceType"] == "Patient"]
    rest = [each for each in made if each["resourceType"] != "Patient"]
    random.shuffle(rest)
    deleted = gone(random, BASE)
    await _load(client, [{"resourceType": "Patient", "id": "1"}, *deleted])
    for each in deleted:
        answer = await client.send("DELETE", f"{each['resourceType']}/gone")
        assert answer.status_code in (200, 204), answer.text
    for part in (people, earlier(random, BASE), *(rest[start::PARTS] for start in range(PARTS))):
        clock.ms += random.choice((1, 40, 999, 1001, 60_000))
        await _load(client, part)
    stored = [each for name in KINDS for each in await everything(client, name)]
    assert len(stored) == len(made)
    return World(stored, BASE, clock.ms * 1000)


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


async def ask(client: Client, question: Question) -> httpx.Response:
    """The server's answer, on one page."""
    if not question.posted:
        return await client.get(question.url(COUNT), prefer="handling=strict")
    path, _, body = question.url(COUNT).partition("?")
    headers = {"content_type": "application/x-www-form-urlencoded", "prefer": "handling=strict"}
    return await client.send("POST", f"{path}/_search".lstrip("/"), body.encode(), **headers)


async def compare(client: Client, world: World, question: Question) -> tuple[Difference | None, bool]:
    """Where the answers to a question differ, and whether the answer is interesting: neither nothing nor all."""
    return await _compared(client, world, question, await ask(client, question))


async def compare_all(clients: Clients, world: World, question: Question) -> tuple[list[Difference], bool]:
    """Where the answers on each store differ from the reference, and where one store answers unlike another; whether
    the answer is interesting."""
    answers = {store: await ask(client, question) for store, client in clients.items()}
    found: list[Difference] = []
    interesting = False
    for store, answer in answers.items():
        difference, interesting = await _compared(clients[store], world, question, answer)
        found += [replace(difference, store=store)] if difference is not None else []
    said = unlike(answers)
    return found + ([Difference(question, said, store=" and ".join(answers))] if said else []), interesting


def unlike(answers: Mapping[str, httpx.Response]) -> str | None:
    """In what the answers on several stores differ: status, headers, issues, results and their order, totals, links.
    What is each server's own is left out (page tokens; id and time of a Bundle)."""
    shown = {store: comparable(answer) for store, answer in answers.items()}
    first = next(iter(shown.values()))
    if all(each == first for each in shown.values()):
        return None
    return "unlike answers: " + " | ".join(f"{store}: {str(each)[:1500]}" for store, each in shown.items())


async def _compared(
    client: Client, world: World, question: Question, answer: httpx.Response
) -> tuple[Difference | None, bool]:
    """As `compare`, for the answer that came."""
    if question.refused:
        wrong = answer.status_code != 400
        return (Difference(question, f"{answer.status_code} where 400 was due") if wrong else None), False
    if answer.status_code != 200:
        return Difference(question, f"{answer.status_code}: {answer.text}"), False
    bundle = decoded(answer.content)
    got = ids(bundle)
    wanted = question.wanted(world)
    interesting = 0 < len(wanted) < question.all(world)
    difference = judged(question, got, wanted)
    if difference is None:
        said = _wrong_order(world, question, got)
        said = said or (f"total {bundle['total']} of {len(got)}" if bundle["total"] != len(got) else None)
        said = said or (await _wrong_pages(client, question, got) if question.page else None)
        difference = Difference(question, said) if said else None
        brought = reference.included(world, wanted, question.includes)
        difference = difference or judged(question, ids(bundle, "include"), brought)
    return difference, interesting


def judged(question: Question, got: Sequence[str], wanted: set[str]) -> Difference | None:
    """Where the resources of an answer are not those that the reference finds, each once."""
    missing, extra = wanted - set(got), set(got) - wanted
    if missing or extra:
        return Difference(question, "other resources", tuple(sorted(missing)), tuple(sorted(extra)))
    return Difference(question, "a resource twice") if len(got) != len(wanted) else None


def ids(bundle: Json, mode: str = "match") -> list[str]:
    """The results in a Bundle (`Type/id`), in their order; with `include` what was brought beside them."""
    entries = [each["resource"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]
    return [f"{each['resourceType']}/{each['id']}" for each in entries]


def _wrong_order(world: World, question: Question, got: Sequence[str]) -> str | None:
    """What stands in another order than `_sort` asks for; without it, newest change first."""
    return misplaced(world, [world.at(each) for each in got], question.sort or "-_lastUpdated")


async def _wrong_pages(client: Client, question: Question, got: Sequence[str]) -> str | None:
    """What the pages, one after the other, hold otherwise than the one long page."""
    first = question.url(question.page)
    found, last = await _along(client, first, "next", len(got))
    if found != list(got):
        return f"pages of {question.page} hold {found} instead of {got}"
    pages = [found[start : start + question.page] for start in range(0, len(found), question.page)]
    back, _ = await _along(client, last, "previous", len(got))
    wanted = [each for page in reversed(pages) for each in page]
    return None if back == wanted else f"pages of {question.page} backwards hold {back} instead of {wanted}"


async def _along(client: Client, link: str, relation: str, most: int) -> tuple[list[str], str]:
    """The results of the page and of those that it leads to, and the last link."""
    found: list[str] = []
    while len(found) <= most:
        bundle = (await client.get(link)).json()
        found += ids(bundle)
        further = [each["url"] for each in bundle["link"] if each["relation"] == relation]
        if not further:
            break
        link = further[0]
    return found, link
