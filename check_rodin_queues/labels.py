"""Shown names: what a queue is called in labels and in text, whatever the server calls it.

A name is foreign text. In perfdata it must not end a label or begin another one, in a terminal it
must not move the cursor, and Icinga reads `::` in a label as a separator.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Set

from check_rodin_queues.metrics import LONGEST_NAME, TOTAL

#: The longest label of a queue, in characters.
MAX_LABEL = 80
#: The longest shown name: what MAX_LABEL leaves beside the dot and the longest metric.
MAX_NAME = MAX_LABEL - LONGEST_NAME - 1
_NOT_IN_A_LABEL = "'=|"


def printable(text: str) -> str:
    """Replace by `_` what is not printable: control characters, bidirectional marks, surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "_" for char in text)


def label_safe(text: str) -> str:
    """Return *text* as it may stand in a label, not yet unique."""
    for char in _NOT_IN_A_LABEL:
        text = text.replace(char, "_")
    return printable(text).replace("::", "__")[:MAX_NAME]


def clipped(text: str, size: int) -> str:
    """Cut *text* to *size* bytes of UTF-8, with an ellipsis and never within a character."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= size:
        return text
    return raw[: size - 3].decode("utf-8", "ignore") + "..."


def shown_names(names: Iterable[str], redact: Callable[[str], str] = str) -> Dict[str, str]:
    """Map each raw name to a shown name of its own; *redact* hides what must not be shown.

    Names that needed no change keep it; of the others one whose name is taken gets `_2`, `_3` …,
    in the order of the raw names. TOTAL is always taken.
    """
    safe = {name: label_safe(redact(name)) for name in sorted(set(names))}
    shown = {name: name for name in safe if safe[name] == name and name != TOTAL}
    taken = {TOTAL, *shown}
    for name, wanted in safe.items():
        if name not in shown:
            shown[name] = _free(wanted, taken)
            taken.add(shown[name])
    return shown


def _free(name: str, taken: Set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        suffix = f"_{number}"
        candidate = name[: MAX_NAME - len(suffix)] + suffix
    return candidate
