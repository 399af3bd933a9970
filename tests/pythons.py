"""The supported Pythons of this machine, for tests of what all of them must run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SUPPORTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
DEBIAN = "/usr/bin/python3"

_VENV = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"


def pythons() -> list[str]:
    """Return one Python of each supported version, and the distribution's own."""
    found = {version: path for path in _candidates() if (version := _version(path)) in SUPPORTED}
    others = [DEBIAN] if _version(DEBIAN) in SUPPORTED else []
    return [*dict.fromkeys([*(found[version] for version in sorted(found)), *others])]


def _candidates() -> list[str]:
    command = shutil.which("pyenv") or Path.home() / ".pyenv/bin/pyenv"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path(command).parents[1])
    named = [shutil.which(f"python{version}") for version in SUPPORTED]
    return [*map(str, sorted(pyenv.glob("versions/3.*/bin/python3"))), *filter(None, named)]


def _version(path: str) -> str:
    """Return the version of a Python that works and can make environments, or an empty text."""
    try:
        done = subprocess.run([path, "-c", _VENV], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
