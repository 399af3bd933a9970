"""Whether a run and the oracle are of one mind."""

from __future__ import annotations

from fractions import Fraction
from typing import Mapping, Optional

from tests import report
from tests.console import Outcome
from tests.oracle import Expectation, names
from tests.oracle.judgement import FAILURES, Metric, Problem
from tests.oracle.ranges import Range, read
from tests.perfdata import Datum

#: Perfdata may be rounded to as much.
PRECISION = Fraction(1, 100_000)


def assert_agreed(expected: Expectation, outcome: Outcome) -> None:
    """Fail unless *outcome* has the state and the metrics *expected*, and names a worst problem."""
    found = report.read(outcome)
    assert found.state != "OK" or expected.state == "ok", "a wrong OK"
    assert found.state == expected.state.upper(), (expected, outcome)
    if expected.refused:
        assert not found.metrics
        return
    worst = [problem for problem in expected.problems if problem.state == expected.state]
    beginnings = tuple(_beginning(problem, expected.shown) for problem in worst)
    assert found.state == "OK" or found.text.startswith(beginnings), (expected, outcome)
    certain = {label for label, metric in expected.metrics.items() if metric.certain}
    assert certain <= set(found.metrics) <= set(expected.metrics), (expected, outcome)
    for label, datum in found.metrics.items():
        _assert_metric(label, expected.metrics[label], datum)


def _beginning(problem: Problem, shown: Mapping[str, str]) -> str:
    """Return the words with which a text begins that is about *problem*."""
    if problem.what == "missing":
        return f"{names.clean(problem.queue)[: names.LIMIT]} is missing"
    if problem.queue:
        return f"{shown[problem.queue]}: "
    if problem.what == "empty":
        return "no queue "
    if problem.what in FAILURES:
        return f"{problem.what}: "
    owner, _, _ = problem.what.rpartition(".")
    return f"{problem.what} is " if owner in {"", names.TAKEN} else f"{owner}: "


def _assert_metric(label: str, expected: Metric, datum: Datum) -> None:
    value = Fraction(datum.value)
    tolerance = PRECISION * max(Fraction(1), abs(expected.value))
    assert abs(value - expected.value) <= tolerance, (expected, datum)
    if expected.value.denominator == 1:
        assert value == expected.value
    may_be_negative = label == "token_expires_in"
    _assert_range(expected.warning, datum.warning, exact=may_be_negative)
    _assert_range(expected.critical, datum.critical, exact=may_be_negative)


def _assert_range(expected: Optional[Range], written: str, *, exact: bool) -> None:
    """Compare a range with what perfdata say; that `0:N` became `N` is `perfdata.parse`'s part."""
    found = read(written)
    if exact or found is None or expected is None or not found.only_from_above():
        assert found == expected
    else:
        assert expected.only_from_above()
        assert found.end == expected.end
