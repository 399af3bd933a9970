"""The command `tests/bench`: measures on this machine what a run costs, and what its peers cost."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

from tests.cost import table
from tests.cost.cases import HERE, Case, choose, clean_environment
from tests.cost.meter import Pair, Plan, Usage
from tests.cost.sites import sites

#: Numbers of queues between which the cost of a further one is measured.
NUMBERS = (4, 2500, 5000)


def main() -> int:
    """Print the table; the exit code is 1 if a limit was missed."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as name, sites(Path(name), NUMBERS) as asked:
        chosen = choose(asked, Path(name), options.path)
        runs = _measured(chosen.cases, options.pairs)
    rows = table.rows(chosen, runs)
    shown = table.text(rows, chosen.left_out, options.pairs)
    if options.json:
        shown = json.dumps(table.document(rows, chosen.left_out, runs), indent=1) + "\n"
    sys.stdout.write(shown)
    return 0 if all(row.kept for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    add = parser.add_argument
    add(
        "--pairs",
        type=int,
        default=30,
        help="pairs of each case and what it is compared with (default: 30)",
    )
    add("--json", action="store_true", help="print every figure as JSON")
    add(
        "--path",
        action="append",
        default=[],
        metavar="FOLDER",
        help="where else peers are installed, such as the bin folder of check_patroni's own "
        "environment; repeatable",
    )
    return parser


def _measured(cases: List[Case], rounds: int) -> table.Runs:
    """Run the cases in a small process of their own, see `meter`."""
    commands = {case.name: case.command for case in cases}
    plan: Plan = {
        "pairs": {case.name: (commands[case.base], case.command) for case in cases},
        "environment": clean_environment(),
        "rounds": rounds,
    }
    meter = [sys.executable, "-I", "-S", str(HERE / "meter.py")]
    done = subprocess.run(
        meter, input=json.dumps(plan), stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout)
    runs = {
        name: [Pair(Usage(*base), Usage(*own)) for base, own in pairs]
        for name, pairs in found.items()
    }
    for case in cases:
        codes = {pair.own.code for pair in runs[case.name]}
        if codes != {case.code}:
            sys.exit(f"{case.name}: exit {codes}, not {case.code}: {' '.join(case.command)}")
    return runs


if __name__ == "__main__":
    sys.exit(main())
