"""What this check adds to requests: a token that stays here, and a strict reader."""

from __future__ import annotations

from typing import Any, Sequence

import requests
import requests.adapters
import requests.auth
import urllib3
import urllib3.connection
import urllib3.exceptions

from check_rodin_queues.tokens import Token
from check_rodin_queues.wire import Response


class Bearer(requests.auth.AuthBase):
    """Puts the token into the request. requests then leaves `~/.netrc` alone."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self._token.authorization()
        return request


class _Connection(urllib3.connection.HTTPConnection):
    response_class = Response


class _SecureConnection(urllib3.connection.HTTPSConnection):
    response_class = Response

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        """Tell a failure of TLS with the proxy apart, as urllib3 before 2 does not."""
        try:
            return super()._connect_tls_proxy(*args, **kwargs)
        except Exception as error:
            raise urllib3.exceptions.ProxyError("TLS with the proxy failed", error) from error


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(requests.adapters.HTTPAdapter):
    """Makes its connections, direct or through a proxy, with the classes above.

    *folders*: where these hold the CAs, *verify* is the first of them: requests takes one only.
    """

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self._folders = folders
        super().__init__()

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Prepare *conn* for TLS."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if self._folders:
            conn.ca_cert_dir = ":".join(self._folders)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _with_own_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pools of connections through a proxy."""
        return _with_own_pools(super().proxy_manager_for(*args, **kwargs))


def _with_own_pools(manager: Any) -> Any:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
