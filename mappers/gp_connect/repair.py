"""Primitives that R4 does not take, given a faithful form: the rest of the entry is worth more than one bad date.

A time without a zone is read in the zone of the source; anything else that is a string moves into an extension of the
element (`as-received`), which keeps it and claims nothing. https://hl7.org/fhir/R4/extensibility.html#Special-Case
"""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fhir_server.outcome import Issue
from mappers.mapper import Json
from profiles.canonical import CANONICAL

AS_RECEIVED = f"{CANONICAL}/StructureDefinition/as-received"
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_STEP = re.compile(r"([A-Za-z_]+)((?:\[\d+\])*)")


def repaired(resource: Json, issues: list[Issue], zone: ZoneInfo) -> list[Issue] | None:
    """Repair a resource in place. Gives what was done, or None where something is no primitive that can be repaired."""
    done: list[Issue] = []
    for issue in issues:
        if issue.severity in ("warning", "information"):
            continue
        place = issue.expression[0] if issue.expression else ""
        found = _owner(resource, place)
        if found is None:
            return None
        owner, name = found
        done.append(_repair(owner, name, place, zone))
    return done


def _repair(owner: Json, name: str, place: str, zone: ZoneInfo) -> Issue:
    value: str = owner[name]
    zoned = _zoned(value, zone)
    if zoned is not None:
        owner[name] = zoned
        return Issue("value", "The time has no zone; it is read as local time of the source.", (place,), "warning")
    del owner[name]
    sibling = owner.setdefault("_" + name, {})
    sibling.setdefault("extension", []).append({"url": AS_RECEIVED, "valueString": value})
    return Issue("value", "The value is not one that R4 takes; it is kept in an extension.", (place,), "warning")


def _zoned(value: str, zone: ZoneInfo) -> str | None:
    if not _WITHOUT_ZONE.fullmatch(value):
        return None
    try:
        offset = datetime.fromisoformat(value).replace(tzinfo=zone).strftime("%z")
    except (ValueError, OverflowError):
        return None
    return f"{value}{offset[:3]}:{offset[3:]}"


def _owner(resource: Json, place: str) -> tuple[Json, str] | None:
    """The object and the name under which the string at this FHIRPath lies; None where it is no string of an object."""
    current: Any = resource
    steps = place.split(".")[1:]
    for number, step in enumerate(steps):
        matched = _STEP.fullmatch(step)
        if matched is None or not isinstance(current, dict):
            return None
        name = _json_name(current, matched.group(1))
        if number == len(steps) - 1:
            # A string inside of a list has no owner with a name: its list cannot lose it.
            return (current, name) if not matched.group(2) and isinstance(current.get(name), str) else None
        current = current.get(name)
        for index in re.findall(r"\d+", matched.group(2)):
            if not isinstance(current, list) or int(index) >= len(current):
                return None
            current = current[int(index)]
    return None


def _json_name(owner: Json, step: str) -> str:
    """The JSON name of an element: a choice (`onset`) has its type behind it."""
    if step in owner:
        return step
    choices = [name for name in owner if name.startswith(step) and name[len(step) :][:1].isupper()]
    return choices[0] if len(choices) == 1 else step
