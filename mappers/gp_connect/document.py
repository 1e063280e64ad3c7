"""Reading a GP Connect structured record: its entries, how each is known, and what refers to what.

https://developer.nhs.uk/apis/gpconnect-1-6-0/accessrecord_structured.html
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from fhir_server.model.json import dump, parse
from fhir_server.outcome import FhirError, Issue
from mappers.mapper import Json, ReadOptions, Unmappable

_PROFILE = b"GPConnect-StructuredRecord-Bundle"
_BEGINNING = 4096
_LOGICAL_ID = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,63}/[^/\s?#]{1,256})(?:/_history/[^/]+)?$")
_IDENTITY = ("code", "title", "type", "vaccineCode", "medicationReference", "encounter", "context", "name")
_WHEN = ("effectiveDateTime", "onsetDateTime", "authoredOn", "created", "authored", "occurrenceDateTime", "period")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the document. `text` is the resource as received; `data` is {} where there is no readable one.

    `key` is its id, or for an entry without one a key made of what it is about, the same in a later export. `rival`:
    an entry before it has the same id and other content, so the id does not tell what is meant.
    """

    position: int
    type: str
    id: str | None
    key: str
    data: Json
    text: bytes
    rival: bool = False

    @property
    def place(self) -> str:
        """The FHIRPath of the resource in the document."""
        return f"Bundle.entry[{self.position}].resource"

    @property
    def address(self) -> str | None:
        """How others in the document refer to it (`Type/id`); None without an id."""
        return None if self.id is None else f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class StructuredRecord:
    """A document that was read: its entries in their order, the Patient among them, and entries by address."""

    entries: tuple[Entry, ...]
    patient: Entry
    by_address: dict[str, Entry]
    digest: str

    def find(self, reference: str) -> Entry | None:
        """The entry that a reference names: relative, absolute, or a fullUrl; None where it is not in the document."""
        if reference in self.by_address:
            return self.by_address[reference]
        named = address_in(reference)
        return None if named is None else self.by_address.get(named)


def address_in(reference: str) -> str | None:
    """`Type/id` of a literal reference, without base and version; None for one that has no such form."""
    found = _LOGICAL_ID.search(reference)
    return found.group(1) if found else None


def recognises(raw: bytes) -> bool:
    """Whether these bytes look like a GP Connect structured record, also where they are not JSON."""
    return _PROFILE in raw[:_BEGINNING] or (_PROFILE in raw and b'"collection"' in raw)


def read_document(raw: bytes, options: ReadOptions) -> StructuredRecord:
    """The document. Raises `Unmappable`: not JSON (with line and column), no such Bundle, not exactly one Patient."""
    try:
        document = parse(raw, max_bytes=options.max_bytes)
    except FhirError as error:
        raise Unmappable(error.issues) from error
    data = document.data
    if data.get("resourceType") != "Bundle" or data.get("type") != "collection":
        raise _refused("value", "A GP Connect structured record is a Bundle of type collection.", "Bundle.type")
    found = data.get("entry")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _refused("structure", "The Bundle has no list of entries.", "Bundle.entry")
    raws = msgspec.json.decode(document.text, type=dict[str, msgspec.Raw])["entry"]
    entries = tuple(_entries(found, msgspec.json.decode(raws, type=list[msgspec.Raw])))
    patients = [entry for entry in entries if entry.type == "Patient"]
    if len(patients) != 1:
        said = "no Patient" if not patients else f"{len(patients)} Patients"
        raise _refused("structure", f"A record is about exactly one Patient; this one has {said}.", "Bundle.entry")
    return StructuredRecord(entries, patients[0], _addresses(found, entries), sha256(raw).hexdigest())


def _refused(code: str, diagnostics: str, place: str) -> Unmappable:
    return Unmappable([Issue(code, diagnostics, (place,))])


def _entries(found: list[Json], raws: list[msgspec.Raw]) -> Iterator[Entry]:
    seen: Counter[str] = Counter()
    first: dict[tuple[str, str], bytes] = {}
    owner = _owner(found)
    for position, (item, raw) in enumerate(zip(found, raws, strict=True)):
        resource = item.get("resource")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            yield Entry(position, "", None, _made_key("", item, owner, seen), {}, bytes(raw))
            continue
        text = bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])["resource"])
        type, given = resource["resourceType"], resource.get("id")
        id = given if isinstance(given, str) and given else None
        key = _made_key(type, resource, owner, seen) if id is None else id
        rival = first.setdefault((type, key), text) != text
        if rival:
            key = f"{key}#{sha256(text).hexdigest()[:16]}"
        yield Entry(position, type, id, key, resource, text, rival)


def _owner(found: list[Json]) -> Any:
    """What tells the record's Patient from others of the same practice: two of them have the same lists."""
    resources = (item.get("resource") for item in found)
    patient = next((one for one in resources if isinstance(one, dict) and one.get("resourceType") == "Patient"), {})
    return patient.get("id") or patient.get("identifier")


def _made_key(type: str, data: Json, owner: Any, seen: Counter[str]) -> str:
    """A key from whose record it is, what identifies the content, and the place among equals: it outlives a change of
    the rest.

    An identifier says enough; otherwise what it is about and when. What a list holds plays no part.
    """
    identifiers = data.get("identifier")
    identity: Any = identifiers if identifiers else {name: data[name] for name in (*_IDENTITY, *_WHEN) if name in data}
    ordered = json.dumps(json.loads(dump([type, owner, identity])), sort_keys=True)
    digest = sha256(ordered.encode()).hexdigest()[:32]
    seen[digest] += 1
    return f"at:{digest}-{seen[digest]}"


def _addresses(found: list[Json], entries: tuple[Entry, ...]) -> dict[str, Entry]:
    """Entries by `Type/id` and by fullUrl; the first of two that claim the same."""
    addresses: dict[str, Entry] = {}
    for item, entry in zip(found, entries, strict=True):
        if entry.address is not None:
            addresses.setdefault(entry.address, entry)
        if isinstance(item.get("fullUrl"), str):
            addresses.setdefault(item["fullUrl"], entry)
    return addresses
