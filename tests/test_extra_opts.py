"""`--extra-opts`: which file and section are read, in which dialect, and which are errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from check_rodin_queues import extra_opts
from check_rodin_queues.errors import CheckError
from check_rodin_queues.extra_opts import read_words
from tests import table
from tests.console import refused, report, run
from tests.server import Server, http, site

DEFAULT = "[check_rodin_queues]\n"
SECTIONS = f"{DEFAULT}warning=10\n[special]\nwarning=20\n"


@pytest.fixture(name="ini")
def fixture_ini(tmp_path: Path) -> Path:
    """Return the path of an INI file with SECTIONS; its name has an @ in it."""
    path = tmp_path / "a@b.ini"
    path.write_text(SECTIONS, encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("section", "limit"), [("", "10"), ("check_rodin_queues", "10"), ("special", "20")]
)
def test_a_locator_names_section_and_file(section: str, limit: str, ini: Path) -> None:
    assert read_words(f"{section}@{ini}", {}) == [f"--warning={limit}"]
    assert read_words(section, {"MP_CONFIG_FILE": f" {ini}\n"}) == [f"--warning={limit}"]


#: The standard places of the Monitoring Plugins, in their order.
STANDARD = (
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/etc/nagios-plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
)


def test_the_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """$MP_CONFIG_FILE, the directories of $NAGIOS_CONFIG_PATH, then the standard places."""
    names = ("monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini")
    places = [*(f"/{directory}/{name}" for directory in "ab" for name in names), *STANDARD]
    opened: list[str] = []

    def read(path: str, *_: object) -> bytes:
        opened.append(path)
        return DEFAULT.encode() + b"w=1"

    monkeypatch.setattr(extra_opts, "read_file", read)
    env = {"NAGIOS_CONFIG_PATH": ":/a::/b:\n", "MP_CONFIG_FILE": "/named"}
    read_words("", env)
    for index in range(len(places)):
        there = places[index:]
        monkeypatch.setattr(os.path, "exists", there.__contains__)
        read_words("", {**env, "MP_CONFIG_FILE": " "})
    assert opened == ["/named", *places]


#: What the default section of a file has, and the words that it stands for.
DIALECT: dict[str, list[str]] = {
    "w=10": ["--warning=10"],
    "\t warning \t= 10 \r": ["--warning=10"],
    "# one\n ; two\n\nw=1\nw=2\nx=a": ["--warning=1", "--warning=2", "--exclude=a"],
    "H==5": ["--host==5"],
    "w=-5:5\nq=-x": ["--warning=-5:5", "--queue=-x"],
    "H=h # no comment": ["--host=h # no comment"],
    "verbose=\nv=\n4 =": ["--verbose", "--verbose", "--ipv4"],
    "H='h": ["--host='h"],
    "queue=\u7db2": [os.fsdecode("--queue=\u7db2".encode())],
    "w=1\n[other]\nx y z\nw=2\n[ check_rodin_queues ]\nw=3": ["--warning=1", "--warning=3"],
    "w=1\n[Check_rodin_queues]\nw=2\n[check_rodin]\nw=3": ["--warning=1"],
}


@pytest.mark.parametrize("text", DIALECT, ids=repr)
def test_the_dialect_of_a_file(text: str, ini: Path) -> None:
    ini.write_bytes(f"{DEFAULT}{text}".encode())
    assert read_words(f"@{ini}", {}) == DIALECT[text]


#: The text of FILE, with `/` for the end of a line, and what is wrong with it.
ERRORS = """\
w=10 => --extra-opts: FILE line 1: option before the first [SECTION]
[other/w=1 => --extra-opts: FILE line 1: invalid section, expected [NAME]
[check_rodin_queues]/#w=1/[other]/w=1
  --extra-opts: FILE has no options in the section 'check_rodin_queues'. Add them there, or correct
  the name of the section
[check_rodin_queues]/w=1/verbose
  --extra-opts: FILE line 3: no =, expected OPTION=VALUE, or OPTION= for a switch
[check_rodin_queues]/=made-up
  --extra-opts: FILE line 2: unknown option. Write the name as in --help, without dashes
[check_rodin_queues]/warn=1
  --extra-opts: FILE line 2: unknown option (did you mean warning?). Write the name as in --help,
  without dashes
[check_rodin_queues]/extra-opts=x
  --extra-opts: FILE line 2: --extra-opts is not allowed in a file
[check_rodin_queues]/insecure=made-up
  --extra-opts: FILE line 2: unexpected value for the switch insecure, expected insecure=
[check_rodin_queues]/H="made-up"
  --extra-opts: FILE line 2: quotes around the value of H. Remove the quotes
"""


@table.each(ERRORS)
def test_the_line_of_a_bad_file(situation: str, line: str, ini: Path) -> None:
    ini.write_text(situation.replace("/", "\n"))
    with pytest.raises(CheckError) as raised:
        read_words(f"@{ini}", {})
    assert str(raised.value).replace(str(ini), "FILE") == line


#: A locator, and what is wrong with it; TMP is a directory.
LOCATORS = """\
rodin@ => --extra-opts: no file after @, expected [SECTION][@FILE]
made-up@TMP/a@b.ini
  --extra-opts: TMP/a@b.ini has no options in the section that was given. Add them there, or correct
  the name of the section
@TMP/absent => --extra-opts: cannot read TMP/absent: no such file. Check the path
@/dev/zero => --extra-opts: /dev/zero is larger than 1 MiB. Check the path
_ => --extra-opts: no INI file in the standard places. Use [SECTION]@FILE
"""


@table.each(LOCATORS)
def test_the_line_of_a_bad_locator(
    situation: str, line: str, ini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra_opts, "STANDARD_PLACES", ())
    with pytest.raises(CheckError) as raised:
        read_words("" if situation == "_" else situation.replace("TMP", str(ini.parent)), {})
    assert str(raised.value).replace(str(ini.parent), "TMP") == line


# --- together with the command line -------------------------------------------------------------


def test_single_values_are_overridden_and_repeatable_ones_added(ini: Path) -> None:
    """Those of several files in their order; wherever --extra-opts stands."""
    default = "input=/nonexistent\nq=rodin.mesh\nv=\nstate=missing=critical"
    ini.write_text(f"{DEFAULT}{default}\n[more]\nq=a.b\ninput=-\n")
    args = ("-q", "rodin.pack", f"--extra-opts=@{ini}", f"--extra-opts=more@{ini}", "-v")
    found = report(run(*args, "--state", "missing=ok", stdin=site()), verbose=True)
    assert {label[:10] for label in found.metrics} == {"rodin.mesh", "rodin.pack"}
    assert (found.state, "a.b" in found.more) == ("OK", True)
    assert "\nwhy: " in found.more


def test_a_file_comes_before_the_environment(server: Server, ini: Path, token_file: str) -> None:
    server.play(http("200 OK", site()))
    ini.write_text(f"{DEFAULT}host={server.url}\ntoken-file={token_file}\ntimeout=9\n")
    env = {"MP_CONFIG_FILE": str(ini), "RODIN_URL": "http://127.0.0.1:1", "RODIN_API_KEY": "x"}
    found = report(run("--extra-opts", env=env))
    assert (found.state, str(found.metrics["time"].maximum)) == ("OK", "9")


#: The default section, and what is wrong with the options in it.
WRONG = """\
timeout=made-up
  --extra-opts: FILE line 2: -t/--timeout: invalid timeout, expected 0.5 to 3600 seconds
help= => --extra-opts: FILE line 2: --help is not allowed in a file
4=/6= => --extra-opts: -6/--ipv6: cannot be combined with -4/--ipv4
H=http://u:made-up@h
  -H/--host: invalid server, expected HOST, HOST:PORT or https://HOST[:PORT][/PREFIX], without user,
  query or fragment
"""


@table.each(WRONG)
def test_a_wrong_option_of_a_file_is_an_error(situation: str, line: str, ini: Path) -> None:
    ini.write_text(DEFAULT + situation.replace("=/", "=\n"), encoding="ascii")
    assert refused(run(f"--extra-opts=@{ini}")).replace(str(ini), "FILE") == line
