"""NHS numbers of the range that is set aside for tests: 999 000 0000 to 999 999 9999, with a valid check digit.

No living person has one of them. The check digit is the modulus 11 of the NHS Data Dictionary's "NHS NUMBER".
"""

from fhir_server.demo.facts.draws import Draws

BLOCKS = 100_000
"""Ten numbers without check digit each; a resident has a block to itself, so that no two residents collide."""

STEP = 61_803
"""Coprime to `BLOCKS`: neighbours in the list of residents get numbers that do not look alike."""


def nhs_number(seed: int, index: int) -> str:
    """The number of resident `index` (1 to 100,000) of this seed; unique in the seed."""
    block = (index * STEP + Draws(seed, "nhs-number").whole(0, BLOCKS - 1)) % BLOCKS
    first = Draws(seed, index, "nhs-number").whole(0, 9)
    for turn in range(10):
        nine = f"999{block:05d}{(first + turn) % 10}"
        check = check_digit(nine)
        if check is not None:
            return nine + check
    raise AssertionError("ten neighbours in a row cannot all lack a check digit")


def check_digit(nine: str) -> str | None:
    """The tenth digit for these nine, or None where there is none (they are then not used)."""
    remainder = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    check = (11 - remainder) % 11
    return None if check == 10 else str(check)
