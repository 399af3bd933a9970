"""Tables of messages: `situation => line`, or a longer line indented below its situation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest


def rows(text: str) -> Iterator[tuple[str, str]]:
    """Yield each situation and its line, which can be wrapped at its blanks."""
    for row in re.split(r"\n(?! )", text.strip("\n")):
        situation, line = re.split(r" => |\n", row, maxsplit=1)
        yield situation, " ".join(line.split())


def each(text: str) -> pytest.MarkDecorator:
    """Run a test with each `situation` of the table and its `line`."""
    found = [pytest.param(*row, id=row[0].partition(" |")[0]) for row in rows(text)]
    return pytest.mark.parametrize(("situation", "line"), found)
