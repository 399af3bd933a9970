"""The status text: which problems and whether the next step find room in its 230 bytes.

They are what `RODIN_QUEUES CRITICAL - ` leaves of the 254 that stand before the perfdata.
"""

from __future__ import annotations

from typing import List, Tuple

import pytest

from check_rodin_queues.summary import fitted
from tests.answers import answer, queue
from tests.saved import ask, judge

A, B = "a" * 100, "b" * 50

#: Phrases, the next step, and what is written.
FITTED: List[Tuple[List[str], str, str]] = [
    (["x"], "", "x"),
    (["x"], "Do", "x. Do"),
    (["x", "y", "z"], "Do", "x, y, z. Do"),
    (["x" * 230], "", "x" * 230),
    (["x" * 231], "", "x" * 227 + "..."),
    (["x" * 231], "Do", "x" * 227 + "..."),
    (["é" * 115], "", "é" * 115),
    (["é" * 116], "", "é" * 113 + "..."),
    # the next step behind one phrase
    (["x" * 226], "Do", "x" * 226 + ". Do"),
    (["x" * 227], "Do", "x" * 227),
    (["é" * 113], "Do", "é" * 113 + ". Do"),
    (["é" * 113 + "x"], "Do", "é" * 113 + "x"),
    # another phrase
    ([A, "y" * 128], "", f"{A}, " + "y" * 128),
    ([A, "y" * 129], "", f"{A} and 1 more"),
    ([A, "y" * 124], "Do", f"{A}, " + "y" * 124 + ". Do"),
    ([A, "y" * 125], "Do", f"{A} and 1 more. Do"),
    ([A, "é" * 64], "", f"{A}, " + "é" * 64),
    ([A, "é" * 64 + "x"], "", f"{A} and 1 more"),
    # others are counted, which takes room too
    ([A, B, "y" * 76], "", f"{A}, {B}, " + "y" * 76),
    ([A, B, "y" * 77], "", f"{A}, {B} and 1 more"),
    ([A, "y" * 117, B], "", f"{A}, " + "y" * 117 + " and 1 more"),
    ([A, "y" * 118, B], "", f"{A} and 2 more"),
    ([A, "y" * 116] + [B] * 10, "", f"{A}, " + "y" * 116 + " and 10 more"),
    ([A, "y" * 117] + [B] * 10, "", f"{A} and 11 more"),
    ([A, "y" * 117] + [B] * 9, "", f"{A}, " + "y" * 117 + " and 9 more"),
    # the first one alone is cut, to leave room for the count
    (["x" * 219, B], "", "x" * 219 + " and 1 more"),
    (["x" * 220, B], "", "x" * 216 + "... and 1 more"),
    (["x" * 218] + [B] * 10, "", "x" * 218 + " and 10 more"),
    (["x" * 219] + [B] * 10, "", "x" * 215 + "... and 10 more"),
    # the next step before other phrases, but where it finds no room they take it
    (["x" * 215, B], "Do", "x" * 215 + " and 1 more. Do"),
    (["x" * 216, B], "Do", "x" * 216 + " and 1 more"),
    ([A, B], "D" * 78, f"{A} and 1 more. " + "D" * 78),
    ([A, B], "D" * 76, f"{A}, {B}. " + "D" * 76),
    ([A, B], "D" * 77, f"{A} and 1 more. " + "D" * 77),
    ([A, B], "D" * 117, f"{A} and 1 more. " + "D" * 117),
    ([A, B], "D" * 118, f"{A}, {B}"),
]


@pytest.mark.parametrize("case", range(len(FITTED)))
def test_what_fits_is_written_and_the_rest_is_counted(case: int) -> None:
    phrases, then, expected = FITTED[case]
    assert fitted(phrases, len(phrases), then) == expected
    assert len(expected.encode()) <= 230


def test_a_line_of_254_bytes_is_whole() -> None:
    """And one that would have 255 is not."""
    first, whole, cut = "a" * 45, "b" * 54, "b" * 55
    start = f"RODIN_QUEUES CRITICAL - {first}: no consumer (critical below 1)"
    then = f". Start workers for {first}"
    outcome = ask(answer({first: queue(0, 0, 0), whole: queue(0, 0, 0)}), "--require=")
    assert outcome.text == f"{start}, {whole}: no consumer (critical below 1){then}"
    assert len(outcome.text) == 254
    outcome = ask(answer({first: queue(0, 0, 0), cut: queue(0, 0, 0)}), "--require=")
    assert outcome.text == f"{start} and 1 more{then}"


def test_an_answer_that_is_ok_though_it_is_invalid_says_so_alone() -> None:
    """Also without a next step: nobody has to take one."""
    found = judge("x", "--state", "invalid=ok")
    assert (found.state, found.text) == (
        "OK",
        "invalid: no queue status: no JSON at line 1 column 1. Run with -vvv to see what came",
    )
