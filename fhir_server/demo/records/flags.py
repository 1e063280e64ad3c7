"""What staff must see at a glance: Flags. https://hl7.org/fhir/R4/flag.html"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fhir_server.demo.facts.physiology import usual
from fhir_server.demo.facts.problems import SWALLOWING
from fhir_server.demo.facts.residents import YEAR, Resident
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import role_of
from fhir_server.demo.records.terms import Json, concept, hl7, reference, resource


@dataclass(frozen=True, slots=True)
class Alert:
    """A Flag: `category` is a code with its name from HL7's flag-category."""

    name: str
    category: tuple[str, str]
    text: str
    applies: Callable[[Resident], bool]


ALERTS = (
    Alert(
        "same-name",
        ("safety", "Safety"),
        "Another resident has the same name. Check the date of birth and the NHS number.",
        lambda resident: resident.person.namesake,
    ),
    Alert("falls", ("safety", "Safety"), "High risk of falls", lambda resident: resident.story.falls),
    Alert(
        "saturation-scale-2",
        ("clinical", "Clinical"),
        "NEWS2: use oxygen saturation scale 2, aim 88 to 92 per cent. Decided by the GP for COPD.",
        lambda resident: usual(resident).scale == 2,
    ),
    Alert(
        "swallowing",
        ("diet", "Diet"),
        "Swallowing difficulty: slightly thick drinks (IDDSI level 1), soft and bite-sized food (level 6)",
        lambda resident: resident.has(SWALLOWING),
    ),
)


def flags(resident: Resident, moments: Moments) -> Iterator[Json]:
    """What staff must see at a glance; inactive for who has died."""
    start = moments.date(max(resident.stays[0].first, -YEAR) + 6)
    for alert in ALERTS:
        if not alert.applies(resident):
            continue
        period = {"start": start}
        if resident.died:
            period["end"] = moments.date(resident.until)
        yield resource(
            "Flag",
            f"{resident.id}-{alert.name}",
            status="inactive" if resident.died else "active",
            category=[hl7("flag-category", *alert.category)],
            code=concept(text=alert.text),
            subject=reference("Patient", resident.id),
            period=period,
            author=role_of(resident.seed, resident.gp),
        )
