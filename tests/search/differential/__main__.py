"""Runs many questions over fresh worlds: `python -m tests.search.differential --queries 10000 --seed 1`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.running import encoded
from tests.search.differential.comparing import Difference, a_world, compare
from tests.search.differential.coverage import parts_of
from tests.search.differential.queries import Asker
from tests.search.differential.values import Values
from tests.search.differential.world import World

A_WORLD = 250
"""Questions to one world"""
SHOWN = 12


async def run(queries: int, seed: int) -> int:
    """Ask, print, and count the differences."""
    started, asked, interesting, differences = time.monotonic(), 0, 0, 0
    parts: dict[str, list[bool]] = {}
    for number in range((queries + A_WORLD - 1) // A_WORLD):
        random = Random(f"{seed}/{number}")
        with TemporaryDirectory() as folder:
            async with a_world(Path(folder), random) as (client, world):
                asker = Asker(Values(random), world)
                for _ in range(min(A_WORLD, queries - asked)):
                    question = asker.question()
                    difference, was_interesting = await compare(client, world, question)
                    for part in parts_of(question):
                        parts.setdefault(part, []).append(was_interesting)
                    asked += 1
                    interesting += was_interesting
                    if difference is not None:
                        differences += 1
                        if differences <= SHOWN:
                            show(difference, world, f"{seed}/{number}")
        share = f"{100 * interesting / asked:.0f} % interesting"
        _print(f"{asked} queries, {share}, {differences} differences, {time.monotonic() - started:.0f} s")
    for part, answers in sorted(parts.items()):
        _print(f"{part:32} {len(answers):6} asked {sum(answers):6} interesting")
    return differences


def show(difference: Difference, world: World, name: str) -> None:
    """The question, which ids are missing and which too many, and those resources."""
    _print(f"DIFFERENT in world {name}: {difference.question}\n  {difference.said}")
    _print(f"  missing {difference.missing}, too many {difference.extra}")
    for place in (*difference.missing, *difference.extra)[:3]:
        _print("  " + encoded(world.at(place)).decode())


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return 1 if asyncio.run(run(given.queries, given.seed)) else 0


if __name__ == "__main__":
    sys.exit(main())
