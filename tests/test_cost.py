"""What a run costs, as far as it does not depend on the machine's mood.

That is which modules it loads at each stage, and how many instructions it takes. `tests/bench`
measures the seconds; what each lever gains stands beside it in the code.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Set

import pytest

from check_rodin_queues import libraries
from tests.console import SCRIPT
from tests.cost.cases import clean_environment
from tests.live import Both, both

PACKAGE = "check_rodin_queues"
#: What runs a script, and tells at its very end which modules are there, and if gc has work.
TELL = """
import gc, os, sys
end = os._exit
def tell(code):
    told = [name for name, module in sys.modules.items() if module]
    os.write(2, "\\n".join([*told, *(["gc at work"] if gc.isenabled() else [])]).encode())
    end(code)
os._exit = tell
del sys.argv[0]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"), {"__name__": "__main__"})
"""
LIBRARIES = {"requests", "urllib3", "nagiosplugin", "certifi", "idna", *libraries.DETECTIONS}
#: Of the standard library: what no stage needs, and what none needs that asks nobody.
DEAR = {"asyncio", "configparser", "dataclasses", "inspect", "multiprocessing", "platform"}
FOR_ASKING = {
    *("email", "fnmatch", "http.client", "importlib.metadata", "json", "logging", "shutil"),
    *("signal", "socket", "ssl", "subprocess", "tempfile", "textwrap", "traceback", "urllib.parse"),
}
#: All that a check may load beside its libraries and what they load.
BESIDE = {"argparse", "gettext", "gc", "locale", "_locale"}
#: Modules of this package that only some runs need.
SELDOM = {
    *("details", "extra_opts", "failures", "manual", "memory", "probes", "trust"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Serve four idle queues."""
    with both(tmp_path_factory.mktemp("cost")) as served:
        yield served


def clean(**variables: str) -> Dict[str, str]:
    """Return an environment in which Python starts as ever, with *variables*."""
    return {**clean_environment(), **variables}


def loaded(*words: str, code: int = 0, variables: Optional[Mapping[str, str]] = None) -> Set[str]:
    """Return the modules that a run of the console script with *words* has at its end."""
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(SCRIPT), *words],
        env=clean(**(variables or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done
    return set(done.stderr.splitlines())


def libraries_alone() -> Set[str]:
    """Return the modules that the two libraries load by themselves."""
    told = "import requests, nagiosplugin, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", told], env=clean(), capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


def own(modules: Set[str]) -> Set[str]:
    """Return the modules of this package, without its name before them."""
    return {name.partition(".")[2] for name in modules if name.startswith(f"{PACKAGE}.")}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["--no-such-option"], []], ids=str)
def test_what_asks_nobody_loads_no_library(words: List[str]) -> None:
    modules = loaded(*words, code=3)
    assert {name.partition(".")[0] for name in modules} & LIBRARIES == set()
    assert modules & DEAR == set()


@pytest.mark.parametrize("word", ["--help", "--version", "--no-such-option"])
def test_help_and_usage_errors_need_hardly_more_than_argparse(word: str) -> None:
    modules = loaded(word, code=3)
    assert modules & FOR_ASKING == set()
    assert own(modules) & SELDOM == ({"manual"} if word == "--help" else set())


def test_a_check_loads_only_what_it_needs(site: Both) -> None:
    modules = loaded("-H", site.http, "--token-file", site.token, "-w", "20")
    known = (f"{PACKAGE}.", "requests.packages.")  # ours, and other names of the libraries'
    more = {name for name in modules - libraries_alone() if not name.startswith(known)}
    assert more <= BESIDE | {PACKAGE}
    assert modules & DEAR <= libraries_alone()
    assert own(modules) & SELDOM == set()


def test_a_check_over_tls_adds_trust_alone(site: Both) -> None:
    asked = ("--token-file", site.token, "-w", "20")
    plain = loaded("-H", site.http, *asked)
    secure = loaded("-H", site.https, "--ca-file", site.ca, *asked)
    assert own(secure) - own(plain) == {"trust"}
    assert secure - plain <= libraries_alone() | {f"{PACKAGE}.trust"}


def test_what_requests_can_do_without_is_kept_out(site: Both) -> None:
    """Of the detections of charsets, requests before 2.32 insists on one."""
    modules = loaded("-H", site.https, "--ca-file", site.ca, "--token-file", site.token)
    detections = [name for name in libraries.DETECTIONS if name in modules]
    version = tuple(map(int, metadata.version("requests").split(".")[:2]))
    assert len(detections) == (0 if version >= (2, 32) else 1)
    assert modules & set(libraries.COMPRESSIONS) == set()


