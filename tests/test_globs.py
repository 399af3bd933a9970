"""Globs for long names do what those for short ones do, and let the run end on time."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check_rodin_queues import globs
from tests.answers import answer, queue
from tests.saved import judge

#: What a glob is made of, and names to try it on.
PIECES = ("*", "?", "a", "b", "[ab]", "[!a]", "[]", "[]a]", "[!]a]", "[a-b]", "[b-a]", "[", "]")
NAMES = ("", "a", "b", "c", "]", "[", "ab", "ba", "aab", "abb", "a]b", "[]", "bab", "!", "-")


@pytest.mark.parametrize("length", range(4))
def test_every_short_glob_matches_as_fnmatch_says(length: int) -> None:
    for pieces in product(PIECES, repeat=length):
        glob = "".join(pieces)
        for name in NAMES:
            assert bool(globs.matches(glob, name)) == fnmatchcase(name, glob), (glob, name)


@given(st.text("ab*?[]!-.\n\xe9", max_size=12), st.text("ab]-.\n\xe9", max_size=12))
def test_any_glob_matches_as_fnmatch_says(glob: str, name: str) -> None:
    assert bool(globs.matches(glob, name)) == fnmatchcase(name, glob)


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
