"""nagiosplugin's results as this package's own values, which say which kind each one is."""

from __future__ import annotations

from typing import List, Union

import nagiosplugin

from check_rodin_queues.contexts import ConditionContext, LimitContext
from check_rodin_queues.metrics import TOTAL, Number
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.resources import Subject
from check_rodin_queues.snapshot import Queue
from check_rodin_queues.states import State


class Measurement(NamedTuple):
    """A metric under its label, and what its limits say of it."""

    subject: Subject
    state: State
    label: str
    value: Number
    unit: str
    context: LimitContext

    @property
    def proven(self) -> bool:
        """Tell whether it is a CRITICAL that the queues themselves prove."""
        return self.state is State.CRITICAL and self.context.scope in ("queue", TOTAL)


class Occurrence(NamedTuple):
    """A condition that holds: for a queue, or for what a sentence about the answer says."""

    subject: Subject
    state: State
    found: Union[Queue, str]
    context: ConditionContext

    @property
    def proven(self) -> bool:
        """Tell whether it is a CRITICAL that the queues themselves prove."""
        return self.state is State.CRITICAL and self.context.condition.proven


Finding = Union[Measurement, Occurrence]


def findings(results: nagiosplugin.Results) -> List[Finding]:
    """Return what *results* hold, in the order in which they were evaluated."""
    return [_finding(result) for result in results.results]


def _finding(result: nagiosplugin.Result) -> Finding:
    metric, state = result.metric, State(int(result.state))
    subject, context = result.resource, result.context
    if metric is None or not isinstance(subject, Subject):
        raise TypeError(f"not a result of this package: {result!r}")
    if isinstance(context, ConditionContext):
        return Occurrence(subject, state, metric.value, context)
    if isinstance(context, LimitContext):
        return Measurement(subject, state, metric.name, metric.value, metric.uom or "", context)
    raise TypeError(f"not a context of this package: {context!r}")
