"""Real records made worse in one or a few places, as sources do: dropped, doubled, retyped, misdirected, swapped."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from mappers.mapper import Json

_VALUES: tuple[Any, ...] = (None, True, 7, "19", "", [], {}, ["x"], {"x": 1}, "\u0000", "Patient/other")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, record: Json) -> Json:
    """The record with one to three mutations."""
    worse = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 3))):
        if not worse["entry"]:
            break
        draw(st.sampled_from([_drop, _double, _retype, _misdirect, _swap_ids]))(draw, worse)
    return worse


def _entry(draw: st.DrawFn, record: Json) -> Json:
    found: Json = record["entry"][draw(st.integers(0, len(record["entry"]) - 1))]
    return found


def _place(draw: st.DrawFn, record: Json) -> tuple[Any, Any] | None:
    """Some object or list inside of some entry, and a key or index of it."""
    entry = _entry(draw, record)
    found = [path for path in places(entry) if path != ("resource",)]
    if not found:
        return None
    *way, last = found[draw(st.integers(0, len(found) - 1))]
    owner: Any = entry
    for step in way:
        owner = owner[step]
    return owner, last


def _drop(draw: st.DrawFn, record: Json) -> None:
    place = _place(draw, record)
    if place is not None:
        del place[0][place[1]]


def _double(draw: st.DrawFn, record: Json) -> None:
    """An entry a second time, perhaps with other content, or an item of a list twice."""
    if draw(st.booleans()):
        twin = copy.deepcopy(_entry(draw, record))
        if draw(st.booleans()) and isinstance(twin.get("resource"), dict):
            twin["resource"]["status"] = "entered-in-error"
        record["entry"].append(twin)
        return
    place = _place(draw, record)
    if place is not None and isinstance(place[0], list):
        place[0].append(copy.deepcopy(place[0][place[1]]))


def _retype(draw: st.DrawFn, record: Json) -> None:
    place = _place(draw, record)
    if place is not None:
        place[0][place[1]] = copy.deepcopy(draw(st.sampled_from(_VALUES)))


def _misdirect(draw: st.DrawFn, record: Json) -> None:
    """A reference that leads to nothing, to something else, or to somebody else."""
    entry = _entry(draw, record)
    found = [path for path in places(entry) if path[-1] == "reference"]
    if not found:
        return
    *way, last = found[draw(st.integers(0, len(found) - 1))]
    owner: Any = entry
    for step in way:
        owner = owner[step]
    owner[last] = draw(st.sampled_from(["Observation/none", "Patient/other", "#none", "nonsense", "", "Practitioner/"]))


def _swap_ids(draw: st.DrawFn, record: Json) -> None:
    one, other = _entry(draw, record).get("resource"), _entry(draw, record).get("resource")
    if isinstance(one, dict) and isinstance(other, dict) and "id" in one and "id" in other:
        one["id"], other["id"] = other["id"], one["id"]
