"""What the queues reported, as values, and which reports cannot be used."""

from __future__ import annotations

from typing import Tuple

from check_rodin_queues.named import NamedTuple

#: The fields of a queue, as the API names them.
FIELDS = ("consumers", "job_awaiting", "job_running")
#: The queues that the vendor documents.
DOCUMENTED_QUEUES = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")


class Queue(NamedTuple):
    """A sound queue; *name* is as the server gives it, the rest are counts."""

    name: str
    consumers: int
    job_awaiting: int
    job_running: int


class Malformed(NamedTuple):
    """A queue whose report cannot be used, and why."""

    name: str
    reason: str


class Snapshot(NamedTuple):
    """All queues of one answer, in the server's order."""

    queues: Tuple[Queue, ...]
    malformed: Tuple[Malformed, ...]

    @property
    def names(self) -> Tuple[str, ...]:
        """The names of all queues, sound or not."""
        return (*(queue.name for queue in self.queues), *(queue.name for queue in self.malformed))
