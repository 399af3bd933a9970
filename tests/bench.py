"""Measure on this machine what a run of the check costs, compared with other commands.

Each case runs in pairs with its base, one right after the other, so that a slow moment of the
machine slows both. The ratio is the median of the pairs' ratios. The exit code is 1 if a limit was
missed. Measured is the check that is installed beside the Python that runs this program.
"""

# ruff: noqa: T201 - a program that talks to a person
from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import NamedTuple, Optional

import certifi
import trustme

from examples.simulator import IDLE, Simulator
from tests.console import SCRIPT
from tests.server import Server, http

Y = "Y"
HTTP, HTTP_MANY = "check, HTTP", "check, HTTP, 5,000 queues"
ALONE, ALONE_MANY = "nagiosplugin alone, 4 queues", "nagiosplugin alone, 5,000 queues"
ROOT = Path(__file__).resolve().parent.parent
TOKEN = "made-up-for-the-bench"
MANY = 5000
#: Directories of monitoring plugins, searched for peers before PATH.
PLUGINS = "/usr/lib/nagios/plugins:/usr/lib/monitoring-plugins:/usr/lib64/nagios/plugins"
DEBIAN_PYTHON = "/usr/bin/python3"
#: Of everything that is measured: no variable that changes how Python or the check starts.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"}
#: A further queue costs at most this many times what nagiosplugin alone needs for it.
QUEUE_LIMIT = 1.7


class Case(NamedTuple):
    """A row of the table: *command* costs at most *limit* times the CPU time of the case *base*."""

    name: str
    command: str
    base: str = Y
    limit: Optional[float] = None
    code: int = 0


_IMPORT = " -c 'import requests, nagiosplugin'"
_ASK = " --token-file {token} -t 60 -w 20 -H "
_TLS = "{check}" + _ASK + "{https} --ca-file "
_WHERE = " -H 127.0.0.1 -p {port} -u /4/api/v2/queue_status_check -s consumers"
#: The words in braces come from `sites`. A case is left out where its value or program is missing.
CASES = (
    Case(Y, "{python}" + _IMPORT),
    Case("bare Python", "{python} -c pass"),
    Case(HTTP, "{check}" + _ASK + "{http}/4", limit=0.75),
    Case("check, HTTPS, private CA file", _TLS + "{ca}", limit=0.84),
    Case("check, HTTPS, hashed directory", _TLS + "{hashed}", limit=0.84),
    Case("check, HTTPS, certifi's bundle", _TLS + "{bundle}", limit=1.10),
    Case("check, --help", "{check} --help", limit=0.24, code=3),
    Case("check, --version", "{check} --version", limit=0.24, code=3),
    Case("check, usage error", "{check} --no-such-option", limit=0.28, code=3),
    Case("check as a single file, HTTP", "{python} {single_file}" + _ASK + "{http}/4", HTTP, 1.10),
    Case("Y of Debian", "{debian_python}" + _IMPORT),
    Case("check, HTTP, Debian's Python", "{debian_check}" + _ASK + "{http}/4", "Y of Debian", 0.77),
    Case(HTTP_MANY, "{check}" + _ASK + "{http}/{many}"),
    Case(ALONE, "{python} {alone} 4"),
    Case(ALONE_MANY, "{python} {alone} {many}"),
    Case("check_http (C)", "check_http" + _WHERE),
    Case("check_curl (C)", "check_curl" + _WHERE),
    Case(
        "curl + jq (C)",
        'sh -c "curl -sf {http}/4/api/v2/queue_status_check'
        " | jq -e 'all(.[]; .consumers > 0 and .job_awaiting < 20)'\"",
    ),
    Case(
        "check_http_json.py (urllib)",
        "check_http_json.py -H 127.0.0.1 -P {port} -p 4/api/v2/queue_status_check"
        f" -f / -c {' '.join(f'{queue}/consumers,1:' for queue in IDLE)}"
        f" -w {' '.join(f'{queue}/job_awaiting,20' for queue in IDLE)}",
    ),
    Case(
        "check_rabbitmq_queue (Perl)", "check_rabbitmq_queue -H localhost --port={port} --queue=q"
    ),
    Case("check_patroni (same libraries)", "check_patroni -e {http} cluster_is_in_maintenance"),
)
#: Why a value is missing, by its first word.
REASONS = {
    "hashed": "openssl is not installed",
    "single": "pip finds no libraries for it",
    "debian": "python3-requests or python3-nagiosplugin is not installed",
}
Words = tuple[str, ...]
#: Costs of the pairs, base and own, by the case's name.
Costs = dict[str, list[tuple[float, float]]]
#: nagiosplugin with three metrics and two thresholds for each queue, started as the check is.
JUDGE_ALONE = """
import gc
gc.disable()
import os, sys, nagiosplugin
class Queues(nagiosplugin.Resource):
    def probe(self):
        for index in range(int(sys.argv[1])):
            for field in ("consumers", "job_awaiting", "job_running"):
                yield nagiosplugin.Metric(f"rodin.queue.{index}.{field}", 1, min=0, context=field)
check = nagiosplugin.Check(
    Queues(),
    nagiosplugin.ScalarContext("consumers", None, "1:"),
    nagiosplugin.ScalarContext("job_awaiting", "20", None),
    nagiosplugin.ScalarContext("job_running"),
)
check()
os.write(1, f"{check.summary_str} | {' '.join(check.perfdata)}\\n".encode())
os._exit(0)
"""
_NAMES = (*IDLE, *(f"rodin.queue.{index}" for index in range(MANY - len(IDLE))))
_MEMBER = {"name": "a", "role": "leader", "state": "running", "host": "a", "timeline": 1}
#: Responses by path: of Rodin, of RabbitMQ and of Patroni.
PAGES: Mapping[str, object] = {
    "/4/api/v2/queue_status_check": IDLE,
    f"/{MANY}/api/v2/queue_status_check": dict.fromkeys(_NAMES, IDLE["rodin.mesh"]),
    "/api/queues/q": {"messages": 0, "messages_ready": 0, "consumers": 1},
    "/cluster": {"members": [_MEMBER, {**_MEMBER, "name": "b", "role": "replica"}]},
}


