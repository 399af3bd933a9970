"""What all tests share: signals as a shell leaves them, coverage, fixtures, and the rule of CI."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import trustme

from tests.console import TOKEN
from tests.server import Server, serving

# nohup, a shell's `&` and some schedulers leave these signals ignored, and children inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Tests that judge time and memory, or only start the command. Coverage triples the time, takes
#: memory, and writes files of its own.
UNMEASURED = (
    "tests/test_clock.py",
    "tests/test_environments.py",
    "tests/test_faults.py",
    "tests/test_output_channel.py",
    "tests/test_probes.py",
    "tests/test_request.py",
    "tests/test_secrets.py",
    "tests/test_tls.py",
)


@pytest.fixture(autouse=True)
def _measured_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of the processes that an unmeasured test starts."""
    if request.node.nodeid.startswith(UNMEASURED):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture(scope="session")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file that holds TOKEN."""
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN + "\n", encoding="ascii")
    return str(path)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return the authority that signs the servers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file with the authority's certificate."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def secure(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS of a server on loopback whose certificate is in order."""
    return serving(authority.issue_cert("127.0.0.1", "localhost", "::1"))


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server that speaks plain HTTP."""
    with Server() as started:
        yield started


@pytest.fixture
def tls_server(secure: ssl.SSLContext) -> Iterator[Server]:
    """Return a server that speaks TLS."""
    with Server(tls=secure) as started:
        yield started


@pytest.fixture(scope="session")
def namespace() -> None:
    """Leave out a test that mounts files of its own where this user cannot."""
    trial = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot make a namespace")


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    """Return a named pipe that no process writes to."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return str(path)


@pytest.fixture
def ipv6() -> None:
    """Leave out a test where ::1 does not exist."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")


#: Reasons for which CI can leave out a test: its subject is not in this Python, its libraries or
#: the machine. Everything else can be installed, and a skipped test would pass unseen.
MAY_LACK = (
    *("this Python", "Python has no", "does not know its own library", "it insists on"),
    *("the libraries that make them", "this machine has no IPv6", "somebody limits"),
    *("the folders above the script", "the program itself is in"),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a test that CI must not leave out."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if not reason.partition("Skipped: ")[2].startswith(MAY_LACK):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} is left out: {reason}"
    return report
