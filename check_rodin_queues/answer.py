"""The answer's text read into a Snapshot, or refused with the reason.

The documented answer is a JSON object, queue name → object with three non-negative integers.
Every member of the top-level object is a queue. `json` alone would hide what must not be hidden:
of duplicate keys it keeps the last, it reads NaN, and to Python `true` is an integer.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Tuple, Union

from check_rodin_queues.errors import AnswerError
from check_rodin_queues.snapshot import FIELDS, Malformed, Queue, Snapshot

#: The largest number of bytes, once decoded, that is read as an answer.
MAX_BYTES = 1024 * 1024
MAX_QUEUES = 5000
#: An answer of at most this size may be taken apart without a ceiling: it takes a few megabytes.
_SMALL = 64 * 1024
#: The largest value of a field: what a signed 64-bit counter holds.
MAX_VALUE = 2**63 - 1
#: No number of more digits is converted: Python refuses to from 4300 on, or takes very long.
_MAX_DIGITS = 20

#: A JSON object is read as a tuple of its members, so that none is lost; an array is a list.
_Members = Tuple[Tuple[str, Any], ...]


def parse(body: bytes) -> Snapshot:
    """Read *body*, a JSON text in UTF-8.

    Raises AnswerError (condition `invalid`) if it is not an object of at most MAX_QUEUES queues;
    a single queue that cannot be used becomes a Malformed.
    """
    if len(body) <= _SMALL:
        return _snapshot(_members(_decoded(body)))
    from check_rodin_queues import memory  # noqa: PLC0415 — most answers are small

    try:
        with memory.ceiling():
            return _snapshot(_members(_decoded(body)))
    except MemoryError:
        raise invalid("it is too large to be held in memory") from None


def _snapshot(members: _Members) -> Snapshot:
    counts: Dict[str, int] = {}
    for name, _ in members:
        counts[name] = counts.get(name, 0) + 1
    if len(members) > MAX_QUEUES:
        raise invalid(f"it has {len(members)} queues, more than {MAX_QUEUES}")
    reports = [_queue(name, report) for name, report in members if counts[name] == 1]
    twice = [Malformed(name, "it is given twice") for name, count in counts.items() if count > 1]
    malformed = [report for report in reports if isinstance(report, Malformed)]
    return Snapshot(
        tuple(report for report in reports if isinstance(report, Queue)), (*malformed, *twice)
    )


def invalid(why: str) -> AnswerError:
    """Return the error for an answer that is not the documented one, because of *why*."""
    return AnswerError("invalid", f"no queue status: {why}. Run with -vvv to see what came")


def _decoded(body: bytes) -> Any:
    if len(body) > MAX_BYTES:
        raise invalid("it is larger than 1 MiB")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=tuple,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise invalid(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise invalid("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise invalid(f"no JSON at {where}" if body.strip() else "it is empty") from None


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS:
        return int(digits)
    return -1 if digits.startswith("-") else MAX_VALUE + 1


def _no_constant(name: str) -> None:
    raise invalid(f"{name} is not JSON")


def _members(document: Any) -> _Members:
    if not isinstance(document, tuple):
        raise invalid(f"{_kind(document)} where an object is documented")
    return document


def _queue(name: str, report: Any) -> Union[Queue, Malformed]:
    if not isinstance(report, tuple):
        return Malformed(name, f"{_kind(report)} where an object is documented")
    values: Dict[str, int] = {}
    for field, value in report:
        if field in FIELDS:
            reason = "given twice" if field in values else _fault(value)
            if reason:
                return Malformed(name, f"{field} is {reason}")
            values[field] = value
    for field in FIELDS:
        if field not in values:
            return Malformed(name, f"{field} is not there")
    return Queue(name, values["consumers"], values["job_awaiting"], values["job_running"])


def _fault(value: Any) -> str:
    """Say what is wrong with *value* as a count; empty if nothing is."""
    if type(value) is not int:  # not isinstance: True is an int
        return f"{_kind(value)} where an integer is documented"
    if value < 0:
        return "negative"
    return "above 2^63-1" if value > MAX_VALUE else ""


def _kind(value: Any) -> str:
    kinds = {
        tuple: "an object",
        list: "an array",
        str: "a string",
        int: "an integer",
        float: "a number with a fraction or an exponent",
        bool: "a boolean",
        type(None): "null",
    }
    return kinds[type(value)]
