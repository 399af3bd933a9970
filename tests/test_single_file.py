"""The check as one file, made by `examples/single-file/build`: it runs where nothing else is.

Of its README only the copying into the plugin folder of this machine, by `install`, is not run.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterator, NamedTuple, Tuple

import pytest

from check_rodin_queues import __version__
from tests.console import SCRIPT, environment
from tests.faults.namespaces import needs_namespace
from tests.live import Both, both
from tests.pythons import DEBIAN, pythons

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "examples/single-file/build"
LIBRARIES = ("certifi", "idna", "nagiosplugin", "requests", "urllib3")
FINE = "RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("single-file")]


class Told(NamedTuple):
    """Exit code and both streams."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that everybody may enter."""
    path = tmp_path_factory.mktemp("single-file")
    for parent in (path, *path.parents):
        if parent.owner() == path.owner() and len(parent.parts) > 2:
            parent.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    """Build the file with this Python."""
    output = folder / "check_rodin_queues.pyz"
    subprocess.run([sys.executable, BUILD, output], check=True, capture_output=True)
    return output


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Both]:
    """Serve four idle queues."""
    with both(folder) as served:
        yield served


def call(*command: object, prefix: Tuple[str, ...] = (), **variables: str) -> Told:
    """Run *command* from a folder where nothing is, with a home that does not exist."""
    words = [*prefix, *map(str, command)]
    env = environment({"HOME": "/nonexistent", "TMPDIR": "/nonexistent", **variables})
    done = subprocess.run(words, cwd="/", env=env, capture_output=True, text=True, check=False)
    return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module", params=pythons() or [sys.executable])
def python(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return a Python in an environment where nothing is installed; Debian's as it is."""
    given = str(request.param)
    if given == DEBIAN:
        return given
    fresh = folder / f"venv{pythons().index(given)}"
    subprocess.run([given, "-m", "venv", "--without-pip", fresh], check=True)
    return str(fresh / "bin/python")


def test_it_asks_and_judges_on_every_python(python: str, built: Path, site: Both) -> None:
    """Without a home, without a folder for temporary files, over HTTP and HTTPS."""
    for url, more in ((site.http, ()), (site.https, ("--ca-file", site.ca))):
        told = call(python, built, *site.ask(url, *more))
        assert told.stdout.startswith(FINE)
        assert (told.code, told.stderr) == (0, "")


def test_what_it_says_is_what_the_command_says(python: str, built: Path) -> None:
    for words in (["--version"], ["--nothing"], ["--input", "/nowhere"], []):
        assert call(python, built, *words) == call(SCRIPT, *words)


def test_it_runs_as_a_program_of_its_own(built: Path) -> None:
    assert call(built, "--version") == (3, f"check_rodin_queues {__version__}\n", "")


def test_it_writes_nothing(built: Path, site: Both, folder: Path) -> None:
    """No cache and no temporary file: what was there before is there after, and no more."""
    before = sorted(folder.rglob("*"))
    temporary = folder / "temporary"
    temporary.mkdir()
    told = call(built, *site.ask(site.https, "--ca-file", site.ca), TMPDIR=str(temporary))
    assert told.code == 0
    assert list(temporary.iterdir()) == []
    temporary.rmdir()
    assert sorted(folder.rglob("*")) == before


def _without_store(folder: str) -> Tuple[str, ...]:
    """Return what runs a command where the system has no store, and no file can be written."""
    hide = f"mount -t tmpfs -o ro none {folder}"
    remount = "for m in / /tmp /run /var; do mount -o remount,bind,ro $m 2>/dev/null; done"
    return ("unshare", "--mount", "sh", "-c", f'{hide} && {remount}; exec "$@"', "sh")


@needs_namespace
def test_without_a_store_it_trusts_the_roots_in_itself(built: Path, site: Both) -> None:
    """Those of certifi do not know our server, until a root that does is put among them."""
    folder = ssl.get_default_verify_paths().openssl_capath
    if not Path(folder).exists():
        pytest.skip("this Python's OpenSSL has no folder of authorities")
    prefix = _without_store(str(Path(folder).resolve()))
    stranger = call(built, *site.ask(site.https, "-vv"), prefix=prefix)
    assert "its issuer is not trusted" in stranger.stdout
    assert "(certifi's bundle)" in stranger.stdout
    known = call(_with_root(built, Path(site.ca)), *site.ask(site.https), prefix=prefix)
    assert known.stdout.startswith(FINE)


def _with_root(built: Path, ca: Path) -> Path:
    """Return a copy of the file with *ca* among its roots."""
    copy = built.with_name("with-root.pyz")
    with zipfile.ZipFile(built) as old, copy.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as new:
            for item in old.infolist():
                more = ca.read_bytes() if item.filename == "certifi/cacert.pem" else b""
                new.writestr(item, old.read(item) + more)
    copy.chmod(0o755)
    return copy


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_stream_does_not_become_the_store(built: Path, site: Both, closed: str) -> None:
    words = " ".join(site.ask(site.http))
    assert call("sh", "-c", f"{built} {words} {closed}").stdout.startswith(FINE)


def test_the_same_input_gives_the_same_bytes(built: Path, folder: Path) -> None:
    """At another time, from another folder, and whatever the seed of this run's hashes."""
    again = folder / "again" / "other-name.pyz"
    again.parent.mkdir()
    env = {**os.environ, "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}
    subprocess.run([sys.executable, BUILD, again], check=True, capture_output=True, env=env)
    assert again.read_bytes() == built.read_bytes()


def test_it_names_another_interpreter_where_asked(folder: Path) -> None:
    output = folder / "named.pyz"
    words = [sys.executable, str(BUILD), "--python", sys.executable, str(output)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert output.read_bytes().startswith(f"#!{sys.executable}\n".encode())
    assert re.fullmatch(
        rf"{output}: certifi \S+, idna \S+, nagiosplugin \S+, requests \S+, urllib3 \S+\n", said
    )


def test_it_holds_the_licence_of_all_that_is_in_it(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        licences = archive.read("LICENSES").decode()
        packages = {name.split("/")[0] for name in archive.namelist() if "/" in name}
    assert packages == {"check_rodin_queues", *LIBRARIES}
    assert [name for name in LIBRARIES if f"\n{name} " not in licences] == []
    assert licences.startswith((ROOT / "LICENSE").read_text())


def test_every_module_is_there_as_source_and_as_byte_code(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    sources = {name for name in names if name.endswith(".py")}
    assert names - sources == {f"{name}c" for name in sources} | {"LICENSES", "certifi/cacert.pem"}


def test_an_older_python_is_unknown_and_no_warning(built: Path) -> None:
    """Such a Python is rare by now; what it says of its version is enough for this."""
    pretend = "import runpy, sys; sys.version_info = (3, 8); runpy.run_path(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", pretend, built], capture_output=True, text=True, check=False
    )
    told = "RODIN_QUEUES UNKNOWN - this Python is too old. Run it with 3.9 or newer\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, told, "")


def test_the_help_of_the_build_explains_it() -> None:
    said = subprocess.run([BUILD, "--help"], check=True, capture_output=True, text=True).stdout
    assert "PIP_CONSTRAINT" in said
