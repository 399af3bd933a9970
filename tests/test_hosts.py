"""`-H`, `-p` and `RODIN_URL`: which server is asked for which path."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple, Optional

import pytest
import trustme

from examples.simulator import Simulator
from tests import live, report, stub
from tests.answers import site
from tests.console import Outcome, run

ENDPOINT = "/api/v2/queue_status_check"


class Secure(NamedTuple):
    """A site over HTTPS on every loopback name, and what a client needs to trust it."""

    port: int
    ca: str
    server: Simulator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a CA, a server's certificate and a token file."""
    found = tmp_path_factory.mktemp("hosts")
    authority = trustme.CA()
    names = ("localhost", "127.0.0.1", "::1")
    issued = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(str(found / "ca.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(found / "server.pem"))
    (found / "token").write_text(live.TOKEN)
    return found


@pytest.fixture
def secure(folder: Path) -> Iterator[Secure]:
    """Serve HTTPS on 127.0.0.1."""
    pem = str(folder / "server.pem")
    with Simulator(token=live.TOKEN, cert=pem) as server:
        yield Secure(server.server_port, str(folder / "ca.pem"), server)


@pytest.fixture
def secure6(folder: Path) -> Iterator[Secure]:
    """Serve HTTPS on ::1."""
    pem = str(folder / "server.pem")
    try:
        server = Simulator(token=live.TOKEN, cert=pem, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        yield Secure(server.server_port, str(folder / "ca.pem"), server)


def ask(folder: Path, *args: str, url: Optional[str] = None) -> Outcome:
    """Run the check with the token of *folder*."""
    env = {} if url is None else {"RODIN_URL": url}
    return run("--token-file", str(folder / "token"), *args, env=env)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:{port}",
        "https://127.0.0.1:{port}",
        "https://127.0.0.1:{port}/",
        "HTTPS://127.0.0.1:{port}",
        "localhost:{port}",
        "LOCALHOST:{port}",
        "127.0.0.1:{port}/",
        "127.0.0.1:{port}/api",
    ],
)
def test_a_bare_host_means_https(host: str, folder: Path, secure: Secure) -> None:
    given = host.format(port=secure.port)
    found = report.read(ask(folder, "-H", given, "--ca-file", secure.ca))
    assert found.state == "OK", found.text
    found = report.read(ask(folder, "--ca-file", secure.ca, url=given))
    assert found.state == "OK"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "https://127.0.0.1"])
@pytest.mark.parametrize("option", ["-p", "--port"])
def test_the_port_on_its_own(option: str, host: str, folder: Path, secure: Secure) -> None:
    outcome = ask(folder, "-H", host, option, str(secure.port), "--ca-file", secure.ca)
    assert report.read(outcome).state == "OK"


@pytest.mark.parametrize("port", [1, 65535])
def test_the_port_is_any_that_there_is(port: int, folder: Path) -> None:
    found = report.read(ask(folder, "-H", "http://127.0.0.9", "-p", str(port)))
    assert f"connection refused: 127.0.0.9:{port}." in found.text


def test_the_port_goes_with_the_environment_too(folder: Path, secure: Secure) -> None:
    args = ("-p", str(secure.port), "--ca-file", secure.ca)
    assert report.read(ask(folder, *args, url="127.0.0.1")).state == "OK"


@pytest.mark.parametrize("host", ["::1", "[::1]", "https://[::1]"])
def test_an_ipv6_address_with_the_port_apart(host: str, folder: Path, secure6: Secure) -> None:
    """A bare one needs no brackets where no port follows."""
    args = ("-H", host, "-p", str(secure6.port), "--ca-file", secure6.ca)
    assert report.read(ask(folder, *args)).state == "OK"


@pytest.mark.parametrize("host", ["[::1]:{port}", "https://[::1]:{port}/api"])
def test_an_ipv6_address_with_its_port(host: str, folder: Path, secure6: Secure) -> None:
    args = ("-H", host.format(port=secure6.port), "--ca-file", secure6.ca)
    assert report.read(ask(folder, *args)).state == "OK"


def test_http_has_to_be_said(folder: Path) -> None:
    with live.site() as asked:
        bare = asked.server.url.replace("http://", "")
        assert report.read(ask(folder, "-H", bare)).state == "CRITICAL"
        assert not asked.server.requests
        assert report.read(ask(folder, "-H", f"http://{bare}")).state == "OK"
        assert report.read(ask(folder, "-H", f"HTTP://{bare}")).state == "OK"


def test_the_schemes_port_is_the_default(folder: Path) -> None:
    """Told by what the line says of a port that nobody listens to."""
    for host, port in (("127.0.0.9", "443"), ("http://127.0.0.9", "80")):
        found = report.read(ask(folder, "-H", host, "-t", "5"))
        assert found.state == "CRITICAL"
        assert f"port={port}" in ask(folder, "-H", host, "-t", "5", "-vvv").stdout


