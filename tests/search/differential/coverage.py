"""What of the grammar a question uses: a run tells how often each part was asked, and how often it told something."""

import re
from collections.abc import Iterator

from tests.search.differential.comparing import Question
from tests.search.differential.escapes import split
from tests.search.differential.world import parameters

PREFIXED = frozenset({"date", "number", "quantity"})


def parts_of(question: Question) -> set[str]:
    """The parts of the grammar in a question."""
    if question.refused:
        return {"refused"}
    found = {part for name, text in question.parameters for part in _parts(question.types[0], name, text)}
    found |= {f"{len(question.parameters)} conditions"}
    asked = {
        "in a compartment": question.compartment,
        "several types": len(question.types) > 1,
        f"_contained={question.contained}": question.contained,
        "_sort": question.sort,
        "pages": question.page,
        "POST": question.posted,
        **{name: True for name, _ in question.includes},
    }
    return found | {name for name, used in asked.items() if used}


def _parts(resource_type: str, name: str, text: str) -> Iterator[str]:
    """The parts of one parameter; of a chain those of its end."""
    while True:
        if name.startswith("_has:"):
            yield "_has"
            _, resource_type, _, name = name.split(":", 3)
        elif match := re.match(r"([\w-]+)(?::(\w+))?\.", name):
            yield "chain with a type" if match[2] else "chain without a type"
            resource_type, name = match[2] or "", name[match.end() :]
        else:
            break
    code, _, modifier = name.partition(":")
    known = parameters(resource_type) if resource_type else {}
    kind = known[code].type if code in known and not code.startswith("_") else code if code.startswith("_") else ""
    if not kind:
        return
    yield f"{kind} :{'Type' if modifier[:1].isupper() else modifier}" if modifier else kind
    if len(split(text, ",")) > 1:
        yield "alternatives"
    if kind in PREFIXED and not modifier:
        for each in split(text, ","):
            yield f"{kind} {each[:2] if each[:2].isalpha() else 'without a prefix'}"
