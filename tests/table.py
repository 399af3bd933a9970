"""Tables of messages: a situation at the start of a line, and below it the text that it has."""

from __future__ import annotations

import re

import pytest


def each(text: str) -> pytest.MarkDecorator:
    """Run a test with each `situation` of the table and its `line`.

    The line is indented and can be wrapped at its blanks.
    """
    found = []
    for row in re.split(r"\n(?! )", text.strip("\n")):
        situation, *parts = row.split("\n")
        line = " ".join(part.strip() for part in parts)
        found.append(pytest.param(situation, line, id=situation.partition(" |")[0]))
    return pytest.mark.parametrize(("situation", "line"), found)
