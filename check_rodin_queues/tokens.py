"""The API token: a value that cannot print itself and finds itself in what others print."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.labels import CLEANINGS, loosened

if TYPE_CHECKING:
    from check_rodin_queues.redaction import Finder

#: The longest token, in bytes, that is sent.
MAX_LENGTH = 16 * 1024
#: A shorter piece of text says nothing about the token, and hiding it would garble the output.
_MIN_HIDDEN = 5
#: How often a text is looked through at the most.
_MAX_PASSES = 5
_JWT_PARTS, _MIN_PART = 3, 16
#: How many characters one may become: `&DiacriticalGrave;`.
_LONGEST_ESCAPE = 18
#: The ASCII that wide letters stand for, and the bytes of which no token has one.
_NARROW = {code + 0xFEE0: code for code in range(ord("!"), 127)}
_NO_PART = bytes((*range(ord("!")), 127))
#: No `exp` beyond this many seconds is believed; also the largest integer that JSON passes on.
_MAX_EXP = 2**53


class Token:
    """A bearer token. `repr`, `str` and `format` never show it."""

    __slots__ = ("_cleaned", "_finder", "_forms", "_loose", "_shortest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._forms = _forms(text)
        self._cleaned = [(clean, {clean(form) for form in self._forms}) for clean in CLEANINGS]
        loose = set(map(loosened, self._forms))
        self._loose = [form for form in loose if len(form) >= _MIN_HIDDEN]
        self._shortest = min(map(len, (*self._forms, *self._loose)), default=0)
        self._finder: Optional[Finder] = None

    def __repr__(self) -> str:
        return "Token(***)"

    def authorization(self) -> str:
        """Return the value of the Authorization header: the only way the token leaves."""
        return f"Bearer {self._text}"

    def redact(self, text: str) -> str:
        """Replace the token in *text*, in any case, also escaped, in hex and in base64."""
        for _ in range(_MAX_PASSES):
            if self._is_absent(text):
                return text
            shown = self._looked_through(text)
            if shown == text:
                return text
            text = shown  # what is left may be a token anew, of which HIDDEN is a part
        return ""

    def _looked_through(self, text: str) -> str:
        if self._finder is None:
            from check_rodin_queues.redaction import Finder  # noqa: PLC0415 — rare

            self._finder = Finder(self._forms, _MIN_HIDDEN)
        return self._finder.hidden(text)

    def redact_start(self, text: str, size: int) -> str:
        """Return at most *size* characters, redacted, and without a part of the token at the cut.

        What it costs is bounded by *size* and the length of the token.
        """
        reach = _LONGEST_ESCAPE * len(self._forms[0]) if self._forms else 0
        if len(text) <= size + reach:
            return self.redact(text)[:size]
        start = self.redact(text[: size + reach])
        return start[: min(size, max(len(start) - reach, 0))]

    def _is_absent(self, text: str) -> bool:
        """Tell whether nothing in *text* can be the token; False if that needs a closer look."""
        if len(text) < self._shortest:
            return True
        if any(char in text for char in "\\%&"):
            return False
        dense = _dense(text)
        if any(form in dense for form in self._forms):
            return False
        loose = loosened(dense)
        if any(form in loose for form in self._loose):
            return False
        for clean, forms in self._cleaned:
            view = clean(text).lower()
            if any(form in view for form in forms):
                return False
        return True

    def expires_at(self) -> Optional[float]:
        """Return the `exp` of a JWT (RFC 7519), in seconds since 1970; None if none can be read."""
        parts = self._text.split(".")
        try:
            claims = json.loads(_base64url(parts[1])) if len(parts) == _JWT_PARTS else None
        except (ValueError, RecursionError):
            return None
        exp: Any = claims.get("exp") if isinstance(claims, dict) else None
        if type(exp) not in (int, float) or not -_MAX_EXP < exp < _MAX_EXP:
            return None
        return float(exp)

    def seconds_left(self, now: float) -> Optional[int]:
        """Return the whole seconds from *now* (since 1970) to `exp`, None if unknown."""
        expires_at = self.expires_at()
        return None if expires_at is None else math.floor(expires_at - now)


def _forms(text: str) -> Tuple[str, ...]:
    """Return the shapes, in lower case, in which a server may send *text* back, the longest first.

    Of a JWT each of the three parts is a secret, too.
    """
    parts = text.split(".")
    secrets = [text]
    if len(parts) == _JWT_PARTS:
        secrets += (part for part in parts if len(part) >= _MIN_PART)
    forms = {form.lower() for secret in secrets for form in _shapes(secret)}
    return tuple(sorted((form for form in forms if len(form) >= _MIN_HIDDEN), key=len)[::-1])


def _shapes(text: str) -> Iterator[str]:
    """Give *text*, in hex, and in the base64 of whatever it stands in."""
    raw = text.encode()
    yield text
    yield raw.hex()
    for offset in range(3):
        encoded = _base64_piece(raw, offset)
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _dense(text: str) -> str:
    """Return *text* in lower case and without what no token holds."""
    if not text.isascii():
        text = text.translate(_NARROW)
    return text.encode("ascii", "ignore").translate(None, _NO_PART).decode("ascii").lower()


def parse_token(text: str, origin: str) -> Token:
    """Check that *text*, from *origin*, can be sent; raises ConfigError, which never shows it."""
    token = text.strip()
    if not token:
        raise ConfigError(f"{origin}: the token is empty. Put the API token there")
    if len(token) > MAX_LENGTH:
        raise ConfigError(f"{origin}: the token is longer than 16 KB. Is it the right file?")
    if not token.isascii():
        raise ConfigError(f"{origin}: the token has characters outside ASCII. Copy it anew")
    if not token.isprintable() or " " in token:
        raise ConfigError(
            f"{origin}: the token has a space, line break or control character inside. "
            "Put the bare token there, without 'Bearer'"
        )
    return Token(token)


def _base64url(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _base64_piece(raw: bytes, offset: int) -> str:
    """Return the digits of base64, of 6 bits each, that are made of bits of *raw* alone."""
    first = -(-8 * offset // 6)
    behind = 8 * (offset + len(raw)) // 6
    return base64.b64encode(b"\0" * offset + raw).decode()[first:behind]
