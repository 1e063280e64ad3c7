"""`_include` and `_revinclude` as values. https://hl7.org/fhir/R4/search.html#revinclude"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Include:
    """Resources that go into the Bundle because a reference connects them with one that is in it.

    The reference stands in resources of `source`, under the search parameter `param` (None: `*`, every reference
    parameter), and points at one of `targets`. `reverse`: `_revinclude`, so that resources of `source` are added, else
    those that it points at. `iterate`: also for resources that came in by an include. `elements` are those that `param`
    reads.
    """

    source: str
    param: str | None
    targets: tuple[str, ...]
    reverse: bool = False
    iterate: bool = False
    elements: tuple[str, ...] = ()
