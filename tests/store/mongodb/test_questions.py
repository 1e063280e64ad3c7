"""What reads on MongoDB, against the oracle: with documents that a loader wrote."""

from collections.abc import Iterator, Sequence

import pytest

from fhir_server.store.criteria import Criterion, is_linked
from fhir_server.store.mongodb.queries import drivers, history, resolve, search, together
from tests.store.conformance.access import AccessRules
from tests.store.conformance.oracle import OracleRules
from tests.store.conformance.searches import SearchRules


class TestQuestions(OracleRules, SearchRules):
    """Every question, under every filter, at snapshots old and new."""

    test_known_to_those_who_knew = AccessRules.test_a_deletion_is_known_to_those_who_knew_the_resource
    test_masked_elements = AccessRules.test_masked_elements_are_neither_shown_nor_searched
    test_masked_ways = AccessRules.test_a_way_into_a_compartment_that_is_masked_leads_nowhere
    test_moved_out_of_sight = AccessRules.test_moved_out_of_sight_takes_its_past_along
    test_holders = AccessRules.test_the_holder_of_a_key_is_told_only_to_whom_may_see_it


class TestManyCandidates(OracleRules):
    """Every index is taken for one that finds too much, and every batch is small."""

    @pytest.fixture(autouse=True)
    def low(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drivers, "FEW", 0)
        monkeypatch.setattr(drivers, "FIRST_LIMIT", 1)
        monkeypatch.setattr(drivers, "LAST_LIMIT", 2)
        monkeypatch.setattr(search, "BATCH", 3)
        monkeypatch.setattr(history, "BATCH", 3)
        monkeypatch.setattr(search, "MANY_TO_SORT", 2)
        monkeypatch.setattr(search, "MANY_DELETED", 2)
        monkeypatch.setattr(resolve, "FEW_CANDIDATES", 1)
        monkeypatch.setattr(together, "MOST", 2)


class TestProbes(OracleRules):
    """Every chain leads too far to be looked up: it is asked of the rows that the rest leaves, under every filter."""

    @pytest.fixture(autouse=True)
    def far(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        looked_up, passing = resolve.Resolver.resolved, resolve.LinkProbe.passing
        probed: list[int] = []

        async def counted(self: resolve.LinkProbe, ids: Sequence[str]) -> frozenset[str]:
            found = await passing(self, ids)
            probed.append(len(found))
            return found

        async def refused(self: resolve.Resolver, criterion: Criterion) -> object:
            if self.candidates is None and is_linked(criterion):
                raise search.LeadsTooFar("too far")
            return await looked_up(self, criterion)

        monkeypatch.setattr(search, "PROBED", 2)
        monkeypatch.setattr(resolve.Resolver, "resolved", refused)
        monkeypatch.setattr(resolve.LinkProbe, "passing", counted)
        yield
        # The tests of cleaning ask few questions: some have no chain among them.
        assert probed or request.node.originalname != "test_answers_like_the_oracle"


class TestEachIndex(OracleRules):
    """The worst index drives every search."""

    @pytest.fixture(autouse=True)
    def backwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = drivers.drivers
        monkeypatch.setattr(search, "drivers", lambda *asked: found(*asked)[::-1][1:] or found(*asked))
        monkeypatch.setattr(drivers, "MOST_COUNTED", 1)
