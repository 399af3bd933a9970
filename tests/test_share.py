"""Man page and completions: made from the parser of today, and what their readers make of them."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from check_rodin_queues import __version__
from check_rodin_queues.arguments import known_options
from check_rodin_queues.conditions import CONDITIONS
from check_rodin_queues.metrics import known_metrics
from check_rodin_queues.settings import HOST_VARIABLE, TOKEN_VARIABLE
from tests.engines.programs import find
from tests.terminal import terminal

ROOT = Path(__file__).resolve().parent.parent
SHARE = ROOT / "share"
MAN_PAGE = SHARE / "man/man8/check_rodin_queues.8"
BASH = SHARE / "bash-completion/completions/check_rodin_queues"
ZSH = SHARE / "zsh/site-functions/_check_rodin_queues"
FISH = SHARE / "fish/vendor_completions.d/check_rodin_queues.fish"


def test_they_are_what_the_parser_says() -> None:
    """`share/make` would write them as they are."""
    if not importlib.util.find_spec("shtab"):
        pytest.skip("the libraries that make them are in the extra `dev`")
    made = subprocess.run(
        [sys.executable, str(SHARE / "make"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.stdout, made.stderr, made.returncode) == ("", "", 0)


def test_the_wheel_installs_each_below_share() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    installed = {
        f"{folder}/{Path(file).name}": file
        for folder, files in settings["options.data_files"].items()
        for file in files.split()
    }
    assert sorted(installed) == sorted(installed.values())
    made = {path.relative_to(ROOT) for path in SHARE.rglob("*") if path.is_file()}
    assert {Path(file) for file in installed} == made - {Path("share/make")}


# The man page


def shown() -> str:
    """Return the page as a reader sees it, without what makes it bold, on one endless line."""
    done = subprocess.run(
        [find("man"), "--warnings", "--local-file", str(MAN_PAGE)],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "MANWIDTH": "5000", "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r".\x08", "", done.stdout)


def test_man_shows_it_without_a_warning() -> None:
    assert f"check_rodin_queues {__version__}" in shown()


@pytest.mark.parametrize(
    "sought",
    [
        *(option for option in known_options() if option != "-h"),  # whoever reads it needs none
        *(metric.rpartition(".")[2] for metric in known_metrics()),
        *(condition.name for condition in CONDITIONS),
        HOST_VARIABLE,
        TOKEN_VARIABLE,
    ],
)
def test_the_page_has(sought: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(sought)}(?![\w-])", shown())


def test_its_examples_are_those_of_the_help() -> None:
    """They are typed from it: no hyphen may be another character, no backslash be lost."""
    helped = subprocess.run(
        [sys.executable, "-m", "check_rodin_queues", "--help"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.partition("examples:\n")[2]
    commands = [line for line in helped.splitlines() if not line.startswith("  #")]
    page = shown()
    assert commands
    assert [line for line in commands if line.strip() not in page] == []


# The completions, each in its shell, found where the shell looks for it below share/


def lines(shell: str) -> Tuple[List[str], Dict[str, str], str]:
    """Return command and environment that start *shell*, and what to set up in it."""
    if shell == "bash":
        return (
            ["--norc", "--noprofile", "-i"],
            {},
            f"source '{BASH}'; check_rodin_queues() {{ printf 'GOT<%s>' \"$@\"; }}",
        )
    if shell == "zsh":
        return (
            ["-f", "-i"],
            {},
            (
                f"fpath=('{ZSH.parent}' $fpath); autoload -U compinit; compinit -u -D; "
                "check_rodin_queues() { printf 'GOT<%s>' \"$@\" }"
            ),
        )
    return (
        ["--private"],
        {"XDG_DATA_DIRS": f"{SHARE}:/usr/share"},
        "function check_rodin_queues; printf 'GOT<%s>' $argv; end",
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "got"),
    [
        ("--tok", "--token-file"),
        ("--probe rea", "--probe readiness"),
        ("--input an-ans", "--input an-answer.json"),
        ("-q rodin.t", "-q rodin.texture"),
    ],
    ids=["option", "kind of probe", "file", "queue"],
)
def test_tab_completes(shell: str, typed: str, got: str, tmp_path: Path) -> None:
    (tmp_path / "an-answer.json").touch()
    options, extra, setup = lines(shell)
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8", **extra}
    with terminal([find(shell), *options], env, tmp_path) as screen:
        screen.type(f"{setup}; echo REA''DY\r")
        screen.wait_for("READY")
        screen.type(f"check_rodin_queues {typed}\t\r")
        screen.wait_for("".join(f"GOT<{word}>" for word in got.split()))
