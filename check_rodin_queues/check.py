"""The judgement, in nagiosplugin's three steps.

    Attempt ── resources ──▶ metrics ── contexts ──▶ results ── messages ──▶ Verdict

All data are complete before the first metric is: in nagiosplugin an error on the way would be
UNKNOWN and hide what was found.
"""

from __future__ import annotations

from typing import FrozenSet, Generator, Iterator, List, Mapping, NamedTuple, Optional, Tuple, cast

import nagiosplugin

from check_rodin_queues.conditions import CONDITIONS, STALLED, applying
from check_rodin_queues.errors import RequestError, State, worst
from check_rodin_queues.messages import empty_finding, malformed_finding, missing_finding
from check_rodin_queues.metrics import (
    QUEUE_METRICS,
    RUN_METRICS,
    TIME,
    TOKEN_EXPIRES_IN,
    TOTAL,
    decimal,
)
from check_rodin_queues.response import Queue
from check_rodin_queues.selection import Policy, Selection
from check_rodin_queues.summary import describe
from check_rodin_queues.thresholds import QUEUE, RUN, Limits, Thresholds, can_be_negative
from check_rodin_queues.verdict import Finding, Verdict, label

_NAGIOS_STATES = {
    State.OK: nagiosplugin.Ok,
    State.WARNING: nagiosplugin.Warn,
    State.CRITICAL: nagiosplugin.Critical,
    State.UNKNOWN: nagiosplugin.Unknown,
}
_PROVEN = {row.name for row in CONDITIONS if row.proven}
Metrics = Generator[nagiosplugin.Metric, None, None]
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
    limits = LimitContext(Thresholds(policy.thresholds), judge_time=attempt.is_complete)
    check = nagiosplugin.Check(limits, ConditionContext(policy.states))
    check.add(ResponseResource(attempt, policy, names))
    queues = attempt.selection.queues if attempt.selection else ()
    for queue in queues:
        check.add(QueueResource(queue, names[queue.name], attempt.stalled, limits))
    if attempt.is_complete and queues:
        check.add(TotalResource(queues, limits))
    check.add(RunResource(attempt))
    check()
    findings = tuple(cast(Result, result).finding for result in check.results.results)
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


class Perfdata(nagiosplugin.Performance):
    """Perfdata whose label is quoted only if it has a blank.

    Readers such as Sensu Go and Checkmk's MRPE keep the quotes as a part of the name.
    """

    @classmethod
    def of(cls, label: str, metric: nagiosplugin.Metric, warning: str, critical: str) -> Perfdata:
        """Return the perfdata of *metric*; nagiosplugin 1.3 has no constructor for a subclass."""
        bounds = ("" if bound is None else bound for bound in (metric.min, metric.max))
        fields = (label, decimal(metric.value), metric.uom or "", warning, critical, *bounds)
        return cls._make(fields)

    def __str__(self) -> str:
        label = f"'{self.label}'" if " " in self.label else self.label
        fields = (f"{label}={self.value}{self.uom}", self.warn, self.crit, self.min, self.max)
        return ";".join(map(str, fields)).rstrip(";")

    @property
    def sort_key(self) -> Tuple[bool, str]:
        """The order: labels of queues and sums, then those of the run."""
        return self.label in _RUN_LABELS, self.label


class Result(nagiosplugin.Result):
    """A result with the finding that messages and output need."""

    finding: Finding

    @classmethod
    def of(cls, finding: Finding, metric: nagiosplugin.Metric) -> Result:
        """Return the result that *finding* is."""
        result = cls(_NAGIOS_STATES[finding.state], None, metric)
        result.finding = finding
        return result


