"""Globs for names of any length.

fnmatch makes a regular expression of a glob, and one that is at work keeps the interpreter's lock:
on a name of a megabyte that can last, and nothing could end the run on time. Such names are matched
step by step. Rare, so this is loaded only for them, and where fnmatch of an old Python fails.
"""

from __future__ import annotations

from typing import Callable, List, Optional

#: Whether one character fits; None is the star.
_Element = Optional[Callable[[str], object]]


def matches(glob: str, name: str) -> bool:
    """Tell whether *name* matches *glob* as fnmatch.fnmatchcase does."""
    elements = _elements(glob)
    at = step = begin = 0
    star = -1
    while at < len(name):
        fits = elements[step] if step < len(elements) else _no_character
        if fits is None:
            star, begin, step = step, at, step + 1
            if step == len(elements):
                return True
        elif fits(name[at]):
            at, step = at + 1, step + 1
        elif star < 0:
            return False
        else:  # let the last star take one character more
            begin += 1
            at, step = begin, star + 1
    return all(element is None for element in elements[step:])


def _no_character(_: str) -> bool:
    return False


def _any_character(_: str) -> bool:
    return True


def _elements(glob: str) -> List[_Element]:
    """Return what each character has to fit, and the stars between."""
    found: List[_Element] = []
    at = 0
    while at < len(glob):
        end = _end(glob, at)
        piece = glob[at:end]
        if piece == "*":
            found.append(None)
        elif piece == "?":
            found.append(_any_character)
        elif len(piece) > 1:
            found.append(_one_of(piece[1:-1]))
        else:
            found.append(piece.__eq__)
        at = end
    return found


def _one_of(members: str) -> Callable[[str], bool]:
    """Return what fits a set, of what stands in its brackets."""
    negated = members.startswith("!")
    members = members[negated:]
    ranges = []
    while members:
        size = 3 if members[1:2] == "-" and len(members) > 2 else 1  # noqa: PLR2004 — a-z
        ranges.append((members[0], members[size - 1]))
        members = members[size:]
    return lambda char: any(low <= char <= high for low, high in ranges) != negated


def _end(glob: str, at: int) -> int:
    """Return where the element ends that begins *at*: a set, or a character.

    A bracket that is not closed is a character; a closing one that comes first in a set is a
    member of it.
    """
    if glob[at] != "[":
        return at + 1
    first = at + 2 if glob[at + 1 : at + 2] == "!" else at + 1
    return glob.find("]", first + 1) + 1 or at + 1
