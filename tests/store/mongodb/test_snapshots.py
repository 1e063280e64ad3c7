"""Which command a pipeline is asked by."""

import pytest

from fhir_server.store.mongodb.snapshots import Stage, question

MATCH, SORT, LIMIT, PROJECT = {"$match": {"a": 1}}, {"$sort": {"b": -1}}, {"$limit": 3}, {"$project": {"k": "$b"}}


@pytest.mark.parametrize(
    ("pipeline", "parts"),
    [
        ([MATCH], {"filter": {"a": 1}}),
        ([MATCH, PROJECT], {"filter": {"a": 1}, "projection": {"k": "$b"}}),
        ([MATCH, SORT, LIMIT, PROJECT], {"filter": {"a": 1}, "sort": {"b": -1}, "limit": 3, "projection": {"k": "$b"}}),
    ],
)
def test_what_a_find_does_in_the_same_order_is_a_find(pipeline: list[Stage], parts: Stage) -> None:
    assert question("resource", pipeline, 7) == {"find": "resource", **parts, "batchSize": 7}


@pytest.mark.parametrize(
    "pipeline",
    [
        [],
        [SORT, LIMIT],
        [MATCH, LIMIT, SORT],
        [MATCH, PROJECT, SORT, LIMIT],
        [MATCH, LIMIT, MATCH],
        [MATCH, LIMIT, {"$count": "n"}],
        [MATCH, {"$lookup": {}}],
    ],
)
def test_all_else_is_an_aggregation(pipeline: list[Stage]) -> None:
    assert question("resource", pipeline, 7) == {
        "aggregate": "resource",
        "pipeline": pipeline,
        "cursor": {"batchSize": 7},
    }
