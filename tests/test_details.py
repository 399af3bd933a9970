"""The lines beneath the status, whole: a row for each queue at -v, the reasons at -vv."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest

from tests import report
from tests.answers import answer, queue, site
from tests.console import run
from tests.saved import ask

CROWD = answer(
    {
        "rodin.mesh": queue(2, 130, 2),
        "rodin.a": queue(0, 7, 0),
        "rodin.stalled": queue(1, 3, 0),
        "x": queue(10, 0, 5),
    }
)
#: An answer, what is asked of it, and the lines.
WHOLE: Dict[str, Tuple[str, List[str], str]] = {
    "every kind of row": (
        CROWD,
        [
            *("-vv", "--require=", "-w", "20", "-c", "100", "-w", "total.consumers=20:"),
            *("-c", "busy_ratio=0.5", "--state", "stalled=critical"),
        ],
        """\
[CRITICAL] rodin.a        consumers  0 (CRITICAL 1:)  job_awaiting   7 (warning 20, critical 100)  job_running 0                                 stranded
[CRITICAL] rodin.mesh     consumers  2 (critical 1:)  job_awaiting 130 (WARNING 20, CRITICAL 100)  job_running 2  busy_ratio   1 (CRITICAL 0.5)
[CRITICAL] rodin.stalled  consumers  1 (critical 1:)  job_awaiting   3 (warning 20, critical 100)  job_running 0  busy_ratio   0 (critical 0.5)  stalled
[WARNING]  total.consumers 13 (WARNING 20:)
[OK]       x              consumers 10 (critical 1:)  job_awaiting   0 (warning 20, critical 100)  job_running 5  busy_ratio 0.5 (critical 0.5)
why: rodin.a.consumers is 0: CRITICAL, below 1, by the default -c consumers=1:
why: rodin.a.job_awaiting is 7: OK, by -w 20
why: rodin.a.job_awaiting is 7: OK, by -c 100
why: rodin.a.job_running is 0: no threshold
why: rodin.a: stranded is CRITICAL, as by default
why: rodin.mesh.consumers is 2: OK, by the default -c consumers=1:
why: rodin.mesh.job_awaiting is 130: WARNING, above 20, by -w 20
why: rodin.mesh.job_awaiting is 130: CRITICAL, above 100, by -c 100
why: rodin.mesh.job_running is 2: no threshold
why: rodin.mesh.busy_ratio is 1: CRITICAL, above 0.5, by -c busy_ratio=0.5
why: rodin.stalled.consumers is 1: OK, by the default -c consumers=1:
why: rodin.stalled.job_awaiting is 3: OK, by -w 20
why: rodin.stalled.job_awaiting is 3: OK, by -c 100
why: rodin.stalled.job_running is 0: no threshold
why: rodin.stalled.busy_ratio is 0: OK, by -c busy_ratio=0.5
why: rodin.stalled: stalled is CRITICAL, by --state
why: total.consumers is 13: WARNING, below 20, by -w total.consumers=20:
why: x.consumers is 10: OK, by the default -c consumers=1:
why: x.job_awaiting is 0: OK, by -w 20
why: x.job_awaiting is 0: OK, by -c 100
why: x.job_running is 5: no threshold
why: x.busy_ratio is 0.5: OK, by -c busy_ratio=0.5
""",  # noqa: E501
    ),
    "a malformed queue": (
        site(mesh='{"consumers": 1}'),
        ["-v"],
        """\
[UNKNOWN] invalid: rodin.mesh: a string where an object is documented
[OK]      rodin.pack     consumers 1 (critical 1:)  job_awaiting 0  job_running 0
[OK]      rodin.remesh   consumers 1 (critical 1:)  job_awaiting 0  job_running 0
[OK]      rodin.texture  consumers 1 (critical 1:)  job_awaiting 0  job_running 0
""",
    ),
    "no answer": (
        "[]",
        ["-vv"],
        """\
[UNKNOWN] invalid: no queue status: an array where an object is documented. Run with -vvv to see what came
why: invalid is UNKNOWN, as by default
""",  # noqa: E501
    ),
    "no queue": (
        "{}",
        ["-v", "--require="],
        "[UNKNOWN] no queue is selected: the answer has none\n",
    ),
    "a queue that is left out": (
        answer({"b": queue(1, 0, 0), "a": queue(1, 0, 0), "left": queue(0, 1, 0)}),
        ["-v", "--require=", "-x", "left"],
        """\
