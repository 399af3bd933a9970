"""What is measured: each case with its command and the limit that it has to keep.

To measure another peer, add a row to `peers`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from examples.simulator import ENDPOINT
from tests.console import SCRIPT, environment
from tests.cost.sites import DOCUMENTED, TOKEN, Sites, port

Y = "Y"
BARE = "bare Python"
ALONE = "nagiosplugin alone"
HTTP = "check, HTTP"
SINGLE = "check as a single file, HTTP"
HEAVY = "check, 5,000 queues in 1 MiB"
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: Where monitoring plugins are installed beside PATH.
PLUGIN_FOLDERS = (
    "/usr/lib/nagios/plugins",
    "/usr/lib/monitoring-plugins",
    "/usr/lib64/nagios/plugins",
)
DEBIAN_PYTHON = "/usr/bin/python3"


class Case(NamedTuple):
    """A command. *limit*: the most CPU that it may take, as a ratio to *base*; *code*: its exit."""

    name: str
    command: List[str]
    base: str = Y
    limit: Optional[float] = None
    code: int = 0


class Chosen(NamedTuple):
    """What can be measured on this machine, and what cannot, with the reason."""

    cases: List[Case]
    left_out: Dict[str, str]


def queues(program: str, number: int) -> str:
    """Return the name of the case that judges *number* queues."""
    return f"{program}, {number} queues"


def choose(sites: Sites, folder: Path, paths: Sequence[str]) -> Chosen:
    """Return the cases; peers are looked for on PATH, in plugin folders and in *paths*."""
    chosen = Chosen([*_check(sites)], {})
    if sites.hashed is None:
        chosen.left_out["check, HTTPS, hashed folder"] = "openssl is not installed"
    for number, url in sites.many.items():
        alone = Case(queues(ALONE, number), [sys.executable, str(HERE / "alone.py"), str(number)])
        judged = Case(queues("check", number), _ask(sites, url), alone.name)
        chosen.cases.extend((alone._replace(base=judged.name), judged))
    chosen.cases.append(Case(HEAVY, _ask(sites, sites.heavy)))
    _add_single_file(sites, folder, chosen)
    _add_debian(sites, folder, chosen)
    search = os.pathsep.join([*paths, *PLUGIN_FOLDERS, os.environ.get("PATH", os.defpath)])
    for tools, case in peers(sites):
        missing = [tool for tool in tools if not shutil.which(tool, path=search)]
        if missing:
            chosen.left_out[case.name] = f"{' and '.join(missing)} not found; see --path"
        else:
            found = shutil.which(tools[0], path=search) or tools[0]
            # not by its own first line, which may name a shim that is dearer than the peer
            runner = [sys.executable] if found.endswith(".py") else []
            chosen.cases.append(case._replace(command=[*runner, found, *case.command[1:]]))
    chosen.left_out["probe by exec under a CPU limit"] = "measured in containers by tests/engines"
    return chosen


def _ask(sites: Sites, url: str, *more: str, script: Path = SCRIPT) -> List[str]:
    asked = ["-H", url, "--token-file", str(sites.token), "-t", "60", "-w", "20", *more]
    return [str(script), *asked]


def _check(sites: Sites) -> Iterator[Case]:
    yield Case(Y, [sys.executable, "-c", "import requests, nagiosplugin"])
    yield Case(BARE, [sys.executable, "-c", "pass"])
    yield Case(HTTP, _ask(sites, sites.http), limit=0.80)
    stores: Dict[str, Tuple[Optional[Path], float]] = {
        "private CA file": (sites.private_ca, 0.84),
        "hashed folder": (sites.hashed, 0.84),
        "certifi's bundle": (sites.bundle, 1.02),
    }
    for name, (path, limit) in stores.items():
        if path:
            command = _ask(sites, sites.https, "--ca-file", str(path))
            yield Case(f"check, HTTPS, {name}", command, limit=limit)
    for name, argument in {
        "--help": "--help",
        "--version": "--version",
        "usage error": "--no-such-option",
    }.items():
        yield Case(f"check, {name}", [str(SCRIPT), argument], limit=0.22, code=3)


def peers(sites: Sites) -> Iterator[Tuple[Sequence[str], Case]]:
    """Yield what each peer needs and how it asks the same, or what comes nearest to it."""
    where = ["-H", "127.0.0.1", "-p", port(sites.http), "-u", ENDPOINT]
    bearer = f"Authorization: Bearer {TOKEN}"
    for tool in ("check_http", "check_curl"):
        yield [tool], Case(f"{tool} (C)", [tool, *where, "-k", bearer, "-s", "consumers"])
    jq = "all(.[]; .consumers > 0 and .job_awaiting < 20)"
    pipe = f"curl -sf -H '{bearer}' {sites.http}{ENDPOINT} | jq -e '{jq}'"
    yield ["sh", "curl", "jq"], Case("curl + jq (C)", ["sh", "-c", pipe])
    headers = json.dumps({"Authorization": f"Bearer {TOKEN}"})
    yield (
        ["check_http_json.py"],
        Case(
            "check_http_json.py (urllib)",
            [
                *("check_http_json.py", "-H", "127.0.0.1", "-P", port(sites.http)),
                *("-p", ENDPOINT[1:], "-A", headers, "-f", "/"),
                *("-c", *(f"{name}/consumers,1:" for name in DOCUMENTED)),
                *("-w", *(f"{name}/job_awaiting,20" for name in DOCUMENTED)),
            ],
        ),
    )
    yield (
        ["check_rabbitmq_queue"],
        Case(
            "check_rabbitmq_queue (Perl)",
            [
                *("check_rabbitmq_queue", "-H", "127.0.0.1", f"--port={port(sites.rabbitmq)}"),
                *("--queue=q", "-w", "20", "-c", "100"),
            ],
        ),
    )
    yield (
        ["check_patroni"],
        Case(
            "check_patroni (same libraries)",
            ["check_patroni", "-e", sites.patroni, "cluster_is_in_maintenance"],
        ),
    )


def _add_single_file(sites: Sites, folder: Path, chosen: Chosen) -> None:
    """Add the file that examples/single-file/build makes, compared with the installed check."""
    file, build = folder / "check_rodin_queues.pyz", ROOT / "examples/single-file/build"
    made = subprocess.run([sys.executable, str(build), str(file)], capture_output=True, check=False)
    if made.returncode:
        chosen.left_out[SINGLE] = "pip finds no libraries to put into it"
        return
    command = [sys.executable, *_ask(sites, sites.http, script=file)]
    chosen.cases.append(Case(SINGLE, command, base=HTTP, limit=1.05))


def _add_debian(sites: Sites, folder: Path, chosen: Chosen) -> None:
    """Add the check on Debian's own Python and libraries, with a Y of their own."""
    y, http = f"{Y} of Debian", "check, HTTP, Debian's libraries"
    imports = [DEBIAN_PYTHON, "-c", "import requests, nagiosplugin"]
    if subprocess.run(imports, capture_output=True, check=False).returncode:
        needed = "python3-requests or python3-nagiosplugin is not installed"
        chosen.left_out[http] = needed
        return
    python = folder / "debian/bin/python"
    venv = [DEBIAN_PYTHON, "-m", "venv", "--system-site-packages", "--without-pip"]
    subprocess.run([*venv, str(folder / "debian")], check=True)
    shown = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    library = Path(subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip())
    package = library / "check_rodin_queues"
    shutil.copytree(ROOT / package.name, package, ignore=shutil.ignore_patterns("__pycache__"))
    compiled = [str(python), "-m", "compileall", "-q", str(package)]
    subprocess.run(compiled, check=True, env=clean_environment())
    script = folder / "debian/bin/check_rodin_queues"
    main = "from check_rodin_queues.__main__ import main"
    script.write_text(f"#!{python}\nimport re\nimport sys\n{main}\nsys.exit(main())\n")
    script.chmod(0o755)
    chosen.cases.append(Case(y, [str(python), "-c", "import requests, nagiosplugin"]))
    chosen.cases.append(Case(http, _ask(sites, sites.http, script=script), base=y))


def clean_environment() -> Dict[str, str]:
    """Return the environment of all that is measured: nothing that changes how Python starts."""
    kept = environment({"PATH": os.environ.get("PATH", os.defpath)})
    foreign = ("PYTHON", "COVERAGE_PROCESS")
    return {name: value for name, value in kept.items() if not name.startswith(foreign)}
