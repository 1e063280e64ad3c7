"""The load: clients that create, update, patch, delete, send transactions and read, and write down every answer."""

import json
import random
import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from uuid import UUID

from fhir_server.bench.records import LOINC, UCUM
from tests.crash.ledger import Attempt, Effect, Key, Ledger

TIMEOUT = 30.0
Resource = dict[str, Any]


class Gone(Exception):
    """The server, or the database behind it, went away before it answered."""


def observation(marker: str, patient: str) -> Resource:
    """A body weight that carries its marker as an identifier."""
    return {
        "resourceType": "Observation",
        "identifier": [{"system": "https://crash.example/markers", "value": marker}],
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "29463-7", "display": "Body weight"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-03-01T09:30:00Z",
        "valueQuantity": {"value": 61.5, "unit": "kg", "system": UCUM, "code": "kg"},
    }


def marker_of(resource: Resource) -> str:
    """The marker that a resource carries."""
    return str(resource["identifier"][0]["value"])


def version_of(etag: str | None) -> int:
    """The version of `W/"3"`; 0 where there is none."""
    return int(etag.removeprefix('W/"').rstrip('"')) if etag else 0


def key_of(location: str) -> Key:
    """Type and id of a Location."""
    parts = location.split("/_history/")[0].split("/")
    return parts[-2], parts[-1]


