"""References as the reference evaluator follows them. https://hl7.org/fhir/R4/references.html"""

import re
from dataclasses import dataclass
from typing import Any

from fhir_server.definitions.definitions import r4

LOCAL = re.compile(
    r"(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
REMOTE_TYPE = re.compile(r".*/([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")


@dataclass(frozen=True)
class Address:
    """A resource of this server, or (without a type) an address elsewhere."""

    type: str
    id: str
    version: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.type, self.id


def address_of(text: str, base: str) -> Address | None:
    """What the text of a reference points at; None for what lies inside the resource itself."""
    if text.startswith("#"):
        return None
    match = LOCAL.fullmatch(text.removeprefix(base + "/"))
    if match is not None and r4().is_resource_type(match["type"]):
        return Address(match["type"], match["id"], match["version"])
    return Address("", re.sub(r"/_history/[A-Za-z0-9\-.]{1,64}$", "", text))


def named_type(text: str, resource: Any, base: str) -> str | None:
    """The resource type that a reference's text tells: by the address, or by the contained resource it names."""
    if text.startswith("#"):
        inside = [each["resourceType"] for each in resource.get("contained", []) if each["id"] == text[1:]]
        return inside[0] if inside else None
    address = address_of(text, base)
    if address is not None and address.type:
        return address.type
    match = REMOTE_TYPE.fullmatch(text)
    return match[1] if match else None
