"""The options: every one with its group, its help and how its value is read.

The one place that names them: the man page and the completions are made from it too.
"""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, Callable, List, NoReturn, Tuple

from check_rodin_queues import __version__
from check_rodin_queues.conditions import parse_states
from check_rodin_queues.errors import UsageError
from check_rodin_queues.metrics import Number
from check_rodin_queues.selection import is_plain
from check_rodin_queues.states import State
from check_rodin_queues.thresholds import Threshold, parse_threshold

PROGRAM = "check_rodin_queues"
DEFAULT_TIMEOUT = 10
MAX_PORT = 65535
_TIMEOUTS = (0.5, 3600.0)


class Shown(Exception):  # noqa: N818 — not an error: --help or --version was asked for
    """The text that --help or --version shows instead of a check."""


class _Show(argparse.Action):
    """Stops the parsing with the text that its *const* makes of the parser."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "nargs": 0, "default": argparse.SUPPRESS})

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise Shown(self.const(parser))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of printing; argparse's own words may quote a value."""
        message = re.sub(r"^argument ", "", message)
        raise UsageError(re.sub(r"ignored explicit argument .*", "takes no value", message))

    def _get_values(self, action: argparse.Action, arg_strings: List[str]) -> Any:
        if arg_strings == ["--"]:
            # Up to Python 3.12 argparse takes it away, and an empty list is the option's value.
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)


def _typed(parse_value: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse put the option's name before a UsageError of *parse_value*."""

    def convert(text: str) -> Any:
        try:
            return parse_value(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _parse_timeout(text: str) -> Number:
    low, high = _TIMEOUTS
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", text):
        raise UsageError(f"takes seconds, {low:g} to {high:g}, such as 10 or 2.5")
    seconds = float(text)
    if not low <= seconds <= high:
        raise UsageError(f"takes seconds, {low:g} to {high:g}")
    return int(seconds) if seconds.is_integer() else seconds


def _parse_port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= MAX_PORT:
        raise UsageError(f"takes a port, 1 to {MAX_PORT}")
    return int(text)


def _in_utf_8(text: str) -> str:
    """Return the words of the command line that name queues as an answer writes them.

    Python decodes a command line as the locale says, and what it cannot decode would fit no queue.
    """
    if text.isascii():
        return text
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise UsageError("takes names of queues in UTF-8") from None


def _parse_glob(text: str) -> str:
    if not text:
        raise UsageError("takes the name of a queue or a glob such as 'rodin.*'")
    return _in_utf_8(text)


def _parse_names(given: str) -> Tuple[str, ...]:
    text = _in_utf_8(given)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not all(map(is_plain, names)) or (text and not names):
        raise UsageError("takes names of queues, separated by commas, and no globs")
    return names


def _parse_path(text: str) -> str:
    if not text or "\0" in text:
        raise UsageError("takes a path")
    return text


def _parse_probe(text: str) -> str:
    from check_rodin_queues.probes import parse_probe  # noqa: PLC0415 — an engine asks for none

    return parse_probe(text)


def _warning(text: str) -> Threshold:
    return parse_threshold(State.WARNING, _in_utf_8(text))


def _critical(text: str) -> Threshold:
    return parse_threshold(State.CRITICAL, _in_utf_8(text))


def _help(parser: argparse.ArgumentParser) -> str:
    from check_rodin_queues import manual  # noqa: PLC0415 — nothing else needs it

    parser.description, parser.epilog = manual.DESCRIPTION, manual.epilog()
    return parser.format_help()


def _version(_: argparse.ArgumentParser) -> str:
    return f"{PROGRAM} {__version__}\n"


def _formatter(prog: str) -> argparse.HelpFormatter:
    # Lines are broken below: that argparse breaks them would cost a twentieth of --help.
    return argparse.RawTextHelpFormatter(prog, max_help_position=26, width=79)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} -H HOST [--token-file FILE] [option ...]",
        formatter_class=_formatter,
        add_help=False,
        allow_abbrev=False,
    )
    for add_group in (_add_server, _add_tls, _add_queues, _add_judgement, _add_running):
        add_group(parser)
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the server").add_argument
    add(
        "-H",
        "--host",
        metavar="HOST",
        help="the Rodin server: HOST, HOST:PORT or a URL; a bare\n"
        "host means https://HOST, http:// has to be said\n"
        "(default: $RODIN_URL)",
    )
    add(
        "-p",
        "--port",
        metavar="PORT",
        type=_typed(_parse_port),
        help="its port (default: the scheme's)",
    )
    add(
        "--token-file",
        metavar="FILE",
        type=_typed(_parse_path),
        help="the API token: first line of FILE\n(default: $RODIN_API_KEY)",
    )
    add(
        "--input",
        metavar="FILE",
        type=_typed(_parse_path),
        help="judge a saved answer, - for standard input, instead\nof asking a server",
    )
    add(
        "-t",
        "--timeout",
        metavar="SECONDS",
        type=_typed(_parse_timeout),
        default=DEFAULT_TIMEOUT,
        help="wall clock for the whole run, 0.5 to 3600, fractions\nallowed (default: 10)",
    )


