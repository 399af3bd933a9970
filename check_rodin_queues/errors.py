"""What can keep the check from a judgement; each error's text is written for the person on call.

    CheckError
    ├── CallError            the way the check was called is wrong: always UNKNOWN
    │   ├── UsageError       the arguments or RODIN_URL alone show it
    │   └── ConfigError      it depends on a file, on the token or on this host
    └── AnswerError          the server gave no answer that can be judged; names its condition

`cli` is the one place that turns them into a state and a line.
"""

from __future__ import annotations


class CheckError(Exception):
    """The base of all errors that this package raises on purpose."""


class CallError(CheckError):
    """The check was called in a way that cannot work; the text says what to change."""


class UsageError(CallError):
    """The arguments or RODIN_URL are wrong, whatever the files and the server hold."""


class ConfigError(CallError):
    """A file, the token or what the host grants a process cannot be used or does not suffice."""


class AnswerError(CheckError):
    """There is no answer, or none that can be judged.

    `condition` is the name of a row of `conditions.CONDITIONS`. The text says the cause and the
    next step.
    """

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text)
        self.condition = condition
