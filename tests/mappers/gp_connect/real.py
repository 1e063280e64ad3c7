"""The real records (NHS test patients), where they are at hand; nothing of them is in this repository."""

from collections import Counter
from pathlib import Path

from fhir_server.model.json import parse
from mappers.mapper import Json, Mapped
from tests.public_data import folder

NOT_JSON = "correctPatientStructuredRecordResponseAbsentAttachments.json"


def records() -> list[Path]:
    """The files that are JSON, in their order."""
    found = [path for path in sorted(folder("gp-connect").glob("*/*.json")) if path.name != NOT_JSON]
    assert len(found) == 15
    return found


def received(raw: bytes) -> Counter[str]:
    """Entries of a document by type."""
    data: Json = parse(raw, max_bytes=2**26).data
    return Counter(entry["resource"]["resourceType"] for entry in data["entry"])


def outcomes(mapped: Mapped) -> Counter[tuple[str, str]]:
    """Entries by (type as received, what became of it)."""
    return Counter((report.type, report.outcome) for report in mapped.reports)
