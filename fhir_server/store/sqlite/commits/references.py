"""References at the time of a commit: targets that must exist, and referrers that forbid a deletion."""

from collections.abc import Iterator
from dataclasses import dataclass

import apsw

from fhir_server.store.access import AccessFilter
from fhir_server.store.deciding import (
    MOST_LOOKED_AT,
    NAMED_REFERRERS,
    check_found_in,
    does_not_exist,
    still_referred_to,
)
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.commits.current import find_current, may_see
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.values import Required, Write

_REFERRERS = f"""SELECT v.type, v.id, {{visible}} FROM posting(?) p CROSS JOIN version v ON v.vid=p.rowid
 WHERE v.until_commit={FOREVER} AND v.method<>{DELETE} AND instr(v.keys, ?)
 ORDER BY p.rowid LIMIT {MOST_LOOKED_AT}"""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A resource that this commit writes: the keys that it has afterwards, None where it is then gone."""

    type: str
    id: str
    keys: bytes | None


def require(
    connection: apsw.Connection, access: AccessFilter, required: Required, written: dict[tuple[str, str], Rewritten]
) -> None:
    """Raise `Unprocessable` unless the target exists and may be seen once the commit is done; `Contended` where it is
    not the version any more that it was found in."""
    own = written.get((required.type, required.id))
    if own is not None:
        exists = own.keys is not None
    else:
        current = find_current(connection, required.type, required.id)
        exists = current is not None and not current.deleted and may_see(connection, access, required.type, current)
        found = current.version if current is not None and exists else 0
        check_found_in(required, found)
    if not exists:
        raise does_not_exist(required)


def refuse_if_referenced(
    connection: apsw.Connection,
    access: AccessFilter,
    write: Write,
    position: int,
    written: dict[tuple[str, str], Rewritten],
) -> None:
    """Raise `Conflict` where a resource that is left after the commit refers to what the write deletes.

    The first referrers that the session may see are named; others forbid the deletion without being named.
    """
    probe = (forms.target_key(write.type, write.id) + "\x1e").encode()
    names = [f"{own.type}/{own.id}" for own in written.values() if own.keys is not None and probe in own.keys]
    hidden = False
    for type, id, visible in _referrers(connection, access, write, probe):
        if (type, id) in written or f"{type}/{id}" in names:
            continue
        if not visible:
            hidden = True
        elif len(names) < NAMED_REFERRERS:
            names.append(f"{type}/{id}")
    if names or hidden:
        raise still_referred_to(write, names, position)


def _referrers(
    connection: apsw.Connection, access: AccessFilter, write: Write, probe: bytes
) -> Iterator[tuple[str, str, int]]:
    visible = row_access(access, None).visible("v")
    word = forms.target_word(write.type, write.id)
    text = _REFERRERS.format(visible=visible.text)
    return iter(connection.execute(text, (*visible.values, word, probe)))
