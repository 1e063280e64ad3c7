"""The server on each store and the reference answer alike, and the comparison notices when one of them errs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests import stores
from tests.search.differential import dates, numbers, ordering, reference, texts, tokens
from tests.search.differential.comparing import (
    COUNT,
    Question,
    a_world,
    compare,
    compare_all,
    decoded,
    ids,
    judged,
    one_world,
    unlike,
)
from tests.search.differential.queries import Asker
from tests.search.differential.values import Values
from tests.search.differential.world import World, parameters

QUESTIONS = 300
RECORDED = 1500
A_WORLD = 300


async def test_the_server_and_the_reference_find_the_same(on_both_stores: None, tmp_path: Path) -> None:
    random = Random("a fixed world")
    async with a_world(tmp_path, random) as (client, world):
        asker = Asker(Values(random), world)
        answers = [await compare(client, world, asker.question()) for _ in range(QUESTIONS)]
    assert [difference for difference, _ in answers if difference is not None] == []
    assert sum(interesting for _, interesting in answers) > 0.4 * QUESTIONS


async def test_the_server_answers_alike_on_both_stores(tmp_path: Path) -> None:
    """To the letter but for page tokens: results, their order, totals, what is brought beside them, refusals."""
    random = Random("a world for two")
    async with one_world(tmp_path, random, stores.KINDS) as (clients, world):
        asker = Asker(Values(random), world)
        found = [await compare_all(clients, world, asker.question()) for _ in range(QUESTIONS)]
    assert [difference for differences, _ in found for difference in differences] == []
    assert sum(interesting for _, interesting in found) > 0.4 * QUESTIONS


def _searchset(*ids: str, **elements: Any) -> httpx.Response:
    entries = [
        {"resource": {"resourceType": "Patient", "id": id, **elements}, "search": {"mode": "match"}} for id in ids
    ]
    link = [{"relation": "next", "url": f"Patient?_page={'-'.join(ids)}"}]
    bundle = {"resourceType": "Bundle", "id": "-".join(ids), "total": len(ids), "link": link, "entry": entries}
    return httpx.Response(200, json=bundle)


def _refusal(code: str, status: int = 400) -> httpx.Response:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
    return httpx.Response(status, json=outcome)


@pytest.mark.parametrize(
    ("one", "other", "noticed"),
    [
        (_searchset("a", "b"), _searchset("a", "b"), False),
        (_searchset("a", "b"), _searchset("b", "a"), True),
        (_searchset("a", "b"), _searchset("a"), True),
        (_searchset("a"), _searchset("a", active=True), True),
        (_searchset("a"), _refusal("invalid"), True),
        (_refusal("invalid"), _refusal("invalid"), False),
        (_refusal("invalid"), _refusal("not-supported"), True),
        (_refusal("invalid"), _refusal("invalid", 422), True),
    ],
)
def test_an_answer_that_is_unlike_is_noticed(one: httpx.Response, other: httpx.Response, noticed: bool) -> None:
    assert (unlike({"sqlite": one, "mongodb": other}) is not None) is noticed


@dataclass(frozen=True)
class Answered:
    """A question and the ids that the server gave, in their order."""

    world: World
    question: Question
    ids: list[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Answered]:
    """What the server answered to many questions over several worlds."""

    async def record() -> list[Answered]:
        found: list[Answered] = []
        for number in range(RECORDED // A_WORLD):
            random = Random(f"mutations/{number}")
            async with a_world(tmp_path_factory.mktemp("world"), random) as (client, world):
                asker = Asker(Values(random), world)
                for question in [asker.question() for _ in range(A_WORLD)]:
                    answer = await client.get(question.url(COUNT))
                    if not question.refused:
                        found.append(Answered(world, question, ids(decoded(answer.content))))
        return found

    return asyncio.run(record())


Mutate = Callable[[pytest.MonkeyPatch], None]


def in_table(table: dict[Any, Any], **changed: Any) -> Mutate:
    """Change some entries of a table."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        for key, value in changed.items():
            patch.setitem(table, key, value)

    return mutate


def attribute(holder: Any, name: str, value: Any) -> Mutate:
    """Change a function or a value."""
    return lambda patch: patch.setattr(holder, name, value)