BODIES = {path: json.dumps(page) for path, page in PAGES.items()}


def respond(request: bytes) -> bytes:
    """Return the response to a request for one of the PAGES."""
    path = request.split()[1].decode().lower().replace("%2f/", "")
    return http("200 OK", BODIES[path], "Content-Type: application/json")


@contextlib.contextmanager
def sites(folder: Path) -> Iterator[dict[str, str]]:
    """Serve on loopback until the block ends; return the values for the commands of CASES."""
    authority, chain = trustme.CA(), folder / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(folder / "ca"))
    shutil.copy(certifi.where(), folder / "bundle")
    authority.cert_pem.write_to_path(str(folder / "bundle"), append=True)
    (folder / "token").write_text(TOKEN)
    (folder / "alone").write_text(JUDGE_ALONE)
    with Server(respond) as plain, Simulator(token=TOKEN, cert=str(chain)) as secure:
        yield {
            "python": sys.executable,
            "check": str(SCRIPT),
            "http": plain.url,
            "https": secure.url,
            "port": str(plain.port),
            "many": str(MANY),
            **{name: str(folder / name) for name in ("token", "ca", "bundle", "alone")},
        }


def add_builds(values: dict[str, str], folder: Path) -> None:
    """Add the values that take longer to make, as far as this machine can make them."""
    hashed, single_file = folder / "certs", folder / "check_rodin_queues.pyz"
    if shutil.which("openssl"):
        hashed.mkdir()
        shutil.copy(values["ca"], hashed / "ca.pem")
        subprocess.run(["openssl", "rehash", hashed], check=True)
        values["hashed"] = str(hashed)
    build = [sys.executable, str(ROOT / "examples/single-file/build"), str(single_file)]
    if not subprocess.run(build, capture_output=True, check=False).returncode:
        values["single_file"] = str(single_file)
    if not os.path.exists(DEBIAN_PYTHON) or cpu_time((*shlex.split(DEBIAN_PYTHON + _IMPORT),))[0]:
        return
    python = folder / "debian/bin/python"
    venv = [DEBIAN_PYTHON, "-m", "venv", "--system-site-packages", "--without-pip"]
    subprocess.run([*venv, str(folder / "debian")], check=True)
    (packages,) = (folder / "debian").glob("lib/python3*/site-packages")
    shutil.copytree(ROOT / SCRIPT.name, packages / SCRIPT.name)
    script = python.with_name(SCRIPT.name)
    script.write_text(re.sub(r"\A#!.*", f"#!{python}", SCRIPT.read_text()))
    script.chmod(0o755)
    values.update(debian_python=str(python), debian_check=str(script))


