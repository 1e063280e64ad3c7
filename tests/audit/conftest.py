"""Both kinds of store record the same."""

import pytest


@pytest.fixture(autouse=True)
def _stores(on_both_stores: None) -> None:
    """Each test here runs on both."""
