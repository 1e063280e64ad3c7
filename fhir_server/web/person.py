"""Who a page is about: name, date of birth and NHS number, always together.

Shapes follow the NHS guidance for showing who a patient is: FAMILY, Given (Title); 11-Feb-1938 (88y); 999 000 0018.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fhir_server.model.nhs_number import NHS_NUMBER, is_valid

Json = dict[str, Any]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VERIFIED = "01"
_LONGEST = 14


@dataclass(frozen=True, slots=True)
class Person:
    """What every page about a person says of them. `doubt`: why the NHS number is not to be relied on; `organization`:
    the id of the home or practice that keeps their record, or nothing."""

    id: str
    name: str
    family: str
    known_as: str
    born: str
    age: str
    nhs_number: str
    doubt: str
    died: str
    address: str
    organization: str


def person_of(patient: Json, today: date) -> Person:
    """The person of a Patient resource; what is not known says so."""
    names = [name for name in patient.get("name", ()) if isinstance(name, dict)]
    name = next((one for one in names if one.get("use") == "official"), names[0] if names else {})
    number, doubt = _number(patient)
    return Person(
        id=str(patient.get("id", "")),
        name=_name(name) or "Name not known",
        family=str(name.get("family", "")),
        known_as=next((" ".join(one.get("given", ())) for one in names if one.get("use") == "usual"), ""),
        born=day(str(patient.get("birthDate", ""))) or "not known",
        age=_age(str(patient.get("birthDate", "")), today),
        nhs_number=number or "not known",
        doubt=doubt,
        died=_died(patient),
        address=_address(patient),
        organization=_organization(patient),
    )


def day(text: str) -> str:
    """A FHIR date or the date of a dateTime as people read it: `11-Feb-1938`; as it is where it is less than a day."""
    parts = text[:10].split("-")
    if len(parts) == 3 and all(part.isdigit() for part in parts) and 1 <= int(parts[1]) <= 12:
        return f"{parts[2]}-{_MONTHS[int(parts[1]) - 1]}-{parts[0]}"
    if len(parts) == 2 and all(part.isdigit() for part in parts) and 1 <= int(parts[1]) <= 12:
        return f"{_MONTHS[int(parts[1]) - 1]}-{parts[0]}"
    return text[:10]


def moment(text: str) -> str:
    """A FHIR dateTime as people read it, in the clock time it was written in: `11-Feb-2026 10:05`."""
    return f"{day(text)} {text[11:16]}" if len(text) >= 16 else day(text)


def _name(name: Json) -> str:
    family, given = str(name.get("family", "")).upper(), " ".join(str(one) for one in name.get("given", ()))
    title = " ".join(str(one) for one in name.get("prefix", ()))
    whole = ", ".join(part for part in (family, given) if part) or str(name.get("text", ""))
    return f"{whole} ({title})" if title and whole else whole


def _number(patient: Json) -> tuple[str, str]:
    for identifier in patient.get("identifier", ()):
        if identifier.get("system") == NHS_NUMBER and identifier.get("value"):
            value = str(identifier["value"]).replace(" ", "")
            doubt = "" if is_valid(value) else "not a valid NHS number"
            if not doubt and not _is_verified(identifier):
                doubt = "not verified"
            return _grouped(value), doubt
    return "", ""


def _grouped(value: str) -> str:
    """3 3 4, as NHS numbers are read; something else is shown as it is, not longer than a number could be."""
    if len(value) == 10:
        return f"{value[:3]} {value[3:6]} {value[6:]}"
    return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"


def _is_verified(identifier: Json) -> bool:
    return any(
        coding.get("code") == _VERIFIED
        for extension in identifier.get("extension", ())
        if "NHSNumberVerificationStatus" in str(extension.get("url"))
        for coding in extension.get("valueCodeableConcept", {}).get("coding", ())
    )


def _age(birth_date: str, today: date) -> str:
    try:
        born = date.fromisoformat(birth_date)
    except ValueError:
        return ""
    return f"{today.year - born.year - ((today.month, today.day) < (born.month, born.day))}y"


def _died(patient: Json) -> str:
    if isinstance(patient.get("deceasedDateTime"), str):
        return day(patient["deceasedDateTime"])
    return "date not known" if patient.get("deceasedBoolean") is True else ""


def _organization(patient: Json) -> str:
    """The id of the home or practice that keeps this record, where it is one of this server."""
    type, _, id = str(patient.get("managingOrganization", {}).get("reference", "")).partition("/")
    return id if type == "Organization" and "/" not in id else ""


def _address(patient: Json) -> str:
    for address in patient.get("address", ()):
        parts = [*address.get("line", ()), address.get("city"), address.get("postalCode")]
        return ", ".join(str(part) for part in parts if part) or str(address.get("text", ""))
    return ""
