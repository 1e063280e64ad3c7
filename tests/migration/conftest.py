"""Databases that a test made are dropped at its end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import mongod
from tests.migration.records import Place, place

Places = Callable[[str, str], Place]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """Makes empty places: of a kind, under a name."""
    mongod.available()
    made: list[Place] = []

    def make(kind: str, name: str) -> Place:
        made.append(place(kind, tmp_path, name))
        return made[-1]

    yield make
    for each in made:
        if each.url.startswith("mongodb"):
            mongod.drop_database(each.url)
