"""The release checklist, gone through in a copy of the tree whose test run is taken for granted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from check_rodin_queues import __version__
from tests.engines.programs import SEARCH_PATH, find

ROOT = Path(__file__).resolve().parent.parent
WHOEVER = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.xdist_group("debian-package")]


def git(folder: Path, *words: str) -> str:
    """Run git in *folder* and return what it says."""
    command = ["git", *WHOEVER, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Commit a copy of the tree, whose `.venv` is this Python and whose `tests/run` passes."""
    for program in ("dh_python3", "lintian"):
        find(program)
    if not (ROOT / ".git").exists():
        pytest.skip("this folder is not a git repository")
    folder = tmp_path / "tree"
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "tests/run").write_text("#!/bin/sh\n")
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=All")
    return folder


def release(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Go through the list."""
    who = {
        f"GIT_{role}_{what}": "tester@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        [str(folder / "packaging/release"), *args],
        env={**os.environ, **who, "PATH": f"{SEARCH_PATH}:{os.environ.get('PATH', '')}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_sound_tree_is_built_and_tagged(tree: Path) -> None:
    done = release(tree, "--tag")
    assert done.returncode == 0, done.stdout
    assert "[ ]" not in done.stdout
    assert {path.name for path in (tree / "dist").iterdir()} == {
        f"check_rodin_queues-{__version__}-py3-none-any.whl",
        f"check_rodin_queues-{__version__}.tar.gz",
        f"check-rodin-queues_{__version__}-1_all.deb",
    }
    assert git(tree, "tag") == f"v{__version__}\n"
    assert git(tree, "status", "--porcelain") == ""


def test_what_does_not_hold_is_named_and_nothing_is_tagged(tree: Path) -> None:
    package = tree / "check_rodin_queues/__init__.py"
    package.write_text(package.read_text().replace(__version__, "9.0.0rc1"))
    (tree / "share/fish/vendor_completions.d/check_rodin_queues.fish").write_text("")
    done = release(tree, "--tag")
    assert done.returncode == 1
    missed = [line for line in done.stdout.splitlines() if line.startswith("[ ]")]
    for fact in ("the tree is clean", "MAJOR.MINOR.PATCH", "gives it a day", "are of today"):
        assert any(fact in line for line in missed), done.stdout
    assert git(tree, "tag") == ""


def test_an_unknown_option_does_nothing(tree: Path) -> None:
    done = release(tree, "--upload")
    assert (done.returncode, (tree / "dist").exists()) == (2, False)
    assert "Nothing is uploaded" in done.stdout
