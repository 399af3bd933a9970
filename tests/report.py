"""What a run of the check told, after everything that holds for each run was seen to hold.

The interface promises the same of every run, whatever it met: an exit code that fits the state, one
line on stdout (without `-v`), nothing on stderr, less than 255 bytes of text, perfdata that a
strict reader accepts. `read` asserts all of it, so that no test can forget to.
"""

from __future__ import annotations

from typing import Dict, NamedTuple

from tests import perfdata
from tests.console import Outcome

CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}

#: All before the perfdata stays below this many bytes.
TEXT_LIMIT = 255


class Report(NamedTuple):
    """A run that kept the promises: its state, its text, its metrics, and any further lines."""

    state: str
    text: str
    metrics: Dict[str, perfdata.Datum]
    more: str

    @property
    def values(self) -> Dict[str, float]:
        """The value of each metric."""
        return {label: float(datum.value) for label, datum in self.metrics.items()}


def read(outcome: Outcome, *, verbose: bool = False) -> Report:
    """Return what *outcome* tells; fail if it breaks what is promised of every run."""
    assert outcome.stderr == ""
    assert outcome.stdout.endswith("\n")
    line, _, more = outcome.stdout.partition("\n")
    assert verbose or not more, f"more than one line: {outcome.stdout!r}"
    assert all(part.isprintable() for part in outcome.stdout.split("\n")), ascii(outcome.stdout)
    assert outcome.stdout.count("|") <= 1, outcome.stdout
    assert "internal error" not in outcome.stdout, outcome.stdout
    text, bar, metrics = line.partition(" | ")
    assert len(text.encode()) < TEXT_LIMIT
    assert "|" not in text
    service, state, dash, reason = [*text.split(" ", 3), "", "", ""][:4]
    assert (service, dash) == ("RODIN_QUEUES", "-"), text
    assert CODES[state] == outcome.code, outcome
    assert reason.strip()
    assert not bar or metrics
    found = perfdata.parse(metrics)
    assert list(found) == sorted(found)
    return Report(state, reason, found, more)


def refused(outcome: Outcome, *words: str) -> str:
    """Return the text of a usage or configuration error that holds each of *words*."""
    report = read(outcome)
    assert report.state == "UNKNOWN"
    assert not report.metrics
    for word in words:
        assert word in report.text, report.text
    return report.text


def probed(outcome: Outcome) -> int:
    """Return the exit code of a probe, which has one line without perfdata."""
    assert outcome.stderr == ""
    assert outcome.stdout.endswith("\n")
    assert outcome.stdout.count("\n") == 1
    assert outcome.line.isprintable()
    assert "internal error" not in outcome.line
    assert outcome.line.startswith("RODIN_QUEUES ")
    assert "|" not in outcome.line
    assert len(outcome.line.encode()) < 255
    return outcome.code
