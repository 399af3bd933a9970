"""TLS: which certificates are accepted, where trust comes from, and what a client shows."""

from __future__ import annotations

import datetime
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
import trustme

from tests.console import TOKEN, Report, report, run
from tests.server import Proxy, Server, http, serving, site

HOST = "127.0.0.1"
SOUND = http("200 OK", site())
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)

Ask = Callable[..., Report]


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    """Return an authority that no run trusts."""
    return trustme.CA()


@pytest.fixture(name="ask")
def fixture_ask(token_file: str) -> Ask:
    """Return what runs the check against a server."""

    def ask(url: str, *args: str, prefix: tuple[str, ...] = (), **env: str) -> Report:
        found = run("-H", url, "--token-file", token_file, *args, env=env, prefix=prefix)
        return report(found, verbose="-v" in args)

    return ask


@pytest.fixture
def trust(ask: Ask, ca_file: str) -> Ask:
    """Return what runs the check with the CA of the tests."""
    return lambda url, *args, **env: ask(url, "--ca-file", ca_file, *args, **env)


def rejected(found: Report, words: str = "") -> None:
    """Assert that TLS failed, that the text has the *words*, and --insecure is no first advice."""
    assert (found.state, found.conditions) == ("CRITICAL", ("unreachable",)), found.text
    assert words in found.text
    assert "--insecure" not in found.text


# --- certificates of servers and proxies --------------------------------------------------------


def from_file(path: Path) -> ssl.SSLContext:
    """Return the TLS of a server with the key and the certificates in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def without_intermediate(ca: trustme.CA, folder: Path) -> ssl.SSLContext:
    leaf, path = ca.create_child_ca().issue_cert(HOST), folder / "leaf.pem"
    path.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    return from_file(path)


def self_signed(folder: Path, name: str = "own", *signer: str) -> ssl.SSLContext:
    """Make a certificate as `openssl req -x509` does, without the key usage of RFC 5280."""
    path = folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(path), *signer]
    certificate = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
    (folder / f"{name}.crt").write_bytes(certificate)
    path.write_bytes(path.read_bytes() + certificate)
    return from_file(path)


def old_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = serving(ca.issue_cert(HOST))
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def valid(ca: trustme.CA, first: int, last: int) -> ssl.SSLContext:
    """Return the TLS of a server whose certificate is valid between these days from now."""
    return serving(ca.issue_cert(HOST, not_before=NOW + first * DAY, not_after=NOW + last * DAY))


#: What is wrong with a server of our CA or of another, as the text has it.
FLAWS: dict[str, Callable[[trustme.CA, trustme.CA, Path], ssl.SSLContext]] = {
    "unknown CA": lambda _, other, __: serving(other.issue_cert(HOST)),
    "name mismatch": lambda ca, *_: serving(ca.issue_cert("rodin.example")),
    "self-signed": lambda *given: self_signed(given[2]),
    "expired": lambda ca, *_: valid(ca, -3, -1),
    "not yet valid": lambda ca, *_: valid(ca, 1, 2),
    "missing intermediate": lambda ca, _, folder: without_intermediate(ca, folder),
    "Enable TLS 1.2": lambda ca, *_: old_tls(ca),
}
#: What is tried on every road.
CHOSEN = ("unknown CA", "name mismatch")


@pytest.fixture(params=FLAWS)
def flawed(
    request: pytest.FixtureRequest, authority: trustme.CA, stranger: trustme.CA, tmp_path: Path
) -> ssl.SSLContext:
    """Return the TLS of a server with one of the FLAWS."""
    return FLAWS[request.param](authority, stranger, tmp_path)


def test_a_flaw_is_rejected(
    flawed: ssl.SSLContext, request: pytest.FixtureRequest, trust: Ask
) -> None:
    flaw = request.node.callspec.params["flawed"]
    with Server(SOUND, tls=flawed) as server:
        url = server.url.replace(HOST, "localhost") if flaw == "name mismatch" else server.url
        rejected(trust(url), flaw)
        assert server.requests == []


@pytest.mark.parametrize("flawed", CHOSEN, indirect=True)
@pytest.mark.parametrize("whose", ["server", "proxy", "proxy of http"])
def test_a_flaw_is_rejected_through_a_proxy(
    whose: str, flawed: ssl.SSLContext, secure: ssl.SSLContext, trust: Ask
) -> None:
    """The certificate of a proxy that speaks TLS is verified like that of a server."""
    tls = {"server": (flawed, secure), "proxy": (secure, flawed), "proxy of http": (None, flawed)}
    with Server(SOUND, tls=tls[whose][0]) as server, Proxy(tls=tls[whose][1]) as proxy:
        rejected(trust(server.url, HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url))
        assert server.requests == []
        assert bool(proxy.requests) == (whose == "server")
        assert TOKEN.encode() not in proxy.heard


@pytest.mark.parametrize("flawed", CHOSEN, indirect=True)
def test_insecure_accepts_a_flaw_and_says_so(flawed: ssl.SSLContext, ask: Ask) -> None:
    with Server(SOUND, tls=flawed) as server, Proxy(tls=flawed) as proxy:
        found = ask(server.url, "--insecure", "-v", HTTPS_PROXY=proxy.url)
        assert proxy.connections == 1
    assert found.state == "OK"
    assert "--insecure" in found.more


def test_a_proxy_with_a_sound_certificate_is_used(
    secure: ssl.SSLContext, tls_server: Server, server: Server, trust: Ask
) -> None:
    """The proxy sees the token only where http:// was asked for."""
    tls_server.play(SOUND)
    server.play(SOUND)
    with Proxy(tls=secure) as proxy:
        env = {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url}
        found = trust(tls_server.url, "-v", **env)
        assert (found.state, "insecure" in found.more) == ("OK", False)
        assert proxy.heard.startswith(b"CONNECT ")
        assert TOKEN.encode() not in proxy.heard
        assert trust(server.url, **env).state == "OK"
        assert proxy.requests[1].startswith(f"GET {server.url}/".encode())


