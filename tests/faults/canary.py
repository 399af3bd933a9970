"""The canary: a made-up token, and the search for it in everything that leaves the process."""

from __future__ import annotations

import base64
import re
from typing import FrozenSet, Iterator, List
from urllib.parse import quote

#: Every character that a bearer token may hold stands in it, so that each encoding changes it.
TOKEN = "cAnArY0-+/~._5f1Q8zLkW2hV7nB4tXy9RgJ6mDpS3uEoIqT=="

#: A run of this many characters is a leak, however the rest of the token was cut or masked.
WINDOW = 8


def base64_forms(token: str) -> List[str]:
    """Return the base64 of *token* at its three alignments, in both alphabets, without edges."""
    forms = []
    for pad in range(3):
        text = base64.b64encode(b"\0" * pad + token.encode()).decode().rstrip("=")
        inner = text[(8 * pad + 5) // 6 : -1]
        forms += [inner, inner.replace("+", "-").replace("/", "_")]
    return forms


def forms(token: str) -> List[str]:
    """Return every spelling of *token* that the tests look for.

    In the base64 of a whole header it has one of its three alignments, and the rest is no secret.
    """
    return [
        token,
        *base64_forms(token),
        quote(token, safe=""),
        "".join(f"%{byte:02x}" for byte in token.encode()),
        token.encode().hex(),
    ]


def _windows(text: str) -> Iterator[str]:
    for start in range(max(1, len(text) - WINDOW + 1)):
        yield text[start : start + WINDOW]


def pieces(token: str) -> FrozenSet[str]:
    """Return every run of WINDOW characters of every spelling, in lower case."""
    return frozenset(piece.lower() for form in forms(token) for piece in _windows(form))


_PIECES = pieces(TOKEN)


def traces(output: str, token: str = TOKEN) -> List[str]:
    """Return the pieces of *token* that *output* shows; a break in a line does not hide one."""
    searched = _PIECES if token == TOKEN else pieces(token)
    joined = re.sub(r"\s", "", output)
    found = {
        piece for text in (output, joined) for piece in _windows(text.lower()) if piece in searched
    }
    return sorted(found)
