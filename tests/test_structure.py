"""What holds the code together: where imports may point, and what must not stand in a file.

Docstrings, names and complexity are ruff's; its settings are in pyproject.toml.
"""

from __future__ import annotations

import ast
import graphlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from check_rodin_queues.options import build_parser
from tests.tree import PACKAGE, ROOT, tracked

#: Places that exist on one machine only, and hosts that a mirror can replace.
FOREIGN = re.compile(
    r"\.\./shared|/wor[k]/|/home/\w|\bissues? #?[0-9]"
    r"|pypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|npmjs[.]org"
)
#: Words that are not plain English.
UNCLEAR = re.compile(
    r"\b(?:anew|whatever|beneath|untold|a fault of|is no option|has to be said)\b", re.IGNORECASE
)
READ_BY_USERS = (
    *(f"{PACKAGE}/", "README.md", "docs/", "examples/", "CONTRIBUTING.md", "SECURITY.md"),
)

MODULES = sorted(path.stem for path in (ROOT / PACKAGE).glob("*.py") if path.stem != "__init__")


def layers() -> dict[str, int]:
    """Return the layer of each module, counted from the top, as CONTRIBUTING's table has it.

    A row without a name in its first cell belongs to the layer above it.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found: dict[str, int] = {}
    layer = 0
    for row in text.partition("\n| layer |")[2].partition("\n\n")[0].splitlines()[2:]:
        name, modules = row.split("|")[1:3]
        layer += bool(name.strip())
        found.update(dict.fromkeys(re.findall(r"`(\w+)`", modules), layer))
    return found


def imports(module: str) -> set[str]:
    """Return the modules of the package that *module* imports, also inside its functions."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {part[1] for part in (f"{name}.".split(".") for name in names) if part[0] == PACKAGE} & {
        *MODULES
    }


def test_every_module_has_its_layer() -> None:
    assert sorted(layers()) == MODULES


def test_imports_point_down_and_have_no_cycle() -> None:
    table = {module: imports(module) for module in MODULES}
    layer = layers()
    pairs = [(module, other) for module, others in table.items() for other in others]
    assert [pair for pair in pairs if layer[pair[0]] > layer[pair[1]]] == []
    graphlib.TopologicalSorter(table).prepare()


def contents(*patterns: str) -> dict[str, str]:
    """Return the text of each file."""
    return {
        name: (ROOT / name).read_bytes().decode(errors="replace") for name in tracked(*patterns)
    }


def test_nothing_refers_to_one_machine() -> None:
    lines = [(name, line) for name, text in contents().items() for line in text.splitlines()]
    assert [(name, line) for name, line in lines if FOREIGN.search(line)] == []


def test_words_are_plain() -> None:
    texts = {**contents(*READ_BY_USERS), "--help": build_parser().format_help()}
    found = [(name, UNCLEAR.findall(" ".join(text.split()))) for name, text in texts.items()]
    assert [row for row in found if row[1]] == []


def test_shell_scripts_are_sound() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    shebang = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
    scripts = [name for name in tracked() if shebang.match((ROOT / name).read_bytes())]
    assert "tests/run" in scripts
    done = subprocess.run(["shellcheck", *scripts], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert (done.stdout.decode(), done.returncode) == ("", 0)


def test_installed_package_is_this_one(tmp_path: Path) -> None:
    """Otherwise an earlier version of the command would be tested."""
    where = f"import {PACKAGE}; print({PACKAGE}.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    installed = Path(done.stdout.strip()).parent
    assert [
        name
        for name in MODULES
        if (installed / f"{name}.py").read_bytes() != (ROOT / PACKAGE / f"{name}.py").read_bytes()
    ] == []
