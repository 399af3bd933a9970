"""What holds for every input of a parser, however hostile: one check each, with what it is fed.

The daily tests run them with a fixed budget (`test_properties.py`), `tests/fuzz` for as long as it
is told to.
"""

from __future__ import annotations

import functools
import math
import os
import tempfile
from fractions import Fraction
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple, TypeVar

from hypothesis import strategies as st

from check_rodin_queues import answer as product_answer
from check_rodin_queues import arguments, extra_opts, labels, selection, server, thresholds, tokens
from check_rodin_queues.errors import CheckError
from check_rodin_queues.states import State
from tests import report, strategies
from tests.agreement import assert_agreed
from tests.answers import queue, site
from tests.console import Outcome, run
from tests.oracle import Case, RefusedError, UnspecifiedError, answer, expect, globs, ini, names
from tests.oracle import ranges as oracle_ranges
from tests.oracle import token as oracle_token
from tests.oracle.objections import MalformedError
from tests.oracle.options import TAKES_VALUE
from tests.rehearsal import NOW, rehearse
from tests.stub import stub
from tests.tokens import jwt

Result = TypeVar("Result")


class Property(NamedTuple):
    """A check that takes one drawn value, what to draw, and how many times slower it is."""

    check: Callable[..., None]
    drawn: st.SearchStrategy[object]
    weight: int = 1


def check_range(text: str) -> None:
    """Check that a range is read as the guidelines say, or refused."""
    try:
        expected = oracle_ranges.read(text)
    except UnspecifiedError:
        return
    except RefusedError:
        assert _attempt(thresholds.parse_range, text)[1]
        return
    found = thresholds.parse_range(text)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.end == (math.inf if expected.end is None else _number(expected.end))
        assert found.inside == expected.inside
        assert oracle_ranges.read(found.text) == expected


def _number(exact: Fraction) -> float:
    """Return the number that Python has for it: an integer stays exact."""
    return exact.numerator if exact.denominator == 1 else float(exact)


def _attempt(parse: Callable[..., Result], *given: object) -> Tuple[Optional[Result], str]:
    """Return what *parse* makes of what is *given*, or why it refused."""
    try:
        return parse(*given), ""
    except CheckError as error:
        return None, str(error)


def check_threshold(text: str) -> None:
    """Check that a threshold is refused exactly if the oracle refuses it."""
    try:
        refused = expect(Case(b"{}", warning=(text,))).refused
    except UnspecifiedError:
        return
    assert refused == bool(_attempt(thresholds.parse_threshold, State.WARNING, text)[1])


def check_glob(drawn: Tuple[str, str]) -> None:
    """Check that a glob matches a name as the oracle says."""
    glob, name = drawn
    try:
        globs.check(glob)
    except UnspecifiedError:
        return
    assert selection.matches(glob, name) == globs.matches(glob, name)
    assert selection.is_plain(glob) == globs.plain(glob)


def check_names(raw: List[str]) -> None:
    """Check that shown names are the oracle's: each once, short and fit for a label."""
    found = labels.shown_names(raw)
    assert found == names.shown(set(raw))
    assert len(set(found.values())) == len(found)
    for shown in found.values():
        assert len(f"{shown}.awaiting_per_consumer") <= 80
        assert shown.isprintable()
        assert shown != "total"


def check_answer(body: bytes) -> None:
    """Check that an answer is read as the oracle reads it, queue by queue, or refused."""
    try:
        expected: Optional[Dict[str, Optional[answer.Queue]]] = answer.read(body)
    except UnspecifiedError:
        return
    except MalformedError:
        expected = None
    found, _ = _attempt(product_answer.parse, body)
    assert (found is None) == (expected is None)
    if found is None or expected is None:
        return
    sound = {queue.name: answer.Queue(*queue[1:]) for queue in found.queues}
    assert sound == {name: queue for name, queue in expected.items() if queue is not None}
    assert sorted(found.names) == sorted(expected)


class SavedAnswer:
    """A file for the answer of each example: writing it again is cheaper than a new one."""

    def __init__(self) -> None:
        """Make the file's folder, which goes with the process."""
        self._folder = tempfile.TemporaryDirectory()

    def holding(self, body: bytes) -> str:
        """Write *body* and return the path."""
        path = os.path.join(self._folder.name, f"answer-{os.getpid()}.json")
        with open(path, "wb") as file:
            file.write(body)
        return path


SAVED = SavedAnswer()
SITE_FILE = SavedAnswer()
TOKEN_FILE = SavedAnswer()


def check_case(case: Case) -> None:
    """Check that the whole run, and each probe, says what the oracle says."""
    _check_case(case, rehearse)


