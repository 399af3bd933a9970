"""Every metric: its value, when it is in perfdata, and when it is judged."""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, List, Optional

import pytest

from check_rodin_queues.metrics import decimal
from tests import live, report
from tests.answers import answer, queue, site
from tests.console import run
from tests.saved import ask, judge
from tests.tokens import expiring, jwt

#: Three queues of different size, one of them without a consumer.
MIXED = answer(
    {
        "a": queue(4, 10, 3),
        "b": queue(2, 0, 2),
        "c": queue(0, 0, 0),
    }
)
ALONE = ("--require", "", "-c", "consumers=")


def patience(scenario: str) -> str:
    """Return the timeout for *scenario*: short only where it is waited for."""
    return "1" if scenario == "silent" else "30"


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("a.consumers", 4),
        ("a.job_awaiting", 10),
        ("a.job_running", 3),
        ("b.consumers", 2),
        ("b.job_awaiting", 0),
        ("b.job_running", 2),
        ("c.consumers", 0),
        ("c.job_awaiting", 0),
        ("c.job_running", 0),
    ],
)
def test_the_numbers_of_each_queue_are_always_there(label: str, value: int) -> None:
    found = judge(MIXED, *ALONE)
    assert found.values[label] == value
    assert found.metrics[label].unit == ""
    assert len(found.metrics) == 9


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(
            "awaiting_per_consumer",
            {
                "a.awaiting_per_consumer": 2.5,
                "b.awaiting_per_consumer": 0,
                "c.awaiting_per_consumer": 0,
            },
            id="of each queue; without consumer and job it is 0",
        ),
        pytest.param(
            "a.awaiting_per_consumer", {"a.awaiting_per_consumer": 2.5}, id="of one queue"
        ),
        pytest.param(
            "busy_ratio",
            {"a.busy_ratio": 0.75, "b.busy_ratio": 1},
            id="the ratio is left out without a consumer",
        ),
        pytest.param("[ac].busy_ratio", {"a.busy_ratio": 0.75}, id="a glob"),
        pytest.param("total.consumers", {"total.consumers": 6}, id="sum of consumers"),
        pytest.param("total.job_awaiting", {"total.job_awaiting": 10}, id="sum of waiting jobs"),
        pytest.param("total.job_running", {"total.job_running": 5}, id="sum of running jobs"),
    ],
)
@pytest.mark.parametrize("option", ["-w", "-c"])
def test_other_metrics_are_there_when_a_threshold_names_them(
    option: str, selector: str, expected: Dict[str, float]
) -> None:
    found = judge(MIXED, *ALONE, option, f"{selector}=1000")
    assert found.state == "OK"
    more = {label: value for label, value in found.values.items() if label not in COUNTED}
    assert more == expected
    for label in expected:
        written = (found.metrics[label].warning, found.metrics[label].critical)
        assert written == (("1000", "") if option == "-w" else ("", "1000"))


COUNTED = {
    f"{name}.{metric}" for name in "abc" for metric in ("consumers", "job_awaiting", "job_running")
}


def test_a_sum_whose_threshold_is_removed_is_not_there() -> None:
    found = judge(MIXED, *ALONE, "-w", "total.consumers=5", "-w", "total.consumers=")
    assert set(found.metrics) == COUNTED


def test_derived_metrics_have_a_minimum_and_no_needless_zeros() -> None:
    asked = ask(MIXED, *ALONE, "-w", "total.consumers=9", "-c", "a.awaiting_per_consumer=5")
    assert " 'a.awaiting_per_consumer'=2.5;;5;0 " in asked.stdout
    assert asked.stdout.endswith(" 'total.consumers'=6;9;;0\n")


def test_a_value_that_does_not_end_is_printed_near_enough() -> None:
    found = judge(answer({"a": queue(3, 2, 1)}), *ALONE, "-w", "busy_ratio=0.3:0.34")
    assert found.state == "OK"
    assert found.values["a.busy_ratio"] == pytest.approx(1 / 3, abs=0.001)


@pytest.mark.parametrize(
    ("threshold", "state"),
    [("awaiting_per_consumer=1000000", "WARNING"), ("awaiting_per_consumer=1:", "OK")],
)
def test_an_infinite_value_is_judged_and_not_printed(threshold: str, state: str) -> None:
    body = answer({"a": queue(0, 3, 0)})
    found = judge(body, *ALONE, "--state", "stranded=ok", "-w", threshold)
    assert found.state == state
    assert set(found.metrics) == {"a.consumers", "a.job_awaiting", "a.job_running"}


