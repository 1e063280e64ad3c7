"""A request's body, read under a size limit and a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fhir_server.outcome import Invalid, RequestTimeout, TooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_MOST_DIGITS = 15


async def read_body(receive: Receive, declared: str | None, *, limit: int, seconds: float) -> bytes:
    """The whole body. Raises `TooLarge` as soon as it is known to be over `limit` bytes, by its declared length or by
    what has come; `RequestTimeout` where it is not whole after `seconds`; `Invalid` where it breaks off: the client
    hung up, or what it sent cannot be told apart (a broken chunk)."""
    if declared is not None:
        if not declared.isdecimal():
            raise Invalid("Content-Length is not a number.")
        if len(declared) > _MOST_DIGITS or int(declared) > limit:
            raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError as error:
        raise RequestTimeout(f"The body did not arrive within {seconds:g} seconds.") from error


async def _collect(receive: Receive, limit: int) -> bytes:
    """One buffer, not a list of chunks: a client that sends its body byte by byte must not cost more than its bytes."""
    collected = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The body broke off before it was whole.")
        chunk: bytes = message.get("body", b"")
        if len(collected) + len(chunk) > limit:
            raise _too_large(limit)
        whole = not message.get("more_body", False)
        if whole and not collected:
            return chunk
        collected += chunk
        if whole:
            return bytes(collected)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes for this address.")
