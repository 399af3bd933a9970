"""`-H`, `-p`, `RODIN_URL` and the proxy variables: who is asked, for what, and what -vv shows."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Callable, Iterator

import pytest

import check_rodin_queues
from tests.console import TOKEN, Report, report, run
from tests.server import HOLD, Proxy, Script, Server, head, http, site

ENDPOINT = "/api/v2/queue_status_check"
SOUND = http("200 OK", site(), "X-More: something")

Ask = Callable[..., Report]


@pytest.fixture(name="ask")
def fixture_ask(token_file: str, ca_file: str) -> Ask:
    """Return what runs the check with the token and the CA of the tests."""

    def ask(*args: str, **env: str) -> Report:
        common = ("--token-file", token_file, "--ca-file", ca_file)
        return report(run(*common, *args, env=env), verbose=any("-v" in arg for arg in args))

    return ask


@pytest.fixture
def tls6(secure: ssl.SSLContext) -> Iterator[Server]:
    """Return a server that speaks TLS on ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Server(SOUND, tls=secure, host="::1") as server:
        yield server


def test_the_request_is_the_documented_one(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", server.url).state == "OK"
    (request,) = server.requests
    line, *headers = request.decode().split("\r\n")[:-2]
    assert line == f"GET {ENDPOINT} HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        f"Authorization: Bearer {TOKEN}",
        "Connection: close",
        f"Host: {server.address}",
        f"User-Agent: check_rodin_queues/{check_rodin_queues.__version__}",
    ]
    assert os.uname().nodename not in request.decode()


@pytest.mark.parametrize("host", ["localhost:{}/api", "https://127.0.0.1:{}/", " \t127.0.0.1:{}\n"])
def test_a_host_means_https(host: str, tls_server: Server, ask: Ask) -> None:
    """White space around it is stripped, such as the line break at the end of a Secret."""
    tls_server.play(SOUND)
    given = host.format(tls_server.port)
    assert ask("-H", given).state == "OK"
    assert ask(RODIN_URL=given).state == "OK"


@pytest.mark.parametrize(("host", "port"), [("::1", "-p{}"), ("[::1]:{}", "-v")])
def test_an_ipv6_address(host: str, port: str, tls6: Server, ask: Ask) -> None:
    assert ask("-H", host.format(tls6.port), port.format(tls6.port)).state == "OK"


def test_http_needs_its_scheme(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", server.url).state == "OK"
    assert ask("-H", server.address).state == "CRITICAL"
    assert sum(b"GET " in request for request in server.requests) == 1


def test_a_path_is_a_prefix(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", server.url + "/rodin/api/").state == "OK"
    assert server.lines == [f"GET /rodin{ENDPOINT} HTTP/1.1"]


def test_the_option_wins_over_the_environment(server: Server, tls_server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", server.url, RODIN_URL=tls_server.url).state == "OK"
    assert tls_server.connections == 0


@pytest.mark.parametrize(
    ("variable", "proxied"), [("NO_PROXY", False), ("no_proxy", False), ("X", True)]
)
def test_no_proxy_is_respected(variable: str, proxied: bool, server: Server, ask: Ask) -> None:
    server.play(SOUND)
    with Proxy() as proxy:
        env = {"HTTP_PROXY": f"\ufeff{proxy.url}\n", variable: "127.0.0.1\n"}
        assert ask("-H", server.url, **env).state == "OK"
        assert proxy.connections == proxied


def test_the_proxy_of_http_gets_the_whole_request(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", "http://rodin.example", HTTP_PROXY=server.url).state == "OK"
    assert server.lines == [f"GET http://rodin.example{ENDPOINT} HTTP/1.1"]
    assert f"Authorization: Bearer {TOKEN}".encode() in server.requests[0]


def test_v_vv_and_vvv_show_more_and_more(tls_server: Server, ca_file: str, ask: Ask) -> None:
    tls_server.play(SOUND)
    shown = [ask("-H", tls_server.url, "-" + "v" * count).more for count in (1, 2, 3)]
    known = [tls_server.url + ENDPOINT, ca_file, "HTTP 200", "X-More: something", '{"rodin.mesh"']
    assert [sum(fact in more for fact in known) for more in shown] == [0, 3, 5]


def test_vv_names_the_proxy(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    with Proxy(to=server.port) as proxy:
        env = {"HTTP_PROXY": f"http://user:word@{proxy.address}"}
        more = ask("-H", "http://rodin.invalid", "-vv", **env).more
        assert proxy.address in more
    assert "word" not in more


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        pytest.param(http("200 OK", b"x" * 1990 + b"yy" * 9), "x" * 1990 + "y" * 10, id="2,000"),
        pytest.param(http("200 OK", b"a\xffb"), "a\ufffdb", id="not UTF-8"),
        pytest.param(
            http("403 No", '{"error": "NO_PERMISSION"}'), "NO_PERMISSION", id="a rejection"
        ),
        pytest.param(
            [head("403 No") + b"no permission, see the log", HOLD],
            "no permission",
            id="a rejection that does not end",
        ),
        pytest.param(b"nonsense\r\n\r\n", "BadStatusLine", id="the library's error"),
    ],
)
def test_vvv_shows_what_came(script: Script, shown: str, server: Server, ask: Ask) -> None:
    server.play(script)
    more = ask("-H", server.url, "-vvv").more
    assert any(line.endswith(shown) or shown in line for line in more.splitlines())
    assert shown + "y" not in more