class Client:
    """One client with resources of its own. Its random choices come from its seed alone."""

    def __init__(self, number: int, seed: int) -> None:
        self.random = random.Random(seed * 1000 + number)
        self.ledger = Ledger()
        self.patient = f"crash-{number}"
        self.name = f"c{number}"
        self._sent = 0
        self._connection: HTTPConnection | None = None
        self._port = 0
        self._trouble = threading.Event()

    def work(self, port: int, killed: threading.Event, over: threading.Event) -> None:
        """Send requests until the server, or the database behind it, is killed (`killed` is set just before) or it is
        `over`. Never raises: what is wrong goes into the ledger."""
        self._port, self._trouble = port, killed
        actions = [self._create, self._put_new, self._update, self._update, self._patch, self._delete]
        actions += [self._transaction, self._transaction, self._read, self._read]
        try:
            if ("Patient", self.patient) not in self.ledger.versions:
                self._put_patient()
            while not over.is_set():
                self.random.choice(actions)()
        except Gone as gone:
            if not killed.is_set():
                self.ledger.faults.append(f"{self.name}: the server went away while it was alive: {gone.__cause__}")
        except Exception as fault:  # the thread must tell, whatever it is
            self.ledger.faults.append(f"{self.name}: {type(fault).__name__}: {fault}")
        finally:
            self._close()

    # --- one request -------------------------------------------------------------------------------------------------

    def _marker(self) -> str:
        self._sent += 1
        return f"{self.name}-{self._sent}"

    def _send(
        self,
        attempt: Attempt,
        method: str,
        path: str,
        body: Any = None,
        expected: tuple[int, ...] = (200,),
        **headers: str,
    ) -> tuple[HTTPResponse, Any]:
        """Send one request; the attempt is in doubt until its answer is here. Raises `Gone`."""
        kind = "application/json-patch+json" if isinstance(body, list) else "application/fhir+json"
        fields = {"X-Request-Id": attempt.request_id, "Prefer": "return=minimal"}
        if body is not None:
            fields["Content-Type"] = kind
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            if self._connection is None:
                self._connection = HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
                self._connection.connect()
            self.ledger.in_doubt = attempt
            self._connection.request(method, f"/fhir{path}", None if body is None else json.dumps(body), fields)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as fault:
            raise Gone from fault
        if answer.status == 503 and self._trouble.is_set():
            raise Gone
        self.ledger.in_doubt = None
        self.ledger.requests.add(attempt.request_id)
        if answer.status not in expected:
            raise AssertionError(f"{method} {path} was answered with {answer.status}: {content[:400]!r}")
        return answer, json.loads(content) if content else None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- which resource ----------------------------------------------------------------------------------------------

    def _pick(self, deleted: bool = False) -> Key | None:
        """One of the own Observations, present or deleted, among the newest forty."""
        recent = list(self.ledger.versions)[-40:]
        fitting = [key for key in recent if key[0] == "Observation" and (self.ledger.marker(key) is None) is deleted]
        return self.random.choice(fitting) if fitting else None

    # --- what a client does ------------------------------------------------------------------------------------------

    def _put_patient(self) -> None:
        marker = self._marker()
        patient = {
            "resourceType": "Patient",
            "id": self.patient,
            "identifier": [{"system": "https://crash.example/markers", "value": marker}],
        }
        effect = Effect("Patient", self.patient, marker, 0)
        answer, _ = self._send(Attempt(marker, (effect,)), "PUT", f"/Patient/{self.patient}", patient, (201,))
        self.ledger.write(("Patient", self.patient), version_of(answer.headers["ETag"]), marker)

    def _create(self) -> None:
        marker = self._marker()
        attempt = Attempt(marker, (Effect("Observation", None, marker, 0),))
        answer, _ = self._send(attempt, "POST", "/Observation", observation(marker, self.patient), (201,))
        self.ledger.write(key_of(answer.headers["Location"]), version_of(answer.headers["ETag"]), marker)

    def _put(self, key: Key, expected: int, **headers: str) -> None:
        marker, after = self._marker(), self.ledger.version(key)
        body = {**observation(marker, self.patient), "id": key[1]}
        attempt = Attempt(marker, (Effect(*key, marker, after),))
        answer, _ = self._send(attempt, "PUT", "/".join(("", *key)), body, (expected,), **headers)
        self.ledger.write(key, version_of(answer.headers["ETag"]), marker)

    def _put_new(self) -> None:
        """An id of the client's own; now and then one that was deleted before."""
        gone = self._pick(deleted=True) if self.random.random() < 0.3 else None
        self._put(gone or ("Observation", str(UUID(int=self.random.getrandbits(128), version=4))), 201)

    def _update(self) -> None:
        key = self._pick()
        if key and self.random.random() < 0.5:
            self._put(key, 200, If_Match=f'W/"{self.ledger.version(key)}"')
        elif key:
            self._put(key, 200)

    def _patch(self) -> None:
        key = self._pick()
        if key is None:
            return
        marker, after = self._marker(), self.ledger.version(key)
        patch = [{"op": "replace", "path": "/identifier/0/value", "value": marker}]
        attempt = Attempt(marker, (Effect(*key, marker, after),))
        answer, _ = self._send(attempt, "PATCH", "/".join(("", *key)), patch)
        self.ledger.write(key, version_of(answer.headers["ETag"]), marker)

    def _delete(self) -> None:
        key = self._pick()
        if key is None or self.random.random() < 0.5:
            return
        after = self.ledger.version(key)
        attempt = Attempt(self._marker(), (Effect(*key, None, after),))
        self._send(attempt, "DELETE", "/".join(("", *key)), expected=(200, 204))
        self.ledger.write(key, after + 1, None)

    def _transaction(self) -> None:
        """Three creates, an update and a deletion: all or nothing."""
        marker = self._marker()
        effects = [Effect("Observation", None, f"{marker}-{place}", 0) for place in range(3)]
        entries: list[Resource] = [
            {
                "fullUrl": f"urn:uuid:{UUID(int=self.random.getrandbits(128), version=4)}",
                "resource": observation(str(effect.marker), self.patient),
                "request": {"method": "POST", "url": "Observation"},
            }
            for effect in effects
        ]
        updated, removed = self._pick(), self._pick()
        if updated:
            effects.append(Effect(*updated, f"{marker}-3", self.ledger.version(updated)))
            resource = {**observation(f"{marker}-3", self.patient), "id": updated[1]}
            entries.append({"resource": resource, "request": {"method": "PUT", "url": "/".join(updated)}})
        if removed and removed != updated:
            effects.append(Effect(*removed, None, self.ledger.version(removed)))
            entries.append({"request": {"method": "DELETE", "url": "/".join(removed)}})
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        _, answer = self._send(Attempt(marker, tuple(effects)), "POST", "", bundle)
        for effect, entry in zip(effects, answer["entry"], strict=True):
            self._acknowledge(effect, entry["response"])

    def _acknowledge(self, effect: Effect, response: Resource) -> None:
        key = key_of(response["location"]) if effect.id is None else (effect.type, effect.id)
        version = effect.after + 1 if effect.marker is None else version_of(response["etag"])
        self.ledger.write(key, version, effect.marker)

    def _read(self) -> None:
        key = self._pick()
        if key is None:
            return
        answer, resource = self._send(Attempt(self._marker()), "GET", "/".join(("", *key)))
        seen = version_of(answer.headers["ETag"]), marker_of(resource)
        if seen != (self.ledger.version(key), self.ledger.marker(key)):
            self.ledger.faults.append(f"{'/'.join(key)}: read {seen}, acknowledged was {self.ledger.version(key)}")
