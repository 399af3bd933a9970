"""The verdict: what the check found, before anybody writes it down."""

from __future__ import annotations

from typing import Tuple

from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State


class Verdict(NamedTuple):
    """A state with the text that explains it.

    *perfdata* holds one item for each label, ready to be printed. *lines* are what -v adds,
    *reasons* what -vv adds: why each metric has its state. *proven*: the queues themselves prove a
    CRITICAL. *mistaken*: the arguments alone are wrong, whatever the server says.
    """

    state: State
    text: str
    perfdata: Tuple[str, ...] = ()
    lines: Tuple[str, ...] = ()
    reasons: Tuple[str, ...] = ()
    proven: bool = False
    mistaken: bool = False
