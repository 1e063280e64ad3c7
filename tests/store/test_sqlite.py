"""The SQLite store answers like the oracle by each of its ways to run a search."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.queries import access_sql, budget, estimate, plan, predicates, search
from tests.store.conformance.oracle import OracleRules
from tests.store.places import UrlPlace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """An empty store, and what was opened there is closed at the end."""
    place = UrlPlace(f"sqlite:///{tmp_path}/store.db")
    yield place
    await place.close()


class TestWalking(OracleRules):
    """Every search takes its candidates for many, and walks along an index; compartments are looked up together."""

    @pytest.fixture(autouse=True)
    def many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plan, "LEAST_PROBE", 0)
        monkeypatch.setattr(plan, "MOST_PROBE", 0)
        monkeypatch.setattr(plan, "FEW_WORDS", 1)
        monkeypatch.setattr(predicates, "FEW_PATIENTS", 1)
        access_sql._remembered.cache_clear()


class TestGivingUpWalks(OracleRules):
    """Every walk uses up its share of steps, and the candidates are fetched after all; chains are resolved at the
    second attempt, totals extrapolated."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plan, "LEAST_PROBE", 0)
        monkeypatch.setattr(plan, "MOST_PROBE", 0)
        monkeypatch.setattr(budget, "STEPS_PER_REPORT", 1)
        monkeypatch.setattr(search, "FIRST_STEPS", 0)
        monkeypatch.setattr(search, "TRIAL_STEPS", 0)
        monkeypatch.setattr(search, "PROBE_STEPS", 0)
        monkeypatch.setattr(search, "RESOLVE_STEPS", 0)
        monkeypatch.setattr(estimate, "COUNT_STEPS", 0)


class TestProbing(OracleRules):
    """No chain is resolved to a set: each candidate is asked for where it leads."""

    @pytest.fixture(autouse=True)
    def one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "SOME", 0)
        monkeypatch.setattr(search, "MANY", 0)


class TestCollidingHashes(OracleRules):
    """All hashes collide: what is matched exactly is still right. Tokens alone rest on their hashes."""

    exact_only = True

    @pytest.fixture(autouse=True)
    def colliding(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(forms, "digest", lambda text: bytes(8))
            forget_hashes()
            yield
        forget_hashes()


def forget_hashes() -> None:
    for remembered in vars(forms).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()
