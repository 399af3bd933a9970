"""The options: each with its group, its help and how its value is read.

The one place that names them. Man page, completions and the examples for Icinga take their words
from here. Only the words themselves are read, so every error is a UsageError. It never repeats a
value that could be a secret.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable, NoReturn, Optional

from check_rodin_queues import __version__
from check_rodin_queues.conditions import CONDITIONS, DEFAULT_STATES, parse_states
from check_rodin_queues.errors import State, UsageError, quoted, suggestion
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS, Metric
from check_rodin_queues.server import HOST_VARIABLE, parse_port
from check_rodin_queues.thresholds import Threshold, is_plain, parse_threshold
from check_rodin_queues.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE

if TYPE_CHECKING:
    from check_rodin_queues.selection import Policy

PROGRAM = "check_rodin_queues"
DEFAULT_TIMEOUT = 10
_MIN_TIMEOUT, _MAX_TIMEOUT = 0.5, 3600.0
#: The thresholds that stand before those of the command line.
DEFAULT_CRITICAL = "consumers=1:"
PROBE_KINDS = ("readiness", "startup", "liveness")
_SEE_HELP = "See --help"

_USAGE = f"""\
{PROGRAM} -H HOST [--token-file FILE] [-w RANGE] [-c RANGE] ...
       {PROGRAM} --input FILE [-w RANGE] [-c RANGE] ..."""

DESCRIPTION = f"""\
Monitor the job queues of a Hyper3D Rodin server. By default the check is
CRITICAL when a queue has no consumer (no worker connected) or the server does
not respond, and WARNING when jobs wait but none is running.

example: warn above 20 waiting jobs in any queue, critical above 100
  {PROGRAM} -H rodin.example.com --token-file /etc/rodin/token \\
    -w 20 -c 100"""


def _table(rows: Sequence[Metric]) -> str:
    return "\n".join(f"  {row.name:<24}  {row.meaning}" for row in rows)


_CONDITION_ROWS = "\n".join(
    f"  {row.name:<11}  {row.default.name:<8}  {row.meaning}" for row in CONDITIONS
)
EPILOG = f"""\
RANGE is [@]START:END, both ends inclusive:
  10      alert above 10                  5:10    alert below 5 or above 10
  1:      alert below 1                   @5:10   alert from 5 to 10
  ~:5     alert above 5

SELECTOR says what RANGE applies to:
  job_awaiting              this metric, in every queue
  rodin.mesh.job_awaiting   this metric, in one queue (globs: * ? [])
  total.job_awaiting        the sum over all selected queues

metrics of a queue:
{_table(QUEUE_METRICS)}
metrics of the run:
{_table(RUN_METRICS)}

conditions and their default states:
{_CONDITION_ROWS}

exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also --help and --version).
The worst state wins: CRITICAL, then UNKNOWN, WARNING, OK.

more examples:
  # one queue with its own limits
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -w 20 -w 'rodin.mesh.job_awaiting=50' -c 'rodin.mesh.consumers=2:'
  # workers scale to zero: no consumer is fine unless a job is waiting
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -c 'consumers='
  # readiness probe of a mesh worker
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -t 2 -q rodin.mesh --probe readiness
"""


class Options(argparse.Namespace):
    """The command line as values; None where an option was not given."""

    host: Optional[str]
    port: Optional[int]
    family: int
    token_file: Optional[str]
    input: Optional[str]
    timeout: float
    ca_file: Optional[str]
    client_cert: Optional[str]
    client_key: Optional[str]
    insecure: bool
    probe: Optional[str]
    extra_opts: list[str]
    verbosity: int
    policy: Policy


class HelpRequested(Exception):  # noqa: N818 — not an error
    """Ends the parsing with the text of --help or --version."""


def parse(words: Sequence[str]) -> Options:
    """Read the command line without the program's name; raises UsageError or HelpRequested."""
    parser, options = build_parser(), Options()
    _, unknown = parser.parse_known_args(_join_values(words, parser), options)
    if unknown:
        has_source = options.host is not None or options.input is not None
        raise _unknown(unknown[0], words, has_source)
    from check_rodin_queues.selection import Policy  # noqa: PLC0415 — --help does not need it

    given = vars(options)
    options.policy = Policy(
        queues=tuple(given.pop("queue")),
        exclude=tuple(given.pop("exclude")),
        require=None if given["require"] is None else tuple(given["require"]),
        thresholds=(parse_threshold(State.CRITICAL, DEFAULT_CRITICAL), *given.pop("thresholds")),
        states={**DEFAULT_STATES, **dict(given.pop("state"))},
    )
    return options


