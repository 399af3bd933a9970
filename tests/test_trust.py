"""TLS by the options table: which authorities are trusted, and who vouches for the client."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List

import pytest
import trustme

from examples.simulator import Simulator
from tests import live, report
from tests.console import SCRIPT, Outcome, environment, run


class Folder:
    """Where the certificates are: `folder["ca.pem"]` is the path of one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, name: str) -> str:
        """Return the path of one of the files."""
        return str(self.path / name)


def hash_link(folder: Path, pem: Path) -> None:
    """Put *pem* into *folder* under the name by which OpenSSL looks for it."""
    folder.mkdir()
    done = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", str(pem)],
        capture_output=True,
        text=True,
        check=True,
    )
    shutil.copy(pem, folder / f"{done.stdout.strip()}.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Return a folder with two authorities, a server's certificate and a client's."""
    path = tmp_path_factory.mktemp("trust")
    right, wrong = trustme.CA(), trustme.CA()
    right.cert_pem.write_to_path(str(path / "ca.pem"))
    wrong.cert_pem.write_to_path(str(path / "other.pem"))
    server, client = right.issue_cert("127.0.0.1"), right.issue_cert("client.example")
    server.private_key_and_cert_chain_pem.write_to_path(str(path / "server.pem"))
    client.private_key_and_cert_chain_pem.write_to_path(str(path / "client.pem"))
    client.private_key_pem.write_to_path(str(path / "key.pem"))
    client.cert_chain_pems[0].write_to_path(str(path / "cert.pem"))
    (path / "token").write_text(live.TOKEN)
    (path / "empty.pem").touch()
    (path / "bare").mkdir()
    if shutil.which("openssl"):
        hash_link(path / "hashed", path / "ca.pem")
        hash_link(path / "other-hashed", path / "other.pem")
    return Folder(path)


@pytest.fixture
def url(folder: Folder) -> Iterator[str]:
    """Serve HTTPS."""
    with Simulator(token=live.TOKEN, cert=folder["server.pem"]) as server:
        yield server.url


def ask(url: str, folder: Folder, *args: str, **env: str) -> Outcome:
    """Run the check; `{}` in *args* and *env* is the folder."""
    given = [arg.replace("{}", str(folder.path)) for arg in args]
    variables = {name: value.replace("{}", str(folder.path)) for name, value in env.items()}
    return run("-H", url, "--token-file", folder["token"], *given, env=variables)


needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl makes the hashed folder"
)

TRUSTED = [
    (["--ca-file", "{}/ca.pem"], {}),
    ([], {"REQUESTS_CA_BUNDLE": "{}/ca.pem"}),
    ([], {"CURL_CA_BUNDLE": "{}/ca.pem"}),
    ([], {"SSL_CERT_FILE": "{}/ca.pem"}),
    (["--insecure"], {}),
    (["--ca-file", "{}/ca.pem"], {"REQUESTS_CA_BUNDLE": "{}/other.pem"}),
    (["--ca-file", "{}/ca.pem"], {"SSL_CERT_FILE": "{}/other.pem"}),
    ([], {"REQUESTS_CA_BUNDLE": "{}/ca.pem", "SSL_CERT_FILE": "{}/other.pem"}),
    ([], {"CURL_CA_BUNDLE": "{}/ca.pem", "SSL_CERT_FILE": "{}/other.pem"}),
    ([], {"REQUESTS_CA_BUNDLE": "{}/ca.pem", "CURL_CA_BUNDLE": "{}/other.pem"}),
    ([], {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "{}/ca.pem"}),
    ([], {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "{}/ca.pem"}),
]
HASHED = [
    (["--ca-file", "{}/hashed"], {}),
    ([], {"REQUESTS_CA_BUNDLE": "{}/hashed"}),
    ([], {"SSL_CERT_DIR": "{}/hashed"}),
    ([], {"SSL_CERT_DIR": "{}/absent:{}/hashed"}),
    (["--ca-file", "{}/hashed"], {"SSL_CERT_DIR": "{}/other-hashed"}),
]
UNTRUSTED = [
    ([], {}),
    (["--ca-file", "{}/other.pem"], {}),
    (["--ca-file", "{}/other.pem"], {"REQUESTS_CA_BUNDLE": "{}/ca.pem"}),
    (["--ca-file", "{}/other.pem"], {"SSL_CERT_FILE": "{}/ca.pem"}),
    ([], {"REQUESTS_CA_BUNDLE": "{}/other.pem", "SSL_CERT_FILE": "{}/ca.pem"}),
    ([], {"CURL_CA_BUNDLE": "{}/other.pem", "SSL_CERT_FILE": "{}/ca.pem"}),
    ([], {"SSL_CERT_FILE": "{}/other.pem"}),
]


