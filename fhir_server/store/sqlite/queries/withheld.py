"""Whether something in a patient's record is kept from a session."""

import apsw

from fhir_server.store.access import AccessFilter
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.queries.reads import read_page
from fhir_server.store.sqlite.schema import DELETE, FOREVER

_IN_COMPARTMENT = f"""FROM posting(?) p CROSS JOIN version v ON v.vid=p.rowid
 WHERE v.until_commit={FOREVER} AND v.method<>{DELETE} AND instr(v.keys, ?)"""


def withheld(connection: apsw.Connection, access: AccessFilter, patient: str) -> bool:
    """Whether a current resource in the patient's compartment is hidden, or has an element that is masked."""
    rows = row_access(access, None)
    if rows.open:
        return False
    key = forms.compartment_key("Patient", patient)
    found = (forms.compartment_word("", "Patient", patient), forms.exact_key(key))
    visible = rows.visible("v")
    hidden = f"SELECT EXISTS (SELECT 1 {_IN_COMPARTMENT} AND NOT ({visible.text}))"
    if connection.execute(hidden, (*found, *visible.values)).get:
        return True
    if not rows.masks:
        return False
    vids = [vid for (vid,) in connection.execute(f"SELECT v.vid {_IN_COMPARTMENT}", found)]
    return any(version.masked for version in read_page(connection, access, None, vids))
