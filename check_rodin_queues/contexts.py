"""How a metric is judged: nagiosplugin's contexts, with this check's thresholds and conditions.

nagiosplugin looks a context up by the name that a metric carries. `Contexts` makes one for each
combination of limits that occurs, so that five thousand queues with the same limits share three.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import nagiosplugin

from check_rodin_queues.conditions import Condition
from check_rodin_queues.metrics import TIME, TOKEN_EXPIRES_IN, decimal
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.selection import matches
from check_rodin_queues.states import State
from check_rodin_queues.subjects import Subject
from check_rodin_queues.thresholds import Threshold

NAGIOS_STATES = {
    State.OK: nagiosplugin.Ok,
    State.WARNING: nagiosplugin.Warn,
    State.CRITICAL: nagiosplugin.Critical,
    State.UNKNOWN: nagiosplugin.Unknown,
}


class Limit(NamedTuple):
    """A range of nagiosplugin, and the threshold it was made from; None if there is none."""

    range: nagiosplugin.Range
    threshold: Optional[Threshold]

    def __str__(self) -> str:
        """Return the range as perfdata shows it: nothing where there is no threshold.

        `~:N` is written `N`, the one form that Icinga keeps, for a metric that is never negative.
        """
        if self.threshold is None or self.threshold.limit is None:
            return ""
        text, end = self.threshold.limit.text, self.threshold.limit.end
        may_be_negative = self.threshold.selector.metric == TOKEN_EXPIRES_IN.name
        if text.startswith("~:") and 0 <= end < float("inf") and not may_be_negative:
            return text[len("~:") :]
        return text


#: Everything is within it; an empty range of nagiosplugin would mean 0 and above.
_NO_LIMIT = Limit(nagiosplugin.Range("~:"), None)


def _limit(threshold: Optional[Threshold]) -> Limit:
    if threshold is None or threshold.limit is None:
        return _NO_LIMIT
    return Limit(nagiosplugin.Range(threshold.limit.text), threshold)


class LimitContext(nagiosplugin.ScalarContext):
    """Judges a metric by a warning and a critical limit; *judged* False: shows them only."""

    def __init__(self, key: _Key, number: int, judged: bool = True) -> None:
        """Take scope, metric and thresholds; *number* makes the name that a metric carries."""
        self.scope, self.metric, warning, critical = key
        super().__init__(f"{self.scope}.{self.metric}#{number}")
        self.levels = ((State.WARNING, _limit(warning)), (State.CRITICAL, _limit(critical)))
        self.warning, self.critical = (limit.range for _, limit in self.levels)
        self._shown: Tuple[Any, ...] = tuple(str(limit) for _, limit in self.levels)
        self.judged = judged

    @property
    def named(self) -> bool:
        """Tell whether a threshold names the metric."""
        return any(limit.threshold for _, limit in self.levels)

    def limit(self, level: State) -> Limit:
        """Return the limit that *level* is for."""
        return dict(self.levels)[level]

    def evaluate(
        self, metric: nagiosplugin.Metric, resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the result of the worse limit that *metric* breaks."""
        if not self.judged:
            return nagiosplugin.Result(nagiosplugin.Ok, metric=metric)
        return super().evaluate(metric, resource)

    def performance(
        self, metric: nagiosplugin.Metric, resource: nagiosplugin.Resource
    ) -> Optional[nagiosplugin.Performance]:
        """Return the perfdata; an infinite value has none, since no reader takes one.

        A character of its text stands for a byte of UTF-8: so Python keeps it in a fourth of the
        memory where names have characters of other planes. `packed` makes bytes of it.
        """
        if metric.value == float("inf") or not isinstance(resource, Subject):
            return None
        return nagiosplugin.Performance(
            resource.label(metric.name).encode("utf-8").decode("latin-1"),
            decimal(metric.value),
            metric.uom,
            self._shown[0],  # text: a range of nagiosplugin would drop a start of 0
            self._shown[1],
            metric.min,
            metric.max,
        )


def packed(perfdata: str) -> bytes:
    """Return what `LimitContext.performance` gave as nagiosplugin wrote it, in UTF-8."""
    return perfdata.encode("latin-1")


class ConditionContext(nagiosplugin.Context):
    """Gives a condition that holds the state that the table or --state says."""

    def __init__(self, condition: Condition, state: State) -> None:
        super().__init__(condition.name)
        self.condition = condition
        self.state = state

    def evaluate(
        self, metric: nagiosplugin.Metric, _resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the condition's state; the metric's value says what it was found in."""
        return nagiosplugin.Result(NAGIOS_STATES[self.state], self.condition.name, metric)


#: What decides a context: scope, metric, and of each level the last threshold that fits.
_Key = Tuple[str, str, Optional[Threshold], Optional[Threshold]]


class Contexts:
    """Finds the limits of a label and makes the context for them, once for each combination."""

    def __init__(
        self,
        thresholds: Tuple[Threshold, ...],
        timed: bool,
        register: Callable[[LimitContext], object],
    ) -> None:
        """Take the thresholds in the order given, and what is told of each context made.

        *timed*: the metric `time` is judged.
        """
        self._timed = timed
        self._register = register
        self._made: Dict[_Key, LimitContext] = {}
        self._same: Dict[Tuple[str, str], LimitContext] = {}
        self._fitting: Dict[Tuple[str, str], List[Threshold]] = {}
        for threshold in reversed(thresholds):
            selector = threshold.selector
            self._fitting.setdefault((selector.scope, selector.metric), []).append(threshold)

    def may_name(self, scope: str, metric: str) -> bool:
        """Tell whether a threshold names *metric*, of whatever queue."""
        return (scope, metric) in self._fitting

    def of(self, scope: str, metric: str, queue: str = "") -> LimitContext:
        """Return the context of *metric*: that of *queue*, by its raw name, or of another scope."""
        same = self._same.get((scope, metric))
        if same is not None:
            return same
        fitting = self._fitting.get((scope, metric), [])
        found = _last_that_fit(fitting, queue)
        key = (scope, metric, found.get(State.WARNING), found.get(State.CRITICAL))
        if key not in self._made:
            judged = self._timed or metric != TIME.name
            self._made[key] = LimitContext(key, len(self._made), judged)
            self._register(self._made[key])
        if not any(threshold.selector.glob for threshold in fitting):
            self._same[scope, metric] = self._made[key]
        return self._made[key]


def _last_that_fit(latest_first: List[Threshold], queue: str) -> Dict[State, Threshold]:
    found: Dict[State, Threshold] = {}
    for threshold in latest_first:
        glob = threshold.selector.glob
        if threshold.level not in found and (glob is None or matches(glob, queue)):
            found[threshold.level] = threshold
    return found
