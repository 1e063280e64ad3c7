"""A resource whose elements can be found again: from an element to the object and the member that it stands in.

What FHIRPath selects are the objects of the resource themselves, so an object is known by its identity. A primitive has
none; therefore each gets an object beside it (`_birthDate`, empty where the resource has none), which FHIRPath carries
along with its value. `finished` takes the empty ones out again.
"""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Location:
    """Where an element stands: in this object, under this name, at this index where the element repeats."""

    holder: Object
    name: str
    index: int | None


class Tree:
    """A resource under change. `data` is its tree; `size` how many elements it has, or had."""

    def __init__(self, data: Object) -> None:
        self.data = data
        self._owners: dict[int, tuple[Object, Object, str]] = {}
        self._adopt(data)

    @property
    def size(self) -> int:
        """How many elements there are to look at."""
        return len(self._owners)

    def locate(self, value: Any, beside: Any) -> Location | None:
        """Where an element stands whose value and object beside it FHIRPath gave; None for what is none of the tree."""
        marker = value if type(value) is dict else beside
        found = self._owners.get(id(marker))
        if found is None or found[0] is not marker:
            return None
        _, holder, name = found
        row = holder.get(name if marker is value else f"_{name}")
        if row is marker:
            return Location(holder, name, None)
        if type(row) is not list:
            return None
        index = next((index for index, each in enumerate(row) if each is marker), None)
        return None if index is None else Location(holder, name, index)

    def owner(self, marker: Object) -> tuple[Object, str] | None:
        """The object that an object stands in, and under which name; None for the resource itself."""
        found = self._owners.get(id(marker))
        return None if found is None else found[1:]

    def put(self, holder: Object, name: str, value: Any, beside: Object | None) -> None:
        """Set an element that does not repeat."""
        holder.pop(f"_{name}", None)
        holder[name] = value
        if type(value) is dict:
            self._own(value, holder, name)
        else:
            holder[f"_{name}"] = self._own(beside if beside is not None else {}, holder, name)

    def insert(self, holder: Object, name: str, index: int, value: Any, beside: Object | None) -> None:
        """Put an item into an element that repeats, before the one at this index."""
        holder.setdefault(name, []).insert(index, value)
        if type(value) is dict:
            self._own(value, holder, name)
        else:
            marker = self._own(beside if beside is not None else {}, holder, name)
            holder.setdefault(f"_{name}", []).insert(index, marker)

    def remove(self, place: Location) -> None:
        """Take an element out; it is never found again."""
        for name in (place.name, f"_{place.name}"):
            if place.index is None:
                place.holder.pop(name, None)
            elif name in place.holder:
                del place.holder[name][place.index]
                if not place.holder[name]:
                    del place.holder[name]

    def move(self, holder: Object, name: str, source: int, destination: int) -> None:
        """Move an item within an element that repeats."""
        for each in (name, f"_{name}"):
            if each in holder:
                holder[each].insert(destination, holder[each].pop(source))

    def finished(self) -> Object:
        """The resource without empty objects, those that a removal left included."""
        bare: Object = _bare_object(self.data)
        return bare

    def _own(self, marker: Object, holder: Object, name: str) -> Object:
        # The marker is kept with its owner: while it is here, no other object gets its identity.
        self._owners[id(marker)] = (marker, holder, name)
        self._adopt(marker)
        return marker

    def _adopt(self, holder: Object) -> None:
        """Note the owner of everything inside an object."""
        for name in dict.fromkeys(key.removeprefix("_") for key in holder if key != "resourceType"):
            value = holder.get(name)
            if type(value) is dict:
                self._own(value, holder, name)
            elif type(value) is list and type(value[0]) is dict:
                for item in value:
                    self._own(item, holder, name)
            else:
                self._adopt_primitive(holder, name, value, holder.get(f"_{name}"))

    def _adopt_primitive(self, holder: Object, name: str, value: Any, beside: Any) -> None:
        if type(value) is not list and type(beside) is not list:
            holder[f"_{name}"] = self._own({} if beside is None else beside, holder, name)
            return
        row = beside or [None] * len(value)
        holder[name] = value if value is not None else [None] * len(row)
        holder[f"_{name}"] = [self._own({} if each is None else each, holder, name) for each in row]


def _bare_object(node: Object) -> Object:
    bare: Object = {}
    for name, value in node.items():
        kept = _bare(value, primitive=name.startswith("_"))
        if kept is not None:
            bare[name] = kept
    return bare


def _bare(value: Any, *, primitive: bool) -> Any:
    """A value without what is empty; None for one that is. `primitive`: null stands for an empty object in an array."""
    if type(value) is dict:
        return _bare_object(value) or None
    if type(value) is not list:
        return value
    items = [_bare(item, primitive=primitive) for item in value]
    if all(item is None for item in items):
        return None
    return items if primitive or type(value[0]) is not dict else [item for item in items if item is not None]
