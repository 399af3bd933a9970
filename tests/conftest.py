"""What every test shares: which runs of the console script are measured for coverage."""

from __future__ import annotations

import os
import signal
from typing import Generator

import pytest

from tests.mutation import ALL_MEASURED

# nohup, a shell's `&` and some schedulers leave them ignored, and children inherit that: no test of
# them could pass.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Tests that judge time and memory, or what a process reads and writes: measuring triples the one,
#: adds to the other, and has files of its own. What only they reach counts as not reached, and
#: deserves a measured test beside them.
UNMEASURED = (
    "tests/faults/",
    "tests/test_environments.py::test_200_at_once",
    "tests/test_last_resort.py",
    "tests/test_options.py::test_no_file_is_written",
)


@pytest.fixture(autouse=True)
def _measured_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of the processes that an unmeasured test starts."""
    if request.node.nodeid.startswith(UNMEASURED) and ALL_MEASURED not in os.environ:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


#: Why a test may be left out in CI: what it is about is not in this Python, its libraries or the
#: machine. All else can be installed there, and a test that is only skipped would pass unseen.
MAY_LACK = (
    *("this Python", "Python has no", "does not know its own library", "it insists on"),
    *("the libraries that make them", "no IPv6", "this machine has no IPv6", "somebody limits"),
    *("the folders above the script", "the program itself is in"),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a test that CI may not leave out."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if not reason.partition("Skipped: ")[2].startswith(MAY_LACK):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} is left out: {reason}"
    return report
