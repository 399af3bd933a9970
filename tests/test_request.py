"""The one request and its answer, as they pass over the wire and as -vv and -vvv tell of them."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import pytest

import check_rodin_queues
from check_rodin_queues.answer import MAX_BYTES
from tests import live, report, stub
from tests.answers import site
from tests.console import Outcome, run

HEALTHY = site()
PATH = "/api/v2/queue_status_check"


def test_the_request_is_the_documented_one() -> None:
    with live.site() as asked:
        asked.judge()
        (request,) = asked.server.requests
    assert (request.method, request.path) == ("GET", PATH)
    assert dict(request.headers.items()) == {
        "Host": asked.server.url.partition("://")[2],
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": f"check_rodin_queues/{check_rodin_queues.__version__}",
        "Authorization": f"Bearer {live.TOKEN}",
    }


def answered(body: bytes, *headers: str) -> bytes:
    """Return the bytes of an answer 200 with this body."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def padded(size: int) -> bytes:
    """Return a healthy answer of so many bytes."""
    return HEALTHY.encode().ljust(size)


#: What a gateway may do to an answer although identity was asked for, and how it says so.
ENCODED: Dict[str, Tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, "gzip"),
    "the old name of gzip": (gzip.compress, "x-gzip"),
    "deflate": (zlib.compress, "deflate"),
    "capitals": (gzip.compress, "GZIP"),
    "white space": (gzip.compress, "\tgzip \t"),
    "identity": (bytes, "identity"),
    "nothing": (bytes, ""),
}


@pytest.mark.parametrize("case", ENCODED)
def test_an_encoded_answer_is_read(case: str, tmp_path: Path) -> None:
    encode, name = ENCODED[case]
    sent = encode(HEALTHY.encode())
    assert (sent == HEALTHY.encode()) == (encode is bytes)
    found = ask(answered(sent, f"Content-Encoding: {name}"), tmp_path).text
    assert found.startswith("RODIN_QUEUES OK - 4 queues, 4 consumers")


@pytest.mark.parametrize(
    ("size", "said"),
    [(MAX_BYTES, "OK - 4 queues"), (MAX_BYTES + 1, "larger than 1 MiB once decompressed")],
)
def test_a_decompressed_answer_has_at_most_a_mebibyte(size: int, said: str, tmp_path: Path) -> None:
    sent = answered(gzip.compress(padded(size)), "Content-Encoding: gzip")
    assert said in ask(sent, tmp_path).text


@pytest.mark.parametrize(
    ("size", "said"),
    [(MAX_BYTES - 1, "OK -"), (MAX_BYTES, "OK -"), (MAX_BYTES + 1, "it is larger than 1 MiB.")],
)
def test_an_answer_has_at_most_a_mebibyte(size: int, said: str, tmp_path: Path) -> None:
    assert said in ask(answered(padded(size)), tmp_path).text


def ask(sent: bytes, folder: Path, *args: str) -> Outcome:
    """Ask a server that answers so."""
    token = folder / "token"
    token.write_text(live.TOKEN)
    with stub.stub(sent) as server:
        return run("-H", server.url, "--token-file", str(token), *args)


NOTES = ("request", "trust", "insecure", "proxy", "answer", "header", "body")


def told(output: str) -> List[str]:
    """Return the lines that are about the request, without what a run has for itself."""
    kept = re.findall(rf"^(?:{'|'.join(NOTES)}): .*$", output, re.MULTILINE)
    return [re.sub(r"(?<=header: Date: ).*", "now", line) for line in kept]


BUSY = """
{ "rodin.mesh": { "consumers": 2, "job_awaiting": 3, "job_running": 2 },
  "rodin.pack": { "consumers": 1, "job_awaiting": 0, "job_running": 0 },
  "rodin.remesh": { "consumers": 1, "job_awaiting": 0, "job_running": 0 },
  "rodin.texture": { "consumers": 2, "job_awaiting": 1, "job_running": 2 } }
"""


