"""Page links: what was sealed comes back, to the same caller only; anything else is refused in the same words."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import NotFound
from fhir_server.search.paging import PageLinks, PageState
from fhir_server.store.values import Snapshot

KEY = bytes(range(32))
LINKS = PageLinks(KEY)
STATE = PageState(
    kind="search",
    type="Observation",
    id=None,
    parameters=(("patient", "Patient/9449305552"), ("code", "http://loinc.org|85354-9")),
    snapshot=Snapshot("41-7", 1_790_000_000_000),
    cursor="2026-01-01/o7",
    count=10,
)
REFUSED = "This page link is not valid here: it was changed, or it was made for someone else. Search again."

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
STATES = st.builds(
    PageState,
    kind=st.sampled_from(["search", "history"]),
    type=st.none() | TEXTS,
    id=st.none() | TEXTS,
    parameters=st.lists(st.tuples(TEXTS, TEXTS)).map(tuple),
    snapshot=st.builds(Snapshot, value=TEXTS, time_ms=st.integers(-(2**63), 2**63 - 1)),
    cursor=TEXTS,
    count=st.integers(0, 10**6),
)


@given(STATES, TEXTS)
def test_what_was_sealed_comes_back(state: PageState, caller: str) -> None:
    token = LINKS.seal(state, caller)
    assert PageLinks(KEY).open(token, caller) == state
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_link_shows_nothing_and_is_never_the_same_twice() -> None:
    tokens = {LINKS.seal(STATE, "caller") for _ in range(20)}
    assert len(tokens) == 20
    for token in tokens:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        assert b"9449305552" not in data
        assert b"Patient" not in data


def refused(token: str, caller: str = "caller", links: PageLinks = LINKS) -> bool:
    with pytest.raises(NotFound) as caught:
        links.open(token, caller)
    return str(caught.value) == REFUSED


def test_a_link_of_another_caller_or_another_store_is_refused() -> None:
    token = LINKS.seal(STATE, "caller")
    assert refused(token, "Caller")
    assert refused(token, "")
    assert refused(token, links=PageLinks(bytes(32)))


@given(st.data())
def test_a_changed_link_is_refused(data: st.DataObject) -> None:
    token = LINKS.seal(STATE, "caller")
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert refused(urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


def test_every_cut_and_every_other_spelling_is_refused() -> None:
    token = LINKS.seal(STATE, "caller")
    assert all(refused(token[:length]) for length in range(len(token)))
    assert refused(token + "A")
    assert refused(token + "=")
    assert refused(" " + token)
    assert refused(token + "\n")


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    assert refused(text)


def test_a_link_that_is_far_too_long_is_refused() -> None:
    assert refused("A" * 1_000_000)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_the_key_has_256_bits(size: int) -> None:
    with pytest.raises(ValueError, match="the key of page links has 32 bytes"):
        PageLinks(bytes(size))
