"""The check works where it is put: without a home, a writable file, an account, or memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import pytest

import check_rodin_queues
from examples.simulator import Simulator
from tests import stub
from tests.console import SCRIPT, environment
from tests.faults.punctuality import in_time, stopwatch
from tests.pipes import full_pipe

TOKEN = "a-token-that-was-made-up"
FINE = b"RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "
UNTOLD = b"RODIN_QUEUES UNKNOWN - internal error, and nothing more can be told of it\n"
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


def all_that_comes(listener: socket.socket) -> bytes:
    """Return what the next client sends until it leaves; it gets no answer."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(20)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def wait_for_request(server: stub.Stub, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server is asked, or the process has ended without that."""
    while not server.requests and process.poll() is None:
        time.sleep(0.01)


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


#: Locales in which Python does not decode the command line as UTF-8.
FOREIGN = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "de_DE.ISO-8859-1"},
]
ODD = "rodin.m\xe9sh"


@pytest.fixture(name="odd")
def fixture_odd(tmp_path: Path) -> Path:
    """Return a folder with an answer whose queue has a name that is not ASCII, and a locale."""
    counts = '{"consumers": 1, "job_awaiting": 500, "job_running": 1}'
    (tmp_path / "answer.json").write_text(f'{{"{ODD}": {counts}}}', encoding="utf-8")
    locale = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / "de_DE.ISO-8859-1")]
    subprocess.run(locale, check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize("foreign", FOREIGN, ids=["C", "ISO-8859-1"])
@pytest.mark.parametrize("source", ["arguments", "file"])
@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("critical", f"{ODD[:-2]}*.job_awaiting=90", 2),
        ("critical", f"{ODD}.job_awaiting=90", 2),
        ("critical", f"{ODD}.job_awaiting=900", 0),
        ("warning", f"{ODD}.job_awaiting=90", 1),
        ("queue", ODD, 0),
        ("exclude", ODD, 3),
        ("require", ODD, 0),
        ("require", f"{ODD}es", 2),
    ],
)
def test_names_are_utf_8_in_every_locale(
    *, odd: Path, foreign: Dict[str, str], source: str, option: str, value: str, code: int
) -> None:
    """A threshold that fits no queue because of the locale would be a wrong OK."""
    words = [f"--{option}={value}".encode()]
    if source == "file":
        ini = odd / "plugins.ini"
        ini.write_bytes(b"[check_rodin_queues]\n" + f"{option} = {value}\n".encode())
        words = [f"--extra-opts=@{ini}".encode()]
    if option != "require":
        words.append(b"--require=")
    command = [os.fsencode(SCRIPT), b"--input", os.fsencode(odd / "answer.json"), *words]
    env = {"PATH": os.environ["PATH"], "LOCPATH": str(odd), **foreign}
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, b""), done.stdout
    emptied = done.stdout.startswith(b"RODIN_QUEUES UNKNOWN - no queue of 1 is selected")
    assert emptied == (code == 3), "UNKNOWN is also the state of a refusal"


@pytest.mark.parametrize(
    "word",
    [
        b"-crodin.m\xe9*.job_awaiting=90",
        b"-wm\xe9.consumers=1",
        b"-q\xe9*",
        b"-x\xff",
        b"--require=\xe9",
    ],
)
@pytest.mark.parametrize("foreign", [{"LC_ALL": "C.UTF-8"}, *FOREIGN])
def test_a_name_that_is_no_utf_8_is_refused(
    odd: Path, foreign: Dict[str, str], word: bytes
) -> None:
    command = [os.fsencode(SCRIPT), b"--input", os.fsencode(odd / "answer.json"), word]
    env = {"PATH": os.environ["PATH"], "LOCPATH": str(odd), **foreign}
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, b"")
    assert b": takes names of queues in UTF-8\n" in done.stdout


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_standard_input_may_be_one_that_does_not_wait(odd: Path, pieces: int) -> None:
    """Whoever made the pipe may have set O_NONBLOCK; the answer comes late, and in pieces."""
    body = (odd / "answer.json").read_bytes()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    command = [str(SCRIPT), "--input", "-", "--require="]
    env = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(command, stdin=reader, stdout=subprocess.PIPE, env=env) as process:
        os.close(reader)
        for piece in range(pieces):
            time.sleep(0.3)
            size = len(body) // pieces + 1
            os.write(writer, body[piece * size : (piece + 1) * size])
        os.close(writer)
        output = process.communicate(timeout=30)[0]
    assert (process.returncode, output[:17]) == (0, b"RODIN_QUEUES OK -"), output


@as_root
def test_no_device_is_needed(server: Simulator) -> None:
    """Not even to fill a descriptor that is closed."""
    script = f"mount -t tmpfs none /dev && exec {SCRIPT} <&-"
    assert_fine(start(["unshare", "--mount", "sh", "-c", script], environ(server)))