def test_vv_and_vvv_tell_of_the_request() -> None:
    with live.site("busy") as asked:
        output = [told(asked.run(*args).stdout) for args in ((), ("-v",), ("-vv",), ("-vvv",))]
    size = 420
    brief = [
        f"request: GET {asked.server.url}{PATH}",
        "trust: no TLS, http:// was asked for",
        "answer: HTTP 200",
        f"answer: {size} bytes",
    ]
    assert output[0] == output[1] == []
    assert output[2] == brief
    assert output[3] == [
        *brief[:3],
        "header: Server: RodinSimulator",
        "header: Date: now",
        "header: Content-Type: application/json",
        f"header: Content-Length: {size}",
        "header: Connection: close",
        brief[3],
        f"body: {' '.join(BUSY.split())}",
    ]


def test_vvv_shows_the_first_2000_bytes_of_a_body(tmp_path: Path) -> None:
    sent = answered(b"x" * 1999 + b"yz")
    assert told(ask(sent, tmp_path, "-vvv").stdout)[-1] == f"body: {'x' * 1999}y"


def test_vvv_shows_what_is_no_utf_8_as_such(tmp_path: Path) -> None:
    assert told(ask(answered(b"a\xffb"), tmp_path, "-vvv").stdout)[-1] == "body: a\ufffdb"


def test_vvv_shows_the_first_400_characters_of_a_header(tmp_path: Path) -> None:
    start = f"X-Long: {'x' * (400 - len('header: X-Long: '))}"
    found = told(ask(stub.http("404 No", "", f"{start}yz"), tmp_path, "-vvv").stdout)
    assert f"header: {start}" in found


def test_vvv_shows_the_first_1000_characters_of_an_error() -> None:
    url = f"http://127.0.0.1:9/{'x' * 2000}"
    found = run("-H", url, "-vvv", env={"RODIN_API_KEY": live.TOKEN})
    line = next(line for line in found.stdout.splitlines() if line.startswith("error: "))
    assert len(line) == len("error: ") + 1000
    assert line.endswith("xxx")


def test_vvv_shows_the_error_of_the_library(tmp_path: Path) -> None:
    found = ask(b"nonsense\r\n\r\n", tmp_path, "-vvv").stdout
    assert "\nerror: ConnectionError(ProtocolError('Connection aborted.', BadStatusLine(" in found


@pytest.mark.parametrize("proxy", ["http://{}", "{}", "http://user:secret@{}", "http://a@b@{}"])
def test_vv_names_the_proxy_without_its_user(proxy: str) -> None:
    """The simulator stands in for a proxy."""
    with live.site() as asked:
        address = asked.server.url.partition("://")[2]
        args = ("-H", "http://rodin.invalid", "--token-file", asked.token_file, "-vv")
        output = run(*args, env={"HTTP_PROXY": proxy.format(address)}).stdout
        assert len(asked.server.requests) == 1
    shown = f"http://{address}" if proxy == "http://{}" else address
    assert told(output)[2] == f"proxy: {shown}"
    assert "secret" not in output


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "socks4://127.0.0.1:1"])
def test_a_proxy_of_a_kind_that_is_not_supported_is_told_as_such(proxy: str) -> None:
    with live.site() as asked:
        found = report.read(asked.run(env={"HTTP_PROXY": proxy}))
        assert not asked.server.requests
    assert found.text == (
        f"unreachable: 127.0.0.1:{asked.server.server_port}: the proxy is of a kind that is not "
        "supported. Name an HTTP proxy"
    )


#: Proxies that requests cannot use, with what may be a password.
BAD_PROXIES = ["user:secret-word", "http://user:secret\u20acword@{}", "http://u:secret%E2%82%AC@{}"]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_a_password_for_a_proxy_that_is_none_is_not_shown(proxy: str) -> None:
    with live.site() as asked:
        env = {"HTTP_PROXY": proxy.format(asked.server.url.partition("://")[2])}
        outcome = asked.run("-vvv", env=env)
        assert not asked.server.requests
    assert "unreachable: the proxy that the environment names is no http://" in outcome.line
    assert "secret" not in outcome.stdout


