"""A TCP proxy before a database, which can cut the line at a chosen message."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Line:
    """A proxy that is running. `cut` is asked of each request: "before" drops it and cuts the connection, "after" lets
    it reach the server and drops the answer, None lets it through. While `down`, nobody gets through."""

    port: int
    cuts: list[tuple[bytes, str]] = field(default_factory=list)
    down: bool = False
    seen: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut_at(self, word: bytes, where: str, times: int) -> None:
        """Cut the next so many requests that hold this word."""
        self.cuts += [(word, where)] * times

    def cut(self, request: bytes) -> str | None:
        """What is to be done with a request."""
        if self.down:
            return "before"
        if self.cuts and self.cuts[0][0] in request:
            self.seen += 1
            return self.cuts.pop(0)[1]
        return None

    def break_all(self) -> None:
        """Cut every connection that there is."""
        for writer in self.writers:
            writer.close()


def through(url: str, line: Line) -> str:
    """The URL of the same database through the proxy."""
    return f"mongodb://127.0.0.1:{line.port}{urlsplit(url).path}?directConnection=true"


@contextlib.asynccontextmanager
async def proxy(url: str) -> AsyncIterator[Line]:
    """A proxy before the first server that the URL names."""
    host, _, port = urlsplit(url).netloc.partition(",")[0].rpartition(":")
    line = Line(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.writers.add(writer)
        try:
            if not line.down:
                await _serve(line, (reader, writer), await asyncio.open_connection(host, int(port)))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # an end is gone, or the test is over
        finally:
            line.writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.break_all()


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _serve(line: Line, client: _Ends, server: _Ends) -> None:
    try:
        while True:
            request = await _message(client[0])
            where = line.cut(request)
            if where == "before":
                return
            server[1].write(request)
            answer = await _message(server[0])
            if where == "after":
                return
            client[1].write(answer)
            while _has_more(answer):
                answer = await _message(server[0])
                client[1].write(answer)
    finally:
        server[1].close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One message of the wire protocol: it begins with its length."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "little") - 4)


def _has_more(answer: bytes) -> bool:
    """Whether the server goes on without being asked (`moreToCome`), as when a client watches its state."""
    return bool(int.from_bytes(answer[16:20], "little") & 2)
