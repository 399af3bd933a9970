"""The Debian package: built, judged by lintian, installed, used, removed in a fresh Debian 12."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from check_rodin_queues import __version__
from tests.answers import site
from tests.engines.programs import find
from tests.stub import http, stub

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "/usr/lib/nagios/plugins/check_rodin_queues"
MODULES = "usr/share/check-rodin-queues"

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.xdist_group("debian-package")]


def call(*command: object) -> str:
    """Run *command*, which has to end with 0, and return all that it wrote."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package; the tree is only read."""
    find("dh_python3")
    find("dpkg-buildpackage")
    said = call(ROOT / "packaging/build-deb", tmp_path_factory.mktemp("deb"))
    assert not (ROOT / "debian").exists()
    return Path(said.splitlines()[-1])


@pytest.fixture(scope="module")
def debian(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the root of a Debian 12 with what the package depends on, and the package beside."""
    if os.geteuid() != 0:
        pytest.skip("only root can make the root of another system")
    folder = tmp_path_factory.mktemp("debian")
    root, settings = folder / "root", folder / "apt.conf"
    settings.write_text(call("apt-config", "dump", "Acquire"))
    depends = re.sub(r" \(.*?\)", "", call("dpkg-deb", "--field", package, "Depends").strip())
    needed = [name.strip() for name in depends.split(",")]
    call(
        find("mmdebstrap"),
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(name.replace(':any', '') for name in needed)}",
        f"--aptopt={settings}",
        # what a minimal Docker image leaves out is what is looked at here
        f"--customize-hook=rm -f '{root}/etc/dpkg/dpkg.cfg.d/docker'",
        "bookworm",
        root,
    )
    shutil.copy(package, root / "tmp/plugin.deb")
    yield root
    shutil.rmtree(root)


def files(root: Path) -> List[str]:
    """Return what is below *root*/usr."""
    return sorted(str(path.relative_to(root)) for path in (root / "usr").rglob("*"))


@pytest.fixture(scope="module")
def installed(debian: Path) -> Iterator[Path]:
    """Install the package; see afterwards that its removal leaves nothing."""
    before = files(debian)
    call(find("chroot"), debian, "dpkg", "--install", "/tmp/plugin.deb")
    yield debian
    call(find("chroot"), debian, "dpkg", "--purge", "check-rodin-queues")
    assert files(debian) == before


def run(root: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the installed plugin as a monitoring system would: by its path, with few rights."""
    environment: Dict[str, str] = {"PATH": "/usr/bin:/bin", **env}
    return subprocess.run(
        [find("chroot"), "--userspec=nobody:nogroup", str(root), PLUGIN, *args],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_lintian_finds_no_error(package: Path) -> None:
    call(find("lintian"), "--allow-root", "--fail-on", "error", package)


def test_it_says_of_itself(package: Path) -> None:
    def field(name: str) -> str:
        return call("dpkg-deb", "--field", package, name).strip()

    assert field("Version") == f"{__version__}-1"
    assert field("Architecture") == "all"
    assert {"python3-requests", "python3-nagiosplugin"} <= set(re.split(r"[ ,]+", field("Depends")))


def test_it_judges_a_live_server(installed: Path) -> None:
    body = site(mesh={"consumers": 0, "job_awaiting": 7, "job_running": 0})
    with stub(http("200 OK", body)) as server:
        done = run(installed, "-H", server.url, RODIN_API_KEY="made-up-for-the-test")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("RODIN_QUEUES CRITICAL - rodin.mesh: no consumer for 7 waiting")
    assert server.requests == ["GET /api/v2/queue_status_check HTTP/1.1"]


def test_it_judges_a_saved_answer(installed: Path) -> None:
    (installed / "tmp/answer.json").write_text(site())
    done = run(installed, "--input", "/tmp/answer.json")
    assert (done.returncode, done.stderr) == (0, "")


def test_it_knows_its_version(installed: Path) -> None:
    done = run(installed, "--version")
    assert (done.returncode, done.stdout) == (3, f"check_rodin_queues {__version__}\n")


def test_its_modules_are_compiled(installed: Path) -> None:
    """Whoever runs it may not write there, and would compile them anew each time."""
    folder = installed / MODULES / "check_rodin_queues"
    modules = {path.stem for path in folder.glob("*.py")}
    assert modules == {path.stem for path in (ROOT / "check_rodin_queues").glob("*.py")}
    assert {path.name.split(".")[0] for path in folder.glob("__pycache__/*.pyc")} == modules


@pytest.mark.parametrize(
    "path",
    [
        "usr/share/man/man8/check_rodin_queues.8.gz",
        "usr/share/bash-completion/completions/check_rodin_queues",
        "usr/share/zsh/vendor-completions/_check_rodin_queues",
        "usr/share/fish/vendor_completions.d/check_rodin_queues.fish",
        "usr/share/doc/check-rodin-queues/README.md.gz",
        "usr/share/doc/check-rodin-queues/SECURITY.md",
        "usr/share/doc/check-rodin-queues/changelog.gz",
        "usr/share/doc/check-rodin-queues/copyright",
    ],
)
def test_it_brings(installed: Path, path: str) -> None:
    assert (installed / path).stat().st_size > 100


def test_its_examples_are_ours(installed: Path) -> None:
    """All but what needs the tree around it; none compressed, so that it can be used."""
    folder = installed / "usr/share/doc/check-rodin-queues/examples"
    ours = {
        path.relative_to(ROOT / "examples"): path.read_bytes()
        for path in (ROOT / "examples").rglob("*")
        if path.is_file() and not {"__pycache__", "demo", "single-file"} & set(path.parts)
    }
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == ours
