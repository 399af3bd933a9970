"""See whether the tests notice small errors in the package.

usage: python -m tests.mutation [-h] [--folder DIR] [--workers N] [--seconds N] [MODULE ...]

For each mutant of the modules (of all, if none is named) the tests that run its line are run, until
one fails: the module's own, others of the interface and faults, each of so many seconds in all as
--seconds says (20), and as many mutants at once as --workers says (4). What came of it is kept in
the folder (mutation). A mutant that a test has noticed is not tried again, another one only with
more seconds, and one of which equivalent.yaml says that nobody can see it never. At the end those
that no test noticed are listed, and the score. Exit code 0 if there is none left.

Which tests run which line is measured first, by running all that are run daily, and kept there too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

from tests.mutation.equivalents import known
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reach import measured
from tests.mutation.trials import SURVIVED, Attempt, Trials
from tests.mutation.workplace import Workplace
from tests.tree import PACKAGE, ROOT


def main() -> int:
    """Do what the module's docstring says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--folder", type=Path, default=Path("mutation"))
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    modules = given.modules or sorted(path.stem for path in (ROOT / PACKAGE).glob("*.py"))
    every = [mutant for module in modules for mutant in mutants(module)]
    unseen = known()
    visible = [mutant for mutant in every if mutant.name not in unseen]
    with tempfile.TemporaryDirectory() as temporary:
        places = [Workplace(Path(temporary) / str(number)) for number in range(given.workers)]
        reach = measured(places[0], given.folder / "reach.json")
        ended = Trials(places, reach, given.seconds, given.folder / "results.jsonl").run(visible)
    return _report(len(every) - len(visible), visible, ended)


def _report(unseen: int, visible: List[Mutant], ended: Dict[str, Attempt]) -> int:
    """Print who survived, and the score; return the exit code."""
    left = [mutant for mutant in visible if ended[mutant.name].code == SURVIVED]
    killed = len(visible) - len(left)
    lines = [f"line {mutant.line:3} {mutant.name}" for mutant in left]
    lines.append(
        f"{unseen + len(visible)} mutants, {unseen} equivalent, {killed} killed, "
        f"{len(left)} survived: {killed / max(len(visible), 1):.1%} of those that can be killed"
    )
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
