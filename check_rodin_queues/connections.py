"""Connections: the route to the server, the phase of a request, and one address after the other.

urllib3 has one timeout for each address and does not say how far it came. The classes here take
over the two steps where that matters; everything else is urllib3's.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests.adapters
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from check_rodin_queues.errors import RequestError
from check_rodin_queues.inputs import strip
from check_rodin_queues.output import REQUEST, Notes
from check_rodin_queues.server import Server

if TYPE_CHECKING:
    from check_rodin_queues.watchdog import Watchdog

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
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
        self.proxy = _proxy_address(proxy_url) if proxy_url else ""
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
        by_proxy = self.forwarding or (self.proxy and self.phase == Phase.TLS)
        through = f" through proxy {self.proxy}" if by_proxy else ""
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
    try:
        parts = urlsplit(url)
        port = parts.port
        url.encode("latin-1")  # as requests does for the password, whose error would show it
    except ValueError:
        raise RequestError("unreachable", *BAD_PROXY) from None
    if parts.scheme.startswith("socks"):
        raise RequestError("unreachable", *_SOCKS_PROXY)
    if not parts.hostname or parts.scheme not in ("http", "https") or port == 0:
        raise RequestError("unreachable", *BAD_PROXY)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}" if port else host


class _Connection:
    """The overrides for both connection classes of urllib3; *adapter* is the one that uses them."""

    adapter: Adapter

    def _new_conn(self: Any) -> socket.socket:
        """Connect to the first address that accepts; raises OSError.

        An address that is not the last one gets its share of the time that is left, at most a
        third of the timeout. The last one has all the time: the watchdog ends the run.
        """
        route, watchdog, notes = self.adapter.route, self.adapter.watchdog, self.adapter.notes
        route.phase = Phase.RESOLVING
        host, family = self._dns_host.strip("[]"), _FAMILIES[route.server.family]
        found = socket.getaddrinfo(host, self.port, family, socket.SOCK_STREAM)
        route.phase = Phase.CONNECTING
        if len(found) > 1:
            found = list(filter(_has_route, found)) or found
        failure = OSError(f"{host} has no address")
        for left, target in zip(range(len(found), 0, -1), found):
            share = min(max(watchdog.left(), 0.01) / left, watchdog.timeout / 3)
            connection = socket.socket(*target[:3])
            connection.settimeout(share if left > 1 else None)
            try:
                connection.connect(target[4])
            except OSError as error:
                connection.close()
                notes.add(REQUEST, f"no connection to {_shown(target[4])}: {error}")
                failure = error
            else:
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                notes.add(REQUEST, f"connected to {_shown(target[4])}")
                route.phase = Phase.PROXY_TLS if route.forwarding else Phase.TLS
                return connection
        raise failure

    def _connect_tls_proxy(self: Any, host: str, connection: socket.socket) -> Any:
        """Return *connection* with TLS to the proxy *host*, whose name urllib3 1.26 ignores."""
        self.adapter.route.phase = Phase.PROXY_TLS
        context = self.proxy_config.ssl_context
        checked, context.check_hostname = context.check_hostname, bool(context.verify_mode)
        wrapped = context.wrap_socket(connection, server_hostname=host)
        context.check_hostname = checked
        return wrapped

    def _tunnel(self) -> None:
        self.adapter.route.phase = Phase.PROXY_REPLY
        super()._tunnel()  # type: ignore[misc]
        self.adapter.route.phase = Phase.TLS

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.adapter.connection = self.sock
        self.adapter.route.phase = Phase.WAITING


def _has_route(target: tuple[Any, ...]) -> bool:
    """Return whether this host has a route to an address; a UDP socket sends nothing for this.

    A host without IPv6 has none to IPv6 addresses. Their error would hide that of the others.
    """
    try:
        with socket.socket(target[0], socket.SOCK_DGRAM) as probe:
            probe.connect(target[4])
    except OSError:
        return False
    return True


def _shown(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Adapter(requests.adapters.HTTPAdapter):
    """Connects along *route* within the time that is left, and verifies with *context* alone.

    *connection* is the last one that was opened.
    """

    connection: socket.socket

    def __init__(self, route: Route, context: Any, watchdog: Watchdog, notes: Notes) -> None:
        old = urllib3.__version__.startswith("1.")  # type: ignore[attr-defined]
        if old and context is not None:
            # urllib3 1.26 hides an IP address from ssl, so it has to compare all names itself
            context.check_hostname = False
        self.route = route
        self._context = context
        self.watchdog = watchdog
        self.notes = notes
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """Return the pool for *request* (requests 2.32 and newer)."""
        return self.get_connection(request.url)

    def get_connection(self, url: Any, *_: Any, **__: Any) -> Any:
        """Return the pool for *url* (requests before 2.32)."""
        manager = self.poolmanager
        proxy = self.route.proxy_url
        if proxy:
            contexts = {"ssl_context": self._context, "proxy_ssl_context": self._context}
            manager = self.proxy_manager_for(proxy, **contexts)
        parts = urlsplit(url)
        pool = manager.connection_from_host(parts.hostname, parts.port, parts.scheme)
        classes = (_Connection, type(pool).ConnectionCls)
        pool.ConnectionCls = type("Connection", classes, {"adapter": self})
        return pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the verification to the context: requests would add certifi's bundle to it."""
