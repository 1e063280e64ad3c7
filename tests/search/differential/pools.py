"""The values that worlds are made of: few, alike, and at the edges, so that questions meet them."""

from decimal import Decimal

from tests.search.differential.tokens import ACT_CODE, CLINICAL, VERIFICATION

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"

SYSTEMS = (LOINC, SNOMED, "urn:sys:a", "http://cs.example/a,b", "http://cs.example/a$b|c")
CODES = ("a", "A", "b", "8480-6", "a,b", "x|y", "c$d", "back\\slash", "two words", "\\")
WORDS = ("blood", "Blood", "pressure", "Druck", "Größe", "sys-tolic", "naïve", "a,b", "Ørsted")
NAMES = (
    *("Zoë", "ZOE", "zoe", "Zoé", "Zo", "O'Neill", "o'neill", "Müller", "Mueller", "MULLER", "Straße", "STRASSE"),
    *(
        "Łódź",
        "Lodz",
        "Ødegård",
        "José María",
        "Jose  Maria",
        "Smith, John",
        "a|b",
        "a$b",
        "back\\slash",
        "ﬁona",
        "Fiona",
    ),
    *("İpek", "ipek", "ıpek", "Ann", "Anna", "anne", "100%", "under_score", "x*y", "Ｆull", "e\u0301a", "éa"),
)
CITIES = (
    "Ely",
    "ELY",
    "Ely St. Mary",
    "St. Ives",
    "København",
    "Kobenhavn",
    "Zürich",
    "Zurich",
    "New  York",
    "Newport",
)
PHONES = ("020 7946 0000", "+44 20 7946 0000", "a,b", "bell@example.org", "Bell@example.org")
IDENTIFIERS = ("1", "01", "A-1", "a-1", "A 1", "x|1", "x,1", "9449305552")
IDENTIFIER_SYSTEMS = ("urn:ids:a", "urn:ids:b", "http://ids.example/a,b")
DATES = (
    *("2019", "2020", "2020-02", "2020-03", "2020-02-28", "2020-02-29", "2020-03-01", "2020-03-29", "2020-10-25"),
    *("2019-12-31", "2020-01-01", "1999-12", "2021-06-15", "1900", "9999-12-31"),
)
TIMES = (
    *("2020-02-29T23:59:59Z", "2020-02-29T23:59:59.999Z", "2020-02-29T23:59:59.9Z", "2020-03-01T00:00:00Z"),
    *(
        "2020-03-01T00:00:00+01:00",
        "2020-02-29T19:00:00-05:00",
        "2020-03-01T00:00:00.000Z",
        "2019-12-31T23:30:00-01:00",
    ),
    *(
        "2020-03-29T00:59:59Z",
        "2020-03-29T02:00:00+01:00",
        "2020-03-29T01:00:00Z",
        "2020-03-29T01:30:00Z",
        "2020-03-29T00:30:00Z",
        "2020-10-25T01:30:00+01:00",
    ),
    *("2020-10-25T01:30:00Z", "2020-10-25T00:00:00Z", "2020-06-15T12:00:00+01:00", "2020-06-14T23:00:00Z"),
    *("2020-06-15T12:00:00.123456Z", "2020-06-15T12:00:00.1234567Z", "2016-12-31T23:59:60Z", "2020-06-15T11:00:00.5Z"),
)
NUMBERS = tuple(
    Decimal(each)
    for each in (
        *(
            "5.4",
            "5.40",
            "5",
            "5.35",
            "5.45",
            "5.449",
            "5.44999",
            "5.395",
            "5.405",
            "0.0054",
            "5400",
            "54",
            "-5.4",
            "0",
        ),
        *("100", "99.5", "100.5", "100.00", "95", "105", "110", "90", "1E+2", "0.1", "37", "98.6", "310.15", "1", "60"),
        *("-5.45", "-5.35", "0.00540", "1000", "0.001", "5.4E-3"),
    )
)
PROBABILITIES = tuple(Decimal(each) for each in ("0", "0.5", "0.50", "0.45", "0.55", "0.05", "1", "5.4", "100", "99.5"))
UNITS = ("mg", "mg", "g", "ug", "kg", "mm", "cm", "m", "mmol/L", "umol/L", "10*9/L", "mm[Hg]", "kPa", "/min", "Hz")
MORE_UNITS = ("Cel", "K", "[degF]", "%", "1", "h", "d", "wk", "a", "[iU]", "[pH]", "nonsense")
UNIT_TEXTS = ("mg", "milligram", "mmHg", "MG", "a|b", "g")
COMPARATORS = ("<", "<=", ">", ">=")
URLS = (
    *("http://a.example/q", "http://a.example/q/1", "http://a.example/q/10", "http://a.example/q/", "http://a.example"),
    *("http://a.example/q/1/x", "http://A.example/q", "https://a.example/q", "urn:oid:1.2.3", "http://a.example/a,b"),
    *("http://a.example/q-1", "http://a.example/a$b"),
)
VERSIONS = ("1", "1.2", "10", "2")
PROFILES = (
    "http://p.example/StructureDefinition/a",
    "http://p.example/StructureDefinition/a|1",
    "http://p.example/StructureDefinition/a|1.2",
    "http://p.example/StructureDefinition/b",
)
ENCOUNTER_CLASSES = tuple((ACT_CODE, each) for each in ("IMP", "ACUTE", "NONAC", "AMB", "EMER"))
CLINICAL_STATUS = tuple((CLINICAL, each) for each in ("active", "inactive", "resolved", "remission"))
VERIFICATION_STATUS = tuple((VERIFICATION, each) for each in ("confirmed", "refuted", "provisional"))
NHS_NUMBERS = ("9449305552", "9990000050", "9990000069", "9990000077")
ELSEWHERE = "https://there.example/fhir"
LOCAL_TIMES = ("2020-03-29T01:30", "2020-03-29T01:30:00", "2020-10-25T01:30", "2020-10-25T01:30:00", "2020-06-15T12:00")
"""Times in London, one in the hour that clocks leave out and one in the hour that comes twice"""
