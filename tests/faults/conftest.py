"""What the faults share: the launcher, misbehaving servers, certificates and the canary's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator

import pytest

from tests.faults.canary import TOKEN
from tests.faults.certificates import Authority
from tests.faults.server import FaultServer
from tests.faults.trial import Launcher, Trial


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Return what starts the check and measures it."""
    with Launcher() as started:
        yield started


@pytest.fixture(scope="session")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file that holds the canary."""
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN + "\n", encoding="ascii")
    return str(path)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Return the authority that signs the servers' certificates."""
    return Authority("Root of the tests")


@pytest.fixture(scope="session")
def ca_file(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file with the authority's certificate."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.pem)
    return str(path)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[FaultServer]:
    """Return a server that nobody may ever connect to."""
    with FaultServer() as server:
        yield server


@pytest.fixture(scope="session")
def plain_server(elsewhere: FaultServer) -> Iterator[FaultServer]:
    """Return a server that speaks plain HTTP, at best."""
    with FaultServer() as server:
        server.elsewhere = elsewhere.url
        yield server


@pytest.fixture(scope="session")
def tls_server(
    authority: Authority, elsewhere: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultServer]:
    """Return a server that speaks TLS with a certificate in good order."""
    context = authority.issue("127.0.0.1", "localhost").serve(tmp_path_factory.mktemp("tls"))
    with FaultServer(tls=context) as server:
        server.elsewhere = elsewhere.url
        yield server


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    """Return a named pipe that nobody writes to."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return str(path)


@pytest.fixture(scope="session")
def stranger() -> Authority:
    """Return an authority that nobody trusts."""
    return Authority("Stranger of the tests")


@pytest.fixture
def ask(launcher: Launcher, token_file: str) -> Callable[..., Trial]:
    """Return what asks a server with the canary."""
    return lambda server, *args, **more: launcher.run(
        "-H", server.url, "--token-file", token_file, *args, **more
    )


@pytest.fixture
def stranger_file(stranger: Authority, tmp_path: Path) -> str:
    """Return a file with the certificate of an authority that signed nothing here."""
    path = tmp_path / "stranger.pem"
    path.write_bytes(stranger.pem)
    return str(path)
