"""Page links: what the next page needs to know, sealed so that nobody reads, changes or borrows it.

AES-256-GCM under a key that all workers of a store share. Each link has a key of its own, derived with a random salt,
so that no number of links wears the shared key out. The caller is bound in: a link works for whom it was made.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from os import urandom
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.outcome import NotFound
from fhir_server.store.values import Snapshot

KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_PURPOSE = b"fhir page link 1\0"
_MAX_TOKEN = 200_000


@dataclass(frozen=True, slots=True)
class PageState:
    """Where a search or history stands. `id` in a search names the compartment, as the caller of `seal` writes it.

    `cursor` empty: the first page. `backwards`: the page before the cursor, else the one after it. `included`: so many
    of the resources that go with this page by `_include` were on pages before. `asked_ms`: when the first page was
    asked for, in milliseconds since 1970; `ap` on dates goes by it on every page.
    """

    kind: Literal["search", "history", "audit"]
    type: str | None
    id: str | None
    parameters: tuple[tuple[str, str], ...]
    snapshot: Snapshot
    cursor: str
    count: int
    backwards: bool = False
    included: int = 0
    asked_ms: int = 0


class PageLinks:
    """Seals and opens page links."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes, the same in every worker. Raises `ValueError` for another length."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of page links has {KEY_BYTES} bytes")
        self._key = key

    def seal(self, state: PageState, caller: str) -> str:
        """The token of a link to this page, for this caller only; fit for a URL as it is."""
        salt, nonce = urandom(_SALT_BYTES), urandom(_NONCE_BYTES)
        sealed = self._cipher(salt).encrypt(nonce, msgspec.json.encode(state), _bound_to(caller))
        return urlsafe_b64encode(salt + nonce + sealed).rstrip(b"=").decode()

    def open(self, token: str, caller: str) -> PageState:
        """The state in a token. Raises `NotFound`, always in the same words, for one that was changed, was made for
        another caller or by another server."""
        try:
            return self._opened(token, caller)
        except (Base64Error, InvalidTag, ValueError, msgspec.MsgspecError):
            raise NotFound(
                "This page link is not valid here: it was changed, or it was made for someone else. Search again."
            ) from None

    def _opened(self, token: str, caller: str) -> PageState:
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise ValueError("not a token")
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if urlsafe_b64encode(data).rstrip(b"=").decode() != token:
            raise ValueError("not the form that was given out")
        salt, nonce = data[:_SALT_BYTES], data[_SALT_BYTES : _SALT_BYTES + _NONCE_BYTES]
        sealed = data[_SALT_BYTES + _NONCE_BYTES :]
        return msgspec.json.decode(self._cipher(salt).decrypt(nonce, sealed, _bound_to(caller)), type=PageState)

    def _cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, _PURPOSE + salt, "sha256"))


def _bound_to(caller: str) -> bytes:
    return _PURPOSE + caller.encode()
