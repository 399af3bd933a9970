"""Globs for long names do what those for short ones do, and let the run end on time."""

from __future__ import annotations

import contextlib
import re
from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check_rodin_queues import globs
from tests.answers import answer, queue
from tests.saved import judge

#: What a glob is made of, and names to try it on.
PIECES = (*"*?ab[]", "[ab]", "[!a]", "[]", "[]a]", "[!]a]", "[a-b]", "[b-a]", "[a-]")
NAMES = ("", "a", "b", "c", "]", "[", "ab", "ba", "aab", "abb", "a]b", "[]", "bab", "!", "-")


def by_fnmatch(glob: str, name: str) -> bool:
    """Return what Python says; 3.9 knows no range the wrong way round, which fits nothing."""
    try:
        return fnmatchcase(name, glob)
    except re.error:
        return fnmatchcase(name, glob.replace("[b-a]", "[#]"))


@pytest.mark.parametrize("length", range(4))
def test_every_short_glob_matches_as_fnmatch_says(length: int) -> None:
    for pieces in product(PIECES, repeat=length):
        glob = "".join(pieces)
        for name in NAMES:
            assert globs.matches(glob, name) == by_fnmatch(glob, name), (glob, name)


@given(st.text("ab*?[]!-.\n\xe9", max_size=12), st.text("ab]-.\n\xe9", max_size=12))
def test_any_glob_matches_as_fnmatch_says(glob: str, name: str) -> None:
    with contextlib.suppress(re.error):
        expected = fnmatchcase(name, glob)
        assert globs.matches(glob, name) == expected


@pytest.mark.parametrize("glob", ["[z-a]", "*[b-a]*", "a[z-a]*"])
def test_a_range_the_wrong_way_round_fits_nothing(glob: str) -> None:
    found = judge(answer({"a": queue(1, 0, 1), "ab": queue(1, 0, 1)}), "--require=", "-q", glob)
    assert found.text.startswith("no queue of 2 is selected")
    assert judge(answer({"a": queue(1, 9, 1)}), "--require=", "-x", glob, "-c", "5").state == (
        "CRITICAL"
    )


@pytest.mark.parametrize("length", [999, 1000, 1001, 100_000])
@pytest.mark.parametrize(
    ("glob", "fits"),
    [
        ("*", True),
        ("a*", True),
        ("*z", True),
        ("a*[m]*z", True),
        ("a*n*z", False),
        ("*y", False),
        ("b*", False),
        ("a?*?z", True),
    ],
)
def test_a_long_name_is_selected(length: int, glob: str, fits: bool) -> None:
    name = f"a{'.' * (length - 3)}mz"
    found = judge(answer({name: queue(1, 0, 1), "other": queue(1, 0, 1)}), "--require=", "-q", glob)
    assert found.state == ("OK" if fits else "UNKNOWN")
    assert any(label.startswith("a.") for label in found.metrics) == fits


@pytest.mark.parametrize("option", ["-x", "-c"])
def test_a_long_name_is_left_out_and_has_its_thresholds(option: str) -> None:
    body = answer({f"a{'.' * 2000}z": queue(1, 9, 1), "b": queue(1, 0, 1)})
    given = "a*z" if option == "-x" else "a*z.job_awaiting=5"
    assert judge(body, "--require=", option, given).state == (
        "OK" if option == "-x" else "CRITICAL"
    )
