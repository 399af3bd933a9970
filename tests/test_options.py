"""The options: what is read, what is an error and how it reads, and what is never shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import pytest

from check_rodin_queues import __version__, options
from check_rodin_queues.errors import State, UsageError, quoted
from check_rodin_queues.messages import Verdict
from check_rodin_queues.options import HelpRequested, options_by_name
from check_rodin_queues.server import PATH, Server, find_server
from tests import table
from tests.console import STATES, run
from tests.domain import line_of

# --- accepted forms -----------------------------------------------------------------------------

FILES = ("token_file", "input", "ca_file", "client_cert", "client_key")
UNSET: dict[str, object] = dict.fromkeys(("host", "port", "probe", *FILES), None)
#: Words, those between bars alone, and the values that options have then.
ACCEPTED: dict[str, dict[str, object]] = {
    "": {**UNSET, "family": 0, "timeout": 10, "insecure": False, "extra_opts": [], "verbosity": 0},
    "-H a | -Ha | --host a | --host=a | -H b -H a": {"host": "a"},
    "-p 1 | -p1 | --port 1 | --port=1 | -p 00001": {"port": 1},
    "-p 65535": {"port": 65535},
    "--token-file a | --token-file=a": {"token_file": "a"},
    "-4 | --ipv4": {"family": 4},
    "-6 | --ipv6": {"family": 6},
    "--input - | --input=-": {"input": "-"},
    "-t .5 | -t 0.500 | -t0.5 | --timeout=0.5": {"timeout": 0.5},
    "-t 3600 | -t 3600.0 | -t 03600 | -t 1 -t 3600": {"timeout": 3600},
    "--ca-file a": {"ca_file": "a"},
    "--client-cert a": {"client_cert": "a"},
    "--client-key a --client-cert=b": {"client_cert": "b", "client_key": "a"},
    "--insecure": {"insecure": True},
    **{f"--probe {kind}": {"probe": kind} for kind in ("readiness", "startup", "liveness")},
    "--extra-opts | --extra-opts=": {"extra_opts": [""]},
    "--extra-opts --insecure": {"extra_opts": [""], "insecure": True},
    "--extra-opts a@b --extra-opts=@c": {"extra_opts": ["a@b", "@c"]},
    "-vv | -v -v | --verbose -v | -vw5: -v": {"verbosity": 2},
    "-vvvv": {"verbosity": 4},
}


def read(words: str) -> dict[str, object]:
    """Return all that *words* set; thresholds as they were written."""
    found = dict(vars(options.parse(words.split())))
    policy = found.pop("policy")
    given = [threshold.origin for threshold in policy.thresholds]
    return {**found, **policy._asdict(), "thresholds": given[1:]}


@pytest.mark.parametrize(
    ("words", "expected"),
    [(words, found) for forms, found in ACCEPTED.items() for words in forms.split(" | ")],
    ids=str,
)
def test_the_forms_of_an_option(words: str, expected: dict[str, object]) -> None:
    assert expected.items() <= read(words).items()


#: Words with a value that begins with a dash, and what they set.
DASHES: dict[str, dict[str, object]] = {
    "-w -5:5": {"thresholds": ["-w -5:5"]},
    "--critical -.5:": {"thresholds": ["-c -.5:"]},
    "-c-x.consumers=-1:": {"thresholds": ["-c -x.consumers=-1:"]},
    "-4 -w -6:": {"thresholds": ["-w -6:"], "family": 4},
    "-w@-6:-4 -6": {"thresholds": ["-w @-6:-4"], "family": 6},
    "-q-x* --exclude=-y -x -z": {"queues": ("-x*",), "exclude": ("-y", "-z")},
    "-q -4 -x-6": {"queues": ("-4",), "exclude": ("-6",), "family": 0},
    "--require=--": {"require": ("--",)},
    "--token-file -y": {"token_file": "-y"},
}


@pytest.mark.parametrize("words", DASHES)
def test_a_value_can_begin_with_a_dash(words: str) -> None:
    assert DASHES[words].items() <= read(words).items()


# --- errors -------------------------------------------------------------------------------------

FORMS = "expected for example 10 (alert above 10), 1: (below 1), 5:10 (outside) or @5:10 (inside)"
SERVER = "expected HOST, HOST:PORT or https://HOST[:PORT][/PREFIX], without user, query or fragment"

#: Words, and the line; `_` stands for an empty value.
ERRORS = f"""\
--frobnicate => unknown option --frobnicate. See --help
--warn=5 => unknown option --warn (did you mean --warning?). See --help
--tokn made-up => unknown option --tokn (did you mean --token-file?). See --help
--token made-up
  unknown option --token: every user of this host can read a command line. Use --token-file or
  RODIN_API_KEY
