"""Which queues are judged, and which have to be there.

A typo must be loud: a queue that -q or a threshold names plainly, without glob characters, is
required beside those of --require.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional, Tuple

from check_rodin_queues.named import NamedTuple
from check_rodin_queues.snapshot import DOCUMENTED_QUEUES, Malformed, Queue, Snapshot
from check_rodin_queues.states import State
from check_rodin_queues.thresholds import Threshold

#: From more characters on a regular expression could keep the run from ending on time.
_LONG_NAME = 1000


class Policy(NamedTuple):
    """What the arguments say of judging.

    *require* is None where --require was not given. *thresholds* stand in the order in which they
    were given, defaults first: the last that fits a label wins.
    """

    queues: Tuple[str, ...]
    exclude: Tuple[str, ...]
    require: Optional[Tuple[str, ...]]
    thresholds: Tuple[Threshold, ...]
    states: Mapping[str, State]


class Selection(NamedTuple):
    """The queues to judge, those that cannot be, and the required ones that are not there.

    *offered* is the number of queues in the answer, selected or not.
    """

    queues: Tuple[Queue, ...]
    malformed: Tuple[Malformed, ...]
    missing: Tuple[str, ...]
    offered: int


def is_plain(glob: str) -> bool:
    """Tell whether *glob* names one queue."""
    return not any(char in glob for char in "*?[]")


def matches(glob: str, name: str) -> bool:
    """Tell whether *name* matches *glob*: `*`, `?` and `[]`, case-sensitive."""
    if is_plain(glob):
        return name == glob
    import re  # noqa: PLC0415 — --help needs none
    from fnmatch import fnmatchcase  # noqa: PLC0415

    try:
        if len(name) <= _LONG_NAME:
            return fnmatchcase(name, glob)
    except re.error:
        pass  # Python 3.9 of a range the wrong way round
    from check_rodin_queues import globs  # noqa: PLC0415 — rare

    return globs.matches(glob, name)


def covers(policy: Policy, name: str) -> bool:
    """Tell whether -q selects the queue *name* and -x does not leave it out."""
    if policy.queues and not any(matches(glob, name) for glob in policy.queues):
        return False
    return not any(matches(glob, name) for glob in policy.exclude)


def required(policy: Policy) -> Tuple[str, ...]:
    """Return the names that have to be in the answer, each once."""
    if policy.require is None:
        names = [name for name in DOCUMENTED_QUEUES if covers(policy, name)]
    else:
        names = list(policy.require)
    named = [*policy.queues, *(threshold.selector.glob for threshold in policy.thresholds)]
    names += [name for name in named if name and is_plain(name) and covers(policy, name)]
    return tuple(dict.fromkeys(names))


def select(policy: Policy, snapshot: Snapshot) -> Selection:
    """Choose from *snapshot*; nothing is missing from an answer without a sound queue."""
    present = set(snapshot.names)
    return Selection(
        tuple(queue for queue in snapshot.queues if covers(policy, queue.name)),
        tuple(queue for queue in snapshot.malformed if covers(policy, queue.name)),
        _absent(required(policy), present) if snapshot.queues else (),
        len(present),
    )


def unused(policy: Policy, selection: Selection) -> Iterator[Threshold]:
    """Give the thresholds with a glob that no selected queue matches; it may be a typo."""
    names = [row.name for row in selection.queues] + [row.name for row in selection.malformed]
    for threshold in policy.thresholds:
        glob = threshold.selector.glob
        if glob and not is_plain(glob) and not any(matches(glob, name) for name in names):
            yield threshold


def _absent(names: Iterable[str], present: Iterable[str]) -> Tuple[str, ...]:
    return tuple(name for name in names if name not in present)