#: What requests and urllib3 look for, in some version; the folders are packages.
LOOKED_FOR = (
    *("bz2", "lzma", "brotli", "brotlicffi", "zstandard", "backports/zstd", "compression/zstd"),
    *("chardet", "charset_normalizer", "OpenSSL"),
)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", LOOKED_FOR)
def test_what_requests_can_do_without_is_kept_out_where_it_is_installed(
    site: Both, name: str, scheme: str, tmp_path: Path
) -> None:
    """In its place is a module that ends the program."""
    version = tuple(map(int, metadata.version("requests").split(".")[:2]))
    if name == "charset_normalizer" and version < (2, 32):
        pytest.skip("it insists on a detection of charsets")
    path = tmp_path / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("import os; os.write(2, b'loaded'); os._exit(99)\n", encoding="utf-8")
    more = ("--ca-file", site.ca) if scheme == "https" else ()
    command = [str(SCRIPT), "-H", getattr(site, scheme), "--token-file", site.token, *more]
    done = subprocess.run(
        command, env=clean(PYTHONPATH=str(tmp_path)), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_was_kept_out_can_be_had_afterwards() -> None:
    """And what was there before is still that, or two modules would go by one name."""
    script = (
        "import sys, lzma; from check_rodin_queues.libraries import load_requests; "
        "load_requests(tls=False); import bz2, ssl; "
        "print(sys.modules['lzma'] is lzma, 'requests' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"


@pytest.mark.parametrize(
    ("scheme", "variables", "needed"),
    [
        ("http", {}, False),
        ("https", {}, True),
        ("http", {"HTTPS_PROXY": "http://127.0.0.1:1"}, True),
        ("http", {"ALL_PROXY": "", "NO_PROXY": "*"}, True),
    ],
    ids=["plain", "TLS", "a proxy", "no proxy"],
)
def test_plain_http_needs_no_tls(
    site: Both, scheme: str, variables: Dict[str, str], needed: bool
) -> None:
    """Wherever a proxy is named, it may be one that speaks TLS."""
    more = ("--ca-file", site.ca) if scheme == "https" else ()
    url = getattr(site, scheme)
    modules = loaded("-H", url, "--token-file", site.token, *more, variables=variables)
    assert ("ssl" in modules) == needed
    assert "urllib3.contrib.pyopenssl" not in modules


def test_nothing_is_looked_for_beside_the_script(site: Both, tmp_path: Path) -> None:
    """A file in a folder of plugins is not taken for a module, whatever its name."""
    script = shutil.copy(SCRIPT, tmp_path)
    for name in ("requests", "nagiosplugin", "argparse", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')\n")
    command = [script, "-H", site.http, "--token-file", site.token]
    done = subprocess.run(command, env=clean(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


#: A module that says that it was taken, and ends the run.
TAKEN = "import os; os._exit(99)\n"


def test_libraries_of_a_folder_that_a_wrapper_names_are_found(site: Both, tmp_path: Path) -> None:
    """It is first on the path, and not the folder where the wrapper is."""
    libraries_folder = tmp_path / "lib"
    libraries_folder.mkdir()
    (libraries_folder / "nagiosplugin.py").write_text(TAKEN, encoding="ascii")
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(
        f"import sys; sys.path.insert(0, {str(libraries_folder)!r})\n"
        f"from {PACKAGE}.__main__ import main\nmain()\n"
    )
    command = [sys.executable, str(wrapper), "-H", site.http, "--token-file", site.token]
    assert subprocess.run(command, env=clean(), check=False).returncode == 99


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no safe path before 3.11")
def test_a_folder_of_scripts_that_the_environment_names_counts(site: Both, tmp_path: Path) -> None:
    """With a safe path it is not Python that puts the folder of the script there."""
    script = shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "nagiosplugin.py").write_text(TAKEN, encoding="ascii")
    command = [script, "-H", site.http, "--token-file", site.token]
    env = clean(PYTHONSAFEPATH="1", PYTHONPATH=str(tmp_path))
    assert subprocess.run(command, env=env, check=False).returncode == 99


def test_libraries_that_lie_beside_the_script_with_the_package_are_found(tmp_path: Path) -> None:
    """As in an unpacked zip that is run as a folder."""
    folder = tmp_path / "unpacked"
    for name in (PACKAGE, "nagiosplugin"):
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, folder / name)
    script = folder / "run"
    script.write_text(f"from {PACKAGE}.__main__ import main\nmain()\n")
    command = [sys.executable, "-S", str(script), "--input", "-"]
    done = subprocess.run(command, input=b"{}", env=clean(), capture_output=True, check=False)
    assert done.stdout.startswith(b"RODIN_QUEUES UNKNOWN - no queue is selected")


#: Instructions as a ratio to those of importing the libraries, and the most that they may be.
INSTRUCTIONS = {"http": 0.86, "https": 0.93, "help": 0.22, "usage error": 0.21}


@pytest.mark.slow
@pytest.mark.xdist_group("instructions")
@pytest.mark.parametrize("case", INSTRUCTIONS)
def test_instructions(case: str, site: Both) -> None:
    """They are the same on a busy machine; a second of CPU time is not."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    asked = ("--token-file", site.token, "-w", "20", "-t", "60")
    words = {
        "http": ("-H", site.http, *asked),
        "https": ("-H", site.https, "--ca-file", site.ca, *asked),
        "help": ("--help",),
        "usage error": ("--no-such-option",),
    }[case]
    taken = instructions(str(SCRIPT), *words)
    base = instructions(sys.executable, "-c", "import requests, nagiosplugin")
    assert taken / base <= INSTRUCTIONS[case]


def instructions(*command: str) -> int:
    """Return how many instructions *command* takes, counted by valgrind."""
    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(
        counted, env=clean(PYTHONHASHSEED="0"), capture_output=True, text=True, check=False
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])
