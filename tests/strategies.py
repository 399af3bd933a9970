"""What hypothesis makes up: answers, arguments and files near the border of what is accepted."""

from __future__ import annotations

import base64
import json
from fractions import Fraction
from typing import List, Sequence, Tuple

from hypothesis import strategies as st

from tests.oracle import Case
from tests.oracle.judgement import COUNTS, DEFAULTS, DOCUMENTED, QUEUE_METRICS, WORST_FIRST
from tests.oracle.options import TAKES_VALUE

#: Names that have broken somebody's plugin, beside plain ones that collide with each other.
NAMES: Sequence[str] = (
    *DOCUMENTED,
    *("a", "b", "a.b", "a_b", "a|b", "a'b", "a=b", "a_b_2", "a::b", "a__b", "a:::b", "A"),
    *("total", "total_2", "Total", "time", "token_expires_in", "consumers", "a.consumers", "-x"),
    *("x" * 57, "x" * 58, "x" * 59, "x" * 60, "x" * 56 + "_2", "x" * 59 + "y", "é" * 59),
    *("a\nb", "a\rb", "a\tb", "a\0b", "a\x1b[31m", "a\u2028b", "a\u202eb", "a\ud800b", "a b", " "),
    *("a;b", 'a"b', "a\\b", "$HOME", "`id`", "%s", "{0}", "[a]", "*", "?", "網格", "\U0001f980"),
)

names = st.one_of(
    st.sampled_from(DOCUMENTED), st.sampled_from(NAMES), st.text(min_size=1, max_size=6)
)

#: Numbers as JSON writes them: mostly sound and small, so that thresholds are near. What a float
#: cannot hold is rare: the oracle judges no quotient of it.
sound_numbers = st.one_of(
    st.integers(0, 3),
    st.integers(0, 30),
    st.sampled_from([*range(64), 2**31, 2**53 + 1, 2**63 - 1]),
).map(str)
odd_numbers = st.sampled_from(
    [
        *("-1", "-0", "1.0", "1e0", "0.5", "1e999", "true", "false", "null", '"1"', "[]", "{}"),
        *(str(2**63), str(-(2**63)), "9" * 30, "9" * 5000, "[1]", '{"consumers": 1}', '""'),
    ]
)
broken_numbers = st.sampled_from(["NaN", "-Infinity", "01", "+1", "0x1", "1.", ".5", "1e", "", "-"])


@st.composite
def queues(draw: st.DrawFn) -> str:
    """Write one queue: most are sound, some hold a wrong type, a field twice, or too few."""
    kind = draw(st.integers(0, 60))
    if kind == 0:
        return draw(st.one_of(odd_numbers, broken_numbers))
    fields = [(name, draw(sound_numbers)) for name in COUNTS]
    if kind == 1:
        fields.append((draw(st.sampled_from(COUNTS)), draw(sound_numbers)))
    if kind == 2:
        fields.pop(draw(st.integers(0, 2)))
    if kind == 3:
        fields[draw(st.integers(0, 2))] = (draw(st.sampled_from(COUNTS)), draw(odd_numbers))
    if kind == 4:
        more = draw(st.one_of(odd_numbers, sound_numbers, st.just("[[[{}]]]")))
        fields += [(draw(st.sampled_from(["failed", "Consumers", ""])), more)] * 2
    written = [f"{_quoted(draw, name)}: {value}" for name, value in draw(st.permutations(fields))]
    return "{" + ", ".join(written) + "}"


def _quoted(draw: st.DrawFn, name: str) -> str:
    """Write *name* as JSON: plain, escaped, or with each character escaped."""
    how = draw(st.integers(0, 8))
    if how == 0:
        units = name.encode("utf-16-be", "surrogatepass").hex()
        return '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'
    plain = json.dumps(name, ensure_ascii=False)
    return plain if how == 1 and plain.isprintable() else json.dumps(name)


