"""Nagios' own web pages, served by an Apache of the test's own, and pictures of them."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Optional

import pytest

from tests.engines.nagios import Nagios
from tests.engines.programs import Account, Daemon, find, free_port, run_as

APACHE_MODULES = Path("/usr/lib/apache2/modules")
CGI = Path("/usr/lib/cgi-bin/nagios4")
PAGES = Path("/usr/share/nagios4/htdocs")
STYLES = Path("/etc/nagios4/stylesheets")

#: What chromium needs to run without a screen, and without a word to anybody on the network.
HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-lcd-text",  # colours at the edges of letters make a picture large
)


class WebPages:
    """The pages of *nagios*, made in *folder*."""

    def __init__(self, folder: Path, user: Account, nagios: Nagios) -> None:
        self.port = free_port()
        self.folder = folder
        self._user = user
        self._daemon: Optional[Daemon] = None
        if not CGI.is_dir():
            pytest.skip("nagios4-cgi is not installed")
        cgi = (STYLES.parent / "cgi.cfg").read_text("utf-8")
        cgi = cgi.replace("/etc/nagios4/nagios.cfg", str(nagios.config))
        (folder / "cgi.cfg").write_text(cgi, "utf-8")
        (folder / "apache.conf").write_text(self._configuration(), "utf-8")
        user.own(folder)

    def _configuration(self) -> str:
        modules = ("mpm_prefork", "authz_core", "alias", "mime", "env", "cgi")
        loaded = "".join(f"LoadModule {m}_module {APACHE_MODULES}/mod_{m}.so\n" for m in modules)
        return (
            f"{loaded}Listen 127.0.0.1:{self.port}\nServerName 127.0.0.1\n"
            f"ServerRoot {self.folder}\nDefaultRuntimeDir {self.folder}\n"
            f"PidFile {self.folder}/pid\nErrorLog {self.folder}/error.log\n"
            f"TypesConfig /etc/mime.types\nSetEnv NAGIOS_CGI_CONFIG {self.folder}/cgi.cfg\n"
            f"ScriptAlias /nagios4/cgi-bin {CGI}\n"
            f"Alias /nagios4/stylesheets {STYLES}\nAlias /nagios4 {PAGES}\n"
        )

    def start(self) -> None:
        """Serve the pages."""
        self._daemon = Daemon(
            find("apache2"),
            *("-f", str(self.folder / "apache.conf"), "-D", "FOREGROUND"),
            user=self._user,
            log=self.folder / "output",
        )
        self._daemon.wait_for("the pages are served", self._answers, 30)

    def stop(self) -> None:
        """Serve them no more."""
        if self._daemon is not None:
            self._daemon.stop()

    def _answers(self) -> bool:
        try:
            return bool(self.read("status.cgi?host=all"))
        except OSError:
            return False

    def address(self, page: str) -> str:
        """Return the address of one of Nagios' pages."""
        return f"http://127.0.0.1:{self.port}/nagios4/cgi-bin/{page}"

    def read(self, page: str) -> str:
        """Return a page as a browser gets it."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.address(page), timeout=20) as response:
            text: str = response.read().decode("utf-8")
        return text

    def picture(self, address: str, size: str, name: str) -> Path:
        """Return a picture of what a browser shows at *address*."""
        profile = self.folder / "profile"
        profile.mkdir(exist_ok=True)
        target = self.folder / name
        self._user.own(self.folder)
        done = run_as(
            self._user,
            find("chromium"),
            *HEADLESS,
            f"--user-data-dir={profile}",
            f"--window-size={size}",
            f"--screenshot={target}",
            address,
            env={"HOME": str(profile)},
        )
        assert target.exists(), done.stderr
        return target
