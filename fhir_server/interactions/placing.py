"""Issues of an entry's resource, placed in the Bundle that brought it."""

from fhir_server.outcome import FhirError, Issue


def placed(error: FhirError, place: str) -> FhirError:
    """The same error, its issues at the entry that caused it."""
    return type(error)([at_entry(issue, place) for issue in error.issues], position=error.position)


def at_entry(issue: Issue, place: str) -> Issue:
    """The issue of an entry's resource, with the entry's place before each expression."""
    inside = [path.partition(".")[2] for path in issue.expression if not path.startswith("Bundle.entry")]
    kept = [path for path in issue.expression if path.startswith("Bundle.entry")]
    placed_paths = (*kept, *(f"{place}.resource.{path}" if path else f"{place}.resource" for path in inside))
    return Issue(issue.code, issue.diagnostics, placed_paths or (place,), issue.severity)
