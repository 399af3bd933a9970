"""What is measured: one row for each metric.

To add a metric of a queue, add a row to QUEUE_METRICS and its words to `messages.WORDS`.
Thresholds, perfdata, output and help follow. Names are the API's own where it has one.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple, Union

from check_rodin_queues.response import Queue

Number = Union[int, float]

#: Names the sum over the selected queues in labels and selectors.
TOTAL = "total"


class Metric:
    """A row of the table.

    *value* returns None where the metric of a queue has no meaning; a metric of the run has no
    function. *always*: shown in perfdata even if no threshold names it. *summed*: `total.NAME`
    exists. A plain class: a NamedTuple costs 0.3 % of a run, and this package has many values.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        value: Callable[[Queue], Optional[Number]] = lambda _: None,
        *,
        always: bool = False,
        summed: bool = False,
    ) -> None:
        self.name = name
        self.meaning = meaning
        self.value = value
        self.always = always
        self.summed = summed


def _ratio(number: int, by: int) -> Number:
    """Divide; an integer result stays an exact integer."""
    whole, rest = divmod(number, by)
    return number / by if rest else whole


def _awaiting_per_consumer(queue: Queue) -> Number:
    if queue.consumers:
        return _ratio(queue.job_awaiting, queue.consumers)
    return float("inf") if queue.job_awaiting else 0


def _busy_ratio(queue: Queue) -> Optional[Number]:
    return _ratio(queue.job_running, queue.consumers) if queue.consumers else None


QUEUE_METRICS = (
    Metric(
        "consumers",
        "workers connected to the queue",
        lambda queue: queue.consumers,
        always=True,
        summed=True,
    ),
    Metric(
        "job_awaiting", "jobs waiting", lambda queue: queue.job_awaiting, always=True, summed=True
    ),
    Metric(
        "job_running", "jobs running", lambda queue: queue.job_running, always=True, summed=True
    ),
    Metric("awaiting_per_consumer", "waiting jobs / consumers", _awaiting_per_consumer),
    Metric("busy_ratio", "running jobs / consumers; 1 means all are busy", _busy_ratio),
)
TIME = Metric("time", "duration of the check in seconds")
#: The one metric that can be negative.
TOKEN_EXPIRES_IN = Metric("token_expires_in", "seconds until the API token (a JWT) expires")
RUN_METRICS = (TIME, TOKEN_EXPIRES_IN)


def known_metrics() -> Tuple[str, ...]:
    """Return what a selector can name, for messages."""
    return (
        *(metric.name for metric in QUEUE_METRICS),
        *(f"{TOTAL}.{metric.name}" for metric in QUEUE_METRICS if metric.summed),
        *(metric.name for metric in RUN_METRICS),
    )


def decimal(value: Number) -> str:
    """Return *value* as perfdata and people read it: no exponent, at most 6 decimals."""
    if isinstance(value, int):
        return str(value)
    if value == float("inf"):
        return "infinite"
    return f"{value:.6f}".rstrip("0").rstrip(".")
