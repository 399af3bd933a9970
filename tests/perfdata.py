"""A strict reader of performance data, written from the plugin guidelines, not from the product.

The tests read every line of perfdata with it. It knows nothing of the package and forgives nothing:
what Nagios, Icinga or a graph would drop, split or misread is a ValueError.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple, Optional

#: Longest label that the interface allows.
LABEL_LIMIT = 80

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
#: A label is quoted only if it has a blank: some readers keep the quotes as a part of the name.
_DATUM = re.compile(
    rf"(?:'(?P<quoted>[^'=|;]* [^'=|;]*)'|(?P<bare>[^ '=|;]+))="
    rf"(?P<value>{_NUMBER})(?P<unit>s|ms|us|%|B|KB|MB|GB|TB|c|)"
    rf"(?:;(?P<warning>[^; ]*)(?:;(?P<critical>[^; ]*)"
    rf"(?:;(?P<minimum>{_NUMBER}|)(?:;(?P<maximum>{_NUMBER}|))?)?)?)?"
)
_RANGE = re.compile(rf"(?P<inside>@?)(?:(?P<start>~|{_NUMBER}):)?(?P<end>{_NUMBER})?")


class Datum(NamedTuple):
    """One metric: its value with unit, both ranges as they are written, and its bounds."""

    value: Decimal
    unit: str = ""
    warning: str = ""
    critical: str = ""
    minimum: Optional[Decimal] = None
    maximum: Optional[Decimal] = None


def parse(perfdata: str) -> dict[str, Datum]:
    """Return the metrics of *perfdata* by label, in their order.

    Raises ValueError where the text is not exactly metrics with one space between.
    """
    metrics: dict[str, Datum] = {}
    at = 0
    while at < len(perfdata):
        found = _DATUM.match(perfdata, at)
        if found is None or perfdata[found.end() : found.end() + 2] == " ":
            raise ValueError(f"no metric at {perfdata[at : at + 40]!r}")
        label = found["quoted"] or found["bare"]
        if not label.isprintable() or "::" in label or len(label) > LABEL_LIMIT or label in metrics:
            raise ValueError(f"a label that a reader misreads, or that is given twice: {label!r}")
        metrics[label] = _datum(label, found)
        at = found.end() + 1
        if perfdata[at - 1 : at] not in {"", " "}:
            raise ValueError(f"no space after {found[0]!r}")
    return metrics


def _datum(label: str, found: re.Match[str]) -> Datum:
    bounds = (found["minimum"], found["maximum"])
    low, high = (Decimal(bound) if bound else None for bound in bounds)
    ranges = (found["warning"] or "", found["critical"] or "")
    value = Decimal(found["value"])
    is_wrong = any(text and not _is_range(label, text) for text in ranges)
    # the value of `time` can be above its maximum, the timeout
    if is_wrong or (low is not None and low > min(value, value if high is None else high)):
        raise ValueError(f"{label!r} has a wrong range or bound: {found[0]!r}")
    return Datum(value, found["unit"], *ranges, low, high)


def _is_range(label: str, text: str) -> bool:
    """Return whether *text* is a range of the guidelines in the one form that Icinga keeps."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found["start"] or found["end"]):
        return False
    start, end = found["start"], found["end"]
    if end is None:
        return True
    if start != "~" and Decimal(start or 0) > Decimal(end):
        return False
    # the interface writes N for 0:N, for ~:N and @~:N also @N, if the metric is never negative
    zero = start is not None and start != "~" and Decimal(start) == 0 and not found["inside"]
    from_below = start == "~" and label != "token_expires_in" and Decimal(end) >= 0
    return not (zero or from_below)
