"""CONTRIBUTING leads to a change that is tested: its steps are gone in a copy of the tree."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import List

import pytest

from tests.tree import PACKAGE, ROOT, Tree, copied

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DAILY = "not slow and not engine"


def chapter(title: str) -> str:
    """Return what stands below the heading *title*."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(title: str, language: str) -> List[str]:
    """Return the blocks of code of a chapter."""
    return re.findall(rf"```{language}\n(.*?)```", chapter(title), re.DOTALL)


def edit(tree: Tree, diff: str) -> None:
    """Do what a reader of *diff* does: find the lines, once there, and change them."""
    for name, change in re.findall(
        r"^\+\+\+ b/(\S+)\n(.*?)(?=^--- |\Z)", diff, re.MULTILINE | re.DOTALL
    ):
        file = tree.folder / name
        for hunk in change.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            text = file.read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{name} has this {text.count(before)} times:\n{before}"
            file.write_text(text.replace(before, after), encoding="utf-8")


def call(tree: Tree, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the tree's Python with *words*."""
    return subprocess.run(
        [str(tree.python), *words],
        cwd=tree.folder,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def daily(tree: Tree, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the daily tests, as far as *words* choose them."""
    return call(tree, "-m", "pytest", "-q", "-m", DAILY, *words)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Copy the tree, with what is not committed yet."""
    try:
        return copied(tmp_path)
    except LookupError as error:
        pytest.skip(str(error))


def given(command: str) -> List[str]:
    """Return what a `tests/run` of the text is given."""
    return shlex.split(command)[1:]


@pytest.mark.slow
@pytest.mark.parametrize("title", ["Change a default", "Add a metric"])
def test_the_steps_lead_to_a_tested_change(title: str, tree: Tree) -> None:
    """The tests are red once they demand it, green with it, and no page is left behind."""
    demand, change, tell = blocks(title, "diff")
    (first,) = set(re.findall(r"`(tests/run [^`]*)`\s+is red", chapter(title)))
    make, check = blocks(title, "sh")[0].splitlines()
    edit(tree, demand)
    red = daily(tree, *given(first))
    assert red.returncode == 1, red.stdout
    edit(tree, change)
    green = daily(tree, *given(first))
    assert green.returncode == 0, green.stdout
    stale = daily(tree, "tests/test_readme.py", "tests/test_share.py")
    assert {"tests/test_readme.py", "tests/test_share.py"} <= set(
        re.findall(r"FAILED ([^:]*)::", stale.stdout)
    ), stale.stdout
    edit(tree, tell)
    made = call(tree, *make.split()[1:])
    assert made.returncode == 0, made.stdout
    done = daily(tree, *given(check))
    assert done.returncode == 0, done.stdout


def test_every_step_is_one_that_is_gone() -> None:
    shown = set(re.findall(r"^## (.*)\n", TEXT, re.MULTILINE))
    assert {title for title in shown if blocks(title, "diff")} == {
        "Change a default",
        "Add a metric",
    }


def test_every_command_and_file_that_is_named_exists() -> None:
    commands = {
        line.split()[0]
        for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
        for line in block.splitlines()
    }
    assert commands - {".venv/bin/python"} <= {"examples/demo", "tests/run"}
    named = re.findall(r"`((?:tests|share|packaging|examples|\.ci)/[\w./]*)`", TEXT)
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_map_shows_every_module() -> None:
    table = chapter("The map").partition("| layer |")[2].partition("\n\n")[0]
    modules = {path.stem for path in (ROOT / PACKAGE).glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", table)) == modules


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([A-Z]{2,}_[A-Z_]+)`", TEXT))))
def test_a_constant_that_is_named_exists(named: str) -> None:
    sources = [path.read_text() for path in (ROOT / PACKAGE).glob("*.py")]
    assert sum(source.count(f"\n{named} = ") for source in sources) == 1
