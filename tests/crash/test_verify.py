"""The check of a crash can fail: each kind of harm is found in a history that holds it."""

import pytest

from fhir_server.store.values import Event
from tests.crash.clients import Client
from tests.crash.ledger import Attempt, Effect
from tests.crash.verify import Seen, faults_of_history, faults_of_outbox

A, B = ("Observation", "a"), ("Observation", "b")


@pytest.fixture
def client() -> Client:
    """A client that was told of A in two versions and of B, then deleted."""
    told = Client(0, seed=1)
    told.ledger.write(A, 1, "m1")
    told.ledger.write(A, 2, "m2")
    told.ledger.write(B, 1, "m3")
    told.ledger.write(B, 2, None)
    return told


def _whole() -> Seen:
    return {A: {1: "m1", 2: "m2"}, B: {1: "m3", 2: None}}


def test_a_history_that_is_as_told_has_no_fault(client: Client) -> None:
    assert faults_of_history([client], _whole()) == []


def test_a_lost_version_is_found(client: Client) -> None:
    seen = _whole()
    del seen[A][2]
    assert faults_of_history([client], seen) == ["lost: Observation/a version 2 (m2)"]


def test_a_lost_deletion_is_found(client: Client) -> None:
    seen = _whole()
    del seen[B][2]
    assert faults_of_history([client], seen) == ["lost: Observation/b version 2 (None)"]


def test_a_changed_version_is_found(client: Client) -> None:
    seen = _whole()
    seen[A][2] = "m1"
    assert faults_of_history([client], seen) == ["changed: Observation/a version 2 is m1, was m2"]


def test_a_version_that_nobody_sent_is_found(client: Client) -> None:
    seen = _whole()
    seen[A][3] = "m9"
    assert faults_of_history([client], seen) == ["nobody sent: Observation/a/3"]


def test_an_acknowledged_gap_is_found(client: Client) -> None:
    client.ledger.write(A, 4, "m4")
    seen = _whole()
    seen[A][4] = "m4"
    assert faults_of_history([client], seen) == [
        "Observation/a: version 4 was acknowledged, 3 was due",
        "gap: Observation/a has the versions [1, 2, 4]",
    ]


def _in_doubt(client: Client) -> None:
    effects = (Effect("Observation", None, "t1", 0), Effect(*A, "t2", 2), Effect(*B, None, 2))
    client.ledger.in_doubt = Attempt("t", effects)


def test_a_transaction_in_doubt_may_be_absent(client: Client) -> None:
    _in_doubt(client)
    assert faults_of_history([client], _whole()) == []
    assert client.ledger.version(A) == 2


def test_a_transaction_in_doubt_may_be_whole(client: Client) -> None:
    _in_doubt(client)
    seen = _whole()
    seen["Observation", "c"] = {1: "t1"}
    seen[A][3] = "t2"
    seen[B][3] = None
    assert faults_of_history([client], seen) == []
    assert client.ledger.marker(A) == "t2"
    assert client.ledger.versions["Observation", "c"] == {1: "t1"}


@pytest.mark.parametrize("missing", ["create", "update", "delete"])
def test_half_a_transaction_is_found(client: Client, missing: str) -> None:
    _in_doubt(client)
    seen = _whole()
    if missing != "create":
        seen["Observation", "c"] = {1: "t1"}
    if missing != "update":
        seen[A][3] = "t2"
    if missing != "delete":
        seen[B][3] = None
    faults = faults_of_history([client], seen)
    assert faults[0].startswith("t was done by half: ")
    assert len([fault for fault in faults if fault.startswith("nobody sent: ")]) == 2


TOLD = [Event(1, *A, 1, "create"), Event(2, *B, 1, "create"), Event(3, *A, 2, "update"), Event(4, *B, 2, "delete")]


def test_an_outbox_that_tells_the_history_has_no_fault() -> None:
    assert faults_of_outbox(TOLD, _whole()) == []


@pytest.mark.parametrize(
    ("told", "versions"),
    [
        (TOLD[:2] + TOLD[3:], [1]),
        ([*TOLD, TOLD[2]], [1, 2, 2]),
        ([TOLD[2], *TOLD[:2], TOLD[3]], [2, 1]),
        ([*TOLD, Event(5, *A, 3, "update")], [1, 2, 3]),
    ],
    ids=["missing", "twice", "out of order", "never written"],
)
def test_an_outbox_that_tells_anything_else_is_found(told: list[Event], versions: list[int]) -> None:
    assert faults_of_outbox(told, _whole()) == [f"outbox: Observation/a has the versions [1, 2], told were {versions}"]