def test_vv_names_the_store(tmp_path: Path) -> None:
    with live.both(tmp_path) as sites:
        given = told(run(*sites.ask(sites.https, "--ca-file", sites.ca, "-vv")).stdout)
        env = {"SSL_CERT_FILE": sites.ca}
        named = told(run(*sites.ask(sites.https, "-vv"), env=env).stdout)
        blind = told(run(*sites.ask(sites.https, "--insecure", "-v")).stdout)
    assert given[1] == f"trust: {sites.ca} (--ca-file)"
    assert named[1] == f"trust: {sites.ca} (SSL_CERT_FILE)"
    assert blind == ["insecure: --insecure, the server's certificate was not verified"]


NO_STATUS = "no queue status. Check -H, its port and its path prefix"
#: A status line, its headers, and what is said of it.
STATUSES: List[Tuple[str, Tuple[str, ...], str]] = [
    ("401 Who", (), "auth: HTTP 401 Unauthorized: the server refuses the token. Renew it"),
    (
        "403 No",
        (),
        (
            "auth: HTTP 403 Forbidden: the server refuses the token. "
            "Check what it is allowed, or renew it"
        ),
    ),
    (
        "407 No",
        (),
        (
            "invalid: HTTP 407 Proxy Authentication Required: a proxy wants a login. "
            "Check HTTP_PROXY, ALL_PROXY and NO_PROXY"
        ),
    ),
    ("404 x", (), f"invalid: HTTP 404 Not Found: {NO_STATUS}"),
    ("499 x", (), f"invalid: HTTP 499: {NO_STATUS}"),
    (
        "500 x",
        (),
        "unreachable: HTTP 500 Internal Server Error. See the log of the server or of its gateway",
    ),
    ("599 x", (), "unreachable: HTTP 599. See the log of the server or of its gateway"),
    ("600 x", (), f"invalid: HTTP 600: {NO_STATUS}"),
    ("999 x", (), f"invalid: HTTP 999: {NO_STATUS}"),
    ("299 x", ("Location: /a",), f"invalid: HTTP 299: {NO_STATUS}"),
    ("400 x", ("Location: /a",), f"invalid: HTTP 400 Bad Request: {NO_STATUS}"),
    ("302 x", (), f"invalid: HTTP 302 Found: {NO_STATUS}"),
]


@pytest.mark.parametrize(("status", "headers", "said"), STATUSES)
def test_a_status_is_told(status: str, headers: Tuple[str, ...], said: str, tmp_path: Path) -> None:
    found = report.read(ask(stub.http(status, HEALTHY, *headers), tmp_path))
    assert found.text == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("60", ", retry after 60 s"),
        ("\t7 ", ", retry after 7 s"),
        ("9999999", ", retry after 9999999 s"),
        ("99999999", ""),
        ("-1", ""),
        ("x", ""),
        ("Wed, 21 Oct 2026 07:28:00 GMT", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_how_long_to_wait_is_told(value: Optional[str], said: str, tmp_path: Path) -> None:
    headers = [] if value is None else [f"Retry-After: {value}"]
    found = report.read(ask(stub.http("429 Slower", HEALTHY, *headers), tmp_path))
    assert found.text == f"throttled: HTTP 429 Too Many Requests{said}. Check less often"


@pytest.mark.parametrize("status", ["300 x", "302 x", "307 x", "399 x"])
@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("/login", " to /login"),
        ("https://rodin.example/api", " to https://rodin.example/api"),
        ("https://user:secret@rodin.example:8443/api", " to https://rodin.example:8443/api"),
        ("https://a@b@rodin.example", " to https://rodin.example"),
        ("https://rodin.example/api?secret=1#secret", " to https://rodin.example/api"),
        (f"/{live.TOKEN}", " to /***"),
        (f"/{'x' * 80}", f" to /{'x' * 59}"),
        ("//rodin.example/api", " to //rodin.example/api"),
        ("?secret", ""),
        ("http://[secret", ""),
        ("", ""),
    ],
)
def test_a_redirect_is_told(status: str, location: str, said: str, tmp_path: Path) -> None:
    found = report.read(ask(stub.http(status, HEALTHY, f"Location: {location}"), tmp_path))
    rest = f", a redirect{said}, is not followed. Give the final URL in -H"
    assert re.sub(r" [A-Z][A-Za-z ]+,", ",", found.text.partition("HTTP ")[2]) == status[:3] + rest


