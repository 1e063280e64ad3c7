"""Where the rows of a search come from: which index drives it, chosen here and never left to the database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    HasWord,
    IdentifierIs,
    IdIs,
    InGroup,
    LastUpdatedIs,
    NumberIs,
    Prefix,
    QuantityIs,
    TermIs,
    TokenIs,
)
from fhir_server.store.entries import CANONICAL
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.collections import RESOURCE, SORTED
from fhir_server.store.mongodb.queries.access_match import RowAccess
from fhir_server.store.mongodb.queries.filters import Filter, after_all, all_of, any_of, beginning_with, one_of
from fhir_server.store.mongodb.queries.frequent import Frequent
from fhir_server.store.mongodb.queries.leaves import KeyRange, key_range
from fhir_server.store.mongodb.queries.resolved import Asked, Staged, conjuncts
from fhir_server.store.mongodb.queries.state import order_at
from fhir_server.store.mongodb.snapshots import Reader
from fhir_server.store.mongodb.words import is_frequent, wanted_by

FEW = 256
"""So few candidates need no better driver"""
FIRST_LIMIT, LAST_LIMIT = 1_000, 10_000
MOST_COUNTED = 4
MOST_DAYS = 3
"""So few days are asked for one by one"""
MOST_KEYS_IN_ORDER = 100
"""Up to how many keys an index is read for at once, each part in order"""

_SURE, _REFERS, _TEXT, _CODED, _RANGE, _TYPE = range(6)

_RANKS = {
    forms.IDENTIFIER: _SURE,
    forms.REFERENCE: _REFERS,
    forms.COMPARTMENT: _REFERS,
    forms.TARGET: _REFERS,
    forms.URI: _TEXT,
    forms.STRING: _TEXT,
    forms.EXACT: _TEXT,
    forms.INSIDE: _TEXT,
    forms.TOKEN: _CODED,
}


@dataclass(frozen=True, slots=True)
class Driver:
    """A source of candidates: documents for which `condition` holds, found by the index `by`.

    `rank`: the lower, the fewer they are likely to be. `ordered`: they come in the order of commits. `answered`: the
    criterion that all of them match; `visible`: all of them pass the filter. `hits`: how many there are, up to a limit,
    where that is known. `covered`: the index alone tells how many; others are counted by a look at each document, but
    for those of which an index tells about how many there are (`about`: the index, and what it is asked).
    """

    by: str
    condition: Filter
    rank: int
    ordered: bool = False
    answered: Asked | None = None
    hits: int | None = None
    visible: bool = False
    covered: bool = False
    about: tuple[str, Filter] | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Keys of which every row that matches has one; `complete`: every row that has one matches."""

    ranges: tuple[KeyRange, ...]
    rank: int
    complete: bool = True


def lookup(criterion: Asked) -> Lookup | None:
    """How a criterion is looked up among the keys; None where it is not."""
    match criterion:
        case Staged(ids=None, keys=keys) if keys:
            return Lookup(keys, _REFERS)
        case InGroup(group) if "#" in group:
            return Lookup((forms.key(forms.INSIDE, group),), _TEXT, False)
        case InGroup(_, criteria):
            return _any_lookup([_part_lookup(part) for part in _coded_alike(criteria)])
        case AnyOf(criteria):
            return _any_lookup([lookup(part) for part in criteria])
        case AllOf(criteria):
            known = [found for part in criteria if (found := lookup(part)) is not None]
            best = min(known, key=lambda each: each.rank, default=None)
            return None if best is None else replace(best, complete=best.complete and len(criteria) == 1)
        case TermIs():
            return _term_lookup(criterion)
        case _:
            keyed = key_range(criterion)
            if keyed is None or forms.place_of(keyed if isinstance(keyed, str) else keyed["$gte"]) == "c":
                return _any_text(criterion)
            return Lookup((keyed,), _RANKS[keyed[0]] if isinstance(keyed, str) else _RANGE)


def _any_text(criterion: Asked) -> Lookup | None:
    """How a code or value without a system, or a word, is looked up: by the text alone."""
    match criterion:
        case IdentifierIs(_, None, str(text)):
            return Lookup((forms.key(forms.ANY, text),), _SURE, False)
        case TokenIs(_, None, str(text)):
            return Lookup((forms.key(forms.ANY, text),), _CODED, False)
        case HasWord(_, word) if not is_frequent(word):
            return Lookup((forms.key(forms.ANY, word),), _CODED, False)
        case _:
            return None


