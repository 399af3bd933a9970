"""Wheel and sdist, built from a clean copy of the tree and installed where nothing else is."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path
from typing import Set

import pytest

from check_rodin_queues import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "check_rodin_queues"
#: Of use in the repository alone.
NOT_PACKED = re.compile(r"\.ci/|\.git|\.pre-commit")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def call(*command: object, cwd: Path) -> str:
    """Run *command* in *cwd* and return what it wrote, all of it; it has to end with 0."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files(repository: Path) -> Set[str]:
    """Return the files that git tracks in *repository*, or would after `git add`."""
    listing = call("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=repository)
    return {name for name in listing.splitlines() if (repository / name).is_file()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the clean tree into a git repository, which shows what a build leaves there."""
    if not (ROOT / ".git").exists():
        pytest.skip("this folder is not a git repository")
    copy = tmp_path_factory.mktemp("packaging") / "tree"
    for name in files(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    call("git", "init", "--quiet", cwd=copy)
    call("git", "add", "--all", cwd=copy)
    return copy


@pytest.fixture(scope="module")
def dist(tree: Path) -> Path:
    """Build the sdist, and from it the wheel; return their folder."""
    folder = tree.parent / "dist"
    call(sys.executable, "-m", "build", "--outdir", folder, cwd=tree)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    """Open the wheel."""
    return zipfile.ZipFile(dist / f"{PACKAGE}-{__version__}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """Return what the wheel says of itself."""
    told = wheel.read(f"{PACKAGE}-{__version__}.dist-info/METADATA")
    return email.message_from_string(told.decode())


def test_the_index_would_take_them(dist: Path) -> None:
    built = sorted(dist.iterdir())
    assert [path.name for path in built] == [
        f"{PACKAGE}-{__version__}-py3-none-any.whl",
        f"{PACKAGE}-{__version__}.tar.gz",
    ]
    said = call(sys.executable, "-m", "twine", "check", "--strict", *built, cwd=dist)
    assert said.count("PASSED") == len(built)


def test_the_wheel_holds_the_whole_package(wheel: zipfile.ZipFile, tree: Path) -> None:
    packed = {name for name in wheel.namelist() if name.startswith(f"{PACKAGE}/")}
    assert packed == {name for name in files(tree) if name.startswith(f"{PACKAGE}/")}
    assert f"{PACKAGE}/py.typed" in packed


def test_the_wheel_holds_nothing_foreign(wheel: zipfile.ZipFile) -> None:
    """Beside the package there are its metadata and the files for `share/`."""
    of_its_own = f"{PACKAGE}-{__version__}"
    expected = {PACKAGE, f"{of_its_own}.dist-info", f"{of_its_own}.data"}
    assert {name.split("/")[0] for name in wheel.namelist()} <= expected
    data = {name for name in wheel.namelist() if name.startswith(f"{of_its_own}.data")}
    assert all(name.startswith(f"{of_its_own}.data/data/share/") for name in data)


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    entries = wheel.read(f"{PACKAGE}-{__version__}.dist-info/entry_points.txt").decode()
    assert entries == f"[console_scripts]\n{PACKAGE} = {PACKAGE}.__main__:main\n"


def test_it_needs_two_libraries(metadata: Message) -> None:
    needed = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert needed == {"nagiosplugin>=1.3.2", "requests>=2.28.1"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Name", PACKAGE),
        ("Version", __version__),
        ("License", "MIT"),
        ("Requires-Python", ">=3.9"),
        ("Description-Content-Type", "text/markdown"),
    ],
)
def test_it_says_of_itself(metadata: Message, field: str, value: str) -> None:
    assert metadata[field] == value


def test_its_page_is_the_readme(metadata: Message, tree: Path) -> None:
    assert metadata.get_payload() == (tree / "README.md").read_text()


def test_the_sdist_is_the_tree(dist: Path, tree: Path) -> None:
    """A packager finds tests, examples and pages in it."""
    with tarfile.open(dist / f"{PACKAGE}-{__version__}.tar.gz") as sdist:
        packed = {m.name.partition("/")[2] for m in sdist.getmembers() if m.isfile()}
    made = {"PKG-INFO", *(name for name in packed if name.startswith(f"{PACKAGE}.egg-info/"))}
    assert packed - made == {name for name in files(tree) if not NOT_PACKED.match(name)}


def test_it_installs_where_nothing_else_is(tree: Path, tmp_path: Path) -> None:
    """`pip install .` gives the command and the module, and leaves nothing that git would see."""
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv/bin"
    call(programs / "pip", "install", "--quiet", ".", cwd=tree)
    runs = [
        subprocess.run([*words, "--version"], cwd=tmp_path, capture_output=True, check=False)
        for words in ([programs / PACKAGE], [programs / "python", "-m", PACKAGE])
    ]
    assert [(run.returncode, run.stdout.decode(), run.stderr) for run in runs] == [
        (3, f"{PACKAGE} {__version__}\n", b"")
    ] * 2
    assert call("git", "status", "--porcelain", "--untracked-files", cwd=tree).count("??") == 0
