"""Where the Rodin server is: from -H, -p, -4, -6 and RODIN_URL to the one URL that is requested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional

from check_rodin_queues.errors import UsageError, quoted
from check_rodin_queues.inputs import read_variable, strip

HOST_VARIABLE = "RODIN_URL"
#: The documented path of the queue status.
PATH = "/api/v2/queue_status_check"
#: Suffixes that the vendor's samples show. They are removed from the path prefix.
_KNOWN_SUFFIX = f"({PATH}|/api/v2|/api)$"
_HOST_NAME = r"(?!-|.{254})(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?"
_PREFIX = r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*"
_MAX_PORT = 65535
DEFAULT_PORTS = {"http": 80, "https": 443}


class Server:
    """The server. *host* has brackets if it is IPv6. *family* is 4, 6 or 0 for both.

    *url* is that of the queue status, without the scheme's own port. *address* is HOST:PORT for
    messages, with the default port too: a wrong port is a common mistake.
    """

    def __init__(self, scheme: str, host: str, port: int, prefix: str, family: int) -> None:
        self.scheme = scheme
        self.host = host
        self.family = family
        self.address = f"{host}:{port}"
        netloc = host if port == DEFAULT_PORTS[scheme] else self.address
        self.url = f"{scheme}://{netloc}{prefix}{PATH}"


def find_server(
    host: Optional[str], port: Optional[int], family: int, environ: Mapping[str, str]
) -> Server:
    """Return the server of -H or RODIN_URL; raises UsageError."""
    if host is not None:
        return parse_server(strip(host), port, family, "-H/--host")
    named = read_variable(environ, HOST_VARIABLE)
    if not named:
        raise UsageError("no server given", f"Use -H/--host or set {HOST_VARIABLE}")
    return parse_server(named, port, family, HOST_VARIABLE)


def parse_server(text: str, port: Optional[int], family: int, origin: str) -> Server:
    """Read *text* of *origin* (-H or RODIN_URL); *port* is that of -p.

    Raises UsageError, which never shows *text*: it can hold a password.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415 — --help does not need it

    wrong = UsageError(
        f"{origin}: invalid server, expected HOST, HOST:PORT or https://HOST[:PORT][/PREFIX], "
        "without user, query or fragment"
    )
    if not text.isascii() or not text.isprintable() or re.search(r"[ ?#@\\]", text):
        raise wrong
    if "://" not in text:
        text = f"https://{f'[{text}]' if _ip_version(text) == 6 else text}"  # noqa: PLR2004
    try:
        parts = urlsplit(text)
        given = parts.port
    except ValueError:
        raise wrong from None
    name = re.sub(r":[0-9]+$", "", parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or not re.fullmatch(_PREFIX, parts.path) or given == 0:
        raise wrong
    _check_host(name, family, origin, wrong)
    if port is not None and given not in (None, port):
        raise UsageError(f"-p/--port: {origin} already has port {given}", "Remove one of the two")
    number = port or given or DEFAULT_PORTS[parts.scheme]
    prefix = re.sub(_KNOWN_SUFFIX, "", parts.path.rstrip("/")).rstrip("/")
    return Server(parts.scheme, name, number, prefix, family)


def parse_port(text: str) -> int:
    """Read -p; raises UsageError."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= _MAX_PORT:
        raise UsageError(f"invalid port{quoted(text)}, expected 1 to {_MAX_PORT}")
    return int(text)


def _check_host(name: str, family: int, origin: str, wrong: UsageError) -> None:
    bracketed = name.startswith("[") and name.endswith("]")
    version = _ip_version(name[1:-1] if bracketed else name)
    is_valid = version == 6 if bracketed else re.fullmatch(_HOST_NAME, name)  # noqa: PLR2004
    if not is_valid:
        raise wrong
    if family and version and version != family:
        raise UsageError(
            f"-{family}: {origin} has an IPv{version} address", f"Use -{version}, or a host name"
        )


def _ip_version(text: str) -> int:
    """Return 4 or 6 for an IP address, 0 for a name; a zone (%eth0) is not supported."""
    import ipaddress  # noqa: PLC0415 — --help does not need it

    try:
        return 0 if "%" in text else ipaddress.ip_address(text).version
    except ValueError:
        return 0
