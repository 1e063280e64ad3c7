"""Reading versions: one by its id, and the bodies of a page."""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import apsw

from fhir_server.outcome import Unavailable
from fhir_server.store.access import AccessFilter
from fhir_server.store.chain import split_patients
from fhir_server.store.masking import mask
from fhir_server.store.sqlite.index_state import require_index
from fhir_server.store.sqlite.queries.access_sql import RowAccess, row_access
from fhir_server.store.sqlite.schema import METHODS
from fhir_server.store.values import Version

NOTHING_MASKED: frozenset[str] = frozenset()

_COLUMNS = "v.version, b.last_updated, b.method, b.patients, b.checksum, b.bytes"
_CURRENT = (
    f"SELECT {_COLUMNS} FROM version v INDEXED BY version_key CROSS JOIN body b ON b.vid=v.vid"
    " WHERE v.type=? AND v.id=? ORDER BY v.version DESC LIMIT 1"
)
_ONE = (
    f"SELECT {_COLUMNS} FROM version v INDEXED BY version_key CROSS JOIN body b ON b.vid=v.vid"
    " WHERE v.type=? AND v.id=? AND v.version=?"
)
_SEEN = (
    f"SELECT {_COLUMNS}, {{visible}}, {{then}}, {{now}}, (SELECT value FROM meta WHERE key='index')"
    " FROM version v INDEXED BY version_key"
    " CROSS JOIN body b ON b.vid=v.vid CROSS JOIN version c ON c.vid=(SELECT l.vid FROM version l"
    " WHERE l.type=v.type AND l.id=v.id ORDER BY l.version DESC LIMIT 1) WHERE v.type=? AND v.id=? {which}"
)
_PAGE = """SELECT v.vid, v.type, v.id, v.version, b.last_updated, b.method, b.patients, b.checksum, b.bytes
 FROM json_each(?) page CROSS JOIN version v ON v.vid=page.value CROSS JOIN body b ON b.vid=v.vid"""
_PAGE_MASKS = """SELECT v.vid, {then}, {now} FROM json_each(?) page CROSS JOIN version v ON v.vid=page.value
 CROSS JOIN version c
 ON c.vid=(SELECT l.vid FROM version l WHERE l.type=v.type AND l.id=v.id ORDER BY l.version DESC LIMIT 1)"""


def checksum(type: str, id: str, version: int, body: bytes | None) -> int:
    """Guards a body against decay on the disk, and against standing beside another resource's id."""
    return crc32(body or b"", crc32(f"{type}/{id}/{version}".encode()))


def read(
    connection: apsw.Connection, access: AccessFilter, type: str, id: str, version: int | None, index: str
) -> Version | None:
    """The current version, or the one asked for; None where there is none or it may not be seen.

    Access is judged by the index of version `index`; raises `Unavailable` where the store has another.
    """
    rows = row_access(access, type)
    if not rows.open:
        return _read_if_seen(connection, rows, type, id, version, index)
    if version is None:
        row = connection.execute(_CURRENT, (type, id)).fetchone()
    else:
        row = connection.execute(_ONE, (type, id, version)).fetchone()
    return None if row is None else whole_version(type, id, row)


def _read_if_seen(
    connection: apsw.Connection, rows: RowAccess, type: str, id: str, version: int | None, index: str
) -> Version | None:
    """One statement, so that what is judged is what is read."""
    visible, then, now = rows.reading_current if version is None else rows.reading_any
    which = "ORDER BY v.version DESC LIMIT 1" if version is None else "AND v.version=?"
    text = _SEEN.format(visible=visible.text, then=then.text, now=now.text, which=which)
    values = (*visible.values, *then.values, *now.values, type, id, *(() if version is None else (version,)))
    row = connection.execute(text, values).fetchone()
    if row is None:
        return None
    *columns, seen, masks_then, masks_now, indexed = row
    require_index(indexed, index)
    return whole_version(type, id, columns, _masked(rows, masks_then, masks_now)) if seen else None


def _masked(rows: RowAccess, then: int, now: int | None) -> frozenset[str]:
    """What is masked in a row then or now; `now` None: the row is the current version."""
    if not rows.masks:
        return NOTHING_MASKED
    return rows.masked(then) if now is None else rows.masked(then) | rows.masked(now)


def whole_version(type: str, id: str, columns: Sequence[Any], masked: frozenset[str] = NOTHING_MASKED) -> Version:
    """The version in these columns (number, last_updated, method, patients, checksum, bytes), masked as is said.
    Raises `Unavailable` for a body that is not what was written."""
    version, last_updated, method, patients, check, body = columns
    if checksum(type, id, version, body) != check:
        raise Unavailable(f"{type}/{id} version {version} is damaged in the store")
    removed = NOTHING_MASKED
    if masked and body is not None:
        body, removed = mask(body, masked)
    return Version(type, id, version, last_updated, body, METHODS[method], split_patients(patients), removed)


def read_page(
    connection: apsw.Connection, access: AccessFilter, type: str | None, vids: Iterable[int]
) -> tuple[Version, ...]:
    """These versions in this order, masked as the filter says. The caller has found that they may be seen."""
    order = list(vids)
    if not order:
        return ()
    listed = "[" + ",".join(map(str, order)) + "]"
    masks = _page_masks(connection, row_access(access, type), listed)
    found = {
        vid: whole_version(type, id, columns, masks.get(vid, NOTHING_MASKED))
        for vid, type, id, *columns in connection.execute(_PAGE, (listed,))
    }
    return tuple(found[vid] for vid in order)


def _page_masks(connection: apsw.Connection, rows: RowAccess, listed: str) -> dict[int, frozenset[str]]:
    if not rows.masks:
        return {}
    then, now = rows.mask_groups("v"), rows.mask_groups("c")
    text = _PAGE_MASKS.format(then=then.text, now=now.text)
    values = (*then.values, *now.values, listed)
    return {vid: _masked(rows, bits, bits_now) for vid, bits, bits_now in connection.execute(text, values)}
