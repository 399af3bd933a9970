"""A copy of the tree, to be changed, and a Python that runs its package, not the installed one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import List, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "check_rodin_queues"
SCRIPT = """\
#!{python}
import sys
from check_rodin_queues.__main__ import main
sys.exit(main())
"""


class Tree(NamedTuple):
    """The copy's folder, and its Python, which borrows the packages of ours."""

    folder: Path
    python: Path

    @property
    def package(self) -> Path:
        """The folder of the package's modules."""
        return self.folder / PACKAGE

    @property
    def packages(self) -> Path:
        """Where this Python looks for packages first."""
        (packages,) = self.python.parents[1].glob("lib/python3*/site-packages")
        return packages


def copied(into: Path) -> Tree:
    """Copy the tree to a folder *into*, with what is not committed yet, and make its Python.

    Raises LookupError if ours is no git repository.
    """
    tree = Tree(into / "tree", into / "venv" / "bin" / "python")
    for name in _files():
        if (ROOT / name).is_file():
            (tree.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree.folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tree.folder, check=True)
    venv.create(into / "venv", symlinks=True)
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (tree.packages / "tree.pth").write_text("\n".join([str(tree.folder), *ours]))
    script = tree.python.with_name(PACKAGE)
    script.write_text(SCRIPT.format(python=tree.python))
    script.chmod(0o755)
    return tree


def _files() -> List[str]:
    """Return what git has of the tree, or would take."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        raise LookupError(f"this folder is not a git repository: {found.stderr.strip()}")
    return found.stdout.splitlines()
