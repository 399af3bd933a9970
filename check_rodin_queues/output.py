"""The output: a verdict as the lines that Nagios, Icinga and the kubelet read, and its exit code.

First line: `RODIN_QUEUES STATE - TEXT | PERFDATA`. Nagios takes the first `|` for the beginning of
perfdata, a terminal obeys control characters: neither gets past here.
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence

from check_rodin_queues.labels import clipped, one_line
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State
from check_rodin_queues.verdict import Verdict

NAME = "RODIN_QUEUES"
#: NDO keeps 255 bytes of what stands before the perfdata.
MAX_STATUS = 254
_PROBE_FAILED = 1


class Report(NamedTuple):
    """What the process leaves: bytes for standard output and an exit code."""

    output: bytes
    code: int


def report(verdict: Verdict, probe: Optional[str] = None, more: Iterable[str] = ()) -> Report:
    """Write *verdict*, with *more* lines beneath, or as the answer to *probe*: one line."""
    status = f"{NAME} {verdict.state.name} - {one_line(verdict.text)}"
    if probe is not None:
        from check_rodin_queues.probes import fails  # noqa: PLC0415 — an engine asks for no probe

        failed = fails(probe, verdict)
        outcome = f" ({probe} probe {'fails' if failed else 'passes'})"
        line = clipped(status, MAX_STATUS - len(outcome)) + outcome
        return Report(_encoded([line]), _PROBE_FAILED if failed else State.OK.value)
    line = clipped(status, MAX_STATUS)
    if verdict.perfdata:
        line += f" | {' '.join(verdict.perfdata)}"
    return Report(_encoded([line, *map(one_line, more)]), verdict.state.value)


def plain(text: str) -> Report:
    """Return *text* as it is, for --help and --version: exit 3, as the guidelines say."""
    return Report(text.encode("utf-8", "replace"), State.UNKNOWN.value)


def _encoded(lines: Sequence[str]) -> bytes:
    joined: List[str] = [*lines, ""]
    return "\n".join(joined).encode("utf-8", "replace")