@pytest.mark.parametrize(("args", "env"), TRUSTED)
def test_a_trusted_authority(
    args: List[str], env: Dict[str, str], url: str, folder: Folder
) -> None:
    assert report.read(ask(url, folder, *args, **env)).state == "OK"


@needs_openssl
@pytest.mark.parametrize(("args", "env"), HASHED)
def test_a_hashed_folder(args: List[str], env: Dict[str, str], url: str, folder: Folder) -> None:
    assert report.read(ask(url, folder, *args, **env)).state == "OK"


@pytest.mark.parametrize(("args", "env"), UNTRUSTED)
def test_another_authority(args: List[str], env: Dict[str, str], url: str, folder: Folder) -> None:
    found = report.read(ask(url, folder, *args, **env))
    assert found.state == "CRITICAL"
    assert "--ca-file" in found.text


@pytest.mark.parametrize("name", ["absent", "empty.pem", "token", "key.pem", "bare"])
def test_a_ca_file_without_certificates_is_a_configuration_error(
    name: str, url: str, folder: Folder
) -> None:
    report.refused(ask(url, folder, "--ca-file", folder[name]), "--ca-file")
    report.refused(ask(url, folder, REQUESTS_CA_BUNDLE=folder[name]), "REQUESTS_CA_BUNDLE")


def test_insecure_is_told_at_v(url: str, folder: Folder) -> None:
    assert "insecure" not in ask(url, folder, "--insecure").stdout
    loud = report.read(ask(url, folder, "--insecure", "-v"), verbose=True)
    assert "--insecure" in loud.more
    assert "insecure" not in ask(url, folder, "--ca-file", "{}/ca.pem", "-v").stdout


#: What a client shows, and whether a server that asks for a certificate lets it in.
CLIENTS = {
    "nothing": ([], "CRITICAL"),
    "certificate and key in one file": (["--client-cert", "{}/client.pem"], "OK"),
    "certificate and key apart": (
        ["--client-cert", "{}/cert.pem", "--client-key", "{}/key.pem"],
        "OK",
    ),
}


@pytest.mark.parametrize("case", CLIENTS)
def test_a_client_certificate(case: str, folder: Folder) -> None:
    args, state = CLIENTS[case]
    pem, ca = folder["server.pem"], folder["ca.pem"]
    with Simulator(token=live.TOKEN, cert=pem, client_ca=ca) as server:
        outcome = ask(server.url, folder, "--ca-file", ca, *args)
    assert report.read(outcome).state == state


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["--client-cert", "{}/absent"], "--client-cert"),
        (["--client-cert", "{}/empty.pem"], "--client-cert"),
        (["--client-cert", "{}/cert.pem"], "--client"),
        (["--client-cert", "{}/cert.pem", "--client-key", "{}/absent"], "--client-key"),
        (["--client-cert", "{}/cert.pem", "--client-key", "{}/empty.pem"], "--client"),
        (["--client-cert", "{}/other.pem", "--client-key", "{}/key.pem"], "--client"),
        (["--client-key", "{}/key.pem"], "--client-cert"),
    ],
)
def test_a_bad_client_certificate_is_a_configuration_error(
    args: List[str], option: str, url: str, folder: Folder
) -> None:
    report.refused(ask(url, folder, "--ca-file", "{}/ca.pem", *args), option)


#: The hashed folder comes before the bundle: each is tried alone and beside the other's enemy.
_SYSTEM_STORE = """
set -e
mount -t tmpfs none /etc/ssl/certs
cp "$STORE"/* /etc/ssl/certs/ 2>/dev/null || :
if [ "$BUNDLE" ]; then cp "$BUNDLE" /etc/ssl/certs/ca-certificates.crt; fi
exec "$SCRIPT"
"""


@needs_openssl
@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.call(["unshare", "-m", "true"], stderr=-3) != 0
    or not Path("/etc/ssl/certs/ca-certificates.crt").exists(),
    reason="only root on Debian, with unshare, can give a process a store of its own",
)
@pytest.mark.parametrize(
    ("store", "bundle", "state"),
    [
        pytest.param("hashed", "", "OK", id="a hashed folder"),
        pytest.param("bare", "ca.pem", "OK", id="a bundle"),
        pytest.param("hashed", "other.pem", "OK", id="the folder before the bundle"),
        pytest.param("bare", "other.pem", "CRITICAL", id="neither"),
    ],
)
def test_the_system_store(store: str, bundle: str, state: str, url: str, folder: Folder) -> None:
    env = environment(
        {
            "STORE": folder[store],
            "BUNDLE": folder[bundle] if bundle else "",
            "SCRIPT": str(SCRIPT),
            "RODIN_URL": url,
            "RODIN_API_KEY": live.TOKEN,
        }
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _SYSTEM_STORE],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert report.read(Outcome(done.returncode, done.stdout, done.stderr, 0)).state == state
