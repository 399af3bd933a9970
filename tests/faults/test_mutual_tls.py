"""Mutual TLS: a client certificate that is shown, missing, wrong, expired or locked away."""

from __future__ import annotations

import os
import pty
import select
import ssl
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Optional, Tuple

import pytest

from tests.console import SCRIPT, environment
from tests.faults.behaviour import HEALTHY
from tests.faults.certificates import (
    CLIENT,
    DAY,
    Authority,
    Certificate,
)
from tests.faults.invariants import check_output, check_run
from tests.faults.proxy import Proxy
from tests.faults.server import FaultServer
from tests.faults.trial import Trial

HOST = "127.0.0.1"

Ask = Callable[..., Trial]


PASSPHRASE = b"a passphrase that nobody types"


class Demanding(NamedTuple):
    """A server that wants a client's certificate, and files that a client may show."""

    server: FaultServer
    folder: Path

    def path(self, name: str) -> str:
        """Return the path of one of the files."""
        return str(self.folder / name)


@pytest.fixture(scope="module", params=["TLSv1_2", "TLSv1_3"])
def demanding(
    request: pytest.FixtureRequest,
    authority: Authority,
    stranger: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demanding]:
    """Return the server, once for each protocol: only 1.3 refuses after the greeting."""
    folder = tmp_path_factory.mktemp("mutual")
    ours = authority.issue("client", usage=[CLIENT])
    files = {
        "client.pem": ours.pem,
        "client.key": ours.key_pem(),
        "combined.pem": ours.key_pem() + ours.pem,
        "encrypted.key": ours.key_pem(PASSPHRASE),
        "encrypted.pem": ours.key_pem(PASSPHRASE) + ours.pem,
        "other.key": stranger.issue("client").key_pem(),
        "text": b"nothing of use\n",
        "stranger.pem": _combined(stranger.issue("client", usage=[CLIENT])),
        "expired.pem": _combined(authority.issue("client", ends=-DAY / 2, usage=[CLIENT])),
        "authority.pem": authority.pem,
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    context = authority.issue(HOST).serve(folder)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(folder / "authority.pem"))
    with FaultServer(HEALTHY, context) as server:
        yield Demanding(server, folder)


def _combined(certificate: Certificate) -> bytes:
    return certificate.key_pem() + certificate.pem


class Shown(NamedTuple):
    """What a client shows, and what comes of it."""

    certificate: Optional[str]
    key: Optional[str]
    state: str
    words: Tuple[str, ...] = ()


SHOWN: Dict[str, Shown] = {
    "right": Shown("client.pem", "client.key", "OK"),
    "combined": Shown("combined.pem", None, "OK"),
    "nothing": Shown(None, None, "CRITICAL", ("--client-cert",)),
    "of_a_stranger": Shown("stranger.pem", None, "CRITICAL", ("--client-cert",)),
    "expired": Shown("expired.pem", None, "CRITICAL", ("--client-cert",)),
    "no_key": Shown("client.pem", None, "UNKNOWN", ("--client-cert: ", "no private key")),
    "wrong_key": Shown("client.pem", "other.key", "UNKNOWN", ("--client-key: ", "belong together")),
    "missing_key": Shown(
        "client.pem", "nowhere.key", "UNKNOWN", ("--client-key: ", "no such file")
    ),
    "text_as_key": Shown("client.pem", "text", "UNKNOWN", ("--client-key: ", "no private key")),
    "encrypted_key": Shown("client.pem", "encrypted.key", "UNKNOWN", ("encrypted",)),
    "encrypted_in_one": Shown("encrypted.pem", None, "UNKNOWN", ("encrypted",)),
    "missing_certificate": Shown(
        "nowhere.pem", "client.key", "UNKNOWN", ("--client-cert: ", "no such file")
    ),
    "text_as_certificate": Shown(
        "text", "client.key", "UNKNOWN", ("--client-cert: ", "no certificate")
    ),
    "folder_as_certificate": Shown(".", None, "UNKNOWN", ("--client-cert: ", "is a directory")),
    "key_alone": Shown(None, "client.key", "UNKNOWN", ("--client-key needs --client-cert",)),
}


def _options(shown: Shown, demanding: Demanding) -> Tuple[str, ...]:
    certificate = ("--client-cert", demanding.path(shown.certificate)) if shown.certificate else ()
    key = ("--client-key", demanding.path(shown.key)) if shown.key else ()
    return (*certificate, *key)


@pytest.mark.parametrize("name", SHOWN)
def test_mutual_tls(name: str, demanding: Demanding, ca_file: str, ask: Ask) -> None:
    shown = SHOWN[name]
    demanding.server.prepare(HEALTHY)
    trial = ask(demanding.server, "--ca-file", ca_file, *_options(shown, demanding))
    assert check_run(trial) == shown.state, trial.outcome
    assert [word for word in shown.words if word not in trial.outcome.text] == [], trial.outcome
    assert ("encrypted" in trial.outcome.text) == name.startswith("encrypted")
    assert "--insecure" not in trial.outcome.text
    if shown.state == "UNKNOWN":
        assert demanding.server.connections == 0


def test_the_certificate_is_shown_through_a_proxy_as_well(
    demanding: Demanding, ca_file: str, ask: Ask
) -> None:
    demanding.server.prepare(HEALTHY)
    with Proxy() as proxy:
        args = ("--ca-file", ca_file, *_options(SHOWN["right"], demanding))
        trial = ask(demanding.server, *args, env={"HTTPS_PROXY": proxy.url})
    assert check_run(trial) == "OK", trial.outcome
    assert proxy.heard.startswith(b"CONNECT ")


def test_an_encrypted_key_is_not_asked_for_on_a_terminal(
    demanding: Demanding, ca_file: str, token_file: str
) -> None:
    """With a controlling terminal, OpenSSL would ask for the passphrase and wait for ever."""
    shown = ("--client-cert", demanding.path("client.pem"), "--client-key")
    command = [str(SCRIPT), "-H", demanding.server.url, "--token-file", token_file, "-t", "5"]
    command += ["--ca-file", ca_file, *shown, demanding.path("encrypted.key")]
    pid, terminal = pty.fork()
    if not pid:
        os.execve(command[0], command, environment())
    output = _read_until_end(terminal)
    _, status = os.waitpid(pid, 0)
    text = output.decode().replace("\r\n", "\n")
    assert check_output(text) == "UNKNOWN"
    assert os.waitstatus_to_exitcode(status) == 3
    assert "encrypted" in text


def _read_until_end(terminal: int) -> bytes:
    output = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side is gone
            break
        if not piece:
            break
        output += piece
    os.close(terminal)
    return output
