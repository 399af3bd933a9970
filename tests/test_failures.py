"""What an exception of a request means, also where no server of the tests can bring it about."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from typing import Dict, Optional, Tuple

import pytest
import requests
import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from check_rodin_queues.errors import AnswerError
from check_rodin_queues.failures import explain
from check_rodin_queues.server import parse_server
from check_rodin_queues.trust import Trust
from check_rodin_queues.wire import OnlyInterim

SERVER = parse_server("rodin.example:8443", None, "-H")
ADDRESS = parse_server("10.0.0.1", None, "-H")
WHERE = "rodin.example:8443"
TRUST = Trust(None, "certifi's bundle")

RENEW = "Renew it on the server"
GIVE = "Give its CA with --ca-file"
WHOLE = "Give its CA with --ca-file, or let the server send the whole chain"
MISSING = "its issuer is not trusted or an intermediate is missing"
NAME_IT = "Name the host in -H as one of its subjectAltNames does"
ANEW = "Issue it anew by a new CA made with a current tool"
REAL = "Issue it by a real CA"
MAY = "Issue it by a CA that may"

#: OpenSSL's codes of what is wrong with a certificate (X509_V_ERR_*, openssl-verification-options),
#: what is said of each, and what helps.
CERTIFICATES: Dict[int, Tuple[str, str]] = {
    1: ("as OpenSSL says", RENEW),
    2: (
        "a CA above its issuer is not trusted or missing",
        "Give the whole chain, up to the root, with --ca-file",
    ),
    3: ("as OpenSSL says", RENEW),
    7: (
        "its signature is not by the CA that is trusted under this name",
        "Give its CA's present certificate with --ca-file",
    ),
    8: ("as OpenSSL says", RENEW),
    9: ("it or a CA above it is not yet valid", "Check the clocks of both hosts"),
    10: (
        "it or a CA above it has expired",
        f"{RENEW}, or give its CA's new certificate with --ca-file",
    ),
    11: ("as OpenSSL says", RENEW),
    18: ("it is self-signed", GIVE),
    19: ("its CA is not trusted: self-signed certificate in the chain", GIVE),
    20: (MISSING, WHOLE),
    21: (MISSING, WHOLE),
    22: ("as OpenSSL says", RENEW),
    23: ("it is revoked", RENEW),
    24: ("its CA is not allowed to sign certificates", REAL),
    25: ("its chain is longer than a CA in it allows", MAY),
    26: ("it is not meant for a server (wrong key usage)", "Issue one for server authentication"),
    27: ("as OpenSSL says", RENEW),
    47: ("a CA in its chain may not issue for this name", MAY),
    62: ("it is not valid for this host name", NAME_IT),
    63: ("as OpenSSL says", RENEW),
    64: ("it is not valid for this IP address", NAME_IT),
    65: ("as OpenSSL says", RENEW),
    66: ("its key is too weak", RENEW),
    67: ("the key of its CA is too weak", "Renew the CA"),
    68: ("its signature is too weak", RENEW),
    69: ("as OpenSSL says", RENEW),
    78: ("as OpenSSL says", RENEW),
    79: ("its CA certificate is invalid", REAL),
    80: ("it or its CA breaks RFC 5280, on which this Python insists: as OpenSSL says", ANEW),
    94: ("it or its CA breaks RFC 5280, on which this Python insists: as OpenSSL says", ANEW),
    95: ("as OpenSSL says", RENEW),
}


def said(error: BaseException, trust: Optional[Trust] = TRUST) -> str:
    """Return what is said of *error*; its condition is `unreachable`."""
    found = explain(error, SERVER, trust)
    assert isinstance(found, AnswerError)
    assert found.condition == "unreachable"
    return str(found)


def refused(code: int) -> ssl.SSLCertVerificationError:
    """Return OpenSSL's error for a certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "as OpenSSL says"
    return error


@pytest.mark.parametrize("code", CERTIFICATES)
def test_each_fault_of_a_certificate_is_told_apart(code: int) -> None:
    fault, advice = CERTIFICATES[code]
    expected = f"the certificate of {WHERE} is refused: {fault}. {advice}"
    assert said(refused(code)) == expected
    assert (
        said(requests.exceptions.SSLError(urllib3.exceptions.SSLError(refused(code)))) == expected
    )


def test_the_certificate_of_a_proxy_is_called_so() -> None:
    error = urllib3.exceptions.ProxyError("no", refused(18))
    assert said(requests.exceptions.ProxyError(error)) == (
        f"the certificate of the proxy for {WHERE} is refused: it is self-signed. {GIVE}"
    )


def test_what_openssl_says_cannot_break_the_line() -> None:
    error = refused(1)
    error.verify_message = "a\nb\x1b[31m"
    assert "refused: a_b_[31m. Renew" in said(error)


