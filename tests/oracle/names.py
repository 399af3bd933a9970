"""Shown names: what labels and text call a queue."""

from __future__ import annotations

from typing import Dict, Iterable, Set

#: The longest label of a queue is `QUEUE.awaiting_per_consumer`.
LIMIT = 80 - len(".awaiting_per_consumer")

FORBIDDEN = "'=|"
TAKEN = "total"


def clean(name: str) -> str:
    """Return *name* with what a label may not hold replaced, before any cut."""
    whole = name.replace("::", "__")
    return "".join(
        "_" if character in FORBIDDEN or not character.isprintable() else character
        for character in whole
    )


def shown(names: Iterable[str]) -> Dict[str, str]:
    """Return the shown name of each of the raw *names*."""
    ordered = sorted(names)
    taken: Set[str] = {TAKEN}
    chosen: Dict[str, str] = {}
    unchanged = [name for name in ordered if clean(name)[:LIMIT] == name and name != TAKEN]
    changed = [name for name in ordered if name not in unchanged]
    for name in unchanged + changed:
        chosen[name] = _free(clean(name)[:LIMIT], taken)
        taken.add(chosen[name])
    return chosen


def _free(wanted: str, taken: Set[str]) -> str:
    if wanted not in taken:
        return wanted
    count = 2
    while True:
        suffix = f"_{count}"
        candidate = wanted[: LIMIT - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
        count += 1
