"""Icinga Web shows the services of `examples/icinga2` in a real browser.

    RODIN_PICTURE=examples/icinga2/service.png tests/run tests/engines/test_icingaweb.py -m engine

also makes the README's picture again.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import shutil
import urllib.error
from functools import partial
from pathlib import Path
from typing import Iterator, Sequence

import pytest

from tests.engines.icinga import ALL, MODULES, NAME, PASSWORD, Database, Icinga, find_module
from tests.engines.programs import OPENER, Account, Engine, find
from tests.engines.rodin import BAD_DAY, QUEUES, Site
from tests.engines.test_icinga2 import HOST, watch
from tests.engines.test_nagios import LARGEST
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icingaweb")]

PICTURE = ROOT / "examples/icinga2/service.png"
SCHEMA = Path("/usr/share/icingadb/schema/mysql/schema.sql")
PUBLIC = Path("/usr/share/icingaweb2/public")

#: PHP's server serves files itself. Every user is logged in.
ROUTER = f"""<?php
if (is_file('{PUBLIC}' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH))) return false;
$_SERVER['REMOTE_USER'] = 'admin';
$_SERVER['SCRIPT_FILENAME'] = '{PUBLIC}/index.php';
require '{PUBLIC}/index.php';
"""


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
        self._config = self.write(
            "config.yml",
            f"redis: {{host: 127.0.0.1, port: {redis.port}}}\n"
            f"database: {{host: 127.0.0.1, port: {database.port}, database: {NAME}, "
            f"user: {NAME}, password: {PASSWORD}}}\n",
        )

    def command(self) -> Sequence[str]:
        return (find("icingadb"), "--config", str(self._config))

    def ready(self) -> bool:
        return "Starting Icinga DB" in self.log


class IcingaWeb(Engine):
    """An Icinga Web with its module for Icinga DB."""

    def __init__(self, directory: Path, user: Account, redis: Redis, database: Database) -> None:
        super().__init__(directory, user)
        find_module("icingadb")
        self.env = {"ICINGAWEB_CONFIGDIR": str(directory)}
        resource = (
            f'[icingadb]\ntype = "db"\ndb = "mysql"\nhost = "127.0.0.1"\nport = "{database.port}"\n'
            f'dbname = "{NAME}"\ncharset = "utf8mb4"\n'
            f'username = "{NAME}"\npassword = "{PASSWORD}"\n'
        )
        files = {
            "router.php": ROUTER,
            "config.ini": '[logging]\nlog = "none"\n[global]\nconfig_backend = "ini"\n',
            "authentication.ini": '[external]\nbackend = "external"\n',
            "roles.ini": '[admin]\nusers = "admin"\npermissions = "*"\n',
            "resources.ini": resource,
            "modules/icingadb/config.ini": '[icingadb]\nresource = "icingadb"\n',
            "modules/icingadb/redis.ini": f'[redis1]\nhost = "127.0.0.1"\nport = "{redis.port}"\n',
        }
        for name, text in files.items():
            self.write(name, text)
        (directory / "enabledModules").mkdir()
        (directory / "enabledModules" / "icingadb").symlink_to(MODULES / "icingadb")

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


def check_columns(page: str) -> None:
    """Fail unless the columns align after the dot of the state."""
    rows = re.findall(r"state-ball[^>]*></span>( rodin\.\w+ +consumers.*)", page)[-len(QUEUES) :]
    assert len(rows) == len(QUEUES)
    for column in ("consumers", "job_awaiting", "job_running"):
        assert len({row.index(f"  {column}") for row in rows}) == 1


@pytest.fixture(scope="module")
def database(place: Path) -> Iterator[Database]:
    """Run a database with Icinga's schema."""
    if not SCHEMA.exists():
        pytest.skip("icingadb is not installed")
    with Database(place / "database") as database:
        assert isinstance(database, Database)
        database.load(SCHEMA)
        yield database


def test_pages_of_services_are_readable(
    place: Path, user: Account, plugins: Path, site: Site, database: Database
) -> None:
    """A critical, a warning and a good service have their text, and columns that align."""
    icinga = Icinga(place / "icinga", user, plugins, "monitor.example.com")
    watch(icinga, site)
    redis = Redis(place / "redis", user)
    icinga.enable("icingadb", f'object IcingaDB "icingadb" {{\n  port = {redis.port}\n}}\n')
    daemon = IcingaDb(place / "icingadb", user, redis, database)
    web = IcingaWeb(place / "web", user, redis, database)
    pictures = []
    with redis, daemon, icinga, web:
        for hour, service in ((BAD_DAY[2], ALL), (BAD_DAY[1], "rodin-backlog"), (BAD_DAY[0], ALL)):
            site.server.scenario = hour.scenario
            text = icinga.settle(hour)[service].text
            icinga.wait_for("it is shown", partial(web.shows, service, text))
            if service == ALL:
                check_columns(web.page(service))
            picture = web.picture(web.url(service), "800,246", f"{hour.scenario}.png")
            pictures.append(f'<img src="{picture.name}">')
    body = '<hr style="margin:0">'.join(pictures)
    pages = web.write("pages.html", f'<body style="margin:0;line-height:0">{body}')
    made = web.picture(pages.as_uri(), "800,742", "pages.png")
    for path in (made, PICTURE):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < LARGEST
    if "RODIN_PICTURE" in os.environ:
        shutil.copy(made, ROOT / os.environ["RODIN_PICTURE"])
