"""Thresholds: which ranges are read, on which values they alert, and which labels they are for."""

from __future__ import annotations

from typing import Optional

import pytest

from check_rodin_queues import options
from check_rodin_queues.errors import State, UsageError
from check_rodin_queues.thresholds import QUEUE, Range, Thresholds, parse_range, parse_threshold
from tests.domain import judge, policy, refused
from tests.server import DOCUMENTED, answer, queue, site

#: A range; values on which it does not alert, and on which it alerts because they are below, above
#: or inside; and the range in perfdata, where `N` is the one form that Icinga keeps.
RANGES: dict[str, tuple[list[float], list[float], list[float], list[float], str]] = {
    "10": ([0, 10], [-1], [11], [], "10"),
    "0": ([0], [-1], [1], [], "0"),
    "0:10": ([0, 10], [-1], [11], [], "10"),
    ":10": ([0, 10], [-1], [11], [], "10"),
    "10:": ([10, 11], [9], [], [], "10:"),
    "~:10": ([-9, 10], [], [11], [], "10"),
    "~:0": ([-9, 0], [], [1], [], "0"),
    "~:-1": ([-9, -1], [], [0], [], "~:-1"),
    "~:": ([-9, 9], [], [], [], "~:"),
    "0:": ([0, 9], [-1], [], [], "0:"),
    "5:10": ([5, 10], [4], [11], [], "5:10"),
    "5:5": ([5], [4], [6], [], "5:5"),
    "-5:10": ([-5, 10], [-6], [11], [], "-5:10"),
    "-5:-1": ([-5, -1], [-6], [0], [], "-5:-1"),
    "@5:10": ([4, 11], [], [], [5, 10], "@5:10"),
    "@5": ([-1, 6], [], [], [0, 5], "@5"),
    "@0:5": ([-1, 6], [], [], [0, 5], "@5"),
    "@:5": ([-1, 6], [], [], [0, 5], "@5"),
    "@~:5": ([6], [], [], [-9, 5], "@5"),
    "@10:": ([9], [], [], [10, 11], "@10:"),
    "@-5:-1": ([-6, 0], [], [], [-5, -1], "@-5:-1"),
    "+5:+10": ([5, 10], [4], [11], [], "5:10"),
    "2.50:7.5": ([2.5, 7.5], [2], [8], [], "2.5:7.5"),
    ".5": ([0.5], [-1], [1], [], "0.5"),
    "10.0": ([10], [], [10.5], [], "10"),
    "007": ([7], [], [8], [], "7"),
    " 10 ": ([10], [], [11], [], "10"),
    "0.000001": ([0], [], [1], [], "0.000001"),
    f"{2**53 + 1}": ([2**53 + 1], [], [2**53 + 2], [], f"{2**53 + 1}"),
    f"{2**53 + 1}:": ([2**53 + 1], [2**53], [], [], f"{2**53 + 1}:"),
    "1" * 30: ([2**63 - 1], [], [], [], "1" * 30),
}


def limit(text: str) -> Range:
    """Return the range of `-w TEXT`."""
    return parse_threshold(State.WARNING, text).limit


@pytest.mark.parametrize("text", RANGES)
def test_a_range_alerts_outside_its_ends_or_with_an_at_inside(text: str) -> None:
    good, below, above, inside, _ = RANGES[text]
    sides = {"": good, "below": below, "above": above, "inside": inside}
    for side, values in sides.items():
        assert [limit(text).side(value) for value in values] == [side] * len(values)


@pytest.mark.parametrize("text", RANGES)
def test_a_range_in_perfdata_is_the_form_that_icinga_keeps(text: str) -> None:
    written = limit(text).text(can_be_negative=False)
    assert written == RANGES[text][-1]
    assert limit(written).side(5) == limit(text).side(5), "it is read back as the same range"


@pytest.mark.parametrize("text", ["4", "~:4", "@~:4", "~:0", "~:-1", "4:"])
def test_a_range_of_a_metric_that_can_be_negative_keeps_its_open_start(text: str) -> None:
    """Without it, `~:4` would alert on negative values."""
    assert limit(text).text(can_be_negative=True) == text


BAD_RANGES = """\
x ten 1,5 10% 10s 1_000 1e3 0x10 1:2:3 10:5 5:4.5 -0.5 -5 @10:5 ~ : @ @@5 5:~ 5:@10 ~5 ~5:10 --5:
+-5: + - 1.2.3 . 5. inf nan 1:inf -inf:1 5:x x:5 5;10 5-10 5..10 1:5, x.5 \u0661 \uff11 \u00bd
"""
LONG_RANGES = ("1" * 31, "1" * 5000, "1." + "0" * 31)


@pytest.mark.parametrize("text", [*BAD_RANGES.split(), "1 0", "= 5", "5\n5", *LONG_RANGES])
def test_any_other_range_is_an_error_that_shows_the_accepted_forms(text: str) -> None:
    with pytest.raises(UsageError, match=r"\b10 .* 1: .* 5:10 .* @5:10\b"):
        parse_range(text)