@as_root
def test_a_read_only_file_system_is_enough(server: Simulator) -> None:
    remount = "for m in / /tmp /run /var /dev/shm; do mount -o remount,bind,ro $m 2>/dev/null; done"
    check_ro = "! touch /tmp/x 2>/dev/null && ! touch /x 2>/dev/null"
    script = f"{remount}; {check_ro} || exit 99; exec {SCRIPT}"
    assert_fine(start(["unshare", "--mount", "sh", "-c", script], environ(server)))


@pytest.fixture(name="nobody_knows")
def fixture_nobody_knows(server: Simulator) -> List[str]:
    """Return the words that run a command as a user who has no account."""
    words = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    python = str(SCRIPT.parent / "python")
    if start([*words, python, "-c", "import requests"], environ(server)).returncode:
        pytest.skip("the folders above the script or its Python are closed to other users")
    return words


@as_root
def test_a_user_without_an_account_can_run_it(server: Simulator, nobody_knows: List[str]) -> None:
    assert_fine(start([*nobody_knows, str(SCRIPT)], environ(server)))


@as_root
@pytest.mark.parametrize(("probe", "code"), [((), 3), (("--probe=liveness",), 0)])
def test_a_user_or_container_with_too_many_processes_is_told(
    server: Simulator, nobody_knows: List[str], probe: Tuple[str, ...], code: int
) -> None:
    """Without the thread that watches the time nothing is asked."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

    done = start([*nobody_knows, str(SCRIPT), *probe], environ(server), bound)
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (code, b"", 1)
    assert done.stdout.decode().startswith(
        "RODIN_QUEUES UNKNOWN - no thread for the deadline can be started: too many processes or "
        "too little memory. Raise the limits of this user or container (ulimit -u, pids.max)"
    ), done.stdout


@pytest.mark.parametrize("closed", ["file", "folder"])
@pytest.mark.parametrize("option", ["--token-file", "--input", "--ca-file"])
def test_a_file_that_one_may_not_read_is_a_matter_of_modes(
    option: str, closed: str, tmp_path: Path, server: Simulator
) -> None:
    """Also where the folders do not even let one see whether it is there."""
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.touch()
    {"file": path, "folder": path.parent}[closed].chmod(0)
    may_not = "-dac_override,-dac_read_search"
    like_others = ["setpriv", f"--bounding-set={may_not}", f"--inh-caps={may_not}"]
    command = [*(like_others if os.geteuid() == 0 else ()), str(SCRIPT), option, str(path)]
    done = start([*command, "-H", "h.example"], environ(server))
    path.parent.chmod(0o700)
    shown = f" {path}" if closed == "file" else ""
    assert done.stdout.decode() == (
        f"RODIN_QUEUES UNKNOWN - {option}: cannot read the file{shown}: permission denied. "
        "Check its owner and mode, and those of its folders\n"
    )


def test_64_mb_of_memory_are_enough(server: Simulator) -> None:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (64 * MIB, 64 * MIB))

    assert_fine(start([str(SCRIPT)], environ(server), bound))


#: How a run that could be judged, or not, may end, by the kind of the probe.
ENDS = {
    "": {"OK": 0, "UNKNOWN": 3},
    "readiness": {"OK": 0, "UNKNOWN": 1},
    "liveness": {"OK": 0, "UNKNOWN": 0},
}


#: Tenths of a mebibyte: from where Python itself hardly starts to where all is well.
TOO_LITTLE = (*range(44, 200, 8), *range(200, 320, 20))


def start_within(tenths: int, server: Simulator, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Run the check with no more memory than these tenths of a mebibyte."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (tenths * MIB // 10,) * 2)

    return start([str(SCRIPT), *args], environ(server), bound)


def python_gave_up(done: subprocess.CompletedProcess[bytes]) -> bool:
    """Tell whether Python itself could not start, or ended without asking the check.

    It says so, or crashes; of its traceback the last line alone may be left.
    """
    crashed = done.returncode in {-signal.SIGABRT, -signal.SIGSEGV}
    if crashed or b"Fatal Python error" in done.stderr:
        return True
    raised = b"Traceback (most recent call last):" in done.stderr or b"MemoryError" in done.stderr
    return raised and b"packages/check_rodin_queues/" not in done.stderr


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("tenths", TOO_LITTLE)
def test_too_little_memory_is_unknown(server: Simulator, tenths: int, kind: str) -> None:
    """Unless Python itself cannot start, or gives up, as 3.9 and 3.10 do within an import."""
    done = start_within(tenths, server, *([f"--probe={kind}"] if kind else []))
    if not done.stdout and python_gave_up(done):
        assert done.returncode != 0
        return
    assert done.stdout.count(b"\n") == 1, done
    state = done.stdout.split()[1].decode()
    assert done.returncode == ENDS[kind][state], done
    assert state == "UNKNOWN" or done.stdout.startswith(FINE.rstrip(b"| ")), done
    assert b"packages/check_rodin_queues/" not in done.stderr


def test_the_ends_of_too_little_memory_all_occur(server: Simulator) -> None:
    """Else the tests above would be about one and the same end, or about none of the check's."""
    outputs = [start_within(tenths, server).stdout for tenths in TOO_LITTLE]
    told = [output for output in outputs if output.startswith(b"RODIN_QUEUES UNKNOWN - ")]
    assert UNTOLD in told
    assert set(told) - {UNTOLD}
    assert outputs[-1].startswith(FINE)


