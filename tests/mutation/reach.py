"""Which tests run which line of the package, and how long each takes.

Coverage follows every process that a test starts; it books what ran there on the test that was
current. What runs in a thread of _thread it does not see.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import DefaultDict, Dict, Iterable, List, Set, Tuple
from xml.etree import ElementTree

import coverage

from tests.mutation import ALL_MEASURED
from tests.mutation.plugin import CHOSEN
from tests.mutation.workplace import Workplace

CONFIGURATION = """\
[run]
parallel = true
patch = _exit
source_pkgs = check_rodin_queues
context = ${{PYTEST_CURRENT_TEST-}}
data_file = {folder}/coverage/data
disable_warnings = no-data-collected
"""
DAILY = "not slow and not engine and not alone"
FAULTS = "tests/faults/"
#: The tests of a module, where its name does not tell.
OWN = {
    "__main__": ("internal_errors", "environments"),
    "arguments": ("options",),
    "check": ("conditions", "probes", "metrics"),
    "cli": ("options", "output", "probes", "details", "internal_errors"),
    "client": ("request", "output"),
    "conditions": ("conditions", "probes"),
    "contexts": ("thresholds", "metrics"),
    "extra_opts": ("extra_opts", "phrases"),
    "files": ("options", "environments"),
    "findings": ("output", "probes"),
    "journal": ("details",),
    "manual": ("options",),
    "lifetime": ("last_resort", "environments"),
    "output": ("output", "probes"),
    "parser": ("options", "hosts"),
    "phrases": ("phrases", "output"),
    "redaction": ("tokens",),
    "resources": ("metrics", "conditions"),
    "settings": ("options", "hosts", "tokens", "trust"),
    "snapshot": ("selection",),
    "states": ("conditions",),
    "subjects": ("metrics", "output"),
    "summary": ("summary", "output"),
}
#: How much longer the own tests of a module may take for a line that its import runs.
ALL_OWN = 6
#: How far above a line that nobody was seen to run another one is looked for.
NEAR = 15


class Reach:
    """The tests of each line of each module, and the seconds of each test."""

    def __init__(self, lines: Dict[str, Dict[int, List[str]]], seconds: Dict[str, float]) -> None:
        self.lines = lines
        self.seconds = seconds
        numbers: Counter[str] = Counter()
        #: How many of the same function, with other parameters, are quicker.
        self._number: Dict[str, int] = {}
        for test in sorted(seconds, key=lambda test: seconds[test]):
            function = test.partition("[")[0]
            self._number[test] = numbers[function]
            numbers[function] += 1
        self._chosen: Dict[Tuple[str, float, Tuple[str, ...]], List[List[str]]] = {}

    def chosen(
        self, module: str, line: int, budget: float, *, imported: bool = False
    ) -> List[List[str]]:
        """Return tests that run *line*: the module's own, others of the interface, the faults.

        Each of *budget* seconds in all. If there are more, they are chosen so that they run as much
        else as they can: the best of those that also run another line, and that for each line,
        those of the module first and then of the package, the rarest first; then the second best of
        each. The best is the first of a function's parameters, the quicker.

        What runs when the module is *imported*, such as a constant, was booked on whoever came
        first. It is used by any test that runs anything of the module, and seen by few: then as
        many of the module's own as take ALL_OWN times *budget*.
        """
        lines = self.lines.get(module, {})
        if imported:
            running = tuple(sorted({test for tests in lines.values() for test in tests}))
        else:
            near = (lines[at] for at in range(line, line - NEAR, -1) if at in lines)
            running = tuple(next(near, []))
        key = module, budget, running
        if key not in self._chosen:
            rounds: List[Set[str]] = [set(), set(), set()]
            own = tuple(f"tests/test_{name}.py" for name in OWN.get(module, (module,)))
            for test in running:
                rounds[0 if test.startswith(own) else 2 if test.startswith(FAULTS) else 1].add(test)
            budgets = (budget * (ALL_OWN if imported else 1), budget, budget)
            self._chosen[key] = [
                self._choose(module, seconds, tests)
                for seconds, tests in zip(budgets, rounds)
                if tests
            ]
        return self._chosen[key]

    def _choose(self, module: str, budget: float, running: Set[str]) -> List[str]:
        ways: Dict[Tuple[str, ...], None] = {}
        for name in sorted(self.lines, key=lambda name: name != module):
            for tests in sorted(self.lines[name].values(), key=len):
                ways[tuple(sorted(running.intersection(tests), key=self._rank))] = None
        chosen: Dict[str, float] = {}
        for test in filter(None, chain.from_iterable(zip_longest(*ways))):
            if not chosen or sum(chosen.values()) + self.seconds[test] <= budget:
                chosen[test] = self.seconds[test]
        return sorted(chosen, key=self._rank)

    def _rank(self, test: str) -> Tuple[int, float]:
        """Return what sorts the better test to the front."""
        return self._number[test], self.seconds[test]


def measured(place: Workplace, kept: Path) -> Reach:
    """Return what is kept in this file; if it is not there, run all tests that are run daily.

    They run twice: under coverage, and in the way of a trial, which gives the seconds. A test that
    fails there, without a mutant, has no say.
    """
    if not kept.exists():
        (place.folder / "coverage").mkdir()
        configuration = place.folder / "coveragerc"
        configuration.write_text(CONFIGURATION.format(folder=place.folder), encoding="utf-8")
        args = ("-n", "3", "-p", "no:cacheprovider", "-m", DAILY)
        env = {"COVERAGE_PROCESS_START": str(configuration), ALL_MEASURED: "yes"}
        place.pytest(*args, within=3600, env=env)
        lines = _read((place.folder / "coverage").iterdir())
        every = {test for reached in lines.values() for tests in reached.values() for test in tests}
        seconds = _seconds(place, sorted(every))
        kept.write_text(json.dumps((lines, seconds)), encoding="utf-8")
    lines, seconds = json.loads(kept.read_text(encoding="utf-8"))
    return Reach(
        {
            module: {
                int(line): [test for test in tests if test in seconds]
                for line, tests in reached.items()
            }
            for module, reached in lines.items()
        },
        seconds,
    )


def _seconds(place: Workplace, tests: List[str]) -> Dict[str, float]:
    """Return what each of the *tests* that passes takes in a trial."""
    times = place.folder / "times.xml"
    chosen = place.folder / "tests"
    chosen.write_text("\n".join(tests), encoding="utf-8")
    args = ("-n", "3", "-p", "no:cacheprovider", f"--junitxml={times}", "-m", DAILY)
    place.pytest(*args, within=3600, env={CHOSEN: str(chosen)})
    passed = {
        (case.get("classname"), case.get("name")): float(case.get("time", 0))
        for case in ElementTree.parse(times).iter("testcase")
        if not len(case)
    }
    keys = {test: _key(test) for test in tests}
    return {test: passed[key] for test, key in keys.items() if key in passed}


def _read(files: Iterable[Path]) -> Dict[str, Dict[int, List[str]]]:
    """Return the tests of each line out of coverage's *files*."""
    found: DefaultDict[str, DefaultDict[int, Set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in files:
        data = coverage.CoverageData(str(path))
        data.read()
        for file in data.measured_files():
            for line, contexts in data.contexts_by_lineno(file).items():
                tests = {context.rsplit(" (", 1)[0] for context in contexts}  # "(call)"
                found[Path(file).stem][line] |= {test for test in tests if "::" in test}
    return {
        module: {line: sorted(tests) for line, tests in lines.items() if tests}
        for module, lines in found.items()
    }


def _key(test: str) -> Tuple[str, str]:
    """Return what pytest's XML has of a test's name."""
    file, _, name = test.partition("::")
    return file[:-3].replace("/", "."), name
