"""The plugin where an engine's user can run it: on the distribution's Python and its libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.programs import find

ROOT = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"
PLUGINS = Path("/usr/lib/nagios/plugins")

#: What lies in a checkout and is not needed to install it.
NO_SOURCE = (".*", "build", "dist", "*.egg-info", "__pycache__", "tests")


def install(folder: Path) -> Path:
    """Install the project in *folder*, once; return its console script.

    The distribution's requests and nagiosplugin serve it. It is built from a copy of the source,
    since setuptools builds in the source tree, where tests that run side by side would meet.
    """
    if subprocess.run([PYTHON, "-c", "import requests, nagiosplugin"], check=False).returncode:
        pytest.skip("python3-requests or python3-nagiosplugin is not installed")
    venv, source = folder / "plugin", folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NO_SOURCE))
    # Byte code is written at installation: the engine's user could not write it later.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for step in (
        [PYTHON, "-m", "venv", "--system-site-packages", str(venv)],
        [str(venv / "bin" / "pip"), "install", "--quiet", "--no-deps", str(source)],
    ):
        subprocess.run(step, check=True, env=env, stdout=subprocess.DEVNULL)
    return venv / "bin" / "check_rodin_queues"


def gather_plugins(folder: Path, script: Path) -> Path:
    """Make a folder of plugins as an administrator has one: the distribution's, and *script*."""
    find(str(PLUGINS / "check_ping"))
    plugins = folder / "plugins"
    plugins.mkdir()
    for plugin in PLUGINS.iterdir():
        (plugins / plugin.name).symlink_to(plugin)
    (plugins / script.name).unlink(missing_ok=True)  # the project's own Debian package is there
    (plugins / script.name).symlink_to(script)
    return plugins
