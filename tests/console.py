"""Run the installed console script like Nagios does, and check what holds for every run.

The interface makes the same promises for every run: an exit code that fits the state, one line on
stdout (without `-v`), nothing on stderr, less than 255 bytes of text, strict perfdata, and no trace
of the token. `report` asserts all of them, so that no test can forget one.
"""

from __future__ import annotations

import base64
import functools
import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Callable, NamedTuple, Optional
from urllib.parse import unquote

from tests import perfdata

#: The threshold of every test that has no other: a changed default must not change them.
THRESHOLD = ("-c", "consumers=1:")
SCRIPT = Path(sys.executable).parent / "check_rodin_queues"

#: Variables of the caller that would change a result. A test that needs one sets it.
FOREIGN = (
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "PYTHONWARNINGS"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    *("MP_CONFIG_FILE", "NAGIOS_CONFIG_PATH", "RODIN_API_KEY", "RODIN_API_KEY_FILE", "RODIN_URL"),
)

#: A made-up token with every character that a bearer token can have, so that each encoding changes
#: it. Tests that use it get the search for it in every output.
TOKEN = "cAnArY0-+/~._5f1Q8zLkW2hV7nB4tXy9RgJ6mDpS3uEoIqT=="

CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}

#: The default state of each condition: the one table of it in the tests.
STATES = {
    "stranded": "CRITICAL",
    "stalled": "WARNING",
    "missing": "CRITICAL",
    "empty": "UNKNOWN",
    "unreachable": "CRITICAL",
    "timeout": "CRITICAL",
    "auth": "UNKNOWN",
    "throttled": "UNKNOWN",
    "invalid": "UNKNOWN",
}

#: The text before the perfdata has fewer bytes than this.
TEXT_LIMIT = 255

#: Metrics that follow those of the queues, in this order.
_LAST = ("time", "token_expires_in")

#: A run can end this many seconds after its deadline, since a busy machine starts it late.
GRACE = 0.4


class Outcome(NamedTuple):
    """What a run left: exit code, both streams, and its duration in seconds."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def line(self) -> str:
        """The first line of the output."""
        return self.stdout.split("\n", 1)[0]

    @property
    def text(self) -> str:
        """The first line up to its perfdata."""
        return self.line.split(" | ", 1)[0]

    @property
    def perfdata(self) -> str:
        """The first line's perfdata, empty if there is none."""
        return self.line.partition(" | ")[2]


class Report(NamedTuple):
    """A run that kept the promises: its state, text, metrics, and any further lines."""

    state: str
    text: str
    metrics: dict[str, perfdata.Datum]
    more: str

    @property
    def values(self) -> dict[str, float]:
        """The value of each metric."""
        return {label: float(datum.value) for label, datum in self.metrics.items()}

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that the text names in parentheses, in its order, each once."""
        found = re.findall(rf"\(({'|'.join(STATES)})\)", self.text)
        return tuple(dict.fromkeys(found))


def environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """Return the environment of a run: the caller's without FOREIGN, and with *extra*."""
    foreign = {name.lower() for name in FOREIGN}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in foreign}
    return {**kept, **(extra or {})}


