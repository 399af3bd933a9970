"""What the engine tests share: the engine's user, a folder it can enter, the plugin, a Rodin site.

Engines run as a user of their own, who can enter neither root's home nor pytest's folders. So all
that a test makes for them lies in a folder under /var/tmp, which is removed when the session ends.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.engines.installation import gather_plugins, install
from tests.engines.programs import Account, account
from tests.engines.rodin import RodinSite, serve
from tests.engines.secrecy import Watch


@pytest.fixture(scope="session")
def engine_user() -> Account:
    """Return the user as whom the engines run."""
    return account()


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """Give a folder that every user can enter."""
    with tempfile.TemporaryDirectory(prefix="rodin-engines-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def installed(ground: Path) -> Path:
    """Install the project on the distribution's Python; return its console script."""
    return install(ground)


@pytest.fixture(scope="session")
def plugin_folder(ground: Path, installed: Path) -> Path:
    """Give a folder of plugins as an administrator has one: the distribution's, and ours."""
    return gather_plugins(ground, installed)


@pytest.fixture(scope="module")
def site(ground: Path, engine_user: Account) -> Iterator[RodinSite]:
    """Serve a Rodin site whose token is in a file that the engine's user can read."""
    with (
        tempfile.TemporaryDirectory(prefix="token-", dir=ground) as folder,
        serve(Path(folder), engine_user) as rodin,
    ):
        yield rodin


@pytest.fixture(scope="module")
def watch(site: RodinSite) -> Iterator[Watch]:
    """Look for the site's token in every command line while the module's tests run."""
    with Watch(site.server.token, str(site.token_file)) as watching:
        yield watching


@pytest.fixture(scope="module")
def room(ground: Path, engine_user: Account) -> Iterator[Path]:
    """Give a folder of the engine's user for one engine's files."""
    with tempfile.TemporaryDirectory(prefix="engine-", dir=ground) as folder:
        os.chown(folder, engine_user.uid, engine_user.gid)
        os.chmod(folder, 0o755)
        yield Path(folder)
