"""The request: who is asked, for what, through which proxy, and what -v to -vvv show of it.

Every form of `-H` and `RODIN_URL` is in test_options.
"""

from __future__ import annotations

import os
import ssl
from typing import Callable

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


def test_the_request_is_the_documented_one_below_the_prefix(server: Server, ask: Ask) -> None:
    server.play(SOUND)
    assert ask("-H", f"{server.url}/rodin/api/").state == "OK"
    (request,) = server.requests
    line, *headers = request.decode().split("\r\n")[:-2]
    assert line == f"GET /rodin{ENDPOINT} HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        f"Authorization: Bearer {TOKEN}",
        "Connection: close",
        f"Host: {server.address}",
        f"User-Agent: check_rodin_queues/{check_rodin_queues.__version__}",
    ]
    assert os.uname().nodename not in request.decode()


def test_a_host_means_https(tls_server: Server, server: Server, ask: Ask) -> None:
    tls_server.play(SOUND)
    server.play(SOUND)
    assert ask("-H", f"localhost:{tls_server.port}").state == "OK"
    assert ask(RODIN_URL=f"localhost:{tls_server.port}/api\n").state == "OK"
    assert ask("-H", server.address).state == "CRITICAL"
    assert not any(b"GET " in request for request in server.requests)


@pytest.mark.usefixtures("ipv6")
def test_an_ipv6_address(secure: ssl.SSLContext, ask: Ask) -> None:
    with Server(SOUND, tls=secure, host="::1") as server:
        assert ask("-H", "::1", "-p", str(server.port)).state == "OK"


@pytest.mark.parametrize(("variable", "proxied"), [("no_proxy", False), ("X", True)])
def test_no_proxy_is_respected(variable: str, proxied: bool, server: Server, ask: Ask) -> None:
    server.play(SOUND)
    with Proxy() as proxy:
        env = {"HTTP_PROXY": f"\ufeff{proxy.url}\n", variable: "127.0.0.1\n"}
        assert ask("-H", server.url, **env).state == "OK"
        assert proxy.connections == proxied


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


#: A response, and what -vvv shows of it: at most 2,000 characters of a body.
CAME: dict[str, tuple[Script, str]] = {
    "a long body": (http("200 OK", b"x" * 1990 + b"yy" * 9), "x" * 1990 + "y" * 10),
    "a rejection without end": ([head("403 No") + b"no \xff permission", HOLD], "no \ufffd perm"),
    "the library's error": (b"nonsense\r\n\r\n", "BadStatusLine"),
}


@pytest.mark.parametrize("case", CAME)
def test_vvv_shows_what_came(case: str, server: Server, ask: Ask) -> None:
    script, shown = CAME[case]
    server.play(script)
    more = ask("-H", server.url, "-vvv").more
    assert shown in more
    assert shown + "y" not in more
