"""Which names a request may use for this server while sign-in is off.

A page from elsewhere, open in a browser on this machine, could point its own name at a loopback address and read the
record (DNS rebinding). Its requests carry that name in `Host`, so other names than this machine's are refused.
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from fhir_server.outcome import Forbidden
from fhir_server.settings import is_loopback


class Hosts:
    """The host of the base address, and every name of a loopback address."""

    def __init__(self, base_url: str) -> None:
        self._own = urlsplit(base_url).hostname
        self._known = lru_cache(maxsize=256)(self._is_known)

    def check(self, host: str | None) -> None:
        """Raise `Forbidden` for a `Host` header that names neither the base address nor this machine."""
        if host is None or self._known(host):
            return
        raise Forbidden("Sign-in is off: this server answers to its own address only, not to the name in Host.")

    def are_known(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether every `Host` among the headers of a request is one of these names."""
        return all(self._known(value.decode("latin-1")) for name, value in headers if name == b"host")

    def _is_known(self, host: str) -> bool:
        name = _named(host)
        return name == self._own or is_loopback(name)


def _named(host: str) -> str:
    """The name in a Host header, without the port; empty for a header that is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if _is_plain(host) else ""
    except ValueError:
        return ""


def _is_plain(host: str) -> bool:
    return host.isascii() and not any(character in host for character in "/?#@\\ ")