def start(
    *args: str,
    env: Optional[Mapping[str, str]] = None,
    stdin: int = subprocess.PIPE,
    stdout: int = subprocess.PIPE,
    prefix: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start the console script with THRESHOLD and *args*; `finish` waits for its end.

    *prefix* is a command that starts the script, such as one that makes a namespace.
    """
    return subprocess.Popen(
        [*prefix, str(SCRIPT), *THRESHOLD, *args],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(env),
    )


def finish(process: subprocess.Popen[bytes], stdin: str = "", within: float = 60) -> Outcome:
    """Return what a started run left, and the seconds that it still took; kill one that hangs."""
    begin = time.monotonic()
    with process:
        try:
            stdout, stderr = process.communicate(stdin.encode() or None, timeout=within)
        except BaseException:
            process.kill()
            raise
    seconds = time.monotonic() - begin
    return Outcome(process.returncode, (stdout or b"").decode(), stderr.decode(), seconds)


def run(
    *args: str,
    env: Optional[Mapping[str, str]] = None,
    stdin: str | int = "",
    stdout: int = subprocess.PIPE,
    within: float = 60,
    prefix: Sequence[str] = (),
) -> Outcome:
    """Run the console script with *args*; fail if it does not end *within* seconds.

    *stdin* is a text or a descriptor. What is written to another *stdout* than a pipe is lost.
    """
    begin = time.monotonic()
    source = stdin if isinstance(stdin, int) else subprocess.PIPE
    process = start(*args, env=env, stdin=source, stdout=stdout, prefix=prefix)
    outcome = finish(process, stdin if isinstance(stdin, str) else "", within)
    return outcome._replace(seconds=time.monotonic() - begin)


def in_time(attempt: Callable[[], Outcome], deadline: float, earliest: float = 0) -> Outcome:
    """Return a run that ended within *deadline* seconds; a busy machine has three tries.

    No run can end before *earliest*.
    """
    late = []
    for _ in range(3):
        outcome = attempt()
        assert outcome.seconds >= earliest, outcome
        if outcome.seconds <= deadline + GRACE:
            return outcome
        late.append(outcome)
    raise AssertionError(f"late three times: {late}")


def report(outcome: Outcome, verbose: bool = False, token: str = TOKEN) -> Report:
    """Return what *outcome* reports; fail if it breaks a promise of every run."""
    text, more = _first_line(outcome, verbose, token)
    text, bar, metrics = text.partition(" | ")
    service, state, dash, reason = [*text.split(" ", 3), "", "", ""][:4]
    assert (service, dash) == ("RODIN_QUEUES", "-"), text
    assert CODES[state] == outcome.code, outcome
    assert reason.strip()
    assert not bar or metrics
    found = perfdata.parse(metrics)
    order = sorted(found, key=lambda label: (label in _LAST, label))
    assert list(found) == order
    return Report(state, reason, found, more)


def refused(outcome: Outcome, *words: str) -> str:
    """Return the text of a usage or configuration error that holds each of *words*."""
    found = report(outcome)
    assert (found.state, found.metrics, found.conditions) == ("UNKNOWN", {}, ()), outcome
    assert [word for word in words if word not in found.text] == [], found.text
    return found.text


def probed(outcome: Outcome) -> int:
    """Return the exit code of a probe, whose output is one line without perfdata."""
    line, _ = _first_line(outcome, False, TOKEN)
    assert line.startswith("RODIN_QUEUES ")
    assert "|" not in line
    return outcome.code


def _first_line(outcome: Outcome, verbose: bool, token: str) -> tuple[str, str]:
    """Return the first line and the lines after it, once what holds for all output is checked."""
    assert outcome.stderr == ""
    assert outcome.stdout.endswith("\n"), outcome
    line, _, more = outcome.stdout.partition("\n")
    assert verbose or not more, f"more than one line: {outcome.stdout!r}"
    assert all(part.isprintable() for part in outcome.stdout.split("\n")), ascii(outcome.stdout)
    assert outcome.stdout.count("|") <= 1, outcome.stdout
    assert "internal error" not in outcome.stdout, outcome.stdout
    assert traces(outcome.stdout, token) == [], outcome.stdout
    text = line.partition(" | ")[0]
    assert len(text.encode()) < TEXT_LIMIT, f"{len(text.encode())} bytes: {text}"
    return line, more


def traces(output: str, token: str = TOKEN) -> list[str]:
    """Return the pieces of *token* that *output* shows in one of its forms.

    Line breaks and escapes within a piece do not conceal it.
    """
    texts = [output, re.sub(r"\s", "", output)]
    if "&" in output:
        texts.append(html.unescape(output))
    if "%" in output or "\\" in output:
        texts.append(unquote(re.sub(r"\\u00([0-9a-fA-F]{2})", r"%\1", output)))
    shown = "\n".join(texts).lower()
    return sorted(piece for piece in _pieces(token) if piece in shown)


@functools.cache
def _pieces(token: str) -> list[str]:
    """Return pieces of every form, one after the other: a leak of 15 characters has one of them."""
    return [
        form[start : start + 8].lower()
        for form in _forms(token)
        for start in range(0, max(len(form) - 7, 1), 8)
    ]


def _forms(token: str) -> Iterator[str]:
    """Yield *token* as it is, in hex, and in base64, where it has one of three alignments."""
    yield token
    yield token.encode().hex()
    for pad in range(3):
        text = base64.b64encode(b"\0" * pad + token.encode()).decode().rstrip("=")
        inner = text[(8 * pad + 5) // 6 : -1]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
