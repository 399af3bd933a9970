"""The judgement, in nagiosplugin's steps: a resource yields metrics, a context judges them.

    Attempt ── Response ──▶ metrics ── context ──▶ results ── messages ──▶ Verdict

A metric's value is a Finding that has no state yet. All data are complete before the first metric
is: in nagiosplugin an error on the way would be UNKNOWN and hide what was found.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple, Optional, cast

import nagiosplugin

from check_rodin_queues.conditions import STALLED, applying
from check_rodin_queues.errors import RequestError, State
from check_rodin_queues.messages import (
    Finding,
    Verdict,
    describe,
    empty_finding,
    malformed_finding,
    missing_finding,
)
from check_rodin_queues.metrics import QUEUE_METRICS, TIME, TOKEN_EXPIRES_IN, TOTAL, decimal
from check_rodin_queues.response import FIELDS, Queue
from check_rodin_queues.selection import Policy, Selection
from check_rodin_queues.thresholds import QUEUE, RUN, Thresholds

_NAGIOS_STATES = {
    State.OK: nagiosplugin.Ok,
    State.WARNING: nagiosplugin.Warn,
    State.CRITICAL: nagiosplugin.Critical,
    State.UNKNOWN: nagiosplugin.Unknown,
}
_CONTEXT = "findings"


class Attempt(NamedTuple):
    """What one run found.

    *selection* is None if *failure* says why there is no response. *stalled*: the queues that were
    stalled in every look. *elapsed* is in seconds, None if no server was asked. *token_expires_in*
    is in seconds, None if unknown; *token_place* says where the token came from.
    """

    selection: Optional[Selection] = None
    failure: Optional[RequestError] = None
    stalled: frozenset[str] = frozenset()
    elapsed: Optional[float] = None
    timeout: float = 0
    token_expires_in: Optional[int] = None
    token_place: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the server sent a sound response."""
        return self.failure is None and not (self.selection and self.selection.malformed)


def judge(policy: Policy, attempt: Attempt, names: Mapping[str, str]) -> Verdict:
    """Judge *attempt* by *policy*; *names* has the display name of each queue."""
    context = FindingContext(policy.states, attempt)
    check = nagiosplugin.Check(Response(policy, attempt, names), context)
    check()
    findings = cast("tuple[Finding, ...]", tuple(result.hint for result in check.results.results))
    perfdata = tuple(map(str, sorted(context.perfdata, key=Perfdata.sort_key)))
    return describe(findings)._replace(perfdata=perfdata)


