"""What can be wrong besides a threshold: one row for each condition, with the state it has.

To change a default, change it here; to add a condition of a queue, add a row with `holds` and
`says`.
`--state CONDITION=STATE` overrides the state of a row.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Tuple

from check_rodin_queues.errors import UsageError
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.snapshot import Queue
from check_rodin_queues.states import State


class Condition(NamedTuple):
    """A row of the table.

    *when* tells a user what it means, *advice* what to do about it, with {} for the queue. *holds*
    decides it for one queue, and *says* describes that queue by its {waiting} jobs and its
    {consumers}; the others are found where the answer is read or compared with what is
    required. A *proven* condition is shown by the queues themselves: a liveness probe may act on
    it.
    """

    name: str
    default: State
    when: str
    advice: str = ""
    holds: Optional[Callable[[Queue], bool]] = None
    says: str = ""
    proven: bool = False


def _stranded(queue: Queue) -> bool:
    return queue.job_awaiting > 0 and queue.consumers == 0


def _stalled(queue: Queue) -> bool:
    return queue.job_awaiting > 0 and queue.consumers > 0 and queue.job_running == 0


STRANDED = Condition(
    "stranded",
    State.CRITICAL,
    "jobs wait for a queue that has no consumer",
    "Start a worker for {}",
    _stranded,
    "{waiting}, no consumer",
    proven=True,
)

CONDITIONS = (
    STRANDED,
    Condition(
        "stalled",
        State.WARNING,
        "jobs wait, consumers listen, and no job runs",
        "See the log of the workers of {}: they take no job",
        _stalled,
        "{waiting}, {consumers}, none running",
        proven=True,
    ),
    Condition(
        "missing",
        State.CRITICAL,
        "a required queue is not in the answer",
        "Check --require and -q, and what the server offers (-v)",
        proven=True,
    ),
    Condition(
        "empty",
        State.UNKNOWN,
        "no queue is selected",
        "Check what the server offers (-v), and -q and -x",
    ),
    Condition(
        "unreachable",
        State.CRITICAL,
        "no answer: network, proxy, TLS, cut off, HTTP 5xx",
    ),
    Condition("timeout", State.CRITICAL, "the wall clock of -t ran out"),
    Condition("auth", State.UNKNOWN, "HTTP 401 or 403: the token is refused"),
    Condition("throttled", State.UNKNOWN, "HTTP 429: asked too often"),
    Condition(
        "invalid",
        State.UNKNOWN,
        "any other answer, or a malformed queue",
        "Ask who runs the server, or leave the queue out with -x",
    ),
)

BY_NAME: Mapping[str, Condition] = {condition.name: condition for condition in CONDITIONS}
DEFAULT_STATES: Mapping[str, State] = {row.name: row.default for row in CONDITIONS}


def holding(queue: Queue) -> Tuple[Condition, ...]:
    """Return the conditions that *queue* is in."""
    return tuple(row for row in CONDITIONS if row.holds is not None and row.holds(queue))


def parse_states(text: str) -> Dict[str, State]:
    """Read `CONDITION=STATE[,CONDITION=STATE…]`; raises UsageError."""
    states = {}
    for pair in text.split(","):
        name, _, state = (part.strip() for part in pair.partition("="))
        if name not in BY_NAME or state.upper() not in State.__members__:
            raise UsageError(
                f"takes CONDITION=STATE. Conditions: {', '.join(BY_NAME)}. "
                "States: ok, warning, critical, unknown"
            )
        states[name] = State[state.upper()]
    return states
