"""Asserts in the shared suite say what differs, as those in test files do."""

import pytest

pytest.register_assert_rewrite("tests.store.conformance", "tests.store.model")
