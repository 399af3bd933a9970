"""The README is true: what it shows is run, what it tables is what the code tables.

What is not run here, and why: the installation into /opt (tests/test_packaging.py installs into a
fresh environment), `examples/demo` (tests/test_demo.py), `tests/run` (it is what runs this).
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Iterator, List, NamedTuple, Set

import pytest

from check_rodin_queues.conditions import CONDITIONS
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS
from check_rodin_queues.parser import build_parser
from examples.simulator import Simulator
from tests.console import run

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOST = "rodin.example.com"
TOKEN_FILE = "/etc/rodin/token"
TOKEN = "a-token-that-was-made-up"


class Sample(NamedTuple):
    """A command of the README, the scenario of the server, and what it says will come."""

    scenario: str
    code: int
    command: str
    output: str


def samples() -> List[Sample]:
    """Return all commands with their output."""
    block = r"<!-- scenario: (\S+); exit: (\d) -->\n```console\n\$ (.*)\n([^`]*)```"
    return [Sample(m[1], int(m[2]), m[3], m[4]) for m in re.finditer(block, README)]


def table(heading: str) -> Iterator[List[str]]:
    """Give the cells of each row of the first table below *heading*, without its head."""
    text = README.partition(f"\n{heading}\n")[2]
    rows = re.findall(r"^\|(.*)\|$", text.partition("\n\n## ")[0], re.MULTILINE)
    for row in rows:
        yield [cell.strip() for cell in row.split("|")]


def named(rows: Iterator[List[str]]) -> Set[str]:
    """Return what the first cells of *rows* name in code quotes."""
    return {name for row in rows for name in re.findall(r"`([^`]*)`", row[0])}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.command[-40:])
def test_a_command_gives_the_output_that_is_shown(sample: Sample, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with Simulator(token=TOKEN, scenario=sample.scenario) as server:

        def local(text: str) -> str:
            return text.replace(HOST, server.url).replace(TOKEN_FILE, str(token))

        ini = tmp_path / "plugins.ini"
        ini.write_text(local(re.findall(r"```ini\n([^`]*)```", README)[0]))
        words = [local(word) for word in shlex.split(sample.command)[1:]]
        outcome = run(*words, env={"MP_CONFIG_FILE": str(ini)})
    assert (outcome.code, outcome.stderr) == (sample.code, "")
    assert anonymous(outcome.stdout) == anonymous(sample.output)


def anonymous(output: str) -> str:
    """Return *output* without what differs from run to run: the time that it took."""
    return re.sub(r"\btime([= ])[0-9.]+s", r"time\g<1>0.1s", output)


def test_every_command_that_shows_an_output_is_run() -> None:
    assert len(samples()) == README.count("```console")


def test_the_conditions_are_those_of_the_code() -> None:
    text = README.partition("gives it another:\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.split("\n")[2:]]
    shown = [(row[0].strip("`"), row[2]) for row in rows]
    assert shown == [(row.name, row.default.name.lower()) for row in CONDITIONS]


def test_the_metrics_are_those_of_the_code() -> None:
    queue = {f"QUEUE.{metric.name}" for metric in QUEUE_METRICS}
    total = {f"total.{metric.name}" for metric in QUEUE_METRICS if metric.summed}
    labels = named(table("## Metrics")) - {"exp"}
    assert labels == queue | total | {metric.name for metric in RUN_METRICS}


@pytest.mark.parametrize("option", sorted(named(table("## Thresholds by example"))))
def test_a_threshold_that_is_shown_is_accepted(option: str) -> None:
    words = shlex.split(option)
    outcome = run(*words, "--input", "-", stdin="{}")
    assert outcome.text == NOTHING_TO_JUDGE


NOTHING_TO_JUDGE = (
    "RODIN_QUEUES UNKNOWN - no queue is selected: the answer has none. "
    "Check what the server offers (-v), and -q and -x"
)


def test_every_option_that_is_named_exists() -> None:
    known = {option for action in build_parser()._actions for option in action.option_strings}
    named_here = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert named_here - known == {"--path"}


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []
