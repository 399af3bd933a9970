"""The options: each with its group, its help and how its value is read.

The one place that names them. Man page, completions and the examples for Icinga take their words
from here. Nothing is read but the words themselves, so whatever is wrong is a UsageError. It never
repeats a value that could be a secret.
"""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from check_rodin_queues import __version__
from check_rodin_queues.conditions import CONDITIONS, DEFAULT_STATES, parse_states
from check_rodin_queues.errors import State, UsageError, quoted, suggestion
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS, Number
from check_rodin_queues.selection import Policy
from check_rodin_queues.server import HOST_VARIABLE, parse_port
from check_rodin_queues.thresholds import is_plain, parse_threshold
from check_rodin_queues.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE

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

_EPILOG = """\
RANGE is [@]START:END, both ends inclusive:
  10      alert above 10                  5:10    alert below 5 or above 10
  1:      alert below 1                   @5:10   alert from 5 to 10
  ~:5     alert above 5

SELECTOR says what RANGE applies to:
  job_awaiting              this metric, in every queue
  rodin.mesh.job_awaiting   this metric, in one queue (globs: * ? [])
  total.job_awaiting        the sum over all selected queues

metrics of a queue:
{queue_metrics}
metrics of the run:
{run_metrics}

conditions and their default states:
{conditions}

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


class Options(NamedTuple):
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
    policy: Policy
    probe: Optional[str]
    extra_opts: Tuple[str, ...]
    verbosity: int


class HelpRequested(Exception):  # noqa: N818 — not an error
    """Ends the parsing with the text of --help or --version."""


def parse(words: Sequence[str]) -> Options:
    """Read the command line without the program's name; raises UsageError or HelpRequested."""
    parser = build_parser()
    known, unknown = parser.parse_known_args(_join_values(words, parser))
    if unknown:
        raise _unknown(unknown[0], words, known.host is not None or known.input is not None)
    if known.client_key and not known.client_cert:
        raise UsageError("--client-key: no --client-cert given", "Add --client-cert")
    given = vars(known)
    states = dict(DEFAULT_STATES)
    for more in given.pop("state"):
        states.update(more)
    policy = Policy(
        queues=_flat(given.pop("queue")),
        exclude=_flat(given.pop("exclude")),
        require=None if known.require is None else _flat(known.require),
        thresholds=(parse_threshold(State.CRITICAL, DEFAULT_CRITICAL), *given.pop("thresholds")),
        states=states,
    )
    del given["require"]
    return Options(policy=policy, extra_opts=tuple(given.pop("extra_opts")), **given)


def options_by_name() -> Dict[str, Tuple[str, bool]]:
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


def epilog() -> str:
    """Return what --help says after the options."""
    return _EPILOG.format(
        queue_metrics=_table((row.name, row.meaning) for row in QUEUE_METRICS),
        run_metrics=_table((row.name, row.meaning) for row in RUN_METRICS),
        conditions="\n".join(
            f"  {row.name:<11}  {row.default.name:<8}  {row.meaning}" for row in CONDITIONS
        ),
    )


def _table(rows: Any) -> str:
    return "\n".join(f"  {name:<24}  {meaning}" for name, meaning in rows)


def _flat(groups: Sequence[Tuple[str, ...]]) -> Tuple[str, ...]:
    return tuple(item for group in groups for item in group)


def _join_values(words: Sequence[str], parser: argparse.ArgumentParser) -> List[str]:
    """Join a value such as -5:5 to its option: argparse would take it for an option."""
    known = parser._option_string_actions
    joined: List[str] = []
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
    if name == "--token":
        return UsageError(
            f"unknown option --token: a command line is public on its host, use --token-file or "
            f"{TOKEN_VARIABLE}"
        )
    if re.fullmatch(r"--[a-z][a-z-]{0,20}", name):
        near = suggestion(name, (option for option in _long_options()))
        return UsageError(f"unknown option {name}{near}", _SEE_HELP)
    if re.match(r"-[A-Za-z]", name):
        swapped = name[:2].swapcase()
        near = f", did you mean {swapped}?" if swapped[1:] in options_by_name() else ""
        return UsageError(f"unknown option {name[:2]}{near}", _SEE_HELP)
    number = words.index(word) + 1 if word in words else len(words)
    missing = "an option is missing in front of it" if has_source else "a host needs -H in front"
    return UsageError(f"unexpected argument {number}: {missing}", _SEE_HELP)


