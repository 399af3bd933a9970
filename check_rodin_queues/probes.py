"""Kubernetes exec probes: which verdicts fail one.

The kubelet knows two answers: exit 0, and anything else, which fails the probe. A failed liveness
probe restarts the container, so only what the queues themselves prove may fail it: a server out of
reach must not restart the workers. What the arguments alone show to be wrong fails every kind,
since that can only be a mistake in the manifest.
"""

from __future__ import annotations

from typing import Optional, Sequence

from check_rodin_queues.errors import UsageError
from check_rodin_queues.states import State
from check_rodin_queues.verdict import Verdict

LIVENESS = "liveness"
#: The kinds of exec probe.
KINDS = ("readiness", "startup", LIVENESS)


def parse_probe(text: str) -> str:
    """Read a kind; raises UsageError."""
    if text not in KINDS:
        raise UsageError(f"takes one of {', '.join(KINDS)}")
    return text


def fails(kind: str, verdict: Verdict) -> bool:
    """Tell whether *verdict* fails a probe of this *kind*; WARNING never does."""
    if verdict.mistaken:
        return True
    if kind == LIVENESS:
        return verdict.proven
    return verdict.state in (State.CRITICAL, State.UNKNOWN)


def named_in(words: Sequence[str]) -> Optional[str]:
    """Find the kind in arguments that could not be parsed; None if there is none that exists."""
    found = None
    for word, following in zip(words, [*words[1:], ""]):
        if word == "--probe":
            found = following
        elif word.startswith("--probe="):
            found = word.partition("=")[2]
    return found if found in KINDS else None
