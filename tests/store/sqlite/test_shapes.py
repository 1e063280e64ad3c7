"""Which questions are answered on the event loop."""

from fhir_server.store.criteria import AllOf, AnyOf, HistoryQuery, IdIs, Not, Query, SortKey, SystemQuery, TokenIs
from fhir_server.store.sqlite.readers import _INLINE_SECONDS
from fhir_server.store.sqlite.shapes import CHEAP_SECONDS, Shapes, shape_of
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


def test_values_play_no_part_in_a_shape() -> None:
    one = Query("Patient", (TokenIs("gender", None, "male"), Not(AnyOf((IdIs(("a",)),)))), (SortKey("_id"),), 10)
    two = Query("Patient", (TokenIs("gender", "s", "female"), Not(AnyOf((IdIs(("b", "c")),)))), (SortKey("_id"),), 11)
    assert shape_of(one) == shape_of(two)
    assert shape_of(one) != shape_of(Query("Patient", one.criteria, (SortKey("_id", descending=True),), 10))
    assert shape_of(one) != shape_of(Query("Patient", (TokenIs("active", None, "true"), one.criteria[1]), one.sort, 10))
    assert shape_of(HistoryQuery("Patient", "a")) == shape_of(HistoryQuery("Basic", "b"))
    assert shape_of(HistoryQuery("Patient", "a")) != shape_of(HistoryQuery("Patient"))


def test_searches_of_several_types_have_one() -> None:
    one = SystemQuery((Query("Patient", (IdIs(("a",)),)), Query("Basic")), (SortKey("_id"),), 10)
    two = SystemQuery((Query("Patient", (IdIs(("b",)),)), Query("Basic")), (SortKey("_id"),), 9)
    assert shape_of(one) == shape_of(two)
    assert shape_of(one) != shape_of(SystemQuery(one.parts[:1], one.sort, one.count))
    assert shape_of(one) != shape_of(SystemQuery(one.parts, one.sort, one.count, after="x"))
    assert shape_of(one) != shape_of(one, counted=True)


def test_what_may_cost_anything_has_no_shape() -> None:
    assert shape_of(SystemQuery((Query("Patient"),) * 17)) is None
    assert shape_of(SystemQuery((Query("Patient", tuple(IdIs((str(number),)) for number in range(17))),))) is None
    assert shape_of(Query("Patient", tuple(IdIs((str(number),)) for number in range(17)))) is None
    assert shape_of(Query("Patient", (AllOf(tuple(IdIs((str(number),)) for number in range(17))),))) is None


def test_a_dear_one_goes_to_a_thread_until_many_were_cheap() -> None:
    shapes = Shapes()
    assert not shapes.is_cheap("x")
    shapes.took("x", 0.0001)
    assert shapes.is_cheap("x")
    shapes.took("x", 10 * CHEAP_SECONDS)
    for _ in range(5):
        assert not shapes.is_cheap("x")
        shapes.took("x", 0.0001)
    for _ in range(20):
        shapes.took("x", 0.0001)
    assert shapes.is_cheap("x")


async def test_one_that_proves_dear_on_the_loop_is_answered_by_a_thread(place: UrlPlace) -> None:
    store = await place.open()
    await store.unbound_session().commit(commit_of(*(create(f"a{number}") for number in range(50))))
    readers = store.readers  # type: ignore[attr-defined]
    readers._shapes.took("shape", 0.0001)
    slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<?) SELECT count(*) FROM c"
    assert await readers.ask(lambda connection: connection.execute(slow, (10,)).get, shape="shape") == 10
    assert readers._shapes.is_cheap("shape")
    assert await readers.ask(lambda connection: connection.execute(slow, (1_000_000,)).get, shape="shape") == 1_000_000
    assert readers._shapes._seconds["shape"] > _INLINE_SECONDS
