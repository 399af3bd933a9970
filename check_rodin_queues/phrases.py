"""The words for what was found: which value, which limit, what to do."""

from __future__ import annotations

from typing import Dict, List, Sequence, Union

from check_rodin_queues.conditions import STRANDED
from check_rodin_queues.contexts import Limit
from check_rodin_queues.findings import Finding, Measurement, Occurrence
from check_rodin_queues.metrics import (
    ABOVE,
    BELOW,
    QUEUE_METRICS,
    RUN_METRICS,
    Number,
    QueueMetric,
    RunMetric,
    counted,
    decimal,
)
from check_rodin_queues.snapshot import Queue

_ROWS: Dict[str, Union[QueueMetric, RunMetric]] = {
    row.name: row for row in (*QUEUE_METRICS, *RUN_METRICS)
}


def advice(finding: Finding) -> str:
    """Return what to do about *finding*; empty where its own words say it."""
    subject = finding.subject
    if subject.explained:
        return ""
    name = subject.shown if subject.queue else "the queues"
    if isinstance(finding, Occurrence):
        return finding.context.condition.advice.format(name)
    row = _ROWS[finding.context.metric]
    side = beyond(finding.value, finding.context.limit(finding.state)).partition(" ")[0]
    hurts = side == row.hurts or side not in (ABOVE, BELOW)
    return (row.advice if hurts else row.otherwise).format(name)


def problems(group: Sequence[Finding]) -> str:
    """Describe all problems of one subject in one phrase."""
    subject = group[0].subject
    if subject.queue is not None:
        return f"{subject.shown}: {' and '.join(_facts(subject.queue, group))}"
    return fact(group[0])  # it stands alone


def fact(finding: Finding) -> str:
    """Describe one problem."""
    if isinstance(finding, Occurrence):
        return occurrence(finding)
    context = finding.context
    name = context.metric if context.scope == "queue" else finding.label
    return f"{name} is {measured(finding)} ({_level(finding)})"


def occurrence(finding: Occurrence) -> str:
    """Describe a condition that holds."""
    queue, condition = finding.found, finding.context.condition
    if isinstance(queue, str):
        return queue
    words = condition.says.format(
        waiting=counted(queue.job_awaiting, "job waiting", "jobs waiting"),
        consumers=counted(queue.consumers, "consumer"),
    )
    return f"{words} ({condition.name})"


def measured(finding: Measurement) -> str:
    """Write a value with its unit, of seconds at most three decimals."""
    return f"{decimal(round(finding.value, 3) if finding.unit else finding.value)}{finding.unit}"


def beyond(value: Number, limit: Limit) -> str:
    """Say how *value*, which breaks *limit*, stands to it."""
    if limit.threshold is None or limit.threshold.limit is None:
        return "within no limit"
    text = limit.threshold.limit.text
    start, _, end = text.rpartition(":")
    if limit.threshold.limit.inside:
        return f"inside {text[1:]}"
    return f"{ABOVE} {end}" if value > limit.threshold.limit.end else f"{BELOW} {start or 0}"


def _facts(queue: Queue, group: Sequence[Finding]) -> List[str]:
    """Describe a queue's problems; that it has no consumer is said once, however many say it."""
    if queue.consumers:
        return [fact(finding) for finding in group]
    dead = [finding for finding in group if _about_consumers(finding)]
    others = [fact(finding) for finding in group if not _about_consumers(finding)]
    return [_without_consumer(queue, dead), *others] if dead else others


def _about_consumers(finding: Finding) -> bool:
    if isinstance(finding, Occurrence):
        return finding.context.condition is STRANDED
    return finding.context.metric == "consumers" or finding.value == float("inf")


def _without_consumer(queue: Queue, group: Sequence[Finding]) -> str:
    jobs = counted(queue.job_awaiting, "waiting job")
    limits = [
        f" ({_level(finding)})"
        for finding in group
        if isinstance(finding, Measurement) and finding.context.metric == "consumers"
    ]
    return (f"no consumer for {jobs}" if queue.job_awaiting else "no consumer") + "".join(limits)


def _level(finding: Measurement) -> str:
    limit = finding.context.limit(finding.state)
    return f"{finding.state.name.lower()} {beyond(finding.value, limit)}"
