"""Tests with real monitoring engines: they run the examples as an administrator would."""

import pytest

pytest.register_assert_rewrite("tests.engines.bad_day", "tests.engines.rodin")
