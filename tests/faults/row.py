"""One row of the table of faults, and the ways in which most rows are made."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from tests.faults.behaviour import reply
from tests.faults.document import QUEUES, answer
from tests.faults.server import Behaviour

BODY = answer()
HALF = BODY[: len(BODY) // 2]

#: The state of each condition, as the interface sets it.
STATES = {
    "missing": "CRITICAL",
    "empty": "UNKNOWN",
    "unreachable": "CRITICAL",
    "timeout": "CRITICAL",
    "auth": "UNKNOWN",
    "throttled": "UNKNOWN",
    "invalid": "UNKNOWN",
}


class Row(NamedTuple):
    """One fault.

    Without `words` it has to be in `causes`, where a whole family of faults has the same ones.
    `deadline` says that nothing but the wall clock can end the run, `or_timeout` that it may do so
    as well as the condition; `asked` that the server reads a request; `queues` how many are judged;
    `url` may name the port of the server, one where nobody listens or one whose queue is full;
    `tls` runs it over TLS as well.
    """

    name: str
    does: str
    behaviour: Behaviour
    state: str
    words: Tuple[str, ...] = ()
    condition: str = ""
    args: Tuple[str, ...] = ()
    deadline: bool = False
    or_timeout: bool = False
    asked: bool = True
    queues: int = len(QUEUES)
    url: str = "http://127.0.0.1:{port}"
    tls: bool = False


def fault(
    condition: str, name: str, does: str, behaviour: Behaviour, *words: str, tls: bool = False
) -> Row:
    """Return a row whose state is that of the *condition*."""
    return Row(name, does, behaviour, STATES[condition], words, condition, tls=tls)


def judged(name: str, does: str, body: bytes, *args: str, queues: int = len(QUEUES)) -> Row:
    """Return a row in which the check has to judge *body* and find nothing wrong."""
    return Row(name, does, reply(body), "OK", args=args, queues=queues)


def invalid(name: str, does: str, body: bytes, *words: str) -> Row:
    """Return a row in which *body* is no valid answer."""
    return fault("invalid", name, does, reply(body), *words)


def silent(name: str, does: str, behaviour: Behaviour, *, tls: bool = False) -> Row:
    """Return a row that only the wall clock ends."""
    words = ("longer than 1.5 s", "check its load and the network, or raise -t")
    return fault("timeout", name, does, behaviour, *words, tls=tls)._replace(deadline=True)
