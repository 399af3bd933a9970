"""What is measured, as nagiosplugin's resources: a queue, the sum, the answer and the run itself.

Each yields metrics that name the context which judges them. All data are there before the first
metric is: in nagiosplugin an error on the way would be UNKNOWN and hide what was found.
"""

from __future__ import annotations

from typing import Generator, Mapping, Optional

import nagiosplugin

from check_rodin_queues.conditions import holding
from check_rodin_queues.contexts import Contexts
from check_rodin_queues.errors import AnswerError
from check_rodin_queues.metrics import QUEUE_METRICS, TIME, TOKEN_EXPIRES_IN, TOTAL
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.selection import Selection
from check_rodin_queues.snapshot import Queue
from check_rodin_queues.subjects import Subject

Metrics = Generator[nagiosplugin.Metric, None, None]


class Attempt(NamedTuple):
    """What one attempt found.

    *selection* is None where *failure* says why there is no answer. *elapsed* is the time in
    seconds and None where no server was asked; *token_expires_in* is in seconds, None if unknown.
    """

    selection: Optional[Selection] = None
    failure: Optional[AnswerError] = None
    elapsed: Optional[float] = None
    timeout: float = 0
    token_expires_in: Optional[int] = None


class QueueResource(Subject):
    """One sound queue, under its shown name."""

    def __init__(self, shown: str, queue: Queue, contexts: Contexts) -> None:
        self.shown = shown
        self.queue: Queue = queue
        self._contexts = contexts

    def probe(self) -> Metrics:
        """Give the metrics that have a meaning and are asked for, and the conditions that hold."""
        for metric in QUEUE_METRICS:
            if not metric.always and not self._contexts.may_name("queue", metric.name):
                continue
            context = self._contexts.of("queue", metric.name, self.queue.name)
            if metric.always or context.named:
                value = metric.value(self.queue)
                if value is not None:
                    yield nagiosplugin.Metric(metric.name, value, min=0, context=context.name)
        for condition in holding(self.queue):
            yield nagiosplugin.Metric(condition.name, self.queue)


class TotalResource(Subject):
    """The sum over the selected queues: nothing if there is none, or if one is malformed."""

    shown = TOTAL

    def __init__(self, selection: Optional[Selection], contexts: Contexts) -> None:
        self._selection = selection
        self._contexts = contexts

    def probe(self) -> Metrics:
        """Give the sums that a threshold names."""
        if self._selection is None or not self._selection.queues or self._selection.malformed:
            return
        for metric in QUEUE_METRICS:
            if not self._contexts.may_name(TOTAL, metric.name):
                continue
            context = self._contexts.of(TOTAL, metric.name)
            if context.named:
                value = sum(getattr(queue, metric.name) for queue in self._selection.queues)
                yield nagiosplugin.Metric(metric.name, value, min=0, context=context.name)


class RunResource(Subject):
    """The run itself: how long it took, how long its token lives."""

    def __init__(self, attempt: Attempt, contexts: Contexts) -> None:
        self._attempt = attempt
        self._contexts = contexts

    def probe(self) -> Metrics:
        """Give what is known."""
        attempt = self._attempt
        if attempt.elapsed is not None:
            context = self._contexts.of("run", TIME.name)
            yield nagiosplugin.Metric(
                TIME.name, attempt.elapsed, "s", 0, attempt.timeout, context.name
            )
        if attempt.token_expires_in is not None:
            context = self._contexts.of("run", TOKEN_EXPIRES_IN.name)
            yield nagiosplugin.Metric(
                TOKEN_EXPIRES_IN.name, attempt.token_expires_in, "s", context=context.name
            )


class AnswerResource(Subject):
    """The answer as a whole: why there is none, what is missing from it, what cannot be used.

    Its metrics are conditions; their value is the sentence that says what was found.
    """

    def __init__(self, attempt: Attempt, shown_names: Mapping[str, str]) -> None:
        self._attempt = attempt
        self._shown = shown_names
        self.explained = attempt.failure is not None

    def probe(self) -> Metrics:
        """Give a metric for each condition of the answer that holds."""
        failure, selection = self._attempt.failure, self._attempt.selection
        if failure is not None:
            yield nagiosplugin.Metric(failure.condition, f"{failure.condition}: {failure}")
        if selection is None:
            return
        for malformed in selection.malformed:
            shown = self._shown[malformed.name]
            yield nagiosplugin.Metric("invalid", f"invalid: {shown}: {malformed.reason}")
        for name in selection.missing:
            yield nagiosplugin.Metric("missing", f"{self._shown[name]} is missing from the answer")
        if not selection.queues and not selection.malformed:
            of = f"of {selection.offered} " if selection.offered else ""
            why = "" if selection.offered else ": the answer has none"
            yield nagiosplugin.Metric("empty", f"no queue {of}is selected{why}")
