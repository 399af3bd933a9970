"""CONTRIBUTING leads to a change that is tested: a copy of the tree follows its steps."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.tree import PACKAGE, ROOT, add_python, copy

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHAPTERS = {text.partition("\n")[0]: text for text in TEXT.split("\n## ")[1:]}
#: `tests/run` without what it installs and without style and types.
TESTS = ".venv/bin/python -m pytest -q -m 'not slow and not engine and not alone'"


def steps(chapter: str) -> list[tuple[str, str]]:
    """Return the diffs and the commands of *chapter*, in its order."""
    return re.findall(r"^```(diff|sh)\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)


def edit(tree: Path, diff: str) -> None:
    """Apply *diff*, whose hunks have no line numbers: their old lines stand once in the file."""
    for part in re.split(r"^--- .*\n", diff, flags=re.MULTILINE)[1:]:
        head, _, hunks = part.partition("\n")
        file = tree / head.partition("+++ b/")[2]
        for hunk in re.split(r"^@@.*\n", hunks, flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] or "\n" for line in lines if line[0] in " -\n")
            new = "".join(line[1:] or "\n" for line in lines if line[0] in " +\n")
            text = file.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{file.name} has this {text.count(old)} times:\n{old}"
            file.write_text(text.replace(old, new), encoding="utf-8")


def follow(tree: Path, line: str) -> None:
    """Run a command, which must succeed unless the comment behind it says that it fails."""
    command, _, comment = line.partition("  #")
    done = subprocess.run(
        ["sh", "-c", re.sub(r"^tests/run\b", TESTS, command)],
        cwd=tree,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == ("fails" in comment), f"{line}\n{done.stdout}"


@pytest.mark.slow
@pytest.mark.parametrize("title", [title for title, text in CHAPTERS.items() if "```diff" in text])
def test_steps_lead_to_a_tested_change(title: str, tmp_path: Path) -> None:
    tree = copy(tmp_path)
    add_python(tree)
    for language, text in steps(CHAPTERS[title]):
        if language == "diff":
            edit(tree, text)
        else:
            for line in text.splitlines():
                follow(tree, line)


def test_chapters_show_a_test_that_fails_first() -> None:
    chapters = [text for text in CHAPTERS.values() if "```diff" in text]
    assert len(chapters) >= 2
    for text in chapters:
        assert re.search(r"^tests/run .*  # fails", text, re.MULTILINE), text


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:tests|share|packaging|examples|docs|\.ci)/[\w./-]*)`", TEXT)
    named += re.findall(r"^(?:tests|share|packaging|examples|\.ci)/\S+", TEXT, re.MULTILINE)
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_constant_that_is_named_exists_once() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / PACKAGE).glob("*.py"))
    named = set(re.findall(r"`([A-Z]{2,}_[A-Z_]+)`", TEXT))
    counts = {name: len(re.findall(rf"^{name}\b.* = ", text, re.MULTILINE)) for name in named}
    assert {name: count for name, count in counts.items() if count != 1} == {}
