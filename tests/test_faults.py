"""What a server, a gateway or a proxy does, and the condition that the check reports.

Each row runs the real command against a real server. Every run keeps the promises that
`console.report` asserts, sends one request, ends on time, and has less memory than MEMORY_LIMIT.
"""

from __future__ import annotations

import codecs
import gzip
import json
import sys
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import pytest

from tests.console import STATES, Report, in_time, report, run
from tests.server import (
    DOCUMENTED,
    HOLD,
    RESET,
    UNREAD,
    Proxy,
    Repeat,
    Script,
    Server,
    answer,
    chunk,
    doubled,
    head,
    http,
    queue,
    refusing_port,
    site,
    without,
)

#: Most memory of a run, in bytes.
MEMORY_LIMIT = 80 * 1000 * 1000

#: Runs the command after it and writes the command's peak memory to a file. Linux counts the memory
#: of the process that forks, so a small process has to start the check.
METER = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss * 1024))
os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
"""

#: Seconds within which a run ends that does not wait for its deadline.
PROMPT = 3

MIB = 1 << 20
BODY = site().encode()
SIZE = len(BODY)
HALF = BODY[: SIZE // 2]
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = f"Content-Length: {SIZE}"
GZIP = "Content-Encoding: gzip"
LOGIN = "<!DOCTYPE html><html><body><form action=/login>password</form></body></html>"

#: Names of queues that mean something to Nagios, Icinga, a terminal, a shell or a reader of labels.
HOSTILE = (
    *("a|time=0", "a;1;2", "a'b", 'a"b', "a=1", "a::b::c", "a'=0;0;0 'b", "'x'", "a b", " ", ""),
    *(
        "a\nOK - all is well",
        "a\rRODIN_QUEUES OK",
        "a\tb",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
    ),
    *("a\x9b31mb", "a\0b", "a\x7f\x08b", "a\u202ekcab", "a\u200bb\ufeff", "a\u2028b\x85c"),
    *("a\ud800b", "\uffff\U0010ffff", "a" + "\u0301" * 200, "\U0001f600" * 60, "\u0440odin.mesh"),
    *("n" * 255, "total", "time", "token_expires_in", "$(id)", "`id`", "$USER1$", "<b>", "[OK] a"),
    *("%s%n{}{0}", "a\\nb\\", "a,b", "...", "rodin.mesh.consumers", "*", "[z-a]", "total_2"),
)


def bomb(mebibytes: int) -> bytes:
    """Return gzip that unpacks to so many mebibytes of a JSON object."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = deflate.compress(b"{".ljust(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(b" " * MIB) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + block * (mebibytes - 1)


def crowd(count: int) -> str:
    """Return a body with *count* queues, the documented ones among them."""
    more = {f"q{number}": queue() for number in range(count - len(DOCUMENTED))}
    return answer({**dict.fromkeys(DOCUMENTED, queue()), **more})


def packed(body: bytes) -> bytes:
    """Return a response that is compressed as gzip."""
    return http("200 OK", gzip.compress(body), GZIP)


def mesh(raw: str) -> bytes:
    """Return a response in which `rodin.mesh` is this JSON text."""
    return http("200 OK", site(mesh="MESH").replace('"MESH"', raw))


def consumers(raw: str) -> bytes:
    """Return a response in which `rodin.mesh` has this JSON text as its consumers."""
    return mesh(f'{{"consumers": {raw}, "job_awaiting": 0, "job_running": 0}}')


def moved(status: str, location: str) -> Callable[[bytes], bytes]:
    """Return a redirect; `{}` in its *location* is this server."""

    def respond(request: bytes) -> bytes:
        host = request.partition(b"Host: ")[2].partition(b"\r\n")[0].decode()
        return http(status, BODY, f"Location: {location.format(host)}")

    return respond


#: Read without doubt.
SOUND: Dict[str, Script] = {
    "a response with its length": http("200 OK", BODY),
    "a body that ends with the connection": head() + BODY,
    "a connection that is kept open after the body": [head("200 OK", LENGTH) + BODY, HOLD],
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "no reason phrase": b"HTTP/1.1 200\r\n\r\n" + BODY,
    "lines that end with a newline alone": b"HTTP/1.1 200 OK\n\n" + BODY,
    "100 Continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + http("200 OK", BODY),
    "more bytes after the announced ones": head("200 OK", LENGTH)
    + BODY
    + b"HTTP/1.1 500 No\r\n\r\n",
    "the same Content-Length twice": head("200 OK", LENGTH, LENGTH) + BODY,
    "a blank before a header's colon": head("200 OK", "X-More : 1", LENGTH) + BODY,
    "99 header lines": http("200 OK", BODY, *["X-More: 1"] * 97),
    "headers of 100 KB": http("200 OK", BODY, *["X-More: " + "y" * 20_000] * 5),
    "a header that is not ASCII": http("200 OK", BODY, "X-More: \xfe\xff\xc3"),
    "cookies": http("200 OK", BODY, "Set-Cookie: a=b; Max-Age=1"),
    "a Location beside 200": http("200 OK", BODY, "Location: http://127.0.0.1:1/"),
    "chunks": CHUNKED + chunk(HALF) + chunk(BODY[len(HALF) :]) + chunk(b""),
    "chunks with an extension": CHUNKED + b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (SIZE, BODY),
    "chunks with a trailer": CHUNKED + chunk(BODY) + b"0\r\nX-More: 1\r\n\r\n",
    "chunks of one byte": CHUNKED + b"".join(chunk(bytes([byte])) for byte in BODY) + chunk(b""),
    "gzip": packed(BODY),
    "gzip in capitals": http("200 OK", gzip.compress(BODY), "Content-Encoding: GZIP"),
    "deflate": http("200 OK", zlib.compress(BODY), "Content-Encoding: deflate"),
    "the encoding identity": http("200 OK", BODY, "Content-Encoding: identity"),
    "JSON that is called text": http("200 OK", BODY, "Content-Type: text/html"),
    "an unknown charset": http("200 OK", BODY, "Content-Type: application/json; charset=none"),
    "a byte order mark": http("200 OK", codecs.BOM_UTF8 + BODY),
    "1 MiB": http("200 OK", BODY.ljust(MIB)),
    "1 MiB, compressed": packed(BODY.ljust(MIB)),
    "5,000 queues": http("200 OK", crowd(5000)),
    "an unknown field of almost 1 MiB": mesh(json.dumps({**queue(), "more": [[]] * 250_000})),
    "2^63-1 consumers": consumers(str(2**63 - 1)),
    "hostile names": http("200 OK", answer({name: queue() for name in (*DOCUMENTED, *HOSTILE)})),
}

UNREACHABLE: Dict[str, Script] = {
    "closed before a request": [UNREAD],
    "reset before a request": [UNREAD, RESET],
    "closed without a response": b"",
    "reset without a response": [RESET],
    "closed in the status line": b"HTTP/1.1 2",
    "closed in the headers": OK + b"Content-Ty",
    "closed before the body": head("200 OK", LENGTH),
    "closed in the body": http("200 OK", BODY)[:-9],
    "closed before the last byte": http("200 OK", BODY)[:-1],
    "reset in the body": [http("200 OK", BODY)[:-9], RESET],
    "reset in a body without length": [head() + HALF, RESET],
    "closed before the first chunk": CHUNKED,
    "closed in a chunk size": CHUNKED + b"1",
    "closed in a chunk": CHUNKED + chunk(BODY)[:-20],
    "closed between chunks": CHUNKED + chunk(HALF),
    "closed before the last chunk": CHUNKED + chunk(BODY),
    "a chunk size that is a word": CHUNKED + b"chunk\r\n" + BODY,
    "chunks announced, a plain body sent": CHUNKED + BODY,
    "a Content-Length above the body": head("200 OK", f"Content-Length: {SIZE + 9}") + BODY,
    "two lengths": head("200 OK", LENGTH, f"Content-Length: {SIZE - 9}") + BODY,
    "not HTTP": bytes(range(256)) * 20,
    "the body alone": BODY,
    "an SSH server": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n" + BODY,
    "a status that is a word": b"HTTP/1.1 OK\r\n\r\n" + BODY,
    "a header of 70 KB": http("200 OK", BODY, "X: " + "x" * 70_000),
    "a status line without end": [b"HTTP/1.1 200 ", Repeat(b"x" * 65_536)],
    "headers without end": [OK, Repeat(b"X-More: 1\r\n" * 100)],
    "500 with a sound body": http("500 No", BODY),
    "502": http("502 Bad Gateway", LOGIN),
    "504": http("504 Gateway Timeout"),
    "599": http("599 No", BODY),
    "500 without its body": [head("500 No", "Content-Length: 99"), HOLD],
    "503 with a gzip bomb": http("503 No", bomb(300), GZIP),
}

INVALID: Dict[str, Script] = {
    "301 to this server": moved("301 Moved", "http://{}/elsewhere"),
    "302 to another host": moved("302 Found", "http://localhost:1/login"),
    "303 to a path": moved("303 See Other", "/login"),
    "307 to the same path with a slash": moved("307 No", "http://{}/api/v2/queue_status_check/"),
    "308 to https://": moved("308 No", "https://{}/"),
    "302 to nonsense": moved("302 Found", "http://[not-an-address/"),
    "302 without a Location": http("302 Found", BODY),
    "302 with a body without end": [head("302 Found", "Location: /a"), Repeat(b"x" * 9000)],
    "101": http("101 Switching Protocols"),
    **{f"{code} with a sound body": http(f"{code} No", BODY) for code in (201, 204, 206, 300, 304)},
    **{f"{code}": http(f"{code} No", LOGIN) for code in (400, 404, 405, 407, 410, 418)},
    "an unknown status": http("999 No", BODY),
    "a login page": http("200 OK", LOGIN, "Content-Type: text/html"),
    "no body": http("200 OK"),
    "white space": http("200 OK", " \r\n"),
    "a Content-Length below the body": head("200 OK", f"Content-Length: {SIZE - 9}") + BODY,
    "half a body that ends with the connection": head() + HALF,
    "the body and a word": http("200 OK", BODY + b" ok"),
    "a list": http("200 OK", b"[" + BODY + b"]"),
    "null": http("200 OK", "null"),
    "an error object": http("200 OK", '{"error": "NO_PERMISSION", "message": "no"}'),
    "an error beside sound queues": http("200 OK", site()[:-1] + ', "error": "OK"}'),
    "100,000 nested lists": http("200 OK", "[" * 100_000),
    "a field twice": http("200 OK", doubled('"consumers": 0', '"consumers": 1')),
    "a queue twice": http("200 OK", site()[:-1] + ', "rodin.mesh": {}}'),
    **{f"{raw[:9]} consumers": consumers(raw) for raw in ("null", "true", "NaN", "9" * 5000)},
    "a name of 300 characters": http("200 OK", answer({**json.loads(BODY), "n" * 300: queue()})),
    "UTF-16": http("200 OK", BODY.decode().encode("utf-16")),
    "gzip announced, a plain body sent": http("200 OK", BODY, GZIP),
    "gzip that is truncated": http("200 OK", gzip.compress(BODY)[:-40], GZIP),
    "gzip that is damaged": http("200 OK", gzip.compress(BODY)[:-8] + b"\1" * 8, GZIP),
    "Brotli": http("200 OK", b"\x0b\x02\x80{}\x03", "Content-Encoding: br"),
    "a gzip bomb": http("200 OK", bomb(300), GZIP),
    "1 MiB and a byte": http("200 OK", BODY.ljust(MIB + 1)),
    "1 MiB and a byte, compressed": packed(BODY.ljust(MIB + 1)),
    "1 MiB and a byte, in chunks": CHUNKED + chunk(BODY.ljust(MIB)) + chunk(b" ") + chunk(b""),
    "a body without end": [head(), Repeat(b" " * 65_536)],
    "chunks without end": [CHUNKED, Repeat(chunk(b" " * 1000))],
    "a length of 80 MB": [head("200 OK", "Content-Length: 80000000"), BODY.ljust(2 * MIB), HOLD],
    "5,001 queues": http("200 OK", crowd(5001)),
}

TABLES: Dict[str, Dict[str, Script]] = {
    "": SOUND,
    "unreachable": UNREACHABLE,
    "invalid": INVALID,
    "auth": {
        "401": http("401 Unauthorized", LOGIN, 'WWW-Authenticate: Basic realm="x"'),
        "403 with a sound body": http("403 Forbidden", BODY),
        "401 without its body": [head("401 No", "Content-Length: 99"), HOLD],
        "403 with a body without end": [head("403 No"), Repeat(b"<p>no</p>" * 1000)],
    },
    "throttled": {
        "429": http("429 Slow", BODY),
        "429 with Retry-After": http("429 Slow", BODY, "Retry-After: 86400"),
    },
    "missing": {
        "a documented queue left out": http("200 OK", without("rodin.pack")),
        "a documented queue in capitals": http("200 OK", site().replace("rodin.p", "Rodin.P")),
    },
    "empty": {"no queues": http("200 OK", "{}")},
    "stranded": {"a queue without consumers": http("200 OK", site(mesh=queue(0, 7, 0)))},
}

#: One row of each kind, for the roads beside plain HTTP.
KINDS = (
    *("a response with its length", "chunks", "closed in the body", "not HTTP", "502", "401"),
    *("302 to another host", "a login page", "a gzip bomb", "closed between chunks"),
)


def rows(*names: str) -> List[object]:
    """Return all rows, or those with these *names*."""
    return [
        pytest.param(script, condition, id=f"{condition or 'ok'}: {name}")
        for condition, table in TABLES.items()
        for name, script in table.items()
        if not names or name in names
    ]


@pytest.fixture(name="ask")
def fixture_ask(token_file: str, tmp_path: Path) -> Callable[..., Report]:
    """Return what runs the check and asserts what holds for every run."""
    peak = tmp_path / "peak"
    meter = (sys.executable, "-I", "-S", "-c", METER, str(peak))

    def ask(*args: str, prompt: float = PROMPT, **env: str) -> Report:
        common = ("--token-file", token_file, "-t", "20")
        found = in_time(lambda: run(*common, *args, env=env, prefix=meter), prompt)
        memory = int(peak.read_text())
        assert memory < MEMORY_LIMIT, f"{memory / 1e6:.1f} MB"
        return report(found, verbose="-vvv" in args)

    return ask


def check(found: Report, condition: str) -> None:
    """Assert the one condition that a run reports, its state, and the metrics beside it."""
    assert found.conditions == ((condition,) if condition else ()), found.text
    assert found.state == (STATES[condition] if condition else "OK"), found.text
    if "time" in found.metrics or condition != "unreachable":
        time = found.metrics["time"]
        assert (time.unit, time.maximum) == ("s", Decimal(20))
    if not condition:
        assert len(found.metrics) % 3 == 1
        assert len(found.metrics) > 3 * len(DOCUMENTED), "a queue has no perfdata"


@pytest.mark.parametrize(("script", "condition"), rows())
def test_a_fault_over_http(
    script: Script, condition: str, server: Server, ask: Callable[..., Report]
) -> None:
    server.play(script)
    check(ask("-H", server.url), condition)
    assert server.connections == 1, "the check asked again"


@pytest.mark.parametrize("road", ["TLS", "a tunnel", "a proxy"])
@pytest.mark.parametrize(("script", "condition"), rows(*KINDS))
def test_a_fault_is_the_same_on_every_road(
    *,
    script: Script,
    condition: str,
    road: str,
    server: Server,
    tls_server: Server,
    ca_file: str,
    ask: Callable[..., Report],
) -> None:
    asked = server if road == "a proxy" else tls_server
    asked.play(script)
    with Proxy() as proxy:
        variable = {"a tunnel": "HTTPS_PROXY", "a proxy": "HTTP_PROXY"}.get(road, "FTP_PROXY")
        check(ask("-H", asked.url, "--ca-file", ca_file, **{variable: proxy.url}), condition)
    assert (asked.connections, proxy.connections) == (1, road != "TLS")


@pytest.mark.parametrize(
    ("script", "condition"), rows("401 without its body", "503 with a gzip bomb")
)
def test_the_body_of_an_error_is_read_for_a_second(
    script: Script, condition: str, server: Server, ask: Callable[..., Report]
) -> None:
    server.play(script)
    check(ask("-H", server.url, "-vvv"), condition)


@pytest.mark.slow
@pytest.mark.parametrize(("script", "condition"), rows())
def test_a_fault_at_every_verbosity(
    script: Script, condition: str, server: Server, ask: Callable[..., Report]
) -> None:
    server.play(script)
    check(ask("-H", server.url, "-vvv"), condition)


@pytest.mark.parametrize(
    ("url", "script"),
    [
        pytest.param("http://{closed}", b"", id="no server"),
        pytest.param("https://{closed}", b"", id="no server, TLS"),
        pytest.param("http://rodin.invalid", b"", id="no such name"),
        pytest.param(
            "https://{}", [UNREAD, http("400 Bad Request")], id="plain HTTP on a TLS port"
        ),
        pytest.param("https://{}", [UNREAD], id="closed in the TLS handshake"),
        pytest.param("https://{}", [UNREAD, RESET], id="reset in the TLS handshake"),
        pytest.param("https://{}", [UNREAD, b"\x15\x03\x01\x00\x02\x02\x28"], id="a TLS alert"),
    ],
)
def test_a_connection_that_cannot_be_used(
    url: str, script: Script, server: Server, ask: Callable[..., Report]
) -> None:
    server.play(script)
    with refusing_port() as closed:
        address = url.format(server.address, closed=f"127.0.0.1:{closed}")
        check(ask("-H", address), "unreachable")
    assert server.connections == ("{}" in url)


#: What a proxy answers, and the condition for http:// and for https://.
PROXIES: Dict[str, Tuple[Script, str, str]] = {
    "403": (http("403 Forbidden", LOGIN), "auth", "unreachable"),
    "407": (http("407 Who", "", "Proxy-Authenticate: Basic"), "invalid", "unreachable"),
    "503": (http("503 No", LOGIN), "unreachable", "unreachable"),
    "garbage": (bytes(range(256)), "unreachable", "unreachable"),
    "nothing": ([UNREAD], "unreachable", "unreachable"),
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("case", PROXIES)
def test_a_proxy_that_does_not_connect_is_named(
    case: str, scheme: str, server: Server, ask: Callable[..., Report]
) -> None:
    script, plain, tunnel = PROXIES[case]
    server.play(script)
    env = {"HTTP_PROXY": server.url, "HTTPS_PROXY": server.url}
    found = ask("-H", f"{scheme}://rodin.example", **env)
    check(found, plain if scheme == "http" else tunnel)
    assert server.address in found.text


@pytest.mark.parametrize(
    "proxy",
    ["http://127.0.0.1:{closed}", "socks5://127.0.0.1:1", "http://no[sense", "ftp://127.0.0.1:1"],
)
def test_a_proxy_that_cannot_be_used(
    proxy: str, server: Server, ask: Callable[..., Report]
) -> None:
    with refusing_port() as closed:
        found = ask("-H", server.url, HTTP_PROXY=proxy.format(closed=closed))
    check(found, "unreachable")
    assert "prox" in found.text.lower()
    assert server.connections == 0


def test_more_than_100_header_lines_are_named(server: Server, ask: Callable[..., Report]) -> None:
    server.play(http("200 OK", BODY, *["X-More: 1"] * 101))
    found = ask("-H", server.url)
    check(found, "unreachable")
    assert "header" in found.text


#: A range for every metric of a queue, at both levels.
EVERY_LIMIT = [
    f"{option}{metric}=@0.5:0.75"
    for metric in (
        "consumers",
        "job_awaiting",
        "job_running",
        "awaiting_per_consumer",
        "busy_ratio",
    )
    for option in ("-w", "-c")
]


@pytest.mark.parametrize("args", [("-vvv",), EVERY_LIMIT], ids=["-vvv", "every limit"])
def test_5000_queues_of_1_mib_stay_within_the_memory(
    args: Sequence[str], server: Server, ask: Callable[..., Report]
) -> None:
    body = answer({f"{number:05}{'x' * 135}": queue(1, 7, 1) for number in range(5000)})
    server.play(http("200 OK", body))
    assert MIB * 0.9 < len(body) <= MIB
    assert ask("-H", server.url, "--require=", *args, prompt=20).state == "OK"


def test_hostile_names_break_no_line(server: Server, ask: Callable[..., Report]) -> None:
    names = {name: queue(0) for name in (*DOCUMENTED, *HOSTILE)}
    server.play(http("200 OK", answer(names)))
    for verbosity in ((), ("-vvv",)):
        found = ask("-H", server.url, *verbosity)
        assert found.state == "CRITICAL"
        assert len(found.metrics) == 3 * len(names) + 1
