"""The check as one file, made by `examples/single-file/build`: it runs where nothing else is."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import bench
from tests.console import SCRIPT, environment
from tests.pythons import DEBIAN, pythons
from tests.tree import PACKAGE, ROOT

BUILD = ROOT / "examples/single-file/build"
LIBRARIES = ("certifi", "idna", "nagiosplugin", "requests", "urllib3")
FINE = "RODIN_QUEUES OK - "

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("single-file")]


def call(*command: object, prefix: tuple[str, ...] = (), **variables: str) -> tuple[str, int]:
    """Run *command*, without a home; return its output and its exit code."""
    words = [*prefix, *map(str, command)]
    env = environment({"HOME": "/nonexistent", "TMPDIR": "/nonexistent", **variables})
    done = subprocess.run(words, cwd="/", env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout, done.returncode


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for what is built and served."""
    return tmp_path_factory.mktemp("single-file")


@pytest.fixture(scope="module")
def built(directory: Path) -> Path:
    """Build the file with this Python; it names its content."""
    output = directory / "check_rodin_queues.pyz"
    said, _ = call(sys.executable, BUILD, "--python", sys.executable, output, TMPDIR="/tmp")
    assert output.read_bytes().startswith(f"#!{sys.executable}\n".encode())
    assert [word.split()[0] for word in said.partition(": ")[2].split(", ")] == [*LIBRARIES]
    return output


@pytest.fixture(scope="module")
def values(directory: Path) -> Iterator[dict[str, str]]:
    """Serve idle queues with and without TLS."""
    with bench.sites(directory) as served:
        yield {**served, "http": f"{served['http']}/4"}


@pytest.fixture(scope="module", params=pythons() or [sys.executable])
def python(request: pytest.FixtureRequest, directory: Path) -> str:
    """Return a Python in an environment where nothing is installed, or Debian's."""
    given = str(request.param)
    if given == DEBIAN:
        return given
    fresh = directory / f"venv{pythons().index(given)}"
    subprocess.run([given, "-m", "venv", "--without-pip", fresh], check=True)
    return str(fresh / "bin/python")


def ask(values: dict[str, str], scheme: str, *more: str) -> tuple[str, ...]:
    """Return the arguments of a check over *scheme*."""
    return ("-H", values[scheme], "--token-file", values["token"], *more)


def test_it_checks_a_server_on_every_python(
    python: str, built: Path, values: dict[str, str]
) -> None:
    for words in (ask(values, "http"), ask(values, "https", "--ca-file", values["ca"])):
        stdout, code = call(python, built, *words)
        assert (stdout.startswith(FINE), code) == (True, 0)


def test_output_is_that_of_the_command(python: str, built: Path) -> None:
    for words in (["--version"], ["--nothing"], ["--input", "/nowhere"], []):
        assert call(python, built, *words) == call(SCRIPT, *words)


def test_it_runs_as_a_program_and_writes_nothing(
    built: Path, values: dict[str, str], tmp_path: Path
) -> None:
    """Also if its standard streams are closed."""
    before = sorted(built.parent.rglob("*"))
    words = ask(values, "https", "--ca-file", values["ca"])
    command = ("sh", "-c", 'exec "$@" <&- 2>&-', "sh", built, *words)
    assert call(*command, TMPDIR=str(tmp_path))[1] == 0
    assert sorted(built.parent.rglob("*")) == before
    assert [*tmp_path.iterdir()] == []


@pytest.mark.usefixtures("namespace")
def test_without_a_store_it_uses_the_roots_in_the_file(built: Path, values: dict[str, str]) -> None:
    """They are read, and do not include the CA of the test."""
    store = ssl.get_default_verify_paths().openssl_capath
    if not Path(store).exists():
        pytest.skip("this Python's OpenSSL has no directory of authorities")
    hide = f"mount -t tmpfs -o ro none {Path(store).resolve()}"
    read_only = "for m in / /tmp /run /var; do mount -o remount,bind,ro $m 2>/dev/null; done"
    prefix = ("unshare", "--mount", "sh", "-c", f'{hide} && {read_only}; exec "$@"', "sh")
    said, _ = call(built, *ask(values, "https", "-vv"), prefix=prefix)
    assert "(unreachable)" in said
    assert "certifi's bundle" in said


def test_same_input_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """At another time, in another directory, with another seed for hashes."""
    again = tmp_path / "other-name.pyz"
    env = {**os.environ, "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}
    words = [sys.executable, str(BUILD), "--python", sys.executable, str(again)]
    subprocess.run(words, check=True, capture_output=True, env=env)
    assert again.read_bytes() == built.read_bytes()


def test_content_is_sources_byte_code_roots_and_licenses(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names, licenses = set(archive.namelist()), archive.read("LICENSES").decode()
    sources = {name for name in names if name.endswith(".py")}
    assert names - sources == {f"{name}c" for name in sources} | {"LICENSES", "certifi/cacert.pem"}
    assert {name.split("/")[0] for name in names if "/" in name} == {PACKAGE, *LIBRARIES}
    assert licenses.startswith((ROOT / "LICENSE").read_text(encoding="utf-8"))
    assert [name for name in LIBRARIES if f"\n{name} " not in licenses] == []


def test_older_python_is_unknown(built: Path) -> None:
    """The file is run as if this Python was an older one."""
    pretend = "import runpy, sys; sys.version_info = (3, 8); runpy.run_path(sys.argv[1])"
    stdout, code = call(sys.executable, "-c", pretend, built)
    assert code == 3
    assert stdout.startswith("RODIN_QUEUES UNKNOWN - this Python is too old. ")
