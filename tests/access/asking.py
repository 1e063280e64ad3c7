"""Requests at random, and what is left of an answer when times of the answer, page tokens and server-made ids are
taken out."""

import json
import random
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.access.people import IDS, LOCAL, NHS, Scene
from tests.running import BASE, Client, encoded, observation, patient

PAGES = 12
_PAGE = re.compile(r"_page=[A-Za-z0-9_-]+")
_CHAIN = re.compile(r"\b(?:store|[crw]\d+)-\d+\b")
_KEPT = ("location", "etag", "last-modified", "content-type", "allow", "content-disposition")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `follows`: whether its next pages are asked for too."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    follows: bool = False


async def ask(fhir: Client, asked: Asked) -> list[Any]:
    """The answers to a request and to the links that follow from it, as they are compared."""
    answer = await fhir.send(asked.method, asked.path, asked.body, **asked.headers)
    answers = [comparable(answer)]
    while asked.follows and len(answers) < PAGES and (following := next_link(answer)) is not None:
        answer = await fhir.get(following, **asked.headers)
        answers.append(comparable(answer))
    return answers


def next_link(answer: httpx.Response) -> str | None:
    """The link to the next page."""
    links = answer.json().get("link", ()) if answer.status_code == 200 and answer.content else ()
    return next((link["url"] for link in links if link["relation"] == "next"), None)


def comparable(answer: httpx.Response) -> Any:
    """Status, headers and body, without what may differ between two stores that show the same."""
    headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
    if not answer.content or "json" not in headers.get("content-type", ""):
        return (answer.status_code, headers, answer.content)
    return (answer.status_code, headers, _without_own(json.loads(_PAGE.sub("_page=", answer.text))))


def _without_own(value: Any) -> Any:
    """Without the id and time of result Bundles, and with the places of audit entries in their chains made equal."""
    if isinstance(value, list):
        return [_without_own(item) for item in value]
    if isinstance(value, str):
        return _CHAIN.sub("chain-n", value)
    if not isinstance(value, dict):
        return value
    left_out = ("id", "meta") if value.get("resourceType") == "Bundle" else ()
    kept = {name: _without_own(item) for name, item in value.items() if name not in left_out}
    if "query" in kept:
        kept["query"] = _PAGE.sub("_page=", b64decode(kept["query"]).decode())
    return kept


Parameter = tuple[str, tuple[str, ...]]

