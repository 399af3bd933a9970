"""What can be wrong besides a threshold: one row for each condition, with its default state.

To change a default state, change its row. To add a condition of a queue, add a row with `applies`
and its counts to `messages.FACTS`. Every other condition is the condition of a RequestError, or is
found when the response is compared with what is required.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from check_rodin_queues.errors import State, UsageError, quoted, suggestion

if TYPE_CHECKING:
    from check_rodin_queues.response import Queue


class Condition(NamedTuple):
    """A row of the table. *meaning* is for --help. *applies* decides the condition for a queue."""

    name: str
    default: State
    meaning: str
    applies: Optional[Callable[..., bool]] = None


def _is_stranded(queue: "Queue") -> bool:
    return queue.job_awaiting > 0 and queue.consumers == 0


def is_stalled(queue: "Queue") -> bool:
    """Return whether jobs are waiting, consumers are connected and no job runs."""
    return queue.job_awaiting > 0 and queue.consumers > 0 and queue.job_running == 0


STRANDED, STALLED, MISSING, EMPTY, INVALID = "stranded", "stalled", "missing", "empty", "invalid"

CONDITIONS = (
    Condition(
        STRANDED, State.CRITICAL, "jobs are waiting and the queue has no consumer", _is_stranded
    ),
    Condition(
        STALLED, State.WARNING, "jobs are waiting, consumers are connected, no job runs", is_stalled
    ),
    Condition(MISSING, State.CRITICAL, "a required queue is not in the response"),
    Condition(EMPTY, State.UNKNOWN, "no queue is left to check"),
    Condition(
        "unreachable", State.CRITICAL, "no response: DNS, connection, proxy, TLS or HTTP 5xx"
    ),
    Condition("timeout", State.CRITICAL, "the time limit of -t was reached"),
    Condition("auth", State.UNKNOWN, "HTTP 401 or 403: the API token was rejected"),
    Condition("throttled", State.UNKNOWN, "HTTP 429: too many requests"),
    Condition(INVALID, State.UNKNOWN, "any other response, or malformed queue data"),
)
DEFAULT_STATES: Mapping[str, State] = {row.name: row.default for row in CONDITIONS}


def parse_states(text: str) -> list[tuple[str, State]]:
    """Read `CONDITION=STATE[,CONDITION=STATE...]`; raises UsageError."""
    states = []
    for pair in text.split(","):
        name, _, state = (part.strip() for part in pair.partition("="))
        if name not in DEFAULT_STATES:
            near = suggestion(name, DEFAULT_STATES)
            raise UsageError(
                f"unknown condition{quoted(name)}{near}, expected CONDITION=STATE. "
                f"Conditions: {', '.join(DEFAULT_STATES)}"
            )
        if state.upper() not in State.__members__:
            expected = "expected ok, warning, critical or unknown"
            raise UsageError(f"unknown state{quoted(state)} for {name}, {expected}")
        states.append((name, State[state.upper()]))
    return states


def applying(queue: "Queue") -> tuple[Condition, ...]:
    """Return the conditions that apply to *queue*."""
    return tuple(row for row in CONDITIONS if row.applies is not None and row.applies(queue))
