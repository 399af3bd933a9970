"""The one request: GET the queue status, and turn whatever comes back into bytes or an AnswerError.

Nothing is followed, repeated or kept. The wall clock is not this module's: `lifetime` ends a run
that hangs here, be it in the resolver, in a handshake or in a body that drips.
"""

from __future__ import annotations

import http.client
import os
import zlib
from http import HTTPStatus
from typing import Any, List, Mapping
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_auth_from_url,
    get_environ_proxies,
    select_proxy,
)

from check_rodin_queues import __version__
from check_rodin_queues.answer import MAX_BYTES, invalid
from check_rodin_queues.errors import AnswerError
from check_rodin_queues.journal import DEBUG, MAX_BODY, NOTICE, REQUEST, Journal
from check_rodin_queues.labels import printable
from check_rodin_queues.settings import Access
from check_rodin_queues.tokens import Token
from check_rodin_queues.transport import Adapter, Bearer
from check_rodin_queues.wire import phrase

#: What may come out of a request: requests wraps most in an OSError of its own, but not all (a bad
#: host).
_CAUGHT = (
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_CHUNK = 64 * 1024
#: How much -vvv shows of an error and of each header, in characters.
_SHOWN_ERROR, _SHOWN_HEADER = 1000, 400
#: Encodings of which zlib finds out by itself which one it is.
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_DETECT = zlib.MAX_WBITS | 32
#: Statuses, the condition of each, and the cause and the next step.
_REFUSALS = {
    401: ("auth", "the server refuses the token. Renew it"),
    403: ("auth", "the server refuses the token. Check what it is allowed, or renew it"),
    407: ("invalid", "a proxy wants a login. Check HTTP_PROXY, ALL_PROXY and NO_PROXY"),
}


def ask(access: Access, journal: Journal) -> bytes:
    """Return the body of the answer, decoded, of at most MAX_BYTES.

    Raises AnswerError with the condition that fits, ConfigError if OpenSSL cannot read the store.
    """
    journal.note(REQUEST, f"request: GET {access.server.url}")
    _note_trust(access, journal)
    try:
        with _send(access, journal) as response:
            return _body(response, access, journal)
    except _CAUGHT as error:
        from check_rodin_queues.failures import explain  # noqa: PLC0415 — rare, and not free

        if journal.wants(DEBUG):
            journal.note(DEBUG, f"error: {access.token.redact_start(repr(error), _SHOWN_ERROR)}")
        raise explain(error, access.server, access.trust) from None


def _note_trust(access: Access, journal: Journal) -> None:
    if access.server.scheme == "http":
        journal.note(REQUEST, "trust: no TLS, http:// was asked for")
    elif access.trust is None:
        journal.note(NOTICE, "insecure: --insecure, the server's certificate was not verified")
    else:
        journal.note(REQUEST, f"trust: {_store(access)} ({access.trust.origin})")


def _send(access: Access, journal: Journal) -> requests.Response:
    """Ask by requests' adapter, without a session: that would follow, and keep cookies."""
    request = requests.Request(
        "GET",
        access.server.url,
        auth=Bearer(access.token),
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": f"check_rodin_queues/{__version__}",
        },
    ).prepare()
    proxies = get_environ_proxies(access.server.url)
    proxy = select_proxy(access.server.url, proxies)
    os.environ.pop("SSLKEYLOGFILE", None)  # urllib3 would write the keys of the connection there
    if proxy:
        _check_proxy(proxy, access.server.address)
        journal.note(REQUEST, f"proxy: {_without_user(proxy)}")
    folders = access.trust.folders if access.trust else ()
    verify = folders[0] if folders else _verify(access)
    adapter = Adapter(folders)
    response = adapter.send(request, verify=verify, cert=_cert(access), proxies=proxies)
    journal.note(REQUEST, f"answer: HTTP {response.status_code}")
    for name, value in response.headers.items() if journal.wants(DEBUG) else ():
        journal.note(DEBUG, access.token.redact_start(f"header: {name}: {value}", _SHOWN_HEADER))
    return response


def _verify(access: Access) -> Any:
    """Return what requests takes as `verify`: never True, which the environment would override."""
    return False if access.insecure else _store(access)


def _store(access: Access) -> str:
    """Return the path of the store; where the server is asked by http:// requests verifies none."""
    return (access.trust and access.trust.path) or DEFAULT_CA_BUNDLE_PATH


def _cert(access: Access) -> Any:
    """Return what requests takes as `cert`; with a key, so that urllib3 looks at its encryption."""
    if access.client_cert is None:
        return None
    return access.client_cert, access.client_key or access.client_cert


