"""TLS by the options table: which authorities are trusted, and who vouches for the client."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List

import certifi
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from examples.simulator import Simulator
from tests import live, report
from tests.console import SCRIPT, Outcome, environment, run
from tests.faults.namespaces import needs_namespace


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
    locked = load_pem_private_key(client.private_key_pem.bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (path / "locked.pem").write_bytes(locked)
    (path / "both-locked.pem").write_bytes(client.cert_chain_pems[0].bytes() + locked)
    (path / "mixed.pem").write_bytes(
        server.cert_chain_pems[0].bytes() + client.private_key_pem.bytes()
    )
    (path / "token").write_text(live.TOKEN)
    (path / "empty.pem").touch()
    broken = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"
    (path / "broken.pem").write_text(broken)
    (path / "broken-and-long.pem").write_text(broken + "#\n" * 100_000)
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
    ([], {"SSL_CERT_DIR": "{}/other-hashed:{}/hashed"}),
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


@pytest.mark.parametrize("insecure", [[], ["--insecure"]])
@pytest.mark.parametrize("name", ["broken.pem", "broken-and-long.pem"])
def test_a_ca_file_that_cannot_be_read_is_told_whatever_its_size(
    name: str, insecure: List[str], url: str, folder: Folder
) -> None:
    """Also where nothing is verified, so that the option can be left out later."""
    said = report.refused(ask(url, folder, "--ca-file", folder[name], *insecure))
    assert said == "--ca-file: the file's certificates cannot be read. It has to be PEM"


@pytest.mark.parametrize("more", [0, 1])
def test_a_ca_file_has_at_most_16_mib(more: int, url: str, folder: Folder, tmp_path: Path) -> None:
    pem = Path(folder["ca.pem"]).read_bytes()
    line, whole = b"#" * 63 + b"\n", 16 * 1024 * 1024
    bundle = (pem + line * (whole // len(line)))[: whole - 1] + b"\n" + b"\n" * more
    (tmp_path / "large.pem").write_bytes(bundle)
    found = ask(url, folder, "--ca-file", str(tmp_path / "large.pem"))
    if not more:
        assert report.read(found).state == "OK"
        return
    said = report.refused(found)
    assert said == "--ca-file: the file is larger than 16 MiB. Is it the right one?"


#: Each names a store; those of requests come before those of OpenSSL.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Where Debian, Red Hat, SUSE and Alpine have theirs.
SYSTEM_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
NO_CERTIFICATE = "the file has no certificate. It has to be PEM"
NO_LINKS = "the folder has no hash links. Run: openssl rehash FOLDER"
#: A file or folder in the folder of the tests, and what --ca-file and the variables say of it.
REFUSED = {
    "absent": "cannot read the file: no such file or directory. Check the path",
    "empty.pem": NO_CERTIFICATE,
    "key.pem": NO_CERTIFICATE,
    "bare": NO_LINKS,
    "broken.pem": "the file's certificates cannot be read. It has to be PEM",
    "broken-and-long.pem": "the file's certificates cannot be read. It has to be PEM",
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("origin", ["--ca-file", *VARIABLES])
def test_what_is_wrong_with_a_store_is_told(
    origin: str, name: str, url: str, folder: Folder
) -> None:
    path = folder[name]
    args, env = (["--ca-file", path], {}) if origin == "--ca-file" else ([], {origin: path})
    assert report.read(ask(url, folder, *args, **env)).text == f"{origin}: {REFUSED[name]}"


#: Names in a folder, and whether one such makes it one for OpenSSL.
LINKS = {
    "01234567.0": True,
    "89abcdef.0": True,
    "89abcdef.10": True,
    "89ABCDEF.0": False,
    "89abcdeg.0": False,
    "XXabcdef.0": False,
    "89abcde.0": False,
    "089abcdef.0": False,
    "89abcdef": False,
    "89abcdef.": False,
    "89abcdef.x": False,
    "89abcdef.\u0661": False,
    "89abcdef.0.1": False,
    ".0": False,
}


@pytest.mark.parametrize("name", LINKS)
def test_what_makes_a_folder_a_store(name: str, url: str, folder: Folder, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    found = report.read(ask(url, folder, "--ca-file", str(tmp_path)))
    assert (NO_LINKS not in found.text) == LINKS[name]
    assert found.state == ("CRITICAL" if LINKS[name] else "UNKNOWN")


@pytest.mark.parametrize("name", ["with:colon.pem", ":colon.pem", "bare:colon.pem"])
def test_only_the_variable_for_folders_may_name_several(
    name: str, url: str, folder: Folder
) -> None:
    """Else a colon is a part of the name, also behind what is a folder."""
    there = f"{folder.path}/{name}"
    shutil.copy(folder["ca.pem"], there)
    for args, env in ((["--ca-file", there], {}), ([], {"SSL_CERT_FILE": there})):
        assert report.read(ask(url, folder, *args, **env)).state == "OK"


def test_insecure_is_told_at_v(url: str, folder: Folder) -> None:
    assert "insecure" not in ask(url, folder, "--insecure").stdout
    for more in ([], ["--ca-file", "{}/ca.pem"], ["--ca-file", "{}/other.pem"]):
        loud = report.read(ask(url, folder, "--insecure", "-v", *more), verbose=True)
        assert loud.state == "OK"
        assert "insecure: --insecure, the server's certificate was not verified" in loud.more
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


NOT_TOGETHER = "certificate and key cannot be used. They have to be PEM and belong together"
NO_KEY = "the file has no private key. It has to be PEM"
ABSENT = "cannot read the file: no such file or directory. Check the path"
#: What is given for the client, and what is said of it.
BAD_CLIENTS = {
    "no file": (["--client-cert", "{}/absent"], f"--client-cert: {ABSENT}"),
    "an empty file": (["--client-cert", "{}/empty.pem"], f"--client-cert: {NO_CERTIFICATE}"),
    "a key": (["--client-cert", "{}/key.pem"], f"--client-cert: {NO_CERTIFICATE}"),
    "no key": (
        ["--client-cert", "{}/cert.pem"],
        "--client-cert: the file has no private key. Give it with --client-key",
    ),
    "no file of the key": (
        ["--client-cert", "{}/cert.pem", "--client-key", "{}/absent"],
        f"--client-key: {ABSENT}",
    ),
    "an empty key": (
        ["--client-cert", "{}/cert.pem", "--client-key", "{}/empty.pem"],
        f"--client-key: {NO_KEY}",
    ),
    "another key": (
        ["--client-cert", "{}/other.pem", "--client-key", "{}/key.pem"],
        f"--client-key: {NOT_TOGETHER}",
    ),
    "another key in one file": (
        ["--client-cert", "{}/mixed.pem"],
        f"--client-cert: {NOT_TOGETHER}",
    ),
    "a locked key": (
        ["--client-cert", "{}/cert.pem", "--client-key", "{}/locked.pem"],
        "--client-key: the key is encrypted. Give one without password",
    ),
    "a locked key in one file": (
        ["--client-cert", "{}/both-locked.pem"],
        "--client-cert: the key is encrypted. Give one without password",
    ),
    "a key alone": (
        ["--client-key", "{}/key.pem"],
        "--client-key needs --client-cert beside it",
    ),
}


@pytest.mark.parametrize("case", BAD_CLIENTS)
def test_what_is_wrong_with_a_client_certificate_is_told(
    case: str, url: str, folder: Folder
) -> None:
    args, said = BAD_CLIENTS[case]
    assert report.read(ask(url, folder, "--ca-file", "{}/ca.pem", *args)).text == said


#: Runs the check where one place of the system's stores is all there is, in a mount namespace.
_ONE_PLACE = """
set -e
for hidden in /etc /usr/share/ca-certificates /usr/local/share; do
    if [ -d $hidden ]; then mount -t tmpfs none $hidden; fi