def not_that_needs_a_value(world: World, resource: Any, code: str, modifier: str | None, text: str) -> bool:
    """`:not` that leaves out resources without a value."""
    return reference.present(world, resource, code) and not reference.any_of(world, resource, code, modifier, text)


def composite_across_elements(world: World, resource: Any, parameter: Any, element: Any, parts: list[str]) -> bool:
    """A composite whose components may be met by different elements."""
    elements = reference._elements(world, resource, parameter.code)
    return all(
        any(
            reference.values_match(world, ("", ""), *reference._component(world, resource, each, part), None, text)
            for each in elements
        )
        for part, text in zip(parameter.components, parts, strict=True)
    )


def descending_by_least(world: World, resource: Any, code: str, descending: bool) -> Any:
    """A sort key that is the least value in both directions."""
    if code in ("_id", "_lastUpdated") or ordering.UNKNOWN in (keys := ordering._keys(world, resource, code, False)):
        return ordering.UNKNOWN
    return min(keys) if keys else None


points_at = reference._points_at

MUTATIONS: dict[str, Mutate] = {
    "sa and eb swapped on dates": in_table(dates.PREFIXES, sa=dates.PREFIXES["eb"], eb=dates.PREFIXES["sa"]),
    "gt of dates is sa": in_table(dates.PREFIXES, gt=dates.PREFIXES["sa"]),
    "eq of dates overlaps": in_table(dates.PREFIXES, eq=dates.PREFIXES["ap"]),
    "dates without a zone are in UTC": attribute(dates, "LONDON", ZoneInfo("UTC")),
    "an open Period ends today": attribute(dates, "FOREVER", 0),
    "implicit precision dropped": attribute(numbers, "half_of_last_digit", lambda text: Fraction(0)),
    "ge of numbers is gt": in_table(numbers.PREFIXES, ge=numbers.PREFIXES["gt"]),
    "units not converted": attribute(numbers, "UNITS", {}),
    ":not needs a value": attribute(reference, "none_of", not_that_needs_a_value),
    "alternatives must all hold": attribute(reference, "ALTERNATIVES", all),
    "one of the conditions is enough": attribute(reference, "CONDITIONS", any),
    "accents count": attribute(texts, "folded", str.casefold),
    "composites across elements": attribute(reference, "_meets_components", composite_across_elements),
    "below does not follow partOf": attribute(reference, "ancestors", lambda world, address: {address.place}),
    "versions of references ignored": attribute(
        reference, "_points_at", lambda address, asked, base: points_at(address, asked.partition("/_history/")[0], base)
    ),
    "chains do not lead into what is contained": attribute(reference, "is_known_inside", lambda name: False),
    "escapes kept": attribute(reference, "unescaped", lambda text: text),
    "the system of a token ignored": attribute(tokens, "_is", lambda place, token, parts: token.code == parts[-1]),
    "the last value of a List is not in it": attribute(
        reference, "_in_list", lambda world, resource, text: resource["id"] == text
    ),
}


def noticed(answered: Answered) -> bool:
    """Whether the reference, as it is now, differs from what the server answered."""
    try:
        wanted = answered.question.wanted(answered.world)
    except (ValueError, KeyError, IndexError):
        return True
    return judged(answered.question, answered.ids, wanted) is not None


def test_nothing_is_noticed_where_nothing_errs(recorded: list[Answered]) -> None:
    assert not any(map(noticed, recorded))


@pytest.mark.parametrize("name", MUTATIONS)
def test_an_error_is_noticed(recorded: list[Answered], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MUTATIONS[name](monkeypatch)
    assert any(map(noticed, recorded)), f"{len(recorded)} questions have not noticed it"


def test_an_error_of_the_order_is_noticed(recorded: list[Answered], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "key_of", descending_by_least)
    found = [
        ordering.misplaced(each.world, [each.world.at(place) for place in each.ids], each.question.sort)
        for each in recorded
        if each.question.sort
    ]
    assert any(found)


def test_every_parameter_type_is_asked_for(recorded: list[Answered]) -> None:
    kinds = {
        parameters(each.question.types[0])[name.partition(":")[0]].type
        for each in recorded
        for name, _ in each.question.parameters
        if name.partition(":")[0] in parameters(each.question.types[0])
    }
    assert kinds >= {"token", "reference", "date", "string", "uri", "number", "quantity", "composite"}