@st.composite
def sites(draw: st.DrawFn) -> List[Tuple[str, str]]:
    """Give the queues of an answer by name: mostly those of a site, and all kinds of others."""
    members = draw(st.lists(st.tuples(names, queues()), max_size=6))
    if draw(st.integers(0, 3)):
        members = [(name, queue) for name, queue in members if name not in DOCUMENTED]
        members += [(name, _sound(*(draw(sound_numbers) for _ in COUNTS))) for name in DOCUMENTED]
    return members


@st.composite
def calm_sites(draw: st.DrawFn, more: st.SearchStrategy[str] = names) -> List[Tuple[str, str]]:
    """Give a site where nothing is wrong but, now and then, a number of one queue."""
    others = draw(st.lists(more, max_size=2, unique=True))
    number = st.integers(1, 9).map(str)
    members = {
        name: _sound(draw(number), draw(st.one_of(st.just("0"), number)), draw(number))
        for name in (*DOCUMENTED, *others)
    }
    odd = draw(st.integers(0, 3))
    if odd:
        few = st.integers(0, 2).map(str)
        dead = odd == 1  # jobs wait and nobody comes: infinitely many for each consumer
        numbers = ("0", draw(number), "0") if dead else tuple(draw(few) for _ in COUNTS)
        members[draw(st.sampled_from(list(members)))] = _sound(*numbers)
    return list(members.items())


def _sound(*numbers: str) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in zip(COUNTS, numbers)) + "}"


