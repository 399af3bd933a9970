"""The route: how the server is reached, through a proxy or not, and how far the request is."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from check_rodin_queues.errors import RequestError
from check_rodin_queues.inputs import strip
from check_rodin_queues.server import Server

#: The words of errors that the environment alone causes.
BAD_PROXY = (
    "invalid proxy URL in the environment, expected http://HOST:PORT",
    "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
)
_SOCKS_PROXY = ("SOCKS proxies are not supported", "Set HTTPS_PROXY to an HTTP proxy")


class Phase:
    """The phases of a request, in their order."""

    RESOLVING = "resolving"
    CONNECTING = "connecting"
    PROXY_TLS = "proxy TLS handshake"
    PROXY_REPLY = "proxy reply"
    TLS = "TLS handshake"
    WAITING = "waiting"
    READING = "reading"


#: The phases in which a proxy, if there is one, is the peer.
_WITH_PROXY = (Phase.RESOLVING, Phase.CONNECTING, Phase.PROXY_TLS, Phase.PROXY_REPLY)


class Route:
    """How the server is reached, and the *phase* of the request, which a timeout reports.

    *proxy* is HOST:PORT without a password, empty if there is none, and *variable* names it.
    *forwarding*: the proxy itself sends the request (plain HTTP), so it may also send the response.
    """

    def __init__(self, server: Server, proxy_url: str, variable: str) -> None:
        self.server = server
        self.proxy_url = proxy_url
        self.proxy = _proxy_address(proxy_url)
        self.forwarding = bool(proxy_url) and server.scheme == "http"
        self.variable = variable
        self.phase = Phase.RESOLVING

    @property
    def to_proxy(self) -> bool:
        """Whether the proxy is at the other end in this phase."""
        return bool(self.proxy) and self.phase in _WITH_PROXY

    @property
    def peer(self) -> str:
        """Who is at the other end in this phase, for messages."""
        if self.to_proxy:
            return f"proxy {self.proxy}"
        through = f" through proxy {self.proxy}" if self.forwarding else ""
        return f"{self.server.address}{through}"


def find_route(server: Server) -> Route:
    """Return the route to *server*; the environment decides on a proxy. Raises RequestError."""
    for name, value in os.environ.items():
        if name.lower().endswith("_proxy"):
            os.environ[name] = strip(value)
    proxies = get_environ_proxies(server.url)
    proxy = select_proxy(server.url, proxies) or ""
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    variable = f"{server.scheme.upper()}_PROXY" if server.scheme in proxies else "ALL_PROXY"
    return Route(server, proxy, variable)


def _proxy_address(url: str) -> str:
    """Return HOST:PORT of a proxy's URL, without its password; raises RequestError."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
        url.encode("latin-1")  # requests sends user and password so
    except ValueError:
        raise RequestError("unreachable", *BAD_PROXY) from None
    if parts.scheme.startswith("socks"):
        raise RequestError("unreachable", *_SOCKS_PROXY)
    if not parts.hostname or parts.scheme not in ("http", "https") or port == 0:
        raise RequestError("unreachable", *BAD_PROXY)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}" if port else host
