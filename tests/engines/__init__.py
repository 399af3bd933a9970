"""Tests with real monitoring engines: they run the examples as an administrator would."""