#: A selector, and the labels that it is for among those of the queues a.b, a.c, a,d and total.
SELECTORS: dict[str, set[str]] = {
    **{
        metric: {f"{name}.{metric}" for name in ("a.b", "a.c", "a,d", "total_2")}
        for metric in ("consumers", "job_awaiting", "job_running")
    },
    "busy_ratio": {"a.b.busy_ratio", "a.c.busy_ratio", "a,d.busy_ratio", "total_2.busy_ratio"},
    "a.*.awaiting_per_consumer": {"a.b.awaiting_per_consumer", "a.c.awaiting_per_consumer"},
    "a.b.consumers": {"a.b.consumers"},
    "a,d.consumers": {"a,d.consumers"},
    "a?d.consumers": {"a,d.consumers"},
    "a[.,]?.consumers": {"a.b.consumers", "a.c.consumers", "a,d.consumers"},
    "a.[!b].consumers": {"a.c.consumers"},
    "A.*.consumers": set(),
    "total.consumers": {"total.consumers"},
    "total.job_awaiting": {"total.job_awaiting"},
    "total.job_running": {"total.job_running"},
    "t*.consumers": {"total_2.consumers"},
    "[z-a].consumers": set(),
    "time": {"time"},
    "token_expires_in": {"token_expires_in"},
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_selector_says_which_labels_a_threshold_is_for(selector: str) -> None:
    body = answer({name: queue(2, 0, 2) for name in ("a.b", "a.c", "a,d", "total")})
    args = ("--require=", "-c", "consumers=", "-w", f"{selector}=100:200")
    found = judge(body, *args, elapsed=1.5, timeout=10, token_expires_in=5)
    named = {label for label, datum in found.metrics.items() if datum.warning == "100:200"}
    assert named == found.breached == SELECTORS[selector]


def test_a_threshold_without_selector_is_for_jobs_waiting_in_every_queue() -> None:
    metrics = judge(site(), "-w", "10").metrics
    found = {label for label, datum in metrics.items() if datum.warning}
    assert found == {f"{name}.job_awaiting" for name in DOCUMENTED}


@pytest.mark.parametrize("name", ["a=b", "a.b=1", "a::b|c", "=", "a.", "time", "x y", "\xe4"])
def test_a_selector_ends_at_the_last_equals_sign_and_holds_the_raw_name(name: str) -> None:
    body = answer({name: queue(1, 9, 1), "b": queue(1, 9, 1)})
    found = judge(body, "--require=", "-w", f"{name}.job_awaiting=5")
    assert (found.conditions, len(found.breached)) == ({}, 1)
    assert "b.job_awaiting" not in found.breached


BAD_SELECTORS = [
    *("jobs", "Consumers", "rodin.mesh", "rodin.mesh.jobs", "consumers.", ".job_awaiting", ""),
    *("total.busy_ratio", "total.awaiting_per_consumer", "total.time", "total", "consumer"),
    *("rodin.mesh.time", "rodin.mesh.token_expires_in", "rodin.mesh:consumers", "*", "job_*"),
]


@pytest.mark.parametrize("selector", BAD_SELECTORS)
@pytest.mark.parametrize("option", ["-w", "-c"])
def test_a_selector_without_a_known_metric_is_an_error(option: str, selector: str) -> None:
    assert "job_awaiting" in refused(option, f"{selector}=5")


#: Thresholds, and which ranges apply to `rodin.mesh.job_awaiting` then.
LAST: dict[str, tuple[str, Optional[str], Optional[str]]] = {
    "the last one applies": ("-w 5 -w 9", "9", None),
    "also if it is stricter": ("-w 9 -w 5", "5", None),
    "the long options are the same": ("--warning 5 --critical 9 -w 7", "7", "9"),
    "not the more specific one": ("-w rodin.mesh.job_awaiting=9 -w 5", "5", None),
    "the more specific one if it is last": ("-w 5 -w rodin.mesh.job_awaiting=9", "9", None),
    "a glob if it is last": ("-w 5 -w *.job_awaiting=9", "9", None),
    "not a glob that matches other queues": ("-w 5 -w rodin.p*.job_awaiting=9", "5", None),
    "not another metric": ("-w 5 -w consumers=9", "5", None),
    "not the sum": ("-w 5 -w total.job_awaiting=9", "5", None),
    "an empty range removes": ("-w 5 -w=", None, None),
    "also with a selector": ("-w 5 -w job_awaiting=", None, None),
    "also for one queue": ("-w 5 -w rodin.mesh.job_awaiting=", None, None),
    "not for another queue": ("-w 5 -w rodin.pack.job_awaiting=", "5", None),
    "not for another metric": ("-w 5 -w consumers=", "5", None),
    "a removed one can be set again": ("-w= -w 5", "5", None),
    "warning does not change critical": ("-c 9 -w 5 -w=", None, "9"),
    "a range that never alerts is kept": ("-w 5 -w job_awaiting=~:", "~:", None),
    "critical does not change warning": ("-w 5 -c 9 -c=", "5", None),
}


@pytest.mark.parametrize("case", LAST)
def test_the_last_threshold_that_matches_a_label_applies(case: str) -> None:
    args, *expected = LAST[case]
    words = args.replace("-w=", "--warning=").replace("-c=", "--critical=").split()
    limits = Thresholds(policy(*words).thresholds).limits(QUEUE, "job_awaiting", "rodin.mesh")
    shown = {found.level: found.shown for found in limits}
    assert [shown.get(State.WARNING), shown.get(State.CRITICAL)] == expected


def test_the_default_threshold_stands_before_all_options() -> None:
    words = ["--input=-", "-w", "5", "-c", "consumers=", "-w", "time=3"]
    default, *others = options.parse(words).policy.thresholds
    assert [one.origin for one in others] == ["-w 5", "-c consumers=", "-w time=3"]
    assert default.origin == "-c consumers=1:"
