"""The states of a service, and the errors that keep the check from a verdict.

    CheckError
    ├── UsageError     the arguments or RODIN_URL alone are wrong: UNKNOWN, fails every probe
    ├── ConfigError    a file, the token or this host is wrong: UNKNOWN
    └── RequestError   no usable response; its condition has a state of its own

`cli` is the one place that turns an error into a state and a line.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable


class State(enum.IntEnum):
    """A service state; the value is the exit code of the Monitoring Plugins guidelines."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


#: From harmless to worst. In nagiosplugin UNKNOWN is worst, and would hide a queue that is dead.
SEVERITY = {State.OK: 0, State.WARNING: 1, State.UNKNOWN: 2, State.CRITICAL: 3}


class CheckError(Exception):
    """An error whose text is written for the person on call: a cause and a next step."""

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(f"{cause}. {next_step}" if next_step else cause)
        self.cause = cause
        self.next_step = next_step


class UsageError(CheckError):
    """The arguments or RODIN_URL are wrong, independent of any file and of the server."""


class ConfigError(CheckError):
    """A file, the token or a resource of this host cannot be used."""


class RequestError(CheckError):
    """There is no usable response. *condition* is the name of a row in `conditions.CONDITIONS`."""

    def __init__(self, condition: str, cause: str, next_step: str = "") -> None:
        super().__init__(cause, next_step)
        self.condition = condition


def quoted(text: str) -> str:
    """Return " 'text'" for a message, or nothing if *text* could be a secret.

    Shown are short lower-case words and short numbers with the signs of ranges.
    """
    word, number = r"[a-z_*]{1,24}", r"[0-9.:;~@+-]{1,12}"
    is_harmless = re.fullmatch(rf"(?:{word}|{number})(?:[.=,](?:{word}|{number}))*", text)
    return f" '{text}'" if is_harmless and len(text) <= 60 else ""  # noqa: PLR2004


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean NAME?)" with the *known* name nearest to *name*, or nothing."""
    import difflib  # noqa: PLC0415 — only a mistake needs it

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f" (did you mean {close[0]}?)" if close else ""