class Response(nagiosplugin.Resource):
    """What one run found: a metric for each value, and for each condition that applies."""

    def __init__(self, policy: Policy, attempt: Attempt, names: Mapping[str, str]) -> None:
        self._policy = policy
        self._attempt = attempt
        self._names = names
        self._thresholds = Thresholds(policy.thresholds)

    def probe(self) -> Generator[nagiosplugin.Metric, None, None]:
        """Yield a metric for each finding."""
        for finding in self._findings():
            yield nagiosplugin.Metric(finding.name, finding, context=_CONTEXT)

    def _findings(self) -> Iterator[Finding]:
        """Yield a failed request, the queues, other faults of the response, sums, and the run."""
        attempt, selection, failure = self._attempt, self._attempt.selection, self._attempt.failure
        if failure is not None:
            cause, next_step = failure.cause, failure.next_step
            yield Finding(failure.condition, cause=cause, next_step=next_step)
        if selection is not None:
            for queue in selection.queues:
                yield from self._queue(queue)
            for name, reason in selection.malformed.items():
                yield malformed_finding(self._names[name], reason)
            for name, origin in selection.missing.items():
                yield missing_finding(self._names[name], origin)
            if not selection.queues and not selection.malformed:
                yield empty_finding(selection.offered, self._policy)
            if attempt.is_complete and selection.queues:
                yield from self._sums(selection.queues)
        if attempt.elapsed is not None:
            limits = self._thresholds.limits(RUN, TIME.name)
            yield Finding(TIME.name, value=attempt.elapsed, limits=limits)
        if attempt.token_expires_in is not None:
            limits = self._thresholds.limits(RUN, TOKEN_EXPIRES_IN.name)
            value, next_step = attempt.token_expires_in, f"Replace it in {attempt.token_place}"
            yield Finding(TOKEN_EXPIRES_IN.name, value=value, limits=limits, next_step=next_step)

    def _queue(self, queue: Queue) -> Iterator[Finding]:
        """Yield the metrics that are always shown or have a threshold, and the conditions."""
        display = self._names[queue.name]
        for metric in QUEUE_METRICS:
            limits = self._thresholds.limits(QUEUE, metric.name, queue.name)
            value = metric.value(queue) if metric.is_field or limits else None
            if value is not None:
                yield Finding(metric.name, queue, display, value, limits)
        for condition in applying(queue):
            if condition.name != STALLED or queue.name in self._attempt.stalled:
                yield Finding(condition.name, queue, display)

    def _sums(self, queues: tuple[Queue, ...]) -> Iterator[Finding]:
        """Yield the sums that a threshold names."""
        for field in FIELDS:
            limits = self._thresholds.limits(TOTAL, field)
            if limits:
                value = sum(getattr(queue, field) for queue in queues)
                yield Finding(field, None, TOTAL, value, limits)


class FindingContext(nagiosplugin.Context):
    """Judges a finding: a metric by its limits, a condition by the table or --state.

    The hint of a result is the finding with its state.
    """

    def __init__(self, states: Mapping[str, State], attempt: Attempt) -> None:
        super().__init__(_CONTEXT)
        self._states = states
        self._attempt = attempt
        self._bounds = {
            TIME.name: ("s", "0", str(attempt.timeout)),
            TOKEN_EXPIRES_IN.name: ("s", "", ""),
        }
        self.perfdata: list[Perfdata] = []

    def evaluate(
        self, metric: nagiosplugin.Metric, _resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the result for *metric*."""
        state = self._state(metric.value)
        judged = metric.value._replace(state=state) if state else metric.value
        return nagiosplugin.Result(_NAGIOS_STATES[state], judged, metric)

    def _state(self, finding: Finding) -> State:
        if not finding.is_metric:
            return self._states[finding.name]
        if finding.name != TIME.name or self._attempt.is_complete:
            for threshold in finding.limits:  # the critical one first
                if threshold.limit.side(finding.value):
                    return threshold.level
        return State.OK

    def performance(self, metric: nagiosplugin.Metric, _resource: nagiosplugin.Resource) -> None:
        """Collect the perfdata, sorted later; a condition and an infinite value have none."""
        finding: Finding = metric.value
        if finding.is_metric and finding.value != float("inf"):
            shown = {threshold.level: threshold.shown for threshold in finding.limits}
            limits = shown.get(State.WARNING, ""), shown.get(State.CRITICAL, "")
            unit, *bounds = self._bounds.get(finding.name, ("", "0", ""))
            fields = (finding.label, decimal(finding.value), unit, *limits, *bounds)
            self.perfdata.append(Perfdata._make(fields))  # 1.3 cannot construct a subclass


class Perfdata(nagiosplugin.Performance):
    """Perfdata whose label is quoted only if it has a blank.

    Readers such as Sensu Go and Checkmk's MRPE keep the quotes as a part of the name.
    """

    def __str__(self) -> str:
        label = f"'{self.label}'" if " " in self.label else self.label
        limits = f"{self.warn};{self.crit};{self.min};{self.max}"
        return f"{label}={self.value}{self.uom};{limits}".rstrip(";")

    def sort_key(self) -> tuple[bool, str]:
        """Return the order: labels of queues and sums, then those of the run."""
        return self.label in (TIME.name, TOKEN_EXPIRES_IN.name), self.label
