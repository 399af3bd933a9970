"""The verdict: what the check found, before anybody writes it down."""

from __future__ import annotations

from typing import Iterable, Tuple

from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State


class Verdict(NamedTuple):
    """A state with the text that explains it.

    *perfdata* holds one item for each label, ready to be printed, in UTF-8: of 5,000 queues it is
    a fourth of the text in memory. *lines* are what -v adds, *reasons* what -vv adds: why each
    metric has its state; both are made while they are read, once. *proven*: the queues themselves
    prove a CRITICAL. *mistaken*: the arguments alone are wrong, whatever the server says.
    """

    state: State
    text: str
    perfdata: Tuple[bytes, ...] = ()
    lines: Iterable[str] = ()
    reasons: Iterable[str] = ()
    proven: bool = False
    mistaken: bool = False
