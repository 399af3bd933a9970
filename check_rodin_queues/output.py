"""The output: a verdict as the lines that Nagios, Icinga and the kubelet read, and its exit code.

First line: `RODIN_QUEUES STATE - TEXT | PERFDATA`. Nagios takes the first `|` for the beginning of
perfdata, a terminal obeys control characters: neither gets past here.
"""

from __future__ import annotations

from itertools import chain
from typing import Iterable, Iterator, Optional, Union

from check_rodin_queues.labels import clipped, one_line
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State
from check_rodin_queues.verdict import Verdict

NAME = "RODIN_QUEUES"
#: NDO keeps 255 bytes of what stands before the perfdata.
MAX_STATUS = 254
_PROBE_FAILED = 1
#: How much is made at once, in bytes.
_PIECE = 64 * 1024


class Report(NamedTuple):
    """What the process leaves: bytes for standard output and an exit code.

    *output* begins with the verdict, and of a usual answer it is the whole first line. *more*
    follows, and is made while it is read, once: of 5,000 queues it is megabytes.
    """

    output: Union[bytes, bytearray]
    code: int
    more: Iterable[Union[bytes, bytearray]] = ()


def report(verdict: Verdict, probe: Optional[str] = None, more: Iterable[str] = ()) -> Report:
    """Write *verdict*, with *more* lines beneath, or as the answer to *probe*: one line."""
    status = f"{NAME} {verdict.state.name} - {one_line(verdict.text)}"
    if probe is not None:
        from check_rodin_queues.probes import fails  # noqa: PLC0415 — an engine asks for no probe

        failed = fails(probe, verdict)
        outcome = f" ({probe} probe {'fails' if failed else 'passes'})"
        line = clipped(status, MAX_STATUS - len(outcome)) + outcome
        return Report(_encoded(f"{line}\n"), _PROBE_FAILED if failed else State.OK.value)
    first = _pieces(_first_line(clipped(status, MAX_STATUS), verdict.perfdata))
    return Report(next(first), verdict.state.value, chain(first, _pieces(_beneath(more))))


def _first_line(status: str, perfdata: Iterable[bytes]) -> Iterator[bytes]:
    yield _encoded(status)
    for number, item in enumerate(perfdata):
        yield b" " if number else b" | "
        yield item


def _beneath(lines: Iterable[str]) -> Iterator[bytes]:
    """Give the lines that stand beneath the first one, and the last line break."""
    for text in lines:
        yield _encoded(f"\n{one_line(text)}")
    yield b"\n"


def _pieces(parts: Iterable[bytes]) -> Iterator[bytearray]:
    """Join *parts*, many at a time."""
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= _PIECE:
            yield piece
            piece = bytearray()
    yield piece


def plain(text: str) -> Report:
    """Return *text* as it is, for --help and --version: exit 3, as the guidelines say."""
    return Report(_encoded(text), State.UNKNOWN.value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
