"""nagiosplugin's results as this package's own values, which say which kind each one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Union

import nagiosplugin

from check_rodin_queues.contexts import NAGIOS_STATES, ConditionContext, LimitContext
from check_rodin_queues.metrics import TOTAL, Number
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.snapshot import Queue
from check_rodin_queues.states import State, worst
from check_rodin_queues.subjects import Subject

if TYPE_CHECKING:
    from nagiosplugin.state import ServiceState


class Measurement(NamedTuple):
    """A metric, and what its limits say of it."""

    subject: Subject
    state: State
    value: Number
    unit: str
    context: LimitContext

    @property
    def label(self) -> str:
        """What perfdata calls it."""
        return self.subject.label(self.context.metric)

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


class Findings(nagiosplugin.Results):
    """nagiosplugin's results as findings, in the order in which they were evaluated.

    Nothing else is kept of a result: with its metric it takes thrice the memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: List[Finding] = []

    def add(self, *results: nagiosplugin.Result) -> Findings:
        """Keep what *results* say."""
        self.found += map(_finding, results)
        return self

    def __len__(self) -> int:
        return len(self.found)

    @property
    def state(self) -> State:
        """The worst state."""
        return worst(finding.state for finding in self.found)

    @property
    def most_significant_state(self) -> ServiceState:
        """The same, by which nagiosplugin chooses what to ask of a Summary."""
        return NAGIOS_STATES[self.state]


def _finding(result: nagiosplugin.Result) -> Finding:
    metric, state = result.metric, State(int(result.state))
    subject, context = result.resource, result.context
    if metric is None or not isinstance(subject, Subject):
        raise TypeError(f"not a result of this package: {result!r}")
    if isinstance(context, ConditionContext):
        return Occurrence(subject, state, metric.value, context)
    if isinstance(context, LimitContext):
        return Measurement(subject, state, metric.value, metric.uom or "", context)
    raise TypeError(f"not a context of this package: {context!r}")
