"""Values to ask for: those of a resource, or near them, as a query writes them."""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from unicodedata import combining, normalize

from tests.search.differential import pools
from tests.search.differential.escapes import escaped
from tests.search.differential.numbers import CURRENCY, UCUM, UNITS
from tests.search.differential.texts import texts
from tests.search.differential.tokens import ACT_CODE, BELOW, CODES, VALUE_SETS

PREFIXES = ("", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
BESIDE = tuple(map(Decimal, ("0.05", "-0.05", "0.005", "1", "0.5")))
Asked = tuple[str, str]
"""Modifier (empty: none) and value"""


class Values:
    """Makes values by chance."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, values: Any) -> Any:
        return self.random.choice(tuple(values))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def near_date(self, kind: str, value: Any) -> str:
        """A date with a prefix: one that the value holds, more or less precise, or another."""
        dates = [each for each in _dates(kind, value) if each is not None]
        text: str = self.one(dates) if dates and self.chance(0.85) else self.one((*pools.DATES, *pools.TIMES))
        text = text if self.chance(0.95) else self.one(pools.LOCAL_TIMES)
        day, _, time = text.partition("T")
        change = self.random.random()
        if change < 0.15:
            text = day
        elif change < 0.25:
            text = day[:7]
        elif change < 0.3:
            text = day[:4]
        elif change < 0.45 and time:
            text = f"{day}T{self.one((time[:5], time[:8], time[:5] + 'Z', time[:8] + '+01:00', time[:8] + 'Z'))}"
        elif change < 0.5 and len(day) == 10:
            text = f"{day}T{self.one(('00:00', '23:59', '01:30', '00:00:00.000', '12:00:00.5Z'))}"
        return str(self.one(PREFIXES)) + text

    def near_number(self, number: Decimal) -> str:
        """A number with a prefix: the same, written otherwise, or a little beside it."""
        change = self.random.random()
        text = f"{number:f}"
        if change < 0.15:
            text = f"{text}0" if "." in text else f"{text}.0"
        elif change < 0.3:
            text = f"{round(number, self.random.randint(0, 2)):f}"
        elif change < 0.4:
            text = f"{number + self.one(BESIDE):f}"
        elif change < 0.5:
            text = f"{number:.{self.random.randint(0, 2)}e}"
        elif change < 0.6:
            text = f"{self.one(pools.NUMBERS):f}"
        return str(self.one(PREFIXES)) + text

    def near_quantity(self, kind: str, value: Any) -> str:
        """A quantity: the number alone, with system and unit, with either, or in another unit of the same measure."""
        measure = value if "value" in value else value.get("low") or value.get("high") or value.get("origin") or {}
        number = Decimal(measure.get("value", 5))
        system, unit = measure.get("system", ""), measure.get("code", "")
        if kind == "Money":
            system, unit = CURRENCY, measure.get("currency", "GBP")
        form = self.random.random()
        if form < 0.2:
            return self.near_number(number)
        if form < 0.3:
            return f"{self.near_number(number)}||{escaped(self.one((unit, measure.get('unit') or 'mg')) or 'g')}"
        if form < 0.4:
            return f"{self.near_number(number)}|{system}|"
        if system == UCUM and unit in UNITS and self.chance(0.6):
            number, unit = self.converted(number, unit)
        system = system or self.one((UCUM, "urn:sys:a"))
        return f"{self.near_number(number)}|{system}|{escaped(unit or self.one(pools.UNITS))}"

    def converted(self, number: Decimal, unit: str) -> tuple[Decimal, str]:
        """The same in another unit, where a finite decimal can say it."""
        measure, factor, zero = UNITS[unit]
        other = self.one([each for each, (what, _, _) in UNITS.items() if what == measure])
        there = (Fraction(number) * factor + zero - UNITS[other][2]) / UNITS[other][1]
        places = next((each for each in range(12) if (there * 10**each).denominator == 1), None)
        return (number, unit) if places is None else (Decimal(int(there * 10**places)).scaleb(-places), other)

    def near_string(self, kind: str, value: Any) -> Asked:
        """A text, the beginning or the middle of one, in other letters."""
        found = texts(kind, value)
        text: str = self.one(found) if found and self.chance(0.9) else self.one(pools.NAMES)
        modifier = self.one(("", "", "", "exact", "contains", "text"))
        start = 0
        if modifier in ("contains", "text") and self.chance(0.6):
            start = self.random.randrange(len(text))
        if modifier != "exact" or self.chance(0.3):
            text = text[start : start + self.random.randint(1, len(text))]
        change = self.random.random()
        if change < 0.2:
            text = text.upper()
        elif change < 0.4:
            text = "".join(each for each in normalize("NFD", text.lower()) if not combining(each))
        elif change < 0.45:
            text = f" {text.replace(' ', '   ')} "
        plain = "".join(each for each in text if not combining(each)).strip()
        return modifier, escaped(text if plain else self.one(("Zo", "a")))

    def near_uri(self, value: str) -> Asked:
        """A URI, without its version, one above it or below it, or another."""
        uri = value if self.chance(0.8) else self.one((*pools.URLS, *pools.PROFILES))
        modifier = self.one(("", "", "below", "above"))
        plain: str = uri.partition("|")[0]
        if modifier == "" or not plain.startswith("http") or "," in plain:
            return "", escaped(uri if self.chance(0.7) else plain)
        change = self.random.random()
        if change < 0.3 and plain.count("/") > 2:
            plain = plain.rpartition("/")[0]
        elif change < 0.6:
            plain = plain.rstrip("/") + self.one(("/1", "/", "/1/x", "x"))
        return modifier, plain

    def near_token(self, place: tuple[str, str], kind: str, value: Any) -> Asked:
        """A code in one of its forms, or a modifier that its type of value has."""
        if kind == "Identifier":
            return self._identifier(value)
        if kind in ("Coding", "CodeableConcept"):
            return self._coded(kind, value)
        if kind in ("boolean", "System.Boolean"):
            return self.one(("", "not")), self.one(("true", "false"))
        if kind == "ContactPoint":
            phone = str(value.get("value", "020 7946 0000"))
            return self.one(("", "not")), escaped(phone)
        return self._code(place, str(value))

    def _code(self, place: tuple[str, str], code: str) -> Asked:
        modifier = self.one(("", "", "not"))
        if place in CODES:
            system, codes = CODES[place]
            if place[1] == "gender" and self.chance(0.15):
                return self.one(("in", "not-in")), next(iter(VALUE_SETS))
            code = code if self.chance(0.8) else self.one(sorted(codes))
            forms = (code, f"{system}|{code}", f"{system}|", f"urn:sys:a|{code}", f"|{code}")
            return modifier, self.one(forms)
        if self.chance(0.15):
            return "code-text", escaped(self.changed(code[: self.random.randint(1, len(code))]))
        return modifier, escaped(code)

    def _coded(self, kind: str, value: Any) -> Asked:
        codings = value.get("coding", []) if kind == "CodeableConcept" else [value]
        coding = self.one(codings) if codings and self.chance(0.9) else {"code": self.one(pools.CODES)}
        system, code = coding.get("system", ""), coding.get("code", "")
        lot = self.random.random()
        if system == ACT_CODE and lot < 0.7:
            return self.one(("below", "above")), f"{system}|{self.one(sorted(BELOW))}"
        if lot < 0.1:
            return self.one(("in", "not-in")), self.one(sorted(VALUE_SETS))
        if lot < 0.25:
            shown = [each["display"] for each in (*codings, {"display": value.get("text")}) if each.get("display")]
            return "text", self.some_words(self.one(shown) if shown else self.one(pools.WORDS))
        if lot < 0.32 and code:
            return "code-text", escaped(self.changed(code[: self.random.randint(1, len(code))]))
        return self.one(("", "", "", "not")), self._with_system(system, code or self.one(pools.CODES))

    def _with_system(self, system: str, code: str) -> str:
        """`code`, `system|code`, `|code`, `system|`, or with another system."""
        other = self.one(pools.SYSTEMS)
        forms = [
            escaped(code),
            f"{escaped(system)}|{escaped(code)}",
            f"{escaped(other)}|{escaped(code)}",
            f"|{escaped(code)}",
        ]
        return str(self.one([*forms, forms[1], f"{escaped(system or other)}|"]))

    def _identifier(self, value: Any) -> Asked:
        system, text, concept = value.get("system", ""), value.get("value", "1"), value.get("type", {})
        lot = self.random.random()
        if lot < 0.4 and concept.get("coding"):
            coding = self.one(concept["coding"])
            code = coding.get("code", "a")
            return "of-type", f"{escaped(coding.get('system', ''))}|{escaped(code)}|{escaped(text)}"
        if lot < 0.5 and concept.get("text"):
            return "text", self.some_words(concept["text"])
        return self.one(("", "", "", "not")), self._with_system(system, text)

    def some_words(self, text: str) -> str:
        """Words of a text, cut short, in any order."""
        words = text.split()
        self.random.shuffle(words)
        return escaped(" ".join(self.changed(each[: self.random.randint(1, 6)]) for each in words[:2]))

    def changed(self, text: str) -> str:
        """The text, perhaps in other letters."""
        return str(self.one((text, text, text.upper(), text.lower())))


def _dates(kind: str, value: Any) -> list[str]:
    if kind == "Period":
        return [value.get("start"), value.get("end")]
    if kind == "Timing":
        return [*value.get("event", []), *_dates("Period", value.get("repeat", {}).get("boundsPeriod", {}))]
    return [value] if isinstance(value, str) else []
