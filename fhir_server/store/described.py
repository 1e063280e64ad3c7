"""How a plan names a criterion: by its kind and parameter, never by values, which may be of a patient."""

from fhir_server.store.criteria import AllOf, AnyOf, Not


def described(criterion: object) -> str:
    """A criterion, or what a store has put in its place, by its kind and parameter: `TokenIs code`."""
    if isinstance(criterion, AllOf | AnyOf):
        return f"{type(criterion).__name__}({', '.join(map(described, criterion.criteria))})"
    if isinstance(criterion, Not):
        return f"Not({described(criterion.criterion)})"
    names = [getattr(criterion, name) for name in ("param", "group", "name", "what") if hasattr(criterion, name)]
    return f"{type(criterion).__name__} {names[0]}" if names else type(criterion).__name__
