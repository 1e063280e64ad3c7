"""The least that answers HTTP: the same bytes for whatever is asked. It shows how much the load generator can do.

Runs as `python -m fhir_server.bench.responder SIZE`, prints its port, and answers until it is ended.
"""

import select
import socket
import sys

_READ = 65_536


def answer(size: int) -> bytes:
    """An answer with a body of this size."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size


def respond(listener: socket.socket, reply: bytes) -> None:
    """Answer every request on every connection, without end. A request is whatever one read brings."""
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                connection, _address = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLIN)
            elif connections[descriptor].recv(_READ):
                connections[descriptor].sendall(reply)
            else:
                poll.unregister(descriptor)
                connections.pop(descriptor).close()


def main() -> None:
    """Listen on a free port of the loopback, say which, respond."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        respond(listener, answer(int(sys.argv[1])))


if __name__ == "__main__":
    main()
