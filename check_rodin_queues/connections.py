"""Connections: one address after the other, and the phase that a timeout reports.

urllib3 has one timeout for each address and does not say how far it came. The classes here take
over the two steps where that matters; everything else is urllib3's.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Tuple

import requests.adapters
import urllib3

from check_rodin_queues.output import REQUEST, Notes
from check_rodin_queues.route import Phase, Route

if TYPE_CHECKING:
    from check_rodin_queues.watchdog import Watchdog

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Dialer:
    """Opens TCP connections within the time that is left. *connection* is the last one."""

    connection: socket.socket

    def __init__(self, route: Route, watchdog: Watchdog, notes: Notes) -> None:
        self.route = route
        self._watchdog = watchdog
        self._notes = notes

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of *host* that accepts; raises OSError.

        An address that is not the last one gets its share of the time that is left, at most a
        third of the timeout. The last one has all the time: the watchdog ends the run.
        """
        self.route.phase = Phase.RESOLVING
        family = _FAMILIES[self.route.server.family]
        found = socket.getaddrinfo(host.strip("[]"), port, family, socket.SOCK_STREAM)
        self.route.phase = Phase.CONNECTING
        if len(found) > 1:
            found = list(filter(_has_route, found)) or found
        failure = OSError(f"{host} has no address")
        for left, target in zip(range(len(found), 0, -1), found):
            share = min(max(self._watchdog.left(), 0.01) / left, self._watchdog.timeout / 3)
            connection = socket.socket(*target[:3])
            connection.settimeout(share if left > 1 else None)
            try:
                connection.connect(target[4])
            except OSError as error:
                connection.close()
                self._notes.add(REQUEST, f"no connection to {_shown(target[4])}: {error}")
                failure = error
            else:
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._notes.add(REQUEST, f"connected to {_shown(target[4])}")
                return connection
        raise failure


def _has_route(target: Tuple[Any, ...]) -> bool:
    """Return whether this host has a route to an address; a UDP socket sends nothing for this.

    A host without IPv6 has none to IPv6 addresses. Their error would hide that of the others.
    """
    try:
        with socket.socket(target[0], socket.SOCK_DGRAM) as probe:
            probe.connect(target[4])
    except OSError:
        return False
    return True


def _shown(address: Tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Dialed:
    """The overrides for both connection classes of urllib3; `Adapter` sets *dialer*."""

    dialer: Dialer

    def _new_conn(self: Any) -> socket.socket:
        route = self.dialer.route
        connection: socket.socket = self.dialer.connect(self._dns_host, self.port)
        route.phase = Phase.PROXY_TLS if route.forwarding else Phase.TLS
        return connection

    def _connect_tls_proxy(self: Any, host: str, connection: socket.socket) -> Any:
        """Return *connection* with TLS to the proxy *host*, whose name urllib3 1.26 ignores."""
        self.dialer.route.phase = Phase.PROXY_TLS
        context = self.proxy_config.ssl_context
        checked, context.check_hostname = context.check_hostname, bool(context.verify_mode)
        wrapped = context.wrap_socket(connection, server_hostname=host)
        context.check_hostname = checked
        return wrapped

    def _tunnel(self) -> None:
        self.dialer.route.phase = Phase.PROXY_REPLY
        super()._tunnel()  # type: ignore[misc]
        self.dialer.route.phase = Phase.TLS

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.dialer.connection = self.sock
        self.dialer.route.phase = Phase.WAITING


class Adapter(requests.adapters.HTTPAdapter):
    """Connects by *dialer*, along its route, and verifies with *context* alone."""

    def __init__(self, dialer: Dialer, context: Any) -> None:
        old = urllib3.__version__.startswith("1.")  # type: ignore[attr-defined]
        if old and context is not None:
            # urllib3 1.26 hides an IP address from ssl, so it has to compare all names itself
            context.check_hostname = False
        self._context = context
        self._dialer = dialer
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
        proxy = self._dialer.route.proxy_url
        if proxy:
            contexts = {"ssl_context": self._context, "proxy_ssl_context": self._context}
            manager = self.proxy_manager_for(proxy, **contexts)
        pool = manager.connection_from_url(url)
        classes = (_Dialed, type(pool).ConnectionCls)
        pool.ConnectionCls = type("Connection", classes, {"dialer": self._dialer})
        return pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the verification to the context: requests would add certifi's bundle to it."""
