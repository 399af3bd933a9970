"""Which CA store is used, and what is wrong with a store or a client certificate; no handshakes."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
import trustme

from check_rodin_queues import tls
from check_rodin_queues.errors import CheckError
from check_rodin_queues.tls import create_context, find_ca_store
from tests import table
from tests.console import report, run
from tests.server import Server, http, site

#: A hash link as `openssl rehash` makes it.
LINK = "01234567.0"


def host(monkeypatch: pytest.MonkeyPatch, directories: Sequence[str], files: Sequence[str]) -> None:
    """Make OpenSSL name the first of each, and the others the known places."""
    first = SimpleNamespace(capath=(*directories, None)[0], cafile=(*files, None)[0])
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: first)
    monkeypatch.setattr(tls, "SYSTEM_DIRECTORIES", directories[1:])
    monkeypatch.setattr(tls, "SYSTEM_FILES", files[1:])


@pytest.fixture(name="there")
def fixture_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with stores, of a host that has none of its own."""
    for name in ("dir", "dir2", "bare", "dir:colon"):
        (tmp_path / name).mkdir()
    for name in ("dir", "dir2", "dir:colon"):
        (tmp_path / name / LINK).touch()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    host(monkeypatch, [], [])
    return tmp_path


#: --ca-file and the environment, and the store: its path and its origin.
ORDER: dict[str, tuple[str, str]] = {
    "--ca-file=file REQUESTS_CA_BUNDLE=dir": ("file", "--ca-file"),
    "REQUESTS_CA_BUNDLE=dir CURL_CA_BUNDLE=file": ("dir", "REQUESTS_CA_BUNDLE"),
    "CURL_CA_BUNDLE=file SSL_CERT_FILE=dir": ("file", "CURL_CA_BUNDLE"),
    "SSL_CERT_FILE=file SSL_CERT_DIR=dir": ("file", "SSL_CERT_FILE"),
    "SSL_CERT_DIR=dir": ("dir", "SSL_CERT_DIR"),
    "REQUESTS_CA_BUNDLE= SSL_CERT_FILE=file\n": ("file", "SSL_CERT_FILE"),
    "SSL_CERT_DIR=bare:absent:dir:dir2": ("dir:dir2", "SSL_CERT_DIR"),
    "SSL_CERT_FILE=dir:colon": ("dir:colon", "SSL_CERT_FILE"),
    "--ca-file=bare:colon": ("bare:colon", "--ca-file"),
}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("given", ORDER)
def test_the_order_of_the_stores(given: str) -> None:
    environ = dict(word.split("=") for word in given.split(" "))
    path, origin = ORDER[given]
    found = find_ca_store(environ.pop("--ca-file", None), environ)
    assert tuple(found) == (path, path.startswith("dir"), origin)


#: Directories and files of a host, and the store: its path and its origin.
SYSTEM: dict[str, tuple[str, str]] = {
    "dir dir2 | file": ("dir", "the system's directory"),
    "bare absent dir | file": ("dir", "the system's directory"),
    "bare bare | file absent": ("file", "the system's bundle"),
    "bare | absent file": ("file", "the system's bundle"),
    "bare absent | absent": (certifi.where(), "certifi's bundle"),
}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("given", SYSTEM)
def test_the_store_of_the_system(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hashed directory comes before a bundle, what OpenSSL names first, and certifi's last."""
    directories, files = (part.split() for part in given.split("|"))
    host(monkeypatch, directories, files)
    path, origin = SYSTEM[given]
    assert tuple(find_ca_store(None, {})) == (path, path == "dir", origin)


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        *(("89abcdef.10", True), ("89abcdeg.0", False), ("089abcdef.0", False)),
        *(("89abcdef.", False), ("89abcdef.0.1", False), ("ca.pem", False)),
    ],
)
def test_hash_links_make_a_directory_a_store(
    name: str, *, hashed: bool, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there / "bare" / name).touch()
    host(monkeypatch, ["bare"], [])
    assert find_ca_store(None, {}).is_directory is hashed


