"""Tables of messages: a situation at the start of a line, and below it the text that it has."""

from __future__ import annotations

import re
from typing import Iterator, Tuple

import pytest


def rows(text: str) -> Iterator[Tuple[str, str]]:
    """Yield each situation and its line, which is indented and can be wrapped at its blanks."""
    for row in re.split(r"\n(?! )", text.strip("\n")):
        situation, *parts = row.split("\n")
        yield situation, " ".join(part.strip() for part in parts)


def each(text: str) -> pytest.MarkDecorator:
    """Run a test with each `situation` of the table and its `line`."""
    found = [pytest.param(*row, id=row[0].partition(" |")[0]) for row in rows(text)]
    return pytest.mark.parametrize(("situation", "line"), found)
