"""What holds the code together: where imports may point, what may not grow, what may not be said.

Docstrings, names and complexity are ruff's; its settings are in pyproject.toml.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Set

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "check_rodin_queues"

#: From the ground up. A module imports only what stands before it, in its own layer too: so a
#: layer never knows those above it, and nothing goes round in a circle.
LAYERS = {
    "errors": "named states errors",
    "values": """
        snapshot metrics conditions thresholds globs selection labels server redaction tokens
        verdict probes
        """,
    "adapters": """
        files extra_opts trust manual parser arguments settings
        memory answer journal wire failures transport libraries client
        subjects contexts resources findings phrases summary details check
        output lifetime
        """,
    "composition": "cli __main__",
}
ORDER = ["__init__", *" ".join(LAYERS.values()).split()]
#: The modules that know a library, all of them adapters. urllib3 is what requests raises from.
LIBRARIES = {
    "client": {"requests", "urllib3"},
    "transport": {"requests", "urllib3"},
    "failures": {"requests", "urllib3"},
    "check": {"nagiosplugin"},
    "contexts": {"nagiosplugin"},
    "findings": {"nagiosplugin"},
    "resources": {"nagiosplugin"},
    "subjects": {"nagiosplugin"},
    "summary": {"nagiosplugin"},
}

#: Lines of a function and of a file that users read. An exception has its own limit and reason.
LONGEST_FUNCTION = 40
LONGEST_FILE = 300
EXCEPTIONS = {
    "check_rodin_queues/parser.py": 350,  # every option with its help, in one place
    "examples/simulator.py": 650,  # one file, so that it can be copied anywhere
}
CODE = (f"{PACKAGE}/*.py", "examples/*.py")

#: Places that only a maker's machine knows, and hosts that a mirror may stand in for.
FOREIGN = re.compile(
    r"\.\./shared|/wor[k]/|/home/\w|\bissues? #?[0-9]"
    r"|pypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|npmjs[.]org"
)


def modules() -> List[str]:
    """Return the names of the package's modules."""
    return sorted(path.stem for path in (ROOT / PACKAGE).glob("*.py"))


def tracked(*patterns: str) -> List[str]:
    """Return the files that are in the repository, or would be with the next `git add`."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this folder is not a git repository: {done.stderr.strip()}")
    return sorted({name for name in done.stdout.splitlines() if (ROOT / name).is_file()})


def imports(module: str) -> Iterator[str]:
    """Yield the full name of all that *module* imports, wherever in its text."""
    for node in ast.walk(ast.parse((ROOT / PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(filter(None, [PACKAGE if node.level else "", node.module]))
            yield from (f"{parent}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> Set[str]:
    """Return the package's modules that *module* imports."""
    parts = (name.split(".") for name in imports(module))
    inner = {part[1] for part in parts if part[0] == PACKAGE and len(part) > 1}
    return {name if name in modules() else "__init__" for name in inner}


def test_every_module_has_its_layer() -> None:
    assert sorted(ORDER) == modules()


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module: str) -> None:
    below = set(ORDER[: ORDER.index(module)])
    assert own_imports(module) - below == set(), f"{module} may not import these"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="does not know its own library's names")
@pytest.mark.parametrize("module", modules())
def test_only_adapters_know_a_library(module: str) -> None:
    ours: Set[str] = {PACKAGE, "__future__", *sys.stdlib_module_names}
    assert {name.split(".")[0] for name in imports(module)} - ours == LIBRARIES.get(module, set())
    assert module not in LIBRARIES or module in LAYERS["adapters"].split()


def test_no_file_needs_an_index() -> None:
    lines = {name: len((ROOT / name).read_text().splitlines()) for name in tracked(*CODE)}
    assert [
        f"{name}: {count} lines"
        for name, count in lines.items()
        if count > EXCEPTIONS.get(name, LONGEST_FILE)
    ] == []


def test_no_function_needs_scrolling() -> None:
    functions = [
        (name, node)
        for name in tracked(*CODE)
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert [
        f"{name}:{node.lineno} {node.name}"
        for name, node in functions
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ] == []


def test_the_repository_stands_alone() -> None:
    texts = {name: (ROOT / name).read_bytes().decode(errors="replace") for name in tracked()}
    assert [
        f"{name}: {line.strip()}"
        for name, text in texts.items()
        for line in text.splitlines()
        if FOREIGN.search(line)
    ] == []


def test_the_hooks_call_the_tools_of_the_test_command() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    command = (ROOT / "tests/run").read_text()
    called = re.findall(r'stage "(?:ruff|mypy).*?" (.+)', command)
    assert called == re.findall(r"entry: (.+)", hooks)


def test_shell_scripts_are_sound() -> None:
    """ShellCheck finds nothing in any of them; it comes from the system, CI must have it."""
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    shebang = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
    scripts = [name for name in tracked() if shebang.match((ROOT / name).read_bytes())]
    assert "tests/run" in scripts
    done = subprocess.run(["shellcheck", *scripts], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert (done.stdout.decode(), done.returncode) == ("", 0)


def test_the_installed_package_is_this_one(tmp_path: Path) -> None:
    """Else the console script would be tested as it was: `tests/run` installs it anew."""
    where = f"import {PACKAGE}; print({PACKAGE}.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    installed = Path(done.stdout.strip()).parent
    texts = {name: (ROOT / PACKAGE / f"{name}.py").read_text() for name in modules()}
    others = [name for name in texts if (installed / f"{name}.py").read_text() != texts[name]]
    assert others == []
