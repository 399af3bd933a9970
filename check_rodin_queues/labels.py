"""Shown names: what a queue is called in labels and in text, whatever the server calls it.

A name is foreign text. In perfdata it must not end a label or begin another one, in a terminal it
must not move the cursor, and Icinga reads `::` in a label as a separator.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Set, Tuple

from check_rodin_queues.metrics import LONGEST_NAME, TOTAL

#: The longest label of a queue, in characters.
MAX_LABEL = 80
#: The longest shown name: what MAX_LABEL leaves beside the dot and the longest metric.
MAX_NAME = MAX_LABEL - LONGEST_NAME - 1
_NOT_IN_A_LABEL = "'=|"
#: Stands for what must not be shown.
HIDDEN = "***"


def printable(text: str) -> str:
    """Replace by `_` what is not printable: control characters, bidirectional marks, surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "_" for char in text)


def one_line(text: str) -> str:
    """Return *text* without what could break its line, begin perfdata or steer a terminal."""
    return printable(text).replace("|", "_")


def in_a_label(text: str) -> str:
    """Return *text* without what a label may not hold, as long as it was."""
    for char in _NOT_IN_A_LABEL:
        text = text.replace(char, "_")
    return printable(text).replace("::", "__")


#: What may be done to a text before it is printed. Each leaves it as long as it was; what is found
#: in a text is found in one line of it, too.
CLEANINGS: Tuple[Callable[[str], str], ...] = (one_line, in_a_label)
#: The characters that no cleaning changes or makes: ASCII that is printed as it is.
LOOSE = frozenset(map(chr, range(ord("!"), 127))) - {*_NOT_IN_A_LABEL, ":", "_"}
_NOT_LOOSE = bytes(sorted(set(range(128)) - set(map(ord, LOOSE))))


def loosened(text: str) -> str:
    """Return the characters of *text* that are LOOSE, which stay the same whatever is printed."""
    return text.encode("ascii", "ignore").translate(None, _NOT_LOOSE).decode("ascii")


def label_safe(text: str) -> str:
    """Return *text* as it may stand in a label, not yet unique."""
    return in_a_label(text)[:MAX_NAME]


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
    numbers: Dict[str, int] = {}  # the last that was given to each
    for name, wanted in safe.items():
        if name not in shown:
            shown[name] = _free(wanted, taken, numbers, redact)
            taken.add(shown[name])
    return shown


def _free(name: str, taken: Set[str], numbers: Dict[str, int], redact: Callable[[str], str]) -> str:
    """Return *name* or one with a number that is not taken, and with which it is no secret."""
    if redact(name) != name:  # cleaning has made a secret of it
        name = HIDDEN
    candidate, number = name, numbers.get(name, 1)
    while candidate in taken or redact(candidate) != candidate:
        number += 1
        suffix = f"_{number}"
        candidate = name[: MAX_NAME - len(suffix)] + suffix
    numbers[name] = number
    return candidate