def _add_tls(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("TLS").add_argument
    add(
        "--ca-file",
        metavar="PATH",
        type=_typed(_parse_path),
        help="CA bundle, file or hashed folder, that the server's\n"
        "certificate must chain to\n"
        "(default: $REQUESTS_CA_BUNDLE, $CURL_CA_BUNDLE, else\n"
        "$SSL_CERT_FILE, $SSL_CERT_DIR, else the system's\n"
        "store)",
    )
    add(
        "--client-cert",
        metavar="FILE",
        type=_typed(_parse_path),
        help="client certificate for mutual TLS, PEM\n(default: none)",
    )
    add(
        "--client-key",
        metavar="FILE",
        type=_typed(_parse_path),
        help="its key, not encrypted (default: in the file of the\ncertificate)",
    )
    add(
        "--insecure",
        action="store_true",
        help="do not verify the server's certificate\n(default: verify)",
    )


def _add_queues(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which queues").add_argument
    add(
        "-q",
        "--queue",
        metavar="GLOB",
        action="append",
        default=[],
        type=_typed(_parse_glob),
        help="judge only queues that match; repeatable\n(default: all)",
    )
    add(
        "-x",
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        type=_typed(_parse_glob),
        help="leave these out, after -q; repeatable",
    )
    add(
        "--require",
        metavar="NAME",
        action="append",
        type=_typed(_parse_names),
        help="this queue must be in the answer; repeatable, commas\n"
        "allowed; empty: none (default: the four documented\n"
        "queues as far as -q and -x select them)",
    )


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("judgement").add_argument
    add(
        "-w",
        "--warning",
        metavar="[SELECTOR=]RANGE",
        dest="thresholds",
        action="append",
        default=[],
        type=_typed(_warning),
        help="warn when the metric is outside RANGE; repeatable,\n"
        "the last that fits a label wins; an empty RANGE\n"
        "removes one (default: none)",
    )
    add(
        "-c",
        "--critical",
        metavar="[SELECTOR=]RANGE",
        dest="thresholds",
        action="append",
        type=_typed(_critical),
        help="the same, critical (default: consumers=1:)",
    )
    add(
        "--state",
        metavar="CONDITION=STATE",
        action="append",
        default=[],
        type=_typed(parse_states),
        help="which state a condition has; repeatable, commas\nallowed (default: see below)",
    )
    add(
        "--probe",
        metavar="KIND",
        type=_typed(_parse_probe),
        help="answer a Kubernetes exec probe: readiness, startup or\nliveness; exit 0 or 1",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("other").add_argument
    add(
        "--extra-opts",
        metavar="SECTION][@FILE",
        nargs="?",
        const="",
        action="append",
        default=[],
        help="read options from an INI file, before the command\n"
        f"line (default section: {PROGRAM})",
    )
    add(
        "-v",
        "--verbose",
        dest="verbosity",
        action="count",
        default=0,
        help="-v a line for each queue, -vv the request and why\n"
        "each state, -vvv all (default: one line)",
    )
    add("-V", "--version", action=_Show, const=_version, help="show the version")
    add("-h", "--help", action=_Show, const=_help, help="show this help")
