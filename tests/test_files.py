"""Files that the arguments name, and standard input: how much of them is read, and how."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Tuple

import pytest

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.files import read_file
from tests import report
from tests.console import SCRIPT, environment, run
from tests.tree import ROOT

#: Reads standard input as the program does, and tells how many bytes it got and what comes after.
READ = """
import os, sys
from check_rodin_queues.files import read_file
print(len(read_file("-", "--input", int(sys.argv[1]))), len(os.read(0, 1000)))
"""


@pytest.mark.parametrize(("size", "limit", "read"), [(9, 10, 9), (11, 10, 11), (12, 10, 11)])
def test_a_file_is_read_up_to_a_byte_beyond_its_limit(
    size: int, limit: int, read: int, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    assert read_file(str(file), "--input", limit) == b"x" * read


@pytest.mark.parametrize(
    ("size", "limit", "read"),
    [(9, 10, 9), (11, 10, 11), (12, 10, 11), (200_000, 150_000, 150_001), (0, 10, 0)],
)
def test_so_is_standard_input_and_what_follows_is_left(
    size: int, limit: int, read: int, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    command = [sys.executable, "-c", READ, str(limit)]
    with file.open("rb") as stdin:
        told = subprocess.run(
            command, stdin=stdin, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
        ).stdout
    assert told.split() == [str(read), str(min(size - read, 1000))]


def late(seconds: float) -> float:
    """Return the CPU of a run whose standard input does not wait, and comes so much later."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(SCRIPT), "--input", "-", "--require="]
    with subprocess.Popen(
        command, stdin=reader, stdout=subprocess.PIPE, env=environment()
    ) as process:
        os.close(reader)
        time.sleep(seconds)
        os.write(writer, b'{"a": {"consumers": 1, "job_awaiting": 0, "job_running": 0}}')
        os.close(writer)
        process.communicate(timeout=30)
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_to_wait_for_standard_input_costs_nothing() -> None:
    """A loop that asks again and again would burn the second."""
    assert late(1) < late(0) + 0.5


#: A path, of which {} is the folder of the test, and the error.
UNREADABLE: List[Tuple[str, str]] = [
    ("{}/absent", "cannot read the file: no such file or directory. Check the path"),
    ("{}", "cannot read the file {}: is a directory. Check the path"),
    ("{}/file/x", "cannot read the file: not a directory. Check the path"),
    ("{}/a\0b", "cannot read the file: no path at all. Check the path"),
]


@pytest.mark.parametrize(("path", "said"), UNREADABLE)
def test_what_keeps_a_file_from_being_read_is_told(path: str, said: str, tmp_path: Path) -> None:
    """A path that is not there is not shown: it may be a secret in the wrong place."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as caught:
        read_file(path.format(tmp_path), "--input", 10)
    assert str(caught.value) == f"--input: {said.format(tmp_path)}"
    if "\0" not in path:
        found = report.read(run("--input", path.format(tmp_path)))
        assert found.text == str(caught.value)


def test_a_standard_input_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Such as one that was opened to be written."""
    command = ["sh", "-c", f'exec "{SCRIPT}" --input - 0>"$0"', str(tmp_path / "file")]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    said = "--input: cannot read the file -: bad file descriptor. Check the path"
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (3, f"RODIN_QUEUES UNKNOWN - {said}\n")