--api_key=made-up
  unknown option --api_key: every user of this host can read a command line. Use --token-file or
  RODIN_API_KEY
-C 5 => unknown option -C (did you mean -c?). See --help
-Smade-up => unknown option -S. See --help
--extra_opts made-up => unknown option --extra_opts (did you mean --extra-opts?). See --help
-v made-up => unexpected argument 2: a host needs -H in front of it. See --help
-H a -- made-up => unexpected argument 3: an option is missing in front of it. See --help
--Made-up=5 => unknown option in argument 1. See --help
-v —insecure => unknown option in argument 2. See --help
-w => -w/--warning: value missing
--host --insecure => -H/--host: value missing
--insecure=made-up => --insecure: unexpected value
-4 -6 => -6/--ipv6: cannot be combined with -4/--ipv4
-w 10,20 => -w/--warning: invalid range '10,20', {FORMS}
--critical a.job_awaiting=ten => -c/--critical: invalid range 'ten', {FORMS}
-w MADE-UP => -w/--warning: invalid range, {FORMS}
-w 10:5 => -w/--warning: invalid range '10:5': start above end, {FORMS}
-w -5 => -w/--warning: invalid range '-5': negative maximum, {FORMS}
-4 -w -6 => -w/--warning: invalid range '-6': negative maximum, {FORMS}
-w mesh=20
  -w/--warning: no metric in the selector 'mesh', expected for example rodin.mesh.job_awaiting=5.
  Metrics: consumers, job_awaiting, job_running, awaiting_per_consumer, busy_ratio, total.METRIC,
  time, token_expires_in
-c rodin.mesh.job_waiting=5
  -c/--critical: unknown metric in the selector 'rodin.mesh.job_waiting' (did you mean
  job_awaiting?), expected for example rodin.mesh.job_awaiting=5
-c total.consumer=5
  -c/--critical: unknown metric in the selector 'total.consumer' (did you mean total.consumers?),
  expected for example rodin.mesh.job_awaiting=5
-c total.busy_ratio=5
  -c/--critical: unknown metric in the selector 'total.busy_ratio' (did you mean busy_ratio?),
  expected for example rodin.mesh.job_awaiting=5
-t 0.4 => -t/--timeout: invalid timeout '0.4', expected 0.5 to 3600 seconds
-t 10s => -t/--timeout: invalid timeout, expected 0.5 to 3600 seconds
-6 -t -4 => -t/--timeout: invalid timeout '-4', expected 0.5 to 3600 seconds
-p 65536 => -p/--port: invalid port '65536', expected 1 to 65535
-p -4 => -p/--port: invalid port '-4', expected 1 to 65535
--state stalld=ok
  --state: unknown condition 'stalld' (did you mean stalled?), expected CONDITION=STATE. Conditions:
  stranded, stalled, missing, empty, unreachable, timeout, auth, throttled, invalid
--state auth => --state: unknown state for auth, expected ok, warning, critical or unknown
--state auth=fine
  --state: unknown state 'fine' for auth, expected ok, warning, critical or unknown
--probe live
  --probe: unknown kind 'live' (did you mean liveness?), expected readiness, startup or liveness
