"""Answers that interactions share: versions with their headers, what `Prefer` asks, conditional reads.

https://hl7.org/fhir/R4/http.html#versions, #ops, #cread
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import gmtime
from typing import Final

from fhir_server.audit.trail import WRITTEN_STATUS
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.outcome import Invalid, Issue, operation_outcome
from fhir_server.request import FhirResponse
from fhir_server.store.values import Version, Written

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ETAG: Final = re.compile(r'\s*(?:W/)?"([^"]{1,64})"\s*', re.ASCII)


@lru_cache(maxsize=8192)
def _http_date(seconds: int) -> str:
    time = gmtime(seconds)
    clock = f"{time.tm_hour:02}:{time.tm_min:02}:{time.tm_sec:02}"
    return f"{_DAYS[time.tm_wday]}, {time.tm_mday:02} {_MONTHS[time.tm_mon - 1]} {time.tm_year} {clock} GMT"


def etag(version: int) -> str:
    """The weak entity tag of a version: `W/"3"`."""
    return f'W/"{version}"'


def version_headers(version: int, last_updated_ms: int) -> tuple[tuple[str, str], ...]:
    """ETag and Last-Modified of a version."""
    return (("ETag", f'W/"{version}"'), ("Last-Modified", _http_date(last_updated_ms // 1000)))


def shown(version: Version) -> FhirResponse:
    """A version as the answer of a read."""
    assert version.body is not None
    return FhirResponse(200, version.body, version_headers(version.version, version.last_updated_ms))


def not_modified(context: Context, version: Version) -> FhirResponse | None:
    """304 where `If-None-Match` names this version, or without it nothing came since `If-Modified-Since`."""
    known = context.header("if-none-match")
    since = context.header("if-modified-since")
    if known is None and since is None:
        return None
    if known is not None:
        matches = known.strip() == "*" or str(version.version) in _ETAG.findall(known)
    else:
        moment = _moment(since or "")
        matches = moment is not None and version.last_updated_ms // 1000 <= moment.timestamp()
    headers = version_headers(version.version, version.last_updated_ms)
    return FhirResponse(304, b"", headers) if matches else None


def _moment(text: str) -> datetime | None:
    """The time of an HTTP date, or of an instant as a Bundle entry has it; None for what is neither."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            moment = read(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def if_match(context: Context) -> int | None:
    """The version that `If-Match` asks for, None without the header; raises `Invalid` for one that is no ETag."""
    header = context.header("if-match")
    if header is None:
        return None
    found = _ETAG.fullmatch(header)
    if found is None:
        raise Invalid('If-Match must be one weak ETag of a version, such as W/"3".')
    # A version id that this server never gave (W/"abc") can match nothing: -1 is no version.
    number = found[1]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else -1


def if_none_match_any(context: Context) -> bool:
    """Whether `If-None-Match: *` forbids replacing what exists."""
    header = context.header("if-none-match")
    if header is None:
        return False
    if header.strip() != "*":
        raise Invalid("If-None-Match on an update must be *; use If-Match to name a version.")
    return True


def preferred_return(context: Context) -> str:
    """`minimal`, `representation` (the default) or `OperationOutcome`, from `Prefer: return=`."""
    for preference in (context.header("prefer") or "").replace(";", ",").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "return" and value.strip() in ("minimal", "representation", "OperationOutcome"):
            return value.strip()
    return "representation"


def location(context: Context, version: Version | Written) -> str:
    """The versioned address of what was written or found."""
    return f"{context.server.base_url}/{version.type}/{version.id}/_history/{version.version}"


def written_answer(context: Context, written: Written, body: bytes) -> FhirResponse:
    """The answer to a create, update or patch; `body` is the version as stored."""
    headers = version_headers(written.version, written.last_updated_ms)
    if written.outcome == "created":
        headers = (*headers, ("Location", location(context, written)))
    status = WRITTEN_STATUS[written.outcome]
    preferred = preferred_return(context)
    if preferred == "minimal":
        body = b""
    elif preferred == "OperationOutcome":
        body = dump(success(written))
    return FhirResponse(status, body, headers, written=(written,))


def success(written: Written) -> dict[str, object]:
    """An OperationOutcome that says what a write did."""
    sentence = {
        "created": "Created",
        "updated": "Updated",
        "unchanged": "Nothing changed; still",
        "deleted": "Deleted; now",
        "absent": "Nothing to delete;",
    }[written.outcome]
    place = f"{written.type}/{written.id}" + (f" version {written.version}" if written.version else "")
    return operation_outcome((Issue("informational", f"{sentence} {place}.", severity="information"),))
