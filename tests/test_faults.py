"""What a server or a gateway does, and the condition that the check reports.

Each row runs the real command against a real server. Every run keeps the promises that
`console.report` asserts, sends one request, ends on time, and has less memory than MEMORY_LIMIT.
Which JSON is accepted is in test_response; the words are in test_messages.
"""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Callable

import pytest

from check_rodin_queues.metrics import QUEUE_METRICS
from tests.console import STATES, Report, report, run
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
    head,
    http,
    queue,
    refusing_port,
    site,
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
PROMPT = 15

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
    *("a|time=0", "a;1;2", "a'b", 'a"b', "a=1", "a::b::c", "a'=0;0;0 'b", "a b", " ", ""),
    *("n" * 255, "a\nOK - all is well", "a\rRODIN_QUEUES OK", "a\tb", "[OK] a"),
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\x9b31mb", "a\0b", "a\x7f\x08b"),
    *("a\u202ekcab", "a\u200bb\ufeff", "a\u2028b\x85c"),
    *("a\ud800b", "\uffff\U0010ffff", "a" + "\u0301" * 200, "\U0001f600" * 60, "\u0440odin.mesh"),
    *("total", "time", "token_expires_in", "$(id)", "$USER1$", "%s%n{}{0}", "a,b", "*", "total_2"),
)