# --- errors -------------------------------------------------------------------------------------

#: --ca-file, or a variable and its value, and what is wrong with it.
STORES = """\
TMP/absent => --ca-file: cannot read TMP/absent: no such file. Check the path
SSL_CERT_FILE=TMP/absent => SSL_CERT_FILE: cannot read TMP/absent: no such file. Check the path
TMP/bare => --ca-file: no hash links in the directory TMP/bare. Run: openssl rehash TMP/bare
SSL_CERT_DIR=TMP/bare:TMP/absent
  SSL_CERT_DIR: no hash links in the directory TMP/bare. Run: openssl rehash TMP/bare
TMP/file => --ca-file: TMP/file: no PEM certificate found. Use a PEM file of CA certificates
REQUESTS_CA_BUNDLE=TMP/broken.pem
  REQUESTS_CA_BUNDLE: TMP/broken.pem: cannot be parsed. Use a PEM file of CA certificates
"""
#: --client-cert and --client-key, and what is wrong with them.
CLIENTS = """\
absent => --client-cert: cannot read TMP/absent: no such file. Check the path
client.pem absent => --client-key: cannot read TMP/absent: no such file. Check the path
client.pem
  --client-cert: TMP/client.pem: no PEM certificate with its private key found. Add --client-key, if
  the key is in another file
client.pem file
  --client-key: TMP/file: no PEM certificate with its private key found. Check both files
client.pem key.pem
  --client-key: TMP/key.pem: the key does not belong to the certificate. Check both files
client.pem locked.pem => --client-key: TMP/locked.pem: the key is encrypted. Use an unencrypted key
both-locked.pem => --client-cert: TMP/both-locked.pem: the key is encrypted. Use an unencrypted key
"""


@pytest.fixture(name="pems")
def fixture_pems(there: Path, authority: trustme.CA) -> Path:
    """Return the directory with keys and certificates in it, too."""
    client = authority.issue_cert("client")
    pem, key = client.cert_chain_pems[0].bytes(), client.private_key_pem.bytes()
    lock = ["openssl", "pkey", "-aes256", "-passout", "pass:word"]
    locked = subprocess.run(lock, input=key, check=True, capture_output=True).stdout
    (there / "key.pem").write_bytes(authority.issue_cert("x").private_key_pem.bytes())
    (there / "broken.pem").write_bytes(pem.replace(b"M", b"#", 1))
    (there / "client.pem").write_bytes(pem)
    (there / "locked.pem").write_bytes(locked)
    (there / "both-locked.pem").write_bytes(pem + locked)
    return there


@table.each(STORES)
def test_the_line_of_a_bad_store(situation: str, line: str, pems: Path) -> None:
    name, _, value = situation.replace("TMP", str(pems)).rpartition("=")
    with pytest.raises(CheckError) as raised:
        create_context(find_ca_store(None if name else value, {name: value}), None, None)
    assert str(raised.value).replace(str(pems), "TMP") == line


@table.each(CLIENTS)
def test_the_line_of_a_bad_client_certificate(situation: str, line: str, pems: Path) -> None:
    cert, key = (str(pems / name) if name else None for name in (*situation.split(), "")[:2])
    with pytest.raises(CheckError) as raised:
        create_context(None, cert, key)
    assert str(raised.value).replace(str(pems), "TMP") == line


def test_plain_http_needs_no_store(server: Server) -> None:
    """What is wrong with one does not matter, unless an option names it."""
    server.play(http("200 OK", site()))
    env = {"SSL_CERT_FILE": "/nonexistent", "RODIN_API_KEY": "made-up"}
    assert report(run("-H", server.url, env=env)).state == "OK"
    assert report(run("-H", server.url, "--ca-file", "/nonexistent", env=env)).state == "UNKNOWN"
