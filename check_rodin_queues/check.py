"""The judgement, in nagiosplugin's steps: the resource yields metrics, contexts judge them.

    Attempt ── Response ──▶ metrics ── contexts ──▶ results ── summary ──▶ Verdict

A metric's value is a Finding that has no state yet. All data are complete before the first metric
is: in nagiosplugin an error on the way would be UNKNOWN and hide what was found.
"""

from __future__ import annotations

from typing import FrozenSet, Generator, Iterator, List, Mapping, NamedTuple, Optional, Tuple, cast

import nagiosplugin

from check_rodin_queues.conditions import CONDITIONS, MISSING, STALLED, applying
from check_rodin_queues.errors import RequestError, State, worst
from check_rodin_queues.messages import empty_finding, malformed_finding, missing_finding
from check_rodin_queues.metrics import (
    QUEUE_METRICS,
    RUN_METRICS,
    TIME,
    TOKEN_EXPIRES_IN,
    TOTAL,
    Number,
    decimal,
)
from check_rodin_queues.response import Queue
from check_rodin_queues.selection import Policy, Selection
from check_rodin_queues.summary import describe
from check_rodin_queues.thresholds import QUEUE, RUN, Thresholds
from check_rodin_queues.verdict import Finding, Verdict

_NAGIOS_STATES = {
    State.OK: nagiosplugin.Ok,
    State.WARNING: nagiosplugin.Warn,
    State.CRITICAL: nagiosplugin.Critical,
    State.UNKNOWN: nagiosplugin.Unknown,
}
Metrics = Generator[nagiosplugin.Metric, None, None]
#: The conditions that the queue data prove, so that a liveness probe acts on them.
_PROVEN = {MISSING, *(row.name for row in CONDITIONS if row.applies)}
_RUN_LABELS = tuple(row.name for row in RUN_METRICS)


class Attempt(NamedTuple):
    """What one run found.

    *selection* is None if *failure* says why there is no response. *stalled*: the queues that were
    stalled in every look. *elapsed* is in seconds, None if no server was asked. *token_expires_in*
    is in seconds, None if unknown; *token_place* says where the token came from.
    """

    selection: Optional[Selection] = None
    failure: Optional[RequestError] = None
    stalled: FrozenSet[str] = frozenset()
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
    limits = LimitContext(judge_time=attempt.is_complete)
    response = Response(policy, attempt, names)
    check = nagiosplugin.Check(response, limits, ConditionContext(policy.states))
    check()
    findings = tuple(cast(Finding, result.hint) for result in check.results.results)
    problems, next_step = describe(findings, attempt.token_place)
    return Verdict(
        worst(finding.state for finding in findings),  # nagiosplugin puts UNKNOWN above CRITICAL
        problems,
        next_step,
        perfdata=tuple(map(str, sorted(limits.perfdata, key=lambda one: one.sort_key))),
        findings=findings,
        proven=any(map(_is_proven, findings)),
    )


def _is_proven(finding: Finding) -> bool:
    about_queues = finding.name in _PROVEN or (finding.is_metric and finding.display)
    return finding.state is State.CRITICAL and bool(about_queues)


