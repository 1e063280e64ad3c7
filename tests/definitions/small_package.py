"""Small FHIR packages, made in memory, for the tests of the compiler."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
ELE_1 = {
    "key": "ele-1",
    "severity": "error",
    "expression": "hasValue() or (children().count() > id.count())",
    "human": "There is a value or children",
}
MANIFEST = {"name": "example.core", "version": "1.2.3", "fhirVersions": ["4.0.1"], "license": "CC0-1.0"}

Resource = dict[str, Any]


def element(path: str, *types: str | Resource, **more: Any) -> Resource:
    """An element of a snapshot that may be there once, of these types."""
    return {
        "path": path,
        "min": 0,
        "max": "1",
        "type": [{"code": each} if isinstance(each, str) else each for each in types],
        **more,
    }


def system_type(name: str, fhir_type: str | None = None, regex: str | None = None) -> Resource:
    """A type of FHIRPath with the extensions that say more."""
    extensions = []
    if fhir_type:
        extensions.append({"url": CANONICAL + "structuredefinition-fhir-type", "valueUrl": fhir_type})
    if regex:
        extensions.append({"url": CANONICAL + "regex", "valueString": regex})
    return {"code": f"http://hl7.org/fhirpath/System.{name}", "extension": extensions}


def structure(name: str, kind: str, base: str | None, elements: Iterable[Resource], **more: Any) -> Resource:
    """A StructureDefinition of a type; its own element is put before these."""
    root = {"path": more.get("type", name), "min": 0, "max": "*", "constraint": more.pop("root", [])}
    return {
        "resourceType": "StructureDefinition",
        "name": name,
        "url": CANONICAL + name,
        "kind": kind,
        "type": name,
        "abstract": False,
        "derivation": "specialization",
        **({"baseDefinition": CANONICAL + base} if base else {}),
        "snapshot": {"element": [root, *elements]},
        **more,
    }


def primitive(name: str, base: str, system: str, regex: str | None = None) -> Resource:
    """A StructureDefinition of a primitive."""
    identifier = element(f"{name}.id", system_type("String", "string"))
    value = element(f"{name}.value", system_type(system, "string", regex))
    return structure(name, "primitive-type", base, [identifier, value])


def types() -> list[Resource]:
    """Definitions of a few types that need no others."""
    return [
        structure(
            "Element", "complex-type", None, [element("Element.id", system_type("String", "string"))], abstract=True
        ),
        structure("BackboneElement", "complex-type", "Element", [], abstract=True),
        structure("Reference", "complex-type", "Element", [element("Reference.reference", "string")]),
        structure("Quantity", "complex-type", "Element", [element("Quantity.value", "integer")]),
        primitive("string", "Element", "String", r"\S+"),
        primitive("code", "string", "String", "[a-z]+"),
        primitive("id", "string", "String"),
        primitive("boolean", "Element", "Boolean", "true|false"),
        primitive("integer", "Element", "Integer", "[0-9]+"),
        primitive("positiveInt", "integer", "String", "[1-9][0-9]*"),
        structure(
            "Resource", "resource", None, [element("Resource.id", system_type("String", "string"))], abstract=True
        ),
        structure(
            "Patient",
            "resource",
            "Resource",
            [
                element("Patient.id", system_type("String", "string"), isSummary=True),
                element("Patient.active", "boolean", isModifier=True, constraint=[ELE_1]),
                element("Patient.contact", "BackboneElement", max="*"),
                element("Patient.contact.note", "string", min=1),
                element("Patient.contact.more", contentReference="#Patient.contact"),
            ],
        ),
    ]


def search_parameter(code: str, *base: str, **more: Any) -> Resource:
    """A SearchParameter, by default a token of these types."""
    url = f"http://example.org/SearchParameter/{code}"
    return {"resourceType": "SearchParameter", "code": code, "url": url, "type": "token", "base": list(base), **more}


def files_of(resources: Iterable[Resource]) -> dict[str, bytes]:
    """The members of a package of these resources, with its manifest."""
    files = {"package/package.json": json.dumps(MANIFEST).encode()}
    for number, resource in enumerate(resources):
        files[f"package/{resource['resourceType']}-{number}.json"] = json.dumps(resource).encode()
    return files


def archive(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A `.tgz` of these members, and of those that have no content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        for member in others:
            tar.addfile(member)
    return packed.getvalue()


def package(folder: Path, resources: Iterable[Resource]) -> Path:
    """A package file of these resources in `folder`."""
    path = folder / "example.tgz"
    path.write_bytes(archive(files_of(resources)))
    return path