class LimitContext(nagiosplugin.Context):
    """Judges a metric by its warning and its critical threshold."""

    def __init__(self, thresholds: Thresholds, *, judge_time: bool) -> None:
        super().__init__("limits")
        self._thresholds = thresholds
        self._judge_time = judge_time
        self.perfdata: List[Perfdata] = []

    def limits(self, metric: str, resource: Subject) -> Limits:
        """Return the thresholds that apply to *metric* of *resource*."""
        return self._thresholds.limits(resource.scope, metric, resource.raw_name)

    def evaluate(
        self, metric: nagiosplugin.Metric, resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the result of the worse threshold that *metric* breaches."""
        assert isinstance(resource, Subject)  # noqa: S101 — every resource here is one
        limits = self.limits(metric.name, resource)
        state = State.OK
        if metric.name != TIME.name or self._judge_time:
            for threshold, limit in limits.ranges():
                if limit.side(metric.value):
                    state = threshold.level
                    break
        finding = Finding(
            state, metric.name, resource.queue, resource.display, metric.value, limits
        )
        return Result.of(finding, metric)

    def performance(self, metric: nagiosplugin.Metric, resource: nagiosplugin.Resource) -> None:
        """Collect the perfdata, sorted later; an infinite value has none."""
        assert isinstance(resource, Subject)  # noqa: S101
        if metric.value == float("inf"):
            return
        limits, signed = self.limits(metric.name, resource), can_be_negative(metric.name)
        warning, critical = (
            threshold.limit.text(can_be_negative=signed) if threshold and threshold.limit else ""
            for threshold in (limits.warning, limits.critical)
        )
        name = label(resource.display, metric.name)
        self.perfdata.append(Perfdata.of(name, metric, warning, critical))


class ConditionContext(nagiosplugin.Context):
    """Gives a condition the state of the table or of --state."""

    def __init__(self, states: Mapping[str, State]) -> None:
        super().__init__("conditions")
        self._states = states

    def evaluate(
        self, metric: nagiosplugin.Metric, _resource: nagiosplugin.Resource
    ) -> nagiosplugin.Result:
        """Return the state; the metric's value is the finding without it."""
        return Result.of(metric.value._replace(state=self._states[metric.name]), metric)


class Subject(nagiosplugin.Resource):
    """What a metric is about. *display* is its name in labels, *raw_name* what globs match."""

    scope = RUN
    queue: Optional[Queue] = None
    display = raw_name = ""


class QueueResource(Subject):
    """One sound queue."""

    scope = QUEUE

    def __init__(
        self, queue: Queue, display: str, stalled: FrozenSet[str], limits: LimitContext
    ) -> None:
        self.queue: Queue = queue
        self.display = display
        self.raw_name = queue.name
        self._stalled = queue.name in stalled
        self._limits = limits

    def probe(self) -> Metrics:
        """Yield the metrics that are always shown or have a threshold, and the conditions."""
        for metric in QUEUE_METRICS:
            if metric.is_field or self._limits.limits(metric.name, self).ranges():
                value = metric.value(self.queue)
                if value is not None:
                    yield nagiosplugin.Metric(metric.name, value, min=0, context="limits")
        for condition in applying(self.queue):
            if condition.name != STALLED or self._stalled:
                finding = Finding(State.OK, condition.name, self.queue, self.display)
                yield nagiosplugin.Metric(condition.name, finding, context="conditions")


class TotalResource(Subject):
    """The sum over the selected queues."""

    scope = display = TOTAL

    def __init__(self, queues: Tuple[Queue, ...], limits: LimitContext) -> None:
        self._queues = queues
        self._limits = limits

    def probe(self) -> Metrics:
        """Yield the sums that a threshold names."""
        for metric in QUEUE_METRICS:
            if metric.is_field and self._limits.limits(metric.name, self).ranges():
                value = sum(getattr(queue, metric.name) for queue in self._queues)
                yield nagiosplugin.Metric(metric.name, value, min=0, context="limits")


class RunResource(Subject):
    """The run itself: its duration, and the lifetime of its token."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def probe(self) -> Metrics:
        """Yield what is known."""
        attempt = self._attempt
        if attempt.elapsed is not None:
            yield nagiosplugin.Metric(
                TIME.name, attempt.elapsed, "s", 0, attempt.timeout, context="limits"
            )
        if attempt.token_expires_in is not None:
            yield nagiosplugin.Metric(
                TOKEN_EXPIRES_IN.name, attempt.token_expires_in, "s", context="limits"
            )


class ResponseResource(Subject):
    """The response as a whole: why there is none, what is missing, what cannot be used."""

    def __init__(self, attempt: Attempt, policy: Policy, names: Mapping[str, str]) -> None:
        self._attempt = attempt
        self._policy = policy
        self._names = names

    def probe(self) -> Metrics:
        """Yield a metric for each condition that applies; its value is the finding."""
        for finding in self._findings():
            yield nagiosplugin.Metric(finding.name, finding, context="conditions")

    def _findings(self) -> Iterator[Finding]:
        failure, selection = self._attempt.failure, self._attempt.selection
        if failure is not None:
            yield Finding(
                State.OK, failure.condition, cause=failure.cause, next_step=failure.next_step
            )
        if selection is None:
            return
        for malformed in selection.malformed:
            yield malformed_finding(self._names[malformed.name], malformed.reason)
        for name, origin in selection.missing.items():
            yield missing_finding(self._names[name], origin)
        if not selection.queues and not selection.malformed:
            yield empty_finding(selection.offered, self._policy)
