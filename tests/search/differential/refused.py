"""Questions that the server must refuse with 400: nothing of a question is ever left out."""

from tests.search.differential.values import Values
from tests.search.differential.world import parameters

BAD: dict[str, tuple[tuple[str, str], ...]] = {
    "date": (("", "yesterday"), ("", "xx2020"), ("", "2020-13"), ("", "2020-02-30"), ("", "ge"), (":exact", "2020")),
    "number": (("", "five"), ("", "5,"), ("", "--5"), (":not", "5"), ("", "ge")),
    "quantity": (("", "5|mg"), ("", "mg"), ("", "5|a|b|c"), ("", "gt|urn:a|mg"), (":text", "5")),
    "string": ((":not", "a"), (":below", "a"), ("", "  "), ("", "a,"), (":exact", "")),
    "token": (("", "|"), ("", "a|b|c"), (":exact", "a"), (":contains", "a"), ("", ",a")),
    "reference": (("", "Nothing/1"), (":Nothing", "1"), (":exact", "1"), ("", "#in"), ("", "a b"), (".", "1")),
    "uri": ((":exact", "urn:a"), (":not", "urn:a"), (":below", "urn:oid:1"), ("", "")),
    "composite": (("", "a"), ("", "a$b$c"), ("", "$5"), (":not", "a$5")),
}
"""By the type of parameter: what follows its name, and its value"""
NAMES = (
    "nothing",
    "_nothing",
    "_score",
    "phonetic",
    "_has:Observation:status:code",
    "_has:Observation:subject",
    "_has:X:a:b",
)


def refused(values: Values, resource_type: str) -> tuple[str, str]:
    """A parameter that is none of the type's, or has a modifier or a value that it cannot have."""
    if values.chance(0.2):
        return values.one(NAMES), "a"
    known = [each for each in parameters(resource_type).values() if each.type in BAD and each.expression]
    parameter = values.one([each for each in known if each.code != "_id"])
    if values.chance(0.2):
        return parameter.code + values.one((":missing", ":nonsense", ":")), "maybe"
    after, value = values.one(BAD[parameter.type])
    return parameter.code + after, value
