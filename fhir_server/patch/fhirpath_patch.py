"""FHIRPath Patch: the operations of a Parameters resource on the tree of a resource.

https://hl7.org/fhir/R4/fhirpatch.html. An operation acts on what the one before it left. Deleting what is not there is
no error; every other operation needs its path to select something. Where the specification is silent: a move or an
insertion needs a path that names one whole list, and the value of a primitive may be given as any primitive of the same
kind in JSON (narrative comes as a string); validation judges the result.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fhir_server.definitions.definitions import Definitions
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.type_model import Member, Property
from fhir_server.outcome import Invalid, Unprocessable
from fhir_server.patch import MAX_OPERATIONS
from fhir_server.patch.paths import MAX_PATH, Paths, compiler_for, list_in
from fhir_server.patch.tree import Location, Object, Tree

_NEEDED: Final = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_TYPES: Final = {
    "type": ("valueCode", "valueString"),
    "path": ("valueString",),
    "name": ("valueString",),
    "index": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
    "source": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
    "destination": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
}


def apply(data: Object, parameters: Object, definitions: Definitions) -> Object:
    """What the operations make of a resource, which is changed on the way; `parameters` are structurally valid.

    Raises `Invalid` for a patch that is none, `NotSupported` for a path with a part of FHIRPath that is not offered,
    `Unprocessable` for an operation that does not apply; all with the place in the Parameters.
    """
    operations = parameters.get("parameter", [])
    if len(operations) > MAX_OPERATIONS:
        raise Invalid(f"A FHIRPath Patch here has at most {MAX_OPERATIONS} operations.")
    read = [_Operation.read(item, f"Parameters.parameter[{index}]") for index, item in enumerate(operations)]
    patching = _Patching(data, compiler_for(definitions))
    for operation in read:
        patching.apply(operation)
    return patching.tree.finished()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an operation, and its place."""

    data: Object
    place: str

    def value(self, names: tuple[str, ...]) -> Any:
        """Its value of one of these types; raises `Invalid` where there is none."""
        found = next((self.data[name] for name in names if name in self.data), None)
        if found is None:
            raise Invalid(f"This part has a {names[0]}.", expression=self.place)
        return found

    def inner(self) -> "Iterator[_Part]":
        """The parts inside."""
        for index, part in enumerate(self.data.get("part", ())):
            yield _Part(part, f"{self.place}.part[{index}]")


class _Operation(NamedTuple):
    """One operation as it was understood: its type and its parts by name."""

    type: str
    parts: dict[str, _Part]
    place: str

    @classmethod
    def read(cls, parameter: Object, place: str) -> "_Operation":
        """An operation; raises `Invalid` where it is none, or has a part too few, too many or twice."""
        if parameter.get("name") != "operation":
            raise Invalid("The parameters of a FHIRPath Patch are called operation.", expression=f"{place}.name")
        parts: dict[str, _Part] = {}
        for part in _Part(parameter, place).inner():
            name = part.data.get("name", "")
            if name in parts:
                raise Invalid("This part is there twice.", expression=part.place)
            parts[name] = part
        if "type" not in parts:
            raise Invalid("The operation has no part type.", expression=place)
        kind = parts["type"].value(_TYPES["type"])
        if kind not in _NEEDED:
            raise Invalid(f"The type of an operation is one of {', '.join(_NEEDED)}.", expression=parts["type"].place)
        return cls(kind, parts, place)._checked()

    def _checked(self) -> "_Operation":
        needed = ("type", *_NEEDED[self.type])
        for name in needed:
            if name not in self.parts:
                raise Invalid(f"The operation {self.type} needs a part {name}.", expression=self.place)
        for name, part in self.parts.items():
            if name not in needed:
                raise Invalid(
                    f"The operation {self.type} has the parts {', '.join(needed)}; this is none.", expression=part.place
                )
            if name in _TYPES:
                part.value(_TYPES[name])
        if len(self.path) > MAX_PATH:
            raise Invalid(f"A path here has at most {MAX_PATH} characters.", expression=self.parts["path"].place)
        return self

    @property
    def path(self) -> str:
        """The path. `div` after the last dot is meant as a name; by the grammar it is an operator, and needs quotes."""
        path = self.text("path").strip()
        return f"{path.removesuffix('div')}`div`" if path.endswith(".div") else path

    def text(self, name: str) -> str:
        return str(self.parts[name].value(_TYPES[name]))

    def number(self, name: str) -> int:
        return int(self.parts[name].value(_TYPES[name]))


