"""Questions that are asked together: each has an answer of its own, none older than the question, and none is lost."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from fhir_server.store.mongodb.gathering import AT_ONCE, Gathering


class Source:
    """Answers with the number of the question, when it is let; notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(keys))
        number = len(self.asked)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return {key: number for key in keys if key != "none"}


async def test_who_comes_meanwhile_shares_the_next_question() -> None:
    source = Source()
    gathering = Gathering(source, most=3)
    first = [asyncio.create_task(gathering.get(key)) for key in "ab"]
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(gathering.get(key)) for key in ("c", "c", "none", "d", "e")]
    await asyncio.sleep(0.01)
    assert source.asked == [["a", "b"], ["c", "none"]][:AT_ONCE]
    source.gate.set()
    assert await asyncio.gather(*first) == [1, 1]
    assert await asyncio.gather(*later) == [2, 2, None, 3, 3]
    assert source.asked == [["a", "b"], ["c", "none"], ["d", "e"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    source = Source()
    source.gate.set()
    gathering = Gathering(source)
    assert [await gathering.get("a"), await gathering.get("a")] == [1, 2]


async def test_a_fault_is_told_to_all_who_shared_the_question_and_to_no_one_later() -> None:
    source = Source()
    source.fault = ValueError("gone")
    gathering = Gathering(source)
    asked = [asyncio.create_task(gathering.get(key)) for key in "ab"]
    await asyncio.sleep(0.01)
    source.gate.set()
    assert [str(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == ["gone", "gone"]
    source.fault = None
    assert await gathering.get("a") == 2


async def test_who_goes_away_takes_no_answer_from_others() -> None:
    source = Source()
    gathering = Gathering(source)
    gone, stays = asyncio.create_task(gathering.get("a")), asyncio.create_task(gathering.get("a"))
    await asyncio.sleep(0.01)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    source.gate.set()
    assert await stays == 1


async def test_nobody_waits_for_one_who_has_just_ended() -> None:
    """All questions end in one moment, in which one caller has another question and nobody else ever asks."""
    source = Source()
    gathering = Gathering(source)

    async def twice() -> list[int | None]:
        return [await gathering.get("a"), await gathering.get("b")]

    asked = [asyncio.create_task(twice())]
    for _ in range(1, AT_ONCE):
        await asyncio.sleep(0.01)
        asked.append(asyncio.create_task(gathering.get("c")))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    source.gate.set()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*asked) == [[1, AT_ONCE + 1], *range(2, AT_ONCE + 1)]
