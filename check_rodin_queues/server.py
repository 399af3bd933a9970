"""Where the Rodin server is: from what a person writes to the one URL that is asked."""

import ipaddress
import re
from typing import NamedTuple, Optional, Tuple
from urllib.parse import SplitResult, urlsplit

from check_rodin_queues.errors import UsageError

#: The documented path of the queue status.
PATH = "/api/v2/queue_status_check"
#: What a path prefix may end in, since the vendor's own samples do: it means the same as none.
_KNOWN_ENDINGS = (PATH, "/api/v2", "/api")
_FORMS = (
    "HOST, HOST:PORT, https://HOST[:PORT][/PREFIX] or http://..., without user, query or fragment"
)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_PREFIX = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
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
    if parts.scheme not in ("http", "https") or not _PREFIX.fullmatch(parts.path):
        raise _wrong(origin)
    return parts


def _authority(text: str, origin: str) -> Tuple[str, Optional[int]]:
    match = _AUTHORITY.fullmatch(text)
    if not match or not (_is_ipv6(match[1][1:-1]) or _HOST_NAME.fullmatch(match[1])):
        raise _wrong(origin)
    if match[2] is None:
        return match[1], None
    if not 0 < int(match[2]) <= _MAX_PORT:
        raise _wrong(origin)
    return match[1], int(match[2])


def _is_ipv6(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _wrong(origin: str) -> UsageError:
    return UsageError(f"{origin}: takes {_FORMS}")
