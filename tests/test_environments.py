"""The check works where it is installed: without a home, a writable file, an account, or memory."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.console import SCRIPT, TOKEN, Outcome, environment, probed, report, run
from tests.server import Server, answer, http, queue, site

SOUND = http("200 OK", site())


@pytest.fixture(name="server")
def fixture_server() -> Iterator[Server]:
    """Return a sound server."""
    with Server(SOUND) as server:
        yield server


def fine(server: Server, *prefix: str, **env: str) -> None:
    """Assert that the check is OK when *prefix* starts it."""
    outcome = run("-H", server.url, env={"RODIN_API_KEY": TOKEN, **env}, prefix=prefix)
    assert report(outcome).state == "OK"


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NOWHERE = {"LC_ALL": "tr_TR.ISO-8859-9", "TMPDIR": "/nonexistent", "TZ": "No/Where"}
VARIABLES = {
    "C locale, no home": {**C_LOCALE, "HOME": "/nonexistent"},
    "a missing locale, directory and time zone": NOWHERE,
    "development mode": {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
}


@pytest.mark.parametrize("case", VARIABLES)
def test_an_odd_environment_changes_nothing(case: str, server: Server) -> None:
    fine(server, **VARIABLES[case])


#: What a shell can do before it starts the check.
SHELLS = {
    "an empty environment": f"exec env -i RODIN_API_KEY={TOKEN}",
    "few files, 1 GB": "umask 777; cd /; ulimit -n 16; ulimit -v 1000000; exec",
    "ignored signals": "trap '' PIPE HUP INT TERM; exec",
    "64 MiB of memory": f"exec prlimit --data={64 << 20}",
}


@pytest.mark.parametrize("case", SHELLS)
def test_what_a_shell_can_set_changes_nothing(case: str, server: Server) -> None:
    fine(server, "sh", "-c", f'{SHELLS[case]} "$@"', "sh")


READ_ONLY = "for m in / /tmp /run /var /dev/shm; do mount -o remount,bind,ro $m 2>/dev/null; done"
MOUNTS = {
    "no /proc": "mount -t tmpfs none /proc",
    "read-only": f"{READ_ONLY}; ! touch /tmp/x 2>/dev/null && ! touch /x 2>/dev/null",
}


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("case", MOUNTS)
def test_a_bare_file_system_is_enough(case: str, server: Server) -> None:
    fine(server, "unshare", "--mount", "sh", "-c", f'{MOUNTS[case]} && exec "$@"', "sh")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_an_account_can_run_it(server: Server) -> None:
    user = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
    trial = [*user, str(SCRIPT.parent / "python"), "-c", "import requests"]
    if subprocess.run(trial, env=environment(), capture_output=True, check=False).returncode:
        pytest.skip("the folders above the script or its Python are closed to other users")
    fine(server, *user)


# --- locales ------------------------------------------------------------------------------------

ODD = "rodin.m\xe9sh"


@pytest.fixture(scope="module", params=["C", "ISO-8859-1"])
def locale(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return the variables of a locale that is not UTF-8."""
    if request.param == "C":
        return C_LOCALE
    if not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("the package locales is not installed")
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(folder / "de_DE.ISO-8859-1")]
    subprocess.run(command, check=True, capture_output=True)
    return {"LC_ALL": "de_DE.ISO-8859-1", "LOCPATH": str(folder)}


@pytest.mark.parametrize("source", ["arguments", "INI"])
def test_names_are_utf_8_in_every_locale(
    source: str, locale: dict[str, str], tmp_path: Path
) -> None:
    """A threshold that matches no queue because of the locale would be a false OK."""
    saved, ini = tmp_path / "saved.json", tmp_path / "plugins.ini"
    saved.write_text(answer({ODD: queue(1, 500, 1)}))
    options = {"queue": ODD, "critical": f"{ODD[:-2]}*.job_awaiting=90"}
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    ini.write_text(f"[check_rodin_queues]\n{lines}", encoding="utf-8")
    words = [f"--{name}={value}" for name, value in options.items()]
    words = words if source == "arguments" else [f"--extra-opts=@{ini}"]
    found = report(run("--input", str(saved), "--require=", *words, env=locale))
    assert (found.state, found.conditions, len(found.metrics)) == ("CRITICAL", (), 3)
    assert f"{ODD}.consumers" in found.metrics


# --- libraries, load ----------------------------------------------------------------------------

#: What Python and its library write to standard error, though the run goes on.
ASIDES = {
    "a hash that hashlib cannot offer": "import sys; sys.modules.update(_blake2=None)",
    "an error where none can be raised": """
import signal
class Handler:
    def __call__(self, *_): ...
    def __del__(self): raise OSError
signal.signal(signal.SIGALRM, Handler())""",
}


@pytest.mark.parametrize("aside", ASIDES.values(), ids=ASIDES)
def test_what_python_writes_to_standard_error_is_not_shown(
    aside: str, server: Server, tmp_path: Path
) -> None:
    """Monitoring systems take standard error for a part of the result."""
    (tmp_path / "sitecustomize.py").write_text(aside, encoding="ascii")
    fine(server, PYTHONPATH=str(tmp_path))


@pytest.mark.parametrize("fault", ["sys.no_such_name", "a syntax error"])
def test_a_library_for_another_python_is_not_our_bug(
    fault: str, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "requests.py").write_text(f"import sys\n{fault}\n", encoding="ascii")
    found = run("-H", server.url, env={"RODIN_API_KEY": TOKEN, "PYTHONPATH": str(tmp_path)})
    assert re.search(r"cannot be imported: (Attribute|Syntax)Error at ", found.text)
    assert found.text.endswith(". Install the plugin again for this Python")


@pytest.mark.parametrize(
    ("probe", "code"), [((), 3), (("--probe=readiness",), 1), (("--probe=liveness",), 0)]
)
def test_a_library_that_is_missing_is_named(
    probe: tuple[str, ...], code: int, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "requests.py").write_text(
        "import no_such_module as module\nmodule", encoding="ascii"
    )
    env = {"RODIN_API_KEY": TOKEN, "PYTHONPATH": str(tmp_path)}
    outcome = run("-H", server.url, *probe, env=env)
    assert (probed(outcome), outcome.text.split()[1]) == (code, "UNKNOWN")
    assert "no_such_module" in outcome.text


@pytest.mark.alone
@pytest.mark.parametrize("timeout", ["60", "10"])
def test_200_at_once_are_right_or_on_time(timeout: str, server: Server) -> None:
    def one(_: int) -> Outcome:
        args = ("-H", server.url, "-t", timeout)
        return run(*args, env={"RODIN_API_KEY": TOKEN}, within=180)

    with ThreadPoolExecutor(200) as pool:
        found = [report(outcome) for outcome in pool.map(one, range(200))]
    late = [one for one in found if one.state != "OK"]
    assert all(one.conditions == ("timeout",) for one in late)
    assert not late or timeout == "10"