def check_case_of_the_script(case: Case) -> None:
    """Check the same through the console script."""
    _check_case(case, run, probes=())


def _check_case(
    case: Case, how: Callable[..., Outcome], probes: Tuple[str, ...] = ("liveness", "readiness")
) -> None:
    _check(case, how, [f"--input={SAVED.holding(case.body)}", *case.arguments()], probes)


def _check(
    case: Case,
    how: Callable[..., Outcome],
    words: List[str],
    probes: Tuple[str, ...] = ("liveness", "readiness"),
) -> None:
    outcome = how(*words)
    report.read(outcome)
    try:
        expected = expect(case)
    except UnspecifiedError:
        return
    assert_agreed(expected, outcome)
    for kind in probes:
        assert report.probed(how(*words, f"--probe={kind}")) == expected.probe(kind)


#: What a server answers, by the condition that it is.
STATUSES = {
    "": "200 OK",
    "unreachable": "503 Later",
    "auth": "401 Who",
    "throttled": "429 Slower",
    "invalid": "404 Not Found",
}


def check_asked_case(case: Case) -> None:
    """Check the same where a server is asked: its failures, the time, the token."""
    token = "made-up" if case.expires is None else jwt({"exp": NOW + int(case.expires)})
    head = f"HTTP/1.1 {STATUSES[case.failure]}\r\nContent-Length: {len(case.body)}\r\n\r\n"
    with stub(head.encode() + case.body) as server:
        words = ("-H", server.url, "--token-file", TOKEN_FILE.holding(token.encode()))
        how = functools.partial(rehearse, *words, seconds=float(case.seconds))
        _check(case, how, case.arguments())


def check_verbose_case(case: Case) -> None:
    """Check that -v changes neither first line nor exit code, and that no line can be forged."""
    words = [f"--input={SAVED.holding(case.body)}", *case.arguments()]
    brief = rehearse(*words)
    for verbosity in ("-v", "-vv", "-vvv"):
        outcome = rehearse(*words, verbosity)
        report.read(outcome, verbose=True)
        assert (outcome.code, outcome.line) == (brief.code, brief.line)
        if verbosity == "-v":
            for line in outcome.stdout.splitlines()[1:]:
                assert line.startswith(("[OK]", "[WARNING]", "[CRITICAL]", "[UNKNOWN]", *NOTES))


#: How what is told beneath the queues begins.
NOTES = ("left out by -q and -x: ", "fits no queue: ")
#: What runs judge of which only the words are made up: a queue of it has something to do.
SITE = site(mesh=queue(2, 3, 1), pack=queue(6, 20, 6), remesh=queue(1, 1, 0)).encode()


def words_over_the_site(words: List[str]) -> List[str]:
    """Return *words* with the option that lets them judge SITE."""
    return [f"--input={SITE_FILE.holding(SITE)}", *words]


def check_words(words: List[str]) -> None:
    """Check that any command line ends in a state and readable lines, and never in a bug."""
    _check_readable(rehearse(*words_over_the_site(words)))


def _check_readable(outcome: Outcome) -> None:
    assert outcome.code in range(4)
    assert "internal error" not in outcome.stdout
    if not outcome.stdout.startswith("RODIN_QUEUES"):
        assert outcome.code == 3
    elif " probe " in outcome.text:
        assert report.probed(outcome) in {0, 1}
    else:
        report.read(outcome, verbose=True)


def check_ini(text: str) -> None:
    """Check that an INI file stands for the words that the oracle reads in it."""
    raw = text.encode("utf-8", "replace")
    path = SAVED.holding(raw)
    try:
        expected: Optional[List[str]] = ini.words(raw.decode(), "check_rodin_queues", TAKES_VALUE)
    except UnspecifiedError:
        return
    except RefusedError:
        expected = None
    found, why = _attempt(extra_opts.words, f"@{path}", {}, arguments.known_options())
    assert why.isprintable()
    assert (None if found is None else _taken_apart(found)) == expected


