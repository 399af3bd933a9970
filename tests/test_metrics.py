"""The metrics: their values, when they are in perfdata, and when they are judged."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

import pytest

from check_rodin_queues.errors import RequestError
from check_rodin_queues.metrics import decimal
from tests.console import refused, report, run
from tests.domain import judge
from tests.perfdata import Datum
from tests.server import Server, answer, http, queue, site
from tests.tokens import expiring

#: Three queues of different size, one of them without a consumer.
SIZES = {"a": (4, 10, 3), "b": (2, 0, 2), "c": (0, 0, 0)}
MIXED = answer({name: queue(*counts) for name, counts in SIZES.items()})
#: The values that are always in perfdata.
COUNTS = {
    f"{name}.{metric}": count
    for name, counts in SIZES.items()
    for metric, count in zip(("consumers", "job_awaiting", "job_running"), counts)
}
#: Nothing but the thresholds of a test is judged.
ALONE = ("--require=", "-c", "consumers=", "--state", "stranded=ok,stalled=ok,invalid=ok,empty=ok")
ZERO = Decimal(0)


def shape(datum: Datum) -> Datum:
    """Return *datum* without its value."""
    return datum._replace(value=ZERO)


def test_the_counts_of_each_queue_are_always_in_perfdata() -> None:
    found = judge(MIXED, *ALONE)
    assert found.values == COUNTS
    assert {shape(datum) for datum in found.metrics.values()} == {Datum(ZERO, minimum=ZERO)}


#: A selector, and the values that a threshold on it adds to the perfdata.
NAMED: dict[str, dict[str, float]] = {
    "[ac].awaiting_per_consumer": {"a.awaiting_per_consumer": 2.5, "c.awaiting_per_consumer": 0},
    "busy_ratio": {"a.busy_ratio": 0.75, "b.busy_ratio": 1},
    "[ac].busy_ratio": {"a.busy_ratio": 0.75},
    "total.consumers": {"total.consumers": 6},
    "total.job_awaiting": {"total.job_awaiting": 10},
    "total.job_running": {"total.job_running": 5},
}


@pytest.mark.parametrize("selector", NAMED)
@pytest.mark.parametrize("option", ["-w", "-c"])
def test_other_metrics_are_in_perfdata_if_a_threshold_names_them(
    option: str, selector: str
) -> None:
    found = judge(MIXED, *ALONE, option, f"{selector}=1000")
    assert found.values == {**COUNTS, **NAMED[selector]}
    added = {shape(found.metrics[label]) for label in NAMED[selector]}
    expected = Datum(ZERO, warning="1000", minimum=ZERO)
    assert added == {expected if option == "-w" else expected._replace(warning="", critical="1000")}
    assert judge(MIXED, *ALONE, option, f"{selector}=1", option, f"{selector}=").values == COUNTS


#: Consumers, jobs waiting and jobs running of queue a; a threshold; and whether it alerts.
JUDGED = [
    ((3, 1, 2), "a.consumers=2", True),
    ((3, 1, 2), "a.consumers=3", False),
    ((3, 4, 2), "a.job_awaiting=3", True),
    ((3, 4, 2), "a.job_running=1", True),
    ((4, 10, 3), "a.awaiting_per_consumer=2.4", True),
    ((4, 10, 3), "a.awaiting_per_consumer=2.5", False),
    ((0, 1, 0), "a.awaiting_per_consumer=999999999", True),
    ((0, 1, 0), "a.awaiting_per_consumer=1:", False),
    ((0, 0, 0), "a.awaiting_per_consumer=0", False),
    ((0, 0, 0), "a.awaiting_per_consumer=1:", True),
    ((4, 10, 3), "a.busy_ratio=0.74", True),
    ((4, 10, 3), "a.busy_ratio=0.75:1", False),
    ((0, 0, 0), "a.busy_ratio=1:", False),
    ((0, 0, 5), "a.busy_ratio=1", False),
    ((4, 10, 3), "total.job_awaiting=10", True),
    ((4, 10, 3), "total.consumers=6:", False),
    ((4, 10, 3), "total.consumers=7:", True),
    ((4, 10, 3), "total.job_running=@5", True),
    ((1, 0, 0), "time=1.25", False),
    ((1, 0, 0), "time=1.2", True),
    ((1, 0, 0), "token_expires_in=51:", True),
    ((1, 0, 0), "token_expires_in=50:", False),
]


@pytest.mark.parametrize(("counts", "threshold", "alerts"), JUDGED)
def test_a_metric_is_judged(counts: list[int], threshold: str, alerts: bool) -> None:
    """Another queue has 2 consumers, 1 job waiting and 2 running; the token expires in 50 s."""
    body = answer({"a": queue(*counts), "b": queue(2, 1, 2)})
    run_data = {"elapsed": 1.25, "timeout": 10, "token_expires_in": 50}
    found = judge(body, *ALONE, "-w", threshold, **run_data)
    assert found.state == ("WARNING" if alerts else "OK")
    assert found.breached == ({threshold.partition("=")[0]} if alerts else set())


#: Responses and options, and the sum of the consumers, None if there is none.
SUMS: dict[str, tuple[str, list[str], Optional[int]]] = {
    "over the selected queues": (MIXED, ["-q", "[ab]"], 6),
    "without excluded queues": (MIXED, ["-x", "a"], 2),
    "of one queue": (MIXED, ["-q", "b"], 2),
    "none is selected": (MIXED, ["-q", "x*"], None),
    "a selected queue is malformed": (answer({"a": queue(), "b": 5}), [], None),
    "an excluded queue is malformed": (answer({"a": queue(), "b": 5}), ["-x", "b"], 1),
    "a name is too long": (answer({"a": queue(), "b" * 256: queue()}), ["-q", "a"], None),
    "no response": ("busy", [], None),
    "a required queue is missing": (MIXED, ["--require", "x"], 6),
}


@pytest.mark.parametrize("case", SUMS)
def test_the_sum_of_the_selected_queues(case: str) -> None:
    body, args, total = SUMS[case]
    found = judge(body, *ALONE, *args, "-w", "total.consumers=100:", "--state", "missing=ok")
    assert found.values.get("total.consumers") == total
    assert found.breached == (set() if total is None else {"total.consumers"})


COMPLETE = [MIXED, "{}", answer({"a": queue(0, 5, 0)})]
#: Failures, and responses that cannot be used as a whole.
INCOMPLETE = [
    *("unreachable", "timeout", "auth", "throttled", "invalid"),
    *("[]", site(mesh=5), answer({"x" * 256: queue()})),
]


@pytest.mark.parametrize("body", [*COMPLETE, *INCOMPLETE], ids=lambda body: str(body)[:40])
def test_time_is_judged_only_by_a_complete_response(body: str) -> None:
    """It is in perfdata, and the lifetime of the token is judged, after any response."""
    failure = RequestError(body, "no response") if body.isalpha() else None
    states = ",".join(f"{name}=ok" for name in ("unreachable", "timeout", "auth", "throttled"))
    limits = ("-w", "time=1", "-w", "token_expires_in=10:")
    attempt = {"failure": failure, "elapsed": 1.25, "timeout": 7.5, "token_expires_in": -3}
    found = judge(body, *ALONE, "--state", states, *limits, **attempt)
    assert found.breached == {"token_expires_in", *(["time"] if body in COMPLETE else [])}
    time, token = found.metrics["time"], found.metrics["token_expires_in"]
    assert [str(field) for field in time] == ["1.25", "s", "1", "", "0", "7.5"]
    assert token == Datum(token.value, "s", "10:")
    assert token.value == -3
    assert [*found.metrics][-2:] == ["time", "token_expires_in"]


@pytest.mark.parametrize("option", ["-w", "-c"])
def test_a_threshold_on_a_token_without_exp_is_a_configuration_error(option: str) -> None:
    args = ("-H", "http://127.0.0.1:1", option, "token_expires_in=86400:")
    assert refused(run(*args, env={"RODIN_API_KEY": "made-up"})) == (
        "cannot check token_expires_in: the API token is not a JWT with an expiry date (exp). "
        "Remove that threshold"
    )


def test_a_run_has_its_time_and_the_lifetime_of_its_token(server: Server) -> None:
    token = expiring(5000)
    server.play([0.3, http("200 OK", site())])
    limits = ("-w", "time=@0.3:5", "-w", "token_expires_in=@4900:5000")
    found = report(run("-H", server.url, *limits, env={"RODIN_API_KEY": token}), token=token)
    assert found.state == "WARNING"
    assert 0.3 <= found.values["time"] < 5
    assert 4900 < found.values["token_expires_in"] <= 5000
    server.play(http("200 OK", site()))
    args = ("-w", "token_expires_in=1:", "-w", "token_expires_in=")
    found = report(run("-H", server.url, *args, env={"RODIN_API_KEY": "made-up"}))
    assert (found.state, [*found.metrics][-1]) == ("OK", "time"), "a removed threshold is unused"


def test_a_saved_response_has_no_time_and_no_token() -> None:
    limits = ("-c", "time=@0:", "-c", "token_expires_in=1:")
    found = run("--input", "-", *limits, stdin=site(), env={"RODIN_API_KEY": expiring(-100)})
    assert (report(found).state, len(report(found).metrics)) == ("OK", 12)


NUMBERS = {
    5: "5",
    2**63: "9223372036854775808",
    50.0: "50",
    2.5: "2.5",
    0.0: "0",
    1 / 3: "0.333333",
    1e-7: "0",
    1e22: f"1{'0' * 22}",
}


@pytest.mark.parametrize("value", NUMBERS)
def test_a_number_in_perfdata_has_no_exponent_and_no_needless_zeros(value: float) -> None:
    assert decimal(value) == NUMBERS[value]
