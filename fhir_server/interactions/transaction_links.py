"""The addresses that the entries of a transaction get, and the references that are replaced by them.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from fhir_server.interactions.bundle_entries import BundleEntry, refuse
from fhir_server.interactions.conditional import (
    Condition,
    all_to_delete,
    condition_of,
    found_by,
    the_one,
)
from fhir_server.interactions.context import Context
from fhir_server.interactions.create import query_of
from fhir_server.interactions.placing import placed
from fhir_server.interactions.references import Identifier, Resource, verified_nhs_numbers
from fhir_server.interactions.update import address_found
from fhir_server.model.json import Document, dump
from fhir_server.model.links import rewrite
from fhir_server.outcome import FhirError
from fhir_server.store.values import Required, Snapshot, Version, Written

_MOST_MARKS = 16


@dataclass(slots=True)
class Addresses:
    """For each writing entry the (type, id) it gets; by fullUrl for the links; conditional creates already there
    (`found`) and the criteria of those that are not; the verified Patients among them; the keys that these decisions
    rest on. `keys`: by entry, those of its own criteria; `matched`: what the criteria of updates and patches found;
    `deleted`: what a conditional delete removes; `references`: what conditional references mean; `unchanged`: what was
    found by criteria and is not written, in the version that it must still have.
    """

    state: Snapshot
    of_entry: dict[int, Resource] = field(default_factory=dict)
    by_url: dict[str, str] = field(default_factory=dict)
    found: dict[int, Written] = field(default_factory=dict)
    conditions: set[Condition] = field(default_factory=set)
    conditional: dict[int, Condition] = field(default_factory=dict)
    patients: dict[Identifier, set[Resource]] = field(default_factory=dict)
    depends_on: set[str] = field(default_factory=set)
    relative: dict[str, dict[str, str]] = field(default_factory=dict)
    marks: tuple[bytes, ...] | None = None
    keys: dict[int, frozenset[str]] = field(default_factory=dict)
    matched: dict[int, Version | None] = field(default_factory=dict)
    deleted: dict[int, tuple[Version, ...]] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    unchanged: list[Required] = field(default_factory=list)


async def addresses_of(context: Context, entries: Sequence[BundleEntry], state: Snapshot) -> Addresses:
    """Give every writing entry its address. All criteria are asked of one state, so that entries and references agree.
    Raises where a resource is written twice or a criterion is ambiguous."""
    addresses = Addresses(state)
    written: dict[Resource, bool] = {}
    for entry in entries:
        if entry.method in ("GET", "HEAD"):
            continue
        address = await _address(context, entry, addresses)
        writes = entry.position not in addresses.found
        for each in _written_by(entry, address, addresses):
            if each in written and (writes or written[each]):
                raise refuse(
                    entry, "duplicate", "A transaction writes each resource once; another entry writes this one."
                )
            written[each] = writes
        addresses.of_entry[entry.position] = address
        if entry.full_url is not None and entry.document is not None:
            if addresses.by_url.get(entry.full_url, "/".join(address)) != "/".join(address):
                raise refuse(entry, "duplicate", "Another entry has this fullUrl: it cannot be told apart.", "fullUrl")
            _add_link(addresses, entry.full_url, "/".join(address))
    return addresses


def note_patients(addresses: Addresses, documents: Mapping[int, Document | None]) -> None:
    """Note the verified Patients among these resources (by entry), which have passed validation."""
    for position, document in documents.items():
        address = addresses.of_entry[position]
        if document is not None and address[0] == "Patient":
            for identifier in verified_nhs_numbers(document.data):
                addresses.patients.setdefault(identifier, set()).add(address)


def _add_link(addresses: Addresses, full_url: str, address: str) -> None:
    addresses.by_url[full_url] = address
    root = _root(full_url)
    if root is not None:
        addresses.relative.setdefault(root, {})[full_url[len(root) + 1 :]] = address


def _written_by(entry: BundleEntry, address: Resource, addresses: Addresses) -> list[Resource]:
    """What an entry writes: of a conditional delete all that it found."""
    deleted = addresses.deleted.get(entry.position)
    return [address] if deleted is None else [(version.type, version.id) for version in deleted]


async def _address(context: Context, entry: BundleEntry, addresses: Addresses) -> Resource:
    if entry.method == "POST":
        return await _created(context, entry, addresses)
    if len(entry.path) == 2:
        return (entry.path[0], entry.path[1])
    try:
        return await _meant(context, entry, addresses)
    except FhirError as error:
        raise placed(error, f"{entry.place}.request.url") from error


async def _meant(context: Context, entry: BundleEntry, addresses: Addresses) -> Resource:
    """The resource that the criteria in an entry's url mean."""
    condition = await condition_of(context, entry.path[0], entry.parameters)
    addresses.keys[entry.position] = condition.keys
    addresses.depends_on |= condition.keys
    if entry.method == "DELETE":
        found = await all_to_delete(context, condition, addresses.state)
        addresses.deleted[entry.position] = found.versions
        return (condition.type, found.versions[0].id if found.versions else "")
    if entry.method == "PATCH":
        version, _ = await the_one(context, condition, addresses.state)
        addresses.matched[entry.position] = version
        return (version.type, version.id)
    assert entry.document is not None
    found = await found_by(context, condition, state=addresses.state)
    addresses.matched[entry.position] = found.only
    return address_found(context, entry.document, found)