done
if [ "$PLACE" ]; then mkdir -p "${PLACE%/*}" && cp -r "$STORE" "$PLACE"; fi
exec "$SCRIPT" -vv
"""


def ask_in(place: str, store: str, url: str, folder: Folder) -> report.Report:
    """Run the check where *store* in *place* is all that the system trusts."""
    given = {"PLACE": place, "STORE": folder[store], "SCRIPT": str(SCRIPT)}
    env = environment({**given, "RODIN_URL": url, "RODIN_API_KEY": live.TOKEN})
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _ONE_PLACE],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return report.read(Outcome(done.returncode, done.stdout, done.stderr, 0), verbose=True)


@needs_openssl
@needs_namespace
@pytest.mark.parametrize("place", SYSTEM_FOLDERS)
def test_a_folder_of_the_system(place: str, url: str, folder: Folder) -> None:
    found = ask_in(place, "hashed", url, folder)
    assert found.state == "OK"
    assert "(the system's folder)" in found.more


@needs_namespace
@pytest.mark.parametrize("place", SYSTEM_FILES)
def test_a_file_of_the_system(place: str, url: str, folder: Folder) -> None:
    found = ask_in(place, "ca.pem", url, folder)
    assert found.state == "OK"
    assert "(the system's bundle)" in found.more


@needs_namespace
def test_without_a_store_of_the_system_it_is_that_of_certifi(url: str, folder: Folder) -> None:
    """It verifies all the same, and tells what is no question of trust."""
    found = ask_in("", "ca.pem", url, folder)
    assert found.state == "CRITICAL"
    assert "its issuer is not trusted" in found.text
    assert f"trust: {certifi.where()} (certifi's bundle)" in found.more
    with live.site() as plain:
        found = ask_in("", "ca.pem", plain.server.url.replace("http:", "https:"), folder)
    assert "does not speak TLS" in found.text


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