def cpu_time(command: Words) -> tuple[int, float]:
    """Return the exit code of *command* and the CPU milliseconds of it and its children."""
    files = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in range(3)]
    child = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), (usage.ru_utime + usage.ru_stime) * 1000


def command(case: Case, values: Mapping[str, str], path: str) -> Words:
    """Return the words of *case*; raise LookupError with the reason if it cannot run here."""
    try:
        words = shlex.split(case.command.format_map(values))
    except KeyError as error:
        raise LookupError(REASONS[error.args[0].partition("_")[0]]) from None
    program = shutil.which(words[0], path=path)
    if program is None:
        raise LookupError(f"{words[0]} not found, see --path")
    # The first line of a Python program can name a shim of pyenv, which costs more than the program
    python = [sys.executable] if program.endswith(".py") else []
    return (*python, program, *words[1:])


def prepare(
    cases: list[Case], values: Mapping[str, str], path: str
) -> tuple[dict[str, Words], dict[str, str]]:
    """Return the commands of *cases* that work here, and why the others do not.

    Each runs once, so that all byte code is compiled.
    """
    commands: dict[str, Words] = {}
    left_out: dict[str, str] = {}
    for case in cases:
        try:
            words = command(case, values, path)
        except LookupError as error:
            left_out[case.name] = str(error)
            continue
        code, _ = cpu_time(words)
        if code == case.code:
            commands[case.name] = words
        elif code == 127:  # the shell's
            left_out[case.name] = "a program in its pipe is not found"
        else:
            sys.exit(f"{case.name}: exit code {code}, expected {case.code}: {shlex.join(words)}")
    return commands, left_out


def measure(commands: Mapping[str, Words], cases: list[Case], pairs: int) -> Costs:
    """Run every case with its base in turn, round by round."""
    costs: Costs = {case.name: [] for case in cases}
    for _ in range(pairs):
        for case in cases:
            _, base = cpu_time(commands[case.base])
            _, own = cpu_time(commands[case.name])
            costs[case.name].append((base, own))
    return costs


def rows(cases: list[Case], costs: Costs) -> Iterator[tuple[Case, float, float]]:
    """Yield each line's case, cost and ratio."""
    own = {name: median(pair[1] for pair in pairs) for name, pairs in costs.items()}
    for case in cases:
        yield case, own[case.name], median(own / base for base, own in costs[case.name])
    if own.keys() >= {HTTP, HTTP_MANY, ALONE, ALONE_MANY}:
        more = own[HTTP_MANY] - own[HTTP]
        case = Case("each further queue", "", "nagiosplugin alone", QUEUE_LIMIT)
        yield case, more / (MANY - len(IDLE)), more / (own[ALONE_MANY] - own[ALONE])


def options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="Measure only cases with a WORD in their name.")
    add("--pairs", type=int, default=30, help="Pairs of each case. Default: 30.")
    text = "Directory with further peers, such as the bin of check_patroni's venv. Repeatable."
    add("--path", action="append", default=[], metavar="DIRECTORY", help=text)
    return parser.parse_args()


def main() -> int:
    """Print the table; return 1 if a limit was missed."""
    given = options()
    with tempfile.TemporaryDirectory() as name, sites(Path(name)) as values:
        add_builds(values, Path(name))
        path = os.pathsep.join([*given.path, PLUGINS, ENVIRONMENT["PATH"]])
        chosen = [case for case in CASES if any(word in case.name for word in given.words or [""])]
        bases = {case.base for case in chosen}
        needed = [case for case in CASES if case in chosen or case.name in bases]
        commands, left_out = prepare(needed, values, path)
        cases = [case for case in chosen if case.name in commands]
        costs = measure(commands, cases, given.pairs)
    libraries = ("requests", "urllib3", "nagiosplugin")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in libraries)
    print(
        f"Medians of pairs: {given.pairs}. Python {platform.python_version()}, {versions}.",
        f"Y = python{_IMPORT}\n\n| case | CPU ms | ratio | limit |\n|---|---|---|---|",
        sep="\n",
    )
    missed = 0
    for case, own, ratio in rows(cases, costs):
        limit = ""
        if case.limit is not None:
            missed += ratio > case.limit
            limit = f"≤ {case.limit:.2f}{' MISSED' if ratio > case.limit else ''}"
        print(f"| {case.name} | {own:.4g} | {ratio:.3f} of {case.base} | {limit} |")
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