async def _created(context: Context, entry: BundleEntry, addresses: Addresses) -> Resource:
    resource_type, header = entry.path[0], entry.headers.get("if-none-exist")
    if header is not None:
        condition = await condition_of(context, resource_type, query_of(header, resource_type))
        addresses.keys[entry.position] = condition.keys
        addresses.depends_on |= condition.keys
        existing = (await found_by(context, condition, state=addresses.state)).only
        if existing is not None:
            addresses.unchanged.append(Required(existing.type, existing.id, entry.place, 0, existing.version))
            addresses.found[entry.position] = Written(
                existing.type, existing.id, existing.version, existing.last_updated_ms, "unchanged", existing.patients
            )
            return (existing.type, existing.id)
        if condition in addresses.conditions:
            raise refuse(entry, "duplicate", "Another entry creates under the same criteria.", "request.ifNoneExist")
        addresses.conditions.add(condition)
        addresses.conditional[entry.position] = condition
    return (resource_type, context.server.new_id())


def linked(context: Context, entry: BundleEntry, addresses: Addresses) -> Document | None:
    """The entry's resource with every link to another entry's fullUrl replaced by that entry's address."""
    document = entry.document
    if document is None or (entry.method == "PATCH" and document.data.get("resourceType") == "Binary"):
        return document
    root = _root(entry.full_url)
    conditional = bool(addresses.references) and b"?" in document.text
    if root is None and not conditional and not _may_name(document.text, addresses):
        return document
    data = deepcopy(document.data)
    if not rewrite(data, _mapping(root, addresses), context.server.definitions):
        return document
    return Document(data, dump(data))


def _may_name(text: bytes, addresses: Addresses) -> bool:
    """Whether a resource may hold a link to another entry. JSON can spell a link with escapes, so then it may."""
    if addresses.marks is None:
        # What all fullUrls begin with, one for each kind: few, however many entries an honest Bundle has.
        kinds = {_root(url) or url[: url.rfind(":") + 1] for url in addresses.by_url}
        addresses.marks = tuple(kind.encode() for kind in kinds) if len(kinds) <= _MOST_MARKS else (b"",)
    return b"\\" in text or any(mark in text for mark in addresses.marks)


def _mapping(root: str | None, addresses: Addresses) -> Mapping[str, str]:
    """What the links of an entry may name: fullUrls, and relative references where the roots of both are the same.

    A relative reference of an entry whose fullUrl is `http://a/fhir/Patient/1` means `http://a/fhir/...`; only then
    may it be replaced, since elsewhere `Patient/1` is a Patient of this server.
    """
    if root is None:
        return ChainMap(addresses.references, addresses.by_url) if addresses.references else addresses.by_url
    return ChainMap(addresses.relative.get(root, {}), addresses.references, addresses.by_url)


def _root(full_url: str | None) -> str | None:
    """The base of a RESTful fullUrl (`http://a/fhir` of `http://a/fhir/Patient/1`); None for a urn."""
    if full_url is None or full_url.startswith("urn:"):
        return None
    parts = full_url.rsplit("/", 2)
    return parts[0] if len(parts) == 3 else None
