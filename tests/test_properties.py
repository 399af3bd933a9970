"""What holds for any input: each test draws examples, always the same ones.

`EXAMPLES=20000 .venv/bin/python -m pytest tests/test_properties.py` draws more of them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import string
import tempfile
from collections import Counter
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import quote

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from check_rodin_queues.errors import State, UsageError
from check_rodin_queues.extra_opts import read_words
from check_rodin_queues.output import display_names, one_line
from check_rodin_queues.thresholds import is_plain, matches, parse_range, parse_threshold
from check_rodin_queues.token import REDACTED, Token
from tests.console import CODES, STATES, traces
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


def read_range(text: str) -> Optional[Tuple[Any, Any, bool]]:
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
    if found is None:
        assert not text.strip()
        return
    assert expected is not None
    start, end, inside = expected
    side = "below" if value < start else "above" if value > end else "inside"
    assert found.side(value) == (side if (side == "inside") == inside else "")
    again = parse_range(found.text(can_be_negative=True))
    assert again is not None
    assert vars(again) == vars(found)
    shown = parse_range(found.text(can_be_negative=False))
    assert shown is not None
    assert value < 0 or shown.side(value) == found.side(value)


# --- globs ----------------------------------------------------------------------------------------


@given(st.text("ab*?[]!-.\n\xe9", max_size=9), st.text("ab]-.!\n\xe9", max_size=9))
@example("[b-a]", "a")
def test_a_glob_matches_as_fnmatch_does(glob: str, name: str) -> None:
    try:
        expected = fnmatchcase(name, glob)
    except re.error:  # Python 3.9 rejects [b-a]
        expected = False
    assert matches(glob, name) == expected
    assert is_plain(glob) == (glob == re.sub(r"[]*?[]", "", glob))


# --- responses ------------------------------------------------------------------------------------

FIELDS = ("consumers", "job_awaiting", "job_running")


class Members(List[Tuple[str, Any]]):
    """The members of a JSON object, in their order; a name can be there twice."""


def write(value: Any) -> str:
    """Write *value* as JSON, or NaN as Python does."""
    if isinstance(value, Members):
        return "{" + ", ".join(f"{json.dumps(name)}: {write(more)}" for name, more in value) + "}"
    return json.dumps(value)


NOT_A_COUNT: Tuple[Any, ...] = (-1, 2**63, 1.0, True, None, "1", [], Members(), 1e999, float("nan"))
odd: st.SearchStrategy[Any] = st.sampled_from(NOT_A_COUNT)
few = st.integers(0, 2)
sound_queues = st.tuples(few, st.integers(0, 7), few).map(lambda three: Members(zip(FIELDS, three)))
members = st.tuples(st.sampled_from([*FIELDS, "more"]), few | odd)
queues = sound_queues | odd | st.lists(members, min_size=2, max_size=4).map(Members)
names = st.sampled_from([*DOCUMENTED, "a", "total", "a|b", "error", "x" * 256, "Rodin.mesh", ""])


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Write a response: the site, in which some things can be wrong."""
    kind = draw(st.integers(0, 9))
    waiting = st.sampled_from([0, 1, 4, 5, 5, 6])
    site = {name: Members(zip(FIELDS, (1, draw(waiting), 1))) for name in DOCUMENTED}
    more = draw(st.lists(st.tuples(names, queues), max_size=3)) if kind > 4 else []
    if draw(st.integers(0, 5)):
        site = {name: site[name] for name in site if name not in dict(more)}
    if kind == 6:
        site.pop("rodin.mesh", None)
    body = write(Members(draw(st.permutations([*site.items(), *more]))))
    cut = draw(st.integers(0, len(body) - 1))
    return body[:cut] + draw(st.sampled_from("x}")) + body[cut + 1 :] if kind == 9 else body


def expected(body: str) -> Tuple[str, int]:
    """Return the state by the interface, and how many queues are sound.

    With the options of the test below: job_awaiting above 5 is a warning.
    """

    def reject(name: str) -> None:
        raise ValueError(name)

    try:
        document = json.loads(body, object_pairs_hook=Members, parse_constant=reject)
    except ValueError:
        return STATES["invalid"], 0
    if not isinstance(document, Members):
        return STATES["invalid"], 0
    given_names = Counter(name for name, _ in document)
    counts = [
        sound_counts(value) if given_names[name] == 1 and len(name) <= 255 else None
        for name, value in document
    ]
    sound = [found for found in counts if found]
    states = ["OK", *(state for found in sound for state in queue_states(*found))]
    states += [STATES["invalid"]] if None in counts else []
    states += [STATES["missing"]] if sound and not given_names.keys() >= {*DOCUMENTED} else []
    states += [STATES["empty"]] if not document else []
    return max(states, key=("OK", "WARNING", "UNKNOWN", "CRITICAL").index), len(sound)


