"""The figures are made from resources that are all different, and stay far from a gross loss."""

from tests.search.cost import extraction, variants
from tests.search.samples import INDEXER, OBSERVATION, PATIENT


def test_variants_differ_and_have_the_entries_of_the_sample() -> None:
    for sample in (OBSERVATION, PATIENT):
        resources = variants(sample)
        found = [INDEXER.entries(resource) for resource in resources]
        assert len({repr(entries) for entries in found}) == len(resources)
        sizes = {tuple(len(getattr(entries, kind)) for kind in type(entries).__slots__) for entries in found}
        original = INDEXER.entries(sample)
        assert sizes == {tuple(len(getattr(original, kind)) for kind in type(original).__slots__)}


def test_extraction_is_not_many_times_slower_than_measured() -> None:
    # 30 to 50 µs measured on an idle core; shared machines are slower, so the bound only catches a lost design.
    assert extraction(variants(OBSERVATION)[:200]) < 500
    assert extraction(variants(PATIENT)[:200]) < 500
