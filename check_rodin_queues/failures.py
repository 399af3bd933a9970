"""Why there is no answer: from the exceptions of requests, urllib3, ssl and socket to one sentence.

Their types mislead (urllib3's "name not resolved" derives from its connect timeout) and their texts
quote what a server sent. So the chain of causes is searched for the one that says what happened,
and the words are this module's own.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from typing import Iterator, List, Optional, Tuple, Type, TypeVar

import requests
import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from check_rodin_queues.answer import invalid
from check_rodin_queues.errors import AnswerError, CheckError, ConfigError
from check_rodin_queues.labels import printable
from check_rodin_queues.server import Server
from check_rodin_queues.trust import Trust, loadable, unreadable_store
from check_rodin_queues.wire import OnlyInterim, phrase

_TRUST_HELP = "Give its CA with --ca-file"
_RENEW = "Renew it on {peer}"
_SERVER_TERMS = ("the server", "the host in -H")
_PROXY_TERMS = ("the proxy", "the proxy in HTTPS_PROXY or ALL_PROXY")
_WRONG_NAME, _WRONG_ADDRESS = 62, 64
#: OpenSSL's X509_V_ERR_* codes: what is wrong with the certificate, and which option helps. {peer}
#: is whose certificate it is, {named} where its name was given.
CERTIFICATE_FAULTS = {
    2: (
        "a CA above its issuer is not trusted or missing",
        "Give the whole chain, up to the root, with --ca-file",
    ),
    7: (
        "its signature is not by the CA that is trusted under this name",
        "Give its CA's present certificate with --ca-file",
    ),
    9: ("it or a CA above it is not yet valid", "Check the clocks of both hosts"),
    10: (
        "it or a CA above it has expired",
        "Renew it on {peer}, or give its CA's new certificate with --ca-file",
    ),
    18: ("it is self-signed", _TRUST_HELP),
    19: ("its CA is not trusted: self-signed certificate in the chain", _TRUST_HELP),
    20: (
        "its issuer is not trusted or an intermediate is missing",
        "Give its CA with --ca-file, or let {peer} send the whole chain",
    ),
    21: (
        "its issuer is not trusted or an intermediate is missing",
        "Give its CA with --ca-file, or let {peer} send the whole chain",
    ),
    23: ("it is revoked", _RENEW),
    24: ("its CA is not allowed to sign certificates", "Issue it by a real CA"),
    25: ("its chain is longer than a CA in it allows", "Issue it by a CA that may"),
    26: ("it is not meant for a server (wrong key usage)", "Issue one for server authentication"),
    _WRONG_NAME: (
        "it is not valid for this host name",
        "Name {named} as one of its subjectAltNames does",
    ),
    _WRONG_ADDRESS: (
        "it is not valid for this IP address",
        "Name {named} as one of its subjectAltNames does",
    ),
    47: ("a CA in its chain may not issue for this name", "Issue it by a CA that may"),
    66: ("its key is too weak", _RENEW),
    67: ("the key of its CA is too weak", "Renew the CA"),
    68: ("its signature is too weak", _RENEW),
    79: ("its CA certificate is invalid", "Issue it by a real CA"),
}
#: Those of X509_V_FLAG_X509_STRICT, which Python sets from 3.13 on: older tools made such ones.
_FORMAL_FAULTS = range(80, 95)
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
#: Parts of the names of alerts by which a server refuses the client's certificate, or its absence.
_REFUSES_CLIENT = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
#: Parts of the reasons that have an advice of their own.
_TLS_HELP = (
    ("UNRECOGNIZED_NAME", "Name the host in -H as its certificate does"),
    ("PROTOCOL", "Let the server speak TLS 1.2 or newer"),  # PROTOCOL_VERSION, UNSUPPORTED_PROTOCOL
)
_CLIENT_HELP = "If it asks for a client certificate, check --client-cert and --client-key"
_LEFT = "See the server's log; it may want --client-cert"
_LEFT_IN_PLAIN = "See the server's log; if it speaks TLS, say https:// in -H"
#: A proxy whose address requests cannot use.
BAD_PROXY = (
    "the proxy that the environment names is no http://HOST:PORT",
    "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
)
#: A proxy that speaks no HTTP: the reader of `wire` would not stand behind it.
OTHER_PROXY = ("{where}: the proxy is of a kind that is not supported", "Name an HTTP proxy")
_PROXY_HELP = "Check the proxy, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
#: What http.client says of an answer to CONNECT.
_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: ([1-5][0-9]{2})\b")
_NO_HTTP = ("{where} does not speak proper HTTP", "Check the port, and whether it is https://")
#: What an exception means: the first that is among the causes decides.
_KINDS: Tuple[Tuple[Type[BaseException], str, str], ...] = (
    (
        socket.gaierror,
        "cannot resolve the name in {where}",
        "Check the name in -H and the DNS of this host",
    ),
    (requests.exceptions.InvalidProxyURL, *BAD_PROXY),
    (urllib3.exceptions.LocationParseError, *BAD_PROXY),  # -H has been looked at before
    (requests.exceptions.InvalidSchema, *OTHER_PROXY),
    (
        http.client.RemoteDisconnected,
        "{where} closed the connection without an answer",
        _LEFT,
    ),
    (
        http.client.IncompleteRead,
        "the transfer broke: the answer of {where} is cut",
        "See the log of the server or of its gateway",
    ),
    (http.client.HTTPException, *_NO_HTTP),
    (urllib3.exceptions.InvalidHeader, *_NO_HTTP),
)
_E = TypeVar("_E", bound=BaseException)


def explain(error: BaseException, server: Server, trust: Optional[Trust]) -> CheckError:
    """Return what *error* of a request means: usually an AnswerError of condition `unreachable`.

    A store that OpenSSL cannot read shows only here, as a ConfigError.
    """
    causes = list(_causes(error))
    certificate = _first(causes, ssl.SSLCertVerificationError)
    if trust and certificate is None and _first(causes, ssl.SSLError) and not loadable(trust):
        return ConfigError(unreadable_store(trust.origin))
    where = server.address
    proxied = _first(causes, urllib3.exceptions.ProxyError) or _first(
        causes, requests.exceptions.ProxyError
    )
    if proxied:
        where = f"the proxy for {where}"
    if certificate is not None:
        said = printable(certificate.verify_message)
        return _certificate(certificate.verify_code, said, where, bool(proxied))
    if _first(causes, CertificateError):  # urllib3 before 2 compares the names itself
        code = _WRONG_ADDRESS if server.is_address and not proxied else _WRONG_NAME
        return _certificate(code, "", where, bool(proxied))
    interim = _first(causes, OnlyInterim)
    if interim is not None:
        only = f"HTTP {interim.status}, an interim answer, with no other one behind it"
        return AnswerError("invalid", f"{only}. Check -H, its port and its path prefix")
    if _first(causes, urllib3.exceptions.DecodeError):
        return invalid("its Content-Encoding is not one that can be read")
    cause, advice = _cause(causes, where)
    if advice == _LEFT and server.scheme == "http":
        advice = _LEFT_IN_PLAIN
    return unreachable(cause, _PROXY_HELP if proxied else advice)


def unreachable(cause: str, advice: str) -> AnswerError:
    """Return the error for a server that gave no answer."""
    return AnswerError("unreachable", f"{cause}. {advice}")


def _causes(error: BaseException, depth: int = 0) -> Iterator[BaseException]:
    """Give *error* and all that it was made from, wherever the libraries keep it."""
    yield error
    inner = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
    for cause in inner if depth < 8 else []:  # noqa: PLR2004 — deeper than any chain seen
        if isinstance(cause, BaseException):
            yield from _causes(cause, depth + 1)


def _first(causes: List[BaseException], kind: Type[_E]) -> Optional[_E]:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _certificate(code: int, said: str, where: str, of_proxy: bool) -> AnswerError:
    """Return the error for a certificate by OpenSSL's *code* of it, and what else is *said*."""
    fault, advice = CERTIFICATE_FAULTS.get(code, (said, _RENEW))
    peer, named = _PROXY_TERMS if of_proxy else _SERVER_TERMS
    if code in _FORMAL_FAULTS:
        fault = f"it or its CA breaks RFC 5280, on which this Python insists: {said}"
        advice = "Issue it anew by a new CA made with a current tool"
    advice = advice.format(peer=peer, named=named)
    return unreachable(f"the certificate of {where} is refused: {fault}", advice)


