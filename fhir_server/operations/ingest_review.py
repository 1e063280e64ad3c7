"""What is not taken in is kept for somebody to look at: the document as received in a Binary, and a Task on hold.

Neither lies in a patient's compartment: whose record it is, is what is not known. Their ids are made of the document,
so that sending it again makes nothing new. https://hl7.org/fhir/R4/task.html
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final, Literal

from fhir_server.interactions.context import Context
from fhir_server.operations.ingest_provenance import DOCUMENT_DIGEST
from fhir_server.operations.reconcile import Put
from fhir_server.outcome import Issue
from fhir_server.store.values import instant
from mappers.mapper import Json, resource_id
from profiles.canonical import CANONICAL

ReviewCode = Literal["review-refused-record", "review-entries-of-others"]
TASKS: Final = f"{CANONICAL}/CodeSystem/task"
_SOURCE: Final = f"{CANONICAL}/source/review"
_INPUTS: Final = f"{CANONICAL}/CodeSystem/task-input"
_TITLES: Final[dict[ReviewCode, str]] = {
    "review-refused-record": "Look at a record that was refused",
    "review-entries-of-others": "Look at entries of a record that are about somebody else",
}
_SECURITY: Final = [
    {"system": f"{CANONICAL}/CodeSystem/handling", "code": "direct-care-only", "display": "For direct care only"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R", "display": "restricted"},
]
_CONTENT_TYPE: Final = "application/json"


def task_id(code: ReviewCode, digest: str) -> str:
    """The id of the Task about what has this digest."""
    return resource_id(_SOURCE, "Task", f"{code}/{digest}")


async def kept_for_review(
    context: Context, code: ReviewCode, digest: str, document: bytes, issues: Sequence[Issue], patient: str | None
) -> list[Put]:
    """What to write so that somebody looks at it; nothing where that was done before, whatever became of the Task."""
    if await context.session.unseen.read("Task", task_id(code, digest)) is not None:
        return []
    binary = _binary(context, code, digest, document)
    inputs = [_input("document-sha256", "valueIdentifier", {"system": DOCUMENT_DIGEST, "value": digest})]
    if binary is not None:
        inputs.append(_input("document", "valueReference", {"reference": f"Binary/{binary['id']}"}))
    if patient is not None:
        inputs.append(_input("patient-here", "valueReference", {"reference": f"Patient/{patient}"}))
    task: Json = {
        "resourceType": "Task",
        "id": task_id(code, digest),
        "meta": {"security": _SECURITY},
        "status": "on-hold",
        "intent": "order",
        "code": {"coding": [{"system": TASKS, "code": code, "display": _TITLES[code]}]},
        "authoredOn": instant(context.server.clock_ms()),
        "reasonCode": {"text": " ".join(dict.fromkeys(issue.diagnostics for issue in issues))[:2000]},
        "input": inputs,
    }
    return [Put(resource, None) for resource in (binary, task) if resource is not None]


def _binary(context: Context, code: ReviewCode, digest: str, document: bytes) -> Json | None:
    """The document as a Binary; None for one that is larger than a Binary may be here: its digest says which it was."""
    if len(document) > context.server.rules.max_binary_bytes:
        return None
    return {
        "resourceType": "Binary",
        "id": resource_id(_SOURCE, "Binary", f"{code}/{digest}"),
        "meta": {"security": _SECURITY},
        "contentType": _CONTENT_TYPE,
        "data": b64encode(document).decode("ascii"),
    }


def _input(code: str, element: str, value: Any) -> Json:
    return {"type": {"coding": [{"system": _INPUTS, "code": code}]}, element: value}
