"""What every test shares: which runs of the console script are measured for coverage."""

from __future__ import annotations

import signal

import pytest

# nohup and some schedulers leave it ignored, and children inherit that: no test of it could pass.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

#: Tests that judge time and memory: measuring triples the one and adds to the other. What only
#: they reach counts as not reached, and deserves a measured test beside them.
UNMEASURED = ("tests/faults/", "tests/test_environments.py::test_200_at_once")


@pytest.fixture(autouse=True)
def _measured_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of the processes that an unmeasured test starts."""
    if request.node.nodeid.startswith(UNMEASURED):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
