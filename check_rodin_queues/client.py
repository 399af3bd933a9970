"""The request: GET the queue status, and turn the response into bytes or a RequestError.

Nothing is followed, repeated or stored. The time limit is not enforced here: `watchdog` ends a run
that hangs in the resolver, in a handshake or in a body that drips.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import time
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from check_rodin_queues import __version__
from check_rodin_queues.connection_errors import CHECK_LOG, explain
from check_rodin_queues.connections import Adapter, Phase, find_route
from check_rodin_queues.errors import RequestError
from check_rodin_queues.messages import duration
from check_rodin_queues.output import DEBUG, REQUEST, Notes
from check_rodin_queues.response import MAX_BYTES, invalid, too_large
from check_rodin_queues.server import DEFAULT_PORTS, Server
from check_rodin_queues.token import Token

if TYPE_CHECKING:
    from check_rodin_queues.watchdog import Watchdog

#: requests wraps most errors in an OSError of its own, but not all.
_CAUGHT = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
#: How much -vvv shows of a body, a header and an error, in characters.
_SHOWN_BODY, _SHOWN_HEADER, _SHOWN_ERROR = 2000, 400, 1000
#: How much of an error's body is read, in bytes, and for how long, in seconds.
_ERROR_BODY, _ERROR_BODY_TIME = 64 * 1024, 1.0
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_NO_COMPRESSION = "Disable compression on the gateway"
_NO_API = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE)
_FROM_GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_CHECK_URL = "Check host, port and path prefix in -H"
#: Next steps for plain HTTP, which a proxy forwards.
_CHECK_PROXY = "Check the proxy, or add the server to NO_PROXY"
_LOGIN = r"login|sign.?in|\b(auth|oauth2?|saml2?|sso|idp)\b"


class Client:
    """Asks one server for its queue status.

    *failure* is an error that is decided while the response is still read for -vvv.
    """

    def __init__(
        self, server: Server, token: Token, context: Any, watchdog: Watchdog, notes: Notes
    ) -> None:
        """*context* is an SSLContext, None if no connection needs TLS. Raises RequestError."""
        self.route = find_route(server)
        self.failure: Optional[RequestError] = None
        self._token = token
        self._notes = notes
        self._adapter = Adapter(self.route, context, watchdog, notes)
        if self.route.proxy:
            notes.add(REQUEST, f"proxy: {self.route.proxy}")

    def get(self) -> bytes:
        """Return the decoded body, of at most MAX_BYTES; raises RequestError."""
        try:
            with self._send() as response:
                self.route.phase = Phase.READING
                if response.status_code == HTTPStatus.OK:
                    return self._body(response)
                self.failure = self._refusal(response)
                if self._notes.shows(DEBUG):
                    self._debug_body(self._error_body(response))
        except _CAUGHT as error:
            # repr doubles backslashes, and so would conceal an escaped token
            self._debug("error", repr(error).replace("\\\\", "\\"), _SHOWN_ERROR)
            raise explain(error, self.route) from None
        raise self.failure

    def _send(self) -> requests.Response:
        """Send by the adapter: a session would follow redirects and read `~/.netrc`."""
        server = self.route.server
        self._notes.add(REQUEST, f"request: GET {server.url}")
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": self._token.authorization,
            "Connection": "close",
            "User-Agent": f"check_rodin_queues/{__version__}",
        }
        # prepare() would parse the URL again
        request = requests.PreparedRequest()
        request.prepare_method("GET")
        request.prepare_headers(headers)
        request.url = server.url
        proxies = {server.scheme: self.route.proxy_url}
        response = self._adapter.send(request, stream=True, proxies=proxies)
        self._notes.add(REQUEST, f"response: HTTP {response.status_code}")
        for name, value in response.headers.items():
            self._debug("header", f"{name}: {value}", _SHOWN_HEADER)
        return response

    def _body(self, response: requests.Response) -> bytes:
        source = f"{self.route.peer} sent"
        raw = response.raw.read(MAX_BYTES + 1, decode_content=False)
        if len(raw) > MAX_BYTES:
            raise too_large(source)
        # urllib3 1.26 does not compare the length, and http.client accepts truncated headers
        has_body = any(name in response.headers for name in ("Content-Length", "Transfer-Encoding"))
        if response.raw.length_remaining or not (raw or has_body):
            raise http.client.IncompleteRead(raw)
        body = _decompress(raw, response.headers.get("Content-Encoding", "").lower(), source)
        self._notes.add(REQUEST, f"response: {len(body)} bytes")
        self._debug_body(body)
        return body

    def _error_body(self, response: requests.Response) -> bytes:
        """Read what comes within _ERROR_BODY_TIME: a gateway can keep the connection open."""
        body, end = bytearray(), time.monotonic() + _ERROR_BODY_TIME
        connection = self._adapter.connection
        connection.settimeout(_ERROR_BODY_TIME)
        with contextlib.suppress(Exception):  # what came is shown
            # single bytes: a read that is not full when the time is over is lost
            for part in response.raw.stream(1, decode_content=True):
                body += part
                left = end - time.monotonic()
                if len(body) >= _ERROR_BODY or left <= 0:
                    break
                connection.settimeout(left)
        return bytes(body)

    def _debug_body(self, body: bytes) -> None:
        self._debug("body", body.decode("utf-8", "replace"), _SHOWN_BODY)

    def _debug(self, name: str, text: str, size: int) -> None:
        """Note *text* from the server for -vvv, redacted before it is truncated."""
        if self._notes.shows(DEBUG):
            shown = self._token.redact(text)[:size]
            self._notes.add(DEBUG, f"{name}: {' '.join(shown.split())}")

    def _refusal(self, response: requests.Response) -> RequestError:
        """Return the error for a response whose status is not 200."""
        status, forwarding = response.status_code, self.route.forwarding
        # the standard phrase: the server's own could say anything
        phrase = f"HTTP {status} {http.client.responses.get(status, '')}".rstrip()
        said = phrase + (f" through proxy {self.route.proxy}" if forwarding else "")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._rejected_token(status, said)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = response.headers.get("Retry-After", "")
            if re.fullmatch(r"[0-9]{1,7}", wait):
                said += f", retry after {duration(int(wait))}"
            return RequestError("throttled", said, "Increase check_interval")
        if status // 100 == 5:  # noqa: PLR2004
            next_step = _CHECK_PROXY if forwarding else CHECK_LOG
            if status in _FROM_GATEWAY and not forwarding:
                next_step = "Check whether Rodin is running behind the gateway"
            cause = f"{phrase} from {self.route.peer}"
            return RequestError("unreachable", cause, next_step)
        if status // 100 == 3 and response.headers.get("Location"):  # noqa: PLR2004
            return self._redirect(said, response.headers["Location"])
        cause, next_step = "", "Run with -vvv to see the response"
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            by_gateway = "a gateway", "Check the gateway in front of the server"
            by_proxy = "the proxy", f"Check USER:PASSWORD@ in {self.route.variable}"
            who, next_step = by_proxy if forwarding else by_gateway
            cause = f": {who} requires a login"
        elif status == HTTPStatus.BAD_REQUEST and self.route.server.scheme == "http":
            next_step = "If it is a TLS port, use https:// in -H"
        elif status in _NO_API:
            cause, next_step = ": no Rodin API at this URL", _CHECK_URL
        return invalid(said + cause, next_step)

    def _rejected_token(self, status: int, said: str) -> RequestError:
        token = self._token
        left = token.seconds_left(time.time())
        next_step = f"Replace it in {token.place}"
        if left is not None and left < 0:
            cause = f"the API token expired {duration(-left)} ago"
        elif not token.is_well_formed:
            cause = "the API token does not look like a bearer token"
            next_step = f"Write the token alone in {token.place}, without quotes or a name"
        elif self.route.forwarding:
            cause = "the server or the proxy rejected the request"
            next_step = f"Check the API token in {token.place}, or add the server to NO_PROXY"
        elif status == HTTPStatus.FORBIDDEN:
            cause = "the API token is not allowed to read the queue status"
            next_step = "Check its permissions in Rodin, or the gateway in front"
        else:
            cause = "the server rejected the API token"
        return RequestError("auth", f"{said}: {cause}", next_step)

    def _redirect(self, said: str, location: str) -> RequestError:
        """Return the error for a redirect; it names the target without what could be a secret."""
        url = self.route.server.url
        try:
            own, target = urlsplit(url), urlsplit(urljoin(url, self._token.redact(location)))
            ports = [parts.port or DEFAULT_PORTS.get(parts.scheme) for parts in (own, target)]
        except ValueError:
            return invalid(f"{said}: invalid redirect", _CHECK_URL)
        same_host = target.hostname == own.hostname
        address = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
        same_server = same_host and ports[0] == ports[1]
        where, next_step = f"{'' if same_server else address}{target.path}"[:60], _CHECK_URL
        if same_host and (own.scheme, target.scheme) == ("http", "https"):
            next_step = "Use https:// in -H"
        elif same_server and target.path.rstrip("/") == own.path:
            where = f"the same path{' with a slash' if target.path.endswith('/') else ''}"
            next_step = "Correct the gateway's rule for trailing slashes and HTTPS"
        elif not same_host or re.search(_LOGIN, target.path, re.IGNORECASE):
            where = f"{'a login page' if same_host else 'another host'}, {where}"
            next_step = "Check the token and the gateway's rule for this path"
        return invalid(f"{said}: redirected to {where}", next_step)


def _decompress(raw: bytes, encoding: str, source: str) -> bytes:
    """Undo *encoding* within MAX_BYTES. No encoding is usual: identity was requested."""
    if encoding in ("", "identity"):
        return raw
    if encoding not in _COMPRESSED:
        raise invalid(f"{source} an unknown Content-Encoding", _NO_COMPRESSION)
    try:
        reader = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib
        body = reader.decompress(raw, MAX_BYTES + 1)
    except zlib.error:
        raise invalid(f"{source} an invalid {encoding} body", _NO_COMPRESSION) from None
    if len(body) > MAX_BYTES:
        raise too_large(source)
    if not reader.eof or reader.unused_data:
        raise invalid(f"{source} an incomplete {encoding} body", _NO_COMPRESSION)
    return body