def queue_states(consumers: int, awaiting: int, running: int) -> Iterator[str]:
    """Yield the states of a sound queue."""
    yield "WARNING" if awaiting > 5 else "OK"
    if awaiting and not consumers:
        yield STATES["stranded"]
    if awaiting and consumers and not running:
        yield STATES["stalled"]


def sound_counts(value: Any) -> Optional[List[int]]:
    """Return the three counts of a queue, None if one cannot be used."""
    if not isinstance(value, Members):
        return None
    counts = [[more for name, more in value if name == field] for field in FIELDS]
    flat = [found[0] for found in counts if len(found) == 1]
    usable = len(flat) == 3 and all(type(one) is int and 0 <= one < 2**63 for one in flat)
    return flat if usable else None


def test_a_response_is_judged_by_the_interface() -> None:
    """Each state comes up often enough."""
    seen: Counter[str] = Counter()

    @given(bodies())
    def check(body: str) -> None:
        state, sound = expected(body)
        found = judge(body, "-c", "consumers=", "-w", "job_awaiting=5")
        assert (found.state, len(found.metrics)) == (state, 3 * sound)
        seen[state] += 1

    check()
    assert min(seen[state] for state in CODES) > sum(seen.values()) / 40, seen


# --- names ----------------------------------------------------------------------------------------

raw_names = st.text("ab_=|:;'23 \n\x1b\u202e\U0001f600", max_size=5)
taken_names = st.sampled_from(["total", "total_2", "x" * 58, "x" * 59, "x" * 60, "x" * 56 + "_2"])


@given(st.lists(raw_names | taken_names, max_size=9))
def test_shown_names_are_unique_and_fit_for_a_label(raw: List[str]) -> None:
    shown = display_names(raw, str)
    assert set(shown) == set(raw)
    assert len({*shown.values(), "total"}) == len(shown) + 1
    for name, text in shown.items():
        assert text.isprintable()
        assert not re.search(r"['=|;]|::", text)
        assert len(text) <= 58
        unchanged = name == one_line(name) and not re.search(r"['=;]|::", name) and len(name) <= 58
        assert (text == name) == (unchanged and name not in ("", "total"))


# --- redaction ------------------------------------------------------------------------------------

#: How a token can stand in a text.
FORMS: List[Callable[[str], str]] = [
    *(str, str.lower, str.upper, json.dumps, quote, lambda token: quote(token, safe="")),
    lambda token: token.replace("/", "\\/"),
    lambda token: "".join(f"%{ord(char):02X}" for char in token),
    lambda token: "".join(f"&#{ord(char)};" for char in token),
    lambda token: "".join(f"&#x{ord(char):x};" for char in token),
    lambda token: "".join(f"\\u{ord(char):04x}" for char in token),
    lambda token: token.encode().hex(),
    lambda token: base64.b64encode(token.encode()).decode(),
    lambda token: base64.b64encode(f"user:{token}".encode()).decode(),
    lambda token: base64.urlsafe_b64encode(f"Bearer {token}".encode()).decode(),
]
BEARER = string.ascii_letters + string.digits + "-._~+/"
tokens = st.text(BEARER, min_size=20, max_size=60).filter(lambda token: len(set(token)) > 9)
around = st.text(' {}":%&;\\\n', max_size=5)


@given(tokens, st.lists(st.tuples(around, st.sampled_from(FORMS)), min_size=1, max_size=3), around)
@example("a/b.0123456789abcdefg.hij", [("", FORMS[5])], "")
def test_a_token_is_redacted_in_each_form(
    text: str, parts: Sequence[Tuple[str, Callable[[str], str]]], end: str
) -> None:
    token = Token(text, "")
    said = "".join(f"{before} {form(text)} " for before, form in parts) + end
    shown = token.redact(said)
    assert traces(shown, text) == []
    assert shown.count(REDACTED) == len(parts)
    assert token.redact(end) == end


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
    given_options: List[Tuple[str, ...]], before: str, after: str, more: List[str], end: str
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
