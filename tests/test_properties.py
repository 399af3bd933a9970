"""What holds for any input: each test draws examples, always the same ones.

`EXAMPLES=20000 .venv/bin/python -m pytest tests/test_properties.py` draws more of them.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from fractions import Fraction
from typing import Any, Optional

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from check_rodin_queues.errors import State, UsageError
from check_rodin_queues.extra_opts import read_words
from check_rodin_queues.thresholds import NO_RANGE, parse_range, parse_threshold
from tests.domain import judge
from tests.server import DOCUMENTED

settings.register_profile(
    "tests",
    max_examples=int(os.environ.get("EXAMPLES", "200")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("tests")

# --- ranges ---------------------------------------------------------------------------------------

INFINITY = float("inf")
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
#: Numbers that a float has exactly, near each other: eighths, and integers at 2^53 and 2^63.
numbers = st.one_of(
    st.integers(-9, 9),
    st.integers(-20, 20).map(lambda eighths: eighths / 8),
    st.integers(2**53 - 2, 2**53 + 2),
    st.just(2**63 - 1),
)
ranges = st.one_of(
    st.text("0123456789.:~@+- e", max_size=7),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "@"]),
        st.one_of(st.sampled_from(["", ":", "~:"]), numbers.map("{}:".format)),
        st.one_of(st.just(""), numbers.map(str)),
    ),
)


def read_range(text: str) -> Optional[tuple[Any, Any, bool]]:
    """Return start, end and whether the range alerts inside; None if it is not a range."""
    found = re.fullmatch(rf"(@?)(?:(~|{NUMBER})?:)?({NUMBER})?", text.strip())
    if found is None or not (found[2] or found[3]):
        return None
    start: Any = -INFINITY if found[2] == "~" else Fraction(found[2] or 0)
    end: Any = Fraction(found[3]) if found[3] else INFINITY
    return (start, end, bool(found[1])) if start <= end else None


@given(ranges, numbers)
def test_a_range_is_read_by_its_definition(text: str, value: float) -> None:
    expected = read_range(text)
    try:
        found = parse_threshold(State.WARNING, text).limit
    except UsageError:
        assert expected is None
        return
    if found is NO_RANGE:
        assert not text.strip()
        return
    assert expected is not None
    start, end, inside = expected
    side = "below" if value < start else "above" if value > end else "inside"
    assert found.side(value) == (side if (side == "inside") == inside else "")
    assert parse_range(found.text(can_be_negative=True)) == found
    shown = parse_range(found.text(can_be_negative=False))
    assert value < 0 or shown.side(value) == found.side(value)


# --- responses ------------------------------------------------------------------------------------

FIELDS = ("consumers", "job_awaiting", "job_running")
#: JSON that is not a count, except for the first.
ODD = ["0", "-1", str(2**63), "1.0", "true", "null", '"1"', "[]", "{}", "1e999", "NaN"]
NAMES = [*FIELDS, *DOCUMENTED, "more", "error", "x" * 256]


def written(value: Any) -> str:
    """Return *value* as JSON: a list of pairs as an object, in which a name can be there twice."""
    if isinstance(value, str):
        return value
    return "{" + ", ".join(f"{json.dumps(name)}: {written(more)}" for name, more in value) + "}"


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Write the idle site, in which members are removed, doubled, renamed or changed."""
    members: list[Any] = [(name, [(field, "1") for field in FIELDS]) for name in (*DOCUMENTED, "a")]
    places = [members, *(fields for _, fields in members)]
    for place in draw(st.lists(st.sampled_from([members, *places]), max_size=2)):
        name, value = place.pop(draw(st.integers(0, len(place) - 1)))
        other, odd = draw(st.sampled_from(NAMES)), draw(st.sampled_from(ODD))
        changes = [[], [(name, value)] * 2, [(other, value)], [(name, odd)]]
        place.extend(draw(st.sampled_from(changes)))
    body = written(members)
    return body[: draw(st.integers(1, len(body)))] if draw(st.integers(0, 9)) == 5 else body


def is_complete(body: str) -> bool:
    """Return whether OK may be reported: each queue has its three counts, and none is missing."""

    def unique(pairs: list[tuple[str, Any]]) -> object:
        names = [name for name, _ in pairs if name != "more"]
        return dict(pairs) if len(names) == len(set(names)) else reject("a name is given twice")

    def reject(text: str) -> object:
        raise ValueError(text)

    try:
        site = json.loads(body, object_pairs_hook=unique, parse_constant=reject)
        counts = [queue[field] for queue in site.values() for field in FIELDS]
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    are_counts = all(type(count) is int and 0 <= count < 2**63 for count in counts)
    return are_counts and {*DOCUMENTED} <= {*site} and max(map(len, site)) < 256


def test_ok_is_reported_of_a_complete_response_only() -> None:
    seen: Counter[bool] = Counter()

    @given(bodies())
    def check(body: str) -> None:
        found = judge(body, "-c", "consumers=", "--state", "stranded=ok,stalled=ok")
        assert (found.state == "OK") == is_complete(body)
        seen[is_complete(body)] += 1

    check()
    assert seen[True] >= 10, seen


# --- options --------------------------------------------------------------------------------------

#: Names in an INI file, and their words on the command line.
VALUED = {"H": "--host", "host": "--host"}
SWITCHES = {"v": "--verbose", "insecure": "--insecure", "4": "--ipv4"}
values = st.text("ab.*=:;#@~[]\\ \t'\"\u7db2%$5", max_size=8).map(str.strip)
noise = st.sampled_from(["", "# w=1", "; [x]", "\t", " #"])
blank = st.sampled_from(["", " ", "\t "])


chosen = st.tuples(st.sampled_from([*VALUED]), values) | st.tuples(st.sampled_from([*SWITCHES]))


@given(st.lists(chosen), blank, blank, st.lists(noise), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_an_ini_file_holds_words_of_the_command_line(
    given_options: list[tuple[str, ...]], before: str, after: str, more: list[str], end: str
) -> None:
    lines, words = ["\ufeff[other]", "no option", "[ check_rodin_queues ]", "v="], ["--verbose"]
    for name, *value in given_options:
        assume(not re.fullmatch(r"(['\"]).*\1", "".join(value)))
        lines += [*more, f"{before}{name}{after}={before}{''.join(value)}"]
        words.append("=".join([{**VALUED, **SWITCHES}[name], *value]))
    with tempfile.NamedTemporaryFile() as file:
        file.write(end.join([*lines, "[more]", "no option"]).encode())
        file.flush()
        assert [os.fsencode(word).decode() for word in read_words(f"@{file.name}", {})] == words