def _written(draw: st.DrawFn, members: List[Tuple[str, str]]) -> bytes:
    written = [f"{_quoted(draw, name)}: {value}" for name, value in members]
    return ("{" + ", ".join(written) + "}").encode()


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Write an answer: an object of queues, or what is nearly one."""
    shape = draw(st.integers(0, 40))
    if shape == 0:
        return draw(st.one_of(odd_numbers, broken_numbers)).encode()
    if shape == 1:
        return draw(st.binary(max_size=20))
    body = _written(draw, draw(sites()))
    if shape == 2:
        cut = draw(st.integers(0, len(body)))
        return body[:cut] + draw(st.binary(max_size=2)) + body[cut + draw(st.integers(0, 2)) :]
    return body


#: Ranges by their written form; the values are near those of the queues.
bounds = st.one_of(
    st.integers(0, 3).map(str),
    st.integers(0, 30).map(str),
    st.integers(-3, 30).map(str),
    st.sampled_from(["0.5", "1.5", "2.50", "+2", "-0", "007", "0.0", str(2**53 + 1)]),
)
odd_ranges = st.one_of(
    st.sampled_from(["", "~", "@", ":", "1:2:3", "5:~", " 5", "5 ", "1e3", "inf", "nan", "1_0"]),
    st.sampled_from(["٣", "x", "--5", "5:5:", "@@1", "~:~", "1,5", "\n5", "5\n", "0x1", "½"]),
    st.text("0123456789.:~@+-e ", max_size=6),
)


@st.composite
def ranges(draw: st.DrawFn) -> str:
    """Write a range; one in forty is odd."""
    if draw(st.integers(0, 39)) == 39:
        return draw(odd_ranges)
    low, high = sorted([draw(bounds), draw(bounds)], key=float)
    if low.startswith("-"):
        return f"{low}:{high}"
    form = draw(st.sampled_from(["{1}", "{0}:", "~:{0}", "{0}:{1}", "@{0}:{1}", "@{1}", "@~:{0}"]))
    return form.format(low, high)


#: Globs that need no queue to be there.
WILD = st.one_of(
    st.sampled_from(["*", "rodin.*", "*mesh", "*.*"]),
    st.sampled_from(["rodin.?????", "?", "a*", "a?b", "[ab]", "[!a]*", "[a-c].b", "t*"]),
    st.sampled_from(["*.b", "x*", "rodin.[m-r]*", "**", "rodin.[!m]*"]),
)
globs = st.one_of(WILD, st.sampled_from(["rodin.mesh", "total", "A", "a.b"]), names)


@st.composite
def thresholds(draw: st.DrawFn, near: st.SearchStrategy[str] = globs) -> str:
    """Write the value of -w or -c, of queues *near*; few remove one, or have no such metric."""
    written = draw(ranges()) if draw(st.integers(0, 11)) else ""
    kind = draw(st.integers(0, 39))
    if kind == 39:
        return (
            f"{draw(st.sampled_from(['jobs', 'rodin.mesh', 'a.time', 'total.busy_ratio', '']))}=5"
        )
    if kind < 10:
        return written
    metric = draw(st.sampled_from(QUEUE_METRICS))
    if kind < 22:
        return f"{metric}={written}"
    if kind < 27:
        return f"total.{draw(st.sampled_from(COUNTS))}={written}"
    if kind == 27:
        return f"{draw(st.sampled_from(['time', 'token_expires_in']))}={written}"
    return f"{draw(near)}.{metric}={written}"


@st.composite
def states(draw: st.DrawFn) -> str:
    """Write the value of --state; one in forty is none."""
    if draw(st.integers(0, 39)) == 39:
        return draw(st.sampled_from(["stalled", "stalled=fine", "idle=ok", "=", "a=b=c", "ok"]))
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(DEFAULTS)), st.sampled_from(WORST_FIRST)),
            min_size=1,
            max_size=3,
        )
    )
    return ",".join(f"{condition}={state}" for condition, state in pairs)


def _some(
    values: st.SearchStrategy[str], most: int, least: int = 0
) -> st.SearchStrategy[Tuple[str, ...]]:
    """Give a few *values* that a command line can carry."""
    carried = values.filter(lambda text: "\0" not in text and not _has_surrogate(text))
    return st.lists(carried, min_size=least, max_size=most).map(tuple)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


required = st.one_of(
    st.just(""), st.just(""), names, st.lists(st.sampled_from(DOCUMENTED), max_size=3).map(",".join)
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Make up a run: mostly over a sound answer, judged by what names its queues.

    So that each state is frequent, and what decides it is a threshold or a condition, and not that
    nothing could be judged: `test_each_outcome_is_frequent` counts.
    """
    calm = draw(st.integers(0, 4)) > 1
    members = draw(calm_sites() if calm else sites())
    body = _written(draw, members) if calm or draw(st.booleans()) else draw(answers())
    offered = st.sampled_from([name for name, _ in members] or DOCUMENTED)
    near = st.one_of(offered, WILD, offered if calm else names)
    warning = draw(_some(thresholds(near), 3, least=draw(st.integers(0, 1))))
    critical = draw(st.one_of(st.just(()), st.just(()), _some(thresholds(near), 2)))
    state = draw(st.one_of(st.just(()), _some(states(), 2)))
    if draw(st.integers(0, 2)) == 0:  # a queue without consumer is left to another metric
        critical = (draw(st.sampled_from(["consumers=", "*.consumers="])), *critical)
        warning = (f"awaiting_per_consumer={draw(ranges())}", *warning)
        state = draw(st.sampled_from([state, ("stranded=ok",)]))
    return Case(
        body=body,
        queue=draw(st.one_of(st.just(()), st.just(()), _some(near, 2))),
        exclude=draw(st.one_of(st.just(()), st.just(()), _some(WILD, 1))),
        require=draw(st.one_of(st.just(("",)), st.just(("",)), _some(required, 2))),
        warning=warning,
        critical=critical,
        state=state,
    )


#: Bounds near the seconds of a run and of its token.
_seconds = st.integers(-40, 40).map(str)
_moments = st.one_of(
    bounds, _seconds.map("~:{}".format), _seconds.map("{}:".format), st.sampled_from(["", "@~:9"])
)
moment_limits = st.tuples(st.sampled_from(["time", "token_expires_in"]), _moments).map("=".join)