[OK] a  consumers 1 (critical 1:)  job_awaiting 0  job_running 0
[OK] b  consumers 1 (critical 1:)  job_awaiting 0  job_running 0
left out by -q and -x: left
""",
    ),
    "globs that no queue matches": (
        answer({"b": queue(1, 0, 0), "bb": queue(1, 0, 0), "left": queue(0, 1, 0)}),
        [
            *("-v", "--require=", "-x", "left", "-w", "c.*.consumers=5", "-w", "l*.consumers="),
            *("-w", "[b].consumers=3", "-w", "left.consumers=7"),
        ],
        """\
[OK] b   consumers 1 (warning 3, critical 1:)  job_awaiting 0  job_running 0
[OK] bb  consumers 1 (critical 1:)             job_awaiting 0  job_running 0
left out by -q and -x: left
fits no queue: -w c.*.consumers=5
fits no queue: -w l*.consumers=
""",
    ),
    "limits of one queue alone": (
        answer({"b": queue(1, 10, 1), "a": queue(10, 0, 0), "c": queue(1, 0, 0)}),
        [
            *("-v", "--require=", "-w", "b.job_awaiting=50"),
            *("-c", "a.consumers=", "-w", "c.job_running=5"),
        ],
        """\
[OK] a  consumers 10                job_awaiting  0               job_running 0
[OK] b  consumers  1 (critical 1:)  job_awaiting 10 (warning 50)  job_running 1
[OK] c  consumers  1 (critical 1:)  job_awaiting  0               job_running 0 (warning 5)
""",
    ),
    "a saved answer at -vvv": (
        '{"b": {"consumers": 1, "job_awaiting":\n 0, "job_running": 0}}\n',
        ["-vvv", "--require="],
        """\
[OK] b  consumers 1 (critical 1:)  job_awaiting 0  job_running 0
body: {"b": {"consumers": 1, "job_awaiting": 0, "job_running": 0}}
why: b.consumers is 1: OK, by the default -c consumers=1:
why: b.job_awaiting is 0: no threshold
why: b.job_running is 0: no threshold
""",
    ),
}


def test_of_many_queues_each_line_is_there_once() -> None:
    names = [f"q{number:04}" for number in range(2000)]
    said = ask(answer(dict.fromkeys(names, queue())), "-vv", "--require=").stdout.splitlines()
    rows = [line.split()[1] for line in said if line.startswith("[OK]")]
    reasons = [line.split()[1] for line in said if line.startswith("why: ")]
    fields = ("consumers", "job_awaiting", "job_running")
    assert rows == names
    assert reasons == [f"{name}.{field}" for name in names for field in fields]
    assert len(said) == 1 + len(rows) + len(reasons)


def test_vvv_shows_the_first_2000_characters_of_a_saved_answer() -> None:
    assert f"body: {'x' * 1999}y" in ask("x" * 1999 + "yz", "-vvv").stdout.splitlines()


@pytest.mark.parametrize(("number", "more"), [(19, ""), (20, ""), (21, " and 1 more")])
def test_of_the_queues_left_out_twenty_are_named(number: int, more: str) -> None:
    """In the order of their names, whatever that of the answer is."""
    names = [f"q{place:02}" for place in range(number)]
    body = answer({"a": queue(), **{name: queue() for name in reversed(names)}})
    said = ask(body, "-v", "--require=", "-x", "q*").stdout.splitlines()[-1]
    assert said == f"left out by -q and -x: {', '.join(names[:20])}{more}"


def test_what_only_an_answer_lets_be_judged_is_shown_beneath_a_failure() -> None:
    """The run's time, whose limit is not broken in capitals then."""
    args = ("-H", "http://127.0.0.1:9", "-vv", "-c", "time=0.000001")
    found = report.read(run(*args, env={"RODIN_API_KEY": "a-token"}), verbose=True)
    assert found.state == "CRITICAL"
    time = f"{found.values['time']:.3f}".rstrip("0").rstrip(".")
    assert found.more.splitlines() == [
        f"[CRITICAL] {found.text}",
        f"[OK]       time {time}s (critical 0.000001)",
        "request: GET http://127.0.0.1:9/api/v2/queue_status_check",
        "trust: no TLS, http:// was asked for",
        "why: unreachable is CRITICAL, as by default",
        f"why: time is {time}s: not judged, since there is no complete answer",
    ]


@pytest.mark.parametrize("case", WHOLE)
def test_the_lines_beneath_the_status(case: str) -> None:
    body, args, expected = WHOLE[case]
    assert ask(body, *args).stdout.partition("\n")[2] == expected
