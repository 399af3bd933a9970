"""The search for the canary finds what it should: a search that finds nothing proves nothing."""

from __future__ import annotations

import base64
from urllib.parse import quote, quote_plus

import pytest

from tests.faults.canary import TOKEN, WINDOW, traces


@pytest.mark.parametrize(
    "shown",
    [
        TOKEN,
        TOKEN.upper(),
        TOKEN[:WINDOW],
        TOKEN[-WINDOW:],
        TOKEN[:20] + "\n" + TOKEN[20:],
        quote(TOKEN, safe=""),
        quote_plus(TOKEN),
        quote(TOKEN),
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
        *(base64.b64encode(b"x" * n + TOKEN.encode()).decode() for n in range(6)),
        *(base64.urlsafe_b64encode(b"x" * n + TOKEN.encode() + b"yy").decode() for n in range(6)),
        base64.b64encode(f"Bearer {TOKEN}".encode()).decode(),
        base64.b64encode(f"user:{TOKEN}".encode()).decode(),
    ],
)
def test_finds(shown: str) -> None:
    assert traces(f"before {shown} after")


def test_finds_nothing_in_innocent_text() -> None:
    assert traces("RODIN_QUEUES OK - 4 queues | rodin.mesh.consumers=1;;1: time=0.1s") == []
    assert traces(TOKEN[: WINDOW - 1]) == []
