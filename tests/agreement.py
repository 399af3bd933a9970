"""Whether a run and the oracle are of one mind."""

from __future__ import annotations

from fractions import Fraction
from typing import Optional

from tests import report
from tests.console import Outcome
from tests.oracle import Expectation
from tests.oracle.judgement import Metric
from tests.oracle.ranges import Range, read
from tests.perfdata import Datum

#: Perfdata may be rounded to as much.
PRECISION = Fraction(1, 100_000)


def assert_agreed(expected: Expectation, outcome: Outcome) -> None:
    """Fail unless *outcome* says exactly what is *expected*."""
    found = report.read(outcome)
    assert found.state != "OK" or expected.state == "ok", "a wrong OK"
    assert found.state == expected.state.upper(), (expected, outcome)
    if expected.refused:
        assert not found.metrics
        return
    certain = {label for label, metric in expected.metrics.items() if metric.certain}
    assert certain <= set(found.metrics) <= set(expected.metrics), (expected, outcome)
    for label, datum in found.metrics.items():
        _assert_metric(expected.metrics[label], datum)


def _assert_metric(expected: Metric, datum: Datum) -> None:
    value = Fraction(datum.value)
    tolerance = PRECISION * max(Fraction(1), abs(expected.value))
    assert abs(value - expected.value) <= tolerance, (expected, datum)
    if expected.value.denominator == 1:
        assert value == expected.value
    _assert_range(expected.warning, datum.warning)
    _assert_range(expected.critical, datum.critical)


def _assert_range(expected: Optional[Range], written: str) -> None:
    """Compare a range with what perfdata say; that `0:N` became `N` is `perfdata.parse`'s part."""
    if written == "~:" or expected == Range(inside=False, start=None, end=None):
        return
    found = read(written)
    if found is not None and expected is not None and found.only_from_above():
        assert expected.only_from_above()
        assert found.end == expected.end
    else:
        assert found == expected