class _Patching:
    """A resource on its way through the operations."""

    def __init__(self, data: Object, compiler: Compiler) -> None:
        self.tree = Tree(data)
        self._compiler = compiler
        self._paths = Paths(self.tree, compiler)

    def apply(self, operation: _Operation) -> None:
        """Carry out one operation."""
        _ACTS[operation.type](self, operation)

    def add(self, operation: _Operation) -> None:
        """Append an item to a list, or set an element that is not there yet."""
        part = operation.parts["path"]
        items = self._selected(operation.path, part)
        if len(items) != 1:
            raise _count(len(items), part)
        self._put(self._holder(items[0], part), items[0][0], operation.text("name"), operation.parts["value"])

    def insert(self, operation: _Operation) -> None:
        """Put an item into a list before the one at an index."""
        part, index = operation.parts["path"], operation.number("index")
        items = self._selected(operation.path, part)
        if items:
            holder, name, count = self._list(items, part)
            type_name = self._type_of(holder)
        else:
            holder, type_name, name, count = *self._empty_list(operation.path, part), 0
        if not 0 <= index <= count:
            raise Unprocessable(f"The list has {count} items.", expression=operation.parts["index"].place)
        prop, value, beside = self._typed(type_name, name, operation.parts["value"])
        self.tree.insert(holder, prop.key, index, value, beside)

    def delete(self, operation: _Operation) -> None:
        """Take one element out; what is not there needs no deletion."""
        part = operation.parts["path"]
        items = self._selected(operation.path, part)
        if len(items) > 1:
            raise _count(len(items), part)
        if items:
            self.tree.remove(self._located(items[0], part))

    def replace(self, operation: _Operation) -> None:
        """Put another value in the place of an element; for a choice it may be of another type."""
        part = operation.parts["path"]
        items = self._selected(operation.path, part)
        if len(items) != 1:
            raise _count(len(items), part)
        place = self._located(items[0], part)
        prop, value, beside = self._typed(self._type_of(place.holder), place.name, operation.parts["value"])
        self.tree.remove(place)
        if place.index is None:
            self.tree.put(place.holder, prop.key, value, beside)
        else:
            self.tree.insert(place.holder, prop.key, place.index, value, beside)

    def move(self, operation: _Operation) -> None:
        """Move an item within its list."""
        part = operation.parts["path"]
        items = self._selected(operation.path, part)
        if not items:
            raise _count(0, part)
        holder, name, count = self._list(items, part)
        for end in ("source", "destination"):
            if not 0 <= operation.number(end) < count:
                raise Unprocessable(f"The list has {count} items.", expression=operation.parts[end].place)
        self.tree.move(holder, name, operation.number("source"), operation.number("destination"))

    # What paths select.

    def _selected(self, path: str, part: _Part) -> list[Item]:
        """The elements of the resource that a path selects."""
        return self._paths.select(path, part.place)

    def _located(self, item: Item, part: _Part) -> Location:
        place = self.tree.locate(item[1], item[2])
        if place is None:
            raise Unprocessable("The path selects what is no element inside the resource.", expression=part.place)
        return place

    def _holder(self, item: Item, part: _Part) -> Object:
        """The object that the child elements of a selected element are in."""
        if item[1] is not self.tree.data:
            self._located(item, part)
        holder: Object = item[1] if type(item[1]) is dict else item[2]
        return holder

    def _list(self, items: list[Item], part: _Part) -> tuple[Object, str, int]:
        """The list that a path names: its holder, its name and how many items it has."""
        places = [self._located(item, part) for item in items]
        first = places[0]
        whole = first.index is not None and len(first.holder[first.name]) == len(places)
        if not whole or any(each.holder is not first.holder or each.name != first.name for each in places):
            raise Unprocessable("The path must name one whole list.", expression=part.place)
        return first.holder, first.name, len(places)

    def _empty_list(self, path: str, part: _Part) -> tuple[Object, str, str]:
        """Where the items of a list belong that has none: holder, its type, name of the element."""
        found = list_in(path)
        if found is None:
            raise _count(0, part)
        items = self._selected(found[0], part)
        if len(items) != 1:
            raise _count(len(items), part)
        return self._holder(items[0], part), items[0][0], found[1]

    # What is put there.

    def _put(self, holder: Object, type_name: str, name: str, part: _Part) -> None:
        """Append the value of a part to the list of this name, or set the element where there is none yet."""
        member = self._member(type_name, name, part)
        prop, value, beside = self._typed(type_name, name, part)
        if member.element.max != 1:
            self.tree.insert(holder, prop.key, len(holder.get(prop.key, ())), value, beside)
            return
        if any(each.key in holder or holder.get(f"_{each.key}") for each in member.properties):
            raise Unprocessable(f"There is a {member.element.name} already; replace it.", expression=part.place)
        self.tree.put(holder, prop.key, value, beside)

    def _typed(self, type_name: str, name: str, part: _Part) -> tuple[Property, Any, Object | None]:
        """The value of a part for an element of this type: the property it goes into, the value, the object beside."""
        member = self._member(type_name, name, part)
        named = next((key.removeprefix("_") for key in part.data if key.lstrip("_").startswith("value")), None)
        prop = self._property(member, named, part)
        if named is not None:
            return prop, deepcopy(part.data.get(named)), deepcopy(part.data.get(f"_{named}"))
        if prop.type == "Resource":
            return prop, deepcopy(part.data["resource"]), None
        value: Object = {}
        for inner in part.inner():
            self._build(value, prop.type, inner)
        return prop, value, None

    def _property(self, member: Member, named: str | None, part: _Part) -> Property:
        """The property of an element that takes what a part has."""
        given = "" if named is None else named.removeprefix("value")
        if len(member.properties) > 1:
            fitting = [each for each in member.properties if each.key == f"{member.element.name}{given}"]
        else:
            fitting = [each for each in member.properties if self._takes(each, given, part)]
        if not fitting:
            raise Unprocessable(f"The element {member.element.name} has no values of this type.", expression=part.place)
        return fitting[0]

    def _takes(self, prop: Property, given: str, part: _Part) -> bool:
        """Whether a property takes a value of the type that ends the name `value[x]`, or the parts of a part."""
        if prop.type == "Resource":
            return "resource" in part.data
        if not given:
            return not prop.primitive and "part" in part.data
        if not prop.primitive:
            return prop.type == given
        model, type_name = self._compiler.model, given[0].lower() + given[1:]
        return model.named(type_name) is not None and model.is_primitive(type_name)

    def _build(self, holder: Object, type_name: str, part: _Part) -> None:
        """Put the value of a part into an object that is no part of the tree yet."""
        name = str(part.data.get("name", ""))
        member = self._member(type_name, name, part)
        prop, value, beside = self._typed(type_name, name, part)
        if member.element.max != 1:
            row = holder.setdefault(prop.key, [])
            row.append(value)
            if prop.primitive and (beside or f"_{prop.key}" in holder):
                besides = holder.setdefault(f"_{prop.key}", [])
                besides += [None] * (len(row) - 1 - len(besides)) + [beside]
            return
        if any(each.key in holder or f"_{each.key}" in holder for each in member.properties):
            raise Unprocessable(f"There is a {member.element.name} already.", expression=part.place)
        if value is not None:
            holder[prop.key] = value
        if beside:
            holder[f"_{prop.key}"] = beside

    # Types.

    def _member(self, type_name: str, name: str, part: _Part) -> Member:
        """The element of this name (`value`, `value[x]` or `valueQuantity`) in a type."""
        members = self._compiler.model.members(type_name)
        found = members.get(name.removesuffix("[x]"))
        if found is None:
            found = next((m for m in members.values() if any(each.key == name for each in m.properties)), None)
        if found is None:
            raise Unprocessable(f"{type_name} has no element of this name.", expression=part.place)
        return found

    def _type_of(self, holder: Object) -> str:
        """The type of an object of the tree."""
        if "resourceType" in holder:
            return str(holder["resourceType"])
        owner = self.tree.owner(holder)
        assert owner is not None
        around, name = owner
        members = self._compiler.model.members(self._type_of(around)).values()
        return next(each.type for member in members for each in member.properties if each.key == name)


def _count(count: int, part: _Part) -> Unprocessable:
    said = f"{count} elements" if count else "nothing"
    return Unprocessable(f"The path selects {said}; it must select one element.", expression=part.place)


_ACTS: Final = {
    "add": _Patching.add,
    "insert": _Patching.insert,
    "delete": _Patching.delete,
    "replace": _Patching.replace,
    "move": _Patching.move,
}
