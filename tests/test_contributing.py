"""CONTRIBUTING leads to a change that is tested: its steps are gone in a copy of the tree."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import List, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = "check_rodin_queues"
DAILY = "not slow and not engine"
SCRIPT = """\
#!{python}
import sys
from check_rodin_queues.__main__ import main
sys.exit(main())
"""


def chapter(title: str) -> str:
    """Return what stands below the heading *title*."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(title: str, language: str) -> List[str]:
    """Return the blocks of code of a chapter."""
    return re.findall(rf"```{language}\n(.*?)```", chapter(title), re.DOTALL)


class Tree(NamedTuple):
    """A copy of the tree, and a Python that runs its package and not the installed one."""

    folder: Path
    python: Path

    def edit(self, diff: str) -> None:
        """Do what a reader of *diff* does: find the lines, once there, and change them."""
        for name, change in re.findall(
            r"^\+\+\+ b/(\S+)\n(.*?)(?=^--- |\Z)", diff, re.MULTILINE | re.DOTALL
        ):
            file = self.folder / name
            for hunk in change.split("@@\n")[1:]:
                lines = hunk.splitlines(keepends=True)
                before = "".join(line[1:] for line in lines if line[0] in " -")
                after = "".join(line[1:] for line in lines if line[0] in " +")
                text = file.read_text(encoding="utf-8")
                assert text.count(before) == 1, (
                    f"{name} has this {text.count(before)} times:\n{before}"
                )
                file.write_text(text.replace(before, after), encoding="utf-8")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the tree's Python with *words*."""
        return subprocess.run(
            [str(self.python), *words],
            cwd=self.folder,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def test(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the daily tests, as far as *words* choose them."""
        return self.call("-m", "pytest", "-q", "-m", DAILY, *words)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Copy the tree, with what is not committed yet."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"this folder is not a git repository: {found.stderr.strip()}")
    folder, environment = tmp_path / "tree", tmp_path / "venv"
    for name in found.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    venv.create(environment, symlinks=True)
    python = environment / "bin/python"
    (packages,) = environment.glob("lib/python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "tree.pth").write_text("\n".join([str(folder), *ours]))
    script = environment / "bin" / PACKAGE
    script.write_text(SCRIPT.format(python=python))
    script.chmod(0o755)
    return Tree(folder, python)


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
    tree.edit(demand)
    red = tree.test(*given(first))
    assert red.returncode == 1, red.stdout
    tree.edit(change)
    green = tree.test(*given(first))
    assert green.returncode == 0, green.stdout
    stale = tree.test("tests/test_readme.py", "tests/test_share.py")
    assert {"tests/test_readme.py", "tests/test_share.py"} <= set(
        re.findall(r"FAILED ([^:]*)::", stale.stdout)
    ), stale.stdout
    tree.edit(tell)
    made = tree.call(*make.split()[1:])
    assert made.returncode == 0, made.stdout
    done = tree.test(*given(check))
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
