"""Interactions do the same on both kinds of store."""

import pytest


@pytest.fixture(autouse=True)
def _stores(on_both_stores: None) -> None:
    """Each test here runs on both."""
