"""The lines beneath the status: a row for each queue at -v, at -vv the reason of each state.

Icinga Web colours a line that begins with a state in brackets.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence

from check_rodin_queues.contexts import LimitContext
from check_rodin_queues.findings import Finding, Measurement, Occurrence
from check_rodin_queues.metrics import QUEUE_METRICS
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.phrases import beyond, measured, occurrence
from check_rodin_queues.states import State, worst
from check_rodin_queues.summary import by_subject


def rows(found: Sequence[Finding]) -> Iterator[str]:
    """Give a line for each queue, in columns, and one for whatever else; worst first."""
    groups = by_subject(found)
    queues = [group for group in groups if group[0].subject.queue]
    columns = _columns(queues)
    name = max((len(group[0].subject.shown) for group in queues), default=0)
    state = max((len(_worst(group).name) for group in groups), default=0) + 2
    for group in groups:
        text = _single(group[0])
        if group[0].subject.queue:
            text = _row(group, name, columns)
        yield f"{f'[{_worst(group).name}]'.ljust(state)} {text}"


def reasons(found: Sequence[Finding]) -> Iterator[str]:
    """Say of each metric why it has its state: each threshold, its option and its outcome."""
    return (
        f"why: {reason}"
        for group in by_subject(found)
        for finding in group
        for reason in _reasons(finding)
    )


class _Column(NamedTuple):
    """A metric's column: the width of its values, which stand to the right, and of the whole."""

    metric: str
    value: int
    cell: int


def _worst(group: Sequence[Finding]) -> State:
    return worst(finding.state for finding in group)


def _single(finding: Finding) -> str:
    if isinstance(finding, Occurrence):
        return occurrence(finding)
    return f"{finding.label} {measured(finding)}{_limits(finding)}"


def _row(group: Sequence[Finding], name: int, columns: Sequence[_Column]) -> str:
    """Return a queue's row: its shown name, its metrics, at the end the conditions it is in."""
    metrics = _metrics(group)
    cells = [group[0].subject.shown.ljust(name)]
    for column in columns:
        cell = ""  # a queue can lack a metric, such as busy_ratio without a consumer
        if column.metric in metrics:
            cell = _cell(metrics[column.metric], column.value)
        cells.append(cell.ljust(column.cell))
    cells.append(", ".join(_conditions(group)))
    return "  ".join(cells).rstrip()


def _columns(queues: Sequence[Sequence[Finding]]) -> List[_Column]:
    seen: Dict[str, List[Measurement]] = {metric.name: [] for metric in QUEUE_METRICS}
    for group in queues:
        for metric, finding in _metrics(group).items():
            seen[metric].append(finding)
    columns = []
    for metric, column in seen.items():
        if column:
            value = max(len(measured(finding)) for finding in column)
            columns.append(_Column(metric, value, max(len(_cell(one, value)) for one in column)))
    return columns


def _metrics(group: Sequence[Finding]) -> Dict[str, Measurement]:
    return {one.context.metric: one for one in group if isinstance(one, Measurement)}


def _conditions(group: Sequence[Finding]) -> List[str]:
    return [one.context.condition.name for one in group if isinstance(one, Occurrence)]


def _cell(finding: Measurement, width: int) -> str:
    return f"{finding.context.metric} {measured(finding).rjust(width)}{_limits(finding)}"


def _limits(finding: Measurement) -> str:
    """Return the limits in brackets, the one that is broken in capitals."""
    limits = []
    for level, limit in finding.context.levels:
        if limit.threshold:
            broken = finding.context.judged and not limit.range.match(finding.value)
            limits.append(f"{level.name if broken else level.name.lower()} {limit}")
    return f" ({', '.join(limits)})" if limits else ""


def _reasons(finding: Finding) -> List[str]:
    if isinstance(finding, Occurrence):
        name = finding.context.condition.name
        default = finding.state is finding.context.condition.default
        origin = "as by default" if default else "by --state"
        where = f"{finding.subject.shown}: " if finding.subject.shown else ""
        return [f"{where}{name} is {finding.state.name}, {origin}"]
    what = f"{finding.label} is {measured(finding)}"
    if not finding.context.judged:
        return [f"{what}: not judged, since there is no complete answer"]
    return [f"{what}: {outcome}" for outcome in _outcomes(finding, finding.context)]


def _outcomes(finding: Measurement, context: LimitContext) -> List[str]:
    outcomes = []
    for level, limit in context.levels:
        if limit.threshold:
            inside = limit.range.match(finding.value)
            says = "OK" if inside else f"{level.name}, {beyond(finding.value, limit)}"
            outcomes.append(f"{says}, by {limit.threshold.origin}")
    return outcomes or ["no threshold"]