#: What Python and its library tell on standard error, though the run goes on.
ASIDES = {
    "a hash that hashlib cannot offer": "import sys; sys.modules.update(_blake2=None)",
    "an error where none can be raised": """
import signal
class Handler:
    def __call__(self, *_): ...
    def __del__(self): raise OSError
signal.signal(signal.SIGALRM, Handler())""",
}


@pytest.mark.parametrize("aside", ASIDES.values(), ids=ASIDES)
def test_what_python_tells_aside_is_not_shown(server: Simulator, aside: str) -> None:
    """Engines take standard error for a part of the result."""
    script = f"{aside}\nfrom check_rodin_queues.__main__ import main; main()"
    assert_fine(start([str(SCRIPT.parent / "python"), "-c", script], environ(server)))


@pytest.mark.parametrize("library", ["requests", "nagiosplugin"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "import no_such_module",
            f"the Python module no_such_module is missing. Install it for {SCRIPT.parent}/python",
        ),
        ("raise ImportError", "internal error: ImportError at "),
    ],
    ids=["missing", "broken"],
)
def test_a_library_that_cannot_be_loaded_is_told(
    server: Simulator, library: str, content: str, said: str, tmp_path: Path
) -> None:
    """As after an upgrade of the system's Python."""
    (tmp_path / f"{library}.py").write_text(content, encoding="ascii")
    done = start([str(SCRIPT), "-t", "5"], environ(server, PYTHONPATH=str(tmp_path)))
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (3, b"", 1)
    assert done.stdout.decode().startswith(f"RODIN_QUEUES UNKNOWN - {said}"), done.stdout


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_descriptors_do_no_harm(server: Simulator, closed: str) -> None:
    done = start(["sh", "-c", f"{SCRIPT} {closed}"], environ(server))
    assert_fine(done)


@pytest.mark.parametrize(
    "before",
    ["", pytest.param("mount -t tmpfs none /dev && ", marks=as_root)],
    ids=["as usual", "without devices"],
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_the_server_does_not_get_what_was_for_a_closed_descriptor(closed: str, before: str) -> None:
    """A connection must not have the number of standard output when the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(20)
        heard = pool.submit(all_that_comes, listener)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        script = f"{before}exec {SCRIPT} -H {url} -t 1 {closed}"
        command = ["sh", "-c", script]
        if before:
            command = ["unshare", "--mount", *command]
        done = start(command, {"RODIN_API_KEY": TOKEN, "PATH": os.environ["PATH"]})
        request = heard.result(20)
    assert (done.returncode, done.stderr) == (2, b"")
    assert request.startswith(b"GET /")
    assert request.endswith(b"\r\n\r\n")


def test_no_connection_has_the_number_of_a_standard_stream() -> None:
    """Whatever a library tells on standard error would go to the server."""
    with stub.stub(b"", holds=True) as server:
        command = ["sh", "-c", f"exec {SCRIPT} -H {server.url} -t 5 <&- >&- 2>&-"]
        with subprocess.Popen(command, env={"RODIN_API_KEY": TOKEN}) as process:
            wait_for_request(server, process)
            opened = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
            process.terminate()
    assert opened == ["/dev/null"] * 3
    assert process.returncode == 3


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
    with Simulator(token=TOKEN, scenario="dead-worker") as server, full_pipe() as (_, writer):
        command, env = [str(SCRIPT), "-t", "1"], environ(server)
        outcome = in_time(lambda: stopwatch(command, env, stdout=writer), 1, earliest=1)
    assert (outcome.code, outcome.stderr) == (2, "")


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


@pytest.mark.parametrize(
    ("verbosity", "lines"), [([], 1), (["-v"], 2), (["-vvv"], 5)], ids=["", "-v", "-vvv"]
)
def test_what_is_removed_while_it_waits_is_not_missed(
    verbosity: List[str], lines: int, tmp_path: Path
) -> None:
    """As by an upgrade: to say that the time is over nothing has to be read from a disk."""
    copy = shutil.copytree(check_rodin_queues.__path__[0], tmp_path / "check_rodin_queues")
    with stub.stub(b"HTTP/1.1 200 OK\r\n", holds=True) as server:
        command = [sys.executable, "-m", copy.name, "-H", server.url, "-t", "3", *verbosity]
        env = environment({"RODIN_API_KEY": TOKEN, "PYTHONPATH": str(tmp_path)})
        with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE) as process:
            wait_for_request(server, process)
            shutil.rmtree(copy)
            output = process.communicate(timeout=30)[0]
    assert (process.returncode, output.count(b" - timeout: asking ")) == (2, 1), output
    assert b" | time=3" in output
    assert output.count(b"\n") >= lines


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
