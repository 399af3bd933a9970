"""The domain in process: from a body and arguments to a verdict, without a server or a process."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import pytest

from check_rodin_queues import check, options, output, response, selection
from check_rodin_queues.errors import RequestError, UsageError
from check_rodin_queues.messages import Verdict
from check_rodin_queues.second_look import stalled_queues
from check_rodin_queues.selection import Policy
from tests import perfdata
from tests.console import TEXT_LIMIT, THRESHOLD


class Judged(NamedTuple):
    """A verdict, its state by name, and its metrics as a strict reader finds them."""

    verdict: Verdict
    state: str
    metrics: dict[str, perfdata.Datum]

    @property
    def values(self) -> dict[str, float]:
        """The value of each metric."""
        return {label: float(datum.value) for label, datum in self.metrics.items()}

    @property
    def conditions(self) -> dict[str, str]:
        """The state of each condition that applies, by `NAME` or `NAME QUEUE`."""
        return {
            f"{found.name} {found.display}".strip(): found.state.name
            for found in self.verdict.findings
            if not found.is_metric
        }

    @property
    def breached(self) -> set[str]:
        """The labels whose threshold decides a state other than OK."""
        bad = (found for found in self.verdict.findings if found.is_metric and found.state)
        return {found.label for found in bad}


def policy(*args: str) -> Policy:
    """Return what *args* say about judging."""
    return options.parse(["--input=-", *THRESHOLD, *args]).policy


def refused(*args: str) -> str:
    """Return the text of the usage error that *args* are."""
    with pytest.raises(UsageError) as raised:
        policy(*args)
    return str(raised.value)


def snapshot(body: str) -> response.Snapshot:
    """Return the queues of *body*."""
    return response.parse(body.encode(), "the server sent")


def line_of(verdict: Verdict) -> str:
    """Return the status line, which has less than 255 bytes before its perfdata."""
    line = output.report(verdict, None, (), str).output.decode().partition(" | ")[0].strip()
    assert len(line.encode()) < TEXT_LIMIT
    return line


def judge(body: str, *args: str, **attempt: Any) -> Judged:
    """Return the verdict on *body* with *args*; *attempt* is what else the run found.

    Every queue that *body* shows as stalled was so in every look, if *attempt* does not say more.
    """
    given = policy(*args)
    names: dict[str, str] = {}
    failure: Optional[RequestError] = attempt.pop("failure", None)
    try:
        if failure is None:
            found = snapshot(body)
            selected = selection.select(given, found)
            names = output.display_names(found.names, str)
            names.update((name, output.label_safe(name)) for name in selected.missing)
            attempt = {"selection": selected, "stalled": stalled_queues(found, given), **attempt}
    except RequestError as error:
        failure = error
    verdict = check.judge(given, check.Attempt(failure=failure, **attempt), names)
    return Judged(verdict, verdict.state.name, perfdata.parse(" ".join(verdict.perfdata)))
