"""The response: JSON text to a Snapshot of sound and malformed queues.

The documented response is a JSON object: queue name → object with three non-negative integers.
`json` alone would hide faults: it keeps only the last of duplicate keys, reads NaN, and to Python
`true` is an integer. So objects are read as tuples of their members, and arrays as lists.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, Union

from check_rodin_queues.errors import RequestError

#: The fields of a queue, as the API names them.
FIELDS = ("consumers", "job_awaiting", "job_running")
#: The queues that the vendor documents.
DOCUMENTED_QUEUES = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")
#: The largest response, in decoded bytes.
MAX_BYTES = 1024 * 1024
MAX_QUEUES = 5000
#: The longest name of a queue, in characters. No glob is matched against a longer name.
MAX_NAME = 255
#: The largest value of a field: a signed 64-bit counter.
MAX_VALUE = 2**63 - 1
#: Longer integers are not converted: Python rejects them from 4,300 digits on.
_MAX_DIGITS = 20
#: Members of an object that reports an error instead of queues.
_ERROR_MEMBERS = {"error", "errors", "message", "msg", "detail", "code", "status", "success"}
_CHECK_URL = "Check -H; -vvv shows the response"
_REPORT = "Report it to the server's administrator; -vvv shows the response"
_KINDS = {
    tuple: "an object",
    list: "an array",
    str: "a string",
    int: "an integer",
    float: "a number with a fraction or an exponent",
    bool: "a boolean",
    type(None): "null",
}


class Queue(NamedTuple):
    """A sound queue; *name* is as the server gives it, the other fields are counts."""

    name: str
    consumers: int
    job_awaiting: int
    job_running: int


class Snapshot(NamedTuple):
    """All queues of one response, in the server's order.

    *malformed* has the queues whose data cannot be used, each with the reason.
    """

    queues: tuple[Queue, ...]
    malformed: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all queues, sound and malformed."""
        return (*(queue.name for queue in self.queues), *self.malformed)


def parse(body: bytes, source: str, next_step: str = "") -> Snapshot:
    """Read *body*, JSON in UTF-8, with or without a byte order mark.

    Raises RequestError (`invalid`) if it is not an object of at most MAX_QUEUES queues. *source*
    begins the message, for example "rodin.example.com:443 sent"; *next_step* replaces its end.
    """
    if len(body) > MAX_BYTES:
        raise too_large(source, next_step)
    try:
        return _snapshot(_load(body))
    except RequestError as error:
        raise invalid(f"{source} {error.cause}", next_step or error.next_step) from None


def invalid(cause: str, next_step: str) -> RequestError:
    """Return the error for a response that is not the documented one."""
    return RequestError("invalid", cause, next_step)


def too_large(source: str, next_step: str = "") -> RequestError:
    """Return the error for a response of more than MAX_BYTES."""
    next_step = next_step or "Check -H: this may be another service"
    return invalid(f"{source} more than 1 MiB", next_step)


def _load(body: bytes) -> Any:
    import json  # noqa: PLC0415 — --help does not need it

    try:
        text = body.decode("utf-8-sig")
        return json.loads(
            text, object_pairs_hook=tuple, parse_int=_parse_integer, parse_constant=_reject_constant
        )
    except UnicodeDecodeError as error:
        raise invalid(f"text that is not UTF-8 (byte {error.start})", _CHECK_URL) from None
    except RecursionError:
        raise invalid("JSON that is nested too deeply", _CHECK_URL) from None
    except json.JSONDecodeError as error:
        fault = f"invalid JSON (line {error.lineno} column {error.colno})"
    if not text.strip():
        raise invalid("an empty body", "Check the server's log")
    if text.lstrip().startswith("<"):
        next_step = "Check -H: this may be a login page or another service"
        raise invalid("an HTML page, not JSON", next_step)
    raise invalid(fault, _CHECK_URL)


def _snapshot(document: Any) -> Snapshot:
    if not isinstance(document, tuple):
        raise invalid(f"{_KINDS[type(document)]}, expected an object of queues", _CHECK_URL)
    if len(document) > MAX_QUEUES:
        raise invalid(f"{len(document)} queues, expected at most {MAX_QUEUES}", _REPORT)
    counts = Counter(name for name, _ in document)
    members = {field for _, value in document if isinstance(value, tuple) for field, _ in value}
    if _ERROR_MEMBERS & counts.keys() and not members & set(FIELDS):
        next_step = "Check the server's log; -vvv shows the response"
        raise invalid("an error object instead of queues", next_step)
    queues: list[Queue] = []
    malformed: dict[str, str] = {}
    for name, value in document:
        read = _read_queue(name, value) if counts[name] == 1 else "duplicate queue"
        if isinstance(read, Queue):
            queues.append(read)
        else:
            malformed[name] = read
    return Snapshot(tuple(queues), malformed)


def _parse_integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS:
        return int(digits)
    return -1 if digits.startswith("-") else MAX_VALUE + 1


def _reject_constant(name: str) -> None:
    raise invalid(f"{name}, which is not valid JSON", _REPORT)


def _read_queue(name: str, value: Any) -> Union[Queue, str]:
    """Return the queue, or the reason why it is malformed."""
    if len(name) > MAX_NAME:
        return f"name of {len(name)} characters, expected at most {MAX_NAME}"
    if not isinstance(value, tuple):
        return f"{_KINDS[type(value)]}, expected an object"
    counts: dict[str, int] = {}
    for field, count in value:
        if field in FIELDS:
            fault = "given twice" if field in counts else _fault(count)
            if fault:
                return f"{field} is {fault}"
            counts[field] = count
    for field in FIELDS:
        if field not in counts:
            return f"no field {field}"
    return Queue(name, **counts)


def _fault(count: Any) -> str:
    if type(count) is not int:  # not isinstance: True is an int
        return f"{_KINDS[type(count)]}, expected an integer"
    if count < 0:
        return "negative"
    return "above 2^63-1" if count > MAX_VALUE else ""
