"""The place of a fault as a FHIRPath expression.

While a resource is walked, a place is a linked pair (the place of the parent, key or index), which costs nothing to
speak of; it becomes text only where something is found.
"""

import re
from typing import Any

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_LONGEST_KEY = 80


def expression(place: tuple[Any, ...]) -> str:
    """The FHIRPath of a place: tuples whose first two items are the parent (None at the root) and a key or index.

    What the root is called is taken as it is.
    """
    steps: list[str] = []
    here = place
    while here[0] is not None:
        steps.append(step(here[1]))
        here = here[0]
    return str(here[1]) + "".join(reversed(steps))


def step(key: str | int) -> str:
    """One step of an expression. A key that is no FHIRPath identifier is quoted, and cut where it is long."""
    if isinstance(key, int):
        return f"[{key}]"
    if _IDENTIFIER.fullmatch(key):
        return f".{key}"
    return f".`{cut(key, _LONGEST_KEY)}`"


def cut(text: str, longest: int = 60) -> str:
    """Text from a client, fit for a message: printable, on one line, not long."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(char if char.isprintable() and char != "`" else "\N{REPLACEMENT CHARACTER}" for char in shown)