class Response(nagiosplugin.Resource):
    """What one run found: a metric for each value, and for each condition that applies."""

    def __init__(self, policy: Policy, attempt: Attempt, names: Mapping[str, str]) -> None:
        self._policy = policy
        self._attempt = attempt
        self._names = names
        self._thresholds = Thresholds(policy.thresholds)

    def probe(self) -> Metrics:
        """Yield what is wrong with the response, then its queues, their sums, and the run."""
        attempt, selection, failure = self._attempt, self._attempt.selection, self._attempt.failure
        if failure is not None:
            found = Finding(failure.condition, cause=failure.cause, next_step=failure.next_step)
            yield _condition(found)
        if selection is not None:
            yield from map(_condition, self._flaws(selection))
            for queue in selection.queues:
                yield from self._queue(queue)
            if attempt.is_complete and selection.queues:
                yield from self._sums(selection.queues)
        if attempt.elapsed is not None:
            yield self._of_run(TIME.name, attempt.elapsed, 0, attempt.timeout)
        if attempt.token_expires_in is not None:
            yield self._of_run(TOKEN_EXPIRES_IN.name, attempt.token_expires_in)

    def _flaws(self, selection: Selection) -> Iterator[Finding]:
        for malformed in selection.malformed:
            yield malformed_finding(self._names[malformed.name], malformed.reason)
        for name, origin in selection.missing.items():
            yield missing_finding(self._names[name], origin)
        if not selection.queues and not selection.malformed:
            yield empty_finding(selection.offered, self._policy)

    def _queue(self, queue: Queue) -> Metrics:
        """Yield the metrics that are always shown or have a threshold, and the conditions."""
        display = self._names[queue.name]
        for metric in QUEUE_METRICS:
            limits = self._thresholds.limits(QUEUE, metric.name, queue.name)
            value = metric.value(queue) if metric.is_field or limits.ranges else None
            if value is not None:
                finding = Finding(metric.name, queue, display, value, limits)
                yield nagiosplugin.Metric(metric.name, finding, min=0, context="limits")
        for condition in applying(queue):
            if condition.name != STALLED or queue.name in self._attempt.stalled:
                yield _condition(Finding(condition.name, queue, display))

    def _sums(self, queues: Tuple[Queue, ...]) -> Metrics:
        """Yield the sums that a threshold names."""
        for metric in QUEUE_METRICS:
            limits = self._thresholds.limits(TOTAL, metric.name)
            if limits.ranges:
                value = sum(getattr(queue, metric.name) for queue in queues)
                finding = Finding(metric.name, None, TOTAL, value, limits)
                yield nagiosplugin.Metric(metric.name, finding, min=0, context="limits")

    def _of_run(
        self, name: str, value: Number, low: Optional[Number] = None, high: Optional[Number] = None
    ) -> nagiosplugin.Metric:
        finding = Finding(name, value=value, limits=self._thresholds.limits(RUN, name))
        return nagiosplugin.Metric(name, finding, "s", low, high, context="limits")


def _condition(finding: Finding) -> nagiosplugin.Metric:
    return nagiosplugin.Metric(finding.name, finding, context="conditions")


class _FindingContext(nagiosplugin.Context):
    """Returns a result whose hint is the Finding with its state."""

    def state(self, finding: Finding) -> State:
        """Return the state of *finding*."""
        raise NotImplementedError

    def evaluate(
        self, metric: nagiosplugin.Metric, _resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the result for *metric*."""
        state = self.state(metric.value)
        finding = metric.value if state is State.OK else metric.value._replace(state=state)
        return nagiosplugin.Result(_NAGIOS_STATES[state], finding, metric)


class ConditionContext(_FindingContext):
    """Gives a condition the state of the table or of --state."""

    def __init__(self, states: Mapping[str, State]) -> None:
        super().__init__("conditions")
        self._states = states

    def state(self, finding: Finding) -> State:
        """Return the state of the condition."""
        return self._states[finding.name]


class LimitContext(_FindingContext):
    """Judges a metric by its warning and its critical threshold, and collects the perfdata."""

    def __init__(self, *, judge_time: bool) -> None:
        super().__init__("limits")
        self._judge_time = judge_time
        self.perfdata: List[Perfdata] = []

    def state(self, finding: Finding) -> State:
        """Return the level of the worse threshold that is breached."""
        if finding.name == TIME.name and not self._judge_time:
            return State.OK
        ranges = finding.limits.ranges
        breached = (threshold.level for threshold, limit in ranges if limit.side(finding.value))
        return next(breached, State.OK)

    def performance(self, metric: nagiosplugin.Metric, _: nagiosplugin.Resource) -> None:
        """Collect the perfdata, sorted later; an infinite value has none."""
        if metric.value.value != float("inf"):
            self.perfdata.append(Perfdata.of(metric))


class Perfdata(nagiosplugin.Performance):
    """Perfdata whose label is quoted only if it has a blank.

    Readers such as Sensu Go and Checkmk's MRPE keep the quotes as a part of the name.
    """

    @classmethod
    def of(cls, metric: nagiosplugin.Metric) -> Perfdata:
        """Return the perfdata of *metric*; nagiosplugin 1.3 has no constructor for a subclass."""
        finding: Finding = metric.value
        limits = (finding.limits.warning, finding.limits.critical)
        bounds = ("" if bound is None else bound for bound in (metric.min, metric.max))
        value = decimal(finding.value)
        return cls._make((finding.label, value, metric.uom or "", *limits, *bounds))

    def __str__(self) -> str:
        label = f"'{self.label}'" if " " in self.label else self.label
        fields = (f"{label}={self.value}{self.uom}", self.warn, self.crit, self.min, self.max)
        return ";".join(map(str, fields)).rstrip(";")

    @property
    def sort_key(self) -> Tuple[bool, str]:
        """The order: labels of queues and sums, then those of the run."""
        return self.label in _RUN_LABELS, self.label
