"""Packed entries: exact keys never stand for one another, whatever signs they hold."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.store.criteria import IdentifierIs, InCompartment, ReferenceTo, UriIs
from fhir_server.store.entries import Entries
from fhir_server.store.sqlite.packing import exact_key, pack, plain, token_text, unpack_rows
from fhir_server.store.sqlite.queries.predicates import exact_probe

ODD = st.text(st.sampled_from("ab/\x00\x1a\x1b\x1c\x1d\x1e\x1f0123456|"), max_size=4)


@given(ODD, ODD)
def test_escaped_texts_are_as_different_as_before(one: str, two: str) -> None:
    assert (plain(one) == plain(two)) == (one == two)
    assert not set(plain(one)) & set("\x1c\x1d\x1e\x1f")


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
    assert (packed.tokens, packed.keys, packed.spans, packed.postings) == (b"", b"", None, "")
    assert exact_key() == b""


def test_the_rows_of_the_narrow_tables_are_known_from_the_spans() -> None:
    entries = Entries(
        dates=(("date", 1, 2), ("date", 1, 2), ("issued", -5, 2**62)),
        strings=(("name", 'a "quoted" ö\x00'),),
        numbers=(("length", 0.1, float("inf")), ("length", float("-inf"), 1e-300)),
        quantities=(("value", "urn:u", "kg", 0.1 + 0.2, 1.7976931348623157e308),),
    )
    packed = pack("Flag", entries)
    rows: list[tuple[str, tuple[object, ...]]] = [("date", row) for row in packed.dates]
    rows += [("string", row) for row in packed.strings]
    rows += [("number", row) for row in packed.numbers]
    rows += [("quantity", row) for row in packed.quantities]
    assert sorted(map(repr, unpack_rows("Flag", packed.spans))) == sorted(map(repr, rows))


def test_a_token_is_kept_once() -> None:
    token = ("code", "urn:a", "x")
    one, two = pack("Flag", Entries(tokens=(token,))), pack("Flag", Entries(tokens=(token, token)))
    assert one == two
    assert len(one.tokens) == 4 * 9
    assert len(one.postings.split()) == 4
