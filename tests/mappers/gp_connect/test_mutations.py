"""Real records made worse are mapped with issues or refused whole: never a crash, never somebody else's."""

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump, parse
from fhir_server.search.index import Indexer
from fhir_server.validation import Validator
from mappers.mapper import Json, Mapped, Unmappable
from tests.mappers.gp_connect.documents import read
from tests.mappers.gp_connect.mutating import mutated
from tests.mappers.gp_connect.real import records

VALIDATOR = Validator(r4())
INDEXER = Indexer(r4(), base_url="http://fhir.example/fhir", timezone=ZoneInfo("Europe/London"))
SMALL = sorted((path for path in records()), key=lambda path: path.stat().st_size)[:4]
ORIGINALS: list[Json] = [parse(path.read_bytes(), max_bytes=2**26).data for path in SMALL]


@pytest.mark.timeout(300)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ORIGINALS).flatmap(mutated))
def test_a_mutated_record_is_mapped_whole_or_refused_whole(record: Json) -> None:
    mapped = _mapped(record)
    if mapped is None:
        return
    assert [report.place for report in mapped.reports] == [
        f"Bundle.entry[{position}].resource" for position in range(len(record["entry"]))
    ]
    became = Counter(report.to for report in mapped.reports if report.to is not None)
    assert became == Counter((one.resource["resourceType"], one.resource["id"]) for one in mapped.resources)
    assert set(became.values()) == {1}
    own = f"Patient/{mapped.patient_id}"
    for one in mapped.resources:
        assert VALIDATOR.validate(one.resource) == []
        people = {link.reference.get("reference") for link in INDEXER.patient_links(one.resource)}
        assert people - {None} <= {own}
        assert one.shared or own in people or one.resource["resourceType"] == "Patient"


def _mapped(record: Json) -> Mapped | None:
    """The record as R4; None where it is refused whole, which always says why."""
    try:
        return read(dump(record)).mapped({})
    except Unmappable as refusal:
        issues = refusal.issues
    assert issues
    assert all(issue.diagnostics and issue.severity in ("error", "warning") for issue in issues)
    return None
