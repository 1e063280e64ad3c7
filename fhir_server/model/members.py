"""The top level of a JSON object as its own bytes: members can be put in, taken out or exchanged, and everything else
stays as the client wrote it."""

from collections.abc import Mapping

import msgspec

Bytes = bytes | msgspec.Raw

split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The members of a JSON object, name to bytes, in their order. Raises `msgspec.DecodeError` for anything else."""

_encode = msgspec.json.Encoder().encode


def member(name: str, value: Bytes) -> bytes:
    """One member as it stands in an object: `"name":value`."""
    return _encode(name) + b":" + bytes(value)


def join(members: Mapping[str, Bytes]) -> bytes:
    """The object of these members."""
    return b"{" + b",".join([member(name, value) for name, value in members.items()]) + b"}"
