"""The files of the repository, and a copy of them that a test can change."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "check_rodin_queues"
SCRIPT = """\
#!{python}
import sys
from check_rodin_queues.__main__ import main
sys.exit(main())
"""


def tracked(*patterns: str) -> list[str]:
    """Return the files that git has, or would have after `git add`; skip without a repository."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this directory is not a git repository: {done.stderr.strip()}")
    return sorted({name for name in done.stdout.splitlines() if (ROOT / name).is_file()})


def call(*command: object, code: int = 0, **more: Any) -> str:
    """Run *command*, which must end with *code*, and return what it wrote."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **more,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def copy(into: Path) -> Path:
    """Copy the tree, with uncommitted changes, to a repository in *into*, and return its path."""
    tree = into / "tree"
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    call("git", "init", "--quiet", cwd=tree)
    call("git", "add", "--all", cwd=tree)
    return tree


def add_python(tree: Path) -> Path:
    """Make `.venv` in *tree*, with the packages of this Python and the command of *tree*."""
    venv.create(tree / ".venv", symlinks=True)
    (packages,) = tree.glob(".venv/lib/python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "tree.pth").write_text("\n".join([str(tree), *ours]))
    python = tree / ".venv/bin/python"
    script = python.with_name(PACKAGE)
    script.write_text(SCRIPT.format(python=python))
    script.chmod(0o755)
    return python