def bomb(mebibytes: int) -> bytes:
    """Return gzip that unpacks to so many mebibytes of a JSON object."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = deflate.compress(b"{".ljust(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(b" " * MIB) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + block * (mebibytes - 1)


def packed(body: bytes) -> bytes:
    """Return a response that is compressed as gzip."""
    return http("200 OK", gzip.compress(body), GZIP)


#: Read without doubt.
SOUND: dict[str, Script] = {
    "a response with its length": http("200 OK", BODY),
    "a body that ends with the connection": head() + BODY,
    "a connection that is kept open after the body": [head("200 OK", LENGTH) + BODY, HOLD],
    "HTTP/1.0, no reason phrase": b"HTTP/1.0 200\r\n\r\n" + BODY,
    "100 Continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + http("200 OK", BODY),
    "99 header lines of 1 KB": http("200 OK", BODY, *["X-More: " + "y" * 1000] * 97),
    "a header that is not ASCII": http("200 OK", BODY, "X-More: \xfe\xff\xc3"),
    "chunks": CHUNKED + chunk(HALF) + chunk(BODY[len(HALF) :]) + chunk(b""),
    "chunks with extension and trailer": CHUNKED
    + b"%x;a=b\r\n%s\r\n0\r\nX-More: 1\r\n\r\n" % (SIZE, BODY),
    "gzip": packed(BODY),
    "deflate": http("200 OK", zlib.compress(BODY), "Content-Encoding: deflate"),
    "the encoding identity": http("200 OK", BODY, "Content-Encoding: identity"),
    "JSON that is called text": http("200 OK", BODY, "Content-Type: text/html; charset=none"),
    "a byte order mark": http("200 OK", codecs.BOM_UTF8 + BODY),
    "1 MiB, compressed": packed(BODY.ljust(MIB)),
    "hostile names": http("200 OK", answer({name: queue() for name in (*DOCUMENTED, *HOSTILE)})),
}

UNREACHABLE: dict[str, Script] = {
    "reset before a request": [UNREAD, RESET],
    "closed without a response": b"",
    "closed in the headers": OK + b"Content-Ty",
    "closed before the body": head("200 OK", LENGTH),
    "closed before the last byte": http("200 OK", BODY)[:-1],
    "reset in the body": [http("200 OK", BODY)[:-9], RESET],
    "reset in a body without length": [head() + HALF, RESET],
    "closed in a chunk": CHUNKED + chunk(BODY)[:-20],
    "closed before the last chunk": CHUNKED + chunk(BODY),
    "chunks announced, a plain body sent": CHUNKED + BODY,
    "two lengths": head("200 OK", LENGTH, f"Content-Length: {SIZE - 9}") + BODY,
    "not HTTP": bytes(range(256)) * 20,
    "the body alone": BODY,
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "a status that is a word": b"HTTP/1.1 OK\r\n\r\n" + BODY,
    "a status line without end": [b"HTTP/1.1 200 ", Repeat(b"x" * 65_536)],
    "headers without end": [OK, Repeat(b"X-More: 1\r\n" * 100)],
    "500 with a sound body": http("500 No", BODY),
    "502": http("502 Bad Gateway", LOGIN),
    "599": http("599 No", BODY),
    "500 without its body": [head("500 No", "Content-Length: 99"), HOLD],
    "503 with a gzip bomb": http("503 No", bomb(300), GZIP),
}

INVALID: dict[str, Script] = {
    "302 to another host": http("302 Found", BODY, "Location: http://localhost:1/login"),
    "307 to a path": http("307 No", BODY, "Location: /api/v2/queue_status_check/"),
    "302 without a Location": http("302 Found", BODY),
    "302 with a body without end": [head("302 Found", "Location: /a"), Repeat(b"x" * 9000)],
    **{f"{code} with a sound body": http(f"{code} No", BODY) for code in (101, 204, 206, 404, 999)},
    "a login page": http("200 OK", LOGIN, "Content-Type: text/html"),
    "no body": http("200 OK"),
    "a Content-Length below the body": head("200 OK", f"Content-Length: {SIZE - 9}") + BODY,
    "half a body that ends with the connection": head() + HALF,
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
}

TABLES: dict[str, dict[str, Script]] = {
    "": SOUND,
    "unreachable": UNREACHABLE,
    "invalid": INVALID,
    "auth": {
        "401": http("401 Unauthorized", LOGIN, 'WWW-Authenticate: Basic realm="x"'),
        "403 with a sound body": http("403 Forbidden", BODY),
        "401 without its body": [head("401 No", "Content-Length: 99"), HOLD],
    },
    "throttled": {"429": http("429 Slow", BODY, "Retry-After: 86400")},
}

#: One row of each kind, for the roads beside plain HTTP.
KINDS = ("chunks", "closed before the last byte", "not HTTP", "502", "401", "302 to another host")


def rows(*names: str) -> list[object]:
    """Return all rows, or those with these *names*."""
    return [
        pytest.param(script, condition, id=f"{condition or 'ok'}: {name}")
        for condition, table in TABLES.items()
        for name, script in table.items()
        if not names or name in names
    ]


Ask = Callable[..., Report]


@pytest.fixture(name="ask")
def fixture_ask(token_file: str, tmp_path: Path) -> Ask:
    """Return what runs the check and asserts what holds for every run."""
    peak = tmp_path / "peak"
    meter = (sys.executable, "-I", "-S", "-c", METER, str(peak))

    def ask(*args: str, **env: str) -> Report:
        common = ("--token-file", token_file, "-t", "20")
        found = run(*common, *args, env=env, prefix=meter, within=PROMPT)
        memory = int(peak.read_text())
        assert memory < MEMORY_LIMIT, f"{memory / 1e6:.1f} MB"
        return report(found, verbose="-vvv" in args)

    return ask


def check(found: Report, condition: str) -> None:
    """Assert the one condition that a run reports, its state, and the metrics beside it."""
    assert found.conditions == ((condition,) if condition else ()), found.text
    assert found.state == (STATES[condition] if condition else "OK"), found.text
    time = found.metrics["time"]
    assert (time.unit, time.maximum) == ("s", Decimal(20))
    sound = not condition
    assert (len(found.metrics) > 3 * len(DOCUMENTED), len(found.metrics) % 3) == (sound, 1)


@pytest.mark.parametrize(("script", "condition"), rows())
def test_a_fault_over_http(script: Script, condition: str, server: Server, ask: Ask) -> None:
    """The body of an error, which -vvv shows, is read for a second."""
    server.play(script)
    check(ask("-H", server.url, "-vvv"), condition)
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
    ask: Ask,
) -> None:
    asked = server if road == "a proxy" else tls_server
    asked.play(script)
    with Proxy() as proxy:
        variable = {"a tunnel": "HTTPS_PROXY", "a proxy": "HTTP_PROXY"}.get(road, "FTP_PROXY")
        check(ask("-H", asked.url, "--ca-file", ca_file, **{variable: proxy.url}), condition)
    assert (asked.connections, proxy.connections) == (1, road != "TLS")


@pytest.mark.parametrize("url", ["http://{closed}", "https://{closed}", "https://{}"])
def test_a_server_that_cannot_be_connected(url: str, server: Server, ask: Ask) -> None:
    """No server listens, or it resets the TLS handshake."""
    server.play([UNREAD, RESET])
    with refusing_port() as closed:
        address = url.format(server.address, closed=f"127.0.0.1:{closed}")
        check(ask("-H", address), "unreachable")
    assert server.connections == ("{}" in url)


#: A range for every metric of a queue, at both levels.
EVERY_LIMIT = [
    f"{option}{metric.name}=@0.5:0.75" for metric in QUEUE_METRICS for option in ("-w", "-c")
]


@pytest.mark.parametrize("args", [("-vvv",), EVERY_LIMIT], ids=["-vvv", "every limit"])
def test_5000_queues_of_1_mib_stay_within_the_memory(
    args: Sequence[str], server: Server, ask: Ask
) -> None:
    body = answer({f"{number:05}{'x' * 135}": queue(1, 7, 1) for number in range(5000)})
    server.play(http("200 OK", body))
    assert MIB * 0.9 < len(body) <= MIB
    assert ask("-H", server.url, "--require=", *args).state == "OK"


def test_hostile_names_break_no_line(server: Server, ask: Ask) -> None:
    """Neither those of sound queues nor of a malformed and a missing one."""
    names = {name: queue(0) for name in (*DOCUMENTED, *HOSTILE)}
    server.play(http("200 OK", answer({**names, "d|e=5\n": None})))
    for verbosity in ((), ("-vvv",)):
        found = ask("-H", server.url, "--require=q|r\n", *verbosity)
        assert found.state == "CRITICAL"
        assert len(found.metrics) == 3 * len(names) + 1
