"""Where trust comes from: option, environment, system store; what is no trust is refused."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Callable, Dict, Tuple

import pytest

from tests.faults.behaviour import HEALTHY
from tests.faults.certificates import Authority, hashed, rehash
from tests.faults.invariants import check_run
from tests.faults.namespaces import needs_namespace
from tests.faults.server import FaultServer
from tests.faults.trial import Trial

Ask = Callable[..., Trial]


@pytest.fixture
def hashed_folder(authority: Authority, stranger: Authority, tmp_path: Path) -> str:
    """Return a folder of authorities with the links that OpenSSL looks for."""
    return hashed(tmp_path / "hashed", ours=authority.pem, other=stranger.pem)


def test_a_hashed_folder_is_a_ca_file(
    ask: Ask, tls_server: FaultServer, hashed_folder: str
) -> None:
    tls_server.prepare(HEALTHY)
    assert check_run(ask(tls_server, "--ca-file", hashed_folder)) == "OK"


def test_a_hashed_folder_without_the_authority_does_not_help(
    ask: Ask, tls_server: FaultServer, hashed_folder: str
) -> None:
    tls_server.prepare(HEALTHY)
    (Path(hashed_folder) / "ours.pem").unlink()
    rehash(hashed_folder)
    trial = ask(tls_server, "--ca-file", hashed_folder)
    assert check_run(trial) == "CRITICAL"
    assert tls_server.requests == []


def _unhashed(folder: Path, authority: Authority) -> Path:
    path = folder / "unhashed"
    path.mkdir()
    (path / "ca.pem").write_bytes(authority.pem)
    return path


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "given.pem"
    path.write_bytes(data)
    return path


def _bare(folder: Path) -> Path:
    path = folder / "empty-folder"
    path.mkdir()
    return path


def _broken(authority: Authority) -> bytes:
    return authority.pem.replace(b"M", b"#", 1)


#: What cannot be read as trust, made below a folder.
NO_TRUST: Dict[str, Callable[[Path, Authority], Path]] = {
    "missing": lambda folder, _: folder / "nowhere.pem",
    "empty": lambda folder, _: _written(folder, b""),
    "text": lambda folder, _: _written(folder, b"all is well\n"),
    "binary": lambda folder, _: _written(folder, bytes(range(256))),
    "key_alone": lambda folder, ca: _written(folder, ca.issue("x").key_pem()),
    "broken": lambda folder, ca: _written(folder, _broken(ca)),
    "cut": lambda folder, ca: _written(folder, ca.pem[:-60]),
    "unhashed_folder": _unhashed,
    "empty_folder": lambda folder, _: _bare(folder),
    "unreadable": lambda *_: Path("/proc/self/mem"),
    "below_a_file": lambda folder, _: _written(folder, b"") / "ca.pem",
    "name_too_long": lambda folder, _: folder / ("x" * 300),
}


@pytest.mark.parametrize("name", NO_TRUST)
def test_trust_that_cannot_be_read_is_a_configuration_error(
    name: str, authority: Authority, tmp_path: Path, tls_server: FaultServer, ask: Ask
) -> None:
    tls_server.prepare(HEALTHY)
    path = NO_TRUST[name](tmp_path, authority)
    trial = ask(tls_server, "--ca-file", str(path))
    assert check_run(trial) == "UNKNOWN", trial.outcome
    assert "--ca-file" in trial.outcome.text
    assert tls_server.connections == 0


@pytest.mark.parametrize("name", ["missing", "text", "unhashed_folder"])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trust_of_the_environment_that_cannot_be_read_is_named(
    *,
    name: str,
    variable: str,
    authority: Authority,
    tmp_path: Path,
    tls_server: FaultServer,
    ask: Ask,
) -> None:
    tls_server.prepare(HEALTHY)
    env = {variable: str(NO_TRUST[name](tmp_path, authority))}
    trial = ask(tls_server, env=env)
    assert check_run(trial) == "UNKNOWN", trial.outcome
    assert variable in trial.outcome.text
    assert tls_server.connections == 0


@pytest.fixture
def sources(ca_file: str, stranger_file: str, hashed_folder: str, tmp_path: Path) -> Dict[str, str]:
    """Return what a case calls good, bad, none, and folder and other for those that are hashed."""
    other = hashed(tmp_path / "other", other=Path(stranger_file).read_bytes())
    return {
        "good": ca_file,
        "bad": stranger_file,
        "none": "",
        "folder": hashed_folder,
        "other": other,
    }


#: Sources of trust by precedence; `--ca-file` stands for the option.
PRECEDENCE: Dict[str, Tuple[Dict[str, str], str]] = {
    "nothing": ({}, "CRITICAL"),
    "requests": ({"REQUESTS_CA_BUNDLE": "good"}, "OK"),
    "requests_folder": ({"REQUESTS_CA_BUNDLE": "folder"}, "OK"),
    "curl": ({"CURL_CA_BUNDLE": "good"}, "OK"),
    "curl_folder": ({"CURL_CA_BUNDLE": "folder"}, "OK"),
    "openssl_file": ({"SSL_CERT_FILE": "good"}, "OK"),
    "openssl_folder": ({"SSL_CERT_DIR": "folder"}, "OK"),
    "openssl_folders": ({"SSL_CERT_DIR": "folder:other"}, "OK"),
    "openssl_folders_in_turn": ({"SSL_CERT_DIR": "other:folder"}, "OK"),
    "openssl_folders_and_none": ({"SSL_CERT_DIR": "none:other:absent:folder"}, "OK"),
    "openssl_other_folder": ({"SSL_CERT_DIR": "other:other"}, "CRITICAL"),
    "openssl_both": ({"SSL_CERT_FILE": "good", "SSL_CERT_DIR": "folder"}, "OK"),
    "openssl_file_before_folder": (
        {"SSL_CERT_FILE": "bad", "SSL_CERT_DIR": "folder"},
        "CRITICAL",
    ),
    "openssl_file_over_folder": ({"SSL_CERT_FILE": "good", "SSL_CERT_DIR": "other"}, "OK"),
    "requests_before_curl": ({"REQUESTS_CA_BUNDLE": "bad", "CURL_CA_BUNDLE": "good"}, "CRITICAL"),
    "requests_first": ({"REQUESTS_CA_BUNDLE": "good", "CURL_CA_BUNDLE": "bad"}, "OK"),
    "requests_before_openssl": ({"REQUESTS_CA_BUNDLE": "bad", "SSL_CERT_FILE": "good"}, "CRITICAL"),
    "curl_before_openssl": ({"CURL_CA_BUNDLE": "bad", "SSL_CERT_DIR": "folder"}, "CRITICAL"),
    "curl_over_openssl": ({"CURL_CA_BUNDLE": "good", "SSL_CERT_FILE": "bad"}, "OK"),
    "empty_is_unset": ({"REQUESTS_CA_BUNDLE": "none", "CURL_CA_BUNDLE": "good"}, "OK"),
    "empty_openssl": ({"SSL_CERT_FILE": "none", "SSL_CERT_DIR": "folder"}, "OK"),
    "option_over_all": (
        {"--ca-file": "good", "REQUESTS_CA_BUNDLE": "bad", "SSL_CERT_FILE": "bad"},
        "OK",
    ),
    "option_before_requests": ({"--ca-file": "bad", "REQUESTS_CA_BUNDLE": "good"}, "CRITICAL"),
    "option_before_openssl": ({"--ca-file": "bad", "SSL_CERT_DIR": "folder"}, "CRITICAL"),
}


@pytest.mark.parametrize("name", PRECEDENCE)
def test_precedence_of_trust(
    name: str, sources: Dict[str, str], tls_server: FaultServer, ask: Ask
) -> None:
    tls_server.prepare(HEALTHY)
    given, state = PRECEDENCE[name]
    env = {
        key: ":".join(sources.get(name, f"/{name}") for name in value.split(":"))
        for key, value in given.items()
        if key != "--ca-file"
    }
    args = ("--ca-file", sources[given["--ca-file"]]) if "--ca-file" in given else ()
    assert check_run(ask(tls_server, *args, env=env)) == state


#: What an administrator leaves in the system's folder of authorities.
SYSTEM_STORES: Dict[str, Tuple[str, str]] = {
    "hashed_folder": ('cp "$CA" $STORE/ours.pem; openssl rehash $STORE', "OK"),
    "bundle_file": ('cp "$CA" $STORE/ca-certificates.crt', "OK"),
    "both": (
        'cp "$CA" $STORE/ours.pem; openssl rehash $STORE; cp "$OTHER" $STORE/ca-certificates.crt',
        "OK",
    ),
    "empty": (":", "CRITICAL"),
    "other": ('cp "$OTHER" $STORE/ca-certificates.crt', "CRITICAL"),
}


@needs_namespace
@pytest.mark.parametrize("name", SYSTEM_STORES)
def test_the_system_store(
    name: str, ca_file: str, stranger_file: str, tls_server: FaultServer, ask: Ask
) -> None:
    """In a mount namespace of its own, the store is a folder that the test fills."""
    tls_server.prepare(HEALTHY)
    fill, state = SYSTEM_STORES[name]
    paths = ssl.get_default_verify_paths()
    if not Path(paths.openssl_capath).exists():
        pytest.skip("this Python's OpenSSL has no folder of authorities")
    store = str(Path(paths.openssl_capath).resolve())
    script = f'mount -t tmpfs none $STORE && {{ {fill}; }} >/dev/null && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "store")
    env = {"CA": ca_file, "OTHER": stranger_file, "STORE": store}
    assert check_run(ask(tls_server, prefix=prefix, env=env)) == state
