"""Which queues are checked, and which are required.

A typo must be loud: a queue that -q or a threshold names without wildcards is required, beside the
queues of --require.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Optional

from check_rodin_queues.errors import State
from check_rodin_queues.response import DOCUMENTED_QUEUES, MAX_NAME, Queue, Snapshot
from check_rodin_queues.thresholds import Threshold, is_plain, matches

#: Why a queue is required if nothing names it.
BY_DEFAULT = "by default"


class Policy(NamedTuple):
    """What the arguments say about judging.

    *require* is None where --require was not given. *thresholds*: defaults first, then in the
    order given.
    """

    queues: tuple[str, ...]
    exclude: tuple[str, ...]
    require: Optional[tuple[str, ...]]
    thresholds: tuple[Threshold, ...]
    states: Mapping[str, State]


class Selection(NamedTuple):
    """The queues to judge.

    *malformed* has the reason for each queue. *missing* has the required queues that are not in the
    response, each with the option that requires it. *offered* counts the queues of the response,
    selected or not.
    """

    queues: tuple[Queue, ...]
    malformed: Mapping[str, str]
    missing: Mapping[str, str]
    offered: int


def covers(policy: Policy, name: str) -> bool:
    """Return whether -q selects the queue *name* and -x does not exclude it."""
    if len(name) > MAX_NAME:
        return True  # malformed: no glob is matched against it, so nothing can exclude it
    if policy.queues and not any(matches(glob, name) for glob in policy.queues):
        return False
    return not any(matches(glob, name) for glob in policy.exclude)


def required(policy: Policy) -> dict[str, str]:
    """Return the required names, each with the option that requires it."""
    origins = [(name, "--require") for name in policy.require or ()]
    origins += [(name, "-q") for name in policy.queues]
    origins += [(one.glob or "*", one.origin[:2]) for one in policy.thresholds]
    if policy.require is None:
        origins += [(name, BY_DEFAULT) for name in DOCUMENTED_QUEUES]
    names: dict[str, str] = {}
    for name, origin in origins:
        if origin == "--require" or (is_plain(name) and covers(policy, name)):
            names.setdefault(name, origin)
    return names


def select(policy: Policy, snapshot: Snapshot) -> Selection:
    """Choose from *snapshot*; nothing is missing from a response without a sound queue."""
    present = set(snapshot.names)
    missing = {name: why for name, why in required(policy).items() if name not in present}
    return Selection(
        tuple(queue for queue in snapshot.queues if covers(policy, queue.name)),
        {name: why for name, why in snapshot.malformed.items() if covers(policy, name)},
        missing if snapshot.queues else {},
        len(present),
    )


def unmatched(policy: Policy, selection: Selection) -> Iterator[Threshold]:
    """Yield the thresholds whose glob matches no selected queue; each may be a typo."""
    names = [queue.name for queue in selection.queues]
    names += [name for name in selection.malformed if len(name) <= MAX_NAME]
    for threshold in policy.thresholds:
        glob = threshold.glob
        if glob and not is_plain(glob) and not any(matches(glob, name) for name in names):
            yield threshold
