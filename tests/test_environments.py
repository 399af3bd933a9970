"""The check works where it is put: without a home, a writable file, an account, or memory."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import pytest

from examples.simulator import Simulator
from tests.console import SCRIPT, environment
from tests.faults.punctuality import in_time, stopwatch

TOKEN = "a-token-that-was-made-up"
FINE = b"RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "
MIB = 1024 * 1024

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the mounts and users")


@pytest.fixture(scope="module", name="server")
def fixture_server() -> Iterator[Simulator]:
    with Simulator(token=TOKEN, scenario="idle") as server:
        yield server


def environ(server: Simulator, **extra: str) -> Dict[str, str]:
    """Return the smallest environment that names server and token."""
    return {"RODIN_URL": server.url, "RODIN_API_KEY": TOKEN, "PATH": os.environ["PATH"], **extra}


def start(
    command: List[str],
    env: Dict[str, str],
    preexec: Optional[Callable[[], None]] = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=env, capture_output=True, timeout=60, check=False, preexec_fn=preexec
    )


def assert_fine(done: subprocess.CompletedProcess[bytes]) -> None:
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(FINE)
    assert done.stdout.count(b"\n") == 1


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"HOME": "/nonexistent"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": "de_DE.UTF-8", "LC_ALL": "tr_TR.ISO-8859-9"},
        {"TMPDIR": "/nonexistent", "TZ": "Nowhere/At_all", "COLUMNS": "3"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
    ],
    ids=["bare", "no home", "C locale", "foreign locale", "no tmp", "warnings", "no byte code"],
)
def test_an_odd_environment_changes_nothing(server: Simulator, extra: Dict[str, str]) -> None:
    assert_fine(start([str(SCRIPT)], environ(server, **extra)))


@as_root
def test_a_read_only_file_system_is_enough(server: Simulator) -> None:
    remount = "for m in / /tmp /run /var /dev/shm; do mount -o remount,bind,ro $m 2>/dev/null; done"
    check_ro = "! touch /tmp/x 2>/dev/null && ! touch /x 2>/dev/null"
    script = f"{remount}; {check_ro} || exit 99; exec {SCRIPT}"
    assert_fine(start(["unshare", "--mount", "sh", "-c", script], environ(server)))


@as_root
def test_a_user_without_an_account_can_run_it(server: Simulator) -> None:
    nobody_knows = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    python = str(SCRIPT.parent / "python")
    if start([*nobody_knows, python, "-c", "import requests"], environ(server)).returncode:
        pytest.skip("the folders above the script or its Python are closed to other users")
    assert_fine(start([*nobody_knows, str(SCRIPT)], environ(server)))


def test_64_mb_of_memory_are_enough(server: Simulator) -> None:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (64 * MIB, 64 * MIB))

    assert_fine(start([str(SCRIPT)], environ(server), bound))


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_descriptors_do_no_harm(server: Simulator, closed: str) -> None:
    done = start(["sh", "-c", f"{SCRIPT} {closed}"], environ(server))
    assert_fine(done)


@pytest.mark.parametrize(("scenario", "code"), [("idle", 0), ("dead-worker", 2), ("rejected", 3)])
@pytest.mark.parametrize("where", [">&-", "<&- >&- 2>&-", ">/dev/full"])
def test_output_that_cannot_be_written_keeps_the_exit_code(
    scenario: str, code: int, where: str
) -> None:
    with Simulator(token=TOKEN, scenario=scenario) as server:
        done = start(["sh", "-c", f"{SCRIPT} {where}"], environ(server))
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_reader_that_has_gone_keeps_the_exit_code(server: Simulator) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [str(SCRIPT)], env=environ(server), stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_slow_reader_gets_the_whole_output(server: Simulator, tmp_path: Path) -> None:
    queue = '"q%d": {"consumers": 1, "job_awaiting": 0, "job_running": 0}'
    answer = tmp_path / "answer.json"
    answer.write_text("{" + ",".join(queue % number for number in range(2000)) + "}")
    command = [str(SCRIPT), "--input", str(answer), "--require", "", "-t", "30"]
    with subprocess.Popen(command, env=environ(server), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        received = b""
        while piece := os.read(process.stdout.fileno(), 16 * 1024):
            received += piece
            time.sleep(0.05)
    assert process.returncode == 0
    assert received.count(b"job_awaiting") == 2000
    assert received.endswith(b"\n")


def test_a_reader_that_never_reads_is_left_at_the_deadline() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with Simulator(token=TOKEN, scenario="dead-worker") as server:
        command, env = [str(SCRIPT), "-t", "1"], environ(server)
        outcome = in_time(lambda: stopwatch(command, env, stdout=writer), 1, earliest=1)
    assert (outcome.code, outcome.stderr) == (2, "")
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
def test_a_clock_that_jumps_moves_no_deadline(tmp_path: Path) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    stamp = tmp_path / "stamp"
    stamp.write_text("+0")
    extra = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with Simulator(token=TOKEN, scenario="silent") as server:
        began = time.monotonic()
        process = subprocess.Popen(
            [str(SCRIPT), "-t", "2"], env=environ(server, **extra), stdout=subprocess.PIPE
        )
        time.sleep(0.8)
        stamp.write_text("-400d")
        output, _ = process.communicate(timeout=30)
        took = time.monotonic() - began
    assert output.startswith(b"RODIN_QUEUES CRITICAL - timeout: ")
    assert 1.9 < took < 4


@pytest.mark.alone
@pytest.mark.parametrize("timeout", ["60", None])
def test_200_at_once_are_right_or_on_time(server: Simulator, timeout: Optional[str]) -> None:
    words = [str(SCRIPT), *(["-t", timeout] if timeout else [])]
    env = environment(environ(server))

    def one(_: int) -> subprocess.CompletedProcess[bytes]:
        return start(words, env)

    with ThreadPoolExecutor(200) as pool:
        runs = list(pool.map(one, range(200)))
    late = [done for done in runs if done.returncode == 2]
    for done in runs:
        if done not in late:
            assert_fine(done)
    assert not late or timeout is None
    assert all(done.stdout.startswith(b"RODIN_QUEUES CRITICAL - timeout: ") for done in late)
