"""What the oracle knows of a token: whether it can be sent, and when it expires."""

from __future__ import annotations

import base64
from fractions import Fraction
from typing import Optional

from tests.oracle import document
from tests.oracle.objections import MalformedError, UnspecifiedError

LENGTH_LIMIT = 16 * 1024

DIGITS_LIMIT = 40

#: What nobody means by a time: the reader of a token may give up before.
LATEST = 2**53


def sendable(text: str) -> bool:
    """Tell whether *text* is a token once the white space around it is gone."""
    token = text.strip()
    return 0 < len(token) <= LENGTH_LIMIT and all("!" <= character <= "~" for character in token)


def expiry(token: str) -> Optional[Fraction]:
    """Return the `exp` of a JWT, None if *token* is none or has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = document.read(_decoded(parts[1]))
    except (ValueError, MalformedError):
        return None
    if not isinstance(claims, document.Object):
        return None
    given = [value for name, value in claims.members if name == "exp"]
    if len(given) > 1:
        raise UnspecifiedError("two times of expiry")
    if not given or not isinstance(given[0], document.Number):
        return None
    if len(given[0].text) > DIGITS_LIMIT:
        raise UnspecifiedError("a number that nobody writes")
    found = Fraction(given[0].text)
    if abs(found) >= LATEST:
        raise UnspecifiedError("a time that nobody lives to see")
    return found


def _decoded(text: str) -> bytes:
    if "+" in text or "/" in text or "=" in text:
        raise UnspecifiedError("base64 that is not the one of JWTs")
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