#: What may follow the host, and the path that is then asked for.
PATHS = {
    "": ENDPOINT,
    "/": ENDPOINT,
    "/api": ENDPOINT,
    "/api/": ENDPOINT,
    "/api/v2": ENDPOINT,
    "/api/v2/": ENDPOINT,
    "/api/v2/queue_status_check": ENDPOINT,
    "/api/v2/queue_status_check/": ENDPOINT,
    "/rodin": f"/rodin{ENDPOINT}",
    "/X": f"/X{ENDPOINT}",
    "/X/": f"/X{ENDPOINT}",
    "/X/api": f"/X{ENDPOINT}",
    "/rodin/": f"/rodin{ENDPOINT}",
    "/rodin/api": f"/rodin{ENDPOINT}",
    "/rodin/api/v2": f"/rodin{ENDPOINT}",
    "/rodin/api/v2/queue_status_check": f"/rodin{ENDPOINT}",
    "/a/b": f"/a/b{ENDPOINT}",
    "/myapi": f"/myapi{ENDPOINT}",
    "/v2": f"/v2{ENDPOINT}",
    "/api/v3": f"/api/v3{ENDPOINT}",
    "/api/rodin": f"/api/rodin{ENDPOINT}",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_prefix(path: str, folder: Path) -> None:
    with stub.stub(stub.http("200 OK", site())) as server:
        assert report.read(ask(folder, "-H", server.url + path)).state == "OK"
        assert report.read(ask(folder, url=server.url + path)).state == "OK"
    assert server.requests == [f"GET {PATHS[path]} HTTP/1.1"] * 2


def test_the_option_wins_over_the_environment(folder: Path) -> None:
    with live.site() as asked, live.site("dead-worker") as other:
        outcome = ask(folder, "-H", asked.server.url, url=other.server.url)
        assert report.read(outcome).state == "OK"
        assert not other.server.requests


def test_one_of_the_two_is_required(folder: Path) -> None:
    for url in (None, ""):
        text = report.refused(ask(folder, url=url))
        assert text == "no server is named. Give -H/--host or set RODIN_URL"


def test_the_host_may_name_the_same_port(folder: Path) -> None:
    with live.site() as asked:
        args = ("-H", asked.server.url, "-p", str(asked.server.server_port))
        assert report.read(ask(folder, *args)).state == "OK"


#: Hosts that are usage errors, where a secret may stand in `{}`.
BAD = [
    "user@127.0.0.1",
    "user:{}@127.0.0.1",
    "http://user:{}@127.0.0.1",
    "https://{}@127.0.0.1",
    "https://@127.0.0.1",
    "http://127.0.0.1/?token={}",
    "http://127.0.0.1?{}",
    "http://127.0.0.1/?",
    "http://127.0.0.1/api#{}",
    "http://127.0.0.1/#",
    "127.0.0.1?x",
    "127.0.0.1#x",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "http:127.0.0.1",
    "http:/127.0.0.1",
    "//127.0.0.1",
    "http://",
    "https:///api",
    "http://:80",
    ":80",
    "127.0.0.1:",
    "127.0.0.1:x",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:8_0",
    "127.0.0.1:80:80",
    "http://127.0.0.1:+80",
    "http://127.0.0.1: 80",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]:x",
    "[::1x]",
    "[127.0.0.1]",
    "[]",
    "http://::1",
    "1:2:3",
    "a b",
    "a\tb",
    "a\nb",
    "a..b",
    ".",
    "a\\b",
    "http://a\\@127.0.0.1",
    "http://127.0.0.1/a b",
    "http://127.0.0.1/a\nb",
    "a" * 64 + ".example",
    "",
]


@pytest.mark.parametrize("host", BAD)
def test_a_bad_host_is_a_usage_error(host: str, folder: Path) -> None:
    given = host.replace("{}", "secret-canary")
    text = report.refused(ask(folder, f"--host={given}"))
    assert text.startswith("-H/--host: takes ")
    assert "secret-canary" not in text
    if given:
        text = report.refused(ask(folder, url=given))
        assert text.startswith("RODIN_URL: takes ")
        assert "secret-canary" not in text


@pytest.mark.parametrize("port", ["x", "0", "-1", "65536", "", "8_0", "80.0", " 80", "\u0661"])
def test_a_bad_port_is_a_usage_error(port: str, folder: Path) -> None:
    report.refused(ask(folder, "-H", "127.0.0.1", f"--port={port}"), "--port", "65535")


@pytest.mark.parametrize("host", ["127.0.0.1:81", "http://127.0.0.1:81/api", "[::1]:81"])
def test_two_ports_are_a_usage_error(host: str, folder: Path) -> None:
    text = report.refused(ask(folder, "-H", host, "-p", "82"))
    assert text == "-p/--port: -H/--host names another port, 81. Give one of the two"
    text = report.refused(ask(folder, "-p", "82", url=host))
    assert text == "-p/--port: RODIN_URL names another port, 81. Give one of the two"
