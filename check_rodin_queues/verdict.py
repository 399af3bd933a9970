"""The verdict: what the check found, before anybody writes it down."""

from __future__ import annotations

from typing import Iterable

from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State


class Verdict(NamedTuple):
    """A state with the text that explains it.

    *perfdata* gives one item for each label, ready to be printed, in UTF-8; *lines* are what -v
    adds, *reasons* what -vv adds: why each metric has its state. All three are made while they are
    read, once: of 5,000 queues each is megabytes. *proven*: the queues themselves prove a CRITICAL.
    *mistaken*: the arguments alone are wrong, whatever the server says.
    """

    state: State
    text: str
    perfdata: Iterable[bytes] = ()
    lines: Iterable[str] = ()
    reasons: Iterable[str] = ()
    proven: bool = False
    mistaken: bool = False
