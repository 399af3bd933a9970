"""Shown names: what a label becomes of whatever a server calls a queue."""

from __future__ import annotations

from typing import Dict, List, Set

import pytest

from check_rodin_queues.labels import clipped, one_line, shown_names
from check_rodin_queues.tokens import Token
from tests import report
from tests.answers import answer, queue
from tests.report import Report
from tests.saved import ask, judge


def shown(found: Report) -> Set[str]:
    """Return the shown names of the queues that have perfdata."""
    return {label.rpartition(".")[0] for label in found.metrics}


def name_of(names: List[str], wanted: str) -> str:
    """Return the shown name of *wanted* among *names*: it alone has a consumer more."""
    body = answer({name: queue(2 if name == wanted else 1) for name in names})
    found = judge(body, "--require=")
    return next(label.rpartition(".")[0] for label, value in found.values.items() if value == 2)


#: Raw names, and what they become; each is alone in its answer.
NAMES: Dict[str, str] = {
    "rodin.mesh": "rodin.mesh",
    "XX": "XX",
    "with space": "with space",
    "a;b": "a;b",
    "a,b": "a,b",
    'a"b': 'a"b',
    "a\\b": "a\\b",
    "a%s{0}$HOME`id`": "a%s{0}$HOME`id`",
    "grün": "grün",
    "網格": "網格",
    "a'b": "a_b",
    "a=b": "a_b",
    "a|b": "a_b",
    "a\nb": "a_b",
    "a\r\nb": "a__b",
    "a\tb": "a_b",
    "a\0b": "a_b",
    "a\x1b[31mb": "a_[31mb",
    "a\x7fb": "a_b",
    "a\x85b": "a_b",
    "a\x9b31mb": "a_31mb",
    "a\u2028b": "a_b",
    "a\u200bb": "a_b",
    "a\u202eb": "a_b",
    "a\ufeffb": "a_b",
    "a\ud800b": "a_b",
    "a::b": "a__b",
    "a:b": "a:b",
    "a:::b": "a__:b",
    "a::::b": "a____b",
    "|'='|": "_____",
    "x" * 58: "x" * 58,
    "x" * 59: "x" * 58,
    "x" * 5000: "x" * 58,
    "é" * 59: "é" * 58,
    "total": "total_2",
    "Total": "Total",
    "total_2": "total_2",
    "time": "time",
}


@pytest.mark.parametrize("raw", NAMES)
def test_what_a_label_may_not_hold_is_replaced(raw: str) -> None:
    """In labels and in text alike."""
    outcome = ask(answer({raw: queue(0, 3, 0)}), "--require=", "-v")
    found = report.read(outcome, verbose=True)
    assert found.state == "CRITICAL"
    assert shown(found) == {NAMES[raw]}
    assert NAMES[raw] in found.text
    assert NAMES[raw] in found.more.splitlines()[0]


def test_the_longest_label_has_80_characters() -> None:
    body = answer({"x" * 100: queue(1, 1, 1)})
    found = judge(body, "--require=", "-w", "awaiting_per_consumer=5")
    assert max(map(len, found.metrics)) == 80


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            ["a|b", "a_b", "a'b"],
            {"a_b": "a_b", "a'b": "a_b_2", "a|b": "a_b_3"},
            id="an unchanged name first, then in the order of the raw names",
        ),
        pytest.param(
            ["a|b", "a'b"], {"a'b": "a_b", "a|b": "a_b_2"}, id="the order of the raw names"
        ),
        pytest.param(
            ["a|b", "a_b", "a_b_2"],
            {"a_b": "a_b", "a_b_2": "a_b_2", "a|b": "a_b_3"},
            id="a number that is taken",
        ),
        pytest.param(
            ["x" * 59, "x" * 58],
            {"x" * 58: "x" * 58, "x" * 59: "x" * 56 + "_2"},
            id="cut to make room for the number",
        ),
        pytest.param(
            ["x" * 58 + "a", "x" * 58 + "b"],
            {"x" * 58 + "a": "x" * 58, "x" * 58 + "b": "x" * 56 + "_2"},
            id="cut alike",
        ),
        pytest.param(["total", "a"], {"total": "total_2", "a": "a"}, id="the sum has its name"),
        pytest.param(["a::b", "a__b"], {"a__b": "a__b", "a::b": "a__b_2"}, id="two colons"),
    ],
)
def test_a_shown_name_that_is_taken_gets_a_number(
    names: List[str], expected: Dict[str, str]
) -> None:
    assert {name: name_of(names, name) for name in names} == expected