def _long_options() -> List[str]:
    return [long for long, _ in options_by_name().values()]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing; argparse's own words may quote a value."""
        message = re.sub(r"^argument ", "", message)
        message = re.sub(r"expected (one|at most one) argument", "value missing", message)
        raise UsageError(re.sub(r"ignored explicit argument .*", "unexpected value", message))


class _Formatter(argparse.RawTextHelpFormatter):
    """Writes `-H, --host HOST`. Lines are wrapped in the source: argparse would need 5 % more."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog, **{**kwargs, "max_help_position": 26, "width": 79})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = ", ".join(action.option_strings)
        return names if action.nargs == 0 else f"{names} {action.metavar}"


class _PrintAndExit(argparse.Action):
    """Raises HelpRequested with the text that *const* makes from the parser."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "nargs": 0, "default": argparse.SUPPRESS})

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise HelpRequested(self.const(parser))


def _help(parser: argparse.ArgumentParser) -> str:
    parser.epilog = epilog()
    return parser.format_help()


def _version(_: argparse.ArgumentParser) -> str:
    return f"{PROGRAM} {__version__}\n"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(
        prog=PROGRAM,
        usage=_USAGE,
        description=DESCRIPTION,
        formatter_class=_Formatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.color = False  # type: ignore[attr-defined]  # from Python 3.14 on: costs a third of --help
    for title, add_options in (
        ("connection", _add_connection),
        ("queues", _add_queues),
        ("thresholds", _add_thresholds),
        ("output", _add_output),
        ("TLS", _add_tls),
        ("general", _add_general),
    ):
        add_options(parser.add_argument_group(title))
    return parser


def _add_connection(group: argparse._ArgumentGroup) -> None:
    _add(
        group,
        "-H, --host HOST",
        "Rodin server: HOST, HOST:PORT or URL. HTTPS is used\n"
        "unless the URL starts with http://.\n"
        f"Default: ${HOST_VARIABLE}.",
    )
    _add(
        group,
        "-p, --port PORT",
        "Server port. Default: 443, or 80 for http://.",
        type=_typed(parse_port),
    )
    _add(
        group,
        "--token-file FILE",
        "File whose first line is the API token.\n"
        f"Default: the file in ${TOKEN_FILE_VARIABLE}, or the\n"
        f"token in ${TOKEN_VARIABLE}.",
        type=_typed(_parse_path),
    )
    family = group.add_mutually_exclusive_group()
    for number in (4, 6):
        family.add_argument(
            f"-{number}",
            f"--ipv{number}",
            dest="family",
            action="store_const",
            const=number,
            default=0,
            help=f"Connect to IPv{number} addresses only.",
        )
    _add(
        group,
        "-t, --timeout SECONDS",
        f"Time limit for the whole run, 0.5 to 3600.\nDefault: {DEFAULT_TIMEOUT}.",
        type=_typed(_parse_timeout),
        default=DEFAULT_TIMEOUT,
    )
    _add(
        group,
        "--input FILE",
        "Check a saved response instead of asking a server;\n- reads standard input.",
        type=_typed(_parse_path),
    )


def _add_queues(group: argparse._ArgumentGroup) -> None:
    _add(
        group,
        "-q, --queue GLOB",
        "Check only matching queues. Repeatable or comma-\nseparated. Default: all queues.",
        action="append",
        default=[],
        type=_typed(_parse_globs),
    )
    _add(
        group,
        "-x, --exclude GLOB",
        "Skip matching queues, even if -q selects them.\nRepeatable or comma-separated.",
        action="append",
        default=[],
        type=_typed(_parse_globs),
    )
    _add(
        group,
        "--require NAME",
        "Queue that must exist. Repeatable or comma-separated;\n"
        "'' requires none. Default: the documented queues that\n"
        "-q and -x select: rodin.mesh, rodin.pack,\n"
        "rodin.remesh, rodin.texture.",
        action="append",
        type=_typed(_parse_names),
    )


def _add_thresholds(group: argparse._ArgumentGroup) -> None:
    _add(
        group,
        "-w, --warning [SELECTOR=]RANGE",
        "WARNING if a metric is outside RANGE. Repeatable; the\n"
        "last match for a metric wins; an empty RANGE removes\n"
        "earlier ones. Without SELECTOR: job_awaiting.",
        dest="thresholds",
        action="append",
        default=[],
        type=_typed(lambda text: parse_threshold(State.WARNING, _as_utf_8(text))),
    )
    _add(
        group,
        "-c, --critical [SELECTOR=]RANGE",
        "CRITICAL if a metric is outside RANGE. Same rules as\n"
        f"--warning. Default: {DEFAULT_CRITICAL}",
        dest="thresholds",
        action="append",
        type=_typed(lambda text: parse_threshold(State.CRITICAL, _as_utf_8(text))),
    )
    _add(
        group,
        "--state CONDITION=STATE",
        "Change the state of a condition (listed below).\nRepeatable or comma-separated.",
        action="append",
        default=[],
        type=_typed(parse_states),
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-v",
        "--verbose",
        dest="verbosity",
        action="count",
        default=0,
        help="-v: one line per queue; -vv: also the request and the\n"
        "reason for each state; -vvv: also headers and body.",
    )
    _add(
        group,
        "--probe KIND",
        "Answer a Kubernetes exec probe (readiness, startup or\n"
        "liveness): one line, exit code 0 or 1.",
        type=_typed(_parse_probe),
    )


def _add_tls(group: argparse._ArgumentGroup) -> None:
    _add(
        group,
        "--ca-file PATH",
        "CA bundle (PEM file or hashed directory) to verify\n"
        "the server with. Default: $REQUESTS_CA_BUNDLE,\n"
        "$CURL_CA_BUNDLE, $SSL_CERT_FILE, $SSL_CERT_DIR, then\n"
        "the system's CA store.",
        type=_typed(_parse_path),
    )
    _add(
        group,
        "--client-cert FILE",
        "Client certificate (PEM) for mutual TLS.",
        type=_typed(_parse_path),
    )
    _add(
        group,
        "--client-key FILE",
        "Unencrypted private key of --client-cert.\nDefault: the key in the --client-cert file.",
        type=_typed(_parse_path),
    )
    group.add_argument(
        "--insecure", action="store_true", help="Do not verify the server's certificate."
    )


def _add_general(group: argparse._ArgumentGroup) -> None:
    _add(
        group,
        "--extra-opts [SECTION][@FILE]",
        f"Read options from an INI file first.\nDefault section: {PROGRAM}.",
        nargs="?",
        const="",
        action="append",
        default=[],
    )
    group.add_argument(
        "-V", "--version", action=_PrintAndExit, const=_version, help="Print the version and exit."
    )
    group.add_argument(
        "-h", "--help", action=_PrintAndExit, const=_help, help="Print this help and exit."
    )


def _add(group: argparse._ArgumentGroup, form: str, text: str, **kwargs: Any) -> None:
    """Add the option that --help shows as *form*, such as `-p, --port PORT`."""
    *names, last = form.split(", ")
    name, metavar = last.split(" ", 1)
    group.add_argument(*names, name, metavar=metavar, help=text, **kwargs)


def _typed(parse_value: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse put the option's name in front of a UsageError of *parse_value*."""

    def convert(text: str) -> Any:
        try:
            return parse_value(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _parse_timeout(text: str) -> Number:
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
        raise UsageError(f"unknown kind{quoted(text)}{near}, expected {', '.join(PROBE_KINDS)}")
    return text


def _parse_globs(text: str) -> Tuple[str, ...]:
    """Split *text* at its commas, but not within [...]."""
    items = re.findall(r"(?:\[!?\]?[^\]]*\]|[^,])+", _as_utf_8(text))
    globs = tuple(item.strip() for item in items if item.strip())
    if not globs:
        raise UsageError("no queue given, expected a name or a glob such as 'rodin.*'")
    return globs


def _parse_names(text: str) -> Tuple[str, ...]:
    names = tuple(name.strip() for name in _as_utf_8(text).split(",") if name.strip())
    if not all(map(is_plain, names)) or (text and not names):
        raise UsageError("invalid name, expected names of queues without wildcards")
    return names


def _as_utf_8(text: str) -> str:
    """Return *text* as the server writes it: Python decodes arguments by the locale."""
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")
