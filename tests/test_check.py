"""The judgement as a whole: the worst state, what stands beside it, and the perfdata."""

from __future__ import annotations

from itertools import permutations

import pytest

from check_rodin_queues.errors import RequestError
from tests.domain import judge
from tests.server import IDLE, answer, queue, site

#: From the best to the worst.
ORDER = ("OK", "WARNING", "UNKNOWN", "CRITICAL")
#: A site with one problem of each kind.
TROUBLE = answer({**IDLE, "a": queue(0, 1, 0), "b": queue(1, 1, 0), "c": 5, "d": queue(1, 9, 1)})
CONDITIONS = ("stranded", "stalled", "missing", "invalid")


@pytest.mark.parametrize("states", [*permutations(ORDER)], ids=" ".join)
def test_the_worst_state_of_all_conditions_decides(states: tuple[str, ...]) -> None:
    """In whichever condition it is, and however many others there are."""
    chosen = dict(zip(CONDITIONS, states))
    for size in range(1, 5):
        given = {name: chosen[name] if name in CONDITIONS[:size] else "OK" for name in CONDITIONS}
        value = ",".join(f"{name}={state}" for name, state in given.items())
        found = judge(TROUBLE, "-c", "consumers=", "--require", "x", "--state", value)
        assert {name.split()[0]: state for name, state in found.conditions.items()} == given
        assert found.state == max(states[:size], key=ORDER.index)


#: Thresholds and --state, and the worst state over the queue d, which has 9 jobs waiting.
THRESHOLDS: dict[str, tuple[list[str], str]] = {
    "no threshold": ([], "OK"),
    "within both": (["-w", "9", "-c", "9"], "OK"),
    "a warning": (["-w", "8", "-c", "9"], "WARNING"),
    "both are breached": (["-w", "8", "-c", "8"], "CRITICAL"),
    "critical alone": (["-w", "9", "-c", "8"], "CRITICAL"),
    "a warning beside unknown": (["-w", "8", "--state", "invalid=unknown"], "UNKNOWN"),
    "critical beside unknown": (["-c", "8", "--state", "invalid=unknown"], "CRITICAL"),
}


@pytest.mark.parametrize("case", THRESHOLDS)
def test_the_worst_of_thresholds_and_conditions_decides(case: str) -> None:
    args, state = THRESHOLDS[case]
    calm = ("--require=", "-c", "consumers=", "--state", ",".join(f"{c}=ok" for c in CONDITIONS))
    assert judge(TROUBLE, *calm, *args).state == state


def test_the_sound_queues_beside_a_malformed_one_are_judged() -> None:
    found = judge(site(mesh=5, pack=queue(1, 9, 1)), "-w", "5", "--state", "invalid=ok")
    assert (found.state, found.breached) == ("WARNING", {"rodin.pack.job_awaiting"})
    assert {label.rpartition(".")[0] for label in found.metrics} == {*IDLE} - {"rodin.mesh"}


def test_a_failure_has_no_queues_and_nothing_missing_or_empty() -> None:
    failure = RequestError("auth", "rejected", "Replace it")
    found = judge("", failure=failure, elapsed=0.5, timeout=10)
    assert ([*found.conditions], [*found.metrics]) == (["auth"], ["time"])
    assert found.verdict.next_step == "Replace it"


#: Of four queues and every kind of threshold, in the order of the labels; `time` follows.
PERFDATA = [
    *("'a c.consumers'=1;;1:;0", "'a c.job_awaiting'=2;;;0", "'a c.job_running'=3;;;0"),
    *("a.b.consumers=1;;1:;0", "a.b.job_awaiting=2;;;0", "a.b.job_running=3;;;0"),
    *("b.busy_ratio=3;;2:4;0", "b.consumers=1;;1:;0", "b.job_awaiting=2;;;0"),
    *("b.job_running=3;;;0", "total.consumers=3;9;;0"),
    *("z.consumers=0;;0:;0", "z.job_awaiting=0;;;0", "z.job_running=0;@~:-1;;0"),
    *("time=0.123457s;0.5;;0;7.5", "token_expires_in=-86400s;;~:5"),
]


def test_the_verdict_does_not_depend_on_the_order_of_the_response() -> None:
    counts = {**dict.fromkeys(("b", "a c", "a.b"), queue(1, 2, 3)), "z": queue(0, 0, 0)}
    critical = ("consumers=1:", "z.consumers=0:", "b.busy_ratio=2:4", "token_expires_in=~:5")
    warning = ("total.consumers=9", "z.job_running=@~:-1", "time=0.50")
    args = [
        "--require=",
        *(f"-c{limit}" for limit in critical),
        *(f"-w{limit}" for limit in warning),
    ]
    run = {"elapsed": 0.123456789, "timeout": 7.5, "token_expires_in": -86400}
    orders = permutations(counts.items())
    verdicts = [judge(answer(dict(pairs)), *args, **run).verdict for pairs in orders]
    assert {one.problems for one in verdicts} == {verdicts[0].problems}
    assert {one.perfdata for one in verdicts} == {tuple(PERFDATA)}


def test_a_queue_named_total_is_not_the_sum() -> None:
    args = ("--require=", "-w", "t*.consumers=100", "-c", "total.consumers=12:12")
    found = judge(answer({"total": queue(5), "a": queue(7)}), *args)
    assert (found.state, found.conditions) == ("OK", {})
    assert found.metrics["total_2.consumers"].warning == "100"
    assert found.values["total.consumers"] == 12