def _cause(causes: List[BaseException], where: str) -> Tuple[str, str]:
    """Return the cause and the advice for what is not a certificate."""
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        return _tls(tls, where)
    for cause in causes:
        refused = _REFUSED_BY_PROXY.match(str(cause))
        if refused:
            status = int(refused[1])
            return f"{where} refuses the connection: HTTP {status}{phrase(status)}", _PROXY_HELP
    for kind, words, advice in _KINDS:
        if _first(causes, kind):
            return words.format(where=where), advice
    return _system(causes, where)


def _tls(error: ssl.SSLError, where: str) -> Tuple[str, str]:
    reason = (error.reason or "").upper()
    if any(name in reason for name in _NO_TLS):
        return f"{where} does not speak TLS", "Check the port; for plain HTTP say -H http://HOST"
    _, alert, refusal = reason.rpartition("ALERT_")
    detail = f": {(refusal or reason).lower().replace('_', ' ')}" if reason else ""
    for part, advice in _TLS_HELP:
        if part in reason:
            return f"the TLS connection to {where} failed{detail}", advice
    if alert and any(name in refusal for name in _REFUSES_CLIENT):
        return f"{where} refused the TLS handshake{detail}", _CLIENT_HELP
    return f"the TLS connection to {where} failed{detail}", f"See its log. {_CLIENT_HELP}"


def _system(causes: List[BaseException], where: str) -> Tuple[str, str]:
    """Return the words of the operating system's error, or at least the exception's name."""
    for cause in reversed(causes):
        number = getattr(cause, "errno", None)
        if isinstance(number, int) and number > 0:
            advice = "Check that the server is up, and the port"
            if number == errno.ECONNRESET:
                advice = _LEFT
            return f"{os.strerror(number).lower()}: {where}", advice
    return f"{where}: {type(causes[-1]).__name__}", "Check -H, and run with -vvv"
