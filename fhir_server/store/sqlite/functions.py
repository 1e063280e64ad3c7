"""Functions that SQL statements call: they look into the packed column `keys`, which SQLite cannot take apart."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import apsw
import msgspec

from fhir_server.store.separators import original
from fhir_server.store.sqlite import forms

_END = b"\x1e"


class Targets(NamedTuple):
    """What a reference parameter may refer to: how its keys begin, and how they go on."""

    start: bytes
    keys: frozenset[bytes]


def targets(param: str, references: Iterable[tuple[str, str]]) -> Targets:
    """The references of a parameter to one of these (type, id)."""
    start = forms.reference_key(param, "", "")[:-1].encode()
    keys = frozenset(forms.reference_key(param, type, id).encode()[len(start) :] for type, id in references)
    return Targets(_END + start, keys)


def refers(wanted: Targets, keys: bytes) -> bool:
    """Whether the row has one of the references."""
    return any(key in wanted.keys for key in _after(keys, wanted.start))


def reference_ids(keys: bytes, param: str | None, type: str) -> list[str]:
    """The ids of the resources of a type that a row refers to by a parameter (None: by any)."""
    kind = type + "/"
    if param is not None:
        start = _END + forms.reference_key(param, type, "").encode()
        return [key.decode() for key in _after(keys, start)]
    found = [key.partition(b"\x1c")[2].decode() for key in keys.split(_END) if key.startswith(b"r")]
    return list(dict.fromkeys(text[len(kind) :] for text in found if text.startswith(kind)))


def extreme_key(keys: bytes, start: bytes, descending: int) -> str | None:
    """The least or greatest text among the keys that begin so: a URI, an identifier's value, `Type/id` or a URL."""
    cut = 1 if start.startswith(b"\x1er") else 0
    texts = [_shown(key, cut) for key in _after(keys, start)]
    if not texts:
        return None
    return max(texts) if descending else min(texts)


def _after(keys: bytes, start: bytes) -> Iterator[bytes]:
    at = keys.find(start)
    while at >= 0:
        begin = at + len(start)
        end = keys.index(_END, begin)
        yield keys[begin:end]
        at = keys.find(start, end)


def _shown(key: bytes, cut: int) -> str:
    """The text in a key; the `cut` first of a URL that is referred to is the end of a type that it has not."""
    text = key.partition(b"\x1f")[0].decode()
    return original(text[cut:] if text.startswith("/") else text)


def _reference_ids(keys: bytes, param: str | None, type: str) -> str:
    return msgspec.json.encode(reference_ids(keys, param, type)).decode()


def _source_word(type: str, param: str | None, target: str, id: str) -> str:
    """The word of resources of a type that refer to (target, id) by a parameter (None: by any)."""
    return forms.target_word(target, id) if param is None else forms.reference_word(type, param, target, id)


def add_functions(connection: apsw.Connection) -> None:
    """Let the statements of a connection call the functions."""
    functions: dict[str, tuple[Callable[..., Any], int]] = {
        "refers": (refers, 2),
        "reference_ids": (_reference_ids, 3),
        "extreme_key": (extreme_key, 3),
        "source_word": (_source_word, 4),
    }
    for name, (function, arguments) in functions.items():
        connection.create_scalar_function(name, function, arguments, deterministic=True)
