"""The API token: a value that cannot print itself and redacts itself from other text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.inputs import read_file, read_variable, strip

TOKEN_FILE_VARIABLE = "RODIN_API_KEY_FILE"  # noqa: S105 — a variable's name
TOKEN_VARIABLE = "RODIN_API_KEY"  # noqa: S105
#: Replaces the token in text.
REDACTED = "***"

#: The longest token, in bytes: longer headers are rejected by most servers.
_MAX_LENGTH = 16 * 1024
#: Shorter text is too common: to redact it would garble the output.
_MIN_LENGTH = 5
_JWT_PARTS = 3
#: Parts of a token with dots, such as a JWT, are secrets too from this length on.
_MIN_PART = 16
#: `exp` beyond this is not believed; it is also the largest integer that JSON passes on exactly.
_MAX_EXP = 2**53


class Token:
    """A bearer token. `repr`, `str` and `format` never show it.

    *place* says where it came from, for a next step: a path or the name of a variable.
    """

    def __init__(self, text: str, place: str) -> None:
        # loaded now: the watchdog's thread, which redacts, must not wait for an import
        import base64  # noqa: F401, PLC0415

        self._text = text
        self.place = place
        self._patterns: Optional[tuple[re.Pattern[str], re.Pattern[str]]] = None

    def __repr__(self) -> str:
        return f"Token({REDACTED})"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header: the only way the token leaves."""
        return f"Bearer {self._text}"

    @property
    def is_well_formed(self) -> bool:
        """Whether the token has the characters of a bearer token (RFC 6750, section 2.1)."""
        return bool(re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", self._text))

    def redact(self, text: str) -> str:
        """Replace the token in *text*, in each of the forms that SECURITY.md lists.

        A text that has it in an escaped form is returned without its escapes.
        """
        if self._patterns is None:
            parts = [part for part in self._text.split(".") if len(part) >= _MIN_PART]
            self._patterns = _forms([self._text]), _forms([self._text, *parts])
        whole, forms = self._patterns
        # the whole token first: what is left of it without one part is not found again
        text = whole.sub(REDACTED, text)
        unescaped = _unescape(text)
        return forms.sub(REDACTED, unescaped if forms.search(unescaped) else text)

    def seconds_left(self, now: float) -> Optional[int]:
        """Return the whole seconds from *now* (since 1970) to the `exp` of a JWT (RFC 7519).

        None if there is no `exp`.
        """
        import base64  # noqa: PLC0415 — --help does not need it
        import json  # noqa: PLC0415

        parts = self._text.split(".")
        if len(parts) != _JWT_PARTS:
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(f"{parts[1]}=="))
        except (ValueError, RecursionError):
            return None
        exp: Any = claims.get("exp") if isinstance(claims, dict) else None
        is_time = type(exp) in (int, float) and -_MAX_EXP < exp < _MAX_EXP
        return math.floor(exp - now) if is_time else None


def find_token(token_file: Optional[str], environ: Mapping[str, str]) -> Token:
    """Return the token of --token-file, RODIN_API_KEY_FILE or RODIN_API_KEY; raises ConfigError.

    The first source that is given is used alone.
    """
    if token_file is not None:
        return _read_token(token_file, "--token-file")
    named = read_variable(environ, TOKEN_FILE_VARIABLE)
    if named:
        return _read_token(named, TOKEN_FILE_VARIABLE)
    text = read_variable(environ, TOKEN_VARIABLE)
    if not text:
        raise ConfigError("no API token given", f"Use --token-file or set {TOKEN_VARIABLE}")
    return _checked(text, TOKEN_VARIABLE, TOKEN_VARIABLE)


def token_to_redact(environ: Mapping[str, str]) -> Optional[Token]:
    """Return the token of RODIN_API_KEY for a run that needs none, so that it is redacted too."""
    try:
        return find_token(None, {TOKEN_VARIABLE: environ.get(TOKEN_VARIABLE, "")})
    except ConfigError:
        return None


def _read_token(path: str, origin: str) -> Token:
    raw = read_file(path, origin, 2 * _MAX_LENGTH)
    first_line = raw.decode("utf-8-sig", "replace").partition("\n")[0]
    return _checked(strip(first_line), origin, path)


def _checked(text: str, origin: str, place: str) -> Token:
    if not text:
        cause, next_step = "is empty", f"Put the token in {place}"
    elif len(text) > _MAX_LENGTH:
        cause, next_step = "is longer than 16 KiB", "Check the path"
    elif not text.isascii():
        cause, next_step = "has characters outside ASCII", f"Copy it to {place} again"
    elif not text.isprintable() or " " in text:
        cause = "has a space or control character inside"
        next_step = f"Write the token alone in {place}, without 'Bearer', quotes or a name"
    else:
        return Token(text, place)
    raise ConfigError(f"{origin}: the API token {cause}", next_step)


def _forms(secrets: list[str]) -> re.Pattern[str]:
    """Return a pattern for what to redact, the longest form first."""
    forms = {form for secret in secrets for form in _encodings(secret) if len(form) >= _MIN_LENGTH}
    pattern = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    return re.compile(pattern or "(?!)", re.IGNORECASE | re.ASCII)


def _encodings(secret: str) -> Iterator[str]:
    """Yield *secret* as it is, in hex, and in base64 at each of the three alignments."""
    import base64  # noqa: PLC0415 — --help does not need it

    raw = secret.encode()
    yield secret
    yield raw.hex()
    for offset in range(3):
        first, end = -(-8 * offset // 6), 8 * (offset + len(raw)) // 6
        digits = base64.b64encode(b"\0" * offset + raw).decode()[first:end]
        yield digits
        yield digits.replace("+", "-").replace("/", "_")


def _unescape(text: str) -> str:
    """Return *text* without the escapes of URLs, JSON and HTML."""
    if not any(mark in text for mark in "%\\&"):
        return text
    import html  # noqa: PLC0415 — rare
    from urllib.parse import unquote  # noqa: PLC0415

    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), unquote(text))
    return html.unescape(re.sub(r"\\([\"\\/])", r"\1", text))
