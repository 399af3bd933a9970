"""The second look: ask again before a queue is called stalled.

One response is a snapshot. It can catch a healthy queue between two jobs, which is idle for no more
than a moment. So the server is asked again, at most twice, as long as a queue was stalled each
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from check_rodin_queues.conditions import is_stalled
from check_rodin_queues.errors import RequestError
from check_rodin_queues.response import Snapshot
from check_rodin_queues.selection import Policy, select

#: Seconds between two looks.
PAUSE = 1.0
#: The most looks, the first one included.
MAX_LOOKS = 3


class Looks:
    """The last complete snapshot, and the names of the queues that were stalled in every look.

    *note* says why the look after it was not used, for -v.
    """

    def __init__(self, snapshot: Snapshot, stalled: frozenset[str]) -> None:
        self.snapshot = snapshot
        self.stalled = stalled
        self.note = ""


def look_again(
    first: Snapshot,
    policy: Policy,
    ask: Callable[[], Snapshot],
    wait: Callable[[float], None],
    may_look: Callable[[], bool],
) -> Iterator[Looks]:
    """Yield what is known after each look; the last one is to be judged.

    The server is asked again while a queue of *policy* is stalled and *may_look* allows it.
    """
    looks = Looks(first, stalled_queues(first, policy))
    yield looks
    for _ in range(MAX_LOOKS - 1):
        if not looks.stalled or not may_look():
            return
        wait(PAUSE)
        try:
            snapshot = ask()
        except RequestError as error:
            looks.note = f"second look failed: {error}"
            return
        if _faults(snapshot, policy) - _faults(first, policy) or not snapshot.queues:
            looks.note = "second look failed: incomplete response"
            return
        looks = Looks(snapshot, looks.stalled & stalled_queues(snapshot, policy))
        yield looks


def stalled_queues(snapshot: Snapshot, policy: Policy) -> frozenset[str]:
    """Return the names of the selected queues that are stalled in *snapshot*."""
    queues = select(policy, snapshot).queues
    return frozenset(queue.name for queue in queues if is_stalled(queue))


def _faults(snapshot: Snapshot, policy: Policy) -> set[str]:
    """Return the names of the missing and the malformed queues: a later look must add none."""
    selection = select(policy, snapshot)
    return {*selection.missing, *selection.malformed}
