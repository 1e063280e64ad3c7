"""Texts inside keys: the control characters that separate the parts of a key are written in another way there."""

import re

_ESCAPES = {code: f"\x1b{code - 0x1B}" for code in range(0x1B, 0x20)}
_ESCAPED = re.compile("\x1b([0-4])")


def plain(text: str) -> str:
    """The text without the characters that separate the parts of keys; different texts stay different."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def original(text: str) -> str:
    """What `plain` made this of."""
    return _ESCAPED.sub(lambda found: chr(0x1B + int(found[1])), text) if "\x1b" in text else text