@pytest.mark.parametrize("location", ["/{}", "http://h.example/a/{}", "http://{}/", "//x:{}@h/"])
@pytest.mark.parametrize("between", ["?", "#", "@", "[", "%23", "&#63;"])
def test_a_redirect_shows_no_part_of_the_token(between: str, location: str, tmp_path: Path) -> None:
    """Whatever of it divides a URL."""
    char = {"%23": "#", "&#63;": "?"}.get(between, between)
    (tmp_path / "token").write_text(f"the-first-half{char}the-other-half")
    where = location.format(f"the-first-half{between}the-other-half")
    with stub.stub(stub.http("302 Found", "", f"Location: {where}")) as server:
        found = run("-H", server.url, "--token-file", str(tmp_path / "token"))
    assert "HTTP 302 Found, a redirect" in found.stdout
    assert "half" not in found.stdout


BROKEN = "unreachable: the transfer broke"
#: Headers of an answer whose body is whole and healthy, but framed in a way that cannot be trusted.
FRAMES = {
    "encoded and chunked": ("Transfer-Encoding: gzip, chunked", "invalid"),
    "chunked and something": ("Transfer-Encoding: chunked, identity", "invalid"),
    "chunked in two lines": (
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "invalid",
    ),
    "chunked with a parameter": ("Transfer-Encoding: chunked;x", "invalid"),
    "an unknown encoding": ("Transfer-Encoding: rot13", "invalid"),
    "no encoding": ("Transfer-Encoding:", "invalid"),
    "not chunked": ("Transfer-Encoding: chunked", "unreachable"),
    "a length with another space": (f"Content-Length: \xa0{len(HEALTHY)}", BROKEN),
    "a length with a tabulator": (f"Content-Length: {len(HEALTHY)}\x0b", BROKEN),
    "a length of other digits": ("Content-Length: \xb2\xb3\xb9", BROKEN),
    "a longer length behind a CR": ("X: a\rContent-Length: 9999", "unreachable"),
}


@pytest.mark.parametrize("length", ["", "Content-Length: 9999\r\n"])
@pytest.mark.parametrize("case", FRAMES)
def test_a_frame_that_cannot_be_trusted_is_refused(case: str, length: str, tmp_path: Path) -> None:
    headers, condition = FRAMES[case]
    if "Content-Length" in headers:
        length = ""
    sent = f"HTTP/1.1 200 OK\r\n{headers}\r\n{length}\r\n{HEALTHY}".encode("latin-1")
    assert report.read(ask(sent, tmp_path)).text.startswith(f"{condition}: ")


def test_early_hints_are_no_answer(tmp_path: Path) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert ask(hints + answered(HEALTHY.encode()), tmp_path).code == 0


def test_no_key_of_the_connection_is_written(tmp_path: Path) -> None:
    """Who has the keys can read the token in what was recorded of the network."""
    with live.both(tmp_path) as sites:
        for keys in (tmp_path / "keys", tmp_path / "absent" / "keys"):
            args = sites.ask(sites.https, "--ca-file", sites.ca)
            assert run(*args, env={"SSLKEYLOGFILE": str(keys)}).code == 0
            assert not keys.exists()
