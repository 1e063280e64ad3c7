"""Packed entries: exact keys never stand for one another, whatever signs they hold."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.store.criteria import IdentifierIs, InCompartment, ReferenceTo, UriIs
from fhir_server.store.entries import CANONICAL, HIGHEST, LOWEST, Entries
from fhir_server.store.separators import original, plain
from fhir_server.store.sqlite.forms import exact_key, field_number, token_text, word
from fhir_server.store.sqlite.packing import pack, unpack_rows
from fhir_server.store.sqlite.queries.predicates import exact_probe

ODD = st.text(st.sampled_from("ab/\x00\x1a\x1b\x1c\x1d\x1e\x1f0123456|"), max_size=4)


@given(ODD, ODD)
def test_escaped_texts_are_as_different_as_before(one: str, two: str) -> None:
    assert (plain(one) == plain(two)) == (one == two)
    assert not set(plain(one)) & set("\x1c\x1d\x1e\x1f")
    assert original(plain(one)) == one


@given(ODD, ODD, ODD, ODD)
def test_an_identifier_is_found_by_itself_alone(system: str, value: str, other_system: str, other_value: str) -> None:
    keys = pack("Patient", Entries(identifiers=(("identifier", system, value),))).keys
    for asked_system in (other_system, None):
        for asked_value in (other_value, None):
            probe = exact_probe(IdentifierIs("identifier", asked_system, asked_value))
            expected = asked_system in (None, system) and asked_value in (None, value)
            assert (probe in keys) == expected


@given(ODD, ODD, ODD, ODD)
def test_references_compartments_and_uris_are_found_by_themselves_alone(a: str, b: str, c: str, d: str) -> None:
    entries = Entries(references=(("subject", "", a),), compartments=(("Patient", b),), uris=(("url", c),))
    keys = pack("Flag", entries).keys
    assert (exact_probe(ReferenceTo("subject", "", d)) in keys) == (a == d)
    assert (exact_probe(InCompartment("Patient", d)) in keys) == (b == d)
    assert (exact_probe(UriIs("url", d)) in keys) == (c == d)
    assert exact_probe(ReferenceTo("author", "", a)) not in keys
    assert exact_probe(IdentifierIs("identifier", None, d)) not in keys


@given(ODD, ODD, ODD, ODD)
def test_tokens_hash_different_texts(system: str, code: str, other_system: str, other_code: str) -> None:
    same = (system, code) == (other_system, other_code)
    assert (token_text("p", system, code) == token_text("p", other_system, other_code)) == same


def test_no_entries_take_no_room() -> None:
    packed = pack("Patient", Entries())
    assert (packed.tokens, packed.keys, packed.spans, packed.postings) == (b"", b"", None, word("Patient", ""))
    assert exact_key() == b""


def test_the_rows_of_the_narrow_tables_are_known_from_the_spans() -> None:
    entries = Entries(
        dates=(("date", 1, 2), ("date", 1, 2), ("issued", -5, 2**62)),
        strings=(("name", 'a "quoted" ö\x00'),),
        numbers=(("length", "n1", HIGHEST), ("length", LOWEST, "n2")),
        quantities=(("value", "urn:u", "kg", "n3", "n3"), ("value", CANONICAL, "g", "n3000", "n3000")),
        positions=(("near", 51.5, -0.12),),
    )
    packed = pack("Flag", entries)
    assert packed.rows == {
        "date": ((field_number("Flag", "date"), 1, 2), (field_number("Flag", "issued"), -5, 2**62)),
        "string": ((field_number("Flag", "name"), 'a "quoted" ö\x00'),),
        "number": (
            (field_number("Flag", "length"), "", "n1", HIGHEST),
            (field_number("Flag", "length"), "", LOWEST, "n2"),
            (field_number("Flag", "value"), "", "n3", "n3"),
            (field_number("Flag", "value"), "=g", "n3000", "n3000"),
        ),
        "position": ((field_number("Flag", "near"), 51.5, -0.12),),
    }
    assert unpack_rows("Flag", packed.spans) == packed.rows


def test_a_quantity_without_a_base_unit_is_sorted_as_it_is_written() -> None:
    entries = Entries(quantities=(("value", "", "tablet", "n1", "n2"), ("value", "urn:u", "tablet", "n1", "n2")))
    field = field_number("Flag", "value")
    assert pack("Flag", entries).rows == {"number": ((field, "=tablet", "n1", "n2"), (field, "", "n1", "n2"))}


def test_the_same_group_under_two_names_is_kept_once() -> None:
    inner = Entries(tokens=(("1", "urn:a", "x"),), quantities=(("2", "urn:u", "kg", "n3", "n3"),))
    packed = pack("Observation", Entries(groups=(("code-value", inner), ("combo-code-value", inner))))
    assert (
        packed.spans
        == '{"g":[["|code-value|combo-code-value|",{"q.2":[["kg","n3","n3","urn:u"]],"t.1":[["urn:a","x"]]}]]}'
    )
    assert len(packed.postings.split()) == 9


def test_a_token_is_kept_once() -> None:
    token = ("code", "urn:a", "x")
    one, two = pack("Flag", Entries(tokens=(token,))), pack("Flag", Entries(tokens=(token, token)))
    assert one == two
    assert len(one.tokens) == 4 * 8
    assert len(one.postings.split()) == 5
