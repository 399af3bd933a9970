"""The Debian package: built, checked by lintian, installed, used, removed in a new Debian."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from check_rodin_queues import __version__
from examples.simulator import Simulator
from tests.engines.programs import find
from tests.tree import PACKAGE, ROOT, call, tracked

DOC = "usr/share/doc/check-rodin-queues"

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.xdist_group("debian-package")]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package."""
    find("dh_python3")
    return Path(call(ROOT / "packaging/build-deb", tmp_path_factory.mktemp("deb")).split()[-1])


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def installed(
    request: pytest.FixtureRequest, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Install the package in a new Debian; when it is removed later, it leaves nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root can make the root of another system")
    directory = tmp_path_factory.mktemp("debian")
    root, settings = directory / "root", directory / "apt.conf"
    settings.write_text(call("apt-config", "dump", "Acquire"))
    depends = call("dpkg-deb", "--field", package, "Depends").strip()
    needed = re.sub(r" \(.*?\)|:any|\s", "", depends)
    # a minimal system leaves the documentation out, and it is checked here
    hook = f"rm -f '{root}/etc/dpkg/dpkg.cfg.d/docker'"
    call(
        *(find("mmdebstrap"), "--quiet", "--variant=minbase", f"--include={needed}"),
        *(f"--aptopt={settings}", f"--customize-hook={hook}", request.param, root),
    )
    shutil.copy(package, root / "tmp/plugin.deb")
    before = files(root)
    call(find("chroot"), root, "dpkg", "--install", "/tmp/plugin.deb")
    yield root
    call(find("chroot"), root, "dpkg", "--purge", "check-rodin-queues")
    assert files(root) == before
    shutil.rmtree(root)


def files(root: Path) -> list[str]:
    """Return what is below *root*/usr."""
    return sorted(str(path.relative_to(root)) for path in (root / "usr").rglob("*"))


def run(root: Path, code: int, *args: str, **env: str) -> str:
    """Run the installed plugin like a monitoring system: by its path, as a user with few rights."""
    as_nobody = (find("chroot"), "--userspec=nobody:nogroup", root)
    plugin = f"/usr/lib/nagios/plugins/{PACKAGE}"
    return call(*as_nobody, plugin, *args, code=code, env={"PATH": "/usr/bin:/bin", **env})


def test_lintian_finds_nothing(package: Path) -> None:
    assert call(find("lintian"), "--allow-root", "--fail-on", "warning", package) == ""


def test_version_is_that_of_the_package(package: Path, installed: Path) -> None:
    assert call("dpkg-deb", "--field", package, "Version") == f"{__version__}-1\n"
    assert run(installed, 3, "--version") == f"{PACKAGE} {__version__}\n"


def test_it_checks_a_server_and_a_saved_response(installed: Path) -> None:
    with Simulator(token="made-up", scenario="dead-worker") as server:
        said = run(installed, 2, "-H", server.url, RODIN_API_KEY=server.token)
    assert "(stranded)" in said
    (installed / "tmp/answer.json").write_text("{}")
    assert "(empty)" in run(installed, 3, "--input", "/tmp/answer.json")


def test_it_answers_if_a_library_is_gone(installed: Path) -> None:
    library = installed / "usr/lib/python3/dist-packages/nagiosplugin"
    moved = library.rename(library.with_name("moved"))
    with Simulator(token="made-up") as server:
        said = run(installed, 3, "-H", server.url, RODIN_API_KEY=server.token)
    moved.rename(library)
    assert said.startswith("RODIN_QUEUES UNKNOWN - ")
    assert "nagiosplugin" in said
    modules = installed / "usr/share/check-rodin-queues" / PACKAGE
    moved = modules.rename(modules.with_name("moved"))
    said = run(installed, 3, "--version")
    moved.rename(modules)
    assert said.startswith("RODIN_QUEUES UNKNOWN - cannot start with Python 3.")


def test_modules_are_compiled(installed: Path) -> None:
    """The plugin's user cannot write there, so each run would compile them."""
    directory = installed / "usr/share/check-rodin-queues" / PACKAGE
    modules = {path.stem for path in (ROOT / PACKAGE).glob("*.py")}
    assert {path.stem for path in directory.glob("*.py")} == modules
    assert {path.name.split(".")[0] for path in directory.glob("__pycache__/*.pyc")} == modules


def test_it_brings_documentation_and_completions(installed: Path) -> None:
    paths = {
        f"usr/share/man/man8/{PACKAGE}.8.gz",
        f"usr/share/bash-completion/completions/{PACKAGE}",
        f"usr/share/zsh/vendor-completions/_{PACKAGE}",
        f"usr/share/fish/vendor_completions.d/{PACKAGE}.fish",
        *(f"{DOC}/{name}" for name in ("README.md.gz", "docs", "changelog.gz", "copyright")),
    }
    assert paths - set(files(installed)) == set()


def test_examples_are_ours_and_not_compressed(installed: Path) -> None:
    """All but what needs the tree around it."""
    ours = {name for name in tracked("examples") if not re.match(r"examples/(demo|single)", name)}
    found = {
        str(p.relative_to(installed / DOC)): p for p in (installed / DOC).rglob("examples/**/*")
    }
    assert {name for name, path in found.items() if path.is_file()} == ours
    assert all(found[name].read_bytes() == (ROOT / name).read_bytes() for name in ours)
