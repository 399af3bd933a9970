"""The journal: what a run did, kept in memory and shown only at the verbosity that asks for it.

Entries may quote a server, a proxy or a file's name; `output` makes them harmless. None holds the
token.
"""

from __future__ import annotations

from typing import List, Tuple

#: The verbosity from which on an entry is shown: -v, -vv, -vvv.
NOTICE = 1
REQUEST = 2
DEBUG = 3


class Journal:
    """Entries, each with the verbosity from which on it is shown."""

    def __init__(self) -> None:
        self._entries: List[Tuple[int, str]] = []

    def note(self, level: int, text: str) -> None:
        """Add *text*, to be shown from verbosity *level* on."""
        self._entries.append((level, text))

    def shown_at(self, verbosity: int) -> Tuple[str, ...]:
        """Return the entries to show at *verbosity*, in the order in which they were made."""
        return tuple(text for level, text in self._entries if level <= verbosity)
