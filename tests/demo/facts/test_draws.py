"""Draws: the same for the same key, within their bounds, and fixed for all time."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.demo.facts.draws import Draws


def test_the_sequence_is_fixed() -> None:
    """If this fails, every demo and every benchmark changes its data."""
    draws = Draws(1, 1, "weight")
    assert [draws.whole(0, 999) for _ in range(6)] == [877, 454, 143, 204, 752, 444]


@given(key=st.text(max_size=10), low=st.integers(-100, 100), width=st.integers(0, 50))
def test_draws_keep_their_bounds(key: str, low: int, width: int) -> None:
    draws = Draws(key)
    choices = range(low, low + width + 1)
    for _ in range(20):
        assert draws.whole(low, low + width) in choices
        assert draws.middling(low, low + width) in choices
        assert draws.pick(choices) in choices
    assert not draws.chance(0)
    assert draws.chance(100)


def test_every_value_is_possible_and_the_middle_more_likely() -> None:
    draws = Draws("spread")
    assert {draws.whole(1, 6) for _ in range(500)} == set(range(1, 7))
    middling = [draws.middling(1, 9) for _ in range(2_000)]
    assert set(middling) == set(range(1, 10))
    assert middling.count(5) > 2 * middling.count(1)


def test_topics_do_not_shift_each_other() -> None:
    assert Draws(1, 2, "a").whole(0, 10**9) != Draws(1, 2, "b").whole(0, 10**9)
    assert Draws(1, 12, "a").whole(0, 10**9) != Draws(11, 2, "a").whole(0, 10**9)