COMMON: tuple[Parameter, ...] = (
    ("_id", ("a", "b", "oa1", "ob1", "oa1,ob1,or1,da", "none", "c")),
    ("_lastUpdated", ("ge2026-02-25", "lt2026-02-25", "gt2026-02-25T06:13:30Z", "ne2026")),
    ("_security", ("R", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R")),
    ("_security:not", ("R",)),
    ("_security:missing", ("true", "false")),
    ("_tag", ("x",)),
    ("_count", ("0", "1", "2", "3", "5")),
    ("_total", ("accurate", "none", "estimate")),
    ("_summary", ("true", "text", "data", "count", "false")),
    ("_sort", ("_id", "-_id", "_lastUpdated", "-_lastUpdated")),
    ("nonsense", ("1",)),
)
OF_TYPE: dict[str, tuple[Parameter, ...]] = {
    "Patient": (
        ("name", ("Fam", "Sam", "Familyb", "x")),
        ("family", ("Familya", "Familyb", "Familyc")),
        ("family:exact", ("Familyb",)),
        ("given:contains", ("am", "enb")),
        ("identifier", ("1", "2", f"{NHS}|9990000026", f"{LOCAL}|3", f"{LOCAL}|", "|2")),
        ("address", ("Secret", "Leeds", "2 Secret")),
        ("address-city", ("Leeds", "York")),
        ("address-city:missing", ("true", "false")),
        ("address-postalcode", ("LS2", "LS1", "LS")),
        ("telecom", ("0113 496 0002", "phone|0113 496 0001")),
        ("telecom:not", ("0113 496 0002",)),
        ("phone", ("0113 496 0002",)),
        ("phone:missing", ("true", "false")),
        ("gender", ("male", "female")),
        ("gender:not", ("male",)),
        ("birthdate", ("1932", "lt1933", "ge1931-01-01")),
        ("birthdate:missing", ("true", "false")),
        ("active", ("true",)),
        ("organization", ("Organization/org", "org")),
        ("_sort", ("birthdate", "-birthdate")),
        ("_elements", ("name", "address,telecom")),
    ),
    "Observation": (
        ("subject", ("Patient/a", "Patient/b", "a", "b,a", f"{BASE}/Patient/b", "Patient/none")),
        ("patient", ("a", "b", "Patient/c", "gone")),
        ("code", ("8867-4", "http://loinc.org|8867-4", "x")),
        ("code:not", ("x", "8867-4")),
        ("value-quantity", ("gt52", "lt63||kg", "71", f"ge60|{'http://unitsofmeasure.org'}|kg")),
        ("date", ("2026-01-02", "ge2026-01-05", "lt2026-01-09")),
        ("status", ("final", "amended")),
        ("encounter", ("Encounter/ea", "Encounter/eb")),
        ("encounter:missing", ("true", "false")),
        ("performer", ("Practitioner/pr",)),
        ("focus", ("Patient/a", "Patient/b")),
        ("identifier", ("obs-oa1", "obs-ob1", "obs-or1", f"{LOCAL}|obs-ob2")),
        ("_sort", ("date", "-date", "date,-_id")),
        ("_elements", ("status", "valueQuantity,subject")),
    ),
    "Condition": (("patient", ("a", "b")), ("subject", ("Patient/b", "Patient/a"))),
    "Encounter": (("patient", ("a", "b")), ("status", ("finished",)), ("subject:missing", ("true", "false"))),
    "Practitioner": (("name", ("Doc",)),),
    "Organization": (("name", ("Care", "Home")),),
    "Basic": (),
}
AUDIT: tuple[Parameter, ...] = (
    ("patient", ("a", "b", "c", "none", "Patient/a")),
    ("date", ("ge2026-02-25", "lt2026-02-25", "ge2026-02-25T06:20:00Z")),
    ("_count", ("1", "4", "50")),
)
HISTORY: tuple[Parameter, ...] = (
    ("_count", ("1", "2", "3", "7")),
    ("_since", ("2026-02-25T06:13:20Z", "2026-02-25T06:13:40Z", "2030-01-01T00:00:00Z", "1990-01-01T00:00:00Z")),
    ("_at", ("2026-02-25", "2026-02-25T06:13:45Z", "2020")),
)


class Grammar:
    """Requests at random, from a seed."""

    def __init__(self, scene: Scene, seed: int, *, daring: bool = False) -> None:
        """`daring`: also updates of ids that are taken by what is hidden."""
        self._daring = daring
        self.choice = random.Random(seed)
        self.scene = scene
        self._new = 0

    def __call__(self) -> Asked:
        """The next request."""
        kinds: tuple[tuple[Callable[[], Asked], int], ...] = (
            (self._read, 5),
            (self._search, 10),
            (self._compartment, 4),
            (self._history, 4),
            (self._audit, 2),
            (self._bundle_of_gets, 3),
            (self._create, 3),
            (self._update, 3),
            (self._patch, 2),
            (self._delete, 3),
            (self._transaction, 2),
        )
        made = self.choice.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        return made()

    def write(self) -> Asked:
        """The next request that would change something."""
        return self.choice.choice((self._create, self._update, self._patch, self._delete, self._transaction))()

    # --- what is asked for ---------------------------------------------------------------------------------------

    def _place(self) -> str:
        resource_type = self.choice.choice(list(IDS))
        return f"{resource_type}/{self._id(resource_type)}"

    def _id(self, resource_type: str) -> str:
        return self.choice.choice((*IDS[resource_type], "none"))

    def _parameters(self, *pools: tuple[Parameter, ...], most: int = 4) -> str:
        pool = [parameter for each in pools for parameter in each]
        wanted: dict[str, str] = {}
        for _ in range(self.choice.randint(0, most if pool else 0)):
            name, values = self.choice.choice(pool)
            wanted[name] = self.choice.choice(values)
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())

    def _reading_headers(self) -> dict[str, str]:
        return dict(
            self.choice.choice(
                (
                    {},
                    {},
                    {},
                    {"if_none_match": 'W/"1"'},
                    {"if_none_match": "*"},
                    {"if_modified_since": "Mon, 01 Jan 2035 00:00:00 GMT"},
                    {"if_modified_since": "Mon, 01 Jan 2001 00:00:00 GMT"},
                )
            )
        )

    # --- reading -------------------------------------------------------------------------------------------------

    def _read(self) -> Asked:
        place = self._place()
        if self.choice.random() < 0.4:
            place += f"/_history/{self.choice.choice(('1', '2', '3', 'x'))}"
        query = self.choice.choice(("", "", "?_summary=true", "?_summary=text", "?_elements=name,address,code"))
        return Asked(self.choice.choice(("GET", "GET", "HEAD")), place + query, self._reading_headers())

    def _search(self) -> Asked:
        resource_type = self.choice.choice(("Patient", "Patient", "Observation", "Observation", *OF_TYPE))
        query = self._parameters(COMMON, OF_TYPE[resource_type], OF_TYPE[resource_type])
        if self.choice.random() < 0.2:
            form = {"content_type": "application/x-www-form-urlencoded"}
            return Asked("POST", f"{resource_type}/_search", form, query.encode())
        strict = {"prefer": "handling=strict"} if self.choice.random() < 0.1 else {}
        return Asked("GET", f"{resource_type}?{query}", strict, follows=True)

    def _compartment(self) -> Asked:
        owner = self.choice.choice(
            ("Patient/a", "Patient/b", "Patient/c", "Patient/gone", "Patient/none", "Practitioner/pr", "Encounter/ea")
            + ("Encounter/eb",)
        )
        within = self.choice.choice(("Observation", "Observation", "Condition", "Encounter"))
        return Asked("GET", f"{owner}/{within}?{self._parameters(COMMON, OF_TYPE[within])}", follows=True)

    def _history(self) -> Asked:
        place = self.choice.choice((self._place(), self._place(), "Patient", "Observation", "Condition", ""))
        return Asked("GET", f"{place}/_history?{self._parameters(HISTORY)}", follows=True)

    def _audit(self) -> Asked:
        return Asked("GET", f"AuditEvent?{self._parameters(AUDIT)}", follows=True)

    def _bundle_of_gets(self) -> Asked:
        asked = [self.choice.choice((self._read, self._search, self._compartment))() for _ in range(3)]
        gets = [one for one in asked if one.method == "GET"]
        kind = self.choice.choice(("batch", "transaction"))
        return self._bundle(kind, [{"request": {"method": "GET", "url": one.path}} for one in gets])

    def _bundle(self, kind: str, entries: list[dict[str, Any]]) -> Asked:
        body: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
        if entries:
            body["entry"] = entries
        return Asked("POST", "", {"content_type": "application/fhir+json"}, encoded(body))

    # --- writing -------------------------------------------------------------------------------------------------

    def _resource(self) -> dict[str, Any]:
        subject = self.choice.choice(("Patient/a", "Patient/a", "Patient/b", "Patient/c", "Patient/none"))
        self._new += 1
        made = observation(subject, identifier=[{"system": LOCAL, "value": f"new-{self._new}"}])
        if self.choice.random() < 0.2:
            nhs = self.choice.choice(("9990000018", "9990000026", "9990000034", "9990000050"))
            made["subject"] = {"type": "Patient", "identifier": {"system": NHS, "value": nhs}}
        if self.choice.random() < 0.1:
            made["meta"] = {
                "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]
            }
        return made

    def _condition(self) -> str:
        value = self.choice.choice(("obs-oa1", "obs-ob1", "obs-or1", "obs-none", "new-1", "new-2"))
        return self.choice.choice((f"identifier={LOCAL}|{value}", f"identifier={value}", "subject=Patient/b", "code=x"))

    def _create(self) -> Asked:
        headers = {"content_type": "application/fhir+json"}
        if self.choice.random() < 0.5:
            headers["if_none_exist"] = self._condition()
        return Asked("POST", "Observation", headers, encoded(self._resource()))

    def _own_id(self) -> str:
        """An id under which this caller may write: visible, deleted, or new. What is hidden is not among them."""
        self._new += 1
        hidden = frozenset() if self._daring else self.scene.hidden_ids("Observation")
        return self.choice.choice((*(name for name in IDS["Observation"] if name not in hidden), f"new-{self._new}"))

    def _writing_headers(self) -> dict[str, str]:
        return dict(self.choice.choice(({}, {}, {"if_match": 'W/"1"'}, {"if_match": 'W/"2"'}, {"if_none_match": "*"})))

    def _update(self) -> Asked:
        headers = {"content_type": "application/fhir+json", **self._writing_headers()}
        if self.choice.random() < 0.3:
            return self._update_of_patient(headers)
        name = self._own_id()
        return Asked("PUT", f"Observation/{name}", headers, encoded({**self._resource(), "id": name}))

    def _update_of_patient(self, headers: dict[str, str]) -> Asked:
        """Of the one whom every caller sees whole, or of somebody new, who may carry anybody's number."""
        self._new += 1
        name = self.choice.choice(("a", "a", f"new-{self._new}"))
        number = self.choice.choice(("9990000018", "9990000026", "9990000034"))
        made = patient(name, identifier=[{"system": NHS, "value": number}], active=self.choice.choice((True, False)))
        return Asked("PUT", f"Patient/{name}", headers, encoded(made))

    def _patch(self) -> Asked:
        operations = self.choice.choice(
            (
                [{"op": "test", "path": "/status", "value": "final"}],
                [{"op": "test", "path": "/subject/reference", "value": "Patient/b"}],
                [{"op": "replace", "path": "/status", "value": "amended"}],
                [{"op": "replace", "path": "/subject/reference", "value": "Patient/b"}],
                [{"op": "add", "path": "/note", "value": [{"text": "x"}]}],
            )
        )
        headers = {"content_type": "application/json-patch+json", **self._writing_headers()}
        return Asked("PATCH", f"Observation/{self._id('Observation')}", headers, encoded(operations))

    def _deletable(self) -> str:
        """Nothing that a hidden resource may refer to: whether it does is the one thing that a refusal must tell."""
        return self.choice.choice(
            (f"Observation/{self._id('Observation')}", f"Condition/{self._id('Condition')}")
            + tuple(f"Patient/{name}" for name in (*self.scene.hidden_ids("Patient"), "none", "gone"))
        )

    def _delete(self) -> Asked:
        headers = {name: value for name, value in self._writing_headers().items() if name == "if_match"}
        return Asked("DELETE", self._deletable(), headers)

    def _transaction(self) -> Asked:
        entries: list[dict[str, Any]] = [
            {"resource": self._resource(), "request": {"method": "POST", "url": "Observation"}}
        ]
        if self.choice.random() < 0.4:
            entries[0]["request"]["ifNoneExist"] = self._condition()
        if self.choice.random() < 0.5:
            entries.append({"request": {"method": "DELETE", "url": self._deletable()}})
        if self.choice.random() < 0.5:
            entries.append({"request": {"method": "GET", "url": self._place()}})
        return self._bundle(self.choice.choice(("batch", "transaction")), entries)