def _taken_apart(words: List[str]) -> List[str]:
    """Return the options and values of *words*, where they may be written in one."""
    apart: List[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=") if word.startswith("--") else _short(word)
        if TAKES_VALUE[option]:
            apart += [option, value if equals else next(rest, "no value")]
        else:
            apart.append(word)
    return apart


def _short(word: str) -> Tuple[str, str, str]:
    return word[:2], word[2:], word[2:]


def words_of_an_ini_file(text: str) -> List[str]:
    """Return the words that let an INI file of this *text* judge SITE."""
    return words_over_the_site([f"--extra-opts=@{SAVED.holding(text.encode('utf-8', 'replace'))}"])


def check_ini_case(text: str) -> None:
    """Check that the run ends in a state, and in the one of the same words on a command line."""
    outcome = rehearse(*words_of_an_ini_file(text))
    _check_readable(outcome)
    raw = text.encode("utf-8", "replace")
    try:
        words = ini.words(raw.decode(), "check_rodin_queues", TAKES_VALUE)
    except UnspecifiedError:
        return
    except RefusedError:
        passes = " (liveness probe passes)" in outcome.text
        fails = " probe fails)" in outcome.text and "liveness" not in outcome.text
        assert outcome.code == (0 if passes else 1 if fails else 3)
        return
    same = rehearse(*words_over_the_site(_joined(words)))
    if same.code != 3 and " probe " not in same.text:  # else its text may name the file
        assert outcome == same


def _joined(words: List[str]) -> List[str]:
    """Return *words* with each value joined to its option, if it can be: it may begin with a dash.

    An empty value and one that begins with = cannot be joined to a short option.
    """
    joined: List[str] = []
    values = iter(words)
    for option in values:
        if not TAKES_VALUE[option]:
            joined.append(option)
            continue
        value = next(values)
        if option.startswith("--"):
            joined.append(f"{option}={value}")
        else:
            joined += [f"{option}{value}"] if value and value[0] != "=" else [option, value]
    return joined


def check_token(text: str) -> None:
    """Check that a token is taken if it can be sent, hides itself, and expires at its time."""
    token, why = _attempt(tokens.parse_token, text, "RODIN_API_KEY")
    assert why.isprintable()
    assert (token is not None) == oracle_token.sendable(text)
    if token is None:
        return
    bare = text.strip()
    assert token.authorization() == f"Bearer {bare}"
    if len(bare) > len("Token(***)"):
        assert bare not in f"{token!r} {token} {[token]}"
        assert bare.lower() not in token.redact(f"a {bare} b {bare.upper()}").lower()
    try:
        expected = oracle_token.expiry(bare)
    except UnspecifiedError:
        return
    assert token.expires_at() == (None if expected is None else float(expected))


def check_host(text: str) -> None:
    """Check that a host is refused without being shown, or asked at the documented path."""
    found, why = _attempt(server.parse_server, text, None, "-H/--host")
    if found is None:
        assert why == _attempt(server.parse_server, "", None, "-H/--host")[1]
        return
    assert found.url.startswith(("http://", "https://"))
    assert found.url.endswith("/api/v2/queue_status_check")
    assert found.url.isascii()
    assert found.url.isprintable()
    assert not {" ", "?", "#", "@", "\\"} & set(found.url)
    assert found.scheme == "https" or text.lower().startswith("http://")


def check_address(drawn: Tuple[str, str]) -> None:
    """Check that a host as people write it becomes the URL that they mean."""
    text, expected = drawn
    assert server.parse_server(text, None, "-H/--host").url == expected


_host_text = st.one_of(
    st.text(max_size=12),
    st.text("htps:/.@?#[]a1- \\%", max_size=14),
    st.tuples(st.sampled_from(["", "http://", "https://"]), st.text("a.:[]1@/?#", max_size=10)).map(
        "".join
    ),
)
_glob_text = st.one_of(strategies.globs, st.text("ab*?[]!-", max_size=7))
_range_text = st.one_of(strategies.ranges(), strategies.odd_ranges)
INI_CASES = st.one_of(
    strategies.sound_ini_files(), strategies.sound_ini_files(), strategies.ini_files()
)

#: What each parser promises, by the name that `tests/fuzz` calls it.
PROPERTIES: Dict[str, List[Property]] = {
    "arguments": [
        Property(check_range, _range_text),
        Property(check_threshold, st.one_of(strategies.thresholds(), st.text(max_size=8))),
        Property(check_glob, st.tuples(_glob_text, st.one_of(strategies.names, st.text("ab-")))),
        Property(check_words, strategies.command_lines(), 2),
        Property(check_host, _host_text),
        Property(check_address, strategies.addresses()),
        Property(check_case, strategies.cases(), 3),
    ],
    "ini": [
        Property(check_ini, strategies.ini_files()),
        Property(check_ini_case, INI_CASES, 2),
    ],
    "token": [Property(check_token, strategies.token_texts())],
    "answer": [
        Property(check_answer, strategies.answers()),
        Property(check_names, st.lists(strategies.names, max_size=8)),
        Property(check_case, strategies.cases(), 3),
        Property(check_asked_case, strategies.asked_cases(), 2),
        Property(check_verbose_case, strategies.cases(), 5),
    ],
}
