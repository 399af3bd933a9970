"""A proxy that speaks TLS itself: its certificate is looked at like that of a server."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from tests.faults.behaviour import HEALTHY, message, raw
from tests.faults.canary import TOKEN
from tests.faults.certificates import Authority, hashed
from tests.faults.document import answer as body
from tests.faults.invariants import check_run
from tests.faults.proxy import Proxy
from tests.faults.punctuality import in_time
from tests.faults.server import Behaviour, Exchange, FaultServer
from tests.faults.test_tls import FAULTS, HOST
from tests.faults.trial import Trial

Ask = Callable[..., Trial]


def at(proxy: FaultServer, host: str = HOST) -> Dict[str, str]:
    """Return the environment that names the proxy as one that speaks TLS."""
    url = f"https://{host}:{proxy.port}"
    return {"HTTPS_PROXY": url, "HTTP_PROXY": url}


@pytest.fixture(name="proxy")
def fixture_proxy(authority: Authority, tmp_path: Path) -> Iterator[Proxy]:
    """Return a proxy with a certificate in good order."""
    with Proxy(tls=authority.issue(HOST).serve(tmp_path)) as proxy:
        yield proxy


@pytest.mark.parametrize("trust", ["file", "folder", "environment"])
def test_one_in_good_order_is_used(
    *, trust: str, proxy: Proxy, tls_server: FaultServer, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    tls_server.prepare(HEALTHY)
    folder = hashed(tmp_path / "hashed", ca=Path(ca_file).read_bytes())
    args = {"file": ("--ca-file", ca_file), "folder": ("--ca-file", folder)}.get(trust, ())
    env = {} if args else {"REQUESTS_CA_BUNDLE": ca_file}
    trial = ask(tls_server, *args, env={**at(proxy), **env})
    assert check_run(trial) == "OK"
    assert proxy.heard.startswith(b"CONNECT ")
    assert TOKEN.encode() not in proxy.heard


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_certificate_of_the_proxy_is_told_apart(
    *,
    name: str,
    authority: Authority,
    stranger: Authority,
    tls_server: FaultServer,
    ca_file: str,
    tmp_path: Path,
    ask: Ask,
) -> None:
    tls_server.prepare(HEALTHY)
    fault = FAULTS[name]
    with Proxy(tls=fault.make(authority, stranger).serve(tmp_path)) as proxy:
        connections = tls_server.connections
        trial = ask(tls_server, "--ca-file", ca_file, env=at(proxy, fault.host))
        assert check_run(trial) == "CRITICAL"
        assert (proxy.heard, tls_server.connections) == (b"", connections)
    text = trial.outcome.text
    assert f"the certificate of the proxy for {HOST}:{tls_server.port} is refused" in text
    if fault.option == "-H":
        older = metadata.version("urllib3").startswith("1.")  # it compares the names itself
        assert ("for this host name" if older else fault.words[0]) in text.lower()
        assert " Name the proxy in HTTPS_PROXY or ALL_PROXY as " in text
        return
    words = [word.replace("on the server", "on the proxy") for word in fault.words]
    assert [word for word in words if word not in text.lower()] == [], text
    assert fault.option in text
    assert "server send" not in text


def test_one_in_good_order_vouches_for_no_server(
    proxy: Proxy, stranger: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    (tmp_path / "server").mkdir()
    context = stranger.issue(HOST).serve(tmp_path / "server")
    with FaultServer(HEALTHY, context) as server:
        trial = ask(server, "--ca-file", ca_file, env=at(proxy))
        assert check_run(trial) == "CRITICAL"
        assert server.requests == []
        assert f"the certificate of {HOST}:{server.port} is refused" in trial.outcome.text
        assert "let the server send" in trial.outcome.text
    assert proxy.heard.startswith(b"CONNECT ")


def test_insecure_trusts_the_proxy_too(
    stranger: Authority, tls_server: FaultServer, tmp_path: Path, ask: Ask
) -> None:
    tls_server.prepare(HEALTHY)
    with Proxy(tls=stranger.issue(HOST).serve(tmp_path)) as proxy:
        trial = ask(tls_server, "--insecure", env=at(proxy))
    assert check_run(trial) == "OK"
    assert proxy.heard.startswith(b"CONNECT ")


def test_one_that_speaks_no_tls_is_told(
    plain_server: FaultServer, tls_server: FaultServer, ca_file: str, ask: Ask
) -> None:
    plain_server.prepare(lambda exchange: exchange.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    trial = ask(tls_server, "--ca-file", ca_file, env=at(plain_server))
    assert check_run(trial) == "CRITICAL"
    assert f"the proxy for {HOST}:{tls_server.port} does not speak TLS" in trial.outcome.text
    assert "Check the proxy, and HTTP_PROXY, HTTPS_PROXY" in trial.outcome.text


def test_one_that_hangs_in_the_handshake_holds_nobody_up(
    plain_server: FaultServer, tls_server: FaultServer, ca_file: str, ask: Ask
) -> None:
    plain_server.prepare(Exchange.hold)
    trial = in_time(
        lambda: ask(tls_server, "--ca-file", ca_file, "-t", "1", env=at(plain_server)),
        1,
        earliest=1,
    )
    assert check_run(trial) == "CRITICAL"


@pytest.mark.parametrize(
    ("answer", "state"),
    [(HEALTHY, "OK"), (raw(message(body()).replace(b"200", b"2_00")), "CRITICAL")],
    ids=["healthy", "status_with_underscore"],
)
def test_http_that_was_asked_for_goes_through_it_as_well(
    *,
    answer: Behaviour,
    state: str,
    authority: Authority,
    plain_server: FaultServer,
    tmp_path: Path,
    ask: Ask,
) -> None:
    """The proxy is told the whole request then, and what it answers is read as strictly."""
    with FaultServer(answer, authority.issue(HOST).serve(tmp_path)) as proxy:
        assert check_run(ask(plain_server, env=at(proxy))) == state
        assert proxy.requests[0].startswith(f"GET {plain_server.url}/".encode())
