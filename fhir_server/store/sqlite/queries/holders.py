"""Which resources hold unique keys, as far as a session may know."""

import json
from collections.abc import Sequence

import apsw

from fhir_server.store.access import AccessFilter
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.queries.sql import Value
from fhir_server.store.sqlite.schema import DELETE, FOREVER

_HELD = "SELECT h.key, h.type, h.id FROM json_each(?) k CROSS JOIN holds h ON h.key=k.value"
_CURRENT = f""" CROSS JOIN version v ON v.vid=(SELECT l.vid FROM version l WHERE l.type=h.type AND l.id=h.id
 ORDER BY l.version DESC LIMIT 1) WHERE v.until_commit={FOREVER} AND v.method<>{DELETE} AND """


def holders(connection: apsw.Connection, access: AccessFilter, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By key, the (type, id) of its holder; without the keys that nobody holds whom the filter lets through."""
    if not keys:
        return {}
    text = _HELD
    values: tuple[Value, ...] = (json.dumps(list(keys)),)
    rows = row_access(access, None)
    if not rows.open:
        visible = rows.visible("v")
        text, values = text + _CURRENT + f"({visible.text})", (*values, *visible.values)
    return {key: (type, id) for key, type, id in connection.execute(text, values)}
