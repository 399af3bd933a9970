"""Run the commands that the docs show; `share/make` rewrites their output and exit code.

A sample is a console block after a comment that names a scenario of the simulator, or `none` for a
closed port:

    <!-- scenario: dead-worker; exit: 2 -->
    ```console
    $ check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token
    RODIN_QUEUES CRITICAL - rodin.mesh: no consumers, … | …
    ```

Perfdata that the page shortens to ` | …` stays shortened. The block after `<!-- file: PATH -->` is
a file that the commands of its page read.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from re import Match

from examples.simulator import Simulator
from tests.console import SCRIPT, TOKEN, environment
from tests.server import refusing_port

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")]

SAMPLE = re.compile(
    r"<!-- scenario: (?P<scenario>\S+); exit: (?P<code>\d) -->\n"
    r"```console\n\$ (?P<command>(?:.*\\\n)*.*)\n(?P<output>(?:.*\n)*?)```\n"
)
FILE = re.compile(r"<!-- file: (?P<path>\S+) -->\n```\w*\n(?P<text>(?:.*\n)*?)```\n")
SERVER = re.compile(r"(?P<scheme>https?://)?rodin\.example\.com(?::(?P<port>\d+))?")

TOKEN_FILE = "/etc/rodin/token"
INI_FILE = "/etc/monitoring-plugins.ini"


def samples(page: Path) -> list[Match[str]]:
    """Return the samples of *page*."""
    return list(SAMPLE.finditer(page.read_text(encoding="utf-8")))


def refreshed(sample: Match[str]) -> str:
    """Run *sample* and return it with the output and exit code of today."""
    files = {found["path"]: found["text"] for found in FILE.finditer(sample.string)}
    with tempfile.TemporaryDirectory() as directory, _server(sample["scenario"]) as url:

        def local(text: str) -> str:
            for path in (*files, TOKEN_FILE):
                if path.startswith("/"):
                    text = text.replace(path, directory + path)
            return SERVER.sub(url, text)

        for path, text in {**files, TOKEN_FILE: TOKEN}.items():
            file = Path(directory, path.lstrip("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(local(text), encoding="utf-8")
        env = {"PATH": f"{SCRIPT.parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        if INI_FILE in files:
            env["MP_CONFIG_FILE"] = directory + INI_FILE
        done = subprocess.run(
            ["sh", "-c", local(sample["command"])],
            cwd=directory,
            env=environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        output = _as_in_docs(done.stdout.replace(directory, ""), sample, url)
    start, end = sample.start(), sample.start("output")
    marker = sample.string[start:end].replace(f"exit: {sample['code']}", f"exit: {done.returncode}")
    return f"{marker}{output}```\n"


@contextlib.contextmanager
def _server(scenario: str) -> Iterator[str]:
    """Give the URL of a server."""
    if scenario == "none":
        with refusing_port() as port:
            yield f"http://127.0.0.1:{port}"
    else:
        with Simulator(token=TOKEN, scenario=scenario) as server:
            yield server.url


def _as_in_docs(output: str, sample: Match[str], url: str) -> str:
    """Return *output* with the server of the docs, a constant time, and perfdata as long as there.

    A message shows the port of the server, also if it is the default of the scheme.
    """
    server = SERVER.search(sample["command"]) or SERVER.match("rodin.example.com")
    assert server
    port = server["port"] or ("80" if server["scheme"] == "http://" else "443")
    output = output.replace(url, server[0]).replace(url[7:], f"rodin.example.com:{port}")
    output = re.sub(r"\btime([= ])[0-9.]+( ?s)", r"time\g<1>0.1\2", output)
    first, newline, more = output.partition("\n")
    if " | …" in sample["output"].partition("\n")[0]:
        first = first.partition(" | ")[0] + " | …"
    return first + newline + more


def main() -> None:
    """Rewrite the samples of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        new = SAMPLE.sub(refreshed, text)
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT), "is new")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
