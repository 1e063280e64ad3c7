"""Comparisons of the ranges and texts of a resource with those that a criterion asks for, as SQL.

https://hl7.org/fhir/R4/search.html#prefix, https://hl7.org/fhir/R4/search.html#number
"""

from fhir_server.store.criteria import EARTH_METRES, IsNear, Prefix
from fhir_server.store.sqlite.queries.sql import Sql, Value

DATE_CONDITIONS: dict[Prefix, tuple[str, str]] = {
    "eq": ("({low}>=? AND {high}<=?)", "LH"),
    "ne": ("({low}<? OR {high}>?)", "LH"),
    "gt": ("{high}>?", "H"),
    "lt": ("{low}<?", "L"),
    "ge": ("({high}>? OR {low}>=?)", "HL"),
    "le": ("({low}<? OR {high}<=?)", "LH"),
    "sa": ("{low}>=?", "H"),
    "eb": ("{high}<=?", "L"),
    "ap": ("({low}<? AND {high}>?)", "HL"),
}
"""Half-open ranges against half-open ranges"""

NUMBER_CONDITIONS: dict[Prefix, tuple[str, str]] = {
    "eq": ("({low}>=? AND {high}<?)", "LH"),
    "ne": ("({low}<? OR {high}>=?)", "LH"),
    "gt": ("{high}>?", "L"),
    "lt": ("{low}<?", "L"),
    "ge": ("{high}>=?", "L"),
    "le": ("{low}<=?", "L"),
    "sa": ("{low}>?", "L"),
    "eb": ("{high}<?", "L"),
    "ap": ("({low}<? AND {high}>=?)", "HL"),
}
"""Closed ranges against half-open ranges, or against their lower end"""


def date_condition(prefix: Prefix, low: str, high: str, asked_low: int, asked_high: int) -> Sql:
    """The comparison of the range of time in the SQL expressions `low` and `high` with the one asked for."""
    return _compared(*DATE_CONDITIONS[prefix], low, high, asked_low, asked_high)


def number_condition(prefix: Prefix, low: str, high: str, asked_low: str, asked_high: str) -> Sql:
    """As `date_condition`, of numbers by their keys."""
    return _compared(*NUMBER_CONDITIONS[prefix], low, high, asked_low, asked_high)


def _compared(text: str, order: str, low: str, high: str, asked_low: Value, asked_high: Value) -> Sql:
    asked = {"L": asked_low, "H": asked_high}
    return Sql(text.format(low=low, high=high), tuple(asked[name] for name in order))


def text_condition(column: str, text: str, how: str) -> Sql:
    """The comparison of a folded text with the one asked for."""
    if how == "equals":
        return Sql(f"{column}=?", (text,))
    if how == "starts":
        return Sql(f"substr({column}, 1, ?)=?", (len(text), text))
    return Sql(f"instr({column}, ?)", (text,))


def near_condition(latitude: str, longitude: str, asked: IsNear) -> Sql:
    """The great-circle distance by the haversine formula, which is exact for near points too."""
    half = (
        "min(1.0, sqrt(pow(sin(radians({0}-?)/2), 2)+cos(radians({0}))*cos(radians(?))*pow(sin(radians({1}-?)/2), 2)))"
    )
    text = half.format(latitude, longitude)
    values = (asked.latitude, asked.latitude, asked.longitude, asked.metres)
    return Sql(f"{2 * EARTH_METRES}*asin({text})<=?", values)


def text_bounds(column: str, text: str) -> Sql:
    """The part of an index in which every text that starts with this one lies, and no other text."""
    upper = successor(text)
    return Sql(f"{column}>=?", (text,)) if upper is None else Sql(f"{column}>=? AND {column}<?", (text, upper))


def successor(text: str) -> str | None:
    """The least text that is above every text that starts with this one; None where there is none."""
    while text:
        last = ord(text[-1])
        if last < 0x10FFFF:
            return text[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        text = text[:-1]
    return None
