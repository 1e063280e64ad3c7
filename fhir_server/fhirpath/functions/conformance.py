"""R4's functions on definitions and terminology. http://hl7.org/fhir/R4/fhirpath.html#functions

What R4's own definitions do not tell is looked up by the surroundings of the evaluation.
"""

from collections.abc import Callable
from typing import Any

from fhir_server.definitions.structures import Element
from fhir_server.fhirpath.code import BOOLEAN, Code, Env, Item, boolean
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, eager, filtering
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values.kinds import single, text_of
from fhir_server.model.narrative import narrative_faults

_CORE = "http://hl7.org/fhir/StructureDefinition/"


def _needed(items: list[Item], what: str) -> str:
    found = text_of(items)
    if found is None:
        raise EvaluationError(f"{what} is asked for")
    return str(found)


def _conforms_to(invocation: Invocation) -> Code:
    """Whether an item conforms to a profile. Of the definitions of R4 itself that is its type: everything that is kept
    here was valid by these when it came in."""
    source, profile, model = invocation.source, invocation.argument(0), invocation.compiling.model
    run_source, run_profile = source.run, profile.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        item, url = single(run_source(focus, env), "An item"), _needed(run_profile(focus, env), "The URL of a profile")
        if item is None:
            return []
        own = model.named(url.removeprefix(_CORE)) if url.startswith(_CORE) else None
        return boolean(env.conforms_to(item, url) if own is None else model.is_a(item[0], own))

    return Code(run, types=frozenset({BOOLEAN}), keys=source.keys, reads=source.reads | profile.reads)


def _member_of(env: Env, items: list[Item], value_set: list[Item]) -> list[Item]:
    item, url = single(items, "A code"), _needed(value_set, "The URL of a value set")
    return [] if item is None else boolean(env.member_of(item, url))


def _subsumes(*, reverse: bool) -> Callable[[Env, list[Item], list[Item]], list[Item]]:
    def apply(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
        item, other = single(items, "A code"), single(others, "A code")
        if item is None or other is None:
            return []
        return boolean(env.subsumes(other, item) if reverse else env.subsumes(item, other))

    return apply


def _html_checks(env: Env, items: list[Item]) -> list[Item]:
    return boolean(all(not narrative_faults(_needed([item], "A narrative")) for item in items))


def _slice(env: Env, items: list[Item], structure: list[Item], name: list[Item]) -> list[Item]:
    url, wanted = _needed(structure, "The URL of a profile"), _needed(name, "The name of a slice")
    return [item for item in items if env.in_slice(item, url, wanted)]


def _check_modifiers(env: Env, items: list[Item], *allowed: list[Item]) -> list[Item]:
    """The items; an error where one has a modifier extension of another URL than these."""
    known = {text_of(urls) for urls in allowed}
    for item in items:
        extensions = item[1].get("modifierExtension", ()) if isinstance(item[1], dict) else ()
        for extension in extensions:
            if extension.get("url") not in known:
                raise EvaluationError("There is a modifier extension that is not among the known ones")
    return items


def _element_definition(invocation: Invocation) -> Code:
    """The definition in R4 of the element that each item is."""
    source = invocation.source
    if len(source.elements) != 1:
        raise invocation.compiling.not_supported("It is not known which element this is", invocation.node)
    definition: Item = ("ElementDefinition", _as_json(source.elements[0]), None)
    run_source = source.run
    return Code(
        lambda focus, env: [definition for _ in run_source(focus, env)],
        types=frozenset({"ElementDefinition"}),
        keys=source.keys,
        reads=source.reads,
    )


def _as_json(element: Element) -> dict[str, Any]:
    path = element.path + ("[x]" if element.choice else "")
    found: dict[str, Any] = {
        "id": path,
        "path": path,
        "min": element.min,
        "max": "*" if element.max is None else str(element.max),
        "isModifier": element.is_modifier,
        "isSummary": element.is_summary,
    }
    if element.content_reference is not None:
        found["contentReference"] = f"#{element.content_reference}"
    if element.types:
        found["type"] = [{"code": each.code} for each in element.types]
    if element.binding is not None:
        found["binding"] = {"strength": element.binding.strength, "valueSet": element.binding.value_set}
    return found


_MOST_MODIFIERS = 64

CONFORMANCE: Functions = {
    "conformsTo": Function(1, 1, _conforms_to),
    "memberOf": eager(_member_of, BOOLEAN, 1),
    "subsumes": eager(_subsumes(reverse=False), BOOLEAN, 1),
    "subsumedBy": eager(_subsumes(reverse=True), BOOLEAN, 1),
    "htmlChecks": eager(_html_checks, BOOLEAN, of_empty=True),
    "slice": filtering(_slice, 2),
    "checkModifiers": filtering(_check_modifiers, 0, _MOST_MODIFIERS),
    "elementDefinition": Function(0, 0, _element_definition),
}