def test_a_ca_without_key_usage_is_accepted(tmp_path: Path, ask: Ask) -> None:
    """As by the defaults of OpenSSL; Python's own default context rejects it from 3.13 on."""
    self_signed(tmp_path)
    below = self_signed(tmp_path, "below", "-CA", "own.crt", "-CAkey", "own.pem")
    with Server(SOUND, tls=below) as server:
        assert ask(server.url, "--ca-file", str(tmp_path / "own.crt")).state == "OK"


def test_a_configuration_of_openssl_that_allows_no_tls_is_named(
    tls_server: Server, tmp_path: Path, trust: Ask
) -> None:
    """Such as FIPS mode without its provider: the CA file is sound, and is not blamed."""
    path = tmp_path / "openssl.cnf"
    path.write_text("openssl_conf=a\n[a]\nalg_section=b\n[b]\ndefault_properties=fips=yes\n")
    found = trust(tls_server.url, OPENSSL_CONF=str(path))
    assert (found.state, tls_server.connections) == ("UNKNOWN", 0)
    assert "OpenSSL" in found.text
    assert "--ca-file" not in found.text


# --- where trust comes from ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def stores(
    authority: trustme.CA, stranger: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a directory: `good` and `dir` have the server's CA, `bad` and `baddir` another."""
    folder = tmp_path_factory.mktemp("stores")
    for name, authorities in (("dir", [authority, stranger]), ("baddir", [stranger])):
        (folder / name).mkdir()
        for number, one in enumerate(authorities):
            one.cert_pem.write_to_path(str(folder / name / f"{number}.pem"))
        subprocess.run(["openssl", "rehash", folder / name], check=True)
    authority.cert_pem.write_to_path(str(folder / "good"))
    stranger.cert_pem.write_to_path(str(folder / "bad"))
    return folder


@pytest.mark.parametrize(
    ("variable", "value"), [("REQUESTS_CA_BUNDLE", "dir"), ("SSL_CERT_DIR", "baddir:missing:dir")]
)
def test_a_directory_is_used(
    variable: str, value: str, stores: Path, tls_server: Server, ask: Ask
) -> None:
    tls_server.play(SOUND)
    paths = ":".join(str(stores / name) for name in value.split(":"))
    assert ask(tls_server.url, **{variable: paths}).state == "OK"


#: What an administrator puts into the system's directory of CAs.
SYSTEM = {
    "a hashed directory before a bundle": (
        'cp "$GOOD" $STORE/ours.pem; openssl rehash $STORE; cp "$BAD" $STORE/ca-certificates.crt'
    ),
    "a bundle": 'cp "$GOOD" $STORE/ca-certificates.crt',
}


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("case", SYSTEM)
def test_the_store_of_the_system(case: str, stores: Path, tls_server: Server, ask: Ask) -> None:
    """In a mount namespace, in which the test fills the store."""
    tls_server.play(SOUND)
    path = Path(ssl.get_default_verify_paths().openssl_capath)
    if not path.exists():
        pytest.skip("this Python's OpenSSL has no directory of CAs")
    script = f'mount -t tmpfs none $STORE && {{ {SYSTEM[case]}; }} >/dev/null && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "store")
    env = {"GOOD": str(stores / "good"), "BAD": str(stores / "bad"), "STORE": str(path.resolve())}
    assert ask(tls_server.url, prefix=prefix, **env).state == "OK"


# --- mutual TLS ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["TLSv1_2", "TLSv1_3"])
def demanding(
    request: pytest.FixtureRequest, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Path]]:
    """Return a server that requires a client certificate, and the directory of a client's files.

    For each protocol: in 1.3 the server rejects only after the handshake.
    """
    folder = tmp_path_factory.mktemp("mutual")
    ours = authority.issue_cert("client@example.com")
    ours.private_key_pem.write_to_path(str(folder / "key"))
    ours.cert_chain_pems[0].write_to_path(str(folder / "certificate"))
    ours.private_key_and_cert_chain_pem.write_to_path(str(folder / "both"))
    context = serving(authority.issue_cert(HOST))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with Server(SOUND, tls=context) as server:
        yield server, folder


@pytest.mark.parametrize(
    ("files", "state"), [("certificate key", "OK"), ("both", "OK"), ("", "CRITICAL")]
)
def test_a_client_certificate(
    files: str, state: str, demanding: tuple[Server, Path], trust: Ask
) -> None:
    """Two files, through a tunnel; one file; none."""
    server, folder = demanding
    options = zip(("--client-cert", "--client-key"), files.split())
    args = [word for option, name in options for word in (option, str(folder / name))]
    with Proxy() as proxy:
        env = {"HTTPS_PROXY": proxy.url} if " " in files else {}
        found = trust(server.url, *args, **env)
        assert proxy.connections == len(env)
    assert found.state == state
    if not files:
        rejected(found, "--client-cert")
