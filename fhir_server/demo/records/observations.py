"""The Observations of a resident: NEWS2 with the vital signs it is made of, weight, Clinical Frailty Scale.

Shapes follow UK Core: one Observation for each vital sign (R4's vital signs profiles, units as those fix them), and the
NEWS2 total with its seven sub-scores as components and `derivedFrom` the vital signs. The weight and the temperature
keep their written precision (`61.0`).
https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.news2 import Points, Vitals, points
from fhir_server.demo.facts.physiology import Look, looks, weights
from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.records import terms
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import OBSERVERS, role_of
from fhir_server.demo.records.terms import SCORES, Json, quantity, reference, resource

MATRON = "matron"


def observations(resident: Resident, moments: Moments) -> Iterator[Json]:
    """All observations of the year, by kind, oldest first."""
    subject = reference("Patient", resident.id)
    draws = Draws(resident.seed, resident.index, "observers")
    for number, look in enumerate(looks(resident), 1):
        performer = [role_of(resident.seed, draws.pick(OBSERVERS[resident.home(look.day)]))]
        frame: Json = {
            "subject": subject,
            "effectiveDateTime": moments.time(look.day, look.minute),
            "performer": performer,
        }
        yield from _news2(f"{resident.id}-news2-{number:02d}", frame, look)
    for number, (day, tenths) in enumerate(weights(resident), 1):
        yield resource(
            "Observation",
            f"{resident.id}-weight-{number:02d}",
            status="final",
            category=terms.VITAL_SIGNS,
            code=terms.WEIGHT,
            subject=subject,
            effectiveDateTime=moments.time(day, draws.whole(400, 470)),
            performer=[role_of(resident.seed, draws.pick(OBSERVERS[resident.home(day)]))],
            valueQuantity=quantity(Decimal(tenths).scaleb(-1), "kilogram", "kg"),
        )
    for number, (day, level) in enumerate(resident.frailty, 1):
        yield _frailty(f"{resident.id}-cfs-{number:02d}", subject, resident.seed, moments.time(day, 870), level)


def _frailty(id: str, subject: Json, seed: int, time: str, level: int) -> Json:
    """One shape for the level: the score as a quantity, so that it can be searched, and the level's own code."""
    return resource(
        "Observation",
        id,
        status="final",
        category=terms.SURVEY,
        code=terms.FRAILTY_SCALE,
        subject=subject,
        effectiveDateTime=time,
        performer=[role_of(seed, MATRON)],
        valueQuantity=SCORES[level],
        interpretation=[terms.FRAILTY_LEVELS[level]],
        method={"text": "Clinical Frailty Scale version 2.0"},
    )


def _news2(id: str, frame: Json, look: Look) -> Iterator[Json]:
    parts = list(_vital_signs(id, frame, look.vitals))
    scored = points(look.vitals)
    total = resource(
        "Observation",
        id,
        status="final",
        category=terms.SURVEY,
        code=terms.NEWS2_TOTAL,
        **frame,
        valueQuantity=SCORES[scored.total],
        derivedFrom=[reference("Observation", part["id"]) for part in parts],
        component=_sub_scores(scored, look.vitals),
    )
    note = _note(scored, look)
    if note is not None:
        total["note"] = [{"text": note}]
    yield from parts
    yield total


def _note(scored: Points, look: Look) -> str | None:
    """What the person who took the set wrote about it."""
    if look.severity == 0:
        return None
    if scored.total >= 7:
        return f"NEWS2 {scored.total}. Urgent review asked for; community matron told by telephone and coming now."
    if scored.total >= 5:
        return f"NEWS2 {scored.total}. GP practice told by telephone; same-day review asked for."
    if scored.any_three:
        return "One observation alone scores 3. Nurse in charge told; observations to be repeated within the hour."
    return None


def _sub_scores(scored: Points, vitals: Vitals) -> list[Json]:
    return [
        {"code": terms.NEWS2_RESPIRATORY_RATE, "valueQuantity": SCORES[scored.respiratory_rate]},
        {"code": terms.NEWS2_SATURATION[vitals.saturation_scale], "valueQuantity": SCORES[scored.saturation]},
        {"code": terms.NEWS2_OXYGEN, "valueQuantity": SCORES[scored.oxygen]},
        {"code": terms.NEWS2_SYSTOLIC, "valueQuantity": SCORES[scored.systolic]},
        {"code": terms.NEWS2_PULSE, "valueQuantity": SCORES[scored.pulse]},
        {"code": terms.NEWS2_CONSCIOUSNESS, "valueQuantity": SCORES[scored.consciousness]},
        {"code": terms.NEWS2_TEMPERATURE, "valueQuantity": SCORES[scored.temperature]},
    ]


def _vital_signs(id: str, frame: Json, vitals: Vitals) -> Iterator[Json]:
    def sign(name: str, code: Json, category: list[Json] = terms.VITAL_SIGNS, **value: Any) -> Json:
        return resource("Observation", f"{id}-{name}", status="final", category=category, code=code, **frame, **value)

    yield sign(
        "respiratory-rate",
        terms.RESPIRATORY_RATE,
        valueQuantity=quantity(vitals.respiratory_rate, "per minute", "/min"),
    )
    yield sign("saturation", terms.SATURATION, valueQuantity=quantity(vitals.saturation, "percent", "%"))
    if vitals.oxygen is None:
        yield sign("air", terms.ROOM_AIR, terms.THERAPY)
    else:
        litres = quantity(vitals.oxygen, "litre per minute", "l/min")
        yield sign("oxygen", terms.ON_OXYGEN, terms.THERAPY, valueQuantity=litres)
    yield sign("blood-pressure", terms.BLOOD_PRESSURE, component=_pressures(vitals))
    yield sign("pulse", terms.PULSE, valueQuantity=quantity(vitals.pulse, "per minute", "/min"))
    level = terms.CONSCIOUSNESS_LEVELS[vitals.consciousness]
    yield sign("consciousness", terms.CONSCIOUSNESS, terms.SURVEY, valueCodeableConcept=level)
    yield sign("temperature", terms.TEMPERATURE, valueQuantity=quantity(vitals.temperature, "degree Celsius", "Cel"))


def _pressures(vitals: Vitals) -> list[Json]:
    return [
        {"code": terms.SYSTOLIC, "valueQuantity": quantity(vitals.systolic, "millimeter of mercury", "mm[Hg]")},
        {"code": terms.DIASTOLIC, "valueQuantity": quantity(vitals.diastolic, "millimeter of mercury", "mm[Hg]")},
    ]
