"""The journal: what a run did, shown at the verbosity that asks for it.

Entries can quote the server. They are redacted before they are added, and `cli` redacts and
sanitizes them again before they are printed.
"""

from __future__ import annotations

from typing import List, Tuple

#: The verbosity from which on an entry is shown: -v, -vv, -vvv.
NOTICE, REQUEST, DEBUG = 1, 2, 3


class Journal:
    """Entries of a run, each with its verbosity."""

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self._entries: List[Tuple[int, str]] = []

    def wants(self, level: int) -> bool:
        """Return whether an entry of this level is shown."""
        return level <= self.verbosity

    def note(self, level: int, text: str) -> None:
        """Add *text*, shown from verbosity *level* on."""
        self._entries.append((level, text))

    def lines(self) -> List[str]:
        """Return the entries to show, in the order in which they were added."""
        return [text for level, text in self._entries if self.wants(level)]
