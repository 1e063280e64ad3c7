"""Which store a URL names."""

import re
from pathlib import Path

import pytest

from fhir_server.store.open import IMPLEMENTATIONS, accept_loss, open_store, restore_store, sqlite_path


@pytest.mark.parametrize("url", ["", "nonsense", "postgres://x", "SQLITE:///x", "/tmp/x.db"])
async def test_an_unknown_scheme_is_refused_with_those_that_are_known(url: str, tmp_path: Path) -> None:
    for action in (open_store(url), accept_loss(url, None, "why")):
        with pytest.raises(
            ValueError, match=re.escape(f"is no kind of store; known: {', '.join(sorted(IMPLEMENTATIONS))}")
        ):
            await action
    with pytest.raises(ValueError, match="is no kind of store"):
        restore_store(tmp_path, url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://host/x.db"])
async def test_a_sqlite_url_names_a_path(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///PATH"):
        await open_store(url)


def test_three_slashes_and_a_relative_path_or_four_and_an_absolute_one() -> None:
    assert sqlite_path("sqlite:///demo-data/store.db") == Path("demo-data/store.db")
    assert sqlite_path("sqlite:////var/lib/store.db") == Path("/var/lib/store.db")
