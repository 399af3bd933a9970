"""What is measured: one row for each metric.

To add a metric of a queue, add a row to QUEUE_METRICS and its words to `messages.WORDS`.
Thresholds, perfdata, output and help follow. Names are the API's own where it has one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Callable, Optional

if TYPE_CHECKING:
    from check_rodin_queues.response import Queue

#: Names the sum over the selected queues in labels and selectors.
TOTAL = "total"


class Metric:
    """A row of the table.

    *value* returns None where the metric of a queue has no meaning. Without it, the metric is a
    field of the API: perfdata always show it, and `total.NAME` exists.
    """

    def __init__(
        self, name: str, meaning: str, value: Optional[Callable[[Queue], Optional[float]]] = None
    ) -> None:
        self.name = name
        self.meaning = meaning
        self.is_field = value is None
        self.value = value or attrgetter(name)


def _awaiting_per_consumer(queue: Queue) -> float:
    if queue.consumers:
        return queue.job_awaiting / queue.consumers
    return float("inf") if queue.job_awaiting else 0


def _busy_ratio(queue: Queue) -> Optional[float]:
    return queue.job_running / queue.consumers if queue.consumers else None


QUEUE_METRICS = (
    Metric("consumers", "workers connected to the queue"),
    Metric("job_awaiting", "jobs waiting"),
    Metric("job_running", "jobs running"),
    Metric("awaiting_per_consumer", "waiting jobs / consumers", _awaiting_per_consumer),
    Metric("busy_ratio", "running jobs / consumers; 1 means all are busy", _busy_ratio),
)
TIME = Metric("time", "duration of the check in seconds")
TOKEN_EXPIRES_IN = Metric("token_expires_in", "seconds until the API token (a JWT) expires")
RUN_METRICS = (TIME, TOKEN_EXPIRES_IN)


def decimal(value: float) -> str:
    """Return *value* as perfdata and people read it: no exponent, at most 6 decimals."""
    if isinstance(value, int):
        return str(value)
    if value == float("inf"):
        return "infinite"
    return f"{value:.6f}".rstrip("0").rstrip(".")
