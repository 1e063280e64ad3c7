"""JSON values, and every way to spell them: for properties of what reads JSON."""

from random import Random
from typing import Any

from hypothesis import strategies as st

_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
_NUMBERS = st.sampled_from(["0", "-0", "1.10", "0.010", "1.0e3", "1E-2", "-7", "9223372036854775807", "0.0", "12e+5"])


class Number(str):
    """A number literal, spelled as it is to stand in the JSON."""


_SCALARS = st.none() | st.booleans() | _NUMBERS.map(Number) | _TEXT
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=12
)
_META = st.dictionaries(st.sampled_from(["versionId", "tag", "lastUpdated", "source", "profile"]), _TEXT)


def json_objects() -> st.SearchStrategy[dict[str, Any]]:
    """Objects of any content, often with an id and a meta."""
    fixed = st.fixed_dictionaries({}, optional={"id": _TEXT, "meta": _META})
    free = st.dictionaries(_TEXT.filter(lambda name: name not in ("id", "meta", "resourceType")), _VALUES, max_size=4)
    return st.tuples(free, fixed, st.booleans()).map(lambda parts: _merged(*parts))


def _merged(free: dict[str, Any], fixed: dict[str, Any], first: bool) -> dict[str, Any]:
    return {**fixed, **free} if first else {**free, **fixed}


def spelled(value: Any, random: Random) -> bytes:
    """A JSON text of the value with odd white space and escapes."""
    return _spell(value, random).encode()


def _spell(value: Any, random: Random) -> str:
    space = random.choice(["", "", " ", "\n", "\t\r\n "])
    if isinstance(value, dict):
        members = [f"{_string(name, random)}{space}:{_spell(item, random)}" for name, item in value.items()]
        return f"{space}{{{space}{f'{space},'.join(members)}{space}}}"
    if isinstance(value, list):
        return f"[{space}{f',{space}'.join(_spell(item, random) for item in value)}{space}]"
    if isinstance(value, Number):
        return f"{space}{str(value)}{space}"
    if isinstance(value, str):
        return _string(value, random)
    return {None: "null", True: "true", False: "false"}[value]


def _string(text: str, random: Random) -> str:
    return '"' + "".join(_char(char, random) for char in text) + '"'


def _char(char: str, random: Random) -> str:
    must = char in '"\\' or char < " "
    if not must and random.random() < 0.8:
        return char
    if char == "/" and random.random() < 0.5:
        return "\\/"
    code = char.encode("utf-16-be").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
