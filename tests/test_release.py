"""The release checklist, followed in a copy of the tree whose tests are taken for granted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from check_rodin_queues import __version__
from tests.engines.programs import SEARCH_PATH, find
from tests.tree import call, copy

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.xdist_group("debian-package")]

ENV = {
    **os.environ,
    **{f"GIT_{role}_NAME": "Tester" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "tester@example.com" for role in ("AUTHOR", "COMMITTER")},
    "PATH": f"{SEARCH_PATH}:{os.environ.get('PATH', '')}",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Commit a copy of the tree, whose `.venv` is this Python and whose `tests/run` passes."""
    for program in ("dh_python3", "lintian"):
        find(program)
    tree = copy(tmp_path)
    (tree / "tests/run").write_text("#!/bin/sh\n")
    python = tree / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tree}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    call("git", "commit", "--quiet", "--all", "--message=All", cwd=tree, env=ENV)
    return tree


def release(tree: Path, option: str, code: int) -> str:
    """Follow the list; return what is said."""
    return call(tree / "packaging/release", option, cwd=tree, env=ENV, code=code)


def test_sound_tree_is_built_and_tagged(tree: Path) -> None:
    assert "[ ]" not in release(tree, "--tag", code=0)
    assert len(list((tree / "dist").iterdir())) == 3
    assert call("git", "tag", cwd=tree) == f"v{__version__}\n"
    assert call("git", "status", "--porcelain", cwd=tree) == ""


def test_failed_points_are_named_and_nothing_is_tagged(tree: Path) -> None:
    package = tree / "check_rodin_queues/__init__.py"
    package.write_text(package.read_text().replace(__version__, "9.0.0rc1"))
    (tree / "share/fish/vendor_completions.d/check_rodin_queues.fish").write_text("")
    said = release(tree, "--tag", code=1)
    failed = "".join(line for line in said.splitlines() if line.startswith("[ ]"))
    facts = ("the tree is clean", "MAJOR.MINOR.PATCH", "gives it a day", "are of today")
    assert [fact for fact in facts if fact not in failed] == [], said
    assert call("git", "tag", cwd=tree) == ""


def test_unknown_option_does_nothing(tree: Path) -> None:
    assert "Nothing is uploaded" in release(tree, "--upload", code=2)
    assert not (tree / "dist").exists()
