"""The same searches against another server: do both find the same, and how fast is each?"""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.bench.search.measuring import Place, next_of
from fhir_server.bench.search.queries import QUERIES, Sample, SearchQuery
from fhir_server.bench.seed import Refused

COMPARED = 20
"""So many values of each query are compared."""
_MOST_PAGES = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """One query on two servers: how many were asked, in how many both found the same, and the first that differs."""

    code: str
    asked: int
    same: int
    difference: str | None = None


def compared(ours: str, theirs: str, sample: Sample) -> Iterator[Comparison]:
    """Every query whose result does not depend on a server's own order. Raises `OSError`."""
    with _Asker(ours) as here, _Asker(theirs) as there:
        for query in QUERIES:
            if query.same:
                yield _compare(query, sample, here, there)


def _compare(query: SearchQuery, sample: Sample, here: "_Asker", there: "_Asker") -> Comparison:
    paths = query.paths(sample)
    chosen = paths[:: max(len(paths) // COMPARED, 1)][:COMPARED]
    same, difference = 0, None
    for path in chosen:
        found = here.all_of(path), there.all_of(path)
        if found[0] == found[1]:
            same += 1
        else:
            difference = difference or f"{path}: {_said(found[0])} here, {_said(found[1])} there"
    return Comparison(query.code, len(chosen), same, difference)


def _said(found: frozenset[str] | str) -> str:
    return found if isinstance(found, str) else f"{len(found)} resources"


class _Asker:
    """One connection to one server."""

    def __init__(self, base: str) -> None:
        self._place = Place.of(base)
        self._connection = http.client.HTTPConnection(self._place.host, timeout=120)

    def __enter__(self) -> "_Asker":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def all_of(self, path: str) -> frozenset[str] | str:
        """What all pages of a search hold (`Type/id`), or the status where it is not answered."""
        found: set[str] = set()
        following: str | None = self._place.path + path
        for _ in range(_MOST_PAGES):
            self._connection.request("GET", following or "", headers={"Accept": "application/fhir+json"})
            answer = self._connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                return f"status {answer.status}"
            found |= {_name(entry["resource"]) for entry in json.loads(body).get("entry", ()) if "resource" in entry}
            following = next_of(body, self._place.address)
            if following is None:
                return frozenset(found)
        raise Refused(f"{path} has more than {_MOST_PAGES} pages")


def _name(resource: dict[str, str]) -> str:
    return f"{resource['resourceType']}/{resource.get('id', '')}"