@pytest.mark.parametrize(
    ("server", "kind"), [(SERVER, "this host name"), (ADDRESS, "this IP address")]
)
def test_a_wrong_name_that_urllib3_finds_is_told_apart(server: object, kind: str) -> None:
    """Version 1 compares the names itself."""
    error = urllib3.exceptions.SSLError(CertificateError("hostname does not match"))
    found = explain(error, server, TRUST)  # type: ignore[arg-type]
    assert str(found).endswith(f" is refused: it is not valid for {kind}. {NAME_IT}")


CLIENT = "If it asks for a client certificate, check --client-cert and --client-key"
LOG = f"See its log. {CLIENT}"
NO_TLS = f"{WHERE} does not speak TLS. Check the port; for plain HTTP say -H http://HOST"

#: Reasons that OpenSSL gives for a handshake that failed, and what is said.
REASONS = {
    "WRONG_VERSION_NUMBER": NO_TLS,
    "HTTP_REQUEST": NO_TLS,
    "RECORD_LAYER_FAILURE": NO_TLS,
    "PACKET_LENGTH_TOO_LONG": NO_TLS,
    "http_request": NO_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        f"{WHERE} refused the TLS handshake: certificate required. {CLIENT}"
    ),
    "SSLV3_ALERT_BAD_CERTIFICATE": f"{WHERE} refused the TLS handshake: bad certificate. {CLIENT}",
    "TLSV1_ALERT_UNKNOWN_CA": f"{WHERE} refused the TLS handshake: unknown ca. {CLIENT}",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        f"{WHERE} refused the TLS handshake: handshake failure. {CLIENT}"
    ),
    "TLSV1_ALERT_ACCESS_DENIED": f"{WHERE} refused the TLS handshake: access denied. {CLIENT}",
    "TLSV1_ALERT_INTERNAL_ERROR": (f"the TLS connection to {WHERE} failed: internal error. {LOG}"),
    "TLSV1_UNRECOGNIZED_NAME": (
        f"the TLS connection to {WHERE} failed: tlsv1 unrecognized name. "
        "Name the host in -H as its certificate does"
    ),
    "TLSV1_ALERT_PROTOCOL_VERSION": (
        f"the TLS connection to {WHERE} failed: protocol version. "
        "Let the server speak TLS 1.2 or newer"
    ),
    "UNSUPPORTED_PROTOCOL": (
        f"the TLS connection to {WHERE} failed: unsupported protocol. "
        "Let the server speak TLS 1.2 or newer"
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        f"the TLS connection to {WHERE} failed: certificate verify failed. {LOG}"
    ),
    "": f"the TLS connection to {WHERE} failed. {LOG}",
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("trust", [TRUST, None], ids=["verified", "insecure"])
def test_each_reason_of_a_handshake_is_told_apart(reason: str, trust: Optional[Trust]) -> None:
    error = ssl.SSLError(1, "failed")
    error.reason = reason
    assert said(requests.exceptions.SSLError(error), trust) == REASONS[reason]


def test_a_store_that_openssl_refuses_is_a_mistake_of_the_configuration() -> None:
    broken = Trust(__file__, "--ca-file")
    words = "--ca-file: the file's certificates cannot be read. It has to be PEM"
    assert str(explain(ssl.SSLError(1, "failed"), SERVER, broken)) == words
    assert "self-signed" in str(explain(refused(18), SERVER, broken))
    assert "refused" in str(explain(ConnectionRefusedError(errno.ECONNREFUSED, ""), SERVER, broken))


PROXY = f"the proxy for {WHERE}"
CHECK_PROXY = "Check the proxy, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"


def of_a_proxy(error: BaseException) -> BaseException:
    """Return what requests makes of *error* of a proxy."""
    return requests.exceptions.ProxyError(urllib3.exceptions.ProxyError("no", error))  # type: ignore[arg-type]


BAD_PROXY = (
    "the proxy that the environment names is no http://HOST:PORT. "
    "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
)
NO_HTTP = f"{WHERE} does not speak proper HTTP. Check the port, and whether it is https://"

