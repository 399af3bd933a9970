"""Man page, completions and picture: made of today, and what their readers do with them."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from check_rodin_queues import __version__
from check_rodin_queues.conditions import CONDITIONS
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS
from check_rodin_queues.options import build_parser
from check_rodin_queues.server import HOST_VARIABLE
from check_rodin_queues.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from tests.console import run
from tests.engines.programs import find
from tests.tree import ROOT

SHARE = ROOT / "share"
BASH = SHARE / "bash-completion/completions/check_rodin_queues"
ZSH = SHARE / "zsh/site-functions"


def test_files_are_of_today() -> None:
    if not importlib.util.find_spec("shtab"):
        pytest.skip("the libraries that make them are in the extra `dev`")
    make = [sys.executable, str(SHARE / "make"), "--check"]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.fixture(scope="module")
def page() -> str:
    """Return the man page as a reader sees it, with one line for each paragraph."""
    done = subprocess.run(
        [find("man"), "--warnings", "--local-file", SHARE / "man/man8/check_rodin_queues.8"],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "MANWIDTH": "5000", "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r".\x08", "", done.stdout)


def test_page_has_every_section_and_both_forms(page: str) -> None:
    sections = re.findall(r"^[A-Z][A-Z ]+$", page, re.MULTILINE)
    assert sections == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "THRESHOLDS", "METRICS", "CONDITIONS"),
        *("EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "BUGS", "SEE ALSO"),
    ]
    assert f"check_rodin_queues {__version__}" in page
    assert re.search(r"\n *check_rodin_queues -H .*\n *check_rodin_queues --input ", page)


def test_page_has_every_name(page: str) -> None:
    names = [
        *(option for action in build_parser()._actions for option in action.option_strings),
        *(row.name for row in (*QUEUE_METRICS, *RUN_METRICS, *CONDITIONS)),
        *(HOST_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE, "/etc/monitoring-plugins.ini"),
    ]
    found = [re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page) for name in names]
    assert [name for name, match in zip(names, found) if not match] == []


def test_tables_and_examples_are_those_of_the_help(page: str) -> None:
    """Examples are copied from a terminal: no hyphen or quote can be another character."""
    shown = run("--help").stdout
    lines = re.findall(
        r"^  (?:check_rodin_queues|  -|\S+ +alert|\w+\.\w+ ).*$", shown, re.MULTILINE
    )
    assert len(lines) > 10
    assert [line for line in lines if line.strip() not in page] == []


# The completions, each in its shell, found where the shell looks for it below share/


#: Shows each word of a command.
ECHO = "check_rodin_queues() { printf 'GOT<%s>' \"$@\"; }"
#: The options of each shell, and what to set up in it.
SHELLS: dict[str, tuple[list[str], str]] = {
    "bash": (["--norc", "--noprofile", "-i"], f"source '{BASH}'; {ECHO}"),
    "zsh": (["-f", "-i"], f"fpath=('{ZSH}' $fpath); autoload -U compinit; compinit -u -D; {ECHO}"),
    "fish": (["--private"], "function check_rodin_queues; printf 'GOT<%s>' $argv; end"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes(shell: str, tmp_path: Path) -> None:
    """An option, a kind of probe, a file and a queue."""
    (tmp_path / "an-answer.json").touch()
    options, setup = SHELLS[shell]
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    env["XDG_DATA_DIRS"] = f"{SHARE}:/usr/share"  # for fish
    with pexpect.spawn(find(shell), options, cwd=tmp_path, env=env, encoding="utf-8") as screen:
        screen.send(f"{setup}; echo REA''DY\r")
        screen.expect_exact("READY")
        for typed, got in (
            ("--tok", "--token-file"),
            ("--probe rea", "--probe readiness"),
            ("--input an-ans", "--input an-answer.json"),
            ("-q rodin.t", "-q rodin.texture"),
        ):
            screen.send(f"check_rodin_queues {typed}\t\r")
            screen.expect_exact("".join(f"GOT<{word}>" for word in got.split()))


# The README's picture of `-v`

PICTURE = ROOT / "examples/verbose.png"
#: The largest picture that a page of the documentation loads, in bytes.
LARGEST = 100_000


def size(picture: Path) -> tuple[int, int]:
    """Return width and height of a PNG, in pixels."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


@pytest.mark.slow
@pytest.mark.engine
def test_picture_can_be_made(tmp_path: Path) -> None:
    find("chromium")
    made = tmp_path / "made.png"
    subprocess.run([sys.executable, str(ROOT / "packaging/picture"), str(made)], check=True)
    assert size(made) == size(PICTURE)
    assert all(20_000 < picture.stat().st_size < LARGEST for picture in (made, PICTURE))
