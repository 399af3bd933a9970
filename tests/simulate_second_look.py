"""Simulate how often a check calls a queue stalled, with one look and with the second look.

usage: python -m tests.simulate_second_look

Each queue of the table is checked at random moments. Time is virtual: nothing waits.
"""

# ruff: noqa: T201 - a program that talks to a person
from __future__ import annotations

import bisect
import random
from itertools import accumulate
from typing import NamedTuple

from check_rodin_queues.conditions import DEFAULT_STATES
from check_rodin_queues.response import Queue, Snapshot
from check_rodin_queues.second_look import look_again, stalled_queues
from check_rodin_queues.selection import Policy

CHECKS = 100
SEED = 1
#: Seconds that a request takes.
REQUEST = 0.05
#: The seconds in which the checks begin.
SPAN = 3600.0
POLICY = Policy(queues=("q",), exclude=(), require=None, thresholds=(), states=DEFAULT_STATES)

IDLE = Queue("q", consumers=1, job_awaiting=0, job_running=0)
LAST_RUNS = IDLE._replace(job_running=1)
WAITS = IDLE._replace(job_awaiting=3)
RUNS = WAITS._replace(job_running=1)


class Cycle(NamedTuple):
    """The steps that a queue repeats; each can be longer or shorter by the part *vary* of it."""

    name: str
    steps: tuple[tuple[float, Queue], ...]
    vary: float = 0.0


_BUSY = ((2.0, RUNS), (1.0, WAITS))
_RARE = ((1.0, WAITS), (5.0, LAST_RUNS), (14.0, IDLE))
CYCLES = (
    Cycle("jobs of 2 s, 1 s between them", _BUSY),
    Cycle("jobs of 1 to 3 s, 0.5 to 1.5 s between them", _BUSY, 0.5),
    Cycle("a job every 20 s, picked up after 1 s", _RARE),
    Cycle("a job every 10 to 30 s, picked up after 0.5 to 1.5 s", _RARE, 0.5),
    Cycle("jobs of 2 s, 5 s between them", ((2.0, RUNS), (5.0, WAITS))),
    Cycle("workers that hang", ((SPAN, WAITS),)),
)


class Server:
    """A server with one queue, and a clock that only requests and pauses move."""

    def __init__(self, cycle: Cycle, chance: random.Random) -> None:
        """Draw the durations of all steps."""
        self.now = 0.0
        self.looks = 0
        rounds = int(2 * SPAN / sum(seconds for seconds, _ in cycle.steps)) + 2
        steps = cycle.steps * rounds
        self._queues = [queue for _, queue in steps]
        factors = (chance.uniform(1 - cycle.vary, 1 + cycle.vary) for _ in steps)
        self._ends = list(accumulate(step[0] * factor for step, factor in zip(steps, factors)))

    def ask(self) -> Snapshot:
        """Return the queue as it is now."""
        self.looks += 1
        self.now += REQUEST
        return Snapshot((self._queues[bisect.bisect(self._ends, self.now)],), {})

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.now += seconds


def row(cycle: Cycle) -> str:
    """Check the queue at random moments, and return its row of the table."""
    chance = random.Random(SEED)
    server = Server(cycle, chance)
    first_look = second_look = 0
    for _ in range(CHECKS):
        server.now = chance.uniform(0, SPAN)
        first = server.ask()
        first_look += bool(stalled_queues(first, POLICY))
        looks = look_again(first, POLICY, ask=server.ask, wait=server.wait, may_look=lambda: True)
        *_, last = looks
        second_look += bool(last.stalled)
    return f"| {cycle.name} | {first_look} | {second_look} | {server.looks} |"


def main() -> None:
    """Print the table."""
    print(f"Of {CHECKS} checks at random moments say stalled:\n")
    print("| queue | one look | second look | requests |\n|---|---|---|---|")
    print(*map(row, CYCLES), sep="\n")


if __name__ == "__main__":
    main()