@st.composite
def asked_cases(draw: st.DrawFn) -> Case:
    """Make up a run that asks a server, which may fail, with limits on what only such a run has.

    Its labels come before `time` in the alphabet: one with a dot is quoted, and sorted with that.
    """
    body = _written(draw, draw(calm_sites(st.sampled_from(["a", "a.b", "A", "a|b", "r"]))))
    levels = st.one_of(moment_limits, moment_limits, ranges())
    return Case(
        body=draw(st.sampled_from([*[body] * 8, body.replace(b"job", b"jab", 1), b"[]"])),
        failure=draw(st.sampled_from([*[""] * 8, "unreachable", "auth", "throttled", "invalid"])),
        asked=True,
        require=draw(st.sampled_from([(), ("",), ("gone",)])),
        warning=draw(_some(levels, 3)),
        critical=draw(_some(levels, 2)),
        state=draw(st.one_of(st.just(()), _some(states(), 2))),
        seconds=draw(st.integers(0, 40)) * Fraction(1, 4),
        expires=draw(st.one_of(st.none(), *[st.integers(-40, 40).map(Fraction)] * 3)),
    )


#: Words of a command line, with and without sense.
OPTIONS = (
    *("-H", "--host", "-p", "--port", "--token-file", "-t", "--timeout", "--ca-file"),
    *("--client-cert", "--client-key", "--insecure", "-q", "--queue", "-x", "--exclude"),
    *("--require", "-w", "--warning", "-c", "--critical", "--state", "--probe", "--extra-opts"),
    *("-v", "--verbose", "-V", "--version", "-h", "--help", "--", "-", "--frob", "-vvv", "-wv"),
)


def command_lines() -> st.SearchStrategy[List[str]]:
    """Give words that may be options, values or neither."""
    value = st.one_of(thresholds(), states(), globs, names, st.text(max_size=8))
    option = st.sampled_from(OPTIONS)
    joined = st.tuples(option, st.sampled_from(["", "="]), value).map("".join)
    word = st.one_of(option, joined, value)
    odd = st.lists(word.filter(lambda text: "@-" not in text), max_size=6)
    return st.one_of(sound_command_lines(), sound_command_lines(), sound_command_lines(), odd)


#: Options as they are meant, by name without dashes; a flag has an empty value.
sound_options = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["w", "w", "warning", "c", "critical"]),
            thresholds(st.sampled_from(["*", "rodin.*", *DOCUMENTED])),
        ),
        st.tuples(st.sampled_from(["q", "queue"]), st.sampled_from(["*", "rodin.*", *DOCUMENTED])),
        st.tuples(
            st.sampled_from(["x", "exclude"]), st.sampled_from(["*mesh", "a*", "rodin.texture"])
        ),
        st.tuples(st.just("require"), st.sampled_from(["", "", *DOCUMENTED, "a,rodin.mesh"])),
        st.tuples(st.just("state"), states()),
        st.tuples(st.sampled_from(["t", "timeout"]), st.sampled_from(["5", "0.5", "3600"])),
        st.tuples(st.sampled_from(["v", "v", "verbose", "insecure"]), st.just("")),
        st.tuples(st.just("probe"), st.sampled_from(["liveness", "readiness", "startup"])),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def sound_command_lines(draw: st.DrawFn) -> List[str]:
    """Write options as words, each value in a word of its own or joined to its option."""
    words: List[str] = []
    for key, value in draw(sound_options):
        option = f"-{key}" if len(key) == 1 else f"--{key}"
        if not TAKES_VALUE[option]:
            words.append(option)
        elif draw(st.booleans()) or not value:
            words += [option, value]
        else:
            words.append(f"{option}={value}" if option.startswith("--") else f"{option}{value}")
    return words


