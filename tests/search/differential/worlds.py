"""Worlds of resources that collide: the same few values, at the edges of what the standard allows."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from tests.search.differential import pools
from tests.search.differential.world import NHS_NUMBER, Json

T = TypeVar("T")
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
IDS = ("1", "2", "3", "4", "5", "6", "a", "A", "b.c", "d-e", "x7", "x8", "x9", "y1", "y2", "y3", "y4", "y5")
VERIFIED = {
    "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "valueCodeableConcept": {
        "coding": [
            {
                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                "code": "01",
            }
        ]
    },
}


class Maker:
    """Makes the parts of resources by chance; `ids`: those that each type has in this world."""

    def __init__(self, random: Random, base: str, ids: dict[str, list[str]]) -> None:
        self.random = random
        self.base = base
        self.ids = ids

    def one(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, make: Callable[[], T], most: int = 2) -> list[T]:
        """None to `most` of them."""
        return [make() for _ in range(self.random.randint(0, most))]

    def kept(self, **elements: Any) -> Json:
        """Most of these elements; empty ones never."""
        return {
            key: value
            for key, value in elements.items()
            if self.chance(0.7) and value is not None and value != [] and value != {}
        }

    def primitive(self, name: str, value: Any) -> Json:
        """A primitive element: there, missing, or with nothing but the reason why it is absent."""
        lot = self.random.random()
        return {name: value} if lot < 0.75 else {f"_{name}": ABSENT} if lot < 0.9 else {}

    def coding(self) -> Json:
        code = {"code": self.one(pools.CODES)} if self.chance(0.95) else {}
        system = {"system": self.one(pools.SYSTEMS)} if self.chance(0.8) else {}
        display = {"display": self.phrase()} if self.chance(0.5) else {}
        return code | system | display or {"display": "nothing"}

    def phrase(self) -> str:
        return " ".join(self.one(pools.WORDS) for _ in range(self.random.randint(1, 3)))

    def concept(self) -> Json:
        text = {"text": self.phrase()} if self.chance(0.4) else {}
        codings = self.some(self.coding)
        return ({"coding": codings} if codings else {}) | text or {"text": "blood"}

    def known(self, codes: Sequence[tuple[str, str]]) -> Json:
        system, code = self.one(codes)
        return {"coding": [{"system": system, "code": code}]}

    def identifier(self) -> Json:
        value = {"value": self.one(pools.IDENTIFIERS)} if self.chance(0.9) else {}
        system = {"system": self.one(pools.IDENTIFIER_SYSTEMS)} if self.chance(0.75) else {}
        kind = {"type": self.concept()} if self.chance(0.5) else {}
        return value | system | kind or {"value": "1"}

    def human_name(self) -> Json:
        return self.kept(
            family=self.one(pools.NAMES),
            given=self.some(lambda: self.one(pools.NAMES)),
            text=" ".join(self.one(pools.NAMES) for _ in range(2)),
            prefix=self.some(lambda: self.one(("Dr", "Dr.", "MRS")), 1),
            suffix=self.some(lambda: self.one(("Jr", "jr.")), 1),
        ) or {"family": "Ann"}

    def address(self) -> Json:
        return self.kept(
            use=self.one(("home", "work")),
            line=self.some(lambda: self.one(pools.NAMES)),
            city=self.one(pools.CITIES),
            district=self.one(pools.CITIES),
            state=self.one(pools.CITIES),
            postalCode=self.one(("CB7 4AA", "cb7 4aa", "CB74AA")),
            country=self.one(("GB", "gb", "DK")),
            text=self.one(pools.CITIES),
        ) or {"city": "Ely"}

    def telecom(self) -> Json:
        system = {"system": self.one(("phone", "email", "fax"))}
        return system | ({"value": self.one(pools.PHONES)} if self.chance(0.9) else {})

    def date_time(self) -> str:
        return self.one(pools.DATES) if self.chance(0.4) else self.one(pools.TIMES)

    def period(self) -> Json:
        return self.kept(start=self.date_time(), end=self.date_time()) or {"start": "2020"}

    def ordered_period(self) -> Json:
        """A Period that does not end before it starts, as far as its texts tell."""
        made = self.period()
        if "start" in made and "end" in made and made["start"][:10] > made["end"][:10]:
            return {"start": made["end"], "end": made["start"]}
        return made

    def timing(self) -> Json:
        bounds = {"repeat": {"boundsPeriod": self.ordered_period()}} if self.chance(0.5) else {}
        events = self.some(self.date_time, 3)
        return bounds | ({"event": events} if events else {}) or {"code": {"text": "daily"}}

    def unit(self) -> Json:
        lot = self.random.random()
        code = self.one(pools.UNITS if self.chance(0.8) else pools.MORE_UNITS)
        text = {"unit": self.one((code, *pools.UNIT_TEXTS))} if self.chance(0.4) else {}
        if lot < 0.7:
            return {"system": "http://unitsofmeasure.org", "code": code} | text
        if lot < 0.8:
            return {"system": "urn:sys:a", "code": code} | text
        if lot < 0.87:
            return {"system": "http://unitsofmeasure.org"} | text
        return text

    def quantity(self, *, comparator: bool = True) -> Json:
        value = {"value": self.one(pools.NUMBERS)} if self.chance(0.95) else {}
        sign = {"comparator": self.one(pools.COMPARATORS)} if comparator and value and self.chance(0.2) else {}
        return value | sign | self.unit() or {"value": 5}

    def range(self) -> Json:
        low, high = sorted((self.one(pools.NUMBERS), self.one(pools.NUMBERS)))
        unit = self.unit()
        return self.kept(low={"value": low} | unit, high={"value": high} | unit) or {"low": {"value": low} | unit}

    def sampled(self) -> Json:
        data = " ".join(
            str(self.one(("1", "2", "-3", "5.4", "E", "L", "10"))) for _ in range(self.random.randint(1, 4))
        )
        factor = {"factor": self.one((2, -1, pools.NUMBERS[9]))} if self.chance(0.4) else {}
        origin = {"value": self.one(pools.NUMBERS)} | self.unit()
        return {"origin": origin, "period": 1, "dimensions": 1, "data": data} | factor

    def to(self, *types: str) -> Json:
        """A reference to a resource of one of these types, written in one of the ways there are."""
        name = self.one(types)
        place = f"{name}/{self.one(self.ids[name]) if self.ids.get(name) and self.chance(0.9) else 'gone'}"
        lot = self.random.random()
        if lot < 0.6:
            text = place
        elif lot < 0.75:
            text = f"{self.base}/{place}"
        elif lot < 0.85:
            text = f"{place}/_history/{self.one('123')}"
        elif lot < 0.92:
            text = f"{pools.ELSEWHERE}/{place}" + self.one(("", "/_history/1"))
        else:
            return {"type": name, "identifier": {"system": "urn:ids:a", "value": self.one(pools.IDENTIFIERS)}}
        extra = {"identifier": {"system": "urn:ids:a", "value": "1"}} if self.chance(0.15) else {}
        return {"reference": text} | extra | ({"display": "Ann"} if self.chance(0.2) else {})

    def patient(self, *, logical: bool = True) -> Json:
        """A reference to a Patient that is there; `logical`: it may be by NHS number."""
        place = f"Patient/{self.one(self.ids['Patient'])}"
        lot = self.random.random()
        if logical and lot < 0.1:
            return {"identifier": {"system": NHS_NUMBER, "value": self.one(pools.NHS_NUMBERS[:2])}}
        text = place if lot < 0.7 else f"{self.base}/{place}" if lot < 0.85 else f"{place}/_history/1"
        return {"reference": text} | ({"identifier": {"value": "01"}} if self.chance(0.1) else {})

    def meta(self) -> Json:
        return self.kept(
            tag=self.some(self.coding),
            profile=sorted(set(self.some(lambda: self.one(pools.PROFILES)))),
            security=self.some(self.coding, 1),
            source=self.one(pools.URLS),
        )

    def narrative(self) -> Json:
        words = f"<b>{self.one(('blood', 'Größe', 'A&amp;E'))}</b>pressure {self.one(('Druck', 'naïve'))}"
        return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}
