"""Issues, the kinds of failure, and the one table from kind to HTTP status.

A finding is a value (`Issue`); a request that cannot go on raises a `FhirError` of one of the kinds below. Everything
above and below the HTTP layer speaks in these; only `api/` turns them into bytes.

https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html#2.21.0.4
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding.

    `code` is from http://hl7.org/fhir/issue-type; `diagnostics` says what is wrong and what to do, never with data of a
    patient beyond what the caller sent; `expression` holds FHIRPaths of the place (`Patient.name[0].given[1]`).
    """

    code: str
    diagnostics: str
    expression: tuple[str, ...] = ()
    severity: Severity = "error"

    def as_json(self) -> dict[str, Any]:
        """The issue as an element of `OperationOutcome.issue`."""
        issue: dict[str, Any] = {"severity": self.severity, "code": self.code, "diagnostics": self.diagnostics}
        if self.expression:
            issue["expression"] = list(self.expression)
        return issue


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome resource of these issues, in their order."""
    return {"resourceType": "OperationOutcome", "issue": [issue.as_json() for issue in issues]}


class FhirError(Exception):
    """A request that cannot go on. Subclasses are the kinds; `STATUS` gives each its HTTP status.

    `position` is, where a commit of several writes failed, the place of the write that caused it; `headers` go with
    the answer (`Allow`, `Retry-After`).
    """

    code = "processing"
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(
        self, diagnostics: str | Sequence[Issue], *, expression: str | None = None, position: int | None = None
    ) -> None:
        if isinstance(diagnostics, str):
            place = (expression,) if expression else ()
            self.issues: tuple[Issue, ...] = (Issue(self.code, diagnostics, place),)
        else:
            self.issues = tuple(diagnostics)
        self.position = position
        super().__init__(self.issues[0].diagnostics if self.issues else self.code)


class Invalid(FhirError):
    """The request or resource is malformed or breaks the structure of FHIR."""

    code = "invalid"


class NotSupported(FhirError):
    """Known to FHIR, not offered here."""

    code = "not-supported"


class Unauthenticated(FhirError):
    """Who asks is not known."""

    code = "login"


class Forbidden(FhirError):
    """The caller's rights never allow this type or interaction."""

    code = "forbidden"


class NotFound(FhirError):
    """It does not exist, or the caller may not know that it does: the answer is the same."""

    code = "not-found"


class MethodNotAllowed(FhirError):
    """The address exists, the method does not apply to it."""

    code = "not-supported"


class NotAcceptable(FhirError):
    """None of the formats that the client accepts can be made."""

    code = "not-supported"


class RequestTimeout(FhirError):
    """The body did not arrive in time."""

    code = "timeout"


class Conflict(FhirError):
    """The change does not fit the present state (a unique key taken, still referred to, edited meanwhile)."""

    code = "conflict"


class Contended(Conflict):
    """What the write was decided upon has changed since: read again, decide again, commit again."""


class Deleted(FhirError):
    """It existed and was deleted."""

    code = "deleted"


class SnapshotExpired(FhirError):
    """The page link names a state of the store that is no longer kept."""

    code = "expired"


class PreconditionFailed(FhirError):
    """`If-Match`, `If-None-Match` or a conditional's criteria do not hold."""

    code = "conflict"


class TooLarge(FhirError):
    """A body, resource or Bundle over a limit."""

    code = "too-long"


class UnsupportedMediaType(FhirError):
    """The body's format is not one that is read here."""

    code = "not-supported"


class Unprocessable(FhirError):
    """Well-formed FHIR that breaks a profile or a rule of this server."""

    code = "business-rule"


class TooCostly(FhirError):
    """It would take more work than one request may."""

    code = "too-costly"


class Unavailable(FhirError):
    """The server is stopping or cannot reach its store."""

    code = "transient"


class RulesChanged(Unavailable):
    """Search parameters have changed since the index entries of a write were made: make them anew, commit again."""


class StoreFull(FhirError):
    """The disk or the store has no room; nothing was written."""

    code = "no-store"


STATUS: dict[type[FhirError], int] = {
    FhirError: 500,
    Invalid: 400,
    NotSupported: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    RequestTimeout: 408,
    Conflict: 409,
    Deleted: 410,
    SnapshotExpired: 410,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Unprocessable: 422,
    TooCostly: 413,
    Unavailable: 503,
    StoreFull: 507,
}


def status_of(error: FhirError) -> int:
    """The HTTP status of an error, looked up along its class hierarchy."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
