"""Where an HTTP/1.1 answer ends: enough of the protocol for a client that sends one request at a time.

https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
"""

import re

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.ASCII | re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.ASCII | re.IGNORECASE)
_WITHOUT_BODY = (204, 304)


class MalformedAnswer(Exception):
    """What came is not HTTP/1.1, or is framed in a way that this client does not read."""


def status_of(answer: bytes | bytearray) -> int:
    """The status of an answer whose head has arrived."""
    if not answer.startswith(b"HTTP/1.1 "):
        raise MalformedAnswer(bytes(answer[:20]).decode("latin-1"))
    return int(answer[9:12])


def end_of(answer: bytes | bytearray) -> int | None:
    """How many bytes the answer has in all, or None while that cannot be said because more must arrive.

    Raises `MalformedAnswer` where the head gives no length.
    """
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = _LENGTH.search(answer, 0, head)
    if length:
        return head + 4 + int(length[1])
    if status_of(answer) in _WITHOUT_BODY:
        return head + 4
    if _CHUNKED.search(answer, 0, head):
        return _end_of_chunks(answer, head + 4)
    raise MalformedAnswer("neither Content-Length nor chunked")


def _end_of_chunks(answer: bytes | bytearray, place: int) -> int | None:
    """Where the last chunk ends; trailers are not expected and not read."""
    while (line := answer.find(b"\r\n", place)) >= 0:
        size = int(answer[place:line].split(b";")[0], 16)
        place = line + 2 + size + 2
        if size == 0:
            return place if len(answer) >= place else None
        if len(answer) < place:
            return None
    return None
