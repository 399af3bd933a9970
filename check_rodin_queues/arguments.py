"""The command line as values.

Nothing is read here but the words themselves: no environment, no file. So whatever is wrong is a
UsageError, and one that never repeats a value, since it may be a secret in the wrong place.
"""

from __future__ import annotations

import argparse
import re
from typing import List, Mapping, Optional, Sequence, Tuple

from check_rodin_queues.conditions import DEFAULT_STATES
from check_rodin_queues.errors import UsageError
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.parser import build_parser
from check_rodin_queues.selection import Policy
from check_rodin_queues.states import State
from check_rodin_queues.thresholds import Range, Selector, Threshold

#: Stand before all thresholds of the command line.
DEFAULT_THRESHOLDS = (
    Threshold(
        State.CRITICAL,
        Selector("queue", None, "consumers"),
        Range("1:", float("inf"), inside=False),
        "the default -c consumers=1:",
    ),
)
_TAKE_RANGES = ("-w", "-c", "--warning", "--critical")


class Options(NamedTuple):
    """The command line as values; None where an option was not given."""

    host: Optional[str]
    port: Optional[int]
    token_file: Optional[str]
    input: Optional[str]
    timeout: float
    ca_file: Optional[str]
    client_cert: Optional[str]
    client_key: Optional[str]
    insecure: bool
    policy: Policy
    probe: Optional[str]
    extra_opts: Tuple[str, ...]
    verbosity: int


def parse(words: Sequence[str]) -> Options:
    """Read the command line without the program's name; raises UsageError or Shown."""
    parser = build_parser()
    known, unknown = parser.parse_known_args(_joined(words))
    if unknown:
        raise UsageError(f"{_named(unknown[0], words)}. See --help for the options there are")
    return _options(known)


def known_options() -> Mapping[str, bool]:
    """Return every option, with its dashes, and whether it takes a value."""
    actions = build_parser()._actions
    return {option: action.nargs != 0 for action in actions for option in action.option_strings}


def _joined(words: Sequence[str]) -> List[str]:
    """Tie a range that begins with a minus to its option: argparse takes it for an option."""
    joined: List[str] = []
    for word in words:
        if word.startswith("-") and joined and joined[-1] in _TAKE_RANGES:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _named(word: str, words: Sequence[str]) -> str:
    """Say which argument is wrong, by its name or its place but not by a value: a secret maybe."""
    name = word.partition("=")[0]
    if re.fullmatch(r"--?[a-z][a-z-]{0,14}", name):
        return f"{name} is no option"
    place = f"argument {words.index(word) + 1}" if word in words else "an argument"
    return f"{place} belongs to no option"


def _options(known: argparse.Namespace) -> Options:
    given = vars(known)
    thresholds: List[Threshold] = given.pop("thresholds")
    states = dict(DEFAULT_STATES)
    for more in given.pop("state"):
        states.update(more)
    names = given.pop("require")
    policy = Policy(
        queues=tuple(given.pop("queue")),
        exclude=tuple(given.pop("exclude")),
        require=None if names is None else tuple(name for some in names for name in some),
        thresholds=(*DEFAULT_THRESHOLDS, *thresholds),
        states=states,
    )
    extra_opts = tuple(given.pop("extra_opts"))
    return Options(policy=policy, extra_opts=extra_opts, **given)