@pytest.mark.parametrize(
    ("threshold", "state"),
    [
        ("busy_ratio=0.7", "WARNING"),
        ("busy_ratio=0.75:1", "OK"),
        ("awaiting_per_consumer=2.4", "WARNING"),
        ("awaiting_per_consumer=2.5", "OK"),
        ("total.job_awaiting=9", "WARNING"),
        ("total.job_awaiting=10", "OK"),
        ("total.consumers=7:", "WARNING"),
        ("total.consumers=6:", "OK"),
        ("total.job_running=@5", "WARNING"),
        ("total.job_running=5:5", "OK"),
    ],
)
def test_calculated_metrics_are_judged(threshold: str, state: str) -> None:
    body = answer({"a": queue(4, 10, 3), "b": queue(2, 0, 2)})
    assert judge(body, "--require", "", "-w", threshold).state == state


@pytest.mark.parametrize("consumers", [1, 3])
@pytest.mark.parametrize("metric", ["awaiting_per_consumer", "busy_ratio"])
def test_a_quotient_that_comes_out_even_is_exact(metric: str, consumers: int) -> None:
    """A float would take 2^53 + 1 for 2^53, and be within the limit."""
    jobs = consumers * (2**53 + 1)
    found = judge(answer({"a": queue(consumers, jobs, jobs)}), *ALONE, "-w", f"{metric}={2**53}")
    assert found.state == "WARNING"
    assert str(found.metrics[f"a.{metric}"].value) == str(2**53 + 1)


@pytest.mark.parametrize(
    ("body", "args", "total"),
    [
        pytest.param(MIXED, ["-q", "[ab]"], 6, id="of the selected queues"),
        pytest.param(MIXED, ["-x", "a"], 2, id="without the excluded ones"),
        pytest.param(MIXED, ["-q", "x*"], None, id="none is selected"),
        pytest.param(answer({"a": queue(), "b": 5}), [], None, id="a selected one is malformed"),
        pytest.param(
            answer({"a": queue(), "b": 5}), ["-x", "b"], 1, id="a malformed one is left out"
        ),
    ],
)
def test_the_sum_is_over_the_selected_queues(
    body: str, args: List[str], total: Optional[float]
) -> None:
    found = judge(body, *ALONE, *args, "-w", "total.consumers=100:")
    assert found.values.get("total.consumers") == total
    assert ("total.consumers" in found.text) == (total is not None)


def test_time_is_in_perfdata_when_a_server_was_asked() -> None:
    with live.site() as asked:
        found = asked.judge("-t", "7.5").metrics["time"]
    assert found.unit == "s"
    assert 0 < found.value < 7.5
    assert (found.minimum, found.maximum) == (Decimal(0), Decimal("7.5"))
    assert (found.warning, found.critical) == ("", "")


@pytest.mark.parametrize(
    "scenario", ["server-error", "rejected", "throttled", "bad-answer", "hang-up", "silent"]
)
def test_time_is_in_perfdata_when_the_attempt_failed(scenario: str) -> None:
    with live.site(scenario) as asked:
        found = asked.judge("-t", patience(scenario))
    assert set(found.metrics) == {"time"}
    assert str(found.metrics["time"].maximum) == patience(scenario)


def test_time_is_the_seconds_of_the_attempt() -> None:
    with live.site("slow") as asked:
        asked.server.delay = 1.2
        found = asked.judge("-w", "time=1", "-c", "time=9")
    assert found.state == "WARNING"
    assert 1.2 <= found.values["time"] < 9
    assert "time" in found.text
    assert (found.metrics["time"].warning, found.metrics["time"].critical) == ("1", "9")


@pytest.mark.parametrize(
    ("scenario", "condition", "judged"),
    [
        ("server-error", "unreachable", False),
        ("silent", "timeout", False),
        ("rejected", "auth", False),
        ("throttled", "throttled", False),
        ("malformed-queue", "invalid", False),
        ("bad-answer", "invalid", False),
        ("missing-queue", "missing", True),
        ("no-queues", "empty", True),
        ("stalled", "stalled", True),
        ("dead-worker", "stranded", True),
    ],
)
def test_time_is_judged_only_with_an_answer(scenario: str, condition: str, judged: bool) -> None:
    with live.site(scenario) as asked:
        args = (
            "-t",
            patience(scenario),
            "-c",
            "consumers=",
            "--state",
            f"{condition}=ok",
            "-w",
            "time=@0:100",
        )
        assert asked.judge(*args).state == ("WARNING" if judged else "OK")


def test_a_saved_answer_has_no_time_and_no_token() -> None:
    """Thresholds on them are not used."""
    thresholds = ("-c", "time=@0:100", "-c", "token_expires_in=1:")
    found = judge(site(), *thresholds)
    assert found.state == "OK"
    assert not {"time", "token_expires_in"} & set(found.metrics)
    outcome = run("--input", "-", *thresholds, stdin=site(), env={"RODIN_API_KEY": expiring(-100)})
    assert report.read(outcome) == found


