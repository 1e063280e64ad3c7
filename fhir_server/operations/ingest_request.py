"""What a request to `$ingest` asks: which mapper, when the document was exported, where it comes from."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fhir_server.interactions.context import Context
from fhir_server.operations.stamp import Export
from fhir_server.outcome import Invalid
from mappers.mapper import Mapper, ReadOptions

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]{1,240}")
_NAMES: Final = ("mapper", "exported", "source")
_OF_EVERY_REQUEST: Final = ("_format", "_pretty")
_AHEAD_MS: Final = 5 * 60 * 1000
"""Clocks differ; an export from further ahead would keep out every real one until then."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was understood."""

    mapper: Mapper
    export: Export
    options: ReadOptions


def asked_of(context: Context) -> Asked:
    """The parameters of a request; raises `Invalid` that names the one at fault."""
    for name, _ in context.request.parameters:
        if name not in (*_NAMES, *_OF_EVERY_REQUEST):
            raise Invalid(f"$ingest has no parameter {name[:64]!r}; it has {', '.join(_NAMES)}.")
        if sum(name == other for other, _ in context.request.parameters) > 1:
            raise Invalid(f"The parameter {name} is given twice.")
    server = context.server
    options = ReadOptions(_source(context), server.search.timezone.key, server.rules.max_bundle_bytes)
    return Asked(_mapper(context), _export(context), options)


def _mapper(context: Context) -> Mapper:
    """The mapper that was asked for; without one that which recognises the document."""
    code = context.request.parameter("mapper")
    for mapper in context.server.mappers:
        if mapper.code == code or (code is None and mapper.recognises(context.request.body)):
            return mapper
    codes = ", ".join(mapper.code for mapper in context.server.mappers) or "none"
    said = "No mapper recognises this document" if code is None else f"There is no mapper {code[:64]!r}"
    raise Invalid(f"{said}; those here are: {codes}. The parameter mapper names one.")


def _source(context: Context) -> str | None:
    source = context.request.parameter("source")
    if source is not None:
        check_source(source)
    return source


def check_source(source: str) -> None:
    """Raise `Invalid` for what is no URI of a source system."""
    if not _URI.fullmatch(source):
        raise Invalid("The parameter source is not an absolute URI: https://gp.example/system, urn:uuid:…")


def _export(context: Context) -> Export:
    """When the document was exported: what the request says, else now, which is marked as not known."""
    now_ms = context.server.clock_ms()
    text = context.request.parameter("exported")
    if text is None:
        return Export(now_ms, known=False)
    # A plus sign that was not percent-encoded arrives as a space.
    return Export(exported_ms(text.replace(" ", "+"), now_ms), known=True)


def exported_ms(text: str, now_ms: int) -> int:
    """The time of an export, in milliseconds since 1970; raises `Invalid` for what is none, or is still to come."""
    if not _INSTANT.fullmatch(text):
        raise Invalid("The parameter exported is not an instant: 2026-11-24T09:30:00Z or with an offset (+01:00).")
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("The parameter exported is not a time that there was.") from error
    exported = round(moment.timestamp() * 1000)
    if not 0 <= exported <= now_ms + _AHEAD_MS:
        raise Invalid("The parameter exported lies in the future, or before 1970.")
    return exported
