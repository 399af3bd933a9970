"""One Icinga Director of a test's own: its command line, with a database that only it uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Optional

import pytest

from tests.engines.icinga import API_PASSWORD, API_USER, Icinga
from tests.engines.programs import Account, Daemon, account, find, free_port, run_as

MODULES = Path("/usr/share/icingaweb2/modules")

#: The Director, and the modules that it cannot do without.
NEEDED = ("director", "incubator", "reactbundle")

DATABASE_USER = "director"
DATABASE_PASSWORD = "made-up-for-the-database"


class Database:
    """A MariaDB in *folder*, on loopback, with an empty database for the Director."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._user = account("mysql")
        self._daemon: Optional[Daemon] = None
        folder.mkdir()
        self._user.own(folder)

    def start(self) -> None:
        """Make the files, start the server and let the Director in."""
        place = ("--no-defaults", f"--datadir={self._folder / 'data'}")
        rights = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self._run(find("mariadb-install-db"), *place, *rights)
        self._daemon = Daemon(
            find("mariadbd"),
            *place,
            f"--socket={self._folder / 'socket'}",
            f"--pid-file={self._folder / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--innodb-flush-method=nosync",  # nobody needs the data after the test
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-innodb-doublewrite",
            user=self._user,
            log=self._folder.parent / "database.log",
        )
        self._daemon.wait_for("the database answers", lambda: self._say("SELECT 1"), 60)
        who = f"{DATABASE_USER}@'127.0.0.1'"
        assert self._say(
            "CREATE DATABASE director CHARACTER SET utf8; "
            f"CREATE USER {who} IDENTIFIED BY '{DATABASE_PASSWORD}'; "
            f"GRANT ALL ON director.* TO {who}"
        )

    def _say(self, statements: str) -> bool:
        """Tell whether the server, asked by its own root, does as the *statements* say."""
        client = (find("mariadb"), "--no-defaults", f"--socket={self._folder / 'socket'}")
        words = (*client, "--user=root", f"--execute={statements}")
        return run_as(self._user, *words).returncode == 0

    def _run(self, *command: str) -> None:
        done = run_as(self._user, *command)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._daemon is not None:
            self._daemon.stop()


class Director:
    """The command line of a Director whose files are in *folder* and which manages *icinga*."""

    def __init__(self, folder: Path, user: Account, database: Database, icinga: Icinga) -> None:
        self._program = find("icingacli")
        self._config = folder
        self._user = user
        for module in NEEDED:
            find_module(module)
            enabled = folder / "enabledModules" / module
            enabled.parent.mkdir(parents=True, exist_ok=True)
            enabled.symlink_to(MODULES / module)
        own = folder / "modules" / "director"
        own.mkdir(parents=True)
        (folder / "config.ini").write_text('[logging]\nlog = "none"\n', "utf-8")
        (folder / "resources.ini").write_text(
            '[director]\ntype = "db"\ndb = "mysql"\nhost = "127.0.0.1"\n'
            f'port = "{database.port}"\ndbname = "director"\ncharset = "utf8"\n'
            f'username = "{DATABASE_USER}"\npassword = "{DATABASE_PASSWORD}"\n',
            "utf-8",
        )
        (own / "config.ini").write_text('[db]\nresource = "director"\n', "utf-8")
        (own / "kickstart.ini").write_text(
            f'[config]\nendpoint = "{icinga.name}"\nhost = "127.0.0.1"\nport = {icinga.port}\n'
            f'username = "{API_USER}"\npassword = "{API_PASSWORD}"\n',
            "utf-8",
        )
        user.own(folder)
        self.call("migration", "run")
        self.call("kickstart", "run")

    def call(self, *args: str, stdin: str = "") -> str:
        """Run `icingacli director` with *args*; return what it said, and fail if it failed."""
        env = {"ICINGAWEB_CONFIGDIR": str(self._config)}
        done = run_as(self._user, self._program, "director", *args, stdin=stdin, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def show(self, kind: str, name: str) -> Dict[str, Any]:
        """Return an object as the Director keeps it."""
        shown: Dict[str, Any] = json.loads(self.call(kind, "show", name, "--json"))
        return shown

    def create(self, kind: str, **properties: object) -> None:
        """Create an object as a person does in the Director's forms."""
        self.call(kind, "create", "--json", json.dumps(properties))

    def deploy(self) -> str:
        """Hand the configuration to Icinga, which reloads with it."""
        return self.call("config", "deploy")


def find_module(name: str) -> None:
    """Skip the test if the module *name* of Icinga Web is not installed."""
    if not (MODULES / name).is_dir():
        pytest.skip(f"the module {name} of Icinga Web is not installed")
