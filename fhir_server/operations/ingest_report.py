"""The answer to `$ingest`: what was taken in, as Parameters. https://hl7.org/fhir/R4/parameters.html"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fhir_server.operations.ingest_identity import Identity
from fhir_server.operations.ingest_request import Asked
from fhir_server.operations.reconcile import Plan
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.store.values import instant
from mappers.mapper import EntryReport, Json, Mapped

COUNTS: Final = ("received", "mapped", "kept", "duplicate", "aside", "created", "updated", "unchanged", "retained")
"""What became of the entries of the document (received = mapped + kept + duplicate + aside), then of the resources that
they made."""

_MOST_ISSUES: Final = 500
_NO_TYPE: Final = "(no resource)"
_SEVERITY: Final = {"fatal": 0, "error": 1, "warning": 2, "information": 3}


def counted(mapped: Mapped, plan: Plan) -> dict[str, Counter[str]]:
    """Counts by resource type: entries under the type they came as, and with them what they became; resources that no
    entry stands for (the Provenance, what is kept for review) under their own."""
    rows: dict[str, Counter[str]] = {}
    left = dict(plan.outcomes)
    for report in mapped.reports:
        row = rows.setdefault(report.type or _NO_TYPE, Counter())
        row["received"] += 1
        row[report.outcome] += 1
        if report.to is not None and report.outcome in ("mapped", "kept"):
            # What is not among the resources stands here already under another source's id.
            row[left.pop(report.to, "retained")] += 1
    for (resource_type, _), outcome in left.items():
        rows.setdefault(resource_type, Counter())[outcome] += 1
    return rows


def report(asked: Asked, mapped: Mapped, plan: Plan, identity: Identity, provenance: str) -> Json:
    """The report of an ingest that was done."""
    parameters: list[Json] = [
        {"name": "patient", "valueReference": {"reference": f"Patient/{identity.patient_id}"}},
        {"name": "source", "valueUri": mapped.source},
        {"name": "exported", "valueInstant": instant(asked.export.at_ms)},
        {"name": "exported-known", "valueBoolean": asked.export.known},
    ]
    if ("Provenance", provenance) in plan.outcomes:
        parameters.append({"name": "provenance", "valueReference": {"reference": f"Provenance/{provenance}"}})
    parameters += [_row(name, row) for name, row in sorted(counted(mapped, plan).items())]
    issues = _shown((*identity.issues, *_of_entries(mapped.reports), *plan.issues))
    if issues:
        parameters.append({"name": "issues", "resource": operation_outcome(issues)})
    return {"resourceType": "Parameters", "parameter": parameters}


def _row(name: str, row: Counter[str]) -> Json:
    parts: list[dict[str, Any]] = [{"name": "type", "valueString": name}]
    parts += [{"name": count, "valueInteger": row[count]} for count in COUNTS]
    return {"name": "count", "part": parts}


def _of_entries(reports: Iterable[EntryReport]) -> Iterable[Issue]:
    for one in reports:
        yield from one.issues


def _shown(issues: Sequence[Issue]) -> list[Issue]:
    """The issues, the gravest first, each kind in the order of the document; at most so many as somebody reads."""
    ordered = sorted(issues, key=lambda issue: _SEVERITY[issue.severity])
    if len(ordered) <= _MOST_ISSUES:
        return ordered
    sentence = f"There are {len(ordered) - _MOST_ISSUES} issues more."
    return [*ordered[:_MOST_ISSUES], Issue("incomplete", sentence, severity="information")]
