"""Questions over the whole grammar of search, about what a world holds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.definitions.structures import SearchParameter
from tests.search.differential.comparing import Question
from tests.search.differential.escapes import escaped
from tests.search.differential.filter_texts import Filters
from tests.search.differential.ordering import SORTABLE
from tests.search.differential.reference import HIERARCHIES, addresses, ancestors, in_compartment, matches
from tests.search.differential.references import Address
from tests.search.differential.refused import refused
from tests.search.differential.resources import KINDS
from tests.search.differential.texts import content, narrative
from tests.search.differential.values import PREFIXES, Values
from tests.search.differential.world import Json, Value, World, parameter_type, parameters

NOT_ASKED = frozenset({"_query", "_filter", "phonetic", "part-agree", "age", "birthOrderBoolean"})
COMPARTMENTS = ("Patient", "Practitioner", "Encounter")
OFTENER = (
    "Observation",
    "Observation",
    "Observation",
    "RiskAssessment",
    "RiskAssessment",
    "Condition",
    "Patient",
    "Location",
    "Encounter",
)
"""Types that have the parameters with most rules"""
COMMON = (
    "_id",
    "_lastUpdated",
    "_tag",
    "_profile",
    "_security",
    "_source",
    "_content",
    "identifier",
    "patient",
    "date",
)
"""Parameters that may be asked of several types at once"""
NOT_INSIDE = frozenset({"_id", "_lastUpdated", "_text", "_content", "_filter", "_list", "near"})
"""Parameters that are not asked of what lies inside another resource"""
FEW_TARGETS = 20
"""A reference that may have more types is followed with a type: each type counts towards the limit of a search"""
SHARES = {
    "token": 5,
    "reference": 4,
    "date": 4,
    "string": 4,
    "quantity": 4,
    "number": 9,
    "uri": 1,
    "composite": 2,
    "special": 2,
}
"""How often each type of parameter is asked for, of those that a resource has"""
TRIES = 5
DEEPEST = 3

Parameter = tuple[str, str]


class Asker:
    """Asks about one world."""

    def __init__(self, values: Values, world: World) -> None:
        self.values = values
        self.one, self.chance = values.one, values.chance
        self.world = world
        self.referring: dict[tuple[str, str], list[tuple[Json, str]]] = {}
        for other, code, address in _links(world):
            self.referring.setdefault(address.place, []).append((other, code))

    def question(self) -> Question:
        """A search with one to three conditions, most of them about one resource, so that something is found."""
        lot = self.values.random.random()
        if lot < 0.06:
            return self.of_types()
        if lot < 0.1:
            return self.contained()
        resource_type = self.one([*KINDS, *OFTENER])
        about = self.one(self.world.of_type(resource_type))
        conditions = [self.met(about) for _ in range(self.one((1, 1, 1, 1, 2, 2, 3)))]
        if self.chance(0.04):
            conditions.insert(0, refused(self.values, resource_type))
            return Question((resource_type,), tuple(conditions), refused=True)
        compartment = self.compartment(about) if self.chance(0.08) else ""
        sort = self.sort(about) if self.chance(0.2) else ""
        if self.chance(0.1):
            return Question((resource_type,), tuple(conditions), compartment, "", sort, self.includes(about))
        page = self.one((1, 2, 3)) if self.chance(0.15) else 0
        return Question((resource_type,), tuple(conditions), compartment, "", sort, (), page, self.chance(0.1))

    def includes(self, about: Json) -> tuple[Parameter, ...]:
        """What is to come with the results: what they refer to, and what refers to them."""
        found = [("_revinclude", f"{other['resourceType']}:{code}") for other, code in self.about(about)]
        for parameter in parameters(about["resourceType"]).values():
            if parameter.type == "reference" and "canonical" not in parameter.code:
                name = f"{about['resourceType']}:{parameter.code}"
                found += [("_include", name)] if parameter.expression and parameter.code not in NOT_ASKED else []
                found += [
                    ("_include", f"{name}:{to.type}") for to in addresses(self.world, about, parameter.code) if to.type
                ]
        return tuple(dict.fromkeys(self.one(found) for _ in range(self.one((1, 1, 2)) if found else 0)))

    def about(self, resource: Json) -> list[tuple[Json, str]]:
        """What refers to a resource, by which parameters."""
        return self.referring.get((resource["resourceType"], resource["id"]), [])

    def of_types(self) -> Question:
        """A search of several types, by parameters that all have."""
        about = self.one(list(self.world.by_place.values()))
        others = [self.one(sorted(KINDS)) for _ in range(self.one((1, 2, 3)))]
        compartment = self.compartment(about) if self.chance(0.3) else ""
        members = r4().compartment(compartment.partition("/")[0]).parameters if compartment else KINDS
        types = tuple(dict.fromkeys(each for each in (about["resourceType"], *others) if each in members))
        common = [code for code in COMMON if all(code in parameters(each) for each in types)]
        conditions = []
        for code in sorted({self.one(common) for _ in range(self.one((1, 1, 2)))}):
            modifier, text = self.value(about, parameters(about["resourceType"])[code])
            plain = modifier not in ("above", "below") or code in ("_profile", "_source")
            conditions.append((f"{code}:{modifier}" if modifier and plain else code, text if plain else "1"))
        sort = self.one(("", "_id", "-_id", "_lastUpdated,-_id"))
        return Question(types, tuple(conditions), compartment, "", sort, (), self.one((0, 0, 2, 5)))

    def contained(self) -> Question:
        """A search for what lies inside other resources."""
        inside = [part for each in self.world.by_place.values() for part in each.get("contained", [])]
        about = self.one(inside or self.world.of_type("Practitioner"))
        conditions: list[Parameter] = []
        while not conditions or self.chance(0.3):
            name, text = self.plain(about)
            code, _, modifier = name.partition(":")
            if code not in NOT_INSIDE and not (
                "reference" in parameters(about["resourceType"])[code].type and modifier
            ):
                conditions.append((name, text))
        which, sort = self.one(("true", "true", "both")), self.one(("", "_id", "-_lastUpdated"))
        return Question((about["resourceType"],), tuple(conditions), "", which, sort, (), self.one((0, 0, 2)))

    def compartment(self, about: Json) -> str:
        """A compartment that the type can be in, one that holds the resource where there is one."""
        name = self.one(
            [each for each in COMPARTMENTS if about["resourceType"] in r4().compartment(each).parameters] or [""]
        )
        if not name:
            return ""
        places = [f"{name}/{each['id']}" for each in self.world.of_type(name)]
        holding = [each for each in places if in_compartment(self.world, about, each)]
        return str(self.one(holding or places))

    def sort(self, about: Json) -> str:
        """One or two keys, each ascending or descending."""
        known = parameters(about["resourceType"]).values()
        codes = [
            each.code for each in known if each.type in SORTABLE and each.expression and each.code not in NOT_ASKED
        ]
        keys = [self.one(("", "-")) + self.one((*codes, "_id")) for _ in range(self.one((1, 1, 2)))]
        return ",".join(keys)

    def met(self, about: Json) -> Parameter:
        """A condition; mostly one that the resource meets, as the reference has it."""
        tries = TRIES if self.chance(0.65) else 1
        for _ in range(tries):
            name, text = self.condition(about, DEEPEST)
            if matches(self.world, about, name, text) or ("$" in text and self.chance(0.5)):
                break
        return name, text

    def condition(self, about: Json, depth: int) -> Parameter:
        """One parameter: plain, along a reference, or backwards along one."""
        lot = self.values.random.random()
        if depth and lot < 0.15:
            chained = self.chain(about, depth)
            if chained is not None:
                return chained
        if depth and 0.15 < lot < 0.27:
            reverse = self.reverse_chain(about, depth)
            if reverse is not None:
                return reverse
        if lot > 0.98:
            return self.in_list(about)
        if lot > 0.93 and depth == DEEPEST:
            return "_filter", Filters(self).expression(about, DEEPEST)
        return self.plain(about)

    def chain(self, about: Json, depth: int) -> Parameter | None:
        """A condition on what a reference leads to."""
        inside = self.chain_inside(about)
        if inside is not None and self.chance(0.5):
            return inside
        found = [
            (parameter, address)
            for parameter in parameters(about["resourceType"]).values()
            if parameter.type == "reference" and "canonical" not in parameter.code
            for address in addresses(self.world, about, parameter.code)
            if address.place in self.world.by_place
        ]
        if not found:
            return None
        parameter, address = self.one(found)
        name, text = self.condition(self.world.by_place[address.place], depth - 1)
        typed = len(parameter.targets) > FEW_TARGETS or self.chance(0.5) or not _open(name)
        return f"{parameter.code}{f':{address.type}' if typed else ''}.{name}", text

    def chain_inside(self, about: Json) -> Parameter | None:
        """A condition on what a reference leads to inside the resource."""
        found = [
            (parameter.code, each)
            for parameter in parameters(about["resourceType"]).values()
            if parameter.type == "reference"
            for each in self.world.inside(about, parameter.code)
        ]
        if not found:
            return None
        code, inside = self.one(found)
        name, text = self.plain(inside)
        return f"{code}:{inside['resourceType']}.{name}", text

    def reverse_chain(self, about: Json, depth: int) -> Parameter | None:
        """A condition on what refers to it."""
        found = self.about(about)
        if not found:
            return None
        other, code = self.one(found)
        name, text = self.condition(other, depth - 1)
        return f"_has:{other['resourceType']}:{code}:{name}", text

    def in_list(self, about: Json) -> Parameter:
        """The items of a List, of one that has it where there is one."""
        lists = self.world.of_type("List")
        holding = [each["id"] for each in lists if matches(self.world, about, "_list", each["id"])]
        return "_list", self.one(("", "List/")) + self.one(holding or [each["id"] for each in lists])

    def plain(self, about: Json) -> Parameter:
        """A parameter, mostly one that the resource has a value for."""
        parameter = self.chosen(about)
        if self.chance(0.06) and parameter.code not in ("_id", "_lastUpdated"):
            return f"{parameter.code}:missing", self.one(("true", "false"))
        modifier, text = self.value(about, parameter)
        alternatives = [text]
        while self.chance(0.25):
            others = self.world.of_type(about["resourceType"])
            same, another = self.value(self.one(others), parameter)
            if same == modifier:
                alternatives.append(another)
        self.values.random.shuffle(alternatives)
        return parameter.code + (f":{modifier}" if modifier else ""), ",".join(alternatives)

    def chosen(self, about: Json) -> SearchParameter:
        """A parameter, mostly one that the resource has a value for."""
        known = {
            code: each
            for code, each in parameters(about["resourceType"]).items()
            if code not in NOT_ASKED and (each.expression or code in ("_text", "_content"))
        }
        present = [code for code in known if code in ("_text", "_content") or self.world.values(about, code)]
        codes = present if self.chance(0.85) else list(known)
        if self.chance(0.8):
            codes = [code for code in codes if not code.startswith("_")] or codes
        kinds = [kind for kind in sorted({known[code].type for code in codes}) for _ in range(SHARES[kind])]
        kind = self.one(kinds)
        return known[self.one([code for code in codes if known[code].type == kind])]

    def value(self, about: Json, parameter: SearchParameter) -> tuple[str, str]:
        """Modifier and value, near one of the values that a resource has for a parameter."""
        code = parameter.code
        if code in ("_text", "_content"):
            words = sorted(narrative(about) if code == "_text" else content(about)) or ["blood"]
            return "", " ".join(self.one(words) for _ in range(self.one((1, 1, 2))))
        if code == "_id":
            return "", self.one((about["id"], about["id"], "gone"))
        if code == "near":
            near = (self.one(("53", "53.5", "0", "89")), self.one(("0", "-2", "179", "-179")))
            return "", "|".join(
                (*near, *self.one(((), ("1",), ("200",), ("90000", "m"), ("60", "mi"), ("1000", "km"))))
            )
        if parameter.type == "composite":
            return "", self.composite(about, parameter)
        values = self.world.values(about, code) or [
            each for other in self.world.of_type(about["resourceType"]) for each in self.world.values(other, code)
        ]
        if not values:
            return self.by_default(parameter)
        return self.by_type((about["resourceType"], code), parameter.type, self.one(values))

    def by_type(self, place: tuple[str, str], kind: str, found: Value) -> tuple[str, str]:
        name, value = found
        if kind == "date":
            return "", self.values.near_date(name, value)
        if kind == "number":
            numbers = [each["value"] for each in value.values()] if isinstance(value, dict) else [value]
            return "", self.values.near_number(Decimal(self.one(numbers)))
        if kind == "quantity":
            return "", self.values.near_quantity(name, value)
        if kind == "string":
            return self.values.near_string(name, value)
        if kind == "uri":
            return self.values.near_uri(value)
        if kind == "token":
            return self.values.near_token(place, name, value)
        return self.reference(place, value)

    def by_default(self, parameter: SearchParameter) -> tuple[str, str]:
        """A value for a parameter that no resource has one for."""
        prefix = self.one(PREFIXES)
        texts = {"date": f"{prefix}2020", "number": f"{prefix}5", "quantity": f"{prefix}5.4", "uri": "urn:oid:1.2.3"}
        if parameter.type == "reference":
            return "", f"{parameter.targets[0]}/1"
        return "", texts.get(parameter.type, "true")

    def reference(self, place: tuple[str, str], value: Any) -> tuple[str, str]:
        """A Reference or canonical, in one of the ways to ask for it."""
        if isinstance(value, str):
            return self.canonical(value)
        identifier, address = value.get("identifier"), self.world.address(value)
        if identifier is not None and (self.chance(0.5) or address is None):
            return "identifier", self._identifier(identifier)
        if address is None:
            return "", self.one(("1", "2"))
        if not address.type:
            return "", escaped(address.id + self.one(("", "/_history/1")))
        return self.local(address)

    def local(self, address: Address) -> tuple[str, str]:
        """A reference to a resource of this server."""
        where = f"{address.type}/{address.id}"
        lot = self.values.random.random()
        if lot < 0.2 and address.type in HIERARCHIES:
            return self.hierarchy(address)
        if lot < 0.35:
            return address.type, self.one((address.id, where))
        version = address.version or self.one("12")
        return "", self.one((where, where, address.id, f"{self.world.base}/{where}", f"{where}/_history/{version}"))

    def hierarchy(self, address: Address) -> tuple[str, str]:
        """What the place is below or above, if it is below or above anything."""
        places = [Address(address.type, each["id"]) for each in self.world.of_type(address.type)]
        modifier = self.one(("above", "below"))
        pairs = [(address, each) if modifier == "below" else (each, address) for each in places]
        related = [
            each
            for each, (lower, upper) in zip(places, pairs, strict=True)
            if upper.place in ancestors(self.world, lower)
        ]
        chosen = self.one([each for each in related if each.place != address.place] or places)
        return modifier, self.one((f"{chosen.type}/{chosen.id}", chosen.id))

    def canonical(self, value: str) -> tuple[str, str]:
        url, _, version = value.partition("|")
        if self.chance(0.3):
            return "below", self.one((value, url, f"{url}|{version[:1] or 1}"))
        return "", self.one((value, url, f"{url}|1"))

    def _identifier(self, identifier: Any) -> str:
        system, text = escaped(identifier.get("system", "")), escaped(identifier.get("value", ""))
        forms = [text, f"{system}|{text}", f"|{text}", f"{system}|"] if text else [f"{system}|"]
        return str(self.one([each for each in forms if each != "|"]))

    def composite(self, about: Json, parameter: SearchParameter) -> str:
        """A value for each component, mostly of the same element, of those that have a value for every component."""
        elements = [self._components(about, parameter, each) for each in self.world.values(about, parameter.code)]
        whole = [each for each in elements if all(each)] or elements or [[[] for _ in parameter.components]]
        chosen = self.one(whole)
        mixed = len(whole) > 1 and self.chance(0.6)
        return "$".join(
            self._component(url, self.one(whole)[place] if mixed else chosen[place])
            for place, (url, _) in enumerate(parameter.components)
        )

    def _components(self, about: Json, parameter: SearchParameter, element: Value) -> list[list[Value]]:
        """The values of each component in an element."""
        marked = {**element[1], "resourceType": element[0]}
        expressions = [text.replace("as(DateTime)", "as(dateTime)") for _, text in parameter.components]
        return [self.world.evaluated(marked, each, about) for each in expressions]

    def _component(self, url: str, found: list[Value]) -> str:
        if not found:
            kind = "reference" if url.endswith("DocumentReference-relation") else parameter_type(url)
            return {"reference": "DocumentReference/1", "quantity": "5.4", "date": "2020", "string": "blood"}.get(
                kind, "a"
            )
        name, value = found_value = self.one(found)
        kind = "reference" if name == "Reference" else "token" if name == "code" else parameter_type(url)
        asked = [self.by_type(("", ""), kind, found_value) for _ in range(9)]
        return next((text for modifier, text in asked if not modifier), "Patient/1" if kind == "reference" else "a")


def _links(world: World) -> Iterator[tuple[Json, str, Address]]:
    """Every reference of every resource, with the parameter that finds it."""
    for resource in world.by_place.values():
        for parameter in parameters(resource["resourceType"]).values():
            if parameter.type == "reference" and "canonical" not in parameter.code:
                for address in addresses(world, resource, parameter.code):
                    yield resource, parameter.code, address


def _open(name: str) -> bool:
    """Whether a condition may be tried on several types: modifiers of values that another type lacks are refused."""
    modifier = name.rpartition(".")[2].partition(":")[2]
    return modifier in ("", "missing", "exact", "contains", "not")
