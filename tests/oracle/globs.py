"""Globs of the shell without its file names: `*`, `?`, and `[...]`; case matters."""

from __future__ import annotations

from tests.oracle.objections import UnspecifiedError

WILD = "*?[]"


def plain(glob: str) -> bool:
    """Tell whether *glob* is a plain name, which means just one queue."""
    return not any(character in WILD for character in glob)


def matches(glob: str, name: str) -> bool:
    """Tell whether the whole *name* is one that *glob* describes."""
    if not glob:
        return not name
    first, rest = glob[0], glob[1:]
    if first == "*":
        return any(matches(rest, name[start:]) for start in range(len(name) + 1))
    if first == "[":
        return _set_matches(rest, name)
    return bool(name) and first in {"?", name[0]} and matches(rest, name[1:])


def check(glob: str) -> str:
    """Return *glob*; decline one whose meaning the page leaves open."""
    if not glob:
        raise UnspecifiedError("an empty glob")
    rest = glob
    while "[" in rest:
        rest = rest.partition("[")[2]
        if rest[:1] in {"]", "^"} or rest[:2] == "!]" or "]" not in rest:
            raise UnspecifiedError("a set that begins with its bracket, or does not end")
        inner, _, rest = rest.partition("]")
        _check_set(inner)
    return glob


def _check_set(inner: str) -> None:
    members = inner[1:] if inner[:1] == "!" else inner
    if "[" in members or "\\" in members or members.startswith("-") or members.endswith("-"):
        raise UnspecifiedError("a set with an odd member")
    for position, character in enumerate(members):
        if character == "-" and members[position - 1] > members[position + 1]:
            raise UnspecifiedError("a set that counts down")
        if character == "-" and "-" in members[position + 1 : position + 3]:
            raise UnspecifiedError("a set of two hyphens")


def _set_matches(glob: str, name: str) -> bool:
    members, _, rest = glob.partition("]")
    if not name:
        return False
    if members[:1] == "!":
        return not _contains(members[1:], name[0]) and matches(rest, name[1:])
    return _contains(members, name[0]) and matches(rest, name[1:])


def _contains(members: str, character: str) -> bool:
    if not members:
        return False
    if members[1:2] == "-":
        inside = members[0] <= character <= members[2]
        return inside or _contains(members[3:], character)
    return members[0] == character or _contains(members[1:], character)
