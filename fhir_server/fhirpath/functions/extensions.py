"""R4's functions on extensions. http://hl7.org/fhir/R4/fhirpath.html#functions"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fhir_server.fhirpath.code import BOOLEAN, EMPTY, FALSE, TRUE, Code, Env, Item, identity
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.readers import Reader, reader
from fhir_server.fhirpath.type_model import Property

_READ: Reader = reader((Property("extension", "Extension", primitive=False),))


def _extension(invocation: Invocation) -> Code:
    source = invocation.source
    if source.always_empty:
        return EMPTY
    paths = frozenset(f"{path}.extension" for path in source.paths)
    own_keys = frozenset({"extension"}) if source.run is identity and _complex(invocation) else source.keys
    return Code(
        _extensions_of(invocation),
        types=frozenset({"Extension"}),
        keys=own_keys,
        paths=paths,
        reads=source.reads | paths,
    )


def _complex(invocation: Invocation) -> bool:
    model = invocation.compiling.model
    types = invocation.source.types
    return types is not None and not any(model.is_primitive(name) for name in types)


def _extensions_of(invocation: Invocation) -> Callable[[list[Item], Env], list[Item]]:
    run_source, run_url = invocation.source.run, invocation.argument(0).run

    def run(focus: list[Item], env: Env) -> list[Item]:
        wanted = run_url(focus, env)
        if not wanted:
            return []
        found: list[Item] = []
        for _, value, beside in run_source(focus, env):
            holder: Any = value if type(value) is dict else beside
            if type(holder) is dict:
                _READ(holder, found)
        return [item for item in found if item[1].get("url") == wanted[0][1]]

    return run


def _has_extension(invocation: Invocation) -> Code:
    found = _extension(invocation)
    run_found = found.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return TRUE if run_found(focus, env) else FALSE

    return replace(Code(run, types=frozenset({BOOLEAN})), reads=found.reads)


EXTENSIONS: Functions = {"extension": Function(1, 1, _extension), "hasExtension": Function(1, 1, _has_extension)}
