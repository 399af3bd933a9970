"""Has pytest run the tests that it is told to in a mutated tree, and tells coverage which runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import coverage
import pytest

from tests.mutation import forked

#: Names a file with the tests to run, one a line, in this order; then it has the one that failed.
CHOSEN = "MUTATION_TESTS"


def pytest_configure() -> None:
    """Run the console script quickly, unless what it runs is measured."""
    if CHOSEN in os.environ:
        forked.load()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Run only what was chosen."""
    if CHOSEN in os.environ:
        chosen = Path(os.environ[CHOSEN]).read_text(encoding="utf-8").splitlines()
        found = {item.nodeid: item for item in items}
        items[:] = [found[test] for test in chosen if test in found]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Leave the name of a test that failed where its name came from."""
    if report.failed and CHOSEN in os.environ:
        Path(os.environ[CHOSEN]).write_text(report.nodeid, encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Book the lines that run in this process from now on on this test."""
    running = coverage.Coverage.current()
    if running is not None:
        running.switch_context(item.nodeid)
