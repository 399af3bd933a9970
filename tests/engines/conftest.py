"""What the engine tests share: the engine's user, the installed plugin, and a Rodin site.

That user can enter neither root's home nor pytest's directories. So everything that a test makes
is in a directory under /var/tmp, which is removed at the end of the session.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tree
from tests.engines.programs import Account, account, find
from tests.engines.rodin import Day, Monitor, Site, serve

PYTHON = "/usr/bin/python3"
PLUGINS = Path("/usr/lib/nagios/plugins")


def install(directory: Path) -> Path:
    """Install a copy of the project with the distribution's Python and libraries.

    Return the plugin.
    """
    if subprocess.run([PYTHON, "-c", "import requests, nagiosplugin"], check=False).returncode:
        pytest.skip("python3-requests or python3-nagiosplugin is not installed")
    venv, source = directory / "venv", tree.copy(directory)
    # The installation writes byte code, because the engine's user cannot write it later.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    python = str(venv / "bin" / "python")
    tree.call(PYTHON, "-m", "venv", "--without-pip", "--system-site-packages", venv)
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", ".")
    tree.call(*pip, cwd=source, env=env)
    return venv / "bin" / "check_rodin_queues"


def plugin_directory(directory: Path, plugin: Path) -> Path:
    """Link the distribution's plugins and *plugin* into one directory, as the READMEs say."""
    find(str(PLUGINS / "check_ping"))
    plugins = directory / "plugins"
    plugins.mkdir()
    for path in (*PLUGINS.iterdir(), plugin):
        (plugins / path.name).unlink(missing_ok=True)  # the project's Debian package is there
        (plugins / path.name).symlink_to(path)
    return plugins


@pytest.fixture(scope="session")
def user() -> Account:
    """Return the user of the monitoring systems."""
    return account()


@pytest.fixture(scope="session")
def top() -> Iterator[Path]:
    """Give a directory that every user can enter."""
    with tempfile.TemporaryDirectory(prefix="rodin-engines-", dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture(scope="session")
def plugin(top: Path) -> Path:
    """Install the project; return the plugin."""
    return install(top)


@pytest.fixture(scope="session")
def plugins(top: Path, plugin: Path) -> Path:
    """Give a directory of plugins like an administrator's."""
    return plugin_directory(top, plugin)


@pytest.fixture(scope="module")
def place(top: Path, user: Account) -> Iterator[Path]:
    """Give the engine's user a directory for the files of one module."""
    with tempfile.TemporaryDirectory(prefix="module-", dir=top) as directory:
        os.chown(directory, user.uid, user.gid)
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture(scope="module")
def site(top: Path, user: Account) -> Iterator[Site]:
    """Serve a Rodin site with a token that the engine's user can read."""
    with (
        tempfile.TemporaryDirectory(prefix="token-", dir=top) as directory,
        serve(Path(directory), user) as rodin,
    ):
        yield rodin


@pytest.fixture(scope="module")
def day(monitor: Monitor, site: Site, plugin: Path) -> Day:
    """Spend the bad day with the monitoring system of the module."""
    return Day(monitor.spend_day(site, plugin), monitor.alerts(), monitor.mail())
