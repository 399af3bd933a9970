"""The second look: a queue is called stalled only if it is so whenever the server is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from check_rodin_queues.errors import RequestError
from check_rodin_queues.response import Snapshot
from check_rodin_queues.second_look import MAX_LOOKS, PAUSE, Looks, look_again
from tests.console import report, run
from tests.domain import policy, snapshot
from tests.server import HOLD, Script, Server, http, queue, site, without
from tests.simulate_second_look import CYCLES, Cycle, row
from tests.tree import ROOT

IDLE = site()
BUSY = site(mesh=queue(2, 7, 1))
STALLED = site(mesh=queue(2, 7, 0))
OTHER = site(pack=queue(1, 1, 0))
BOTH = site(mesh=queue(2, 7, 0), pack=queue(1, 1, 0))
FAILED = "failed"
MESH = {"rodin.mesh"}


class Looker:
    """Looks at responses that come one after the other, and notes what it was asked to do."""

    def __init__(self, *bodies: str, allowed: int = 9) -> None:
        self._later = iter(bodies[1:])
        self._first = bodies[0]
        self._allowed = allowed
        self.waits: list[float] = []
        self.kept: list[Looks] = []

    def look(self, *args: str) -> Looks:
        """Look until the code ends it."""
        for looks in look_again(
            snapshot(self._first),
            policy(*args),
            ask=self._ask,
            wait=self.waits.append,
            may_look=lambda: len(self.waits) < self._allowed,
        ):
            self.kept.append(looks)
        return looks

    def _ask(self) -> Snapshot:
        body = next(self._later)
        if body == FAILED:
            raise RequestError("unreachable", "no response")
        return snapshot(body)


#: Responses, how many of them are used, the queues that are stalled in the end, and which response
#: is judged.
LOOKS: dict[str, tuple[Sequence[str], int, set[str], str]] = {
    "nothing is stalled": ([IDLE], 1, set(), IDLE),
    "stalled three times": ([STALLED, STALLED, STALLED, IDLE], 3, MESH, STALLED),
    "busy in the second look": ([STALLED, BUSY, STALLED], 2, set(), BUSY),
    "idle in the third look": ([STALLED, STALLED, IDLE], 3, set(), IDLE),
    "another queue in the second look": ([STALLED, OTHER], 2, set(), OTHER),
    "one of two stays": ([BOTH, OTHER, BOTH], 3, {"rodin.pack"}, BOTH),
    "one of two returns": ([BOTH, STALLED, OTHER], 3, set(), OTHER),
    "a later look fails": ([STALLED, FAILED, STALLED], 2, MESH, STALLED),
    "the third look fails": ([BOTH, STALLED, FAILED], 3, MESH, STALLED),
    "a later response is malformed": ([STALLED, site(mesh=5), IDLE], 2, MESH, STALLED),
    "a later response lacks a queue": ([STALLED, without("rodin.pack"), IDLE], 2, MESH, STALLED),
    "a later response has no queue": ([STALLED, "{}", IDLE], 2, MESH, STALLED),
    "a later response is an error": ([STALLED, "[]", IDLE], 2, MESH, STALLED),
}


@pytest.mark.parametrize("case", LOOKS)
def test_the_server_is_asked_again_while_a_queue_is_stalled(case: str) -> None:
    bodies, used, stalled, judged = LOOKS[case]
    looker = Looker(*bodies)
    found = looker.look()
    assert looker.waits == [PAUSE] * (used - 1)
    assert found.stalled == stalled
    assert found.snapshot == snapshot(judged)
    assert found.note.startswith("second look failed: " if judged != bodies[used - 1] else "")
    assert bool(found.note) == (used > 1 and judged != bodies[used - 1])


@pytest.mark.parametrize(
    ("args", "looks"), [("-q *.mesh", 3), ("-q rodin.pack", 1), ("-x rodin.mesh", 1)]
)
def test_only_selected_queues_are_looked_at_again(args: str, looks: int) -> None:
    looker = Looker(STALLED, STALLED, STALLED)
    looker.look(*args.split())
    assert len(looker.waits) + 1 == looks


def test_an_excluded_queue_can_be_malformed_in_a_later_look() -> None:
    looker = Looker(STALLED, site(mesh=queue(2, 7, 0), pack=5), IDLE)
    found = looker.look("-x", "rodin.pack")
    assert (found.snapshot, found.note) == (snapshot(IDLE), "")


def test_a_queue_that_is_always_missing_does_not_end_the_looking() -> None:
    site_without_pack = site(mesh=queue(2, 7, 0), pack=queue()).replace("rodin.pack", "other")
    looker = Looker(site_without_pack, without("rodin.pack"))
    found = looker.look()
    assert not found.stalled
    assert not found.note


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_looking_ends_when_the_time_is_used_up(allowed: int) -> None:
    looker = Looker(STALLED, BOTH, STALLED, allowed=allowed)
    found = looker.look()
    assert len(looker.waits) == allowed
    assert found.stalled == MESH
    assert not found.note


def test_what_is_known_is_yielded_before_another_look() -> None:
    """The deadline can then fall into a later look."""
    looker = Looker(BOTH, STALLED, STALLED)
    looker.look()
    assert [kept.stalled for kept in looker.kept][:2] == [MESH | {"rodin.pack"}, MESH]
    assert [kept.snapshot for kept in looker.kept][:2] == [snapshot(BOTH), snapshot(STALLED)]


def test_there_are_at_most_three_looks_1_s_apart() -> None:
    assert (MAX_LOOKS, PAUSE) == (3, 1.0)


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_how_often_a_queue_is_called_stalled_is_in_the_docs(cycle: Cycle) -> None:
    """A healthy one never, and one whose workers hang always."""
    assert f"\n{row(cycle)}\n" in (ROOT / "docs/performance.md").read_text(encoding="utf-8")


#: Options of the real command, how often it asks a server whose queue stays stalled, and its state.
RUNS = {
    "": (3, "WARNING"),
    "-c rodin.mesh.job_awaiting=5": (3, "CRITICAL"),
    "--state stalled=ok": (1, "OK"),
    "--probe liveness": (1, "WARNING"),
    "--probe readiness": (1, "WARNING"),
    "--probe readiness --state stalled=unknown": (3, "UNKNOWN"),
    "--probe liveness --state stalled=unknown": (1, "UNKNOWN"),
    "--probe liveness --state stalled=critical": (3, "CRITICAL"),
}


@pytest.mark.parametrize("args", RUNS)
def test_the_command_asks_again_if_stalled_can_matter(args: str, server: Server) -> None:
    server.play(http("200 OK", STALLED))
    words = ("--state", "stalled=warning", *args.split())
    outcome = run("-H", server.url, *words, env={"RODIN_API_KEY": "made-up"})
    looks, state = RUNS[args]
    assert outcome.text.startswith(f"RODIN_QUEUES {state} - ")
    assert server.connections == looks


def test_a_look_needs_1_s_and_twice_the_first_request(server: Server) -> None:
    server.play([0.6, http("200 OK", STALLED)])
    run("-H", server.url, "-t", "2.5", env={"RODIN_API_KEY": "made-up"})
    assert server.connections == 1


def test_the_last_complete_response_is_judged_and_time_ends_with_the_first(server: Server) -> None:
    last = site(mesh=queue(3, 5, 2), pack=queue(1, 1, 0))
    server.play(http("200 OK", STALLED), http("200 OK", last))
    outcome = run("-H", server.url, env={"RODIN_API_KEY": "made-up"})
    found = report(outcome)
    assert (found.state, found.values["rodin.mesh.consumers"]) == ("OK", 3)
    assert found.values["time"] < outcome.seconds - PAUSE


@pytest.mark.parametrize(
    "later",
    [[HOLD], http("401 No"), http("200 OK", site(mesh=5))],
    ids=["silent", "401", "malformed"],
)
def test_v_says_why_a_later_look_was_not_used(later: Script, server: Server) -> None:
    server.play(http("200 OK", STALLED), later)
    outcome = run("-H", server.url, "-v", "-t", "5", env={"RODIN_API_KEY": "made-up"})
    found = report(outcome, verbose=True)
    assert (found.state, found.conditions) == ("WARNING", ("stalled",))
    assert "second look failed" in found.more


def test_a_saved_response_is_judged_by_one_look() -> None:
    outcome = run("--input", "-", stdin=STALLED)
    assert report(outcome).conditions == ("stalled",)
    assert outcome.seconds < 2 * PAUSE