def _term_lookup(asked: TermIs) -> Lookup | None:
    """A term is found by a word of it, or stands among the keys itself."""
    word, itself = wanted_by(asked), key_range(asked)
    if word is None or itself is None:
        return None
    text = forms.key(forms.ANY, word.text)
    return Lookup((text if word.whole else beginning_with(text), itself), _CODED if word.whole else _RANGE, False)


def _coded_alike(criteria: Sequence[Criterion]) -> Sequence[Criterion]:
    """The first of the criteria on a group that is a code, or alternatives that all are."""
    for part in conjuncts(criteria):
        alternatives = part.criteria if isinstance(part, AnyOf) else (part,)
        if alternatives and all(isinstance(each, TokenIs) and each.code is not None for each in alternatives):
            return alternatives  # type: ignore[return-value]
    return ()


def _part_lookup(criterion: Criterion) -> Lookup:
    assert isinstance(criterion, TokenIs)
    return Lookup((forms.key(forms.ANY, criterion.code or ""),), _CODED, False)


def _any_lookup(parts: Sequence[Lookup | None]) -> Lookup | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    ranges = tuple(each for part in known for each in part.ranges)
    return Lookup(ranges, max(part.rank for part in known), all(part.complete for part in known))


def drivers(type: str, criteria: Sequence[Asked], rows: RowAccess) -> list[Driver]:
    """The indexes that can narrow this search, the likely best first; the type itself is the last."""
    found = [driver for part in criteria for driver in _drivers(type, part)]
    found += _by_beside(type, criteria)
    visible = by_access(type, rows)
    if visible is not None:
        found.append(visible)
    return [
        *sorted(found, key=lambda driver: driver.rank),
        Driver("type", {"t": type}, _TYPE, ordered=True, covered=True),
    ]


def by_access(type: str | None, rows: RowAccess) -> Driver | None:
    """The index of keys, asked for the rows that a filter lets through; None where its rules have no keys."""
    visible = None if rows.everything else _any_lookup([_rule_lookup(rule.criteria) for rule in rows.allow])
    if visible is None:
        return None
    known_type = type is not None or all(rule.types is None for rule in rows.allow)
    return replace(_by_key(type, visible, None), visible=visible.complete and known_type and not rows.deny)


def _rule_lookup(criteria: Sequence[Asked]) -> Lookup | None:
    return lookup(AllOf(tuple(conjuncts(criteria))))  # type: ignore[arg-type]


def _drivers(type: str, criterion: Asked) -> list[Driver]:
    match criterion:
        case IdIs(ids) | Staged(ids=tuple(ids)):
            known = [forms.resource_id(type, id) for id in dict.fromkeys(ids)]
            return [Driver("_id_", one_of("_id", known), _SURE, answered=criterion, hits=len(known))]
        case LastUpdatedIs():
            bounds = _order_bounds(criterion)
            return [Driver("type", {"t": type, "o": bounds}, _RANGE, ordered=True, covered=True)] if bounds else []
        case DateIs() | NumberIs() | QuantityIs():
            return _by_range(type, criterion)
        case _:
            known_keys = lookup(criterion)
            return [] if known_keys is None else [_by_key(type, known_keys, criterion)]


def _by_key(type: str | None, found: Lookup, criterion: Asked | None) -> Driver:
    keys = [each for each in found.ranges if isinstance(each, str)]
    bounds = [{"e.k": {"$elemMatch": each}} for each in found.ranges if not isinstance(each, str)]
    parts = [one_of("e.k", keys), *bounds] if keys else bounds
    of_type: Filter = {} if type is None else {"t": type}
    condition = any_of([all_of([part, of_type]) for part in parts])
    ordered = not bounds and len(keys) <= MOST_KEYS_IN_ORDER
    answered = criterion if found.complete else None
    return Driver("key", condition, found.rank, ordered, answered, covered=not bounds)


