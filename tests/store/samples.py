"""Made-up resources with their index entries, for the tests and figures of the stores."""

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.values import AuditEntry, Body, Commit, Write, Written

DAY = 86_400_000_000
SNOMED = "http://snomed.info/sct"


def audit_of(written: Sequence[Written], time_ms: int) -> AuditEntry:
    """An audit entry that names what was written and whom it concerns."""
    lines = ",".join(f'"{write.type}/{write.id}/{write.version} {write.outcome}"' for write in written)
    patients = tuple(dict.fromkeys(patient for write in written for patient in write.patients))
    return AuditEntry(f'{{"written":[{lines}]}}'.encode(), time_ms, patients)


def body(type: str, id: str, content: str = "", filler: int = 0) -> Body:
    """A body of this content (further JSON members), with so many more bytes."""
    before = f'{{"resourceType":"{type}","id":"{id}","meta":{{'
    note = f',"note":"{"x" * filler}"' if filler else ""
    return Body(before.encode(), f"}}{',' + content if content else ''}{note}}}".encode())


def observation(number: int, patient: str, *, id: str | None = None) -> Write:
    """A create of an Observation with 25 index entries and 1.5 KB."""
    code, day = f"{number % 50:07}", DAY * (number % 365)
    entries = Entries(
        tokens=(
            ("code", SNOMED, code),
            ("combo-code", SNOMED, code),
            ("category", "http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs"),
            ("status", "http://hl7.org/fhir/observation-status", "final"),
            ("_profile", "", "https://example.org/profile"),
            ("_security", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N"),
            ("_tag", "https://example.org/tag", f"t{number % 7}"),
        ),
        identifiers=(("identifier", "https://example.org/observations", f"o-{number}"),),
        references=(
            ("subject", "Patient", patient),
            ("patient", "Patient", patient),
            ("performer", "Practitioner", f"d{number % 20}"),
            ("encounter", "Encounter", f"e{number % 100}"),
        ),
        dates=(("date", day, day + 1_000_000), ("issued", day, day + 1_000)),
        strings=(("code-text", f"weight {number % 50}"),),
        uris=(("source", "https://example.org/system"),),
        quantities=(
            ("value-quantity", "http://unitsofmeasure.org", "kg", f"k{60 + number % 40}", f"k{60 + number % 40}"),
            ("combo-value-quantity", "http://unitsofmeasure.org", "kg", f"k{60 + number % 40}", f"k{60 + number % 40}"),
        ),
        targets=(("Patient", patient), ("Practitioner", f"d{number % 20}"), ("Encounter", f"e{number % 100}")),
        compartments=(
            ("Patient", patient),
            ("Practitioner", f"d{number % 20}"),
            ("Encounter", f"e{number % 100}"),
        ),
    )
    name = id or f"{number:08x}-0000-4000-8000-{number * 2654435761 % 2**48:012x}"
    return Write("create", "Observation", name, body("Observation", name, filler=1_400), entries)


def rich_observation(number: int, patient: str) -> Write:
    """The same with every kind of entry that an Observation has: base units, composites, texts, presence."""
    write = observation(number, patient)
    code, text = f"{number % 50:07}", f"body measurement {number % 50}"
    low = f"k{60000 + number % 40 * 1000}"
    canonical = (CANONICAL, "g", low, low)
    coded = Entries(
        tokens=(("1", SNOMED, code),),
        quantities=(("2", *write.entries.quantities[0][1:]), ("2", *canonical)),
    )
    entries = structs.replace(
        write.entries,
        quantities=(
            *write.entries.quantities,
            ("value-quantity", *canonical),
            ("combo-value-quantity", *canonical),
        ),
        terms=(("code:text", text), ("combo-code:text", text), ("category:text", "vital signs")),
        present=(
            "code",
            "date",
            "subject",
            "patient",
            "performer",
            "encounter",
            "value-quantity",
            "combo-value-quantity",
        ),
        groups=(("code-value-quantity", coded), ("combo-code-value-quantity", coded)),
    )
    return replace(write, entries=entries)


def patient(number: int) -> Write:
    """A create of a Patient with some of its entries and 1 KB."""
    id, day = f"p{number}", DAY * (number % 30_000)
    entries = Entries(
        tokens=(("active", "", "true"), ("gender", "", ("female", "male")[number % 2])),
        identifiers=(("identifier", "https://fhir.nhs.uk/Id/nhs-number", f"{number:010}"),),
        references=(("general-practitioner", "Organization", f"g{number % 20}"),),
        dates=(("birthdate", day, day + DAY),),
        strings=(("family", f"family{number % 700}"), ("given", f"given{number % 300}")),
        compartments=(("Patient", id),),
    )
    return Write("create", "Patient", id, body("Patient", id, filler=900), entries)


def commit_of(*writes: Write) -> Commit:
    """A plain commit of these writes."""
    return Commit(writes, audit_of)
