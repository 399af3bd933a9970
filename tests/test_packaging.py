"""Wheel and sdist, built from a clean copy of the tree and installed where nothing else is."""

from __future__ import annotations

import email
import re
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from check_rodin_queues import __version__
from tests.tree import PACKAGE, call, copy, tracked

#: Files that are used in the repository alone.
NOT_PACKED = re.compile(r"\.ci/|\.git|\.pre-commit")
NAME = f"{PACKAGE}-{__version__}"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tree."""
    return copy(tmp_path_factory.mktemp("packaging"))


@pytest.fixture(scope="module")
def dist(tree: Path) -> Path:
    """Build the sdist, and from it the wheel, and return their directory."""
    call(sys.executable, "-m", "build", "--outdir", "../dist", cwd=tree)
    return tree.parent / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    """Open the wheel."""
    return zipfile.ZipFile(dist / f"{NAME}-py3-none-any.whl")


def test_an_index_would_take_them(dist: Path) -> None:
    names = [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"]
    assert sorted(path.name for path in dist.iterdir()) == names
    said = call(sys.executable, "-m", "twine", "check", "--strict", *names, cwd=dist)
    assert said.count("PASSED") == 2


def test_wheel_holds_the_package_and_the_share_files(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if not name.startswith(f"{NAME}.dist-info/")}
    package = set(tracked(f"{PACKAGE}/*"))
    share = {f"{NAME}.data/data/{name}" for name in tracked("share/*/*")}
    assert names == package | share | {f"{NAME}.data/scripts/{PACKAGE}"}
    assert f"{PACKAGE}/py.typed" in package


def test_metadata(wheel: zipfile.ZipFile, tree: Path) -> None:
    about = email.message_from_string(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    fields = ("Name", "Version", "License", "Requires-Python", "Description-Content-Type")
    assert [about[field] for field in fields] == [
        *(PACKAGE, __version__, "MIT", ">=3.9", "text/markdown")
    ]
    needed = {line for line in about.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert needed == {"nagiosplugin>=1.3.2", "requests>=2.28.1"}
    assert about.get_payload() == (tree / "README.md").read_text(encoding="utf-8")


def test_sdist_is_the_tree(dist: Path) -> None:
    with tarfile.open(dist / f"{NAME}.tar.gz") as sdist:
        packed = {m.name.partition("/")[2] for m in sdist.getmembers() if m.isfile()}
    made = {name for name in packed if name.startswith(("PKG-INFO", f"{PACKAGE}.egg-info/"))}
    assert packed - made == {name for name in tracked() if not NOT_PACKED.match(name)}


def test_wheel_installs_where_nothing_else_is(dist: Path, tree: Path, tmp_path: Path) -> None:
    """The command and the module run, and the build left no file for git."""
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv/bin"
    call(programs / "pip", "install", "--quiet", dist / f"{NAME}-py3-none-any.whl", cwd=tmp_path)
    for command in ([programs / PACKAGE], [programs / "python", "-W", "error", "-m", PACKAGE]):
        said = call(*command, "--version", cwd=tmp_path, code=3)
        assert said == f"{PACKAGE} {__version__}\n"
    assert "??" not in call("git", "status", "--porcelain", "--untracked-files", cwd=tree)


def test_the_monitoring_user_can_read_what_root_installs_with_umask_077(
    tree: Path, tmp_path: Path
) -> None:
    text = (tree / "README.md").read_text(encoding="utf-8")
    commands = text.partition("# virtual environment\n")[2].partition("```")[0]
    assert "/usr/bin/python3 -m venv" in commands
    commands = commands.replace("/opt/check_rodin_queues", str(tmp_path / "venv"))
    call("sh", "-ec", f"umask 077\n{commands}", cwd=tree)
    said = call(tmp_path / "venv/bin" / PACKAGE, "--version", code=3)
    assert said == f"{PACKAGE} {__version__}\n"
    files = [path for path in (tmp_path / "venv").rglob("*") if not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & 0o044 != 0o044] == []
