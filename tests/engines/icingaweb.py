"""Icinga Web and the Director of Debian, with the database, Redis and Icinga DB that they need."""

from __future__ import annotations

import contextlib
import html
import urllib.error
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.console import Outcome
from tests.engines.icinga import ALL, API_PASSWORD, API_USER, HOST, Icinga
from tests.engines.programs import OPENER, Account, Engine, account, find

MODULES = Path("/usr/share/icingaweb2/modules")
PUBLIC = Path("/usr/share/icingaweb2/public")
SCHEMA = Path("/usr/share/icingadb/schema/mysql/schema.sql")

#: The name of the database.
NAME = "icinga"

#: PHP's server serves files itself. Every user is logged in.
ROUTER = f"""<?php
if (is_file('{PUBLIC}' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH))) return false;
$_SERVER['REMOTE_USER'] = 'admin';
$_SERVER['SCRIPT_FILENAME'] = '{PUBLIC}/index.php';
require '{PUBLIC}/index.php';
"""


class Database(Engine):
    """A MariaDB on loopback, with an empty database. Its user `root` has no password."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, account("mysql"))
        self._place = ("--no-defaults", f"--datadir={directory / 'data'}")

    def command(self) -> Sequence[str]:
        self.user.own(self.directory)
        rights = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self.user.do(find("mariadb-install-db"), *self._place, *rights)
        return (
            find("mariadbd"),
            *self._place,
            f"--socket={self.directory / 'socket'}",
            f"--pid-file={self.directory / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--innodb-flush-method=nosync",  # no test needs the data after a crash
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-innodb-doublewrite",
        )

    def execute(self, statements: str) -> Outcome:
        """Execute SQL."""
        client = (find("mariadb"), "--no-defaults", f"--socket={self.directory / 'socket'}")
        return self.user.run(*client, "--user=root", f"--execute={statements}")

    def ready(self) -> bool:
        """Return whether the database could be made."""
        return self.execute(f"CREATE DATABASE {NAME} CHARACTER SET utf8").code == 0


class Redis(Engine):
    """The store that Icinga writes for Icinga DB."""

    def command(self) -> Sequence[str]:
        place = ("--dir", str(self.directory), "--save", "")
        return (find("redis-server"), "--bind", "127.0.0.1", "--port", str(self.port), *place)

    def ready(self) -> bool:
        return "Ready to accept connections" in self.log


class IcingaDb(Engine):
    """The daemon that copies from Redis to the database."""

    def __init__(self, directory: Path, user: Account, redis: Redis, database: Database) -> None:
        super().__init__(directory, user)
        self._database = database
        self._config = self.write(
            "config.yml",
            f"redis: {{host: 127.0.0.1, port: {redis.port}}}\n"
            f"database: {{host: 127.0.0.1, port: {database.port}, database: {NAME}, user: root}}\n",
        )

    def command(self) -> Sequence[str]:
        program = find("icingadb")
        assert self._database.execute(f"USE {NAME};\nsource {SCHEMA}").code == 0
        return (program, "--config", str(self._config))

    def ready(self) -> bool:
        return "Starting Icinga DB" in self.log


def configure(
    directory: Path, database: Database, modules: Sequence[str], files: Mapping[str, str]
) -> None:
    """Write the configuration of an Icinga Web with these *modules* and *files*, and a database."""
    resource = (
        f'[database]\ntype = "db"\ndb = "mysql"\nhost = "127.0.0.1"\nport = "{database.port}"\n'
        f'dbname = "{NAME}"\ncharset = "utf8"\nusername = "root"\npassword = ""\n'
    )
    general = {
        "config.ini": '[logging]\nlog = "none"\n[global]\nconfig_backend = "ini"\n',
        "resources.ini": resource,
    }
    for name, text in {**general, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (directory / "enabledModules").mkdir()
    for module in modules:
        if not (MODULES / module).is_dir():
            pytest.skip(f"the module {module} of Icinga Web is not installed")
        (directory / "enabledModules" / module).symlink_to(MODULES / module)


class IcingaWeb(Engine):
    """An Icinga Web with its module for Icinga DB."""

    def __init__(self, directory: Path, user: Account, redis: Redis, database: Database) -> None:
        super().__init__(directory, user)
        self.env = {"ICINGAWEB_CONFIGDIR": str(directory)}
        files = {
            "router.php": ROUTER,
            "authentication.ini": '[external]\nbackend = "external"\n',
            "roles.ini": '[admin]\nusers = "admin"\npermissions = "*"\n',
            "modules/icingadb/config.ini": '[icingadb]\nresource = "database"\n',
            "modules/icingadb/redis.ini": f'[redis1]\nhost = "127.0.0.1"\nport = "{redis.port}"\n',
        }
        configure(directory, database, ["icingadb"], files)

    def command(self) -> Sequence[str]:
        router = str(self.directory / "router.php")
        return (find("php"), "-S", f"127.0.0.1:{self.port}", "-t", str(PUBLIC), router)

    def url(self, service: str) -> str:
        """Return the address of the page of *service*."""
        path = f"icingadb/service?name={service}&host.name={HOST}"
        return f"http://127.0.0.1:{self.port}/{path}&isIframe"

    def page(self, service: str) -> str:
        """Return the page of *service*."""
        with OPENER.open(self.url(service), timeout=20) as response:
            return html.unescape(str(response.read(), "utf-8"))

    def shows(self, service: str, text: str) -> bool:
        """Return whether the page of *service* contains *text*."""
        with contextlib.suppress(urllib.error.URLError):
            return text in self.page(service)
        return False

    def ready(self) -> bool:
        return self.shows(ALL, HOST)


class Director:
    """The command line of a Director that manages *icinga*."""

    def __init__(self, directory: Path, user: Account, database: Database, icinga: Icinga) -> None:
        self.icinga = icinga
        self._directory = directory
        self._user = user
        kickstart = (
            f'[config]\nendpoint = "{icinga.name}"\nhost = "127.0.0.1"\nport = {icinga.port}\n'
            f'username = "{API_USER}"\npassword = "{API_PASSWORD}"\n'
        )
        files = {
            "modules/director/config.ini": '[db]\nresource = "database"\n',
            "modules/director/kickstart.ini": kickstart,
        }
        configure(directory, database, ["director", "incubator", "reactbundle"], files)
        user.own(directory)
        self.call("migration", "run")
        self.call("kickstart", "run")

    def call(self, *args: str, stdin: str = "") -> str:
        """Return the output of an `icingacli director` command that must succeed."""
        env = {"ICINGAWEB_CONFIGDIR": str(self._directory)}
        return self._user.do(find("icingacli"), "director", *args, stdin=stdin, env=env)
