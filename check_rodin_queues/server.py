"""Where the Rodin server is: from what a person writes to the one URL that is asked."""

from __future__ import annotations

import ipaddress
import string
from typing import Optional, Tuple
from urllib.parse import SplitResult, urlsplit

from check_rodin_queues.errors import UsageError
from check_rodin_queues.named import NamedTuple

#: The documented path of the queue status.
PATH = "/api/v2/queue_status_check"
#: What a path prefix may end in, since the vendor's own samples do: it means the same as none.
_KNOWN_ENDINGS = (PATH, "/api/v2", "/api")
_FORMS = (
    "HOST, HOST:PORT, https://HOST[:PORT][/PREFIX] or http://..., without user, query or fragment"
)
# Sets and not regular expressions, which would have to be compiled in every run.
_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)
_NAME_CHARACTERS = _ALPHANUMERIC | {"-", "_"}
_PREFIX_CHARACTERS = _ALPHANUMERIC | set("._~!$&'()*+,;=:@%/-")
_MAX_NAME, _MAX_LABEL = 253, 63
_MAX_PORT_DIGITS = 5
_MAX_PORT = 65535
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Server(NamedTuple):
    """The server's address; *host* has brackets if it is IPv6, *port* is None for the scheme's."""

    scheme: str
    host: str
    port: Optional[int]
    prefix: str

    @property
    def url(self) -> str:
        """The URL of the queue status."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.prefix}{PATH}"

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address and no name."""
        return self.host.startswith("[") or self.host.replace(".", "").isdigit()

    @property
    def address(self) -> str:
        """Host and port for people: the scheme's port too, since it may be the mistake."""
        return f"{self.host}:{self.port or _DEFAULT_PORTS[self.scheme]}"


def parse_server(text: str, port: Optional[int], origin: str) -> Server:
    """Read what *origin* (-H or RODIN_URL) gives; *port* is that of -p.

    Raises UsageError, which does not show *text*: it may hold a password.
    """
    if not text.isascii() or not text.isprintable() or any(char in text for char in " ?#@\\"):
        raise _wrong(origin)
    parts = _split(text, origin)
    host, given = _authority(parts.netloc, origin)
    if port is not None and given not in (None, port):
        raise UsageError(f"-p/--port: {origin} names another port, {given}. Give one of the two")
    prefix = parts.path.rstrip("/")
    for ending in _KNOWN_ENDINGS:
        if prefix.endswith(ending):
            prefix = prefix[: -len(ending)].rstrip("/")
            break
    return Server(parts.scheme, host, given if port is None else port, prefix)


def _split(text: str, origin: str) -> SplitResult:
    if "://" not in text:
        text = f"https://{f'[{text}]' if _is_ipv6(text) else text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _wrong(origin) from None
    if parts.scheme not in ("http", "https") or not _PREFIX_CHARACTERS.issuperset(parts.path):
        raise _wrong(origin)
    return parts


def _authority(text: str, origin: str) -> Tuple[str, Optional[int]]:
    bracketed = text.rfind("]") + 1
    name, colon, port = text[bracketed:].partition(":")
    host = text[:bracketed] + name
    if not (_is_bracketed_ipv6(host) if bracketed else _is_name(host)):
        raise _wrong(origin)
    if not colon:
        return host, None
    if not port.isdigit() or len(port) > _MAX_PORT_DIGITS or not 0 < int(port) <= _MAX_PORT:
        raise _wrong(origin)
    return host, int(port)


def _is_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= _MAX_NAME and all(
        0 < len(label) <= _MAX_LABEL and _NAME_CHARACTERS.issuperset(label) for label in labels
    )


def _is_bracketed_ipv6(text: str) -> bool:
    return text.startswith("[") and text.endswith("]") and _is_ipv6(text[1:-1])


def _is_ipv6(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _wrong(origin: str) -> UsageError:
    return UsageError(f"{origin}: takes {_FORMS}")
