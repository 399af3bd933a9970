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
import ssl
from typing import Dict, Iterator, List, Optional, Tuple, Type, TypeVar

import requests
import urllib3.exceptions

from check_rodin_queues.errors import RequestError
from check_rodin_queues.progress import (
    CONNECTING,
    PROXY_REPLY,
    PROXY_TLS,
    READING,
    RESOLVING,
    TLS,
    WAITING,
    Route,
)

_Words = Tuple[str, str]

#: OpenSSL's X509_V_ERR_* codes. {where} is the peer, {option} is where its name was given.
_UNTRUSTED = (
    "untrusted TLS certificate on {where}: unknown CA or missing intermediate",
    "Pass the CA with --ca-file, or send the full chain",
)
_WRONG_NAME = (
    "TLS certificate name mismatch on {where}",
    "Use a host name from the certificate in {option}, or reissue it",
)
_WEAK = ("weak key or signature in the TLS certificate of {where}, or its CA", "Reissue it")
_BAD_CA = (
    "TLS certificate on {where} issued by a CA that is not allowed to issue it",
    "Reissue it with a valid CA",
)
CERTIFICATE_ERRORS: Dict[int, _Words] = {
    2: (
        "untrusted TLS certificate on {where}: incomplete chain",
        "Pass the whole chain, up to the root, with --ca-file",
    ),
    7: (
        "untrusted TLS certificate on {where}: not signed by the CA of this name",
        "Pass the current CA certificate with --ca-file",
    ),
    9: (
        "TLS certificate on {where}, or its CA, is not yet valid",
        "Check the clocks of both hosts",
    ),
    10: (
        "expired TLS certificate on {where}, or expired CA",
        "Renew it on the server; if the CA changed, update --ca-file",
    ),
    18: (
        "self-signed TLS certificate on {where}",
        "Pass it with --ca-file, or install a CA-signed one",
    ),
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: ("revoked TLS certificate on {where}", "Reissue it"),
    24: _BAD_CA,
    25: _BAD_CA,
    26: (
        "TLS certificate on {where} is not for servers (wrong key usage)",
        "Reissue it for server authentication",
    ),
    47: _BAD_CA,
    62: _WRONG_NAME,
    64: _WRONG_NAME,
    66: _WEAK,
    67: _WEAK,
    68: _WEAK,
    79: _BAD_CA,
}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_CLIENT_CERTIFICATE = (
    "The server may require a client certificate: check --client-cert and --client-key"
)
_PROXY_VARIABLES = "Check HTTPS_PROXY, or add the server to NO_PROXY"
BAD_PROXY = (
    "invalid proxy URL in the environment, expected http://HOST:PORT",
    "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
)
SOCKS_PROXY = ("SOCKS proxies are not supported", "Set HTTPS_PROXY to an HTTP proxy")
_TUNNEL_REFUSED = r"Tunnel connection failed: ([1-5][0-9]{2})\b"
_NOT_HTTP = (
    "{where} did not send a valid HTTP response",
    "Check the port, and whether it needs https://",
)
_CHECK_LOG = "Check the log of the server or its gateway"
#: The first exception of the chain that is here decides.
_BY_TYPE: Tuple[Tuple[Type[BaseException], _Words], ...] = (
    (requests.exceptions.InvalidProxyURL, BAD_PROXY),
    (urllib3.exceptions.LocationParseError, BAD_PROXY),
    (requests.exceptions.InvalidSchema, SOCKS_PROXY),
    (
        http.client.IncompleteRead,
        ("{where} closed the connection in the middle of the response", _CHECK_LOG),
    ),
    (http.client.LineTooLong, ("{where} sent a header line that is too long", _CHECK_LOG)),
)

#: What a timeout says in each phase.
_TIMEOUTS: Dict[str, _Words] = {
    RESOLVING: (
        "DNS did not resolve {host} within {timeout:g} s",
        "Check DNS on the monitoring host",
    ),
    CONNECTING: (
        "no TCP connection to {where} within {timeout:g} s",
        "Check firewalls and routing to {peer}",
    ),
    PROXY_TLS: (
        "no TLS handshake with {where} within {timeout:g} s",
        "Check whether the proxy needs http:// in HTTPS_PROXY",
    ),
    PROXY_REPLY: ("no reply from {where} to CONNECT within {timeout:g} s", _PROXY_VARIABLES),
    TLS: (
        "no TLS handshake with {where} within {timeout:g} s",
        "Check the port, and the server's load",
    ),
    WAITING: (
        "connected to {where}, but no response within {timeout:g} s",
        "Check the server's load, or raise -t",
    ),
    READING: (
        "response from {where} incomplete after {timeout:g} s",
        "Check the server's load and the network",
    ),
}


def unreachable(words: _Words) -> RequestError:
    """Return the error with these *words*."""
    return RequestError("unreachable", *words)


