"""Loading goes on where it stopped, and says how fast it was."""

from pathlib import Path

from fhir_server.bench.search.loading import Loaded, Slice, rates


def test_how_far_it_is_survives(tmp_path: Path) -> None:
    file = tmp_path / "loaded.json"
    assert Loaded.of(file) == Loaded()
    Loaded(3, 450).note(file)
    assert Loaded.of(file) == Loaded(3, 450)


def test_rates_are_taken_over_stretches() -> None:
    slices = [Slice(number * 50, number * 50 + 50, 0.5) for number in range(5)]
    assert rates(slices, 100) == [(100, 100.0), (200, 100.0), (250, 100.0)]
    assert rates([], 100) == []