def options_by_name() -> dict[str, tuple[str, bool]]:
    """Return each option's name without dashes: its long form, and whether it needs a value."""
    return {
        name.lstrip("-"): (action.option_strings[-1], action.nargs != 0)
        for action in build_parser()._actions
        for name in action.option_strings
    }


def find_probe(words: Sequence[str]) -> Optional[str]:
    """Return the kind of --probe in words that may not be valid options, None if there is none."""
    found = None
    for word, following in zip(words, [*words[1:], ""]):
        if word == "--probe":
            found = following
        elif word.startswith("--probe="):
            found = word.partition("=")[2]
    return found if found in PROBE_KINDS else None


def _join_values(words: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Join a value such as -5:5 to its option: argparse would take it for an option."""
    known = parser._option_string_actions
    joined: list[str] = []
    for word in words:
        action = known.get(joined[-1]) if joined else None
        is_value = re.match(r"-[0-9.@~:]", word) or (
            re.match(r"-[^-]", word) and word[:2] not in known
        )
        if action is not None and action.nargs is None and is_value:
            joined[-1] += word if len(joined[-1]) == len("-w") else f"={word}"
        else:
            joined.append(word)
    return joined


def _unknown(word: str, words: Sequence[str], has_source: bool) -> UsageError:
    """Return the error for *word*, which belongs to no option."""
    name = word.partition("=")[0]
    if re.fullmatch(r"--(api[_-]?|auth[_-]?|bearer[_-]?)?(token|key|password)", name):
        return UsageError(
            f"unknown option {name}: every user of this host can read a command line",
            f"Use --token-file or {TOKEN_VARIABLE}",
        )
    if re.fullmatch(r"--[a-z][a-z_-]{0,20}", name):
        near = suggestion(name[2:], (key for key in options_by_name() if len(key) > 1))
        return UsageError(f"unknown option {name}{near.replace('mean ', 'mean --')}", _SEE_HELP)
    if re.match(r"-[A-Za-z]", name):
        swapped = name[:2].swapcase()
        near = f" (did you mean {swapped}?)" if swapped[1:] in options_by_name() else ""
        return UsageError(f"unknown option {name[:2]}{near}", _SEE_HELP)
    number = words.index(word) + 1 if word in words else len(words)
    if re.match(r"--\w|[\u2013\u2014]", word):  # a word processor makes a longer dash of --
        return UsageError(f"unknown option in argument {number}", _SEE_HELP)
    missing = "an option is missing" if has_source else "a host needs -H"
    return UsageError(f"unexpected argument {number}: {missing} in front of it", _SEE_HELP)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing; argparse's own words may quote a value."""
        message = re.sub(r"^argument ", "", message)
        message = re.sub(r"expected (one|at most one) argument", "value missing", message)
        message = message.replace("not allowed with argument", "cannot be combined with")
        raise UsageError(re.sub(r"ignored explicit argument .*", "unexpected value", message))

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Return the value; Python before 3.13 would make an empty list of `--warning=--`."""
        if arg_strings == ["--"] and action.nargs != 0:
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Return the value; put the option's name in front of a UsageError."""
        try:
            return super()._get_value(action, arg_string)
        except UsageError as error:
            raise argparse.ArgumentError(action, str(error)) from None

    def format_help(self) -> str:
        """Return the help; argparse's own formatter would cost half as much again on 3.14."""
        return f"usage: {self.usage}\n\n{self.description}\n\n{_OPTIONS_HELP}\n\n{EPILOG}"


class _PrintAndExit(argparse.Action):
    """Raises HelpRequested with the text that *const* makes from the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise HelpRequested(self.const(parser))


def _parse_timeout(text: str) -> float:
    is_number = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", text)
    seconds = float(text) if is_number else 0.0
    if not _MIN_TIMEOUT <= seconds <= _MAX_TIMEOUT:
        limits = f"{_MIN_TIMEOUT:g} to {_MAX_TIMEOUT:g} seconds"
        raise UsageError(f"invalid timeout{quoted(text)}, expected {limits}")
    return int(seconds) if seconds.is_integer() else seconds


def _parse_path(text: str) -> str:
    if not text or "\0" in text:
        raise UsageError("invalid path, expected the name of a file")
    return text


def _parse_probe(text: str) -> str:
    if text not in PROBE_KINDS:
        near = suggestion(text, PROBE_KINDS)
        expected = "expected readiness, startup or liveness"
        raise UsageError(f"unknown kind{quoted(text)}{near}, {expected}")
    return text


def _parse_globs(text: str) -> tuple[str, ...]:
    """Split *text* at its commas, but not within [...]."""
    items = re.findall(r"(?:\[!?\]?[^\]]*\]|[^,])+", _as_utf_8(text))
    globs = tuple(item.strip() for item in items if item.strip())
    if not globs:
        raise UsageError("no queue given, expected a name or a glob such as 'rodin.*'")
    return globs


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in _as_utf_8(text).split(",") if name.strip())
    if not all(map(is_plain, names)) or (text and not names):
        raise UsageError("invalid name, expected names of queues without wildcards")
    return names


def _threshold(level: State) -> Callable[[str], Threshold]:
    return lambda text: parse_threshold(level, _as_utf_8(text))


def _as_utf_8(text: str) -> str:
    """Return *text* as the server writes it: Python decodes arguments by the locale."""
    try:
        return text if text.isascii() else os.fsencode(text).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("invalid name, expected UTF-8") from None


#: The options as --help shows them; the parser is made of this text and of _SETTINGS.
_OPTIONS_HELP = f"""\
connection:
  -H, --host HOST         Rodin server: HOST, HOST:PORT or URL. HTTPS is used
                          unless the URL starts with http://.
                          Default: ${HOST_VARIABLE}.
  -p, --port PORT         Server port. Default: 443, or 80 for http://.
  --token-file FILE       File whose first line is the API token.
                          Default: the file in ${TOKEN_FILE_VARIABLE}, or the
                          token in ${TOKEN_VARIABLE}.
  -4, --ipv4              Connect to IPv4 addresses only.
  -6, --ipv6              Connect to IPv6 addresses only.
  -t, --timeout SECONDS   Time limit for the whole run, {_MIN_TIMEOUT:g} to {_MAX_TIMEOUT:g}.
                          Default: {DEFAULT_TIMEOUT}.
  --input FILE            Check a saved response instead of asking a server;
                          - reads standard input.

queues:
  -q, --queue GLOB        Check only matching queues. Repeatable or comma-
                          separated. Default: all queues.
  -x, --exclude GLOB      Skip matching queues, even if -q selects them.
                          Repeatable or comma-separated.
  --require NAME          Queue that must exist. Repeatable or comma-separated;
                          '' requires none. Default: the documented queues that
                          -q and -x select: rodin.mesh, rodin.pack,
                          rodin.remesh, rodin.texture. A queue that -q, -w
                          or -c name without wildcards must exist too.

thresholds:
  -w, --warning [SELECTOR=]RANGE
                          WARNING if a metric is outside RANGE. Repeatable; the
                          last match for a metric wins; an empty RANGE removes
                          earlier ones. Without SELECTOR: job_awaiting.
  -c, --critical [SELECTOR=]RANGE
                          CRITICAL if a metric is outside RANGE. Same rules as
                          --warning. Default: {DEFAULT_CRITICAL}
  --state CONDITION=STATE
                          Change the state of a condition. Repeatable or comma-
                          separated.

output:
  -v, --verbose           -v: one line per queue; -vv: also the request and the
                          reason for each state; -vvv: also headers and body.
  --probe KIND            Answer a Kubernetes exec probe (readiness, startup or
                          liveness): one line, exit code 0 or 1.

TLS:
  --ca-file PATH          CA bundle (PEM file or hashed directory) to verify
                          the server with. Default: $REQUESTS_CA_BUNDLE,
                          $CURL_CA_BUNDLE, $SSL_CERT_FILE, $SSL_CERT_DIR, then
                          the system's CA store.
  --client-cert FILE      Client certificate (PEM) for mutual TLS.
  --client-key FILE       Unencrypted private key of --client-cert.
                          Default: the key in the --client-cert file.
  --insecure              Do not verify the server's certificate.

general:
  --extra-opts [SECTION][@FILE]
                          Read options from an INI file first.
                          Default section: {PROGRAM}.
  -V, --version           Print the version and exit.
  -h, --help              Print this help and exit."""

_PRINT: dict[str, Any] = {"action": _PrintAndExit, "nargs": 0, "default": argparse.SUPPRESS}
_PATH: dict[str, Any] = {"type": _parse_path}
_SEVERAL: dict[str, Any] = {"action": "append", "default": []}
_LISTS: dict[str, Any] = {"action": "extend", "default": []}
#: What argparse needs to know of each option.
_SETTINGS: dict[str, dict[str, Any]] = {
    "--host": {},
    "--port": {"type": parse_port},
    "--token-file": _PATH,
    "--ipv4": {"dest": "family", "action": "store_const", "const": 4, "default": 0},
    "--ipv6": {"dest": "family", "action": "store_const", "const": 6, "default": 0},
    "--timeout": {"type": _parse_timeout, "default": DEFAULT_TIMEOUT},
    "--input": _PATH,
    "--queue": {**_LISTS, "type": _parse_globs},
    "--exclude": {**_LISTS, "type": _parse_globs},
    "--require": {"action": "extend", "type": _parse_names},
    "--warning": {**_SEVERAL, "dest": "thresholds", "type": _threshold(State.WARNING)},
    "--critical": {**_SEVERAL, "dest": "thresholds", "type": _threshold(State.CRITICAL)},
    "--state": {**_LISTS, "type": parse_states},
    "--verbose": {"dest": "verbosity", "action": "count", "default": 0},
    "--probe": {"type": _parse_probe},
    "--ca-file": _PATH,
    "--client-cert": _PATH,
    "--client-key": _PATH,
    "--insecure": {"action": "store_true"},
    "--extra-opts": {**_SEVERAL, "nargs": "?", "const": ""},
    "--version": {**_PRINT, "const": lambda _: f"{PROGRAM} {__version__}\n"},
    "--help": {**_PRINT, "const": _Parser.format_help},
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(PROGRAM, _USAGE, DESCRIPTION, add_help=False, allow_abbrev=False)
    for block in _OPTIONS_HELP.split("\n\n"):
        title, _, entries = block.partition(":\n")
        group = parser.add_argument_group(title)
        one_family = group.add_mutually_exclusive_group()
        for form, text in re.findall(r"^  (-.*?)\s{2,}(\S.*(?:\n {26}.*)*)", entries, re.MULTILINE):
            *names, last = form.split(", ")
            name, _, metavar = last.partition(" ")
            settings = {**_SETTINGS[name], **({"metavar": metavar} if metavar else {})}
            adder = one_family if settings.get("dest") == "family" else group
            adder.add_argument(*names, name, help=text, **settings)
    return parser
