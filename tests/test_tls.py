"""TLS: which certificates are accepted, where trust comes from, and what a client shows."""

from __future__ import annotations

import os
import pty
import ssl
import warnings
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Tuple

import pytest

from tests.certificates import CLIENT, DAY, Authority, Certificate, hashed, self_signed, weak_key
from tests.console import TOKEN, Report, report, run
from tests.server import Proxy, Server, http, site

HOST = "127.0.0.1"
SOUND = http("200 OK", site())

Ask = Callable[..., Report]


@pytest.fixture(scope="session")
def stranger() -> Authority:
    """Return an authority that no run trusts."""
    return Authority("Stranger of the tests")


@pytest.fixture(name="ask")
def fixture_ask(token_file: str) -> Ask:
    """Return what runs the check against a server."""

    def ask(url: str, *args: str, prefix: Tuple[str, ...] = (), **env: str) -> Report:
        found = run("-H", url, "--token-file", token_file, *args, env=env, prefix=prefix)
        return report(found, verbose="-v" in args)

    return ask


@pytest.fixture
def trust(ask: Ask, ca_file: str) -> Ask:
    """Return what runs the check with the CA of the tests."""
    return lambda url, *args, **env: ask(url, "--ca-file", ca_file, *args, **env)


@pytest.fixture
def flawed(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> Callable[[str], ssl.SSLContext]:
    """Return what gives the TLS of a server whose certificate has one of the FLAWS."""
    return lambda flaw: FLAWS[flaw][0](authority, stranger).serve(tmp_path)


def rejected(found: Report, *words: str) -> None:
    """Assert that TLS failed, that the text has the *words*, and --insecure is no first advice."""
    assert (found.state, found.conditions) == ("CRITICAL", ("unreachable",)), found.text
    text = found.text.lower()
    assert [word for word in words if word not in text] == [], found.text
    assert "--insecure" not in text


# --- certificates of servers and proxies --------------------------------------------------------


def _below(root: Authority) -> Authority:
    return Authority("Intermediate of the tests", root)


def _long_chain(root: Authority) -> Certificate:
    first = Authority("First", root, path_length=0)
    leaf = Authority("Second", first).issue(HOST)
    return leaf._replace(chain=(*leaf.chain, first.certificate))


#: What is wrong with a certificate of our CA or of another, and words that the text has to have.
FLAWS: Dict[str, Tuple[Callable[[Authority, Authority], Certificate], str]] = {
    "an unknown CA": (lambda _, other: other.issue(HOST), "certificate --ca-file"),
    "self-signed": (lambda *_: self_signed(HOST), "self-signed --ca-file"),
    "expired": (lambda ca, _: ca.issue(HOST, starts=-3 * DAY, ends=-DAY), "expired"),
    "not yet valid": (lambda ca, _: ca.issue(HOST, starts=DAY, ends=3 * DAY), "not yet"),
    "another name": (lambda ca, _: ca.issue("rodin.example"), "name -h"),
    "another address": (lambda ca, _: ca.issue("127.0.0.2"), "certificate -h"),
    "a client's certificate": (lambda ca, _: ca.issue(HOST, usage=[CLIENT]), "certificate"),
    "a missing intermediate": (
        lambda ca, _: _below(ca).issue(HOST)._replace(chain=()),
        "intermediate --ca-file",
    ),
    "not a CA": (lambda ca, _: Authority("Not a CA", ca, ca=False).issue(HOST), "certificate"),
    "an expired CA": (lambda ca, _: Authority("Old", ca, ends=-DAY).issue(HOST), "expired"),
    "a key that is too short": (lambda ca, _: ca.issue(HOST, key=weak_key()), "key"),
    "a chain that is too long": (lambda ca, _: _long_chain(ca), "certificate"),
}

#: What is tried on every road.
CHOSEN = ("an unknown CA", "expired", "another name")


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_rejected(flaw: str, flawed: Callable[..., ssl.SSLContext], trust: Ask) -> None:
    with Server(SOUND, tls=flawed(flaw)) as server:
        url = server.url.replace(HOST, "localhost") if flaw == "another name" else server.url
        rejected(trust(url), *FLAWS[flaw][1].split())
        assert server.requests == []


@pytest.mark.parametrize("flaw", CHOSEN)
@pytest.mark.parametrize("whose", ["server", "proxy", "proxy of http"])
def test_a_flaw_is_rejected_through_a_proxy(
    flaw: str, whose: str, flawed: Callable[..., ssl.SSLContext], secure: ssl.SSLContext, trust: Ask
) -> None:
    """The certificate of a proxy that speaks TLS is verified like that of a server."""
    bad = flawed(flaw)
    tls = {"server": (bad, secure), "proxy": (secure, bad), "proxy of http": (None, bad)}[whose]
    with Server(SOUND, tls=tls[0]) as server, Proxy(tls=tls[1]) as proxy:
        named = f"https://localhost:{proxy.port}" if flaw == "another name" else proxy.url
        rejected(trust(server.url, HTTPS_PROXY=named, HTTP_PROXY=named))
        assert server.requests == []
        assert bool(proxy.requests) == (whose == "server")
        assert TOKEN.encode() not in proxy.heard


@pytest.mark.parametrize("flaw", CHOSEN)
def test_insecure_accepts_a_flaw_and_says_so(
    flaw: str, flawed: Callable[..., ssl.SSLContext], ask: Ask
) -> None:
    context = flawed(flaw)
    with Server(SOUND, tls=context) as server, Proxy(tls=context) as proxy:
        assert ask(server.url, "--insecure", HTTPS_PROXY=proxy.url).state == "OK"
        found = ask(server.url, "--insecure", "-v")
    assert found.state == "OK"
    assert "--insecure" in found.more


def test_a_verified_run_does_not_say_insecure(tls_server: Server, trust: Ask) -> None:
    tls_server.play(SOUND)
    assert "insecure" not in trust(tls_server.url, "-v").more


def test_a_proxy_with_a_sound_certificate_is_used(
    secure: ssl.SSLContext, tls_server: Server, server: Server, trust: Ask
) -> None:
    """The proxy sees the token only where http:// was asked for."""
    tls_server.play(SOUND)
    server.play(SOUND)
    with Proxy(tls=secure) as proxy:
        env = {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url}
        assert trust(tls_server.url, **env).state == "OK"
        assert proxy.heard.startswith(b"CONNECT ")
        assert TOKEN.encode() not in proxy.heard
        assert trust(server.url, **env).state == "OK"
        assert proxy.lines[1].startswith(f"GET {server.url}/")


#: Certificates that are accepted: what the server sends, and what is trusted.
ACCEPTED: Dict[str, Callable[[Authority], Tuple[Certificate, bytes]]] = {
    "a whole chain": lambda ca: (_below(ca).issue(HOST), ca.pem),
    "an intermediate in the bundle": lambda ca: (
        (below := _below(ca)).issue(HOST)._replace(chain=()),
        ca.pem + below.pem,
    ),
    "a CA without key usage and key identifiers": lambda _: (
        (old := Authority("Old authority", strict=False)).issue(HOST),
        old.pem,
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_the_defaults_of_openssl_accept_is_accepted(
    case: str, authority: Authority, tmp_path: Path, ask: Ask
) -> None:
    """On every Python: 3.13 and newer set VERIFY_X509_STRICT, which is cleared."""
    certificate, trusted = ACCEPTED[case](authority)
    (tmp_path / "ca.pem").write_bytes(trusted)
    with Server(SOUND, tls=certificate.serve(tmp_path)) as server:
        assert ask(server.url, "--ca-file", str(tmp_path / "ca.pem")).state == "OK"


def test_tls_1_0_is_rejected(authority: Authority, tmp_path: Path, trust: Ask) -> None:
    context = authority.issue(HOST).serve(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with Server(SOUND, tls=context) as server:
        rejected(trust(server.url), "tls 1.2")


def test_a_configuration_of_openssl_that_allows_no_tls_is_named(
    tls_server: Server, tmp_path: Path, trust: Ask
) -> None:
    """Such as FIPS mode without its provider: the CA file is sound, and is not blamed."""
    (tmp_path / "openssl.cnf").write_text(
        "openssl_conf = all\n[all]\nalg_section = algorithms\n[algorithms]\n"
        "default_properties = fips=yes\n"
    )
    env = {"OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    found = trust(tls_server.url, **env)
    assert found.state == "UNKNOWN"
    assert "OpenSSL" in found.text
    assert "--ca-file" not in found.text
    assert tls_server.connections == 0


# --- where trust comes from ---------------------------------------------------------------------

#: Where stores are named: `good` and `dir` have the server's CA, `bad` and `baddir` have another.
STORES: Dict[str, Tuple[Dict[str, str], str]] = {
    "none": ({}, "CRITICAL"),
    "a hashed directory": ({"--ca-file": "dir"}, "OK"),
    "a hashed directory with another CA": ({"--ca-file": "baddir"}, "CRITICAL"),
    "only the first store": ({"--ca-file": "bad", "REQUESTS_CA_BUNDLE": "good"}, "CRITICAL"),
    "a bundle of the environment": ({"REQUESTS_CA_BUNDLE": "good", "CURL_CA_BUNDLE": "bad"}, "OK"),
    "a directory of the environment": ({"CURL_CA_BUNDLE": "dir", "SSL_CERT_FILE": "bad"}, "OK"),
    "the second of several directories": ({"SSL_CERT_DIR": "baddir:missing:dir"}, "OK"),
}


@pytest.fixture(scope="module")
def stores(
    authority: Authority, stranger: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a directory with these stores."""
    folder = tmp_path_factory.mktemp("stores")
    (folder / "good").write_bytes(authority.pem)
    (folder / "bad").write_bytes(stranger.pem)
    hashed(folder / "dir", ours=authority.pem, other=stranger.pem)
    hashed(folder / "baddir", other=stranger.pem)
    return folder


@pytest.mark.parametrize("case", STORES)
def test_a_store_is_used(case: str, stores: Path, tls_server: Server, ask: Ask) -> None:
    tls_server.play(SOUND)
    given, state = STORES[case]
    paths = {
        name: ":".join(str(stores / part) for part in value.split(":")) if value else ""
        for name, value in given.items()
    }
    option = paths.pop("--ca-file", "")
    args = ("--ca-file", option) if option else ()
    assert ask(tls_server.url, *args, **paths).state == state


#: What an administrator puts into the system's directory of CAs.
SYSTEM: Dict[str, Tuple[str, str]] = {
    "a hashed directory": ('cp "$GOOD" $STORE/ours.pem; openssl rehash $STORE', "OK"),
    "a bundle file": ('cp "$GOOD" $STORE/ca-certificates.crt', "OK"),
    "the directory first": (
        'cp "$GOOD" $STORE/ours.pem; openssl rehash $STORE; cp "$BAD" $STORE/ca-certificates.crt',
        "OK",
    ),
}


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("case", SYSTEM)
def test_the_store_of_the_system(case: str, stores: Path, tls_server: Server, ask: Ask) -> None:
    """In a mount namespace, in which the test fills the store."""
    tls_server.play(SOUND)
    fill, state = SYSTEM[case]
    path = Path(ssl.get_default_verify_paths().openssl_capath)
    if not path.exists():
        pytest.skip("this Python's OpenSSL has no directory of CAs")
    script = f'mount -t tmpfs none $STORE && {{ {fill}; }} >/dev/null && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "store")
    env = {"GOOD": str(stores / "good"), "BAD": str(stores / "bad"), "STORE": str(path.resolve())}
    assert ask(tls_server.url, prefix=prefix, **env).state == state


# --- mutual TLS ---------------------------------------------------------------------------------


class Demanding(NamedTuple):
    """A server that requires a client certificate, and the files that a client can show."""

    server: Server
    folder: Path

    def options(self, certificate: str, key: str) -> Tuple[str, ...]:
        """Return the options that name these files, if any."""
        shown = ("--client-cert", str(self.folder / certificate)) if certificate else ()
        return (*shown, *(("--client-key", str(self.folder / key)) if key else ()))


@pytest.fixture(scope="module", params=["TLSv1_2", "TLSv1_3"])
def demanding(
    request: pytest.FixtureRequest,
    authority: Authority,
    stranger: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demanding]:
    """Return the server for each protocol: in 1.3 it rejects only after the handshake."""
    folder = tmp_path_factory.mktemp("mutual")
    ours = authority.issue("client", usage=[CLIENT])
    files = {
        "client.pem": ours.pem,
        "client.key": ours.key_pem(),
        "combined.pem": ours.combined,
        "encrypted.key": ours.key_pem(b"a passphrase"),
        "stranger.pem": stranger.issue("client", usage=[CLIENT]).combined,
        "authority.pem": authority.pem,
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    context = authority.issue(HOST).serve(folder)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(folder / "authority.pem"))
    with Server(SOUND, tls=context) as server:
        yield Demanding(server, folder)


@pytest.mark.parametrize(
    ("certificate", "key", "state"),
    [
        pytest.param("client.pem", "client.key", "OK", id="two files, through a tunnel"),
        pytest.param("combined.pem", "", "OK", id="one file"),
        pytest.param("", "", "CRITICAL", id="no certificate"),
        pytest.param("stranger.pem", "", "CRITICAL", id="of an unknown CA"),
    ],
)
def test_a_client_certificate(
    certificate: str, key: str, state: str, demanding: Demanding, trust: Ask
) -> None:
    args = demanding.options(certificate, key)
    with Proxy() as proxy:
        env = {"HTTPS_PROXY": proxy.url} if certificate == "client.pem" else {}
        found = trust(demanding.server.url, *args, **env)
        assert proxy.connections == len(env)
    assert found.state == state
    if state != "OK":
        rejected(found, "--client-cert")


@pytest.mark.parametrize("demanding", ["TLSv1_3"], indirect=True)
def test_the_passphrase_of_a_key_is_not_asked_for_on_a_terminal(
    demanding: Demanding, ca_file: str, token_file: str
) -> None:
    """OpenSSL would ask on a controlling terminal, and wait for ever."""
    options = demanding.options("client.pem", "encrypted.key")
    args = ["-H", demanding.server.url, "--token-file", token_file, "--ca-file", ca_file, *options]
    master, terminal = pty.openpty()
    found = report(run(*args, stdin=terminal, prefix=("setsid", "--ctty")))
    os.close(master)
    os.close(terminal)
    assert (found.state, found.conditions) == ("UNKNOWN", ())