def test_seconds_until_the_token_expires_are_in_perfdata() -> None:
    with live.site(token=expiring(5000)) as asked:
        found = asked.judge()
    assert found.state == "OK"
    assert found.metrics["token_expires_in"].unit == "s"
    assert 4900 < found.values["token_expires_in"] <= 5000


def test_a_token_that_has_expired_is_negative() -> None:
    with live.site(token=expiring(-5000)) as asked:
        found = asked.judge("-w", "token_expires_in=0:")
    assert found.state == "WARNING"
    assert -5100 < found.values["token_expires_in"] <= -5000
    assert found.metrics["token_expires_in"].warning == "0:"


@pytest.mark.parametrize(
    ("threshold", "state"),
    [
        ("token_expires_in=6000:", "CRITICAL"),
        ("token_expires_in=4000:", "OK"),
        ("token_expires_in=~:4000", "CRITICAL"),
        ("token_expires_in=", "OK"),
    ],
)
def test_the_token_is_judged(threshold: str, state: str) -> None:
    with live.site(token=expiring(5000)) as asked:
        assert asked.judge("-c", threshold).state == state


def test_a_bound_from_above_of_what_may_be_negative_keeps_its_form() -> None:
    """`4000` would be 0 to 4000."""
    with live.site(token=expiring(5000)) as asked:
        found = asked.judge("-w", "token_expires_in=~:4000")
    assert found.metrics["token_expires_in"].warning == "~:4000"


@pytest.mark.parametrize("scenario", ["rejected", "server-error", "throttled", "hang-up", "silent"])
def test_the_token_is_judged_also_without_an_answer(scenario: str) -> None:
    with live.site(scenario, token=expiring(5000)) as asked:
        states = "unreachable=ok,auth=ok,throttled=ok,timeout=ok"
        found = asked.judge(
            "-t", patience(scenario), "--state", states, "-w", "token_expires_in=6000:"
        )
    assert found.state == "WARNING"
    assert "token" in found.text
    assert set(found.metrics) == {"time", "token_expires_in"}


#: Tokens whose end nobody can read.
OPAQUE = {
    "not a JWT": "made-up",
    "a JWT without exp": jwt({"sub": "tests"}),
    "exp as text": jwt({"exp": "2099-01-01"}),
    "exp as null": jwt({"exp": None}),
    "exp as true": jwt({"exp": True}),
    "exp as a list": jwt({"exp": [1]}),
    "a list": jwt([1]),
    "two parts": jwt({"exp": 4102444800}).rpartition(".")[0],
    "not base64": "eyJ.!!!.x",
    "base64 of nothing": "a..b",
}


@pytest.mark.parametrize("kind", OPAQUE)
def test_a_token_without_expiry_is_no_problem(kind: str) -> None:
    with live.site(token=OPAQUE[kind]) as asked:
        found = asked.judge()
    assert found.state == "OK"
    assert "token_expires_in" not in found.metrics


@pytest.mark.parametrize("kind", OPAQUE)
@pytest.mark.parametrize("option", ["-w", "-c"])
def test_a_threshold_on_a_token_without_expiry_is_a_configuration_error(
    kind: str, option: str
) -> None:
    with live.site(token=OPAQUE[kind]) as asked:
        outcome = asked.run(option, "token_expires_in=86400:")
    text = report.refused(outcome, "token_expires_in")
    assert OPAQUE[kind] not in text


def test_a_removed_threshold_asks_nothing_of_the_token() -> None:
    with live.site() as asked:
        args = ("-w", "token_expires_in=86400:", "-w", "token_expires_in=")
        assert asked.judge(*args).state == "OK"


@pytest.mark.parametrize("metric", ["time", "token_expires_in"])
def test_a_metric_of_the_run_has_no_queue(metric: str) -> None:
    report.refused(ask(site(), "-w", f"rodin.mesh.{metric}=1"), "-w")
    report.refused(ask(site(), "-w", f"total.{metric}=1"), "-w")


def test_a_queue_without_a_name_has_labels_all_the_same() -> None:
    found = judge(answer({"": queue(1, 2, 3), "a": queue()}), "--require=")
    assert [label for label in found.metrics if not label.startswith("a.")] == [
        ".consumers",
        ".job_awaiting",
        ".job_running",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [(5, "5"), (5.0, "5"), (50.0, "50"), (2.5, "2.5"), (0.0, "0"), (1 / 3, "0.333333")],
)
def test_a_number_has_no_needless_sign(value: float, written: str) -> None:
    assert decimal(value) == written
