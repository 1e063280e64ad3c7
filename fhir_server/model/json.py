"""JSON in and out: exact, within limits, and refused with the place of the fault.

https://hl7.org/fhir/R4/json.html, RFC 8259. What FHIR adds: no duplicate names, decimals keep their precision. What
this server adds: limits on depth, integers and decimals, no NUL characters, no byte order mark.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from fhir_server.model import faults
from fhir_server.model.limits import MAX_DEPTH, is_decimal_in_range
from fhir_server.model.members import member, split
from fhir_server.outcome import Invalid, TooLarge
from fhir_server.store.values import Body

_RESOURCE_TYPE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}", re.ASCII)
_NUL = b"\\u0000"
_CONTAINERS = (dict, list)
_SHORT = 40


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object as a tree (decimals as `Decimal`), and as the client's bytes less insignificant white space."""

    data: dict[str, Any]
    text: bytes


def _decimal(literal: str) -> Decimal:
    value = Decimal(literal)
    if (len(literal) > _SHORT or "e" in literal or "E" in literal) and not is_decimal_in_range(literal, value):
        raise ValueError(literal)
    return value


_decode = msgspec.json.Decoder(float_hook=_decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_pack = msgspec.msgpack.Encoder().encode


def parse(raw: bytes, *, max_bytes: int) -> Document:
    """Read a resource. Raises `Invalid` with the place of the fault, `TooLarge` over the limit.

    The form of `resourceType` is checked, not whether there is such a type.
    """
    data, text = _read(raw, max_bytes)
    if type(data) is not dict:
        raise Invalid("The body must be a JSON object: a FHIR resource with a resourceType.")
    resource_type = data.get("resourceType")
    if resource_type is None:
        raise Invalid("The body has no resourceType: it is no FHIR resource.", expression="Resource.resourceType")
    if type(resource_type) is not str or not _RESOURCE_TYPE.fullmatch(resource_type):
        raise Invalid("resourceType must be the name of a FHIR resource type.", expression="Resource.resourceType")
    return Document(data, text)


def parse_value(raw: bytes, *, max_bytes: int) -> Any:
    """Read any JSON value (a JSON Patch is an array) as strictly as a resource. Raises as `parse` does."""
    return _read(raw, max_bytes)[0]


def dump(data: Any) -> bytes:
    """A tree as compact JSON; decimals keep value and precision, those with an exponent perhaps not its spelling."""
    return _encode(data)


def pretty(text: bytes) -> bytes:
    """The same JSON, indented for people; every literal stays as it is."""
    return msgspec.json.format(text, indent=2)


def _read(raw: bytes, max_bytes: int) -> tuple[Any, bytes]:
    if len(raw) > max_bytes:
        raise TooLarge(f"The body has {len(raw)} bytes, more than the limit of {max_bytes}.")
    try:
        data = _decode(raw)
        text = msgspec.json.format(raw, indent=-1)
        _pack(data)  # MessagePack has no integers beyond 64 bits: the cheapest way to find one
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise faults.find(raw) or Invalid("The body is not JSON that this server can read.") from error
    # What is written again the same has no name twice. What is not may be equal (escapes, exponents): look closely.
    suspect = text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_too_deep(data)
    if suspect or _NUL in text or (_encode(data) != text and faults.has_duplicates(text)):
        fault = faults.find(raw)
        if fault is not None:
            raise fault
    return data, text


def _is_too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True


_SET_BY_SERVER = ("versionId", "lastUpdated", "_versionId", "_lastUpdated")


def body_of(text: bytes, resource_id: str) -> Body:
    """The compact text of a resource with this id, cut where the server's versionId and lastUpdated go.

    Order and spelling are the client's; what it sent as versionId and lastUpdated is left out. An id that was not there
    follows resourceType, a meta that was not there follows the id. Raises `Invalid` where meta is no object.
    """
    members = _with_id_and_meta(split(text))
    names = list(members)
    at = names.index("meta")
    kept = _kept_meta(members["meta"])
    members["id"] = _encode(resource_id)
    before = [member(name, members[name]) for name in names[:at]]
    after = [member(name, members[name]) for name in names[at + 1 :]]
    return Body(
        b"{" + b",".join([*before, b'"meta":{']),
        b",".join([b"".join([b"," + item for item in kept]) + b"}", *after]) + b"}",
    )


def _with_id_and_meta(members: dict[str, msgspec.Raw]) -> dict[str, bytes | msgspec.Raw]:
    if "id" in members and "meta" in members:
        return dict(members)
    ordered: dict[str, bytes | msgspec.Raw] = {}
    if "id" not in members and "resourceType" not in members:
        ordered["id"] = b""
    for name, value in members.items():
        ordered[name] = value
        if name == "resourceType" and "id" not in members:
            ordered["id"] = b""
        if "meta" not in members and "id" in ordered and "meta" not in ordered:
            ordered["meta"] = b"{}"
    ordered.setdefault("meta", b"{}")
    return ordered


def _kept_meta(meta: bytes | msgspec.Raw) -> list[bytes]:
    try:
        members = split(meta)
    except msgspec.DecodeError as error:
        raise Invalid("meta must be an object.", expression="Resource.meta") from error
    return [member(name, value) for name, value in members.items() if name not in _SET_BY_SERVER]
