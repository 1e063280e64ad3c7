"""Draws: everything that the generator leaves to chance, the same on every machine for the same key.

Only `Random.random` is used, the one method whose sequence Python promises to keep. Each topic of each resident has a
stream of its own, so that a change in one place does not shift the data of another.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws for one key, such as `Draws(seed, index, "weight")`."""

    def __init__(self, *key: int | str) -> None:
        self._next = Random("/".join(map(str, key))).random

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both possible, all as likely."""
        return low + int(self._next() * (high - low + 1))

    def middling(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, more likely near the middle."""
        return low + int((self._next() + self._next()) / 2 * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred cases."""
        return self._next() * 100 < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all as likely."""
        return choices[int(self._next() * len(choices))]
