"""A secret found again in foreign text, however its characters are written there.

A page of an error shows them as HTML does, JSON as JSON does, a URL percent-encoded, each or only
some of them; base64 is broken into lines. So the text is searched as it is, as it will be when what
may not be printed has become an underscore, which a secret may hold, and with its escapes undone
and without what no secret holds: white space and whatever is not ASCII. Underscores and what
becomes one are left out on both sides at last, since any of them may stand for any other.
"""

from __future__ import annotations

import re
import string
from array import array
from html.entities import html5
from typing import TYPE_CHECKING, Iterable, Iterator, List, Sequence, Tuple

from check_rodin_queues.labels import CLEANINGS, HIDDEN, LOOSE, loosened

_ESCAPE = re.compile(
    # JSON and other languages; a URL; HTML; wide letters; what stands for no character of a token
    r"(?:\\U000000|\\u00|\\[ux]\{0{0,6}|\\N\{U\+0{0,6}|\\x|\\0{2,4}|%u00)"
    r"(?P<code>[0-7][0-9a-f])\}?"
    r"|\\(?P<octal>[01]?[0-7]{2})|\\(?P<itself>[!-/:-@\[-`{-~])|%(?P<url>[0-7][0-9a-f])"
    r"|&\#x0{0,8}(?P<html>[0-7]?[0-9a-f]);?|&\#0{0,8}(?P<decimal>[0-9]{1,3});?"
    r"|&(?P<name>[a-z]{2,16});|(?P<wide>[\uff01-\uff5e])"
    r"|\\[bfnrt]|[^!-~\uff01-\uff5e]+",
    re.IGNORECASE | re.ASCII,  # else a Kelvin sign is a k, and what is no ASCII would be left
)
_MARKS = frozenset("\\%&")
_BASES = {"octal": 8, "decimal": 10}
_WIDER = 0xFEE0
_NAMES = {
    name[:-1].lower(): char
    for name, char in html5.items()
    if name.endswith(";") and char in string.punctuation
}
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_LAST_ASCII = 127
#: How often a text may have been escaped: a page in JSON in a log in JSON.
_LAYERS = 3
#: One more than how many characters behind it an escape takes that is not whole: `%4` or `\\u00`.
_SWALLOWED = 4
#: Places in a text, in four bytes each: a list would take ten times as much.
_COUNT = "I"
if TYPE_CHECKING:
    _Places = array[int]


class Finder:
    """Finds a secret whose *forms* are ASCII and in lower case."""

    def __init__(self, forms: Sequence[str], shortest: int) -> None:
        """Look also for what a form becomes that looks as if it was escaped itself.

        What has less than *shortest* characters is not looked for.
        """
        self._cleaned = [(clean, {clean(form) for form in forms}) for clean in CLEANINGS]
        known, undone = set(forms), forms
        for _ in range(_LAYERS):
            undone = [_undone(form)[0] if _MARKS.intersection(form) else form for form in undone]
            known.update(undone)
        whole = {loosened(form) for form in known}
        # an escape that is not whole takes the first characters behind it
        lacking = {form[taken:] for form in whole for taken in range(1, _SWALLOWED)}
        self._forms, self._loose, self._lacking = (
            [form for form in forms if len(form) >= shortest] for forms in (known, whole, lacking)
        )

    def hidden(self, text: str) -> str:
        """Return *text* with HIDDEN for each of the forms."""
        view = text.translate(_LOWER)
        found = [
            (at, at + len(form))
            for clean, forms in self._cleaned
            for form, at in _places(clean(view), forms)
        ]
        starts = array(_COUNT, range(len(text)))
        ends = array(_COUNT, range(1, len(text) + 1))
        forms = self._loose
        for _ in range(_LAYERS + 1):
            found += (
                (starts[first], ends[last])
                for first, last in (*self._exact(view), *_approximate(view, forms))
            )
            inner, froms, tos = _undone(view)
            if inner == view:
                break
            view, starts, ends = inner, _at(starts, froms), _at(ends, (at - 1 for at in tos))
            forms = [*self._loose, *self._lacking]
        shown, behind = [], 0
        for start, end in sorted(found):
            if start >= behind:
                shown += [text[behind:start], HIDDEN]
            behind = max(behind, end)
        return "".join((*shown, text[behind:]))

    def _exact(self, view: str) -> Iterator[Tuple[int, int]]:
        """Give the first and the last place of each form in *view*."""
        return ((at, at + len(form) - 1) for form, at in _places(view, self._forms))


def _approximate(view: str, forms: Iterable[str]) -> Iterator[Tuple[int, int]]:
    """Give the first and the last place of what, loosened, is one of *forms*."""
    loose = loosened(view)
    found = [form for form in forms if form in loose]
    kept = array(_COUNT, (at for at, char in enumerate(view) if char in LOOSE) if found else ())
    return ((kept[at], kept[at + len(form) - 1]) for form, at in _places(loose, found))


def _places(text: str, forms: Iterable[str]) -> Iterator[Tuple[str, int]]:
    """Give each place of each form."""
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield form, at
            at = text.find(form, at + len(form))


def _at(places: _Places, each: Iterable[int]) -> _Places:
    """Return of *places* what stands at *each*."""
    return array(_COUNT, map(places.__getitem__, each))


def _undone(text: str) -> Tuple[str, _Places, _Places]:
    """Return *text* in lower case, its escapes undone, and where each character began and ended."""
    pieces: List[str] = []
    starts, ends = array(_COUNT), array(_COUNT)
    behind = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        pieces.append(text[behind:start])
        starts.extend(range(behind, start))
        ends.extend(range(behind + 1, start + 1))
        char = _meant(match)
        if char:
            pieces.append(char)
            starts.append(start)
            ends.append(end)
        behind = end
    pieces.append(text[behind:])
    starts.extend(range(behind, len(text)))
    ends.extend(range(behind + 1, len(text) + 1))
    return "".join(pieces).lower(), starts, ends


def _meant(match: re.Match[str]) -> str:
    """Return the character that an escape stands for, empty if a token has none such."""
    kind, value = match.lastgroup, match[match.lastgroup] if match.lastgroup else ""
    if kind is None:
        return ""
    if kind == "itself":
        return value
    if kind == "name":
        return _NAMES.get(value.lower(), "")
    code = ord(value) - _WIDER if kind == "wide" else int(value, _BASES.get(kind, 16))
    return chr(code) if ord(" ") < code < _LAST_ASCII else ""