def _check_proxy(proxy: str, where: str) -> None:
    """Raise AnswerError if *proxy*, of the environment, is none by which *where* can be asked."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        sound = bool(parts.hostname) and parts.port != 0
        "".join(get_auth_from_url(proxy)).encode("latin-1")  # else requests cannot send it
    except ValueError:
        sound = False
    if sound and parts.scheme.startswith("http"):
        return
    from check_rodin_queues.failures import BAD_PROXY, OTHER_PROXY, unreachable  # noqa: PLC0415 — rare

    cause, advice = OTHER_PROXY if sound and parts.scheme.startswith("socks") else BAD_PROXY
    raise unreachable(cause.format(where=where), advice)


def _without_user(proxy: str) -> str:
    return proxy.rpartition("@")[2]


def _body(response: requests.Response, access: Access, journal: Journal) -> bytes:
    status = response.status_code
    if status != HTTPStatus.OK:
        raise _refused(status, response.headers, access)
    _check_transfer(response.headers)
    raw = _read(response)
    _check_length(response.headers, raw)
    body = _decoded(raw, response.headers.get("Content-Encoding", "").lower())
    journal.note(REQUEST, f"answer: {len(body)} bytes")
    if journal.wants(DEBUG):
        shown = access.token.redact_start(body.decode("utf-8", "replace"), MAX_BODY)
        journal.note_body(shown)
    return body


def _read(response: requests.Response) -> bytes:
    """Read the body as it was sent, one byte more than MAX_BYTES at the most."""
    chunks: List[bytes] = []
    left = MAX_BYTES + 1
    while left > 0:
        # Not iter_content: urllib3 would take the chunks apart itself, and less strictly.
        chunk = response.raw.read(min(left, _CHUNK), decode_content=False)
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise invalid("it is larger than 1 MiB")
    return b"".join(chunks)


def _check_transfer(headers: Mapping[str, str]) -> None:
    """Refuse what http.client would read as if it was not there, and up to the end of all."""
    if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise invalid("its Transfer-Encoding is not one that can be read")


def _check_length(headers: Mapping[str, str], raw: bytes) -> None:
    """Compare with Content-Length: urllib3 1.26 does not, so a cut answer would go unnoticed."""
    promised = headers.get("Content-Length")
    if promised is None or "Transfer-Encoding" in headers:
        return
    if not (promised.isascii() and promised.isdigit()) or int(promised) != len(raw):
        raise AnswerError(
            "unreachable",
            f"the transfer broke: {len(raw)} bytes came, Content-Length does not fit. "
            "See the log of the server or of its gateway",
        )


def _decoded(raw: bytes, encoding: str) -> bytes:
    """Undo *encoding*, strictly and within MAX_BYTES; identity was asked for, so none is usual."""
    if encoding in ("", "identity"):
        return raw
    if encoding not in _COMPRESSED:
        raise invalid("its Content-Encoding is not one that can be read")
    try:
        reader = zlib.decompressobj(_DETECT)
        body = reader.decompress(raw, MAX_BYTES + 1)
    except zlib.error:
        raise invalid("it is not compressed as its Content-Encoding says") from None
    if len(body) > MAX_BYTES:
        raise invalid("it is larger than 1 MiB once decompressed")
    if not reader.eof or reader.unused_data:
        raise invalid("its compressed body is cut, or has more behind its end")
    return body


def _refused(status: int, headers: Mapping[str, str], access: Access) -> AnswerError:
    """Return the error for an answer whose HTTP status is not 200."""
    said = f"HTTP {status}{phrase(status)}"
    if status in _REFUSALS:
        condition, words = _REFUSALS[status]
        return AnswerError(condition, f"{said}: {words}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return AnswerError("throttled", f"{said}{_retry_after(headers)}. Check less often")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status < 600:  # noqa: PLR2004 — 5xx
        return AnswerError("unreachable", f"{said}. See the log of the server or of its gateway")
    if "Location" in headers and 300 <= status < 400:  # noqa: PLR2004 — 3xx
        where = _shown_location(headers["Location"], access.token)
        return AnswerError(
            "invalid", f"{said}, a redirect{where}, is not followed. Give the final URL in -H"
        )
    return AnswerError(
        "invalid", f"{said}: no queue status. Check -H, its port and its path prefix"
    )


def _retry_after(headers: Mapping[str, str]) -> str:
    seconds = headers.get("Retry-After", "")
    return f", retry after {seconds} s" if seconds.isdigit() and len(seconds) < 8 else ""  # noqa: PLR2004


def _shown_location(location: str, token: Token) -> str:
    """Return where a redirect leads, for people: without what may be a secret."""
    try:  # what divides a URL may be in the token, too
        parts = urlsplit(token.redact_start(location, _SHOWN_HEADER))
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    target = f"{scheme}//{host}{parts.path}" if host else parts.path
    return f" to {printable(target[:60])}" if target else ""
