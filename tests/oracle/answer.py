"""The queues of an answer as the interface accepts them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from tests.oracle import document
from tests.oracle.objections import MalformedError

BODY_LIMIT = 1024 * 1024
QUEUE_LIMIT = 5000
LARGEST = 2**63 - 1


class Queue(NamedTuple):
    """The three documented numbers of a sound queue."""

    consumers: int
    job_awaiting: int
    job_running: int


def read(body: bytes) -> Dict[str, Optional[Queue]]:
    """Return every queue of *body* by its raw name, None for a malformed one."""
    if len(body) > BODY_LIMIT:
        raise MalformedError("too many bytes")
    value = document.read(body)
    if not isinstance(value, document.Object):
        raise MalformedError("not an object")
    if len(value.members) > QUEUE_LIMIT:
        raise MalformedError("too many queues")
    queues: Dict[str, Optional[Queue]] = {}
    for name, member in value.members:
        queues[name] = None if name in queues else _queue(member)
    return queues


def _queue(member: document.Value) -> Optional[Queue]:
    if not isinstance(member, document.Object):
        return None
    numbers: List[int] = []
    for field in Queue._fields:
        given = [value for name, value in member.members if name == field]
        number = _count(given[0]) if len(given) == 1 else None
        if number is None:
            return None
        numbers.append(number)
    return Queue(*numbers)


def _count(value: document.Value) -> Optional[int]:
    """Return a documented number, or None if *value* is no integer from 0 to 2^63-1."""
    if not isinstance(value, document.Number):
        return None
    digits = value.text
    if digits == "-0":
        return 0  # an integer, and not a negative one
    if not digits.isdigit() or len(digits) > len(str(LARGEST)):
        return None
    return int(digits) if int(digits) <= LARGEST else None
