"""Tree navigation. http://hl7.org/fhirpath/N1/#tree-navigation"""

from collections.abc import Callable

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.readers import Reader, reader
from fhir_server.fhirpath.type_model import TypeModel


def _readers(model: TypeModel) -> Callable[[str], tuple[tuple[Reader, ...], bool]]:
    """The readers of all elements of a type, in the order of its definition, and whether it is primitive."""
    known: dict[str, tuple[tuple[Reader, ...], bool]] = {}

    def of(type_name: str) -> tuple[tuple[Reader, ...], bool]:
        found = known.get(type_name)
        if found is None:
            members = model.members(type_name).values()
            found = known[type_name] = (
                tuple(reader(member.properties) for member in members),
                model.is_primitive(type_name),
            )
        return found

    return of


def _children_of(item: Item, readers: Callable[[str], tuple[tuple[Reader, ...], bool]], out: list[Item]) -> None:
    found, primitive = readers(item[0])
    holder = item[2] if primitive else item[1]
    if holder is not None:
        for read in found:
            read(holder, out)


def _children(invocation: Invocation) -> Code:
    """All elements right below the items."""
    run_source, readers = invocation.source.run, _readers(invocation.compiling.model)

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        for item in run_source(focus, env):
            _children_of(item, readers, out)
        env.spend(len(out))
        return out

    return _anything(invocation, run)


def _descendants(invocation: Invocation) -> Code:
    """All elements below the items, at any depth: first the children of all, then theirs."""
    run_source, readers = invocation.source.run, _readers(invocation.compiling.model)

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        level = run_source(focus, env)
        while level:
            below: list[Item] = []
            for item in level:
                _children_of(item, readers, below)
            env.spend(len(below))
            out += below
            level = below
        return out

    return _anything(invocation, run)


def _anything(invocation: Invocation, run: Callable[[list[Item], Env], list[Item]]) -> Code:
    source = invocation.source
    return Code(run, types=None, keys=None, paths=source.paths, reads=source.reads | source.paths)


TREE: Functions = {"children": Function(0, 0, _children), "descendants": Function(0, 0, _descendants)}
