"""Query strings to searches: the whole answer, and every refusal with its words."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from fhir_server.outcome import FhirError, Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.parse import Search, conditional_criteria, count_of, date_bounds, instant_range, parse
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    IdentifierIs,
    IdIs,
    LastUpdatedIs,
    Query,
    ReferenceTo,
    SortKey,
    StringIs,
    TokenIs,
    UriIs,
)
from tests.search.queries import criterion, pairs, search
from tests.search.reading.test_dates import us
from tests.search.samples import CONTEXT, LONDON, NHS_NUMBER, NOW_MS


async def test_a_search_of_everything() -> None:
    assert await search("Patient", "") == Search(Query("Patient", count=50))


async def test_a_whole_search() -> None:
    query = (
        "patient=Patient/p1&code=http://loinc.org|85354-9,http://loinc.org|29463-7&date=ge2026-01&date=lt2027"
        "&status=final&colour=red&_sort=-date,_id&_count=5000&_total=accurate&_summary=data&_elements=code,subject"
        "&_format=json&_pretty=true"
    )
    found = await search("Observation", query)
    assert found == Search(
        query=Query(
            "Observation",
            criteria=(
                ReferenceTo("patient", "Patient", "p1", ("Observation.subject",)),
                AnyOf(
                    (
                        TokenIs("code", "http://loinc.org", "85354-9", ("Observation.code",)),
                        TokenIs("code", "http://loinc.org", "29463-7", ("Observation.code",)),
                    )
                ),
                DateIs(
                    "date",
                    "ge",
                    us("2026-01-01T00:00:00Z"),
                    us("2026-02-01T00:00:00Z"),
                    ("Observation.effective",),
                    ("code",),
                ),
                DateIs(
                    "date",
                    "lt",
                    us("2027-01-01T00:00:00Z"),
                    us("2028-01-01T00:00:00Z"),
                    ("Observation.effective",),
                    ("code",),
                ),
                TokenIs("status", None, "final", ("Observation.status",)),
            ),
            sort=(
                SortKey("date", descending=True, elements=("Observation.effective",), type="date"),
                SortKey("_id", elements=("Observation.id",)),
            ),
            count=1000,
        ),
        used=(
            ("patient", "Patient/p1"),
            ("code", "http://loinc.org|85354-9,http://loinc.org|29463-7"),
            ("date", "ge2026-01"),
            ("date", "lt2027"),
            ("status", "final"),
            ("_sort", "-date,_id"),
            ("_count", "1000"),
            ("_total", "accurate"),
            ("_summary", "data"),
            ("_elements", "code,subject"),
        ),
        issues=(
            Issue("not-supported", "Observation has no search parameter colour: it was not used.", severity="warning"),
        ),
        total="accurate",
        summary="data",
        elements=("code", "subject"),
    )
    again = await parse("Observation", found.used, CONTEXT, strict=True)
    assert again == replace(found, issues=())


@pytest.mark.parametrize(
    ("resource_type", "query", "expected"),
    [
        ("Patient", "_id=a", IdIs(("a",), ("Patient.id",))),
        ("Patient", "_id:missing=false", AllOf(())),
        ("Patient", "_lastUpdated:missing=true", AnyOf(())),
        ("Patient", "_id=a,b,a", IdIs(("a", "b"), ("Patient.id",))),
        (
            "Patient",
            "_lastUpdated=gt2026-07-01",
            LastUpdatedIs(
                "gt",
                us("2026-06-30T23:00:00Z"),
                us("2026-07-01T23:00:00Z"),
                ("Patient.meta", "Patient.meta.lastUpdated"),
            ),
        ),
        ("Patient", "_tag=urn:t|x", TokenIs("_tag", "urn:t", "x", ("Patient.meta", "Patient.meta.tag"))),
        ("Patient", "_profile=http://p", UriIs("_profile", "http://p", ("Patient.meta", "Patient.meta.profile"))),
        # token
        ("Observation", "code=a", TokenIs("code", None, "a", ("Observation.code",))),
        ("Observation", "code=a,a", TokenIs("code", None, "a", ("Observation.code",))),
        ("Observation", "code=|a", TokenIs("code", "", "a", ("Observation.code",))),
        ("Observation", "code=s|", TokenIs("code", "s", None, ("Observation.code",))),
        ("Observation", r"code=s\|t|a\,b\$\\", TokenIs("code", "s|t", "a,b$\\", ("Observation.code",))),
        ("Patient", "identifier=a|1", IdentifierIs("identifier", "a", "1", ("Patient.identifier",))),
        ("Patient", "identifier=1", IdentifierIs("identifier", None, "1", ("Patient.identifier",))),
        ("Patient", "identifier=|1", IdentifierIs("identifier", "", "1", ("Patient.identifier",))),
        ("Patient", "identifier=a|", IdentifierIs("identifier", "a", None, ("Patient.identifier",))),
        ("Patient", "active=true", TokenIs("active", None, "true", ("Patient.active",))),
        ("Patient", "deceased=false", TokenIs("deceased", None, "false", ("Patient.deceased",))),
        ("Patient", "email=a@b", TokenIs("email", None, "a@b", ("Patient.telecom", "Patient.telecom.system"))),
        # A code has the system of the value set that it is bound to.
        ("Patient", "gender=female", TokenIs("gender", None, "female", ("Patient.gender",))),
        (
            "Patient",
            "gender=http://hl7.org/fhir/administrative-gender|female",
            TokenIs("gender", "", "female", ("Patient.gender",)),
        ),
        (
            "Patient",
            "gender=http://hl7.org/fhir/administrative-gender|",
            TokenIs("gender", "", None, ("Patient.gender",)),
        ),
        ("Patient", "gender=urn:other|female", TokenIs("gender", "urn:other", "female", ("Patient.gender",))),
        (
            "Observation",
            "gene-identifier=s|a",
            AnyOf(
                (
                    IdentifierIs("gene-identifier", "s", "a", ("Observation.extension",)),
                    TokenIs("gene-identifier", "s", "a", ("Observation.extension",)),
                )
            ),
        ),
        # reference
        ("Observation", "patient=p1", ReferenceTo("patient", "Patient", "p1", ("Observation.subject",))),
        (
            "Observation",
            "subject=p1",
            AnyOf(
                tuple(
                    ReferenceTo("subject", target, "p1", ("Observation.subject",))
                    for target in ("Device", "Group", "Location", "Patient")
                )
            ),
        ),
        ("Observation", "subject=Group/1", ReferenceTo("subject", "Group", "1", ("Observation.subject",))),
        (
            "Observation",
            "subject=https://here.example/fhir/Patient/p1",
            ReferenceTo("subject", "Patient", "p1", ("Observation.subject",)),
        ),
        (
            "Observation",
            "subject=https://there.example/Patient/p1",
            ReferenceTo("subject", "", "https://there.example/Patient/p1", ("Observation.subject",)),
        ),
        (
            "QuestionnaireResponse",
            "questionnaire=http://q|1",
            ReferenceTo("questionnaire", "", "http://q|1", ("QuestionnaireResponse.questionnaire",)),
        ),
        (
            "Patient",
            "general-practitioner=x",
            AnyOf(
                tuple(
                    ReferenceTo("general-practitioner", target, "x", ("Patient.generalPractitioner",))
                    for target in ("Organization", "Practitioner", "PractitionerRole")
                )
            ),
        ),
        # string
        ("Patient", "name=  Zoë  O'N", StringIs("name", "zoe o'n", "starts", ("Patient.name",))),
        (
            "Patient",
            r"address-city=Ely\, Cambs",
            StringIs("address-city", "ely, cambs", "starts", ("Patient.address", "Patient.address.city")),
        ),
        # uri
        ("ValueSet", "url=http://a|1", UriIs("url", "http://a|1", ("ValueSet.url",))),
    ],
)
async def test_a_criterion(resource_type: str, query: str, expected: Criterion) -> None:
    assert await criterion(resource_type, query) == expected


@pytest.mark.parametrize("prefix", ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
async def test_every_prefix_of_dates(prefix: str) -> None:
    day = (us("1941-07-04T22:00:00Z"), us("1941-07-05T22:00:00Z"))
    expected = ("birthdate", prefix or "eq", *day, ("Patient.birthDate",))
    found = await criterion("Patient", f"birthdate={prefix}1941-07-05")
    assert isinstance(found, DateIs)
    assert (found.param, found.prefix, found.low, found.high, found.elements) == expected


async def test_approximately_is_a_tenth_of_the_time_to_now() -> None:
    now, year = NOW_MS * 1000, (us("2016-01-01T00:00:00Z"), us("2017-01-01T00:00:00Z"))
    reach = (now - year[1]) // 10
    assert await criterion("Patient", "birthdate=ap2016") == DateIs(
        "birthdate", "ap", year[0] - reach, year[1] + reach, ("Patient.birthDate",)
    )
    around_now = (us("2026-01-01T00:00:00Z"), us("2027-01-01T00:00:00Z"))
    assert await criterion("Patient", "birthdate=ap2026") == DateIs(
        "birthdate", "ap", *around_now, ("Patient.birthDate",)
    )
    ahead = us("2126-01-01T00:00:00Z")
    found = await criterion("Patient", "birthdate=ap2126-01-01")
    assert isinstance(found, DateIs)
    assert found.low == ahead - (ahead - now) // 10


async def test_a_plus_sign_that_arrives_as_a_space() -> None:
    found = await criterion("Observation", "date=2026-01-01T10:00:00 01:00")
    assert isinstance(found, DateIs)
    assert found.low == us("2026-01-01T09:00:00Z")


@pytest.mark.parametrize(
    ("resource_type", "query", "kind", "words"),
    [
        # values
        ("Patient", "birthdate=yesterday", Invalid, "The parameter birthdate needs a date or time such as"),
        ("Patient", "birthdate=xx2020", Invalid, "The parameter birthdate needs a date or time such as"),
        ("Patient", "birthdate=ge", Invalid, "The parameter birthdate needs a date or time such as"),
        ("Patient", "active=yes", Invalid, "The parameter active is true or false."),
        ("Patient", "active=|true", Invalid, "The parameter active has no system"),
        ("Patient", "phone=x|1", Invalid, "The parameter phone has no system"),
        ("Observation", "code=|", Invalid, "The parameter code is a code, system|code, |code or system|."),
        ("Observation", "code=a|b|c", Invalid, "The parameter code is a code, system|code, |code or system|."),
        ("Observation", "subject=Patients/1", Invalid, "The parameter subject is an id, Type/id or an absolute URL."),
        ("Observation", "subject=#a", Invalid, "The parameter subject is an id, Type/id or an absolute URL."),
        ("Patient", "_id=a/b", Invalid, "The parameter _id is a logical id"),
        ("Patient", "name=\u0301", Invalid, "The parameter name needs a text of at least one letter or digit."),
        ("Patient", "name=a\0b", Invalid, "A parameter holds characters that no text has"),
        ("Patient", "name=\ud800", Invalid, "A parameter holds characters that no text has"),
        ("Patient", "name=", Invalid, "The parameter name has an empty value"),
        ("Observation", "patient=", Invalid, "The parameter patient has an empty value"),
        ("Observation", "status=final,", Invalid, "The parameter status has an empty value"),
        ("Observation", "status= ", Invalid, "The parameter status has an empty value"),
        (
            "DocumentReference",
            "contenttype=urn:ietf:bcp:13|text/plain",
            NotSupported,
            "The system of Attachment.contentType is not known here",
        ),
        # modifiers and chains
        ("Patient", "name:nonsense=a", Invalid, "There is no modifier :nonsense."),
        ("Patient", "telecom:code-text=020", NotSupported, "The modifier :code-text of the parameter telecom is not"),
        ("Patient", "name:=a", Invalid, "There is no modifier :."),
        ("Patient", "name:not=a", Invalid, "The modifier :not does not apply to name, a string parameter."),
        ("Patient", "gender:exact=a", Invalid, "The modifier :exact does not apply to gender, a token parameter."),
        ("Observation", "subject:Encounter=1", Invalid, "The parameter subject cannot refer to Encounter."),
        ("Observation", "code:Patient=1", Invalid, "The parameter code cannot refer to Patient."),
        ("Observation", "code.name=a", Invalid, "The parameter code is no reference"),
        # parameters
        ("Patient", "phonetic=a", NotSupported, "The parameter phonetic cannot be used: matching by sound is not"),
        ("Patient", "age=3", NotSupported, "The parameter age cannot be used: its definition has no expression for"),
        ("Patient", "part-agree=a", NotSupported, "part-agree cannot be used: its definition has no expression"),
        ("Patient", "gender:missing=yes", Invalid, "The parameter gender:missing is true or false."),
        ("Patient", "gender:missing=true,false", Invalid, "The parameter gender:missing is true or false."),
        ("Patient", "phonetic:missing=true", NotSupported, "The parameter phonetic cannot be used: matching by sound"),
        ("Patient", "_query=all", NotSupported, "The parameter _query cannot be used: named queries are not offered."),
        ("Patient", "_score=1", NotSupported, "The parameter _score cannot be used: results have no score."),
        ("Patient", "_graph=x", NotSupported, "The parameter _graph cannot be used: graphs are not offered"),
        ("Patient", "_type=Patient", Invalid, "The parameter _type belongs to searches of the whole system"),
        ("Patient", "_list=", Invalid, "The parameter _list has an empty value"),
        ("Patient", "_list=a/b", Invalid, "The parameter _list is the id of a List, such as 42 or List/42."),
        ("Patient", "_list:not=42", Invalid, "The parameter _list has no modifiers."),
        ("Patient", "_list=$current-allergies", NotSupported, "functional lists ($…) are not."),
        ("Patient", "_explain=yes", Invalid, "The parameter _explain is one of true, false."),
        ("Patient", "_containedType=contained", Invalid, "_containedType goes with _contained=true or both."),
        ("Patient", "_include=*&_summary=text", Invalid, "cannot be combined with _summary=text."),
        # results
        ("Patient", "_count=-1", Invalid, "The parameter _count is a whole number, 0 or more."),
        ("Patient", "_count=", Invalid, "The parameter _count is a whole number, 0 or more."),
        ("Patient", "_count=\u0665", Invalid, "The parameter _count is a whole number, 0 or more."),
        ("Patient", "_count=5&_count=6", Invalid, "The parameter _count may be given once."),
        ("Patient", "_count:max=5", Invalid, "The parameter _count has no modifiers."),
        ("Patient", "_total=some", Invalid, "The parameter _total is one of none, estimate, accurate."),
        ("Patient", "_summary=all", Invalid, "The parameter _summary is one of true, text, data, count, false."),
        ("Patient", "_elements=", Invalid, "The parameter _elements names no element of Patient."),
        ("Patient", "_sort=colour", Invalid, "_sort: Patient has no search parameter 'colour' to sort by."),
        ("Patient", "_sort=", Invalid, "_sort: Patient has no search parameter '' to sort by."),
        ("Patient", "_sort=phonetic", NotSupported, "_sort: sorting by phonetic is not offered."),
        ("Patient", "_sort=-_score", NotSupported, "_sort: results have no score to sort by."),
        ("Location", "_sort=near", Invalid, "_sort: near is a special parameter, and these have no order."),
        ("Patient", "_sort=" + ",".join(["_id"] * 9), TooCostly, "The parameter _sort names at most 8 parameters."),
    ],
)
async def test_what_is_refused(resource_type: str, query: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await search(resource_type, query)
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_what_is_unknown_is_an_error_when_asked_to_be_strict() -> None:
    with pytest.raises(Invalid) as caught:
        await search("Patient", "colour=red&name=a&size:exact=3&_elements=name,nose", strict=True)
    assert caught.value.issues == (
        Issue("not-supported", "Patient has no search parameter colour: it was not used."),
        Issue("not-supported", "Patient has no search parameter size:exact: it was not used."),
        Issue("not-found", "_elements: Patient has no element nose."),
    )


async def test_what_is_unknown_is_a_warning_otherwise() -> None:
    found = await search("Patient", "colour=red&_elements=name,nose")
    assert found.issues == (
        Issue("not-supported", "Patient has no search parameter colour: it was not used.", severity="warning"),
        Issue("not-found", "_elements: Patient has no element nose.", severity="warning"),
    )
    assert found.used == (("_elements", "name"),)
    assert (found.query, found.elements) == (Query("Patient"), ("name",))


LIMITS = Limits(count=5, max_count=9, parameters=3, alternatives=4, name_length=12, value_length=20, criteria=200)


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("status=a&status=b&status=c&status=d", TooCostly, "A search has at most 3 parameters."),
        ("status=a,b,c,d,e", TooCostly, "The parameter status has more than 4 values."),
        ("status=" + "a" * 21, Invalid, "The value of status is longer than 20 characters."),
        ("statusstatuss=a", Invalid, "The name of a parameter is at most 12 characters long."),
        ("focus=a,b", TooCostly, "The search asks for too many alternatives"),
    ],
)
async def test_limits(query: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await search("Observation", query, limits=LIMITS)
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_pages_have_a_default_and_a_greatest_size() -> None:
    sizes = {query: (await search("Patient", query, limits=LIMITS)).query.count for query in ("", "_count=0")}
    assert sizes == {"": 5, "_count=0": 0}
    big = await search("Patient", "_count=0010", limits=LIMITS)
    assert (big.query.count, big.used) == (9, (("_count", "9"),))


def test_count_of() -> None:
    assert count_of(None, default=50, limit=20) == 20
    assert count_of("7", default=50, limit=20) == 7
    assert count_of("9" * 10_000, default=50, limit=20) == 20


async def test_conditional_criteria() -> None:
    found = await conditional_criteria("Patient", [("identifier", f"{NHS_NUMBER}|1"), ("name", "a")], CONTEXT)
    assert found == (
        IdentifierIs("identifier", NHS_NUMBER, "1", ("Patient.identifier",)),
        StringIs("name", "a", "starts", ("Patient.name",)),
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "A conditional request needs at least one search parameter."),
        ("identifier=", "The parameter identifier has an empty value"),
        ("colour=red&identifier=1", "Patient has no search parameter colour: it was not used."),
        ("identifier=1&_count=5", "The parameter _count cannot stand in the criteria of a conditional request."),
        ("identifier=1&_include:iterate=*", "The parameter _include:iterate cannot stand in the criteria of a condit"),
        ("identifier=1&_type=Patient", "The parameter _type cannot stand in the criteria of a conditional request."),
        ("identifier=1&_contained=both", "The parameter _contained cannot stand in the criteria of a conditional"),
        ("identifier=1&_explain=true", "The parameter _explain cannot stand in the criteria of a conditional request."),
        ("_id:missing=false", "A conditional request needs at least one search parameter."),
        ("_filter=_id pr true and _lastUpdated pr true", "A conditional request needs at least one search parameter."),
        ("_filter=not (_id pr false or (_lastUpdated pr false and name eq a))", "A conditional request needs at least"),
        ("_filter=_id pr true or name eq a", "A conditional request needs at least one search parameter."),
        ("_format=json&identifier=1", "The parameter _format cannot stand in the criteria of a conditional request."),
    ],
)
async def test_conditional_criteria_never_mean_all(query: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        await conditional_criteria("Patient", pairs(query), CONTEXT)
    assert words in str(caught.value)


def test_instant_range() -> None:
    assert instant_range("2026-07-01T10:00:00Z", LONDON, name="_at") == (
        us("2026-07-01T10:00:00Z"),
        us("2026-07-01T10:00:01Z"),
    )
    assert instant_range("2026", ZoneInfo("UTC"), name="_at")[1] == us("2027-01-01T00:00:00Z")
    with pytest.raises(Invalid, match="^The parameter _at is a date or time such as 2026-01-31 or"):
        instant_range("ge2026", LONDON, name="_at")


def test_date_bounds() -> None:
    low, high = us("2026-01-01T00:00:00Z"), us("2026-02-01T00:00:00Z")
    found = {prefix: date_bounds(f"{prefix}2026-01", LONDON) for prefix in ("", "ge", "gt", "sa", "le", "lt", "eb")}
    assert found == {
        "": (low, high),
        "ge": (low, None),
        "gt": (high, None),
        "sa": (high, None),
        "le": (None, high),
        "lt": (None, low),
        "eb": (None, low),
    }
    with pytest.raises(NotSupported, match="^The prefix ap is not offered here.$"):
        date_bounds("ap2026", LONDON)
    with pytest.raises(Invalid, match="^The parameter recorded needs a date"):
        date_bounds("soon", LONDON, name="recorded")