#: Other exceptions, and what is said.
OTHERS: Dict[str, Tuple[BaseException, str]] = {
    "a name": (
        socket.gaierror(-2, "Name or service not known"),
        f"cannot resolve the name in {WHERE}. Check the name in -H and the DNS of this host",
    ),
    "the name of a proxy": (
        of_a_proxy(socket.gaierror(-2, "Name or service not known")),
        f"cannot resolve the name in {PROXY}. {CHECK_PROXY}",
    ),
    "refused": (
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        f"connection refused: {WHERE}. Check that the server is up, and the port",
    ),
    "refused by a proxy": (
        of_a_proxy(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")),
        f"connection refused: {PROXY}. {CHECK_PROXY}",
    ),
    "refused by a proxy, as urllib3 alone says": (
        urllib3.exceptions.ProxyError("no", ConnectionRefusedError(errno.ECONNREFUSED, "x")),
        f"connection refused: {PROXY}. {CHECK_PROXY}",
    ),
    "refused by a proxy, as requests alone says": (
        requests.exceptions.ProxyError(ConnectionRefusedError(errno.ECONNREFUSED, "x")),
        f"connection refused: {PROXY}. {CHECK_PROXY}",
    ),
    "forbidden": (
        PermissionError(errno.EPERM, "x"),  # by a firewall of this host
        f"operation not permitted: {WHERE}. Check that the server is up, and the port",
    ),
    "reset": (
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        (f"connection reset by peer: {WHERE}. See the server's log; it may want --client-cert"),
    ),
    "a tunnel for whom one must be known": (
        of_a_proxy(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
        f"{PROXY} refuses the connection: HTTP 407 Proxy Authentication Required. {CHECK_PROXY}",
    ),
    "a tunnel refused with an own phrase": (
        of_a_proxy(OSError("Tunnel connection failed: 502 a | up=1")),
        f"{PROXY} refuses the connection: HTTP 502 Bad Gateway. {CHECK_PROXY}",
    ),
    "a tunnel refused with an own status": (
        of_a_proxy(OSError("Tunnel connection failed: 599 x")),
        f"{PROXY} refuses the connection: HTTP 599. {CHECK_PROXY}",
    ),
    "no proxy": (requests.exceptions.InvalidProxyURL("x"), BAD_PROXY),
    "no address": (urllib3.exceptions.LocationParseError("x"), BAD_PROXY),
    "another kind of proxy": (
        requests.exceptions.InvalidSchema("x"),
        f"{WHERE}: the proxy is of a kind that is not supported. Name an HTTP proxy",
    ),
    "closed": (
        http.client.RemoteDisconnected("x"),
        (
            f"{WHERE} closed the connection without an answer. "
            "See the server's log; it may want --client-cert"
        ),
    ),
    "cut": (
        http.client.IncompleteRead(b"", 5),
        (
            f"the transfer broke: the answer of {WHERE} is cut. "
            "See the log of the server or of its gateway"
        ),
    ),
    "no HTTP": (http.client.BadStatusLine("x"), NO_HTTP),
    "a bad header": (urllib3.exceptions.InvalidHeader("x"), NO_HTTP),
    "unknown": (
        urllib3.exceptions.HTTPError("x"),
        f"{WHERE}: HTTPError. Check -H, and run with -vvv",
    ),
    "without a number": (OSError("x"), f"{WHERE}: OSError. Check -H, and run with -vvv"),
    "no number": (OSError(0, "x"), f"{WHERE}: OSError. Check -H, and run with -vvv"),
    "a negative number": (OSError(-3, "x"), f"{WHERE}: OSError. Check -H, and run with -vvv"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_each_exception_is_told_apart(case: str) -> None:
    error, expected = OTHERS[case]
    assert said(error) == expected


@pytest.mark.parametrize("case", ["reset", "closed"])
def test_whom_plain_http_did_not_suit_may_speak_tls(case: str) -> None:
    error, expected = OTHERS[case]
    server = parse_server("http://h.example", None, "-H/--host")
    told = str(explain(error, server, None))
    assert told.endswith(". See the server's log; if it speaks TLS, say https:// in -H")
    assert told.partition(". ")[0] == expected.partition(". ")[0].replace(WHERE, server.address)


@pytest.mark.parametrize("where", ["args", "cause", "context", "reason"])
@pytest.mark.parametrize("depth", [1, 2, 8])
def test_the_cause_is_found_wherever_the_libraries_keep_it(where: str, depth: int) -> None:
    error: BaseException = ConnectionResetError(errno.ECONNRESET, "x")
    for _ in range(depth):
        outer = urllib3.exceptions.HTTPError("x")
        if where == "args":
            outer.args = ("x", error)
        elif where == "cause":
            outer.__cause__ = error
        elif where == "context":
            outer.__context__ = error
        else:
            outer.reason = error  # type: ignore[attr-defined]
        error = outer
    assert said(error).startswith("connection reset by peer: ")


def test_exceptions_that_hold_each_other_are_no_trap() -> None:
    one, other = urllib3.exceptions.HTTPError("x"), OSError("y")
    one.__context__, other.__context__ = other, one
    assert said(one).endswith("Check -H, and run with -vvv")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OnlyInterim(103),
            (
                "HTTP 103, an interim answer, with no other one behind it. "
                "Check -H, its port and its path prefix"
            ),
        ),
        (
            urllib3.exceptions.DecodeError("x"),
            (
                "no queue status: its Content-Encoding is not one that can be read. "
                "Run with -vvv to see what came"
            ),
        ),
    ],
)
def test_what_is_an_answer_of_another_kind_is_invalid(error: Exception, expected: str) -> None:
    found = explain(error, SERVER, TRUST)
    assert isinstance(found, AnswerError)
    assert (found.condition, str(found)) == ("invalid", expected)
