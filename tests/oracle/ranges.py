"""Ranges of the plugin guidelines, read character by character and compared as fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Optional, Union

from tests.oracle.objections import RefusedError, UnspecifiedError

#: A value to judge; infinity is the one float among them.
Measure = Union[Fraction, float]

_DIGITS = "0123456789"


class Range(NamedTuple):
    """Where a metric shall stay, or not stay if *inside*; None is an open end."""

    inside: bool
    start: Optional[Fraction]
    end: Optional[Fraction]

    def alerts(self, value: Measure) -> bool:
        """Tell whether *value* is where it may not be; both ends belong to the range."""
        low = self.start is None or value >= self.start
        high = self.end is None or value <= self.end
        return (low and high) == self.inside

    def only_from_above(self) -> bool:
        """Tell whether a value that is never negative can only be too high for it."""
        return not self.inside and self.end is not None and self.start in {None, Fraction(0)}


def read(text: str) -> Optional[Range]:
    """Return the range that *text* says, None for the empty one that removes a threshold."""
    if not text:
        return None
    inside = text.startswith("@")
    start_text, colon, end_text = text[inside:].partition(":")
    if not colon:
        return _ordered(Range(inside, Fraction(0), _number(start_text)))
    if not start_text or (start_text == "~" and not end_text):
        raise UnspecifiedError("a range without a start, or with no bound at all")
    start = None if start_text == "~" else _number(start_text)
    return _ordered(Range(inside, start, _number(end_text) if end_text else None))


def _ordered(found: Range) -> Range:
    if found.start is not None and found.end is not None and found.start > found.end:
        raise RefusedError("the start is above the end")
    return found


def _number(text: str) -> Fraction:
    sign = -1 if text.startswith("-") else 1
    unsigned = text[1:] if text[:1] in {"+", "-"} else text
    whole, dot, decimals = unsigned.partition(".")
    if any(character not in _DIGITS for character in whole + decimals) or not whole + decimals:
        raise RefusedError(f"no number: {text!r}")
    if dot and not (whole and decimals):
        raise UnspecifiedError("a dot without digits on both sides")
    return sign * (Fraction(int(whole)) + Fraction(int(decimals or "0"), 10 ** len(decimals)))
