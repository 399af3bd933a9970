"""What a start loads, and its instructions; `tests/bench` measures the time."""

from __future__ import annotations

import copy
import functools
import pickle
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable

import pytest

from check_rodin_queues.lean_imports import LazyPattern
from tests import bench

CASES = {case.name: case for case in bench.CASES}
HTTP, HTTPS, HELP = bench.HTTP, "check, HTTPS, private CA file", "check, --help"
#: Instructions as a ratio to those of importing requests and nagiosplugin.
LIMITS = {HTTP: 0.72, HTTPS: 0.81, HELP: 0.21, "check, usage error": 0.25}
#: Optional imports of requests, urllib3 and the standard library that a check can run without.
OPTIONAL = ("bz2", "chardet", "charset_normalizer", "lzma", "ssl")
LATE_IMPORTS = hasattr(sys, "set_lazy_imports")
#: A package in the place of requests that loads the real one, but not without *names*.
INSISTING = """
import {names}
__path__ = [{path!r}]
with open({path!r} + "/__init__.py", encoding="utf-8") as file:
    exec(compile(file.read(), file.name, "exec"))
"""


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with bench.sites(tmp_path_factory.mktemp("sites")) as served:
        yield served


def words(name: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of the bench's case *name*."""
    return bench.command(CASES[name], values, bench.ENVIRONMENT["PATH"])


def loaded(name: str, values: Mapping[str, str]) -> set[str]:
    """Return the modules that the case *name* loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words(name, values)],
        env=bench.ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == CASES[name].code, done
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize("name", [HELP, "check, usage error"])
def test_a_run_without_a_request_loads_neither_library(name: str, values: dict[str, str]) -> None:
    assert loaded(name, values) & {"requests", "urllib3", "nagiosplugin", "ssl"} == set()


def test_what_plain_http_does_not_load(values: dict[str, str]) -> None:
    """OpenSSL; on Python 3.15, which loads it when a proxy is looked for, all that is not used."""
    unused = {"importlib.metadata", "requests.sessions"} if LATE_IMPORTS else {"_ssl"}
    assert loaded(HTTP, values) & unused == set()
    assert "_ssl" in loaded(HTTPS, values)


def test_the_check_works_when_requests_insists_on_all_of_them(
    values: dict[str, str], tmp_path: Path
) -> None:
    """A requests before 2.32 insists on a detection of charsets, a later one could too."""
    found = find_spec("requests")
    assert found is not None
    assert found.origin is not None
    (tmp_path / "requests").mkdir()
    names = ", ".join(name for name in OPTIONAL if find_spec(name))
    text = INSISTING.format(names=names, path=str(Path(found.origin).parent))
    (tmp_path / "requests/__init__.py").write_text(text)
    env = {**bench.ENVIRONMENT, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words(HTTP, values), env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_kept_out_can_be_imported_afterwards() -> None:
    script = (
        "import lzma, sys; from check_rodin_queues.lean_imports import load_requests; "
        "load_requests(tls=False); import bz2, ssl; "
        "sys.exit(sys.modules['lzma'] is not lzma or 'requests' not in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], env=bench.ENVIRONMENT, check=True)


def in_a_thread(pattern: re.Pattern[str]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(pattern.findall("aAb")))
    thread.start()
    thread.join()
    return found


@pytest.mark.parametrize(
    "use",
    [
        lambda pattern: isinstance(pattern, re.Pattern),
        lambda pattern: (pattern.pattern, pattern.flags, pattern.groups, repr(pattern)),
        lambda pattern: [copy.copy(pattern), copy.deepcopy(pattern), re.compile(pattern)],
        lambda pattern: pickle.loads(pickle.dumps(pattern)),
        lambda pattern: (hash(pattern), {pattern: 1}[re.compile("(a)", re.IGNORECASE)]),
        lambda pattern: [
            pattern == other for other in (re.compile("(a)", re.IGNORECASE), re.compile("b"))
        ],
        lambda pattern: (re.sub(pattern, "x", "abA"), re.split(pattern, "xay")),
        in_a_thread,
    ],
)
def test_a_late_pattern_cannot_be_told_from_a_compiled_one(
    use: Callable[[re.Pattern[str]], object],
) -> None:
    late: Any = LazyPattern("(a)", re.IGNORECASE)
    assert use(late) == use(re.compile("(a)", re.IGNORECASE))


def test_a_late_pattern_is_compiled_only_once_and_when_it_is_used() -> None:
    late: Any = LazyPattern("(")
    with pytest.raises(re.error):
        late.match("a")
    late = LazyPattern("a")
    assert late.match is not None
    assert late._compiled is late._compiled


def test_no_module_is_taken_from_the_directory_of_plugins(
    values: dict[str, str], tmp_path: Path
) -> None:
    for name in ("requests", "nagiosplugin", "argparse", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')\n")
    script, *more = words(HTTP, values)
    command = [shutil.copy(script, tmp_path), *more]
    done = subprocess.run(command, env=bench.ENVIRONMENT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@functools.cache
def instructions(command: tuple[str, ...]) -> int:
    """Return the number of instructions of *command* and its children, which hardly varies."""
    count = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    call = [*count, "--trace-children=yes", *command]
    done = subprocess.run(call, env=bench.ENVIRONMENT, capture_output=True, text=True, check=False)
    counts = re.findall(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert counts, done.stderr
    return sum(int(count.replace(",", "")) for count in counts)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
@pytest.mark.parametrize("name", LIMITS)
def test_instructions(name: str, values: dict[str, str]) -> None:
    base, own = (instructions(words(case, values)) for case in (bench.Y, name))
    assert own / base <= LIMITS[name]