def timed_out(route: Route, phase: str, timeout: float) -> RequestError:
    """Return the error for a run whose time ended in *phase*."""
    cause, next_step = _TIMEOUTS[phase]
    where = route.peer(phase)
    facts = {
        "where": where,
        "host": route.proxy or route.server.host,
        "peer": "the proxy" if where.startswith("proxy ") else "the server",
        "timeout": timeout,
    }
    return RequestError("timeout", cause.format(**facts), next_step.format(**facts))


def explain(error: BaseException, route: Route, phase: str) -> RequestError:
    """Return what *error* of a request in *phase* means."""
    causes = list(_causes(error))
    where = route.peer(phase)
    cause, next_step = _words(causes, route, phase)
    option = "HTTPS_PROXY" if where.startswith("proxy ") else "-H"
    return unreachable((cause.format(where=where, option=option), next_step.format(option=option)))


def _words(causes: List[BaseException], route: Route, phase: str) -> _Words:
    certificate = _first(causes, ssl.SSLCertVerificationError)
    if certificate is not None:
        return CERTIFICATE_ERRORS.get(certificate.verify_code) or _other_certificate(certificate)
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        return _tls_words(tls)
    if _first(causes, socket.gaierror):
        return _resolve_words(route)
    by_type = (words for kind, words in _BY_TYPE if _first(causes, kind))
    return next(by_type, None) or _connection_words(causes, route, phase)


def _connection_words(causes: List[BaseException], route: Route, phase: str) -> _Words:
    refused = next(filter(None, (re.match(_TUNNEL_REFUSED, str(cause)) for cause in causes)), None)
    if refused:
        where = f"proxy {route.proxy} refused the connection to {route.server.address}"
        return f"{where}: HTTP {refused[1]}", _PROXY_VARIABLES
    if _first(causes, http.client.RemoteDisconnected):
        return _hang_up_words(route)
    protocol = _first(causes, http.client.HTTPException)
    if protocol is not None:
        too_many = "{where} sent more than 100 header lines", _CHECK_LOG
        return too_many if "headers" in str(protocol) else _NOT_HTTP
    numbers = (cause.errno for cause in causes[::-1] if isinstance(cause, OSError) and cause.errno)
    number = next(numbers, None)
    return _system_words(number, phase, bool(route.proxy)) if number else _NOT_HTTP


def _other_certificate(error: ssl.SSLCertVerificationError) -> _Words:
    reason = re.sub(r"[{}]", "", error.verify_message)
    return f"rejected TLS certificate on {{where}}: {reason}", "Reissue it"


def _tls_words(error: ssl.SSLError) -> _Words:
    reason = (error.reason or "").upper()
    if any(name in reason for name in _NO_TLS):
        return (
            "{where} does not speak TLS",
            "Check the port; for plain HTTP, use {option} http://HOST",
        )
    detail = f": {reason.rpartition('ALERT_')[2].lower().replace('_', ' ')}" if reason else ""
    if "PROTOCOL" in reason:  # PROTOCOL_VERSION, UNSUPPORTED_PROTOCOL
        return f"TLS handshake with {{where}} failed{detail}", "Enable TLS 1.2 on the server"
    if "UNRECOGNIZED_NAME" in reason:
        return (
            f"TLS handshake with {{where}} failed{detail}",
            "Use a host name from the certificate in {option}",
        )
    return f"TLS handshake with {{where}} failed{detail}", _CLIENT_CERTIFICATE


def _resolve_words(route: Route) -> _Words:
    if route.proxy:
        return f"cannot resolve host name of proxy {route.proxy}", _PROXY_VARIABLES
    host, family = route.server.host, route.server.family
    if family:
        return (
            f"cannot resolve host name {host} to an IPv{family} address",
            f"Check DNS, or remove -{family}",
        )
    return f"cannot resolve host name {host}", "Check -H, and DNS on the monitoring host"


def _hang_up_words(route: Route) -> _Words:
    next_step = f"Check the server's log. {_CLIENT_CERTIFICATE}"
    if route.server.scheme == "http":
        next_step = "If it is a TLS port, use https:// in {option}"
    return "{where} closed the connection without a response", next_step


def _system_words(number: int, phase: str, has_proxy: bool) -> _Words:
    reason = os.strerror(number).lower()
    if number in (errno.ECONNRESET, errno.EPIPE) and phase not in (RESOLVING, CONNECTING):
        return "{where} reset the connection", f"Check the server's log. {_CLIENT_CERTIFICATE}"
    next_step = "Check that Rodin is running, and the port"
    if has_proxy:
        next_step = _PROXY_VARIABLES
    elif number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT):
        next_step = "Check the routing and the firewalls to the server"
    return f"cannot connect to {{where}}: {reason}", next_step


_E = TypeVar("_E", bound=BaseException)


def _first(causes: List[BaseException], kind: Type[_E]) -> Optional[_E]:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it was made from, by its arguments and by its context, once each."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        linked = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        waiting += (link for link in linked if isinstance(link, BaseException))