def test_ten_names_that_become_the_same() -> None:
    names = [f"a{character}" for character in "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c"]
    expected = ["a_", *(f"a__{number}" for number in range(2, 11))]
    assert [name_of(names, name) for name in names[:3]] == expected[:3]
    assert shown(judge(answer({name: queue() for name in names}), "--require=")) == set(expected)


def test_a_queue_named_total_is_no_sum() -> None:
    body = answer({"total": queue(5), "a": queue(7)})
    found = judge(body, "--require=", "-w", "total.consumers=12:12")
    assert found.state == "OK"
    assert found.values["total_2.consumers"] == 5
    assert found.values["total.consumers"] == 12


def test_no_glob_matches_the_sum() -> None:
    body = answer({"total": queue(5), "a": queue(7)})
    found = judge(body, "--require=", "-w", "*.consumers=100", "-w", "t?tal.job_running=100")
    assert found.metrics["total_2.consumers"].warning == "100"
    assert found.metrics["total_2.job_running"].warning == "100"
    assert "total.consumers" not in found.metrics


def test_a_name_cannot_forge_perfdata_or_a_line() -> None:
    names = ["a | x=1;2;3", "b\n[OK] c | y=2", "'c'=5 z", "\x1b]0;title\x07\x1b[2J"]
    body = answer({name: queue(0, 3, 0) for name in names})
    for args in ((), ("-v",), ("-vv",), ("-vvv",)):
        outcome = ask(body, "--require=", *args)
        found = report.read(outcome, verbose=bool(args))
        assert len(found.metrics) == 12
        assert "\x1b" not in outcome.stdout


def test_a_missing_queue_is_shown_like_any_other() -> None:
    found = judge(answer({"a": queue()}), "--require", "b|c\x1bd\ne")
    assert found.state == "CRITICAL"
    assert "b_c_d_e" in found.text


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("x" * 10, 10, "x" * 10),
        ("x" * 11, 10, "x" * 7 + "..."),
        ("\N{CRAB}" * 2, 8, "\N{CRAB}" * 2),
        ("\N{CRAB}" * 3, 10, "\N{CRAB}..."),
        ("a\N{CRAB}\N{CRAB}", 8, "a\N{CRAB}..."),
    ],
)
def test_text_is_cut_at_a_number_of_bytes(text: str, size: int, expected: str) -> None:
    assert clipped(text, size) == expected


def test_queues_are_told_in_the_order_of_the_shown_names() -> None:
    found = judge(answer({"amx": queue(0), "a|x": queue(0)}), "--require=")
    assert found.text.index("a_x") < found.text.index("amx")


def test_a_number_makes_no_secret_of_a_name() -> None:
    """It would be hidden, and two queues would have one label."""
    redact = Token("a_b_2").redact
    assert shown_names(["a=b", "a|b"], redact) == {"a=b": "a_b", "a|b": "a_b_3"}


def test_a_line_stays_as_long_as_it_was() -> None:
    assert one_line("a|b\n||") == "a_b___"


def test_a_name_that_utf_8_does_not_know_is_cut_too() -> None:
    assert clipped("a\ud800b", 10) == "a\ud800b"
    assert clipped("a\ud800" + "b" * 10, 8) == "a?bbb..."
