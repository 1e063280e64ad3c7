"""The three commands to try first: README, the `demo` command and the page all print these.

They work in a plain POSIX shell with curl, in this order, on a server that holds the demo data.
"""

from dataclasses import dataclass
from shlex import quote


@dataclass(frozen=True, slots=True)
class Example:
    """Whom the commands are about: the id of a Patient and its NHS number."""

    patient: str
    nhs_number: str


FIRST_RESIDENT = Example("demo1-0001", "9998418356")
"""The first resident of the demo as it is started without options (a test holds the two together)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A shell command (`line`, perhaps continued over several lines) and one sentence that says what it does."""

    sentence: str
    line: str


def three_commands(base: str, example: Example = FIRST_RESIDENT) -> tuple[Command, ...]:
    """Find the resident, record a temperature of now, read it back first among the latest observations.

    `base` is the FHIR base address without a slash at the end.
    """
    find = f"{base}/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number%7C{example.nhs_number}&_pretty=true"
    latest = f"{base}/Observation?patient={example.patient}&_sort=-date&_count=3&_pretty=true"
    before = (
        '{"resourceType":"Observation","status":"final",'
        '"code":{"coding":[{"system":"http://loinc.org","code":"8310-5","display":"Body temperature"}]},'
        f'"subject":{{"reference":"Patient/{example.patient}"}},'
        '"valueQuantity":{"value":36.80,"unit":"degree Celsius","system":"http://unitsofmeasure.org","code":"Cel"},'
        '"effectiveDateTime":"'
    )
    return (
        Command("Find a resident by NHS number.", f"curl {quote(find)}"),
        Command(
            "Record a temperature for this resident, taken now.",
            f"curl {quote(f'{base}/Observation?_pretty=true')} -H 'Content-Type: application/fhir+json' \\\n"
            f"  -d '{before}'$(date -u +%Y-%m-%dT%H:%M:%SZ)'\"}}'",
        ),
        Command("Read the resident's latest observations, newest first: yours is on top.", f"curl {quote(latest)}"),
    )
