"""The check as one file, made by `examples/single-file/build`: it runs where nothing else is."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterator, NamedTuple, Tuple

import pytest

from tests.console import SCRIPT, environment
from tests.live import Both, both
from tests.pythons import DEBIAN, pythons
from tests.tree import PACKAGE, ROOT

BUILD = ROOT / "examples/single-file/build"
LIBRARIES = ("certifi", "idna", "nagiosplugin", "requests", "urllib3")
FINE = "RODIN_QUEUES OK - "

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("single-file")]


class Result(NamedTuple):
    """Exit code and both streams."""

    code: int
    stdout: str
    stderr: str


def call(*command: object, prefix: Tuple[str, ...] = (), **variables: str) -> Result:
    """Run *command* in an empty directory, with a home that does not exist."""
    words = [*prefix, *map(str, command)]
    env = environment({"HOME": "/nonexistent", "TMPDIR": "/nonexistent", **variables})
    done = subprocess.run(words, cwd="/", env=env, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for what is built and served."""
    return tmp_path_factory.mktemp("single-file")


@pytest.fixture(scope="module")
def built(directory: Path) -> Path:
    """Build the file with this Python; it names its content."""
    output = directory / "check_rodin_queues.pyz"
    words = [sys.executable, str(BUILD), "--python", sys.executable, str(output)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert output.read_bytes().startswith(f"#!{sys.executable}\n".encode())
    assert [word.split()[0] for word in said.partition(": ")[2].split(", ")] == [*LIBRARIES]
    return output


@pytest.fixture(scope="module")
def site(directory: Path) -> Iterator[Both]:
    """Serve four idle queues."""
    with both(directory) as served:
        yield served


@pytest.fixture(scope="module", params=pythons() or [sys.executable])
def python(request: pytest.FixtureRequest, directory: Path) -> str:
    """Return a Python in an environment where nothing is installed, or Debian's."""
    given = str(request.param)
    if given == DEBIAN:
        return given
    fresh = directory / f"venv{pythons().index(given)}"
    subprocess.run([given, "-m", "venv", "--without-pip", fresh], check=True)
    return str(fresh / "bin/python")


def test_it_checks_a_server_on_every_python(python: str, built: Path, site: Both) -> None:
    for url, more in ((site.http, ()), (site.https, ("--ca-file", site.ca))):
        result = call(python, built, *site.ask(url, *more))
        assert result.stdout.startswith(FINE)
        assert (result.code, result.stderr) == (0, "")


def test_output_is_that_of_the_command(python: str, built: Path) -> None:
    for words in (["--version"], ["--nothing"], ["--input", "/nowhere"], []):
        assert call(python, built, *words) == call(SCRIPT, *words)


def test_it_runs_as_a_program_and_writes_nothing(built: Path, site: Both, directory: Path) -> None:
    before = sorted(directory.rglob("*"))
    (directory / "temporary").mkdir()
    words = site.ask(site.https, "--ca-file", site.ca)
    assert call(built, *words, TMPDIR=f"{directory}/temporary").code == 0
    (directory / "temporary").rmdir()
    assert sorted(directory.rglob("*")) == before


@pytest.mark.usefixtures("namespace")
def test_without_a_store_it_uses_the_roots_in_the_file(built: Path, site: Both) -> None:
    """Those of certifi do not include the test's root, until it is added to the file."""
    store = ssl.get_default_verify_paths().openssl_capath
    if not Path(store).exists():
        pytest.skip("this Python's OpenSSL has no directory of authorities")
    hide = f"mount -t tmpfs -o ro none {Path(store).resolve()}"
    read_only = "for m in / /tmp /run /var; do mount -o remount,bind,ro $m 2>/dev/null; done"
    prefix = ("unshare", "--mount", "sh", "-c", f'{hide} && {read_only}; exec "$@"', "sh")
    stranger = call(built, *site.ask(site.https, "-vv"), prefix=prefix)
    assert "(unreachable)" in stranger.stdout
    assert "certifi's bundle" in stranger.stdout
    known = call(with_root(built, Path(site.ca)), *site.ask(site.https), prefix=prefix)
    assert known.stdout.startswith(FINE)


def with_root(built: Path, ca: Path) -> Path:
    """Return a copy of the file with *ca* among its roots."""
    copy = built.with_name("with-root.pyz")
    with zipfile.ZipFile(built) as old, copy.open("wb") as file:
        file.write(f"#!{sys.executable}\n".encode())
        with zipfile.ZipFile(file, "w") as new:
            for item in old.infolist():
                more = ca.read_bytes() if item.filename == "certifi/cacert.pem" else b""
                new.writestr(item, old.read(item) + more)
    copy.chmod(0o755)
    return copy


def test_closed_streams_are_not_used_for_the_roots(built: Path, site: Both) -> None:
    words = " ".join(site.ask(site.http))
    assert call("sh", "-c", f"{built} {words} <&- 2>&-").stdout.startswith(FINE)


def test_same_input_gives_the_same_bytes(built: Path, directory: Path) -> None:
    """At another time, in another directory, with another seed for hashes."""
    again = directory / "again" / "other-name.pyz"
    again.parent.mkdir()
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
    result = call(sys.executable, "-c", pretend, built)
    assert (result.code, result.stderr) == (3, "")
    assert result.stdout.startswith("RODIN_QUEUES UNKNOWN - this Python is too old. ")