KEYS = (
    *("warning", "w", "critical", "c", "queue", "q", "exclude", "x", "require", "state", "v"),
    *("verbose", "insecure", "timeout", "host", "extra-opts", "warn", "frob", "", "W", "--w"),
)
_space = st.sampled_from(["", "", " ", "\t", "  "])


@st.composite
def ini_lines(draw: st.DrawFn) -> str:
    """Write one line of an INI file."""
    kind = draw(st.integers(0, 9))
    if kind < 2:
        name = draw(st.sampled_from(["check_rodin_queues", "other", "Check_rodin_queues", "a b"]))
        return draw(_space) + f"[{draw(_space)}{name}{draw(_space)}]" + draw(_space)
    if kind == 2:
        return draw(st.sampled_from(["", "# x=1", "; y", "  #[other]", "\t"]))
    if kind == 3:
        return draw(st.text("[]#;= \twxv15", max_size=6))
    equals = "=" if draw(st.integers(0, 15)) else ""
    value = draw(st.one_of(thresholds(), globs, st.just(""), st.sampled_from(["5 # c", "=", "#"])))
    key = draw(st.sampled_from(KEYS if draw(st.booleans()) else KEYS[:8]))
    return "".join([draw(_space), key, draw(_space), equals, draw(_space), value, draw(_space)])


@st.composite
def ini_files(draw: st.DrawFn) -> str:
    """Write an INI file, with Unix or DOS line ends."""
    lines = draw(st.lists(ini_lines(), max_size=8))
    if draw(st.integers(0, 9)):
        lines.insert(0, "[check_rodin_queues]")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


@st.composite
def sound_ini_files(draw: st.DrawFn) -> str:
    """Write an INI file whose options are as they are meant; now and then one line is not."""
    lines = [f"{key}{draw(_space)}={draw(_space)}{value}" for key, value in draw(sound_options)]
    if draw(st.integers(0, 4)) == 4:
        lines.insert(draw(st.integers(0, len(lines))), draw(ini_lines()))
    return "\n".join(["[check_rodin_queues]", *lines])


@st.composite
def claims(draw: st.DrawFn) -> str:
    """Write the payload of a JWT."""
    times = st.one_of(st.integers(-5, 2**40).map(str), odd_numbers, st.sampled_from(["1.5", "NaN"]))
    written = '{"sub": "tests", "exp": ' + draw(times) + "}"
    return draw(st.sampled_from([written, written, written, "[]", "{}", "5", "", "{"]))


@st.composite
def token_texts(draw: st.DrawFn) -> str:
    """Write the first line of a token file."""
    kind = draw(st.integers(0, 5))
    if kind < 2:
        payload = base64.urlsafe_b64encode(draw(claims()).encode()).rstrip(b"=").decode()
        return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2ln"
    if kind == 2:
        return draw(st.text("abc.-_=+/ \t\r", max_size=12))
    if kind == 3:
        return "x" * draw(st.integers(16 * 1024 - 2, 16 * 1024 + 2))
    return draw(st.text(max_size=12))


@st.composite
def addresses(draw: st.DrawFn) -> Tuple[str, str]:
    """Write a host as a person would, and the URL that has to be asked."""
    scheme = draw(st.sampled_from(["", "http://", "https://", "HTTPS://"]))
    host = draw(
        st.sampled_from(["rodin", "rodin.example.com", "127.0.0.1", "[::1]", "a-b.c", "localhost"])
    )
    port = draw(st.sampled_from(["", ":1", ":8443", ":65535"]))
    prefix = draw(st.sampled_from(["", "/rodin", "/a/b", "/myapi", "/api/rodin", "/v2"]))
    ending = draw(st.sampled_from(["", "/", "/api", "/api/", "/api/v2", "/api/v2/"]))
    documented = "/api/v2/queue_status_check"
    ending = draw(st.sampled_from([ending, documented]))
    asked = f"{scheme.lower() or 'https://'}{host}{port}{prefix}{documented}"
    return f"{scheme}{host}{port}{prefix}{ending}", asked
