"""Ranges and selectors: what is accepted, what it means, and what is refused."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest

from tests import report
from tests.answers import IDLE, answer, queue, site
from tests.saved import ask, judge

#: For each form of a range: values of a queue that are well, and values that are not.
RANGES: Dict[str, Tuple[List[int], List[int]]] = {
    "10": ([0, 9, 10], [11]),
    "0": ([0], [1]),
    "10:": ([10, 11], [0, 9]),
    "~:10": ([0, 10], [11]),
    "0:10": ([0, 10], [11]),
    "5:10": ([5, 7, 10], [4, 11]),
    "5:5": ([5], [4, 6]),
    "@5:10": ([4, 11], [5, 7, 10]),
    "@10": ([11], [0, 10]),
    "@10:": ([0, 9], [10, 11]),
    "@~:10": ([11], [0, 10]),
    "-5:10": ([0, 10], [11]),
    "-5:-1": ([], [0]),
    "@-5:-1": ([0, 1], []),
    "+5:+10": ([5, 10], [4, 11]),
    "2.5:7.5": ([3, 7], [2, 8]),
    "9.99": ([9], [10]),
    "10.0": ([10], [11]),
    "007": ([7], [8]),
    ".5": ([0], [1]),
    ".5:": ([1], [0]),
    "1" * 30: ([2**63 - 1], []),
    "9223372036854775807": ([2**63 - 1], []),
    "9223372036854775806": ([2**63 - 2], [2**63 - 1]),
    "9007199254740993": ([2**53 + 1], [2**53 + 2]),
    "9007199254740993:": ([2**53 + 1], [2**53]),
}


@pytest.mark.parametrize("written", RANGES)
@pytest.mark.parametrize(("option", "state"), [("-w", "WARNING"), ("-c", "CRITICAL")])
def test_a_range_says_which_values_are_well(option: str, state: str, written: str) -> None:
    """Each value is a queue of its own, and has a line of its own at -v."""
    well, ill = RANGES[written]
    body = answer({f"q{number}": queue(1, value, 1) for number, value in enumerate(well + ill)})
    args = ("--require=", "-v", option, f"job_awaiting={written}")
    found = report.read(ask(body, *args), verbose=True)
    assert found.state == (state if ill else "OK")
    states = {line.split()[1]: line.split()[0] for line in found.more.splitlines()}
    expected = ["[OK]"] * len(well) + [f"[{state}]"] * len(ill)
    assert [states[f"q{number}"] for number in range(len(expected))] == expected


def test_every_form_of_the_page_at_once() -> None:
    """Both levels with the same range: critical outranks warning."""
    assert judge(site(mesh=queue(1, 11, 1)), "-w", "10", "-c", "10").state == "CRITICAL"
    assert judge(site(mesh=queue(1, 11, 1)), "-w", "10", "-c", "20").state == "WARNING"


REFUSED = [
    "x",
    "ten",
    "1,5",
    "1 0",
    " 10",
    "10 ",
    "10%",
    "10s",
    "1_000",
    "1e3",
    "0x10",
    "\u0661",
    "\uff11",
    "\u00bd",
    "1:2:3",
    "10:5",
    "-5",
    "@10:5",
    "~",
    "@",
    "@@5",
    "5:~",
    "5:@10",
    "~5",
    "~5:10",
    "--5:",
    "+-5:",
    "+",
    "-",
    "1.2.3",
    ".",
    "inf",
    "nan",
    "1:inf",
    "-inf:1",
    "5:x",
    "x:5",
    "5;10",
    "5\n",
    "\n5",
    "5-10",
    "5..10",
    "1:5,",
    "5.",
    "x.5",
    "1" * 31,
    "1" * 5000,
    "1." + "0" * 31,
]


@pytest.mark.parametrize("written", REFUSED)
def test_anything_else_is_refused_and_told_what_is_accepted(written: str) -> None:
    text = report.refused(ask(site(), f"--critical=job_awaiting={written}"), "--critical")
    assert "@5:10" in text
    assert "~:5" in text


@pytest.mark.parametrize("written", REFUSED)
def test_a_range_without_selector_is_as_strict(written: str) -> None:
    report.refused(ask(site(), f"-w{written}"), "-w")


def test_a_range_without_selector_is_for_waiting_jobs_of_each_queue() -> None:
    body = site(mesh=queue(9, 5, 9), pack=queue(9, 6, 9), texture=queue(9, 4, 9))
    found = judge(body, "-w", "4")
    assert found.state == "WARNING"
    assert "rodin.mesh" in found.text
    assert "rodin.pack" in found.text
    assert "rodin.texture" not in found.text
    assert {label for label, datum in found.metrics.items() if datum.warning} == {
        f"{name}.job_awaiting" for name in IDLE
    }


#: For each selector the labels whose threshold it is.
SELECTORS = {
    "job_awaiting": ["a.b.job_awaiting", "a.c.job_awaiting", "d.job_awaiting"],
    "consumers": ["a.b.consumers", "a.c.consumers", "d.consumers"],
    "job_running": ["a.b.job_running", "a.c.job_running", "d.job_running"],
    "busy_ratio": ["a.b.busy_ratio", "a.c.busy_ratio", "d.busy_ratio"],
    "awaiting_per_consumer": [
        "a.b.awaiting_per_consumer",
        "a.c.awaiting_per_consumer",
        "d.awaiting_per_consumer",
    ],
    "a.b.consumers": ["a.b.consumers"],
    "a.*.job_awaiting": ["a.b.job_awaiting", "a.c.job_awaiting"],
    "*.job_running": ["a.b.job_running", "a.c.job_running", "d.job_running"],
    "?.job_running": ["d.job_running"],
    "a.[c-z].job_running": ["a.c.job_running"],
    "a.[!c-z].job_running": ["a.b.job_running"],
    "total.consumers": ["total.consumers"],
    "total.job_awaiting": ["total.job_awaiting"],
    "total.job_running": ["total.job_running"],
    "t*.consumers": [],
    "A.*.consumers": [],
    "a*b.consumers": ["a.b.consumers"],
    "a.consumers": [],
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_selector_names_its_labels(selector: str) -> None:
    body = answer({"a.b": queue(2, 0, 2), "a.c": queue(2, 0, 2), "d": queue(2, 0, 2)})
    states = ("--state", "missing=ok")
    found = judge(body, "--require=", "-c", "consumers=", *states, "-w", f"{selector}=100:200")
    named = {label for label, datum in found.metrics.items() if datum.warning == "100:200"}
    assert named == set(SELECTORS[selector])
    assert found.state == ("WARNING" if named else "OK")


@pytest.mark.parametrize(
    "selector",
    [
        "jobs",
        "Consumers",
        "rodin.mesh",
        "rodin.mesh.jobs",
        "consumers.",
        ".job_awaiting",
        "total.busy_ratio",
        "total.awaiting_per_consumer",
        "total.time",
        "rodin.mesh.time",
        "rodin.mesh.token_expires_in",
        "total",
        "consumer",
        "job_awaiting ",
        "rodin.mesh:consumers",
        "",
    ],
)
def test_an_unknown_metric_is_refused(selector: str) -> None:
    text = report.refused(ask(site(), "-w", f"{selector}=5"), "-w")
    assert "job_awaiting" in text


def test_a_selector_may_hold_an_equals_sign() -> None:
    """The text before the last `=` is the selector."""
    body = answer({"a=b": queue(1, 9, 1)})
    assert judge(body, "--require=", "-w", "a=b.job_awaiting=5").state == "WARNING"
    assert judge(body, "--require=", "-w", "a=b.job_awaiting=9").state == "OK"


def test_a_selector_names_a_queue_by_its_raw_name() -> None:
    body = answer({"a::b|c": queue(1, 9, 1)})
    assert judge(body, "--require=", "-w", "a::b|c.job_awaiting=5").state == "WARNING"
    shown = judge(body, "--require=", "--state=missing=ok", "-w", "a__b_c.job_awaiting=5")
    assert shown.state == "OK"


NINE = site(mesh=queue(1, 9, 1))


@pytest.mark.parametrize(
    ("thresholds", "state"),
    [
        pytest.param(["-w", "5", "-w", "9"], "OK", id="the last one wins"),
        pytest.param(["-w", "9", "-w", "5"], "WARNING", id="also if it is stricter"),
        pytest.param(
            ["-w", "rodin.mesh.job_awaiting=9", "-w", "5"], "WARNING", id="not the narrower one"
        ),
        pytest.param(
            ["-w", "5", "-w", "rodin.mesh.job_awaiting=9"], "OK", id="the narrower one if last"
        ),
        pytest.param(["-w", "5", "-w", "*.job_awaiting=9"], "OK", id="a glob if last"),
        pytest.param(
            ["-w", "5", "-w", "rodin.p*.job_awaiting=9"], "WARNING", id="a glob that matches others"
        ),
        pytest.param(["-w", "5", "-w", ""], "OK", id="an empty range removes"),
        pytest.param(["-w", "5", "-w", "job_awaiting="], "OK", id="with its selector too"),
        pytest.param(["-w", "5", "-w", "consumers="], "WARNING", id="not another metric's"),
        pytest.param(
            ["-w", "5", "-w", "rodin.mesh.job_awaiting="], "OK", id="removed for one queue"
        ),
        pytest.param(
            ["-w", "5", "-w", "rodin.pack.job_awaiting="], "WARNING", id="removed for another"
        ),
        pytest.param(["-w", "", "-w", "5"], "WARNING", id="set again after a removal"),
        pytest.param(["-w", "5", "-c", ""], "WARNING", id="the levels are apart"),
        pytest.param(["-c", "5", "-w", "9"], "CRITICAL", id="the levels are apart, critical"),
    ],
)
def test_the_last_option_that_matches_a_label_wins(thresholds: List[str], state: str) -> None:
    assert judge(NINE, *thresholds).state == state


@pytest.mark.parametrize(
    ("thresholds", "state"),
    [
        pytest.param([], "CRITICAL", id="a consumer is wanted by default"),
        pytest.param(["-c", "5"], "CRITICAL", id="kept beside other thresholds"),
        pytest.param(["-c", "consumers=0:"], "OK", id="overridden"),
        pytest.param(["-c", "consumers="], "OK", id="removed"),
        pytest.param(["-c", "rodin.mesh.consumers="], "OK", id="removed for this queue"),
        pytest.param(["-c", "rodin.pack.consumers="], "CRITICAL", id="removed for another"),
        pytest.param(["-w", "consumers="], "CRITICAL", id="not removed by a warning"),
        pytest.param(["-w", "consumers=1:", "-c", "consumers="], "WARNING", id="as a warning"),
    ],
)
def test_the_default_stands_before_all(thresholds: List[str], state: str) -> None:
    found = judge(site(mesh=queue(0, 0, 0)), *thresholds)
    assert found.state == state
    assert ("rodin.mesh" in found.text) == (state != "OK")


#: How a range is written in perfdata; `N` is the one form that Icinga keeps.
WRITTEN = {
    "10": "10",
    "0:10": "10",
    "~:10": "10",
    "0": "0",
    "~:0": "0",
    "10:": "10:",
    "5:10": "5:10",
    "@5:10": "@5:10",
    "-5:10": "-5:10",
    "2.5": "2.5",
    "0:2.5": "2.5",
    "2.50": "2.5",
    "10.0": "10",
    "0.05": "0.05",
    "00.5:010": "0.5:10",
    "-0": "0",
    "-0:": "0:",
    "~:": "~:",
    "@~:10": "@~:10",
}


@pytest.mark.parametrize("given", WRITTEN)
def test_a_bound_from_above_is_written_as_a_plain_number(given: str) -> None:
    found = judge(site(), "-w", given, "-c", f"total.job_awaiting={given}")
    assert found.metrics["rodin.mesh.job_awaiting"].warning == WRITTEN[given]
    assert found.metrics["total.job_awaiting"].critical == WRITTEN[given]


def test_a_bound_below_zero_has_no_plain_form() -> None:
    """`-1` alone would be 0 to -1; the long run found it."""
    outcome = ask(site(), "-w", "~:-1")
    assert outcome.code == report.CODES["WARNING"]
    assert "'rodin.mesh.job_awaiting'=0;~:-1;;0 " in outcome.stdout


def test_thresholds_are_in_perfdata_at_their_labels() -> None:
    found = judge(site(), "-w", "rodin.mesh.job_awaiting=5", "-c", "rodin.*.job_awaiting=50")
    assert found.metrics["rodin.mesh.job_awaiting"][2:4] == ("5", "50")
    assert found.metrics["rodin.pack.job_awaiting"][2:4] == ("", "50")
    assert found.metrics["rodin.mesh.consumers"][2:4] == ("", "1:")
    assert found.metrics["rodin.mesh.job_running"][2:4] == ("", "")
