"""The journal: what a run did, kept in memory and shown only at the verbosity that asks for it.

Entries may quote a server, a proxy or a file's name; `output` makes them harmless. None holds the
token.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

#: The verbosity from which on an entry is shown: -v, -vv, -vvv.
NOTICE = 1
REQUEST = 2
DEBUG = 3
#: How much of an answer is shown, in characters.
MAX_BODY = 2000
#: How many queues that are not judged are named.
_MAX_NAMED = 20


class Journal:
    """Entries, each with the verbosity from which on it is shown.

    *verbosity*: that of the run, once it is known. What is dear to write asks `wants` before.
    """

    def __init__(self) -> None:
        self.verbosity = DEBUG
        self._entries: List[Tuple[int, str]] = []

    def wants(self, level: int) -> bool:
        """Tell whether an entry of this level will be shown."""
        return level <= self.verbosity

    def note_body(self, text: str) -> None:
        """Add the start of an answer, for -vvv, on one line."""
        self.note(DEBUG, f"body: {' '.join(text.split())}")

    def note_left_out(self, names: Sequence[str]) -> None:
        """Add the shown *names* of queues that are not judged, if any, for -v."""
        if names:
            more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
            self.note(
                NOTICE, f"left out by -q and -x: {', '.join(sorted(names)[:_MAX_NAMED])}{more}"
            )

    def note(self, level: int, text: str) -> None:
        """Add *text*, to be shown from verbosity *level* on."""
        self._entries.append((level, text))

    def shown(self) -> Tuple[str, ...]:
        """Return the entries that are wanted, in the order in which they were made."""
        return tuple(text for level, text in self._entries if self.wants(level))
