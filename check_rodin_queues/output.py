"""The output: a verdict as the lines that Nagios, Icinga and the kubelet read, and its exit code.

First line: `RODIN_QUEUES STATE - TEXT | PERFDATA`. Nagios takes the first `|` for the beginning of
perfdata, a terminal obeys control characters: neither gets past here.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Optional

from check_rodin_queues.labels import clipped, one_line
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State
from check_rodin_queues.verdict import Verdict

NAME = "RODIN_QUEUES"
#: NDO keeps 255 bytes of what stands before the perfdata.
MAX_STATUS = 254
_PROBE_FAILED = 1


class Report(NamedTuple):
    """What the process leaves: bytes for standard output and an exit code.

    *more* follows *output*, in small parts of which each new line begins one, and is made while it
    is read, once: of 5,000 queues it is megabytes.
    """

    output: bytes
    code: int
    more: Iterable[bytes] = ()


def report(verdict: Verdict, probe: Optional[str] = None, more: Iterable[str] = ()) -> Report:
    """Write *verdict*, with *more* lines beneath, or as the answer to *probe*: one line."""
    status = f"{NAME} {verdict.state.name} - {one_line(verdict.text)}"
    if probe is not None:
        from check_rodin_queues.probes import fails  # noqa: PLC0415 — an engine asks for no probe

        failed = fails(probe, verdict)
        outcome = f" ({probe} probe {'fails' if failed else 'passes'})"
        line = clipped(status, MAX_STATUS - len(outcome)) + outcome
        return Report(_encoded(f"{line}\n"), _PROBE_FAILED if failed else State.OK.value)
    status = clipped(status, MAX_STATUS)
    return Report(_encoded(status), verdict.state.value, _rest(verdict.perfdata, more))


def _rest(perfdata: Iterable[bytes], lines: Iterable[str]) -> Iterator[bytes]:
    """Give what follows the status: perfdata, the lines beneath, and the last line break."""
    for number, item in enumerate(perfdata):
        yield b" " if number else b" | "
        yield item
    for text in lines:
        yield _encoded(f"\n{one_line(text)}")
    yield b"\n"


def plain(text: str) -> Report:
    """Return *text* as it is, for --help and --version: exit 3, as the guidelines say."""
    return Report(_encoded(text), State.UNKNOWN.value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
