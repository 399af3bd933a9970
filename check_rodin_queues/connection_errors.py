"""Why there is no response: exceptions of requests, urllib3, ssl and socket in our own words.

The types mislead (urllib3's name resolution error derives from its connect timeout), and the texts
can quote the server. So the chain of causes is searched for the one that says what happened, and
the table here has the words.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from check_rodin_queues.connections import BAD_PROXY, Phase, Route
from check_rodin_queues.errors import RequestError

if TYPE_CHECKING:
    import ssl

_Words = tuple[str, str]

#: {where} is the peer, {option} is where its name was given, and {variable} names the proxy.
_UNTRUSTED = (
    "untrusted TLS certificate on {where}: unknown CA or missing intermediate",
    "Pass the CA with --ca-file, or send the full chain",
)
_WRONG_NAME = (
    "TLS certificate name mismatch on {where}",
    "Use a host name from the certificate in {option}, or reissue it",
)
#: OpenSSL's X509_V_ERR_* codes; of any other its own text is shown.
CERTIFICATE_ERRORS: dict[int, _Words] = {
    **dict.fromkeys((2, 7, 19, 20, 21), _UNTRUSTED),
    9: ("TLS certificate on {where} is not yet valid", "Check the clocks of both hosts"),
    10: (
        "expired TLS certificate on {where}, or expired CA",
        "Renew it on the server; if the CA changed, update --ca-file",
    ),
    18: (
        "self-signed TLS certificate on {where}",
        "Pass it with --ca-file, or install a CA-signed one",
    ),
    **dict.fromkeys((62, 64), _WRONG_NAME),
}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_CHECK_PEER = "Check the server's log, and --client-cert if it requires a client certificate"
_CHECK_PROXY = "Check {variable}, or add the server to NO_PROXY"
_CHECK_ROUTE = "Check firewalls and routing to {peer}"
_TLS_PORT = "If it is a TLS port, use https:// in -H"
CHECK_LOG = "Check the log of the server or its gateway"
#: The first exception of the chain that is here decides.
_BY_TYPE: tuple[tuple[type[BaseException], _Words], ...] = (
    (urllib3.exceptions.LocationParseError, BAD_PROXY),
    (http.client.InvalidURL, BAD_PROXY),
    (UnicodeError, BAD_PROXY),  # no such host name can be resolved
    (CertificateError, _WRONG_NAME),  # of urllib3 1.26
    (
        http.client.IncompleteRead,
        ("{where} closed the connection in the middle of the response", CHECK_LOG),
    ),
    (http.client.LineTooLong, ("{where} sent a header line that is too long", CHECK_LOG)),
    (urllib3.exceptions.InvalidHeader, ("{where} sent an invalid header", CHECK_LOG)),
)

_NO_HANDSHAKE = "no TLS handshake with {where} within {timeout:g} s"
#: What a timeout says in each phase.
_TIMEOUTS: dict[str, _Words] = {
    Phase.RESOLVING: (
        "DNS did not resolve {host} within {timeout:g} s",
        "Check DNS on the monitoring host",
    ),
    Phase.CONNECTING: ("no TCP connection to {where} within {timeout:g} s", _CHECK_ROUTE),
    Phase.PROXY_TLS: (_NO_HANDSHAKE, "Check whether the proxy needs http:// in {variable}"),
    Phase.PROXY_REPLY: ("no reply from {where} to CONNECT within {timeout:g} s", _CHECK_PROXY),
    Phase.TLS: (_NO_HANDSHAKE, "Check the port, and the server's load"),
    Phase.WAITING: (
        "connected to {where}, but no response within {timeout:g} s",
        "Check the server's load, or raise -t",
    ),
    Phase.READING: (
        "response from {where} incomplete after {timeout:g} s",
        "Check the server's load and the network",
    ),
}


def timed_out(route: Route, timeout: float) -> RequestError:
    """Return the error for a request whose time ended."""
    cause, next_step = _TIMEOUTS[route.phase]
    if route.phase == Phase.WAITING and route.forwarding:
        cause = "connected to proxy {proxy}, but no response from {address} within {timeout:g} s"
        next_step = "Check the proxy and the server's load, or raise -t"
    return _error("timeout", (cause, next_step), route, timeout)


def explain(error: BaseException, route: Route) -> RequestError:
    """Return what *error* of a request means."""
    return _error("unreachable", _words(_causes(error), route), route)


def _error(condition: str, words: _Words, route: Route, timeout: float = 0) -> RequestError:
    """Return the error with *words* whose braces are filled."""
    facts = {
        "where": route.peer,
        "host": f"proxy {route.proxy}" if route.proxy else route.server.host,
        "address": route.server.address,
        "proxy": route.proxy,
        "peer": "the proxy" if route.to_proxy else "the server",
        "option": route.variable if route.to_proxy else "-H",
        "variable": route.variable,
        "timeout": timeout,
    }
    cause, next_step = words
    return RequestError(condition, cause.format(**facts), next_step.format(**facts))


def _words(causes: list[BaseException], route: Route) -> _Words:
    import ssl  # noqa: PLC0415 — plain HTTP needs it only for an error

    certificate = _first(causes, ssl.SSLCertVerificationError)
    if certificate is not None:
        reason = re.sub(r"[{}]", "", certificate.verify_message)
        other = f"rejected TLS certificate on {{where}}: {reason}", "Replace it on the server"
        return CERTIFICATE_ERRORS.get(certificate.verify_code, other)
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        cause, next_step = _tls_words(tls)
        return cause, _CHECK_PROXY if route.proxy and route.phase == Phase.TLS else next_step
    if _first(causes, socket.gaierror):
        return _resolve_words(route)
    by_type = (words for kind, words in _BY_TYPE if _first(causes, kind))
    return next(by_type, None) or _connection_words(causes, route)


def _connection_words(causes: list[BaseException], route: Route) -> _Words:
    refused = re.search(r"Tunnel connection failed: ([1-5][0-9]{2})\b", " ".join(map(str, causes)))
    if refused:
        cause = f"proxy {{proxy}} refused the connection to {{address}}: HTTP {refused[1]}"
        is_login = refused[1] == "407"
        return cause, "Check USER:PASSWORD@ in {variable}" if is_login else _CHECK_PROXY
    cause, next_step = _broken_words(causes, route)
    from_proxy = route.to_proxy or (route.forwarding and next_step != CHECK_LOG)
    return cause, _CHECK_PROXY if from_proxy else next_step


def _broken_words(causes: list[BaseException], route: Route) -> _Words:
    plain = route.server.scheme == "http"
    if _first(causes, http.client.RemoteDisconnected):
        next_step = _TLS_PORT if plain else _CHECK_PEER
        return "{where} closed the connection without a response", next_step
    protocol = _first(causes, http.client.HTTPException)
    if protocol is not None and "headers" in str(protocol):
        return "{where} sent more than 100 header lines", CHECK_LOG
    numbers = (cause.errno for cause in causes[::-1] if isinstance(cause, OSError) and cause.errno)
    number = next(numbers, None)
    if protocol is not None or number is None:
        next_step = f"Check the port{', and whether it needs https://' if plain else ' in -H'}"
        return "{where} did not send a valid HTTP response", next_step
    was_connected = route.phase not in (Phase.RESOLVING, Phase.CONNECTING)
    if was_connected and number in (errno.ECONNRESET, errno.EPIPE):
        return "{where} reset the connection", _TLS_PORT if plain else _CHECK_PEER
    is_refused = number == errno.ECONNREFUSED
    next_step = "Check that Rodin is running, and the port" if is_refused else _CHECK_ROUTE
    return f"cannot connect to {{where}}: {os.strerror(number).lower()}", next_step


def _tls_words(error: ssl.SSLError) -> _Words:
    reason = (error.reason or "").upper()
    if any(name in reason for name in _NO_TLS):
        next_step = "Check the port; for plain HTTP, use http:// in {option}"
        return "{where} does not speak TLS", next_step
    next_step = "Check --client-cert: the server may require a client certificate, or reject it"
    if "PROTOCOL" in reason:  # PROTOCOL_VERSION, UNSUPPORTED_PROTOCOL
        next_step = "Enable TLS 1.2 on the server"
    elif "UNRECOGNIZED_NAME" in reason:
        next_step = "Use a host name from the certificate in {option}"
    if "EOF" in str(error):
        reason = "CONNECTION_CLOSED"  # OpenSSL 1.1.1 gives no reason
    detail = re.sub("^(SSL|TLS)V[0-9]+_(ALERT_)?", "", reason).lower().replace("_", " ")
    return f"TLS handshake with {{where}} failed{detail and f': {detail}'}", next_step


def _resolve_words(route: Route) -> _Words:
    family = route.server.family
    cause = f"cannot resolve host name {'of ' if route.proxy else ''}{{host}}"
    if family:
        return f"{cause} to an IPv{family} address", f"Check DNS, or remove -{family}"
    return cause, _CHECK_PROXY if route.proxy else "Check -H, and DNS on the monitoring host"


def _first(causes: list[BaseException], kind: type[BaseException]) -> Any:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _causes(error: BaseException) -> list[BaseException]:
    """Return *error* and what it was made from, by its arguments and by its context."""
    causes = [error]
    for cause in causes:  # it grows on the way
        linked = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        errors = (link for link in linked if isinstance(link, BaseException))
        causes += [link for link in errors if link not in causes]
    return causes