--require a* => --require: invalid name, expected names of queues without wildcards
--exclude _ => -x/--exclude: no queue given, expected a name or a glob such as 'rodin.*'
--ca-file _ => --ca-file: invalid path, expected the name of a file
-w-- => -w/--warning: invalid range '--', {FORMS}
--timeout=-- => -t/--timeout: invalid timeout '--', expected 0.5 to 3600 seconds
-q -x a => -q/--queue: value missing
- => no server given. Use -H/--host or set RODIN_URL
-H _ => -H/--host: invalid server, {SERVER}
-H http://u:made-up@h => -H/--host: invalid server, {SERVER}
RODIN_URL=http://h/?token=made-up => RODIN_URL: invalid server, {SERVER}
-H h:81 -p 82 => -p/--port: -H/--host already has port 81. Remove one of the two
RODIN_URL=[::1]:81 -p 82 => -p/--port: RODIN_URL already has port 81. Remove one of the two
-4 -H ::1 => -4: -H/--host has an IPv6 address. Use -6, or a host name
-6 RODIN_URL=http://10.0.0.1 => -6: RODIN_URL has an IPv4 address. Use -4, or a host name
"""


def error(words: Sequence[str]) -> str:
    """Return what is wrong with *words* as the status line says it; RODIN_URL can be among them."""
    environ = dict(word.split("=", 1) for word in words if word.startswith("RODIN_URL="))
    try:
        given = options.parse([word for word in words if not word.startswith("RODIN_URL=")])
        find_server(given.host, given.port, given.family, environ)
    except UsageError as found:
        verdict = Verdict(State.UNKNOWN, (found.cause,), found.next_step, mistaken=True)
        return line_of(verdict).removeprefix("RODIN_QUEUES UNKNOWN - ")
    raise AssertionError(f"accepted: {words}")


@table.each(ERRORS)
def test_the_line_of_a_usage_error(situation: str, line: str) -> None:
    assert error(["" if word == "_" else word for word in situation.split() if word != "-"]) == line


@pytest.mark.parametrize(
    "name", sorted({long for long, _ in options_by_name().values()} - {"--ipv4", "--ipv6"})
)
def test_an_option_cannot_be_abbreviated(name: str) -> None:
    """The error suggests the whole name, unless the shorter one has an error of its own."""
    text = error([f"{name[:-1]}=made-up"])
    assert text == f"unknown option {name[:-1]} (did you mean {name}?). See --help"


@pytest.mark.parametrize(
    "value",
    [
        *("0", "0.4999999999", "3600.0000001", "-1", "", "inf", "nan", "1e1", " 10", "1_0", "1,5"),
        *("\u0661\u0660", "0x10", "9" * 400, "1.", "+5"),
    ],
)
def test_a_bad_timeout(value: str) -> None:
    assert error([f"-t{value}"] if value else ["-t", ""]).startswith("-t/--timeout: invalid ")


@pytest.mark.parametrize(
    "value", ["x", "0", "-1", "65536", "000443", "8_0", "80.0", " 80", "\u0661"]
)
def test_a_bad_port(value: str) -> None:
    assert error([f"--port={value}"]).startswith("-p/--port: invalid port")


# --- the server ---------------------------------------------------------------------------------

LABEL = "x" * 63
LONGEST = ".".join([LABEL] * 3 + ["x" * 61])

#: What stands in -H or RODIN_URL, the URL before the path of the API, and the address in messages.
SERVERS: dict[str, list[str]] = {
    "rodin": ["https://rodin", "rodin:443"],
    "rodin:8443": ["https://rodin:8443", "rodin:8443"],
    "rodin:00443": ["https://rodin", "rodin:443"],
    "http://rodin": ["http://rodin", "rodin:80"],
    "HTTPS://Rodin:1": ["https://Rodin:1", "Rodin:1"],
    "my-host_1.example.": ["https://my-host_1.example.", "my-host_1.example.:443"],
    "10.0.0.1:65535": ["https://10.0.0.1:65535", "10.0.0.1:65535"],
    "::1": ["https://[::1]", "[::1]:443"],
    "[::1]:81": ["https://[::1]:81", "[::1]:81"],
    "2001:db8::443": ["https://[2001:db8::443]", "[2001:db8::443]:443"],
    LONGEST: [f"https://{LONGEST}", f"{LONGEST}:443"],
    "rodin//": ["https://rodin", "rodin:443"],
    "rodin/X/": ["https://rodin/X", "rodin:443"],
    "rodin/api": ["https://rodin", "rodin:443"],
    "rodin/api/v2/": ["https://rodin", "rodin:443"],
    f"rodin/x/{PATH}/": ["https://rodin/x", "rodin:443"],
    "rodin/x/api/api/v2": ["https://rodin/x/api", "rodin:443"],
    "rodin/api/v3": ["https://rodin/api/v3", "rodin:443"],
    "rodin/._~!$&'()*+,;=:%41/-": ["https://rodin/._~!$&'()*+,;=:%41/-", "rodin:443"],
    " \t rodin \r\n": ["https://rodin", "rodin:443"],
    "\ufeffrodin\n": ["https://rodin", "rodin:443"],
}


def asked(
    host: Optional[str], url: str = "", port: Optional[int] = None, family: int = 0
) -> Server:
    """Return the server that is asked."""
    return find_server(host, port, family, {"RODIN_URL": url})


@pytest.mark.parametrize("text", SERVERS)
@pytest.mark.parametrize("source", ["-H", "RODIN_URL"])
def test_the_forms_of_a_server(source: str, text: str) -> None:
    found = asked(text) if source == "-H" else asked(None, text)
    assert [found.url, found.address] == [SERVERS[text][0] + PATH, SERVERS[text][1]]


BAD_SERVERS = """\
?x rodin?x rodin#x rodin/? user@rodin https://user:made-up@rodin https://@rodin http://a\\@b ro\\din
-4 ftp://rodin ://rodin https:// https:///x http:rodin http:/x //rodin rodin/x|y rodin/<x> rodin\x7f
rodin: rodin:x rodin:0 rodin:65536 rodin:-1 rodin:+1 rodin:1:2 rodin:\u0661 rodin:1_0 :80 http://:80
rodin..example .rodin rodin.. ro*din ro%din r\xf6din [rodin] [10.0.0.1] http://::1 1:2:3
[::1 ::1] [::1]x [::1]:x [::1%eth0] ::1%eth0 [[::1]] :::1 []
"""
LONG_SERVERS = (f"{LABEL}x", f"{LONGEST}x")


@pytest.mark.parametrize(
    "text", [*BAD_SERVERS.split(), "", "ro din", "ro\tdin", "rodin/a b", *LONG_SERVERS]
)
def test_a_bad_server(text: str) -> None:
    assert error([f"--host={text}"]) == f"-H/--host: invalid server, {SERVER}"


def test_one_server_is_asked() -> None:
    """That of -H, or else of RODIN_URL; -p, -4 and -6 are for both."""
    assert asked("a", "b").host == "a"
    assert asked(None, "b:81", 81).address == "b:81"
    assert asked("http://a", port=8080).address == "a:8080"
    assert asked("a", family=6).family == 6
    assert asked(None, "::1", family=6).host == "[::1]"
    assert asked("10.example", family=6).host == "10.example"


# --- what is never shown ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["10:5", "10,20", "ten", "rodin.mesh", "a_b.*=@~:5"])
def test_a_value_of_short_words_and_numbers_is_echoed(text: str) -> None:
    assert quoted(text) == f" '{text}'"


@pytest.mark.parametrize(
    "text",
    ["made-up", "a" * 25, "1" * 13, "Ten", "a5", "a\n", "a|b", "\xe4", "a.b," * 16 + "a", ""],
)
def test_a_value_that_could_be_a_secret_is_not_echoed(text: str) -> None:
    assert quoted(text) == ""


SECRET = "8a6fT0k3n-of-the-tests"
#: Words with a secret where it can be by mistake.
MISPLACED = [
    *(f"--token={SECRET}", f"--api-key {SECRET}", f"-P {SECRET}", f"-z{SECRET}", f"--{SECRET}"),
    *(SECRET, f"-w 5 {SECRET} -v", f"-- {SECRET}", f"-vQ{SECRET}", f"--insecure={SECRET}"),
    *(f"-w {SECRET}", f"-w job_awaiting={SECRET}", f"-c {SECRET}=5", f"-c {SECRET}.consumers=x"),
    *(f"--state stalled={SECRET}", f"--state {SECRET}=ok", f"-t {SECRET}", f"-p {SECRET}"),
    *(f"--probe {SECRET}", f"-H http://{SECRET}@h", f"-H h/?{SECRET}", f"--require {SECRET}*"),
    *(f"-H h:1 -p {SECRET}", f"-H h:{SECRET}", f"RODIN_URL=http://u:{SECRET}@h"),
]


@pytest.mark.parametrize("words", MISPLACED)
def test_a_secret_is_not_echoed(words: str) -> None:
    text = error(words.split())
    assert not [SECRET[at : at + 6] for at in range(len(SECRET) - 5) if SECRET[at : at + 6] in text]


# --- help, and the real command -----------------------------------------------------------------


def shown_by(*words: str) -> str:
    """Return the text of --help or --version."""
    with pytest.raises(HelpRequested) as raised:
        options.parse(words)
    return str(raised.value)


def test_help_names_and_explains_everything() -> None:
    text = shown_by("--help")
    assert max(map(len, text.splitlines())) <= 79
    wanted = {long for long, _ in options_by_name().values()} | set(STATES)
    wanted |= {"RODIN_URL", "RODIN_API_KEY_FILE", "RODIN_API_KEY", "SSL_CERT_DIR", "total."}
    wanted |= {"awaiting_per_consumer", "busy_ratio", "token_expires_in", "time", "[@]START:END"}
    assert [word for word in wanted if word not in text] == []
    for action in options.build_parser()._actions:
        assert (action.help or "").endswith((".", options.DEFAULT_CRITICAL)), action.option_strings


def test_help_and_version_are_shown_beside_a_mistake() -> None:
    assert shown_by("--help", "--frobnicate") == shown_by("--help")
    assert shown_by("--frobnicate", "-h", "-w", "x") == shown_by("--help")
    assert shown_by("-H", "http://user@x", "-V", "stray") == f"check_rodin_queues {__version__}\n"


def test_an_error_before_help_comes_first() -> None:
    assert error(["-w", "x", "--help"]).startswith("-w/--warning: ")


@pytest.mark.parametrize("columns", ["20", "300"])
def test_help_is_the_same_in_every_terminal(columns: str) -> None:
    outcome = run("-h", env={"COLUMNS": columns, "FORCE_COLOR": "1"})
    assert (outcome.stdout, outcome.stderr, outcome.code) == (shown_by("--help"), "", 3)


NO_CERT = "--client-key: no --client-cert given. Add --client-cert"
NO_SERVER = "no server given. Use -H/--host or set RODIN_URL"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--version", f"check_rodin_queues {__version__}"),
        ("-w 5 --queu x", f"RODIN_QUEUES UNKNOWN - {error(['--queu'])}"),
        ("", f"RODIN_QUEUES UNKNOWN - {NO_SERVER}"),
        ("-H h --client-key k", f"RODIN_QUEUES UNKNOWN - {NO_CERT}"),
        ("-w \x1b[31m|\n", f"RODIN_QUEUES UNKNOWN - {error(['-w', 'A'])}"),
    ],
)
def test_the_command_ends_with_one_line_and_exit_code_3(words: str, line: str) -> None:
    outcome = run(*words.split(" ") if words else (), env={"RODIN_URL": " \n\ufeff "})
    assert (outcome.stdout, outcome.stderr, outcome.code) == (f"{line}\n", "", 3)
