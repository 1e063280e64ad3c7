"""Runs many questions over fresh worlds: `python -m tests.search.differential --queries 10000 --seed 1`.

Each is put to the server on both kinds of store (`--store sqlite` or `--store mongodb`: on one) and to the reference.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests import mongod, stores
from tests.running import encoded
from tests.search.differential.comparing import Difference, compare_all, one_world
from tests.search.differential.coverage import parts_of
from tests.search.differential.queries import Asker
from tests.search.differential.values import Values
from tests.search.differential.world import World

A_WORLD = 250
"""Questions to one world"""
SHOWN = 12


async def run(queries: int, seed: int, kinds: Sequence[str] = stores.KINDS) -> int:
    """Ask the server on these kinds of store, print, and count the differences."""
    started, asked, interesting, differences = time.monotonic(), 0, 0, 0
    parts: dict[str, list[bool]] = {}
    for number in range((queries + A_WORLD - 1) // A_WORLD):
        random = Random(f"{seed}/{number}")
        with TemporaryDirectory() as folder:
            async with one_world(Path(folder), random, kinds) as (clients, world):
                asker = Asker(Values(random), world)
                for _ in range(min(A_WORLD, queries - asked)):
                    question = asker.question()
                    found, was_interesting = await compare_all(clients, world, question)
                    for part in parts_of(question):
                        parts.setdefault(part, []).append(was_interesting)
                    asked += 1
                    interesting += was_interesting
                    for difference in found[: max(0, SHOWN - differences)]:
                        show(difference, world, f"{seed}/{number}")
                    differences += len(found)
        share = f"{100 * interesting / asked:.0f} % interesting"
        seconds = f"{time.monotonic() - started:.0f} s"
        _print(f"{asked} queries on {' and '.join(kinds)}, {share}, {differences} differences, {seconds}")
    for part, answers in sorted(parts.items()):
        _print(f"{part:32} {len(answers):6} asked {sum(answers):6} interesting")
    return differences


def show(difference: Difference, world: World, name: str) -> None:
    """The question, which ids are missing and which too many, and those resources."""
    _print(f"DIFFERENT on {difference.store} in world {name}: {difference.question}\n  {difference.said}")
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
    parser.add_argument("--store", choices=(*stores.KINDS, "both"), default="both")
    given = parser.parse_args()
    kinds = stores.KINDS if given.store == "both" else (given.store,)
    try:
        return 1 if asyncio.run(run(given.queries, given.seed, kinds)) else 0
    except pytest.skip.Exception as missing:
        parser.exit(2, f"{missing}\n")
    finally:
        mongod.SHARED.stop()


if __name__ == "__main__":
    sys.exit(main())
