"""Entries against a slow walk that knows nothing of FHIRPath, for chosen parameters."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.folding import fold
from tests.search.reading.test_dates import us
from tests.search.samples import INDEXER

CODES = st.sampled_from(["a", "b", "c|d", ""]).filter(bool)
SYSTEMS = st.sampled_from(["http://loinc.org", "urn:x"])
WORDS = st.text(min_size=1, max_size=6)
IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,8}", fullmatch=True)
INSTANTS = st.builds(
    "2026-{:02d}-{:02d}T{:02d}:30:00Z".format, st.integers(1, 12), st.integers(1, 28), st.integers(0, 23)
)


def objects(required: dict[str, st.SearchStrategy[Any]] | None = None, **optional: st.SearchStrategy[Any]) -> Any:
    return st.fixed_dictionaries(required or {}, optional=optional)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=3)


CODINGS = objects(system=SYSTEMS, code=CODES, display=WORDS)
CONCEPTS = objects(coding=lists(CODINGS), text=WORDS)
REFERENCES = objects(
    reference=st.builds("{}/{}".format, st.sampled_from(["Patient", "Group", "Practitioner"]), IDS)
    | st.just("#x")
    | st.just("urn:uuid:1"),
    display=WORDS,
)
PERIODS = objects(start=INSTANTS, end=INSTANTS)
OBSERVATIONS = objects(
    {"resourceType": st.just("Observation")},
    id=IDS,
    status=CODES,
    category=lists(CONCEPTS),
    code=CONCEPTS,
    subject=REFERENCES,
    performer=lists(REFERENCES),
    component=lists(objects(code=CONCEPTS, valueCodeableConcept=CONCEPTS)),
) | objects({"resourceType": st.just("Observation"), "effectiveDateTime": INSTANTS}, effectivePeriod=st.nothing())
PATIENTS = objects(
    {"resourceType": st.just("Patient")},
    id=IDS,
    identifier=lists(objects(system=SYSTEMS, value=WORDS)),
    name=lists(objects(family=WORDS, given=lists(WORDS), text=WORDS)),
    telecom=lists(objects(system=st.sampled_from(["phone", "email"]), value=WORDS)),
    address=lists(objects(city=WORDS, line=lists(WORDS))),
    deceasedBoolean=st.booleans(),
    link=lists(objects(other=REFERENCES)),
)


def walk(value: Any, *path: str) -> Iterator[Any]:
    """Every value at a path of JSON properties, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from walk(item, *path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from walk(value[path[0]], *path[1:])


def codings(resource: Any, *path: str) -> set[tuple[str, str]]:
    found = walk(resource, *path, "coding")
    return {(each.get("system", ""), each.get("code", "")) for each in found if each.get("system") or each.get("code")}


def targets(resource: Any, *path: str) -> set[tuple[str, str]]:
    """(type, id), ("", URL) for what is elsewhere."""
    found = set()
    for text in walk(resource, *path, "reference"):
        kind, slash, id = text.partition("/")
        if not text.startswith("#"):
            found.add((kind, id) if slash else ("", text))
    return found


def texts(resource: Any, *paths: tuple[str, ...]) -> set[str]:
    return {fold(text) for path in paths for text in walk(resource, *path)} - {""}


def of(entries: tuple[tuple[Any, ...], ...], name: str) -> set[Any]:
    found = [entry[1:] for entry in entries if entry[0] == name]
    return {entry[0] if len(entry) == 1 else entry for entry in found}


@given(OBSERVATIONS)
def test_observations(resource: dict[str, Any]) -> None:
    found = INDEXER.entries(resource)
    assert of(found.tokens, "status") == {("", code) for code in walk(resource, "status")}
    assert of(found.tokens, "category") == codings(resource, "category")
    assert of(found.tokens, "code") == codings(resource, "code")
    assert of(found.tokens, "component-code") == codings(resource, "component", "code")
    assert of(found.tokens, "combo-code") == codings(resource, "code") | codings(resource, "component", "code")
    assert of(found.tokens, "component-value-concept") == codings(resource, "component", "valueCodeableConcept")
    subjects, performers = targets(resource, "subject"), targets(resource, "performer")
    assert of(found.references, "subject") == subjects
    assert of(found.references, "patient") == {each for each in subjects if each[0] == "Patient"}
    assert of(found.references, "performer") == performers
    assert set(found.targets) == {each for each in subjects | performers if each[0]}
    patients = {each for each in subjects | performers if each[0] == "Patient"}
    assert set(found.compartments) == patients | {each for each in performers if each[0] == "Practitioner"}
    starts = {us(text) for text in walk(resource, "effectiveDateTime")}
    assert of(found.dates, "date") == {(start, start + 10**6) for start in starts}


@given(PATIENTS)
def test_patients(resource: dict[str, Any]) -> None:
    found = INDEXER.entries(resource)
    identifiers = {(each.get("system", ""), each.get("value", "")) for each in walk(resource, "identifier")}
    assert of(found.identifiers, "identifier") == identifiers - {("", "")}
    assert of(found.strings, "family") == texts(resource, ("name", "family"))
    assert of(found.strings, "given") == texts(resource, ("name", "given"))
    assert of(found.strings, "name") == texts(resource, ("name", "family"), ("name", "given"), ("name", "text"))
    assert of(found.strings, "address") == texts(resource, ("address", "city"), ("address", "line"))
    assert of(found.strings, "address-city") == texts(resource, ("address", "city"))
    contacts = [each for each in walk(resource, "telecom") if "value" in each]
    for system in ("phone", "email"):
        values = {("", each["value"]) for each in contacts if each.get("system") == system}
        assert of(found.tokens, system) == values
    assert of(found.tokens, "telecom") == {("", each["value"]) for each in contacts}
    deceased = "true" if resource.get("deceasedBoolean") else "false"
    assert of(found.tokens, "deceased") == {("", deceased)}
    links = targets(resource, "link", "other")
    own = {("Patient", resource["id"])} if "id" in resource else set()
    assert of(found.references, "link") == links
    assert set(found.targets) == {each for each in links if each[0]} - own
    assert set(found.compartments) == {each for each in links if each[0] == "Patient"} | own


@given(st.fixed_dictionaries({"resourceType": st.just("Encounter"), "period": PERIODS}))
def test_periods(resource: dict[str, Any]) -> None:
    dates = INDEXER.entries(resource).dates
    period = resource["period"]
    assert len(dates) == (1 if period else 0)
    if period.get("start", "") > period.get("end", "9"):
        period = {"start": period["end"], "end": period["start"]}
    for name, low, high in dates:
        assert name == "date"
        assert low == (us(period["start"]) if "start" in period else -(2**62))
        assert high == (us(period["end"]) + 10**6 if "end" in period else 2**62)