def _order_bounds(asked: LastUpdatedIs) -> Filter:
    """Orders begin with the milliseconds that `_lastUpdated` is asked for."""
    low, high = order_at(asked.low // 1_000 - 1), order_at(asked.high // 1_000 + 2)
    low_end = order_at(asked.low // 1_000 + 2)
    bounds: dict[Prefix, Filter] = {
        "eq": {"$gte": low, "$lt": high},
        "gt": {"$gte": order_at(asked.high // 1_000 - 1)},
        "ge": {"$gte": low},
        "sa": {"$gte": order_at(asked.high // 1_000 - 1)},
        "lt": {"$lt": low_end},
        "le": {"$lt": high},
        "eb": {"$lt": low_end},
        "ap": {"$gte": low, "$lt": high},
    }
    return bounds.get(asked.prefix, {})


def _by_range(type: str, asked: DateIs | NumberIs | QuantityIs) -> list[Driver]:
    name: Filter = {"f": forms.field(type, asked.param)}
    if isinstance(asked, DateIs):
        bounds = _date_bounds(asked)
        if not bounds:
            return []
        by = "date" if "l" in bounds else "date_end"
        return [Driver(by, _some("d", {**name, **bounds}, type), _RANGE, about=_about(type, asked))]
    bounds = _number_bounds(asked)
    if not bounds:
        return []
    if isinstance(asked, NumberIs):
        return [Driver("number", _some("n", {**name, **bounds}, type), _RANGE)]
    if asked.unit is None or (asked.system is not None and asked.system != CANONICAL):
        return []
    return [Driver("quantity", _some("q", {**name, "u": asked.unit, **bounds}, type), _RANGE)]


def _about(type: str, asked: DateIs) -> tuple[str, Filter] | None:
    """Where an index has the latest date of each resource: most have one."""
    place = f"z.{forms.sort_field('d', asked.param)}.b"
    if place not in SORTED:
        return None
    ends: Filter = {}
    if asked.prefix not in ("lt", "le", "eb"):
        ends["$gte"] = asked.low
    if asked.prefix not in ("gt", "ge", "sa"):
        ends["$lte"] = asked.high
    return SORTED[place], {"t": type, place: ends}


def _by_beside(type: str, criteria: Sequence[Asked]) -> list[Driver]:
    """The keys of quantities and days beside a code, where both are asked for."""
    codes = [part for part in criteria if isinstance(part, TokenIs) and part.code is not None]
    found = []
    for asked in criteria:
        if not isinstance(asked, QuantityIs | DateIs) or asked.prefix == "ne":
            continue
        for code in codes if isinstance(asked, DateIs) or asked.system != CANONICAL else ():
            if code.param in asked.beside:
                first = forms.beginning(forms.BESIDE, asked.param, code.param, code.code or "")
                found.append(_beside(type, asked, first))
    return found


def _beside(type: str, asked: QuantityIs | DateIs, first: str) -> Driver:
    if isinstance(asked, QuantityIs):
        return Driver("key", _some_key(type, _beside_bounds(asked, first)), _RANGE)
    days = _days(asked)
    if days is not None:
        known = [first + day for day in days]
        return Driver("key", {"e.k": {"$in": known}, "t": type}, _TEXT, ordered=True, covered=True)
    return Driver("key", _some_key(type, _day_bounds(asked, first)), _RANGE)


def _some_key(type: str, bounds: Filter) -> Filter:
    return {"e.k": {"$elemMatch": bounds}, "t": type}


def _days(asked: DateIs) -> list[str] | None:
    """The days on one of which every date begins that matches, where they are few: none is empty, so none begins at the
    end of what is asked for."""
    first, last = (forms.day_text(moment) for moment in (asked.low, asked.high - 1))
    few = asked.prefix == "eq" and int(last) - int(first) < MOST_DAYS
    return [f"{day:07}" for day in range(int(first), int(last) + 1)] if few else None


def _day_bounds(asked: DateIs, first: str) -> Filter:
    """Bounds that the first or last day of every date that matches keeps."""
    low, high = first + forms.day_text(asked.low), first + forms.day_text(asked.high)
    before_low = first + forms.day_text(asked.low - 1)
    bounds: dict[Prefix, Filter] = {
        "eq": {"$gte": low, "$lte": high},
        "gt": {"$gte": high, "$lt": after_all(first)},
        "ge": {"$gte": before_low, "$lt": after_all(first)},
        "sa": {"$gte": high, "$lt": after_all(first)},
        "lt": {"$gte": first, "$lte": low},
        "le": {"$gte": first, "$lte": high},
        "eb": {"$gte": first, "$lte": low},
        "ap": {"$gte": first, "$lte": high},
    }
    return bounds[asked.prefix]


def _beside_bounds(asked: QuantityIs, first: str) -> Filter:
    """Bounds that an end of every quantity that matches keeps."""
    low, high, least, greatest = first + asked.low, first + asked.high, first, after_all(first)
    bounds: dict[Prefix, Filter] = {
        "eq": {"$gte": low, "$lt": high},
        "gt": {"$gt": low, "$lt": greatest},
        "ge": {"$gte": low, "$lt": greatest},
        "sa": {"$gt": low, "$lt": greatest},
        "lt": {"$gte": least, "$lt": low},
        "le": {"$gte": least, "$lte": low},
        "eb": {"$gte": least, "$lt": low},
        "ap": {"$gte": least, "$lt": high},
    }
    return bounds[asked.prefix]


def _some(part: str, matching: Filter, type: str) -> Filter:
    return {f"e.{part}": {"$elemMatch": matching}, "t": type}


def _date_bounds(asked: DateIs) -> Filter:
    """Bounds that every date that matches keeps; `ne` has none: almost every value is another."""
    low, high = asked.low, asked.high
    bounds: dict[Prefix, Filter] = {
        "eq": {"l": {"$gte": low, "$lte": high}, "h": {"$lte": high}},
        "gt": {"h": {"$gt": high}},
        "lt": {"l": {"$lt": low}},
        "ge": {"h": {"$gte": low}},
        "le": {"l": {"$lte": high}},
        "sa": {"l": {"$gte": high}},
        "eb": {"h": {"$lte": low}},
        "ap": {"l": {"$lt": high}, "h": {"$gt": low}},
    }
    return bounds.get(asked.prefix, {})


def _number_bounds(asked: NumberIs | QuantityIs) -> Filter:
    """As for dates; nothing leads to ranges by where they end."""
    low, high = asked.low, asked.high
    bounds: dict[Prefix, Filter] = {
        "eq": {"l": {"$gte": low, "$lt": high}},
        "lt": {"l": {"$lt": low}},
        "le": {"l": {"$lte": low}},
        "sa": {"l": {"$gt": low}},
        "eb": {"l": {"$lt": low}},
        "ap": {"l": {"$lt": high}},
    }
    return bounds.get(asked.prefix, {})


async def counted(reader: Reader, driver: Driver, limit: int, frequent: Frequent | None = None) -> Driver:
    """The driver with its hits counted, up to the limit; not counted where it is known that there are so many: of codes
    and ranges, which are asked for again and again in few words."""
    if driver.hits is not None:
        return driver
    remembered = frequent if driver.rank >= _CODED else None
    if remembered is not None and remembered.has(driver.by, driver.condition, limit):
        return replace(driver, hits=limit)
    count: list[Filter] = [{"$match": driver.condition}, {"$limit": limit}, {"$count": "n"}]
    found = await reader.ask(RESOURCE, count, hint=driver.by)
    hits = found[0]["n"] if found else 0
    if remembered is not None and hits >= limit >= FIRST_LIMIT:
        remembered.note(driver.by, driver.condition, limit)
    return replace(driver, hits=hits)


async def best(
    reader: Reader, choices: Sequence[Driver], frequent: Frequent, *, ordered: bool, many: int = LAST_LIMIT
) -> Driver:
    """The driver with the fewest candidates, as far as that is worth asking; `ordered`: where there are many, one that
    gives them in the order of commits is better. `many`: above so many it does not matter how many there are."""
    narrowing = choices[:-1]
    if not narrowing:
        return choices[-1]
    if len(narrowing) == 1 and ordered and narrowing[0].ordered:
        return narrowing[0]
    known = list(narrowing[:MOST_COUNTED])
    looks = FEW + 1 if any(choice.covered for choice in known) else FIRST_LIMIT
    for most in (FIRST_LIMIT, many) if many > FIRST_LIMIT else (FIRST_LIMIT,):
        for place, choice in enumerate(known):
            if choice.hits is None or choice.hits >= FIRST_LIMIT:
                known[place] = await _weighed(reader, narrowing[place], most, looks, frequent)
            if (known[place].hits or 0) < min(FEW, most):
                return known[place]
        found = min(known, key=lambda driver: (driver.hits or 0, driver.rank))
        if (found.hits or 0) < most:
            return found
    if ordered:
        return next((driver for driver in known if driver.ordered), choices[-1])
    return found


async def _weighed(reader: Reader, driver: Driver, most: int, looks: int, frequent: Frequent) -> Driver:
    """The driver with its hits up to the limit; of one that is costly to count it is known only whether it has few."""
    if driver.covered or driver.hits is not None:
        return await counted(reader, driver, most, frequent)
    if driver.about is not None:
        index, condition = driver.about
        like = await counted(reader, Driver(index, condition, driver.rank), most, frequent)
        return replace(driver, hits=like.hits)
    if most > FIRST_LIMIT:
        return replace(driver, hits=most)
    few = await counted(reader, driver, min(looks, most), frequent)
    return few if (few.hits or 0) < looks else replace(driver, hits=most)
