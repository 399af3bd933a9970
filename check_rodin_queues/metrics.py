"""What is measured: one row for each metric, with how it is computed and when perfdata shows it.

To add a metric of a queue, add a row to QUEUE_METRICS: thresholds, perfdata, output and help
follow from it. Names are the API's own where it has one.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple, Union

from check_rodin_queues.named import NamedTuple
from check_rodin_queues.snapshot import Queue

Number = Union[int, float]

#: Names the sum over the selected queues in labels and selectors; no queue is shown under it.
TOTAL = "total"
#: The sides of a limit.
ABOVE, BELOW = "above", "below"

_IDLE = "See why so few jobs reach {}"
#: `-c consumers=1` for `-c consumers=1:` is a slip that is easily made.
_MINIMUM = "If a minimum is meant, write it N:"


class QueueMetric(NamedTuple):
    """A metric of a queue; *value* gives None where the metric has no meaning.

    *advice* says what to do on the side of a limit that *hurts*, *otherwise* on the other one, both
    with {} for the queue. *always*: in perfdata without a threshold that names it. *summed*:
    `total.NAME` exists.
    """

    name: str
    meaning: str
    value: Callable[[Queue], Optional[Number]]
    advice: str
    otherwise: str
    hurts: str = ABOVE
    always: bool = False
    summed: bool = False


class RunMetric(NamedTuple):
    """A metric of the check's own run or of its token, in seconds; advice as of a QueueMetric."""

    name: str
    meaning: str
    advice: str
    otherwise: str
    hurts: str = ABOVE


def _divided(number: int, by: int) -> Number:
    """Divide; what comes out even stays exact, beyond what a float can count too."""
    whole, rest = divmod(number, by)
    return number / by if rest else whole


def _awaiting_per_consumer(queue: Queue) -> Number:
    if queue.consumers:
        return _divided(queue.job_awaiting, queue.consumers)
    return float("inf") if queue.job_awaiting else 0


def _busy_ratio(queue: Queue) -> Optional[Number]:
    return _divided(queue.job_running, queue.consumers) if queue.consumers else None


QUEUE_METRICS = (
    QueueMetric(
        "consumers",
        "consumers listening to the queue",
        lambda queue: queue.consumers,
        "Start workers for {}",
        _MINIMUM,
        hurts=BELOW,
        always=True,
        summed=True,
    ),
    QueueMetric(
        "job_awaiting",
        "jobs waiting",
        lambda queue: queue.job_awaiting,
        "Add workers for {}, or see what holds them up",
        _IDLE,
        always=True,
        summed=True,
    ),
    QueueMetric(
        "job_running",
        "jobs running",
        lambda queue: queue.job_running,
        "See what the workers of {} do",
        _IDLE,
        always=True,
        summed=True,
    ),
    QueueMetric(
        "awaiting_per_consumer",
        "jobs waiting for each consumer",
        _awaiting_per_consumer,
        "Add workers for {}, or see what holds them up",
        _IDLE,
    ),
    QueueMetric(
        "busy_ratio",
        "running jobs / consumers, 1 = all busy",
        _busy_ratio,
        "See whether the workers of {} keep up",
        _IDLE,
    ),
)

TIME = RunMetric(
    "time",
    "seconds that the check took",
    "See the server's load and the network",
    "If a maximum is meant, write it N",
)
TOKEN_EXPIRES_IN = RunMetric(
    "token_expires_in",
    "seconds until the token expires",
    "Renew the token",
    _MINIMUM,
    hurts=BELOW,
)
RUN_METRICS = (TIME, TOKEN_EXPIRES_IN)

#: The longest name of a metric of a queue decides how long a queue's shown name may be.
LONGEST_NAME = max(len(metric.name) for metric in QUEUE_METRICS)


def decimal(value: Number) -> str:
    """Write *value* as perfdata and people read it: no exponent, at most 6 decimals."""
    if isinstance(value, int):
        return str(value)
    if value == float("inf"):
        return "infinite"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def counted(number: int, one: str, many: str = "") -> str:
    """Write *number* with its noun, *many* or *one* with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def known_metrics() -> Tuple[str, ...]:
    """Return what a selector may name, for messages."""
    return (
        *(metric.name for metric in QUEUE_METRICS),
        *(f"{TOTAL}.{metric.name}" for metric in QUEUE_METRICS if metric.summed),
        *(metric.name for metric in RUN_METRICS),
    )
